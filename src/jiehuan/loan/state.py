"""What a replay answers: the loan's state on a day, its schedule as it went, and its money movements for the ledger.

The algebra of movements (checked by tests, relied on by the ledger). ``amounts`` of a movement are changes, in fen:

- ``cash`` received by the lender (negative: paid out);
- ``principal``, ``interest``, ``penalty``, ``costs``: what the borrower owes by part (negative: owes less);
- ``credit``: what the lender owes the borrower (overpayment).

1. The sum of all movements by part is the state: principal = principal_outstanding, interest = interest_due, costs =
   costs_due, credit = credit_balance, and penalty = penalty_due - penalty_unstated (the running penalty is rounded and
   stated only when it is paid, waived, written off or carried into a restructuring).
2. cash + principal + interest + penalty + costs - credit = income - loss, and only these kinds change it: ``fee``,
   ``interest`` and ``penalty`` by their amount (income), ``waiver`` by minus the amount waived (loss). All others are
   zero: money is only moved.
3. ``writeoff`` changes nothing the borrower owes: the claim stays. ``after`` tells the ledger what the claim is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from jiehuan.units.money import format_yuan

MOVEMENT_KINDS = (
    "draw",
    "fee",
    "interest",
    "penalty",
    "repayment",
    "prepayment",
    "settlement",
    "waiver",
    "accelerate",
    "restructure",
    "writeoff",
    "recovery",
    "refund",
)
AMOUNTS = ("cash", "principal", "interest", "penalty", "costs", "credit")


@dataclass(frozen=True, slots=True)
class Movement:
    """One thing that happened to the loan's money.

    ``movement_id`` is the same in every replay that knows the same facts (made of the event's id or the due date), so
    that two replays can be compared. ``event_id`` is empty for what the calendar caused (interest falling due, a credit
    balance used on a due date: kind ``repayment`` without cash). ``amounts`` holds the parts that changed; ``after``
    all balances after it, by part; ``dpd`` the days past due on its effective day, before it.
    """

    movement_id: str
    event_id: str
    kind: str
    effective: date
    known: date
    amounts: Mapping[str, int]
    after: Mapping[str, int] = field(default_factory=dict)
    dpd: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the schedule as it stands: an instalment, or what an event put in its place.

    ``kind``: instalment, prepayment, settlement, accelerated, carried (interest that a restructuring moved to the first
    new due date), waiver (of principal not yet due). The principal of all rows sums to the loan's principal.
    ``penalty_fen``: the penalty that this row has borne so far, paid or not. ``status``: scheduled, due (not yet past
    ``pay_by``), overdue, paid, waived, restructured.
    """

    n: int
    due: date
    pay_by: date
    principal_fen: int
    interest_fen: int
    paid_principal_fen: int
    paid_interest_fen: int
    waived_principal_fen: int
    waived_interest_fen: int
    penalty_fen: int
    kind: str
    status: str

    def as_document(self) -> dict[str, Any]:
        """The row as the ``loan replay`` document shows it."""
        return {
            "n": self.n,
            "due": self.due.isoformat(),
            "pay_by": self.pay_by.isoformat(),
            "principal": format_yuan(self.principal_fen),
            "interest": format_yuan(self.interest_fen),
            "paid_principal": format_yuan(self.paid_principal_fen),
            "paid_interest": format_yuan(self.paid_interest_fen),
            "penalty": format_yuan(self.penalty_fen),
            "status": self.status,
            "waived_principal": format_yuan(self.waived_principal_fen),
            "waived_interest": format_yuan(self.waived_interest_fen),
            "kind": self.kind,
        }


@dataclass(frozen=True, slots=True)
class Running:
    """Why a penalty grows from evening to evening: ``base_fen`` of overdue principal bears it, ``numerator / denominator`` fen a
    fen and day; ``fen_days`` have run so far. The running total is half_up(fen_days × numerator / denominator), rounded once.
    """

    base_fen: int
    fen_days: int
    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class LoanState:
    """A loan on the evening of ``on``, by what was known then. Money in fen.

    ``overdue_fen``: unpaid principal and interest of instalments past their ``pay_by`` (penalty and costs stand apart).
    ``payoff_fen``: what settles the loan that day, credit balance already taken off. ``status``: active, restructured,
    written_off, settled. ``penalty_unstated_fen``: the part of penalty_due that no movement has stated yet.
    ``next_due``: the next contractual due date after ``on``. ``apr``/``eff``: of the contract as drawn, fees included.
    ``running``: what the penalty grows by while nothing happens; None while it does not.
    """

    on: date
    principal_outstanding_fen: int
    interest_due_fen: int
    penalty_due_fen: int
    costs_due_fen: int
    overdue_fen: int
    credit_balance_fen: int
    dpd: int
    bucket: str
    loan_class: str
    provision_fen: int
    status: str
    next_due: date | None
    accelerated: bool
    under_observation: bool
    accrued_interest_fen: int
    penalty_unstated_fen: int
    payoff_fen: int
    schedule: tuple[Row, ...]
    movements: tuple[Movement, ...]
    apr: str
    eff: str
    running: Running | None = None

    @property
    def oldest_due(self) -> date | None:
        """The due date from which days past due are counted; None when nothing is past due."""
        return self.on - timedelta(days=self.dpd) if self.dpd else None

    def as_document(self) -> dict[str, Any]:
        """The ``loan replay`` output without its journal, which the ledger adds."""
        return {
            "on": self.on.isoformat(),
            "principal_outstanding": format_yuan(self.principal_outstanding_fen),
            "interest_due": format_yuan(self.interest_due_fen),
            "penalty_due": format_yuan(self.penalty_due_fen),
            "costs_due": format_yuan(self.costs_due_fen),
            "overdue": format_yuan(self.overdue_fen),
            "credit_balance": format_yuan(self.credit_balance_fen),
            "dpd": self.dpd,
            "bucket": self.bucket,
            "class": self.loan_class,
            "provision": format_yuan(self.provision_fen),
            "status": self.status,
            "next_due": self.next_due.isoformat() if self.next_due else None,
            "accelerated": self.accelerated,
            "under_observation": self.under_observation,
            "accrued_interest": format_yuan(self.accrued_interest_fen),
            "payoff": format_yuan(self.payoff_fen),
            "schedule": [row.as_document() for row in self.schedule],
            "apr": self.apr,
            "eff": self.eff,
        }
