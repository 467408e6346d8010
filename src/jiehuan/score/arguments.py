"""The arguments of ``fit`` checked and read: names that must exist, row weights, and who belongs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from jiehuan.score.columns import Plan
from jiehuan.score.findings import finding
from jiehuan.score.rejects import METHODS
from jiehuan.units.errors import InputError, Problem

Ints = np.ndarray[Any, np.dtype[np.int64]]

KINDS = ("scorecard", "boosted")


def check_names(
    table: pl.DataFrame,
    target: str,
    kind: str,
    time: str | None,
    exclude: Sequence[str],
    borrower: str | None,
    features: Sequence[str] | None,
    weight: str | None,
    groups: Sequence[str],
    monotone: Mapping[str, int] | None,
    reject_method: str,
) -> None:
    """Raise one InputError that names every argument that cannot be."""
    problems = []
    if kind not in KINDS:
        problems.append(Problem("kind", kind, "no such kind of model", f"one of: {', '.join(KINDS)}"))
    if reject_method not in METHODS:
        problems.append(Problem("reject_method", reject_method, "no such method", f"one of: {', '.join(METHODS)}"))
    for role, names in (
        ("time", [time]),
        ("exclude", exclude),
        ("id", [borrower]),
        ("features", features or ()),
        ("weight", [weight]),
        ("groups", groups),
    ):
        for name in names:
            if name is not None and name not in table.columns:
                near = [column for column in table.columns if column.lower() == name.lower()]
                problems.append(
                    Problem(
                        f"{role} {name}",
                        "",
                        "no such column",
                        f"did you mean {near[0]}?" if near else f"one of: {', '.join(table.columns[:30])}",
                    )
                )
    for role, name in (("time", time), ("id", borrower), ("weight", weight)):
        if name is not None and name == target:
            problems.append(Problem(f"{role} {name}", "", "is the target", "name another column"))
    if target in (features or ()):
        problems.append(
            Problem(f"features {target}", "", "the target is among the features", "take it out of the features")
        )
    for name, sign in (monotone or {}).items():
        if sign not in (-1, 0, 1):
            problems.append(
                Problem(
                    f"monotone {name}",
                    str(sign),
                    "not a direction",
                    "1 (risk rises with the value), -1 (it falls) or 0 (free)",
                )
            )
        elif name.rpartition(".")[0] not in table.columns and name not in table.columns:
            problems.append(
                Problem(f"monotone {name}", "", "no such column", f"one of: {', '.join(table.columns[:30])}")
            )
    if problems:
        raise InputError(problems)


def weights_of(rows: pl.DataFrame, weight: str | None) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """The row weights, scaled to a mean of 1. Raises InputError for a weight that is missing, 0 or below."""
    if weight is None:
        return None
    column = rows.get_column(weight)
    if not column.dtype.is_numeric() or column.null_count() or not bool((column > 0).all()):
        raise InputError(
            Problem(
                f"weight {weight}",
                str(column.dtype),
                "weights must be numbers above 0 in every row",
                "fill or leave out those rows",
            )
        )
    heavy: np.ndarray[Any, np.dtype[np.float64]] = column.cast(pl.Float64).to_numpy()
    return heavy * float(len(heavy) / heavy.sum())


def clusters_of(rows: pl.DataFrame, plan: Plan, borrower: str | None) -> Ints | None:
    """A number for each borrower; rows that are copies of one another share one too. None when every row stands alone."""
    name = borrower or plan.borrower
    if name:
        column = rows.get_column(name)
        place = column.rank("dense").cast(pl.Int64).to_numpy(writable=True) if not column.null_count() else None
        if place is None:  # a row without a borrower stands alone
            place = column.rank("dense").cast(pl.Int64).fill_null(0).to_numpy(writable=True)
            gone = place == 0
            place[gone] = place.max() + 1 + np.arange(int(gone.sum()))
        if borrower and (repeated := len(rows) - column.n_unique()) > 0:
            plan.findings.append(finding("repeated_borrower", name, repeated, count=repeated))
        return np.unique(place, return_inverse=True)[1] if len(np.unique(place)) < len(place) else None
    if len(plan.inputs) < 5:
        return None
    used = rows.select(list(dict.fromkeys(column for one in plan.inputs for column in one.columns)))
    hashes = used.hash_rows().to_numpy()
    groups, place = np.unique(hashes, return_inverse=True)
    copies = len(rows) - len(groups)
    if not copies:
        return None
    if copies > 0.001 * len(rows):
        plan.findings.append(finding("copies", "", copies, count=copies))
    return place


def check_clusters(clusters: Ints | None, events: np.ndarray[Any, np.dtype[np.float64]], folds: int, name: str) -> None:
    """Raise InputError when too few borrowers have either outcome for ``folds`` folds that part none."""
    if clusters is None:
        return
    for outcome in (1.0, 0.0):
        many = len(np.unique(clusters[events == outcome]))
        if many < 2 * folds:
            what = "an event" if outcome else "a non-event"
            reason = f"only {many} different values have {what}; {folds} folds that part none need at least {2 * folds}"
            raise InputError(
                Problem(
                    f"id {name}" if name else "rows", "", reason, "name another column with --id, or give more rows"
                )
            )
