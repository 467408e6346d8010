"""After the money is out: repay, day end, watch, adjust, collect, litigate, dispose, report; each thin, each through the books."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select
from tests.flow.conftest import at

from jiehuan.collect.contact import Contact
from jiehuan.flow.adjust import adjust
from jiehuan.flow.collect import collect, record_outcome, send
from jiehuan.flow.day_end import day_end
from jiehuan.flow.demo.mail_server import mail_server
from jiehuan.flow.dispose import carry_out, dispose, sale_tape, sold
from jiehuan.flow.gateway import Mailer
from jiehuan.flow.lender import keep_lender
from jiehuan.flow.litigate import file_case, litigate, meet_deadline
from jiehuan.flow.repay import repay
from jiehuan.flow.report import report
from jiehuan.flow.servicing import load_loan
from jiehuan.flow.watch import Watcher, judge_alert
from jiehuan.store import tables
from jiehuan.store.audit import audit
from jiehuan.store.database import Database
from jiehuan.store.files import get_file
from jiehuan.store.rows import upsert
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Conflict, Refused
from jiehuan.units.money import parse_yuan

TODAY = date(2025, 12, 1)


def overdue_loan(lender: Database) -> str:
    with lender.connect() as connection:
        found = select(tables.loan_state.c.loan_id).where(tables.loan_state.c.dpd > 90, tables.loan_state.c.status == "active")
        return str(connection.execute(found.order_by(tables.loan_state.c.loan_id).limit(1)).scalar_one())


def faults(lender: Database) -> list[Any]:
    return [check for check in audit(lender) if check.problems]


def test_a_repayment_is_allocated_once(lender: Database) -> None:
    loan_id = overdue_loan(lender)
    with lender.begin() as connection:
        before = load_loan(connection, loan_id).state(TODAY)
        first = repay(connection, loan_id, 50_000, TODAY, "key-1")
        assert repay(connection, loan_id, 50_000, TODAY, "key-1") == first
        with pytest.raises(Conflict):
            repay(connection, loan_id, 60_000, TODAY, "key-1")
        after = load_loan(connection, loan_id).state(TODAY)
    assert sum(parse_yuan(amount) for amount in first["paid"].values()) == 50_000
    owed = [
        state.principal_outstanding_fen + state.interest_due_fen + state.penalty_due_fen + state.costs_due_fen
        for state in (before, after)
    ]
    assert owed[0] - owed[1] == 50_000
    with lender.connect() as connection:
        told = select(func.count()).select_from(tables.outbox).where(tables.outbox.c.topic == "loan.repaid")
        assert connection.execute(told).scalar_one() == 1
    assert faults(lender) == []


def test_a_payment_found_late_rebuilds_the_loan_and_the_books_say_when_it_was_known(lender: Database) -> None:
    loan_id = overdue_loan(lender)
    with lender.begin() as connection:
        day_end(connection, TODAY)
        repay(connection, loan_id, 40_000, TODAY - timedelta(days=40), "late", known_on=TODAY)
        known = connection.execute(
            select(func.max(tables.entry.c.known)).where(tables.entry.c.loan_id == loan_id)
        ).scalar_one()
        effective = connection.execute(
            select(tables.entry.c.effective).where(tables.entry.c.loan_id == loan_id, tables.entry.c.kind == "repayment")
        ).scalars()
        assert known == TODAY
        assert TODAY - timedelta(days=40) in set(effective)
    assert faults(lender) == []


def test_catching_up_over_days_is_day_by_day(lender: Database, new_database: Any, lender_template: Any) -> None:
    name, home = lender_template
    kept = list(tables.loan_state.c)
    with lender.begin() as connection:
        day_end(connection, TODAY + timedelta(days=9))
        at_once = connection.execute(select(*kept).order_by(tables.loan_state.c.loan_id)).all()
    with new_database(home, name) as other, other.begin() as connection:
        for days in range(10):
            day_end(connection, TODAY + timedelta(days=days))
        by_day = connection.execute(select(*kept).order_by(tables.loan_state.c.loan_id)).all()
    assert at_once == by_day
    assert faults(lender) == []


def test_day_end_twice_changes_nothing(lender: Database) -> None:
    with lender.begin() as connection:
        day_end(connection, date(2025, 12, 31))
        count = select(func.count()).select_from(tables.entry)
        before = connection.execute(count).scalar_one()
        assert day_end(connection, date(2025, 12, 31))["entries"] == 0
        assert connection.execute(count).scalar_one() == before
        photographed = connection.execute(
            select(func.count()).select_from(tables.book_snapshot).where(tables.book_snapshot.c.as_of == date(2025, 12, 31))
        ).scalar_one()
    assert photographed > 0


def missed(borrower: str, n: int, on: date, kind: str = "debit_failed") -> dict[str, Any]:
    moment = datetime(on.year, on.month, on.day, 21, tzinfo=CHINA)
    return {"event_id": f"e{n}", "account_id": borrower, "at": moment.isoformat(), "kind": kind, "amount_fen": 91_680}


def test_events_raise_alerts_once_and_a_bad_row_stops_nothing(lender: Database) -> None:
    with lender.begin() as connection:
        borrower = load_loan(connection, overdue_loan(lender)).row["borrower_id"]
        rows = [
            missed(borrower, 1, TODAY), {"event_id": "bad", "account_id": borrower, "at": "yesterday", "kind": "debit_failed"},
            missed(borrower, 2, TODAY, "flying"), missed(borrower, 3, TODAY + timedelta(days=1), "due_missed"),
        ]  # fmt: skip
        told = Watcher().watch(connection, rows, at(TODAY))
        assert told.taken == 2 and len(told.problems) == 2 and told.alerts
        again = Watcher().watch(connection, rows, at(TODAY))
        assert again.taken == 0 and again.alerts == []
        stored = connection.execute(select(tables.alert)).all()
        assert len(stored) == len(told.alerts)
        assert all(row.evidence["zh"] and row.evidence["en"] and row.loan_id for row in stored)
        judge_alert(connection, stored[0].alert_id, "confirmed", "risk", at(TODAY))
        with pytest.raises(Refused, match="no such alert"):
            judge_alert(connection, "al_none", "confirmed", "risk", at(TODAY))


def test_a_restarted_watcher_goes_on_as_one_that_never_stopped(lender: Database) -> None:
    events = [missed("b1", n, TODAY + timedelta(days=2 * n)) for n in range(6)]
    with lender.begin() as connection:
        running = Watcher()
        alone = [alert.alert_id for event in events for alert in running.watch(connection, [event], at(TODAY)).alerts]
        connection.rollback()
    with lender.begin() as connection:
        restarted = [
            alert.alert_id for event in events for alert in Watcher().watch(connection, [event], at(TODAY + timedelta(days=20))).alerts
        ]
    assert restarted == alone


def test_an_alert_lowers_the_line_with_its_reason(lender: Database) -> None:
    with lender.begin() as connection:
        borrowers = list(connection.execute(select(tables.loan.c.borrower_id).distinct().limit(40)).scalars())
        upsert(connection, tables.credit_line, [{"borrower_id": b, "limit_fen": 9_000_000, "rate_ppm": 180_000} for b in borrowers])
        events = [missed(b, 100 * n + k, TODAY + timedelta(days=k)) for n, b in enumerate(borrowers) for k in range(3)]
        Watcher().watch(connection, events, at(TODAY))
        changed = adjust(connection, TODAY + timedelta(days=3))
        assert adjust(connection, TODAY + timedelta(days=3)) == []
        rows = connection.execute(select(tables.line_change)).all()
    lowered = [row for row in rows if row.arm == "treated" and row.new_limit_fen < row.old_limit_fen]
    held = [row for row in rows if row.arm == "holdout"]
    assert len(rows) == len(changed) and lowered
    assert all(row.new_limit_fen == row.old_limit_fen for row in held)
    assert all(row.reasons[0]["zh"] and row.reasons[0]["en"] for row in rows)


def test_the_work_list_is_sent_by_real_mail_within_the_hours(lender: Database, vault: Vault, tmp_path: Path) -> None:
    with mail_server(tmp_path / "inbox") as inbox:
        mailer = Mailer(inbox.host, inbox.port, "service@lender.invalid")
        with lender.begin() as connection:
            keep_lender(connection, {"capacity": {"mail": 400, "sms": 5, "call": 2, "letter": 1}})
            plan_id, plan = collect(connection, at(TODAY, 8))
            assert plan.gap < 0.1
            counts = send(connection, vault, mailer, at(TODAY, 22))
            assert send(connection, vault, mailer, at(TODAY, 22)) == {"sent": 0, "blocked": 0, "failed": 0}
            items = connection.execute(select(tables.work_item).where(tables.work_item.c.plan_id == plan_id)).all()
            mails = connection.execute(
                select(func.count()).select_from(tables.contact).where(tables.contact.c.channel == "mail", tables.contact.c.status == "sent")
            ).scalar_one()
        mailer.close()
        assert counts["sent"] > 0 and len(inbox.files) == mails
        for path in inbox.files:
            message = message_from_bytes(path.read_bytes())
            assert "元" in str(make_header(decode_header(message["Subject"]))) and message["X-Jiehuan-Reference"]
    assert {item.arm for item in items} == {"treated", "holdout"}
    assert all(item.status == "done" and item.action == "none" for item in items if item.arm == "holdout")
    hours = [item.at.astimezone(CHINA).hour for item in items if item.arm == "treated"]
    assert hours and min(hours) >= 8 and max(hours) < 22
    assert faults(lender) == []


def test_a_contact_outside_the_rules_is_never_made(lender: Database, vault: Vault) -> None:
    with lender.begin() as connection:
        collect(connection, at(TODAY, 8))
        call = connection.execute(
            select(tables.work_item).where(tables.work_item.c.action == "call", tables.work_item.c.status == "open").limit(1)
        ).one()
        with pytest.raises(Refused) as refused:
            record_outcome(connection, call.item_id, {"result": "answered"}, "collector", at(TODAY, 23))
        assert refused.value.problems[0].citation
        made = select(func.count()).select_from(tables.contact).where(tables.contact.c.item_id == call.item_id)
        assert connection.execute(made).scalar_one() == 0
        promise = {"amount_fen": 10_000, "due_on": TODAY + timedelta(days=5)}
        record_outcome(connection, call.item_id, {"result": "answered", "promise": promise}, "collector", at(TODAY, 10))
        assert connection.execute(select(tables.promise.c.status)).scalars().all() == ["open"]
    assert Contact("c", "d", at(TODAY), "call").channel == "call"


def test_a_case_has_pleading_fee_and_dates(lender: Database, vault: Vault) -> None:
    with lender.begin() as connection:
        opened, problems = litigate(connection, vault, TODAY, limit=3)
        assert len(opened) == 3, problems
        assert litigate(connection, vault, TODAY, limit=0) == ([], [])
        case = connection.execute(select(tables.legal_case).where(tables.legal_case.c.case_id == opened[0])).one()
        state = load_loan(connection, case.loan_id).state(TODAY)
        owed = state.principal_outstanding_fen + state.interest_due_fen + state.penalty_due_fen + state.costs_due_fen
        assert abs(case.claim_fen - owed) <= 1 and case.fee_fen > 0
        pages = PdfReader(io.BytesIO(get_file(connection, case.pleading_file).content)).pages
        assert "人民法院" in "".join(page.extract_text() for page in pages)
        file_case(connection, opened[0], TODAY + timedelta(days=1), "legal")
        with pytest.raises(Refused, match="only a prepared case"):
            file_case(connection, opened[0], TODAY + timedelta(days=1), "legal")
        dates = connection.execute(select(tables.deadline).where(tables.deadline.c.case_id == opened[0])).all()
        assert dates and all(row.citation and row.zh and row.en for row in dates)
        still = next(row for row in dates if row.done_on is None)
        meet_deadline(connection, still.deadline_id, TODAY + timedelta(days=2), "legal")
        with pytest.raises(Refused):
            meet_deadline(connection, still.deadline_id, TODAY + timedelta(days=2), "legal")
    assert faults(lender) == []


def test_bad_assets_are_valued_disposed_of_and_sold(lender: Database) -> None:
    with lender.begin() as connection:
        made = dispose(connection, TODAY)
        assert made and dispose(connection, TODAY) == []
        rows = connection.execute(select(tables.disposal)).all()
        assert all(row.low_fen <= row.value_fen <= row.high_fen for row in rows)
        for row in rows:
            if row.kind in {"restructure", "writeoff"}:
                carry_out(connection, row.disposal_id, TODAY, "risk")
                with pytest.raises(Refused, match="is done"):
                    carry_out(connection, row.disposal_id, TODAY, "risk")
        if any(row.kind == "sale" for row in rows):
            tape = sale_tape(connection, TODAY, "risk")
            price = parse_yuan(tape["value"])
            assert sold(connection, tape["tape_id"], price, TODAY, "risk") == tape["loans"]
            gone = select(func.count()).select_from(tables.loan_state).where(tables.loan_state.c.status == "sold")
            assert connection.execute(gone).scalar_one() == tape["loans"]
    assert faults(lender) == []


def test_the_report_is_one_pdf_and_one_page_of_html(lender: Database) -> None:
    with lender.begin() as connection:
        day_end(connection, date(2025, 12, 31))
        made = report(connection, date(2025, 12, 31))
        assert report(connection, date(2025, 12, 31))["report_id"] == made["report_id"]
        pdf, html = (get_file(connection, made[f"{kind}_file"]).content for kind in ("pdf", "html"))
        outstanding = connection.execute(
            select(func.sum(tables.loan_state.c.principal_outstanding_fen)).where(tables.loan_state.c.status == "active")
        ).scalar_one()
    assert made["figures"]["totals"]["outstanding_fen"] == outstanding
    assert pdf.startswith(b"%PDF") and len(PdfReader(io.BytesIO(pdf)).pages) >= 1
    assert "<svg" in html.decode() or "data:image" in html.decode()
    assert "http://" not in html.decode().replace("http://www.w3.org", "")
