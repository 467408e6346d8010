"""Money that arrived, each payment once: booked on its loan, or held in suspense until a person says whose it is.

A bank's statement and a payment gateway tell of the same payment, each in its time. The payment's end-to-end reference
makes them one: whoever comes second finds the receipt and books nothing. Money whose loan is not known, or that the loan
does not take (settled, sold, drawn later), is never lost: it is a receipt in suspense, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, exists, insert, select, text, update

from jiehuan.flow.activity import note
from jiehuan.flow.repay import repay
from jiehuan.flow.settle import event_id, must_be_ours, reverse
from jiehuan.flow.suspense import hold, release, send_back
from jiehuan.store import tables
from jiehuan.store.locks import lock_loan
from jiehuan.units.errors import Conflict, InputError, Problem, Refused
from jiehuan.units.money import format_yuan

receipt = tables.receipt


@dataclass(frozen=True, slots=True)
class Money:
    """A payment as one source tells of it. ``origin``: ``statement:ACCOUNT`` or ``gateway:NAME``; ``reference``: the
    end-to-end reference, None when the source has none; ``on``: the day it took effect; ``known_on``: the day of the telling.
    """

    receipt_id: str
    origin: str
    reference: str | None
    amount_fen: int
    on: date
    known_on: date


@dataclass(frozen=True, slots=True)
class Received:
    """What became of it: ``outcome`` is posted, suspense, or matched (the other source told of it before)."""

    receipt_id: str
    outcome: str
    loan_id: str | None
    reason: str


def receive(connection: Connection, money: Money, loan_id: str | None, reason: str = "") -> Received:
    """Book a payment once: on ``loan_id``, or in suspense for ``reason`` when that is None or the loan does not take it.

    Raises Conflict when the loan stays busy; the caller may send it again.
    """
    if money.reference:
        _one_at_a_time(connection, money.reference)
    told = connection.execute(select(receipt).where(receipt.c.receipt_id == money.receipt_id)).one_or_none()
    if told is not None:
        return Received(told.receipt_id, told.status, told.loan_id, told.reason)
    reference = money.reference
    if reference:
        other = connection.execute(select(receipt).where(receipt.c.reference == reference)).one_or_none()
        if other is not None:
            if _is_the_same(connection, other, money):
                return Received(other.receipt_id, "matched", other.loan_id, other.reason)
            reference, loan_id = None, None
            reason = f"the payment reference is that of receipt {other.receipt_id} over {format_yuan(other.amount_fen)}"
    status = "suspense"
    if loan_id is not None:
        try:
            with connection.begin_nested():
                _post(
                    connection,
                    money.receipt_id,
                    None,
                    loan_id,
                    money.amount_fen,
                    money.on,
                    money.known_on,
                    money.origin,
                )
            status = "posted"
        except Conflict:
            raise
        except (Refused, InputError) as error:
            reason = "; ".join(problem.reason for problem in error.problems)
    posted = loan_id if status == "posted" else None
    reason = "" if posted else reason
    row = {
        "receipt_id": money.receipt_id, "origin": money.origin, "reference": reference, "amount_fen": money.amount_fen,
        "on": money.on, "status": status, "loan_id": posted, "reason": reason,
        "event_id": event_id(posted, _key(money.receipt_id, None)) if posted else None,
    }  # fmt: skip
    connection.execute(insert(receipt).values(row))
    if not posted:
        hold(connection, money.receipt_id, money.amount_fen, money.on, money.known_on)
    return Received(money.receipt_id, status, posted, reason)


def assign(connection: Connection, receipt_id: str, loan_id: str, known_on: date, by: str) -> Received:
    """Book a receipt that is in suspense on the loan that a person names. Raises Refused when it is not in suspense or
    the loan does not take it. Doing it again for the same loan changes nothing.
    """
    row = _held(connection, receipt_id)
    if row.status == "posted" and row.loan_id == loan_id:
        return Received(receipt_id, "posted", loan_id, row.reason)
    _must_be_in_suspense(row)
    key = _key(receipt_id, row.event_id)
    release(connection, receipt_id, known_on)
    _post(connection, receipt_id, row.event_id, loan_id, row.amount_fen, row.on, known_on, row.origin)
    posted = {"status": "posted", "loan_id": loan_id, "event_id": event_id(loan_id, key)}
    _resolve(connection, receipt_id, by, "assigned", posted)
    return Received(receipt_id, "posted", loan_id, "assigned")


def unassign(connection: Connection, receipt_id: str, known_on: date, by: str, reason: str) -> Received:
    """Take a receipt off its loan, where it was booked by mistake, and put it back in suspense."""
    row = _held(connection, receipt_id)
    if row.status != "posted":
        raise Refused(
            Problem("receipt", receipt_id, f"is not booked on a loan, but {row.status}", "see the suspense list")
        )
    reverse(connection, row.loan_id, row.event_id, known_on, f"unassign:{row.event_id}")
    _resolve(connection, receipt_id, by, reason, {"status": "suspense", "loan_id": None})
    return Received(receipt_id, "suspense", None, reason)


def give_back(connection: Connection, receipt_id: str, on: date, by: str, reason: str) -> Received:
    """Close a receipt in suspense whose money went back to the payer on a day, or was no loan's money."""
    row = _held(connection, receipt_id)
    _must_be_in_suspense(row)
    if not reason.strip():
        raise InputError(Problem("reason", "", "missing", "say where the money went"))
    send_back(connection, receipt_id, row.amount_fen, on)
    _resolve(connection, receipt_id, by, reason, {"status": "returned"})
    return Received(receipt_id, "returned", None, reason)


def suspense(connection: Connection) -> list[dict[str, Any]]:
    """What is in suspense, oldest first, amounts in yuan."""
    rows = connection.execute(
        select(receipt).where(receipt.c.status == "suspense").order_by(receipt.c.on, receipt.c.receipt_id)
    )
    return [
        {
            "receipt_id": row.receipt_id, "origin": row.origin, "on": row.on.isoformat(),
            "amount": format_yuan(row.amount_fen), "reference": row.reference or "", "reason": row.reason,
        }
        for row in rows
    ]  # fmt: skip


def _post(
    connection: Connection, receipt_id: str, before: str | None, loan_id: str, amount_fen: int, on: date, known_on: date,
    origin: str,
) -> None:  # fmt: skip
    lock_loan(connection, loan_id)
    must_be_ours(connection, loan_id)
    source = origin.partition(":")[0]
    repay(connection, loan_id, amount_fen, on, _key(receipt_id, before), source, known_on=max(on, known_on))


def _key(receipt_id: str, before: str | None) -> str:
    """The event's idempotency key; a receipt that was taken off a loan is booked again under another."""
    return f"receipt:{receipt_id}:{before}" if before else f"receipt:{receipt_id}"


def _is_the_same(connection: Connection, other: Any, money: Money) -> bool:
    """Whether a receipt is this payment told by the other source, which has not told of it yet."""
    kind, said_by = money.origin.partition(":")[0], other.origin.partition(":")[0]
    if kind == said_by or other.amount_fen != money.amount_fen:
        return False
    lines = tables.statement_line if kind == "statement" else tables.gateway_event
    return not connection.execute(select(exists().where(lines.c.receipt_id == other.receipt_id))).scalar_one()


def _one_at_a_time(connection: Connection, reference: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 2))"), {"name": reference})


def _held(connection: Connection, receipt_id: str) -> Any:
    row = connection.execute(select(receipt).where(receipt.c.receipt_id == receipt_id).with_for_update()).one_or_none()
    if row is None:
        raise Refused(Problem("receipt", receipt_id, "no such receipt", "see the suspense list"))
    return row


def _must_be_in_suspense(row: Any) -> None:
    if row.status != "suspense":
        raise Refused(
            Problem("receipt", row.receipt_id, f"is not in suspense, but {row.status}", "see the suspense list")
        )


def _resolve(connection: Connection, receipt_id: str, by: str, reason: str, change: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    changed = {"reason": reason, "resolved_by": by, "resolved_at": now, **change}
    connection.execute(update(receipt).where(receipt.c.receipt_id == receipt_id).values(changed))
    note(connection, now, by, f"receipt_{change['status']}", receipt_id, {"loan_id": change.get("loan_id")})
