"""Alerts of the early warning: the list, one with its picture, and what people found when they looked."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlalchemy import Connection, func, select

from jiehuan.api.access import Store
from jiehuan.api.clock import moment
from jiehuan.api.errors import NotFound
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Body, Id, Page, Record, Remark, Share, Yuan, share, spoken, yuan
from jiehuan.api.writes import Write
from jiehuan.flow.activity import note
from jiehuan.flow.watch import judge_alert
from jiehuan.store.tables import alert, credit_line, loan_state, signal_event
from jiehuan.store.tables import loan as loan_table
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused

router = APIRouter(prefix="/api/alerts", tags=["alerts"])

PICTURE_DAYS = 45


class AlertRow(Record):
    """An alert: which rule fired on which account, with the evidence; ``status`` is open, confirmed or dismissed."""

    alert_id: str
    account_id: str
    loan_id: str | None
    at: datetime
    rule: str
    severity: str
    evidence: dict[str, Any]
    event_id: str | None
    status: str
    handled_by: str | None
    handled_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    case_id: str | None


class AlertPage(Page):
    """A page of alerts."""

    items: list[AlertRow]


class DayOfEvents(Record):
    """One day of an account: its events of the kind that raised the alert, and of all kinds."""

    on: date
    count: int
    amount: Yuan
    all_count: int
    all_amount: Yuan


class RuleRecordOut(Record):
    """How often a signal was right, as people judged it: ``share`` of the judged, hardly below ``low`` or above ``high``."""

    rule: str
    alerts: int
    confirmed: int
    dismissed: int
    share: Share | None
    low: Share
    high: Share


class AlertOut(AlertRow):
    """One alert with what helps to judge it: the account's days before it, how it stands, its other alerts, the signal's record."""

    days: list[DayOfEvents]
    outstanding: Yuan
    overdue: Yuan
    dpd: int
    line_limit: Yuan | None
    others: list[AlertRow]
    record: RuleRecordOut | None


class Feedback(Body):
    """What a person found: the alert was right, or it was not. ``note`` says why, without personal data."""

    status: Literal["confirmed", "dismissed"]
    note: Remark = Field("", description="Kept in the diary.")


@router.get("")
def list_alerts(
    database: Store,
    paging: Paging,
    status: Annotated[Literal["open", "confirmed", "dismissed"] | None, Query()] = None,
    severity: Annotated[Literal["info", "warning", "critical"] | None, Query()] = None,
    rule: Annotated[Id | None, Query()] = None,
    loan_id: Annotated[Id | None, Query()] = None,
    account_id: Annotated[Id | None, Query()] = None,
    case_id: Annotated[Id | None, Query()] = None,
) -> AlertPage:
    """Alerts, newest first."""
    rows = select(alert)
    wanted = {
        "status": status, "severity": severity, "rule": rule, "loan_id": loan_id, "account_id": account_id, "case_id": case_id,
    }  # fmt: skip
    for name, value in wanted.items():
        if value is not None:
            rows = rows.where(alert.c[name] == value)
    sortable = {name: alert.c[name] for name in ("at", "rule", "severity", "status", "account_id")}
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "-at", alert.c.alert_id)
    return AlertPage(total=total, page=paging.page, size=paging.size, items=[AlertRow(**spoken(row)) for row in found])


@router.get("/{alert_id}")
def get_alert(database: Store, alert_id: Annotated[Id, Path()]) -> AlertOut:
    """One alert, with the days before it and what else is known."""
    with database.connect() as connection:
        row = _row(connection, alert_id)
        others = connection.execute(
            select(alert)
            .where(alert.c.account_id == row["account_id"], alert.c.alert_id != alert_id)
            .order_by(alert.c.at.desc(), alert.c.alert_id)
            .limit(10)
        ).mappings()
        state = connection.execute(
            select(
                func.coalesce(func.sum(loan_state.c.principal_outstanding_fen), 0).label("outstanding"),
                func.coalesce(func.sum(loan_state.c.overdue_fen), 0).label("overdue"),
                func.coalesce(func.max(loan_state.c.dpd), 0).label("dpd"),
            )
            .join(loan_table, loan_table.c.loan_id == loan_state.c.loan_id)
            .where(loan_table.c.borrower_id == row["account_id"])
        ).one()
        limit = connection.execute(
            select(credit_line.c.limit_fen).where(credit_line.c.borrower_id == row["account_id"])
        ).scalar_one_or_none()
        return AlertOut(
            **spoken(row),
            days=_days(connection, row),
            outstanding=yuan(int(state.outstanding)) or "0.00",
            overdue=yuan(int(state.overdue)) or "0.00",
            dpd=state.dpd,
            line_limit=yuan(limit),
            others=[AlertRow(**spoken(each)) for each in others],
            record=next((one for one in records(connection) if one.rule == row["rule"]), None),
        )


@router.post("/{alert_id}/acknowledge")
def acknowledge_alert(write: Write, alert_id: Annotated[Id, Path()]) -> AlertRow:
    """Say that one looks into it; the first who says so is kept."""
    from jiehuan.flow.alert_cases import acknowledge

    def act(connection: Connection) -> AlertRow:
        _row(connection, alert_id)
        acknowledge(connection, alert_id, write.actor.login, moment(connection))
        return AlertRow(**spoken(_row(connection, alert_id)))

    return write.once(AlertRow, act)


@router.post("/{alert_id}/feedback")
def give_feedback(write: Write, alert_id: Annotated[Id, Path()], body: Feedback) -> AlertRow:
    """Confirm or dismiss an open alert; what was once said about an alert stays."""

    def act(connection: Connection) -> AlertRow:
        row = (
            connection.execute(select(alert).where(alert.c.alert_id == alert_id).with_for_update())
            .mappings()
            .one_or_none()
        )
        if row is None:
            raise NotFound(Problem("alert_id", alert_id, "no such alert", "look in GET /api/alerts"))
        if row["status"] != "open":
            raise Refused(
                Problem("alert", alert_id, f"already {row['status']} by {row['handled_by']}", "read it again")
            )
        now = moment(connection)
        judge_alert(connection, alert_id, body.status, write.actor.login, now)
        if body.note:
            note(connection, now, write.actor.login, "commented", alert_id, {"note": body.note})
        return AlertRow(**spoken(_row(connection, alert_id)))

    return write.once(AlertRow, act)


def records(connection: Connection) -> list[RuleRecordOut]:
    """What people said of each signal so far."""
    from jiehuan.flow.outcomes import rule_records

    return [
        RuleRecordOut(
            rule=one.rule, alerts=one.alerts, confirmed=one.confirmed, dismissed=one.dismissed,
            share=share(one.confirmed, one.judged) if one.judged else None, low=f"{one.low:.6f}", high=f"{one.high:.6f}",
        )
        for one in rule_records(connection, moment(connection) + timedelta(days=1))
    ]  # fmt: skip


def _row(connection: Connection, alert_id: str) -> Any:
    row = connection.execute(select(alert).where(alert.c.alert_id == alert_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(Problem("alert_id", alert_id, "no such alert", "look in GET /api/alerts"))
    return row


def _days(connection: Connection, row: Any) -> list[DayOfEvents]:
    """Each day up to the alert's, also those without an event."""
    last = row["at"].astimezone(CHINA).date()
    first = last - timedelta(days=PICTURE_DAYS - 1)
    kind = connection.execute(
        select(signal_event.c.kind).where(signal_event.c.event_id == row["event_id"])
    ).scalar_one_or_none()
    day = func.date(func.timezone("Asia/Shanghai", signal_event.c.at))
    mine = signal_event.c.kind == (kind or "")
    found = connection.execute(
        select(
            day.label("on"),
            func.count().filter(mine).label("events"),
            func.coalesce(func.sum(signal_event.c.amount_fen).filter(mine), 0).label("amount"),
            func.count().label("all_events"),
            func.coalesce(func.sum(signal_event.c.amount_fen), 0).label("all_amount"),
        )
        .where(signal_event.c.account_id == row["account_id"], day >= first, day <= last, signal_event.c.at <= row["at"])
        .group_by(day)
    )  # fmt: skip
    known = {each.on: each for each in found}
    days = []
    for n in range(PICTURE_DAYS):
        on = first + timedelta(days=n)
        one = known.get(on)
        days.append(
            DayOfEvents(
                on=on, count=one.events if one else 0, amount=yuan(int(one.amount) if one else 0) or "", all_count=one.all_events if one else 0,
                all_amount=yuan(int(one.all_amount) if one else 0) or "",
            )
        )  # fmt: skip
    return days
