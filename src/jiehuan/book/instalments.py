"""What came due in a period and was not paid: the entry rate and first payment default, from instalments.

The frame has one row an instalment: ``loan_id, n, due, amount_fen`` (due under the contract) and ``on_time_fen``
(of it, what was paid by its pay-by date).
"""

from __future__ import annotations

from datetime import date

import polars as pl


def entry_rate(instalments: pl.DataFrame, first: date, last: date) -> float | None:
    """Newly overdue amount over the amount due from ``first`` to ``last`` (inclusive); None when nothing fell due."""
    due = instalments.filter(pl.col("due").is_between(first, last))
    amount = int(due["amount_fen"].sum())
    missed = int((due["amount_fen"] - due["on_time_fen"]).clip(lower_bound=0).sum())
    return missed / amount if amount else None


def first_payment_default(instalments: pl.DataFrame, first: date, last: date) -> float | None:
    """The share of loans, whose first instalment fell due from ``first`` to ``last``, which did not pay it all on time.

    None when no first instalment fell due.
    """
    due = instalments.filter((pl.col("n") == 1) & pl.col("due").is_between(first, last))
    return int((due["on_time_fen"] < due["amount_fen"]).sum()) / due.height if due.height else None
