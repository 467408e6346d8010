"""Alerts of the early warning: the list, and what people found when they looked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlalchemy import Connection, select

from jiehuan.api.access import Store
from jiehuan.api.clock import moment
from jiehuan.api.errors import NotFound
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Body, Id, Page, Record, Remark, spoken
from jiehuan.api.writes import Write
from jiehuan.flow.activity import note
from jiehuan.flow.watch import judge_alert
from jiehuan.store.tables import alert
from jiehuan.units.errors import Problem, Refused

router = APIRouter(prefix="/api/alerts", tags=["alerts"])


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


class AlertPage(Page):
    """A page of alerts."""

    items: list[AlertRow]


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
) -> AlertPage:
    """Alerts, newest first."""
    rows = select(alert)
    wanted = {"status": status, "severity": severity, "rule": rule, "loan_id": loan_id, "account_id": account_id}
    for name, value in wanted.items():
        if value is not None:
            rows = rows.where(alert.c[name] == value)
    sortable = {name: alert.c[name] for name in ("at", "rule", "severity", "status", "account_id")}
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "-at", alert.c.alert_id)
    return AlertPage(total=total, page=paging.page, size=paging.size, items=[AlertRow(**spoken(row)) for row in found])


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
        return AlertRow(
            **spoken(connection.execute(select(alert).where(alert.c.alert_id == alert_id)).mappings().one())
        )

    return write.once(AlertRow, act)
