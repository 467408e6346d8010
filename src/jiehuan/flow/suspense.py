"""The postings of money that belongs to no loan yet, and what becomes of money that went out unexplained.

Incoming money is a receipt (``flow.receipts``); outgoing money is a statement line that the books know no reason for. Each stands on
``suspense`` under its own id until a person says what it was. The callers keep the status; here is the money.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, select, text, update

from jiehuan.flow.activity import note
from jiehuan.ledger import bank_charge_entry, held_entry, held_fen, returned_entry, reversal
from jiehuan.store import tables
from jiehuan.store.held import append_held
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.money import format_yuan

_line = tables.statement_line


def hold(connection: Connection, held_id: str, amount_fen: int, on: date, known_on: date) -> None:
    """Put money in suspense: above zero it came in, below zero it went out. Holding what is held adds nothing."""
    append_held(
        connection,
        held_id,
        lambda entries: None if held_fen(entries) else held_entry(held_id, len(entries), amount_fen, on, known_on),
    )


def release(connection: Connection, held_id: str, known_on: date) -> None:
    """Take money out of suspense because a loan's own entry has it: the hold is reversed, as of its day."""
    append_held(connection, held_id, lambda entries: reversal(entries[-1], known_on) if held_fen(entries) else None)


def send_back(connection: Connection, held_id: str, amount_fen: int, on: date) -> None:
    """Money in suspense left the account again."""
    append_held(
        connection,
        held_id,
        lambda entries: returned_entry(held_id, len(entries), amount_fen, on) if held_fen(entries) else None,
    )


def outgoing(connection: Connection) -> list[dict[str, Any]]:
    """Statement lines that went out and that the books do not know for what, oldest first, amounts in yuan."""
    rows = connection.execute(
        select(_line).where(_line.c.outcome == "suspense", _line.c.amount_fen < 0).order_by(_line.c.on, _line.c.line_id)
    )
    return [
        {
            "line_id": row.line_id, "statement_id": row.statement_id, "on": row.on.isoformat(),
            "amount": format_yuan(row.amount_fen), "reference": row.entry_reference, "reason": row.reason,
        }
        for row in rows
    ]  # fmt: skip


def is_charge(connection: Connection, line_id: str, on: date, by: str, reason: str) -> dict[str, Any]:
    """Say that an outgoing line was the bank's or a payment firm's charge. Doing it again changes nothing."""
    row = _held_line(connection, line_id)
    if row.outcome == "charge":
        return _told(line_id, "charge", row)
    _must_be_in_suspense(row)
    if not reason.strip():
        raise InputError(Problem("reason", "", "missing", "say what the charge was for"))
    fen = -row.amount_fen
    append_held(connection, line_id, lambda entries: bank_charge_entry(line_id, len(entries), fen, on))
    return _explain(connection, row, by, "charge", reason, None)


def is_entry(connection: Connection, line_id: str, entry_id: str, on: date, by: str) -> dict[str, Any]:
    """Say which entry of the books an outgoing line is: a draw, a refund, a fee advanced, money sent back.

    Raises Refused when that entry's cash is another amount, or another line's already, or was reversed.
    """
    row = _held_line(connection, line_id)
    if row.outcome == "matched" and row.entry_id == entry_id:
        return _told(line_id, "matched", row)
    _must_be_in_suspense(row)
    cash = connection.execute(_CASH_OUT, {"entry": entry_id}).scalar_one_or_none()
    if cash is None:
        mend = "name a draw, refund, advance or return that stands and that no line is matched with"
        raise Refused(Problem("entry_id", entry_id, "is no entry that paid out and is free", mend))
    if cash != -row.amount_fen:
        reason = f"paid out {format_yuan(cash)}, and the line is over {format_yuan(-row.amount_fen)}"
        raise Refused(Problem("entry_id", entry_id, reason, "name the entry over this amount"))
    release(connection, line_id, on)
    return _explain(connection, row, by, "matched", "matched by a person", entry_id)


def _held_line(connection: Connection, line_id: str) -> Any:
    row = connection.execute(select(_line).where(_line.c.line_id == line_id).with_for_update()).one_or_none()
    if row is None:
        raise Refused(Problem("line", line_id, "no such statement line", "see: jiehuan statement outgoing"))
    return row


def _must_be_in_suspense(row: Any) -> None:
    if row.outcome != "suspense" or row.amount_fen >= 0:
        told = row.outcome if row.amount_fen < 0 else "money that came in"
        raise Refused(
            Problem(
                "line", row.line_id, f"is not outgoing money in suspense, but {told}", "see: jiehuan statement outgoing"
            )
        )


def _explain(
    connection: Connection, row: Any, by: str, outcome: str, reason: str, entry_id: str | None
) -> dict[str, Any]:
    changed = {"outcome": outcome, "reason": reason, "entry_id": entry_id}
    connection.execute(update(_line).where(_line.c.line_id == row.line_id).values(**changed))
    note(connection, datetime.now(UTC), by, f"outgoing_{outcome}", row.line_id, {"entry_id": entry_id})
    return _told(row.line_id, outcome, row)


def _told(line_id: str, outcome: str, row: Any) -> dict[str, Any]:
    return {"line_id": line_id, "outcome": outcome, "amount": format_yuan(row.amount_fen)}


_CASH_OUT = text(
    "SELECT sum(l.credit_fen - l.debit_fen)::bigint FROM line l WHERE l.entry_id = :entry AND l.account = 'cash'"
    " AND l.kind NOT IN ('interest', 'penalty', 'repayment', 'provision', 'accrual')"  # by their index: only these pay out
    " AND l.kind <> 'held' AND l.reverses IS NULL"
    " AND NOT EXISTS (SELECT FROM statement_line s WHERE s.entry_id = l.entry_id)"
    " AND NOT EXISTS (SELECT FROM entry r WHERE r.reverses = l.entry_id) GROUP BY l.entry_id"
    " HAVING sum(l.credit_fen - l.debit_fen) > 0"
)
