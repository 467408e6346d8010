"""An account in time: what went through it, what fell due and was paid, alerts, changes of the line, contacts, cases."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from sqlalchemy import Connection, func, select

from jiehuan.api.access import Acting, Keys, Store
from jiehuan.api.alerts import AlertRow
from jiehuan.api.clock import shown_day
from jiehuan.api.errors import NotFound
from jiehuan.api.lines import LineChange, change_out
from jiehuan.api.masking import BorrowerOut, borrower_of
from jiehuan.api.shapes import Id, Rate, Record, Yuan, spoken, yuan
from jiehuan.store.tables import (
    alert,
    alert_case,
    application,
    contact,
    credit_line,
    disposal,
    legal_case,
    line_change,
    loan,
    loan_event,
    loan_state,
    signal_event,
)
from jiehuan.units.days import CHINA, add_months
from jiehuan.units.errors import Problem
from jiehuan.units.money import format_yuan

router = APIRouter(prefix="/api/accounts", tags=["accounts"])

MOST = 2000
"""Transactions told one by one; of a busier account each day's sums by kind."""

SEE_TRANSACTIONS = {"risk", "auditor"}
"""Roles that see single transactions: those who judge alerts, and those who look over them."""


class LoanBrief(Record):
    """A loan of the account, as it stands."""

    loan_id: str
    product: str
    principal: Yuan
    rate: Rate
    drawn_on: date
    status: str
    outstanding: Yuan
    overdue: Yuan
    dpd: int


class Transaction(Record):
    """Money or an act on the account; ``count`` above 1: a day's events of a kind together."""

    at: datetime
    kind: str
    amount: Yuan
    channel: str
    count: int


class Instalment(Record):
    """What fell or falls due: ``paid`` of ``amount`` so far; ``status`` as in the loan's schedule."""

    loan_id: str
    n: int
    due: date
    amount: Yuan
    paid: Yuan
    status: str


class Payment(Record):
    """Money that came for a loan."""

    loan_id: str
    on: date
    kind: str
    amount: Yuan | None


class ContactPoint(Record):
    """A contact that was made, tried or stopped."""

    at: datetime
    loan_id: str
    channel: str
    status: str


class Span(Record):
    """Something with a beginning and perhaps an end. ``what``: alert_case, legal_case, application, disposal."""

    what: str
    id: str
    begin: date
    end: date | None
    status: str
    detail: str


class Timeline(Record):
    """Everything on one axis, from ``since`` to ``until``; lists are in the order of time. ``on``: the book's day."""

    borrower: BorrowerOut
    on: date
    since: date
    until: date
    loans: list[LoanBrief]
    limit: Yuan | None
    rate: Rate | None
    transactions: list[Transaction]
    transactions_hidden: bool
    instalments: list[Instalment]
    payments: list[Payment]
    alerts: list[AlertRow]
    changes: list[LineChange]
    contacts: list[ContactPoint]
    spans: list[Span]


@router.get("/{borrower_id}/timeline")
def account_timeline(
    database: Store,
    vault: Keys,
    actor: Acting,
    borrower_id: Annotated[Id, Path()],
    months: Annotated[int, Query(ge=1, le=60, description="How far back.")] = 12,
) -> Timeline:
    """An account of a borrower: its months up to the book's day, and the instalments still to come within three."""
    from jiehuan.flow.servicing import load_loans

    with database.connect() as connection:
        person = borrower_of(connection, vault, borrower_id)
        on = shown_day(connection)
        since, until = add_months(on, -months), add_months(on, 3)
        begin = datetime.combine(since, datetime.min.time(), CHINA)
        rows = connection.execute(
            select(
                loan,
                loan_state.c.status,
                loan_state.c.principal_outstanding_fen,
                loan_state.c.overdue_fen,
                loan_state.c.dpd,
            )
            .join(loan_state, loan_state.c.loan_id == loan.c.loan_id)
            .where(loan.c.borrower_id == borrower_id)
            .order_by(loan.c.drawn_on.desc(), loan.c.loan_id)
        ).all()
        if not rows and not _known_otherwise(connection, borrower_id):
            raise NotFound(
                Problem("borrower_id", borrower_id, "has neither loan nor line nor event", "look among the loans")
            )
        held = list(load_loans(connection, [row.loan_id for row in rows])) if rows else []
        now = connection.execute(select(credit_line).where(credit_line.c.borrower_id == borrower_id)).one_or_none()
        sees = actor.role in SEE_TRANSACTIONS
        return Timeline(
            borrower=person, on=on, since=since, until=until,
            loans=[
                LoanBrief(
                    loan_id=row.loan_id, product=row.product, principal=format_yuan(row.principal_fen), rate=f"{row.rate_ppm / 1e6:.6f}",
                    drawn_on=row.drawn_on, status=row.status, outstanding=format_yuan(row.principal_outstanding_fen),
                    overdue=format_yuan(row.overdue_fen), dpd=row.dpd,
                )
                for row in rows
            ],
            limit=yuan(now.limit_fen) if now else None, rate=f"{now.rate_ppm / 1e6:.6f}" if now else None,
            transactions=_transactions(connection, borrower_id, begin) if sees else [], transactions_hidden=not sees,
            instalments=_instalments(held, on, since, until), payments=_payments(connection, [row.loan_id for row in rows], since),
            alerts=[
                AlertRow(**spoken(row))
                for row in _of(connection, alert, alert.c.account_id == borrower_id, alert.c.at, begin)
            ],
            changes=[
                change_out(row) for row in _of(connection, line_change, line_change.c.borrower_id == borrower_id, line_change.c.on, since)
            ],
            contacts=[
                ContactPoint(at=row["at"].astimezone(CHINA), loan_id=row["loan_id"], channel=row["channel"], status=row["status"])
                for row in _of(connection, contact, contact.c.borrower_id == borrower_id, contact.c.at, begin)
            ],
            spans=_spans(connection, borrower_id, [row.loan_id for row in rows]),
        )  # fmt: skip


def _known_otherwise(connection: Connection, borrower_id: str) -> bool:
    places = (
        select(application.c.application_id).where(application.c.borrower_id == borrower_id),
        select(credit_line.c.borrower_id).where(credit_line.c.borrower_id == borrower_id),
        select(signal_event.c.event_id).where(signal_event.c.account_id == borrower_id),
    )
    return any(connection.execute(place.limit(1)).first() for place in places)


def _of(connection: Connection, table: Any, mine: Any, column: Any, since: Any) -> Any:
    return connection.execute(select(table).where(mine, column >= since).order_by(column).limit(MOST)).mappings()


def _transactions(connection: Connection, account: str, begin: datetime) -> list[Transaction]:
    mine = (signal_event.c.account_id == account, signal_event.c.at >= begin)
    total = connection.execute(select(func.count()).where(*mine)).scalar_one()
    if total <= MOST:
        rows = connection.execute(
            select(signal_event).where(*mine).order_by(signal_event.c.at, signal_event.c.event_id)
        ).all()
        return [
            Transaction(
                at=row.at.astimezone(CHINA),
                kind=row.kind,
                amount=format_yuan(row.amount_fen),
                channel=row.channel,
                count=1,
            )
            for row in rows
        ]
    day = func.date_trunc("day", signal_event.c.at, "Asia/Shanghai")
    rows = connection.execute(
        select(
            day.label("at"),
            signal_event.c.kind,
            func.sum(signal_event.c.amount_fen).label("amount"),
            func.count().label("count"),
        )
        .where(*mine)
        .group_by(day, signal_event.c.kind)
        .order_by(day, signal_event.c.kind)
    ).all()
    return [
        Transaction(
            at=row.at.astimezone(CHINA),
            kind=row.kind,
            amount=format_yuan(int(row.amount)),
            channel="",
            count=row._mapping["count"],
        )
        for row in rows
    ]


def _instalments(held: Any, on: date, since: date, until: date) -> list[Instalment]:
    found = []
    for one in held:
        for row in one.state(max(on, one.terms.drawn_on)).schedule:
            if since <= row.due <= until:
                found.append(
                    Instalment(
                        loan_id=one.loan_id, n=row.n, due=row.due, amount=format_yuan(row.principal_fen + row.interest_fen),
                        paid=format_yuan(row.paid_principal_fen + row.paid_interest_fen), status=row.status,
                    )
                )  # fmt: skip
    return sorted(found, key=lambda row: (row.due, row.loan_id))


def _payments(connection: Connection, loan_ids: list[str], since: date) -> list[Payment]:
    kinds = ("repayment", "prepayment", "settlement", "recovery")
    rows = connection.execute(
        select(loan_event)
        .where(loan_event.c.loan_id.in_(loan_ids), loan_event.c.kind.in_(kinds), loan_event.c.effective_on >= since)
        .order_by(loan_event.c.effective_on, loan_event.c.seq)
        .limit(MOST)
    ).all()
    undone = set(
        connection.execute(
            select(loan_event.c.body["of"].astext).where(
                loan_event.c.loan_id.in_(loan_ids), loan_event.c.kind == "reversal"
            )
        ).scalars()
    )
    return [
        Payment(loan_id=row.loan_id, on=row.effective_on, kind=row.kind, amount=_amount(row.body))
        for row in rows
        if row.event_id not in undone
    ]


def _amount(body: dict[str, Any]) -> str | None:
    return format(body["amount"]) if body.get("amount") is not None else yuan(body.get("amount_fen"))


def _spans(connection: Connection, borrower_id: str, loan_ids: list[str]) -> list[Span]:
    spans = [
        Span(
            what="application",
            id=row.application_id,
            begin=row.applied_at.astimezone(CHINA).date(),
            end=None,
            status=row.status,
            detail="",
        )
        for row in connection.execute(select(application).where(application.c.borrower_id == borrower_id))
    ]
    for row in connection.execute(select(alert_case).where(alert_case.c.account_id == borrower_id)):
        end = row.closed_at.astimezone(CHINA).date() if row.closed_at else None
        begin = row.opened_at.astimezone(CHINA).date()
        spans.append(
            Span(what="alert_case", id=row.case_id, begin=begin, end=end, status=row.status, detail=row.severity)
        )
    for row in connection.execute(select(legal_case).where(legal_case.c.loan_id.in_(loan_ids))):
        spans.append(
            Span(
                what="legal_case", id=row.case_id, begin=row.opened_on, end=None, status=row.stage, detail=row.procedure
            )
        )
    for row in connection.execute(
        select(disposal).where(disposal.c.loan_id.in_(loan_ids), disposal.c.status == "done")
    ):
        spans.append(
            Span(what="disposal", id=row.disposal_id, begin=row.on, end=None, status=row.status, detail=row.kind)
        )
    return sorted(spans, key=lambda span: (span.begin, span.id))
