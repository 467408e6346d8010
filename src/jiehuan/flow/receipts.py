"""Money that arrived, each payment once: booked on its loan, or held in suspense until a person says whose it is.

A bank's statement and a payment gateway tell of the same payment, each in its time. The payment's end-to-end reference
makes them one: whoever comes second finds the receipt and books nothing. Money whose loan is not known, or that the loan
does not take (settled, sold, drawn later), is never lost: it is a receipt in suspense, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, exists, insert, select, text, update

from jiehuan.flow.activity import note
from jiehuan.flow.many import repay_some
from jiehuan.flow.repay import Payment, repay
from jiehuan.flow.settle import event_id, reverse
from jiehuan.flow.suspense import hold, release, send_back
from jiehuan.store import tables
from jiehuan.store.rows import copy_rows
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


def receive_many(connection: Connection, told: Sequence[tuple[Money, str]]) -> list[Received]:
    """Book payments on their loans, or in suspense where a loan does not take its money: as ``receive`` one by one, in bulk.

    For payments whose receipts and references nobody has told of (``untold``). Raises Conflict when a loan stays busy.
    """
    payments = [
        Payment(
            loan,
            one.amount_fen,
            one.on,
            _key(one.receipt_id, None),
            one.origin.partition(":")[0],
            max(one.on, one.known_on),
        )
        for one, loan in told
    ]
    found = repay_some(connection, payments)
    if found.busy:
        raise Conflict([problem for n in sorted(found.busy) for problem in found.refused[n]])
    rows: list[dict[str, Any]] = []
    received: list[Received] = []
    for n, (one, loan) in enumerate(told):
        answer = found.answers.get(n)
        reason = "" if answer else "; ".join(problem.reason for problem in found.refused[n])
        got = Received(one.receipt_id, "posted" if answer else "suspense", loan if answer else None, reason)
        received.append(got)
        rows.append({
            "receipt_id": one.receipt_id, "origin": one.origin, "reference": one.reference, "amount_fen": one.amount_fen,
            "on": one.on, "status": got.outcome, "loan_id": got.loan_id, "reason": reason,
            "event_id": answer["event_id"] if answer else None,
        })  # fmt: skip
    copy_rows(connection, receipt, rows)
    for got, (one, _) in zip(received, told, strict=True):
        if got.outcome == "suspense":
            hold(connection, one.receipt_id, one.amount_fen, one.on, one.known_on)
    return received


def untold(connection: Connection, told: Sequence[Money]) -> list[bool]:
    """Of each payment, whether neither it nor its reference was told of before, nor comes twice here. Holds the references, so that
    no other source tells of one meanwhile; ask for a thousand at a time at most.
    """
    references = Counter(one.reference for one in told if one.reference)
    connection.execute(_HOLD_ALL, {"names": sorted(references)})
    given = {"ids": [one.receipt_id for one in told], "names": list(references)}
    ids, known = set(), set()
    for row in connection.execute(_TOLD_BEFORE, given):
        ids.add(row.receipt_id)
        known.add(row.reference)
    times = Counter(one.receipt_id for one in told)
    return [
        one.receipt_id not in ids
        and times[one.receipt_id] == 1
        and (not one.reference or (one.reference not in known and references[one.reference] == 1))
        for one in told
    ]


_HOLD_ALL = text(
    "SELECT count(pg_advisory_xact_lock(hashtextextended(name, 2))) FROM (SELECT unnest(CAST(:names AS text[])) AS name) AS one"
)
_TOLD_BEFORE = text("SELECT receipt_id, reference FROM receipt WHERE receipt_id = ANY(:ids) OR reference = ANY(:names)")


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
    source, known = origin.partition(":")[0], max(on, known_on)
    repay(connection, loan_id, amount_fen, on, _key(receipt_id, before), source, known_on=known, ours=True)


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
