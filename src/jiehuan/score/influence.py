"""What moves a model's score over a table: the mean size of each feature's contribution, and which way its values push.

Contributions are in logit, relative to the mean: bins of a scorecard, SHAP values of trees (Lundberg and Lee 2017). ``thirds``
shows direction: the mean contribution where the value is low, middling, high.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from jiehuan.score.inputs import Input
from jiehuan.score.model import Model
from jiehuan.score.scorecard import Scorecard, codes_of

Floats = np.ndarray[Any, np.dtype[np.float64]]

LEAST = 30
"""Rows with a value from which thirds are told."""


def influence(model: Model, frame: pl.DataFrame) -> list[dict[str, Any]]:
    """A row a feature, the most influential first: ``name, mean_abs`` (logit), ``share`` of all, ``thirds`` or None.

    ``thirds`` are means of the contribution over rows below, between and above the terciles of a number; None for categories,
    and where there are fewer than ``LEAST`` values or fewer than three of them. Raises InputError as ``Model.predict``.
    """
    table = model.checked(frame)
    if not table.height or not model.inputs:
        return []
    parts = contributions(model, table)
    sizes = np.abs(parts).mean(axis=0)
    total = float(sizes.sum()) or 1.0
    found = [
        {
            "name": one.name,
            "mean_abs": float(size),
            "share": float(size) / total,
            "thirds": _thirds(one, table, parts[:, place]),
        }
        for place, (one, size) in enumerate(zip(model.inputs, sizes, strict=True))
    ]
    return sorted(found, key=lambda row: -float(row["mean_abs"]))


def contributions(model: Model, table: pl.DataFrame) -> Floats:
    """Each feature's part of the logit, relative to the mean of the rows the model was fitted on: float64[n, features]."""
    if isinstance(model.scorer, Scorecard):
        columns = []
        for one, bins, logits in zip(model.inputs, model.scorer.bins, model.scorer.logits, strict=True):
            worth, rows = np.array(logits), np.array([part.rows for part in bins.bins])
            mean = float(rows @ worth / max(rows.sum(), 1e-9))
            columns.append(worth[codes_of(one, bins, table)] - mean)
        return np.column_stack(columns)
    return model.scorer.calibration.slope * model.scorer.shap(table)


def _thirds(one: Input, table: pl.DataFrame, part: Floats) -> list[float] | None:
    if one.is_category:
        return None
    values = one.read_numbers(table)
    known = ~np.isnan(values)
    if known.sum() < LEAST:
        return None
    low, high = np.quantile(values[known], (1 / 3, 2 / 3))
    sides = (known & (values <= low), known & (values > low) & (values <= high), known & (values > high))
    if not sides[0].any() or not sides[2].any():
        return None
    middle = sides[1] if sides[1].any() else sides[0]
    return [float(part[side].mean()) for side in (sides[0], middle, sides[2])]
