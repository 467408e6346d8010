"""Tapes for the tests, written as a few loans each."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from jiehuan.book import read_tape

MAY, JUNE = date(2026, 5, 31), date(2026, 6, 30)


def loan(loan_id: str, outstanding: int, dpd: int = 0, **given: Any) -> dict[str, Any]:
    """A row of a tape; its class follows from dpd as the bank scheme says unless given."""
    scheme = [(361, "loss"), (271, "doubtful"), (91, "substandard"), (1, "special_mention"), (0, "normal")]
    return {
        "loan_id": loan_id,
        "borrower_id": f"b-{loan_id}",
        "product": "cash",
        "region": "Zhejiang",
        "lender_type": "bank",
        "drawn_on": date(2026, 1, 15),
        "principal_fen": max(outstanding, 1000),
        "months": 12,
        "rate": 0.18,
        "method": "equal_instalment",
        "as_of": MAY,
        "outstanding_fen": outstanding,
        "overdue_fen": min(outstanding, 100) if dpd else 0,
        "dpd": dpd,
        "class": next(name for least, name in scheme if dpd >= least),
        "status": "active",
        "channel": "app",
    } | given


def tape(*loans: dict[str, Any], as_of: date | None = None) -> pl.DataFrame:
    rows = [row if as_of is None else row | {"as_of": as_of} for row in loans]
    good, problems = read_tape(pl.DataFrame(rows))
    assert not problems
    return good
