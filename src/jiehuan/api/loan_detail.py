"""One loan whole: what was agreed, what happened, how it stands, what the books say, and what people did about it.

State and schedule come from the loan room's fold over the stored events, not from the stored state: what is shown is
what the events say. The journal and the lists are as stored.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, exists, select

from jiehuan.api.alerts import AlertRow
from jiehuan.api.book_figures import book_day
from jiehuan.api.errors import NotFound
from jiehuan.api.files import FileRow, files_of
from jiehuan.api.masking import BorrowerOut, borrower_of
from jiehuan.api.shapes import Rate, Record, Yuan, spoken, yuan
from jiehuan.api.work import Why
from jiehuan.store.tables import (
    alert,
    contact,
    disposal,
    entry,
    legal_case,
    line,
    loan,
    loan_event,
    loan_state,
    promise,
    work_item,
)
from jiehuan.store.vault import Vault
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan

if TYPE_CHECKING:
    from jiehuan.loan import LoanState

_SOLD = select(exists().where(loan_state.c.loan_id == bindparam("loan_id"), loan_state.c.status == "sold"))

MOST = 500
"""How many rows of each list one answer carries, newest first."""


class ScheduleRow(Record):
    """One line of the schedule as it stands. ``due``: the contractual day; ``pay_by``: the last day without penalty."""

    n: int
    due: date
    pay_by: date
    principal: Yuan
    interest: Yuan
    paid_principal: Yuan
    paid_interest: Yuan
    waived_principal: Yuan
    waived_interest: Yuan
    penalty: Yuan
    kind: str
    status: str


class Owed(Record):
    """What is owed on a loan. ``payoff`` settles it that day; ``grade`` is the five-class classification."""

    principal_outstanding: Yuan
    interest_due: Yuan
    penalty_due: Yuan
    costs_due: Yuan
    overdue: Yuan
    credit_balance: Yuan
    payoff: Yuan
    provision: Yuan
    dpd: int
    grade: str
    status: str


def owed(state: LoanState) -> dict[str, Any]:
    """The fields of ``Owed``."""
    money = (
        "principal_outstanding", "interest_due", "penalty_due", "costs_due", "overdue", "credit_balance", "payoff", "provision",
    )  # fmt: skip
    told = {name: format_yuan(getattr(state, f"{name}_fen")) for name in money}
    return {**told, "dpd": state.dpd, "grade": state.loan_class, "status": state.status}


class StateOut(Owed):
    """How the loan stands on ``on``. ``payoff`` settles it that day; ``grade`` is the five-class classification."""

    on: date
    accrued_interest: Yuan
    bucket: str
    next_due: date | None
    apr: str
    eff: str


class EventOut(Record):
    """One fact: the day it took effect, the day it was known, the rest of it as stored."""

    event_id: str
    seq: int
    kind: str
    effective_on: date
    known_on: date
    amount: Yuan | None
    body: dict[str, Any]
    recorded_at: datetime


class LineOut(Record):
    """One side of a posting."""

    account: str
    debit: Yuan
    credit: Yuan


class EntryOut(Record):
    """One entry of the journal, with its lines; ``effective`` and ``known`` are its two days."""

    entry_id: str
    event_id: str | None
    kind: str
    effective: date
    known: date
    lines: list[LineOut]


class ContactOut(Record):
    """One contact, sent, answered or blocked; ``detail`` has the reason of a block with its citation."""

    contact_id: str
    item_id: str | None
    channel: str
    at: datetime
    template: str
    status: str
    detail: dict[str, Any]


class PromiseOut(Record):
    """A promise to pay, and whether it was kept."""

    promise_id: str
    amount: Yuan
    due_on: date
    status: str
    made_at: datetime


class WorkOut(Record):
    """A work item of this loan."""

    item_id: str
    action: str
    at: datetime
    expected_gain: Yuan
    arm: str
    segment: str
    reason: Why
    status: str
    outcome: dict[str, Any] | None
    done_by: str | None
    done_at: datetime | None


class CaseBrief(Record):
    """A court case of this loan."""

    case_id: str
    kind: str
    procedure: str
    court: str
    claim: Yuan
    fee: Yuan
    stage: str
    opened_on: date


class DisposalBrief(Record):
    """A disposal of this loan."""

    disposal_id: str
    kind: str
    on: date
    balance: Yuan
    value: Yuan
    low: Yuan
    high: Yuan
    status: str


class LoanOut(Record):
    """One loan whole. Lists are newest first, the schedule and the events in their own order."""

    loan_id: str
    application_id: str | None
    borrower: BorrowerOut
    lender_type: str
    product: str
    region: str
    channel: str
    principal: Yuan
    rate: Rate
    months: int
    method: str
    drawn_on: date
    first_due: date
    terms: dict[str, Any]
    source: str
    created_at: datetime
    state: StateOut
    schedule: list[ScheduleRow]
    events: list[EventOut]
    journal: list[EntryOut]
    alerts: list[AlertRow]
    contacts: list[ContactOut]
    promises: list[PromiseOut]
    work: list[WorkOut]
    cases: list[CaseBrief]
    disposals: list[DisposalBrief]
    files: list[FileRow]


def loan_whole(connection: Connection, vault: Vault, loan_id: str, on: date | None) -> LoanOut:
    """The loan on ``on`` (default: the book's day). Raises NotFound, and InputError for a day before the drawing."""
    from jiehuan.flow.servicing import (
        load_loan,
    )  # compiled code: loaded when first needed, so that serving starts at once

    row = connection.execute(select(loan).where(loan.c.loan_id == loan_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(Problem("loan_id", loan_id, "no such loan", "look in GET /api/loans"))
    day = on or max(book_day(connection) or row["drawn_on"], row["drawn_on"])
    if not row["drawn_on"] <= day <= date(2150, 12, 31):
        mend = f"a day from {row['drawn_on']} to 2150-12-31"
        raise InputError(Problem("query on", str(day), f"the loan was drawn on {row['drawn_on']}", mend))
    state = load_loan(connection, loan_id).state(day)
    sold = connection.execute(_SOLD, {"loan_id": loan_id}).scalar_one()
    said = spoken(row)
    return LoanOut(
        **{name: said[name] for name in said if name not in {"borrower_id", "bare"}},
        borrower=borrower_of(connection, vault, row["borrower_id"]),
        state=_state(state, sold=sold),
        schedule=_schedule(state),
        events=_events(connection, loan_id),
        journal=_journal(connection, loan_id),
        alerts=[AlertRow(**each) for each in _of_loan(connection, alert, loan_id, "at", "alert_id")],
        contacts=[
            ContactOut(**each) for each in _of_loan(connection, contact, loan_id, "at", "contact_id", ContactOut)
        ],
        promises=[
            PromiseOut(**each) for each in _of_loan(connection, promise, loan_id, "made_at", "promise_id", PromiseOut)
        ],
        work=[WorkOut(**each) for each in _of_loan(connection, work_item, loan_id, "at", "item_id", WorkOut)],
        cases=[
            CaseBrief(**each) for each in _of_loan(connection, legal_case, loan_id, "opened_on", "case_id", CaseBrief)
        ],
        disposals=[
            DisposalBrief(**each)
            for each in _of_loan(connection, disposal, loan_id, "on", "disposal_id", DisposalBrief)
        ],
        files=files_of(connection, _subjects(connection, row)),
    )


def _state(state: LoanState, *, sold: bool) -> StateOut:
    told = owed(state)
    if sold:  # a sale is the lender's act, not the loan's: the fold does not know it
        told["status"] = "sold"
    return StateOut(
        **told,
        on=state.on,
        accrued_interest=format_yuan(state.accrued_interest_fen),
        bucket=state.bucket,
        next_due=state.next_due,
        apr=state.apr,
        eff=state.eff,
    )


def _schedule(state: LoanState) -> list[ScheduleRow]:
    return [ScheduleRow(**{**row.as_document(), "due": row.due, "pay_by": row.pay_by}) for row in state.schedule]


def _events(connection: Connection, loan_id: str) -> list[EventOut]:
    rows = connection.execute(
        select(loan_event).where(loan_event.c.loan_id == loan_id).order_by(loan_event.c.seq).limit(MOST)
    ).mappings()
    events = []
    for row in rows:
        said = {name: value for name, value in spoken(row).items() if name not in {"loan_id", "idempotency_key"}}
        events.append(EventOut(**said, amount=_amount(row["body"])))
    return events


def _amount(body: dict[str, Any]) -> str | None:
    return str(body["amount"]) if body.get("amount") is not None else yuan(body.get("amount_fen"))


def _journal(connection: Connection, loan_id: str) -> list[EntryOut]:
    entries = connection.execute(
        select(entry).where(entry.c.loan_id == loan_id).order_by(entry.c.n.desc()).limit(MOST)
    ).all()
    lines: dict[str, list[LineOut]] = {each.entry_id: [] for each in entries}
    for each in connection.execute(select(line).where(line.c.entry_id.in_(lines)).order_by(line.c.entry_id, line.c.n)):
        lines[each.entry_id].append(
            LineOut(account=each.account, debit=format_yuan(each.debit_fen), credit=format_yuan(each.credit_fen))
        )
    return [
        EntryOut(
            entry_id=each.entry_id, event_id=each.event_id, kind=each.kind, effective=each.effective, known=each.known,
            lines=lines[each.entry_id],
        )
        for each in entries
    ]  # fmt: skip


def _of_loan(
    connection: Connection, table: Any, loan_id: str, by: str, key: str, shape: type[Record] | None = None
) -> list[dict[str, Any]]:
    """The newest rows of a table about this loan, in the interface's words, with the fields that ``shape`` shows."""
    rows = connection.execute(
        select(table).where(table.c.loan_id == loan_id).order_by(table.c[by].desc(), table.c[key]).limit(MOST)
    )
    said = [spoken(row) for row in rows.mappings()]
    return said if shape is None else [{name: each[name] for name in shape.model_fields} for each in said]


def _subjects(connection: Connection, row: Any) -> list[str]:
    """The ids under which papers of this loan may have been filed."""
    cases = connection.execute(select(legal_case.c.case_id).where(legal_case.c.loan_id == row["loan_id"])).scalars()
    return [row["loan_id"], *cases, *([row["application_id"]] if row["application_id"] else [])]
