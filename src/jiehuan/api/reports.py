"""Reports to management: the figures, and the PDF and HTML that tell them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from sqlalchemy import Connection, select

from jiehuan.api.access import Store
from jiehuan.api.clock import shown_day
from jiehuan.api.errors import NotFound
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Body, Id, Page, Record, spoken
from jiehuan.api.writes import Write
from jiehuan.store.tables import report
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/reports", tags=["reports"])


class ReportRow(Record):
    """A report in the list; the files are fetched from GET /api/files/{file_id}."""

    report_id: str
    on: date
    pdf_file: str
    html_file: str
    created_at: datetime


class ReportPage(Page):
    """A page of reports."""

    items: list[ReportRow]


class ReportOut(ReportRow):
    """One report with its figures."""

    figures: dict[str, Any]


@router.get("")
def list_reports(database: Store, paging: Paging) -> ReportPage:
    """Reports, newest first."""
    rows = select(*[column for column in report.c if column.name != "figures"])
    sortable = {"on": report.c.on, "created_at": report.c.created_at}
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "-created_at", report.c.report_id)
    return ReportPage(
        total=total, page=paging.page, size=paging.size, items=[ReportRow(**spoken(row)) for row in found]
    )


@router.get("/{report_id}")
def get_report(database: Store, report_id: Annotated[Id, Path()]) -> ReportOut:
    """One report with its figures."""
    with database.connect() as connection:
        row = connection.execute(select(report).where(report.c.report_id == report_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(Problem("report_id", report_id, "no such report", "look in GET /api/reports"))
    return ReportOut(**spoken(row))


class NewReport(Body):
    """The day to report on (default: the book's)."""

    on: date | None = None


@router.post("", status_code=201)
def make_report(write: Write, body: NewReport) -> ReportOut:
    """Make the report of a day, PDF and HTML, from the last photograph of the book on or before it."""
    from jiehuan.flow.report import report as make

    def act(connection: Connection) -> ReportOut:
        made = make(connection, body.on or shown_day(connection))
        row = connection.execute(select(report).where(report.c.report_id == made["report_id"])).mappings().one()
        return ReportOut(**spoken(row))

    return write.once(ReportOut, act, 201)
