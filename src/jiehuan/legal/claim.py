"""What is claimed, by part, and how each part was computed: the words and figures of a pleading.

The amounts are the loan's own state on a day. What runs on afterwards is claimed as a rate until payment, within what
the law allows: the courts' ceiling of the law book (``court_supported_cost``), or the cap on the all-in cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from jiehuan.law import Law, Rule
from jiehuan.loan import LoanState, Terms
from jiehuan.units.money import format_yuan, half_up
from jiehuan.units.rates import PPM


@dataclass(frozen=True, slots=True)
class Claim:
    """Amounts in fen on ``on``. ``whole``: everything was called in; else only what is due.

    ``forward_ppm``: the yearly rate claimed on unpaid principal after ``on`` (the penalty rate, or the contract's),
    within
    ``ceiling``, the rule that limits it, if any. ``since``: due date of the oldest unpaid instalment.
    """

    on: date
    principal_fen: int
    interest_fen: int
    penalty_fen: int
    costs_fen: int
    whole: bool
    since: date | None
    penalty_ppm: int
    forward_ppm: int
    ceiling: Rule | None

    @property
    def total_fen(self) -> int:
        """All parts together."""
        return self.principal_fen + self.interest_fen + self.penalty_fen + self.costs_fen

    def as_document(self) -> dict[str, Any]:
        """Plain values, money in yuan."""
        return {
            "on": self.on.isoformat(),
            "principal": format_yuan(self.principal_fen),
            "interest": format_yuan(self.interest_fen),
            "penalty": format_yuan(self.penalty_fen),
            "costs": format_yuan(self.costs_fen),
            "total": format_yuan(self.total_fen),
            "whole": self.whole,
        }


def claim_of(state: LoanState, terms: Terms, law: Law, *, whole: bool = True) -> Claim:
    """The claim that a loan's state gives on its day.

    ``whole``: the entire principal with interest accrued to the day; else instalments past due alone. A credit balance
    is taken off, from costs to principal in the order of the loan's own allocation.
    """
    if whole:
        principal = state.principal_outstanding_fen
        interest = state.interest_due_fen + state.accrued_interest_fen
    else:
        unpaid = [row for row in state.schedule if row.status == "overdue"]
        principal = sum(row.principal_fen - row.paid_principal_fen - row.waived_principal_fen for row in unpaid)
        interest = sum(row.interest_fen - row.paid_interest_fen - row.waived_interest_fen for row in unpaid)
    parts = {
        "principal": principal,
        "interest": interest,
        "penalty": state.penalty_due_fen,
        "costs": state.costs_due_fen,
    }
    credit = state.credit_balance_fen
    for part in terms.allocation:
        used = min(credit, parts[part])
        parts[part] -= used
        credit -= used
    penalty_ppm = half_up(terms.rate_ppm * (PPM + terms.plan.penalty_uplift_ppm), PPM)
    ceiling = law.rule("court_supported_cost") or law.rule("cost_cap")
    forward = penalty_ppm if ceiling is None else min(penalty_ppm, ceiling.value)
    since = min((row.due for row in state.schedule if row.status == "overdue"), default=None)
    limit = ceiling if ceiling is not None and penalty_ppm > ceiling.value else None
    return Claim(
        state.on, parts["principal"], parts["interest"], parts["penalty"], parts["costs"], whole, since, penalty_ppm,
        forward, limit,
    )  # fmt: skip
