"""Report: the book on a day as one page and its tables, PDF and HTML, with what was decided, watched, collected and litigated."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Table, func, insert, select, text

from jiehuan.book import read_tape
from jiehuan.book.figures import figures
from jiehuan.book.report import report as set_report
from jiehuan.flow.activity import note
from jiehuan.flow.lender import lender_of
from jiehuan.store import tables
from jiehuan.store.files import put_file
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import derived_id
from jiehuan.units.money import format_yuan

if TYPE_CHECKING:
    import polars as pl


def report(connection: Connection, on: date) -> dict[str, Any]:
    """Make the report of the book as photographed on or before ``on``; ids of report and files, and the figures."""
    stack = snapshots(connection, on)
    if stack.height == 0:
        raise Refused(Problem("report", str(on), "no photograph of the book up to this day", "run day end at a month's end"))
    lender = lender_of(connection)
    made = figures(stack, on, lender=f"{lender['name_zh']} {lender['name_en']}", outcomes=outcomes(connection, on))
    pdf, html = set_report(made)
    report_id = derived_id("re", on)
    names = {"kind": "report", "subject": report_id}
    pdf_file = put_file(connection, pdf, name=f"report-{on}.pdf", media_type="application/pdf", **names)
    html_file = put_file(connection, html.encode(), name=f"report-{on}.html", media_type="text/html", **names)
    connection.execute(tables.report.delete().where(tables.report.c.report_id == report_id))
    connection.execute(
        insert(tables.report).values(report_id=report_id, on=on, figures=made, pdf_file=pdf_file, html_file=html_file)
    )
    note(connection, datetime.combine(on, time(23, 59), CHINA), "system", "reported", report_id, {"pdf": pdf_file})
    return {"report_id": report_id, "pdf_file": pdf_file, "html_file": html_file, "figures": made}


def snapshots(connection: Connection, on: date) -> pl.DataFrame:
    """The photographs of the book up to a day as a stack of tapes."""
    import polars as pl

    rows = connection.execute(
        select(
            tables.loan.c.loan_id, tables.loan.c.borrower_id, tables.loan.c.product, tables.loan.c.region,
            tables.loan.c.lender_type, tables.loan.c.drawn_on, tables.loan.c.principal_fen, tables.loan.c.months,
            (tables.loan.c.rate_ppm / 1e6).label("rate"), tables.loan.c.method, tables.loan.c.channel,
            tables.book_snapshot.c.as_of, tables.book_snapshot.c.outstanding_fen, tables.book_snapshot.c.overdue_fen,
            tables.book_snapshot.c.dpd, tables.book_snapshot.c["class"], tables.book_snapshot.c.status,
        )
        .join(tables.book_snapshot, tables.book_snapshot.c.loan_id == tables.loan.c.loan_id)
        .where(tables.book_snapshot.c.as_of <= on)
        .order_by(tables.book_snapshot.c.as_of, tables.loan.c.loan_id)
    ).mappings()  # fmt: skip
    frame = pl.DataFrame([dict(row) for row in rows], infer_schema_length=None)
    return read_tape(frame)[0] if frame.height else frame


def outcomes(connection: Connection, on: date) -> list[dict[str, Any]]:
    """What was done and what it brought, as groups of facts in both languages."""
    until = datetime.combine(on + timedelta(days=1), time(), CHINA)

    def count(table: Table, *where: ColumnElement[bool]) -> int:
        return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())

    decided = tables.decision.c.decided_at < until
    contact = (tables.contact.c.at < until, tables.contact.c.status.in_(("sent", "answered", "unanswered")))
    cases = select(func.count(), func.coalesce(func.sum(tables.legal_case.c.claim_fen), 0))
    opened, claimed = connection.execute(cases.where(tables.legal_case.c.opened_on <= on)).one()
    disposed = select(func.count(), func.coalesce(func.sum(tables.disposal.c.value_fen), 0))
    valued, worth = connection.execute(disposed.where(tables.disposal.c.on <= on)).one()
    return [
        _group("审批", "Decisions", [
            ("通过", "Approved", count(tables.decision, decided, tables.decision.c.outcome == "approve")),
            ("拒绝", "Refused", count(tables.decision, decided, tables.decision.c.outcome == "refuse")),
            ("转人工", "To review", count(tables.decision, decided, tables.decision.c.outcome == "review")),
        ]),
        _group("预警与额度", "Warnings and lines", [
            ("预警", "Alerts", count(tables.alert, tables.alert.c.at < until)),
            ("额度调整", "Line changes", count(tables.line_change, tables.line_change.c.on <= on, tables.line_change.c.arm == "treated")),
            ("对照组", "Held out", count(tables.line_change, tables.line_change.c.on <= on, tables.line_change.c.arm == "holdout")),
        ]),
        _group("催收", "Collections", [
            ("触达次数", "Contacts", count(tables.contact, *contact)),
            ("被规则拦截", "Blocked by rules", count(tables.contact, tables.contact.c.at < until, tables.contact.c.status == "blocked")),
            ("逾期贷款还款（元）", "Paid on overdue loans (yuan)", format_yuan(_paid_after_contact(connection, on))),
        ]),
        _group("法律与处置", "Law and disposal", [
            ("案件", "Cases", opened), ("诉请金额（元）", "Claimed (yuan)", format_yuan(int(claimed))),
            ("估值笔数", "Claims valued", valued), ("估值（元）", "Worth (yuan)", format_yuan(int(worth))),
        ]),
    ]  # fmt: skip


def _paid_after_contact(connection: Connection, on: date) -> int:
    """Cash received on loans within seven days after a contact about them; what it proves is the holdout's to say."""
    found = text(
        "SELECT coalesce(sum(amount), 0) FROM ("
        " SELECT DISTINCT e.loan_id, e.event_id, (e.body->>'amount')::numeric * 100 AS amount"
        " FROM loan_event e JOIN contact c ON c.loan_id = e.loan_id"
        " AND e.effective_on BETWEEN (c.at AT TIME ZONE 'Asia/Shanghai')::date"
        " AND (c.at AT TIME ZONE 'Asia/Shanghai')::date + 7"
        " WHERE e.kind = 'repayment' AND c.status <> 'blocked' AND e.effective_on <= :until) paid"
    )
    return int(connection.execute(found, {"until": on}).scalar_one())


def _group(zh: str, en: str, facts: list[tuple[str, str, Any]]) -> dict[str, Any]:
    return {"zh": zh, "en": en, "facts": [{"zh": z, "en": e, "value": str(value)} for z, e, value in facts]}
