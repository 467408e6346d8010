"""Drift: how far a table of today has moved from the rows a model was fitted on, the score and field by field.

Uses only what the model keeps of its fit (counts by bin, never rows).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jiehuan.score.bins import Bins
from jiehuan.score.inputs import Input
from jiehuan.score.scorecard import Scorecard, codes_of
from jiehuan.score.stability import bands_of, psi

if TYPE_CHECKING:
    from jiehuan.score.model import Model, Table

CALM, MOVED = 0.1, 0.25


def drift(model: Model, frame: Table) -> dict[str, Any]:
    """PSI of the points and CSI of each feature of ``frame`` against the fit.

    Gives ``rows, psi, verdict (calm | watch | moved), mean_pd, fitted_rate, bands [{from, then, now}], features [{name, csi,
    verdict, bins [{label, then, now}], unseen}]`` with shares in bins, features by CSI. Raises InputError as ``predict`` does.
    """
    table = model.checked(frame)
    points = model.points(table).astype(float)
    edges, then = np.array(model.reference["edges"], float), np.array(model.reference["counts"], float)
    now = bands_of(points, edges)
    kept = {document["name"]: Bins.from_document(document) for document in model.reference["features"]}
    if isinstance(model.scorer, Scorecard):
        kept |= {bins.name: bins for bins in model.scorer.bins}
    unseen = model.unseen(table)
    features = [
        _feature(one, kept[one.name], table, unseen.get(one.name, 0)) for one in model.inputs if one.name in kept
    ]
    moved = psi(then, now) if table.height else 0.0
    starts = ["lowest", *(f"{edge:.0f}" for edge in edges)]
    return {
        "rows": table.height,
        "psi": moved,
        "verdict": verdict(moved),
        "mean_pd": float(model.predict(table).mean()) if table.height else None,
        "fitted_rate": model.reference["event_rate"],
        "bands": [
            {"from": start, "then": float(a), "now": float(b)}
            for start, a, b in zip(starts, then / then.sum(), now / max(now.sum(), 1), strict=True)
        ],
        "features": sorted(features, key=lambda row: -row["csi"]),
    }


def verdict(index: float) -> str:
    """calm below 0.1, watch below 0.25, moved from there.

    >>> [verdict(one) for one in (0.02, 0.2, 0.3)]
    ['calm', 'watch', 'moved']
    """
    return "calm" if index < CALM else "watch" if index < MOVED else "moved"


def _feature(one: Input, bins: Bins, table: pl.DataFrame, unseen: int) -> dict[str, Any]:
    then = np.array([part.rows for part in bins.bins])
    now = np.bincount(codes_of(one, bins, table), minlength=len(bins.bins)).astype(float)
    index = psi(then, now) if table.height else 0.0
    shares = zip(bins.bins, then / max(then.sum(), 1), now / max(now.sum(), 1), strict=True)
    return {
        "name": one.name,
        "csi": index,
        "verdict": verdict(index),
        "unseen": unseen,
        "bins": [{"label": part.label, "then": float(a), "now": float(b)} for part, a, b in shares],
    }
