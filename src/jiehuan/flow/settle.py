"""What ends or changes a loan besides a plain repayment: prepay, settle early, refund, reverse, waive, recover.

Each verb adds one event under the loan's lock; journal and state follow in the caller's transaction. Amounts in fen. The
same key with the same content gives the same answer; a loan that was sold takes nothing more (its new owner does).
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, select, update

from jiehuan.flow.servicing import load_loan, record
from jiehuan.flow.suspense import hold
from jiehuan.loan import LoanState
from jiehuan.store import tables
from jiehuan.store.locks import lock_loan
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import derived_id
from jiehuan.units.money import format_yuan


def prepay(
    connection: Connection, loan_id: str, amount_fen: int, on: date, key: str, mode: str = "shorten", **told: Any
) -> LoanState:
    """Repay principal before it is due; ``mode``: shorten the loan, or reduce the instalments."""
    return act(connection, loan_id, "prepayment", on, key, amount_fen=amount_fen, mode=mode, **told)


def settle(
    connection: Connection, loan_id: str, on: date, key: str, amount_fen: int | None = None, **told: Any
) -> LoanState:
    """End the loan on a day; ``amount_fen`` is the cash that came, by default what the loan asks that day."""
    return act(connection, loan_id, "settlement", on, key, amount_fen=amount_fen, **told)


def refund(connection: Connection, loan_id: str, amount_fen: int, on: date, key: str, **told: Any) -> LoanState:
    """Pay back what the borrower overpaid."""
    return act(connection, loan_id, "refund", on, key, amount_fen=amount_fen, **told)


def reverse(connection: Connection, loan_id: str, of: str, on: date, key: str, **told: Any) -> LoanState:
    """Undo an event: a payment that bounced, a booking on the wrong loan."""
    return act(connection, loan_id, "reversal", on, key, of=of, **told)


def waive(
    connection: Connection, loan_id: str, part: str, amount_fen: int, on: date, key: str, **told: Any
) -> LoanState:
    """Forgive part of what is owed; ``part``: costs, penalty, interest or principal."""
    return act(connection, loan_id, "waiver", on, key, amount_fen=amount_fen, part=part, **told)


def recover(connection: Connection, loan_id: str, amount_fen: int, on: date, key: str, **told: Any) -> LoanState:
    """Money on a loan that was written off."""
    return act(connection, loan_id, "recovery", on, key, amount_fen=amount_fen, **told)


def act(
    connection: Connection,
    loan_id: str,
    kind: str,
    on: date,
    key: str,
    *,
    known_on: date | None = None,
    amount_fen: int | None = None,
    **said: Any,
) -> LoanState:
    """Record an event of a kind; the loan's state after it, on the day it is known (default: ``on``).

    Raises Refused with the kernel's reason when the event does not fit, Conflict for a used key with other content.
    """
    lock_loan(connection, loan_id)
    must_be_ours(connection, loan_id)
    event = {"id": event_id(loan_id, key), "on": on.isoformat(), "kind": kind, **{n: v for n, v in said.items() if v}}
    if amount_fen is not None:
        event["amount"] = format_yuan(amount_fen)
    state = record(connection, loan_id, event, key, max(on, known_on or on))
    if kind == "reversal":
        _back_in_suspense(connection, loan_id, str(said["of"]), max(on, known_on or on))
    return state


def _back_in_suspense(connection: Connection, loan_id: str, event: str, known_on: date) -> None:
    """Money that came in and whose booking was undone is nobody's until a person says whose, or that it went back."""
    receipt = tables.receipt.c
    freed = connection.execute(
        update(tables.receipt)
        .where(receipt.loan_id == loan_id, receipt.event_id == event, receipt.status == "posted")
        .values(status="suspense", loan_id=None, reason="its booking was reversed")
        .returning(receipt.receipt_id, receipt.amount_fen, receipt.on)
    ).all()
    for row in freed:
        hold(connection, row.receipt_id, row.amount_fen, row.on, known_on)


def must_be_ours(connection: Connection, loan_id: str) -> None:
    """Raise Refused when the claim was sold: what comes in for it belongs to its buyer."""
    sold = select(tables.loan_state.c.status).where(tables.loan_state.c.loan_id == loan_id)
    if connection.execute(sold).scalar_one_or_none() == "sold":
        reason = "the claim was sold; the money belongs to its buyer"
        raise Refused(Problem("loan_id", loan_id, reason, "pass it on by the terms of the sale", zh="债权已转让"))


def payoff(connection: Connection, loan_id: str, on: date) -> int:
    """What settles the loan on a day, fen."""
    return load_loan(connection, loan_id).state(on).payoff_fen


def event_id(loan_id: str, key: str) -> str:
    """The id of the event that a key makes: the same for ``flow.repay``."""
    return derived_id("ev", loan_id, key)
