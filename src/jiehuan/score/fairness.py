"""Fairness by group: are people of one group scored, approved or misjudged differently from the others?

For each group: rows, event rate, mean predicted probability, AUC, predicted / observed, and the share that a cut-off approving
``APPROVED`` of all would approve, against the best-treated group (adverse impact ratio; below 0.8 is the usual alarm, EEOC
1978). A difference may follow the risk; the table says how large it is, people decide what it means. PIPL art. 24 forbids
unreasonable differential treatment by automated decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jiehuan.score.findings import finding
from jiehuan.score.metrics import auc

if TYPE_CHECKING:
    from jiehuan.score.assess import Assessment

APPROVED = 0.8
ALARM = 0.8
LEAST = 30
"""Rows a group needs to be judged; smaller ones are shown together as "other"."""


def fairness(rows: pl.DataFrame, groups: Sequence[str], measured: Assessment) -> list[dict[str, Any]]:
    """One row for each group of each column in ``groups``, on the out-of-fold rows; adds a finding where a ratio is below ``ALARM``.

    Numbers of more than 10 values are cut into quarters.
    """
    events, chance = measured.events, measured.chance
    cut = float(np.quantile(chance, APPROVED))
    found: list[dict[str, Any]] = []
    for name in groups:
        texts = group_texts(rows.get_column(name)).gather(measured.rows)
        members = {str(label): np.asarray(texts == label) for label in texts.unique().sort().to_list()}
        small = [label for label, inside in members.items() if inside.sum() < LEAST]
        if small:
            other = np.logical_or.reduce([members.pop(label) for label in small])
            members["other"] = members.get("other", np.zeros(len(events), bool)) | other
        approved = {label: float((chance[inside] <= cut).mean()) for label, inside in members.items()}
        best = max((share for label, share in approved.items() if members[label].sum() >= LEAST), default=1.0) or 1.0
        for label, inside in members.items():
            rate, predicted = float(events[inside].mean()), float(chance[inside].mean())
            found.append(
                {
                    "column": name,
                    "group": label,
                    "rows": int(inside.sum()),
                    "event_rate": rate,
                    "predicted": predicted,
                    "predicted_to_observed": predicted / rate if rate else None,
                    "auc": auc(events[inside], chance[inside]),
                    "approved": approved[label],
                    "impact_ratio": approved[label] / best,
                }
            )
            if approved[label] / best < ALARM and inside.sum() >= LEAST:
                ratio = approved[label] / best
                measured.findings.append(finding("fairness", name, ratio, group=label, ratio=ratio, rate=rate))
    return found


def group_texts(column: pl.Series) -> pl.Series:
    """A group label for each row; quarters for numbers of many values, ``missing`` for null."""
    if column.dtype.is_numeric() and column.n_unique() > 10:
        values = column.cast(pl.Float64)
        edges = sorted({float(edge) for share in (0.25, 0.5, 0.75) if (edge := values.quantile(share)) is not None})
        labels = [
            f"< {edges[0]:g}",
            *(f"[{low:g}, {high:g})" for low, high in pairwise(edges)),
            f">= {edges[-1]:g}",
        ]
        known = np.searchsorted(edges, values.fill_null(0.0).to_numpy(), side="right")
        return pl.Series(column.name, np.where(values.is_null().to_numpy(), "missing", np.array(labels)[known]))
    return column.cast(pl.String).fill_null("missing")
