"""The clearing account: statements of the bank, and money that belongs to no loan yet or went out unexplained."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as InPath
from pydantic import Field
from sqlalchemy import Connection, func, select

from jiehuan.api.access import Store
from jiehuan.api.clock import act_day, shown_day
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Body, Facts, Id, Page, Record, Remark, Stored, Yuan, spoken
from jiehuan.api.writes import Write
from jiehuan.store.tables import loan, loan_state, receipt, statement, statement_line
from jiehuan.units.errors import InputError, Problem

router = APIRouter(prefix="/api/money", tags=["money"])

MOST_CANDIDATES = 10


class StatementRow(Record):
    """A statement; ``open``: its lines that wait for a person; ``refused``: its rows that could not be taken."""

    statement_id: str
    account: str
    reference: str
    closed_on: date
    opening: Yuan | None
    closing: Yuan | None
    lines: int
    open: int
    refused: int


class StatementPage(Page):
    """A page of statements."""

    items: list[StatementRow]


class StatementOut(Stored):
    """How a statement was brought in: lines and yuan by outcome, difference to its balances, what is held or refused."""

    statement_id: str
    reconciled: bool
    difference: Yuan | None
    lines: dict[str, int]
    amounts: dict[str, Yuan]


class StatementIn(Body):
    """A file as text: CAMT.053 when ``file_name`` ends in .xml, else CSV, which needs ``account`` and ``mapping``."""

    file_name: Annotated[str, Field(max_length=200)]
    content: Annotated[str, Field(max_length=900_000, description="The file's text; larger files: jiehuan statement import.")]
    account: Annotated[Remark, Field(max_length=60)] = ""
    reference: Annotated[Remark, Field(max_length=100)] = ""
    mapping: Facts | None = None


class StatementsIn(Record):
    """A report of each statement in the file."""

    items: list[StatementOut]


class Held(Record):
    """Money that came in and is on no loan, with why."""

    receipt_id: str
    on: date
    amount: Yuan
    origin: str
    reference: str | None
    reason: str
    days: int


class HeldPage(Page):
    """A page of held money, oldest first. ``amount``: all of it."""

    items: list[Held]
    amount: Yuan


class Outgoing(Record):
    """Money that went out and that the books know no reason for."""

    line_id: str
    statement_id: str
    on: date
    amount: Yuan
    entry_reference: str
    reason: str
    days: int


class OutgoingPage(Page):
    """A page of them, oldest first. ``amount``: all of it, below zero."""

    items: list[Outgoing]
    amount: Yuan


class Candidate(Record):
    """A loan that asked for exactly this amount, or had just this much overdue."""

    loan_id: str
    borrower_id: str
    overdue: Yuan
    dpd: int
    why: str


class Candidates(Record):
    """Loans that the money may be for; a guess that a person confirms."""

    items: list[Candidate]


class Assign(Body):
    """The loan that the money is for."""

    loan_id: Id


class Why(Body):
    """The reason, without personal data."""

    reason: Annotated[Remark, Field(min_length=1)]


class Match(Body):
    """The entry of the books that the line is."""

    entry_id: Id


class Resolved(Record):
    """What became of the money."""

    id: str
    outcome: str
    loan_id: str | None = None


@router.get("/statements")
def list_statements(database: Store, paging: Paging) -> StatementPage:
    """Statements, newest first."""
    line = statement_line.c
    mine = select(func.count()).where(line.statement_id == statement.c.statement_id)
    rows = select(
        statement.c.statement_id,
        statement.c.account,
        statement.c.reference,
        statement.c.closed_on,
        statement.c.opening_fen,
        statement.c.closing_fen,
        mine.scalar_subquery().label("lines"),
        mine.where(line.outcome == "suspense").scalar_subquery().label("open"),
        mine.where(line.outcome == "refused").scalar_subquery().label("refused"),
    )
    sortable = {"closed_on": statement.c.closed_on, "account": statement.c.account}
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "-closed_on", statement.c.statement_id)
    items = [StatementRow(**spoken(row)) for row in found]
    return StatementPage(total=total, page=paging.page, size=paging.size, items=items)


@router.get("/statements/{statement_id}")
def get_statement(database: Store, statement_id: Annotated[Id, InPath()]) -> StatementOut:
    """How one statement was brought in."""
    from jiehuan.flow.statements import report_of

    with database.connect() as connection:
        return StatementOut(**report_of(connection, statement_id))


@router.post("/statements", status_code=201)
def bring_statement(write: Write, body: StatementIn) -> StatementsIn:
    """Book every line of a bank's statement, or hold it; the same file again changes nothing."""
    from jiehuan.flow.statements import import_statements, read_statements

    suffix = Path(body.file_name).suffix.lower()
    if suffix not in {".csv", ".xml"}:
        raise InputError(Problem("body file_name", body.file_name, "neither .csv nor .xml", "send a CSV or CAMT.053 file"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"statement{suffix}"
        path.write_text(body.content, encoding="utf-8")
        try:
            read = read_statements(path, body.mapping, body.account, body.reference)
        except InputError as error:
            raise InputError([_in_the_body(problem, path, body.file_name) for problem in error.problems]) from None

    def act(connection: Connection) -> StatementsIn:
        reports = import_statements(write.database, read, act_day(connection))
        return StatementsIn(items=[StatementOut(**report) for report in reports])

    return write.once(StatementsIn, act, 201)


@router.get("/suspense")
def list_suspense(database: Store, paging: Paging) -> HeldPage:
    """Money in suspense, oldest first."""
    of = receipt.c
    rows = select(of.receipt_id, of.on, of.amount_fen, of.origin, of.reference, of.reason).where(of.status == "suspense")
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, {"on": of.on, "amount": of.amount_fen}, "on", of.receipt_id)
        held = connection.execute(select(func.coalesce(func.sum(of.amount_fen), 0)).where(of.status == "suspense"))
        today, amount = shown_day(connection), _yuan(held.scalar_one())
    items = [Held(**spoken(row), days=max(0, (today - row["on"]).days)) for row in found]
    return HeldPage(total=total, page=paging.page, size=paging.size, items=items, amount=amount)


@router.get("/suspense/{receipt_id}/candidates")
def list_candidates(database: Store, receipt_id: Annotated[Id, InPath()]) -> Candidates:
    """Loans that ask for exactly this amount: what is overdue, or the whole debt."""
    state = loan_state.c
    with database.connect() as connection:
        held = connection.execute(select(receipt).where(receipt.c.receipt_id == receipt_id)).one_or_none()
        if held is None:
            return Candidates(items=[])
        asked = state.overdue_fen + state.penalty_due_fen + state.costs_due_fen
        rows = connection.execute(
            select(loan.c.loan_id, loan.c.borrower_id, state.overdue_fen, state.dpd, asked.label("asked"))
            .join(loan_state, state.loan_id == loan.c.loan_id)
            .where(state.status.not_in(("settled", "sold")), loan.c.drawn_on <= held.on)
            .where((asked == held.amount_fen) | (state.overdue_fen == held.amount_fen))
            .order_by(state.dpd.desc(), loan.c.loan_id)
            .limit(MOST_CANDIDATES)
        ).mappings()
        return Candidates(
            items=[
                Candidate(
                    loan_id=row["loan_id"], borrower_id=row["borrower_id"], overdue=_yuan(row["overdue_fen"]),
                    dpd=row["dpd"], why="asked" if row["asked"] == held.amount_fen else "overdue",
                )
                for row in rows
            ]
        )  # fmt: skip


@router.post("/suspense/{receipt_id}/assign")
def assign_receipt(write: Write, receipt_id: Annotated[Id, InPath()], body: Assign) -> Resolved:
    """Book money in suspense on a loan, as of the day it came."""
    from jiehuan.flow import receipts

    return _done(write, lambda c, on: asdict(receipts.assign(c, receipt_id, body.loan_id, on, write.actor.login)))


@router.post("/suspense/{receipt_id}/return")
def return_receipt(write: Write, receipt_id: Annotated[Id, InPath()], body: Why) -> Resolved:
    """Say that money in suspense went back to who sent it."""
    from jiehuan.flow import receipts

    return _done(write, lambda c, on: asdict(receipts.give_back(c, receipt_id, on, write.actor.login, body.reason)))


@router.post("/receipts/{receipt_id}/unassign")
def unassign_receipt(write: Write, receipt_id: Annotated[Id, InPath()], body: Why) -> Resolved:
    """Take money off the loan on which it was booked by mistake, and hold it again."""
    from jiehuan.flow import receipts

    return _done(write, lambda c, on: asdict(receipts.unassign(c, receipt_id, on, write.actor.login, body.reason)))


@router.get("/outgoing")
def list_outgoing(database: Store, paging: Paging) -> OutgoingPage:
    """Money that went out and waits for an explanation, oldest first."""
    of = statement_line.c
    waits = (of.outcome == "suspense") & (of.amount_fen < 0)
    rows = select(of.line_id, of.statement_id, of.on, of.amount_fen, of.entry_reference, of.reason).where(waits)
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, {"on": of.on, "amount": of.amount_fen}, "on", of.line_id)
        held = connection.execute(select(func.coalesce(func.sum(of.amount_fen), 0)).where(waits))
        today, amount = shown_day(connection), _yuan(held.scalar_one())
    items = [Outgoing(**spoken(row), days=max(0, (today - row["on"]).days)) for row in found]
    return OutgoingPage(total=total, page=paging.page, size=paging.size, items=items, amount=amount)


@router.post("/outgoing/{line_id}/charge")
def explain_as_charge(write: Write, line_id: Annotated[Id, InPath()], body: Why) -> Resolved:
    """Say that an outgoing line was a charge of the bank or the payment firm."""
    from jiehuan.flow.suspense import is_charge

    return _done(write, lambda c, on: is_charge(c, line_id, on, write.actor.login, body.reason))


@router.post("/outgoing/{line_id}/match")
def match_outgoing(write: Write, line_id: Annotated[Id, InPath()], body: Match) -> Resolved:
    """Say which entry of the books (a draw, refund, advance or return) an outgoing line is."""
    from jiehuan.flow.suspense import is_entry

    return _done(write, lambda c, on: is_entry(c, line_id, body.entry_id, on, write.actor.login))


def _done(write: Write, work: Callable[[Connection, date], dict[str, Any]]) -> Resolved:
    def act(connection: Connection) -> Resolved:
        told = work(connection, act_day(connection))
        about = told.get("receipt_id") or told["line_id"]
        return Resolved(id=about, outcome=told["outcome"], loan_id=told.get("loan_id"))

    return write.once(Resolved, act)


def _in_the_body(problem: Problem, path: Path, name: str) -> Problem:
    return Problem(
        problem.where.replace(str(path), name), problem.value, problem.reason.replace(str(path), name), problem.mend
    )


def _yuan(fen: Any) -> str:
    from jiehuan.units.money import format_yuan

    return format_yuan(int(fen))
