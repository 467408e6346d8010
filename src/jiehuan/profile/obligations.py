"""Debts that a bank flow shows: who is repaid, how much a month, how many lenders at once, new loans against old.

Amounts are fen. A lender seen within ``lender_active_days`` of the flow's end counts as open; its monthly service is
the mean over the last three months (fewer when the flow is shorter).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from jiehuan.profile.bank_flow import Transaction
from jiehuan.units.money import format_yuan, half_up

_MONTH_DAYS = 30.4375
_DEBTS = frozenset({"loan", "repayment", "rent"})


@dataclass(frozen=True, slots=True)
class Obligations:
    """Debt service a month, by lender; rent; and what was borrowed and repaid in the last 90 days."""

    monthly_fen: int
    by_lender: Mapping[str, int]
    open_lenders: tuple[str, ...]
    rent_fen: int
    borrowed_90d_fen: int
    repaid_90d_fen: int

    def as_document(self) -> dict[str, Any]:
        """The debts for JSON, in yuan."""
        return {
            "monthly": format_yuan(self.monthly_fen),
            "by_lender": {name: format_yuan(fen) for name, fen in self.by_lender.items()},
            "open_lenders": list(self.open_lenders),
            "rent": format_yuan(self.rent_fen),
            "borrowed_90_days": format_yuan(self.borrowed_90d_fen),
            "repaid_90_days": format_yuan(self.repaid_90d_fen),
        }


def find_obligations(
    named: Sequence[tuple[Transaction, str]],
    start: date,
    end: date,
    lender_of: Callable[[Transaction], str],
    parameters: Mapping[str, int],
) -> Obligations:
    """The debts in a flow whose transactions are named (``loan`` in, ``repayment`` out, ``rent`` out)."""
    covered = max((end - start).days, 1)
    window = min(round(3 * _MONTH_DAYS), covered)
    recent, active = end - timedelta(days=window), end - timedelta(days=parameters["lender_active_days"])
    paid: dict[str, int] = {}
    seen: dict[str, date] = {}
    borrowed = repaid = rent = 0
    for one, name in named:
        if name not in _DEBTS:
            continue
        day = one.at.date()
        if name == "rent":
            rent -= one.amount_fen if one.amount_fen < 0 and day > recent else 0
            continue
        lender = lender_of(one)
        seen[lender] = day
        if day <= recent:
            continue
        if one.amount_fen < 0:
            paid[lender] = paid.get(lender, 0) - one.amount_fen
            repaid -= one.amount_fen
        else:
            borrowed += one.amount_fen
    open_lenders = tuple(sorted(lender for lender, day in seen.items() if day > active))
    by_lender = {name: _a_month(paid[name], window) for name in open_lenders if name in paid}
    return Obligations(sum(by_lender.values()), by_lender, open_lenders, _a_month(rent, window), borrowed, repaid)


def _a_month(total_fen: int, days: int) -> int:
    return half_up(total_fen * 304_375, max(days, 30) * 10_000)
