"""Repay: money arrived for a loan. It is allocated by law and product, posted, and the state follows."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection, select

from jiehuan.flow.activity import note
from jiehuan.flow.servicing import record
from jiehuan.store import tables
from jiehuan.store.locks import lock_loan
from jiehuan.store.outbox import publish
from jiehuan.units.days import CHINA
from jiehuan.units.ids import derived_id
from jiehuan.units.money import format_yuan


def repay(
    connection: Connection,
    loan_id: str,
    amount_fen: int,
    on: date,
    key: str,
    source: str = "transfer",
    *,
    known_on: date | None = None,
) -> dict[str, Any]:
    """Take a repayment of ``amount_fen`` effective ``on``; what it paid and what is left, in yuan.

    ``known_on`` (default ``on``) is later for money that was found late. Same key, same content: same answer.
    """
    known = known_on or on
    lock_loan(connection, loan_id)
    known_key = select(tables.loan_event.c.event_id).where(tables.loan_event.c.idempotency_key == key)
    repeated = connection.execute(known_key).first() is not None
    event_id = derived_id("ev", loan_id, key)
    event = {
        "id": event_id, "on": on.isoformat(), "kind": "repayment", "amount": format_yuan(amount_fen), "source": source,
    }  # fmt: skip
    state = record(connection, loan_id, event, key, max(on, known))
    paid: dict[str, int] = {}
    for movement in state.movements:
        if movement.event_id == event_id and movement.kind == "repayment":
            for part, change in movement.amounts.items():
                paid[part] = paid.get(part, 0) + change
    answer = {
        "loan_id": loan_id,
        "event_id": event_id,
        "amount": format_yuan(amount_fen),
        "paid": {part: format_yuan(abs(change)) for part, change in paid.items() if part != "cash" and change},
        "principal_outstanding": format_yuan(state.principal_outstanding_fen),
        "overdue": format_yuan(state.overdue_fen),
        "dpd": state.dpd,
        "status": state.status,
    }
    if not repeated:
        publish(connection, "loan.repaid", loan_id, answer)
        note(
            connection,
            datetime.combine(known, time(12), CHINA),
            "borrower",
            "repaid",
            loan_id,
            {"amount": answer["amount"]},
        )
    return answer
