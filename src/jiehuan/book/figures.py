"""The figures of a portfolio report, gathered from a stack of snapshots into one plain document.

What the tapes cannot tell (applications, alerts, collection, court, disposal) is added by the caller as ``outcomes``:
groups of facts, ``{"zh", "en", "facts": [{"zh", "en", "value"}]}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from jiehuan.book.decompose import decompose
from jiehuan.book.metrics import metrics
from jiehuan.book.roll import roll
from jiehuan.book.tape import at, on_book
from jiehuan.book.vintage import vintage

SERIES = ("outstanding_fen", "overdue_balance_ratio", "npl_ratio", "npl90_ratio", "coverage_ratio")
_MOST_GROUPS = 12


def figures(
    snapshots: pl.DataFrame,
    on: date,
    *,
    lender: str = "",
    outcomes: Sequence[Mapping[str, Any]] = (),
    threshold: int = 31,
) -> dict[str, Any]:
    """All figures of the report of ``on``; ``snapshots`` as ``read_tape`` gives them, one date or many.

    Keys: ``lender``, ``on``, ``totals`` and ``previous`` (rows of ``metrics``; previous is None for a single snapshot),
    ``series`` (a row a date), ``vintage`` with ``threshold``, ``roll`` and ``decomposition`` between the last two
    snapshots (None for one), ``regions``, ``products`` (largest first), ``outcomes``. Plain values, ready for JSON.
    Raises InputError when there is no snapshot on or before ``on``.
    """
    last = at(snapshots, on)
    until = snapshots.filter(pl.col("as_of") <= on)
    days = sorted(set(until["as_of"].to_list()))
    rows = [metrics(snapshots, day).to_dicts()[0] for day in days]
    before = at(snapshots, days[-2]) if len(days) > 1 else None
    comparable = before is not None and all(
        frame.filter(on_book())["outstanding_fen"].sum() for frame in (before, last)
    )
    return {
        "lender": lender,
        "on": on.isoformat(),
        "totals": _plain(rows[-1]),
        "previous": _plain(rows[-2]) if before is not None else None,
        "series": [_plain({"on": row["as_of"], **{name: row[name] for name in SERIES}}) for row in rows],
        "threshold": threshold,
        "vintage": [_plain(row) for row in vintage(until, threshold=threshold, ever=True).to_dicts()],
        "roll": roll(before, last).as_dict() if before is not None else None,
        "decomposition": decompose(before, last).as_dict() if comparable and before is not None else None,
        "regions": _groups(last, on, "region"),
        "products": _groups(last, on, "product"),
        "outcomes": [dict(group) for group in outcomes],
    }


def _groups(snapshot: pl.DataFrame, on: date, by: str) -> list[dict[str, Any]]:
    found = metrics(snapshot, on, by=by).filter(pl.col("outstanding_fen") > 0).sort("outstanding_fen", descending=True)
    kept = [by, "loans", "outstanding_fen", "overdue_balance_ratio", "npl_ratio", "npl90_ratio", "fpd_rate"]
    return [{"name": row.pop(by) or "", **row} for row in found.select(kept).head(_MOST_GROUPS).to_dicts()]


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
