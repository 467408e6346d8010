"""Repay: money arrived for a loan. It is allocated by law and product, posted, and the state follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection

from jiehuan.flow.servicing import Taken, take
from jiehuan.store.act import Deed, Message
from jiehuan.units.days import CHINA
from jiehuan.units.ids import derived_id
from jiehuan.units.money import format_yuan


@dataclass(frozen=True, slots=True)
class Payment:
    """Money for a loan: the arguments of ``repay``."""

    loan_id: str
    amount_fen: int
    on: date
    key: str
    source: str = "transfer"
    known_on: date | None = None

    @property
    def known(self) -> date:
        """The day the lender learns of it."""
        return max(self.on, self.known_on or self.on)


def repay(
    connection: Connection,
    loan_id: str,
    amount_fen: int,
    on: date,
    key: str,
    source: str = "transfer",
    *,
    known_on: date | None = None,
    ours: bool = False,
) -> dict[str, Any]:
    """Take a repayment of ``amount_fen`` effective ``on``; what it paid and what is left, in yuan.

    ``known_on`` (default ``on``) is later for money that was found late. ``ours``: refuse a loan that was sold. Same key,
    same content: same answer.
    """
    known = known_on or on
    event = {
        "id": derived_id("ev", loan_id, key), "on": on.isoformat(), "kind": "repayment", "amount": format_yuan(amount_fen),
        "source": source,
    }  # fmt: skip

    answer: dict[str, Any] = {}

    def tell(taken: Taken) -> tuple[Message, Deed]:
        answer.update(answer_of(loan_id, amount_fen, taken))
        at = datetime.combine(known, time(12), CHINA)
        deed = Deed(at, "borrower", "repaid", loan_id, {"amount": answer["amount"]})
        return Message("loan.repaid", loan_id, answer), deed

    taken = take(connection, loan_id, event, key, max(on, known), tell=tell, ours=ours)
    return answer or answer_of(loan_id, amount_fen, taken)


def answer_of(loan_id: str, amount_fen: int, taken: Taken) -> dict[str, Any]:
    """What a repayment paid, part by part, and what is left, in yuan."""
    state, event_id = taken.state, taken.event.id
    paid: dict[str, int] = {}
    for movement in state.movements:
        if movement.event_id == event_id and movement.kind == "repayment":
            for part, change in movement.amounts.items():
                paid[part] = paid.get(part, 0) + change
    return {
        "loan_id": loan_id,
        "event_id": event_id,
        "amount": format_yuan(amount_fen),
        "paid": {part: format_yuan(abs(change)) for part, change in paid.items() if part != "cash" and change},
        "principal_outstanding": format_yuan(state.principal_outstanding_fen),
        "overdue": format_yuan(state.overdue_fen),
        "dpd": state.dpd,
        "status": state.status,
    }
