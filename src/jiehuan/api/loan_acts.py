"""What happens to a loan after the draw: money that arrives, and the other events of its life.

Each act adds one event under the loan's lock; state and journal follow in the same transaction (``flow.servicing``).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy import Connection, select

from jiehuan.api.access import Store
from jiehuan.api.clock import act_day, moment
from jiehuan.api.errors import NotFound
from jiehuan.api.loan_quote import Quote, QuoteIn, quoted
from jiehuan.api.shapes import Body, Id, Record, Remark, Yuan, YuanIn
from jiehuan.api.writes import Write, WriteOnce
from jiehuan.flow.activity import note
from jiehuan.store.tables import loan
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan, parse_yuan

router = APIRouter(prefix="/api/loans", tags=["loans"])


class RepaymentIn(Body):
    """Money that arrived. ``on``: the day it took effect (default: today); ``known_on``: the day it was found (today)."""

    amount: YuanIn
    on: date | None = None
    known_on: date | None = None
    source: Annotated[Remark, Field(max_length=100)] = "transfer"


class Repaid(Record):
    """What the money paid, by part, and how the loan stands after it."""

    loan_id: str
    event_id: str
    amount: Yuan
    paid: dict[str, Yuan]
    principal_outstanding: Yuan
    overdue: Yuan
    dpd: int
    status: str


class EventIn(Body):
    """Another event. ``reversal`` needs ``of``, ``prepayment`` ``mode``, ``waiver`` ``part``; all but a reversal and a
    settlement need ``amount``."""

    kind: Literal["reversal", "prepayment", "settlement", "waiver", "recovery", "refund"]
    on: date | None = None
    known_on: date | None = None
    amount: YuanIn | None = None
    of: Id | None = None
    mode: Literal["shorten", "reduce"] | None = None
    part: Literal["costs", "penalty", "interest", "principal"] | None = None
    source: Annotated[Remark, Field(max_length=100)] = "api"


class LoanAfter(Record):
    """The loan after an event."""

    loan_id: str
    event_id: str
    principal_outstanding: Yuan
    overdue: Yuan
    credit_balance: Yuan
    dpd: int
    status: str


@router.post("/{loan_id}/repayments", status_code=201)
def post_repayment(write: Write, loan_id: Annotated[Id, Path()], body: RepaymentIn) -> Repaid:
    """Take a repayment: it is allocated by law and product and posted; what is too much is owed back."""
    from jiehuan.flow.repay import repay

    def act(connection: Connection) -> Repaid:
        on, known_on = _days(connection, loan_id, body.on, body.known_on)
        amount = parse_yuan(body.amount, "body amount", minimum=1)
        return Repaid(**repay(connection, loan_id, amount, on, _key(write), body.source, known_on=known_on))

    return write.once(Repaid, act, 201)


@router.post("/{loan_id}/quote")
def quote(database: Store, loan_id: Annotated[Id, Path()], body: QuoteIn) -> Quote:
    """Say what an act would do: money by part, and the loan before and after. Nothing is kept."""
    with database.connect() as connection:
        return quoted(connection, loan_id, body)


@router.post("/{loan_id}/events", status_code=201)
def post_event(write: Write, loan_id: Annotated[Id, Path()], body: EventIn) -> LoanAfter:
    """Add another event: a reversal, prepayment, settlement, waiver, recovery or refund."""
    from jiehuan.flow import settle

    def act(connection: Connection) -> LoanAfter:
        on, known_on = _days(connection, loan_id, body.on, body.known_on)
        event_id = settle.event_id(loan_id, _key(write))
        amount = None if body.amount is None else parse_yuan(body.amount, "body amount", minimum=1)
        said = body.model_dump(mode="json", exclude_none=True, include={"of", "mode", "part", "source"})
        state = settle.act(
            connection, loan_id, body.kind, on, _key(write), known_on=known_on, amount_fen=amount, **said
        )
        told = {"amount": body.amount, "mode": body.mode, "part": body.part, "on": on.isoformat()}
        detail = {"event": event_id, **{name: value for name, value in told.items() if value is not None}}
        note(connection, moment(connection), write.actor.login, f"loan_{body.kind}", loan_id, detail)
        return LoanAfter(
            loan_id=loan_id,
            event_id=event_id,
            principal_outstanding=format_yuan(state.principal_outstanding_fen),
            overdue=format_yuan(state.overdue_fen),
            credit_balance=format_yuan(state.credit_balance_fen),
            dpd=state.dpd,
            status=state.status,
        )

    return write.once(LoanAfter, act, 201)


def _days(connection: Connection, loan_id: str, on: date | None, known_on: date | None) -> tuple[date, date]:
    """The days of the event, checked: after the drawing, known not before it happened, nothing in the future."""
    drawn_on = connection.execute(select(loan.c.drawn_on).where(loan.c.loan_id == loan_id)).scalar_one_or_none()
    if drawn_on is None:
        raise NotFound(Problem("loan_id", loan_id, "no such loan", "look in GET /api/loans"))
    today = act_day(connection)
    on = on or today
    known_on = known_on or max(on, today)
    if not drawn_on <= on <= today:
        raise InputError(
            Problem("body on", str(on), f"not between the drawing ({drawn_on}) and today ({today})", "check the day")
        )
    if not on <= known_on <= today:
        raise InputError(
            Problem("body known_on", str(known_on), f"not between {on} and today ({today})", "check the day")
        )
    return on, known_on


def _key(write: WriteOnce) -> str:
    """The event's own key: it stays unique in the journal whatever becomes of the table of answers."""
    return f"{write.actor.user_id}:{write.key}"
