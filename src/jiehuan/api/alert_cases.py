"""Cases of the early warning: opened by grave alerts or by a person, closed with what was found and what was done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlalchemy import Connection, Select, func, select

from jiehuan.api.access import Keys, Store
from jiehuan.api.alerts import AlertRow
from jiehuan.api.clock import moment
from jiehuan.api.errors import NotFound
from jiehuan.api.masking import BorrowerOut, borrower_of
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Body, Id, Page, Record, Remark, spoken
from jiehuan.api.writes import Write
from jiehuan.store.tables import alert, alert_case, borrower
from jiehuan.store.vault import Vault
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/alert-cases", tags=["alert cases"])

Measure = Literal["none", "contact", "line", "plan", "legal"]


class AlertCaseRow(Record):
    """A case: ``status`` is open or closed; ``verdict`` and ``measure`` say what was found and done. ``alerts``: how many it has."""

    case_id: str
    account_id: str
    loan_id: str | None
    severity: str
    status: str
    opened_at: datetime
    opened_by: str
    verdict: str | None
    measure: str | None
    remark: str
    closed_at: datetime | None
    closed_by: str | None
    alerts: int


class AlertCasePage(Page):
    """A page of cases."""

    items: list[AlertCaseRow]


class AlertCaseOut(AlertCaseRow):
    """One case with its alerts, newest first, and whose account it is (null: not a borrower of this book)."""

    members: list[AlertRow]
    borrower: BorrowerOut | None


class OpenCase(Body):
    """Alerts of one account; the account's other open alerts come with them."""

    alert_ids: list[Id] = Field(min_length=1, max_length=50)


class CloseCase(Body):
    """What was found, and what was done."""

    verdict: Literal["confirmed", "dismissed"]
    measure: Measure
    remark: Remark = ""


@router.get("")
def list_alert_cases(
    database: Store,
    paging: Paging,
    status: Annotated[Literal["open", "closed"] | None, Query()] = None,
    severity: Annotated[Literal["info", "warning", "critical"] | None, Query()] = None,
    account_id: Annotated[Id | None, Query()] = None,
) -> AlertCasePage:
    """Cases, newest first."""
    rows = _cases()
    for name, value in {"status": status, "severity": severity, "account_id": account_id}.items():
        if value is not None:
            rows = rows.where(alert_case.c[name] == value)
    sortable = {name: alert_case.c[name] for name in ("opened_at", "severity", "status", "closed_at")}
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "-opened_at", alert_case.c.case_id)
    items = [AlertCaseRow(**spoken(row)) for row in found]
    return AlertCasePage(total=total, page=paging.page, size=paging.size, items=items)


@router.get("/{case_id}")
def get_alert_case(database: Store, vault: Keys, case_id: Annotated[Id, Path()]) -> AlertCaseOut:
    """One case with its alerts."""
    with database.connect() as connection:
        return _case(connection, vault, case_id)


@router.post("")
def open_alert_case(write: Write, vault: Keys, body: OpenCase) -> AlertCaseOut:
    """Open a case for alerts, or let them join their account's open one."""
    from jiehuan.flow.alert_cases import open_case

    def act(connection: Connection) -> AlertCaseOut:
        case_id = open_case(connection, body.alert_ids, write.actor.login, moment(connection))
        return _case(connection, vault, case_id)

    return write.once(AlertCaseOut, act)


@router.post("/{case_id}/close")
def close_alert_case(write: Write, vault: Keys, case_id: Annotated[Id, Path()], body: CloseCase) -> AlertCaseOut:
    """Close a case; the verdict goes to its alerts that nobody judged, and so back to the signals."""
    from jiehuan.flow.alert_cases import close_case

    def act(connection: Connection) -> AlertCaseOut:
        _case(connection, vault, case_id)
        now = moment(connection)
        close_case(connection, case_id, body.verdict, body.measure, body.remark, write.actor.login, now)
        return _case(connection, vault, case_id)

    return write.once(AlertCaseOut, act)


def _cases() -> Select[Any]:
    count = select(func.count()).where(alert.c.case_id == alert_case.c.case_id).scalar_subquery()
    return select(alert_case, count.label("alerts"))


def _case(connection: Connection, vault: Vault, case_id: str) -> AlertCaseOut:
    row = connection.execute(_cases().where(alert_case.c.case_id == case_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(Problem("case_id", case_id, "no such case", "look in GET /api/alert-cases"))
    members = connection.execute(
        select(alert).where(alert.c.case_id == case_id).order_by(alert.c.at.desc(), alert.c.alert_id).limit(200)
    ).mappings()
    known = connection.execute(
        select(borrower.c.borrower_id).where(borrower.c.borrower_id == row["account_id"])
    ).scalar_one_or_none()
    return AlertCaseOut(
        **spoken(row),
        members=[AlertRow(**spoken(each)) for each in members],
        borrower=borrower_of(connection, vault, known) if known else None,
    )
