"""Credit lines in the platform: reviewed monthly and at alerts, decided by people, told to borrowers, judged afterwards, audited."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text, update
from tests.flow.conftest import at

import jiehuan.flow.line_checks  # noqa: F401 - adds the checks
from jiehuan.cli.main import main
from jiehuan.flow.adjust import adjust, adjust_at_alerts, adjust_month, line_accounts
from jiehuan.flow.day_end import day_end
from jiehuan.flow.demo.mail_server import mail_server
from jiehuan.flow.gateway import Mailer
from jiehuan.flow.line_changes import decide_change, put_in_force, send_notices
from jiehuan.flow.outcomes import line_log, rule_records
from jiehuan.flow.watch import Watcher, judge_alert
from jiehuan.line import default_params, evaluate, holdout_arm
from jiehuan.store import tables
from jiehuan.store.audit import audit
from jiehuan.store.database import Database
from jiehuan.store.rows import insert_missing, upsert
from jiehuan.store.vault import Vault, open_vault
from jiehuan.units.errors import InputError, Refused

TODAY = date(2025, 12, 1)
CHANGE = tables.line_change


@pytest.fixture(scope="module")
def template(new_database: Any, lender_template: tuple[str, Path]) -> Iterator[tuple[str, Path]]:
    """Every borrower of the imported book has a line and was judged, well and badly in turn."""
    name, home = lender_template
    with new_database(home, name, keep=True) as opened:
        with opened.begin() as connection:
            judge_all(connection)
        made = str(opened.engine.url.database)
    yield made, home


@pytest.fixture
def lines(new_database: Any, template: tuple[str, Path]) -> Iterator[Database]:
    name, home = template
    with new_database(home, name) as opened:
        yield opened


@pytest.fixture
def vault(lines: Database) -> Vault:
    return open_vault(lines)


def judge_all(connection: Connection) -> None:
    day_end(connection, TODAY)
    owed = connection.execute(
        select(tables.loan.c.borrower_id, func.sum(tables.loan_state.c.principal_outstanding_fen).label("balance"))
        .join(tables.loan_state, tables.loan_state.c.loan_id == tables.loan.c.loan_id)
        .group_by(tables.loan.c.borrower_id)
        .order_by(tables.loan.c.borrower_id)
    ).all()
    rows = [
        {"borrower_id": row.borrower_id, "limit_fen": max(1_000_000, 2 * int(row.balance)), "rate_ppm": 180_000}
        for row in owed
    ]
    upsert(connection, tables.credit_line, rows)
    asked = connection.execute(
        select(tables.application.c.application_id, tables.application.c.borrower_id).order_by(
            tables.application.c.borrower_id
        )
    ).all()
    decisions = [
        {
            "decision_id": f"de-{n}", "application_id": row.application_id, "outcome": "approve", "pd": (0.01, 0.3, 0.05)[n % 3],
            "reasons": [], "law_checks": [], "offers": [], "inputs": {}, "policy_version": "p", "law_version": "l",
            "decided_at": at(date(2025, 1, 1)),
        }
        for n, row in enumerate(asked)
    ]  # fmt: skip
    insert_missing(connection, tables.decision, decisions)


def line_of(database: Database, borrower_id: str) -> Any:
    with database.connect() as connection:
        return connection.execute(
            select(tables.credit_line).where(tables.credit_line.c.borrower_id == borrower_id)
        ).one()


def test_every_review_is_logged_with_what_it_saw_and_by_what_chance(lines: Database) -> None:
    with lines.begin() as connection:
        seen = line_accounts(connection, TODAY)
        changes = adjust(connection, TODAY)
        assert adjust(connection, TODAY) == []
        log = connection.execute(select(tables.line_review)).mappings().all()
    assert len(log) == len(seen) > 200
    assert {row["propensity"] for row in log if row["arm"] == "holdout"} == {0.1}
    assert {row["propensity"] for row in log if row["arm"] == "treated"} == {0.9}
    assert 0.04 < sum(row["arm"] == "holdout" for row in log) / len(log) < 0.18
    contexts = {row["borrower_id"]: row["context"] for row in log}
    assert all(contexts[account.borrower_id]["pd"] == account.pd for account in seen)
    held = [row for row in log if row["arm"] == "holdout"]
    assert any(row["proposed_limit_fen"] != row["new_limit_fen"] for row in held), "what was wanted of the held is kept"
    assert all(row["new_limit_fen"] == row["old_limit_fen"] for row in held)
    assert {change["status"] for change in changes} >= {"approved", "held"}
    for change in changes:
        assert change["propensity"] in {0.1, 0.9} and change["proposed_limit_fen"] is not None
        both = change["new_limit_fen"] != change["old_limit_fen"] and change["new_rate_ppm"] != change["old_rate_ppm"]
        assert not both, "limit and price have each their own notice and day"


def test_the_monthly_review_runs_once_a_month(lines: Database) -> None:
    with lines.begin() as connection:
        assert adjust_month(connection, TODAY) is not None
        assert adjust_month(connection, TODAY + timedelta(days=5)) is None
        assert adjust_month(connection, date(2026, 1, 1)) is not None
        days = set(connection.execute(select(tables.line_review.c.on).distinct()).scalars())
    assert days == {TODAY, date(2026, 1, 1)}


def debit(borrower: str, n: int, on: date) -> dict[str, Any]:
    return {
        "event_id": f"e-{borrower}-{n}",
        "account_id": borrower,
        "at": at(on, 9 + n).isoformat(),
        "kind": "debit_failed",
        "amount_fen": 1,
    }


def test_an_alert_has_its_accounts_line_reviewed_once_and_no_other(lines: Database) -> None:
    with lines.connect() as connection:
        good = [a for a in line_accounts(connection, TODAY) if a.dpd == 0 and not holdout_arm(a.borrower_id, 1, 0.1)]
    account = good[0]
    with lines.begin() as connection:
        told = Watcher().watch(connection, [debit(account.borrower_id, n, TODAY) for n in range(3)], at(TODAY))
        grave = [alert.alert_id for alert in told.alerts]
        assert {alert.severity for alert in told.alerts} == {"warning", "critical"}
        changes = adjust_at_alerts(connection, grave)
        assert adjust_at_alerts(connection, grave) == []
        log = connection.execute(select(tables.line_review)).mappings().all()
    assert {row["borrower_id"] for row in log} == {account.borrower_id}
    assert {(row["trigger"], row["cause"]) for row in log} == {("alert", alert_id) for alert_id in grave}
    assert changes and changes[-1]["reasons"][0]["code"] == "freeze"
    assert line_of(lines, account.borrower_id).limit_fen == account.balance_fen, "a freeze holds at once"


def test_a_raise_waits_for_a_person_and_a_cut_for_its_notice(lines: Database, vault: Vault, tmp_path: Path) -> None:
    with lines.begin() as connection:
        changes = adjust(connection, TODAY)
    up = next(change for change in changes if change["status"] == "proposed")
    down = next(change for change in changes if change["status"] == "approved" and change["new_limit_fen"] < change["old_limit_fen"]
                and change["limit_from"] > TODAY)  # fmt: skip
    assert down["limit_from"] == TODAY + timedelta(days=3)
    assert line_of(lines, down["borrower_id"]).limit_fen == down["old_limit_fen"]
    with lines.begin() as connection:
        put_in_force(connection, TODAY + timedelta(days=30))
        assert line_of(lines, down["borrower_id"]).limit_fen == down["old_limit_fen"], "nobody was told yet"
    with lines.begin() as connection, mail_server(tmp_path / "inbox") as inbox:
        dead = Mailer("127.0.0.1", 9, "service@lender.invalid", timeout=0.2)
        assert send_notices(connection, vault, dead, at(TODAY, 20))["failed"] > 0, (
            "no gateway: they wait for the next try"
        )
        told = send_notices(
            connection,
            vault,
            Mailer(inbox.host, inbox.port, "service@lender.invalid"),
            at(TODAY + timedelta(days=2), 20),
        )
        assert told["sent"] == len(inbox.files) > 0 and told["failed"] == 0
        assert send_notices(connection, vault, dead, at(TODAY + timedelta(days=3)))["sent"] == 0, "each once"
        words = [
            str(make_header(decode_header(message_from_bytes(path.read_bytes())["Subject"]))) for path in inbox.files
        ]
    assert any("额度" in word for word in words)
    with lines.begin() as connection:
        row = connection.execute(select(CHANGE).where(CHANGE.c.change_id == down["change_id"])).one()
        assert row.limit_from == TODAY + timedelta(days=5), "three days count from when it went out"
        kept = connection.execute(
            select(tables.line_notice).where(tables.line_notice.c.change_id == down["change_id"])
        ).one()
        assert "不变" in kept.text and kept.status in {"sent", "unreachable"}
        put_in_force(connection, TODAY + timedelta(days=4))
    assert line_of(lines, down["borrower_id"]).limit_fen == down["old_limit_fen"]
    with lines.begin() as connection:
        put_in_force(connection, TODAY + timedelta(days=5))
        assert line_of(lines, up["borrower_id"]).limit_fen == up["old_limit_fen"], "nobody said yes"
        done = decide_change(connection, up["change_id"], True, "risk", at(TODAY + timedelta(days=6)))
        assert (done["decided_by"], done["status"] in {"approved", "in_force"}) == ("risk", True)
        with pytest.raises(Refused, match="by risk"):
            decide_change(connection, up["change_id"], False, "risk", at(TODAY + timedelta(days=6)))
        with pytest.raises(Refused, match="no such change"):
            decide_change(connection, "lc-none", True, "risk", at(TODAY))
    assert line_of(lines, down["borrower_id"]).limit_fen == down["new_limit_fen"]
    with lines.connect() as connection:
        before = connection.execute(select(tables.loan.c.rate_ppm)).scalars().all()
    assert (
        set(before)
        and [check.check for check in audit(lines, only=["draws", "line_reviews", "line_notices"]) if check.faults]
        == []
    )


def test_a_new_review_takes_the_place_of_what_is_still_proposed(lines: Database) -> None:
    with lines.begin() as connection:
        dearer = next(
            change for change in adjust(connection, TODAY) if change["status"] == "proposed" and change["rate_from"]
        )
        adjust(connection, TODAY + timedelta(days=1), [dearer["borrower_id"]], "manual")
        standing = connection.execute(
            select(CHANGE.c.status).where(
                CHANGE.c.borrower_id == dearer["borrower_id"], CHANGE.c.rate_from.is_not(None)
            )
        ).scalars()
        assert sorted(standing) == ["proposed", "superseded"]
        with pytest.raises(InputError, match="no reason for a review"):
            adjust(connection, TODAY, [], "whim")


def test_two_reviews_at_once_do_it_once(lines: Database) -> None:
    def month(_: int) -> int | None:
        with lines.begin() as connection:
            changes = adjust_month(connection, TODAY)
            return None if changes is None else len(changes)

    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(month, range(2)))
    assert sorted(counts, key=str)[-1] is None and sum(count or 0 for count in counts) > 0
    with lines.connect() as connection:
        kept = connection.execute(select(CHANGE.c.status, func.count()).group_by(CHANGE.c.status)).all()
    assert "superseded" not in {row.status for row in kept}


def test_a_signal_that_people_found_wrong_moves_no_line(lines: Database) -> None:
    with lines.connect() as connection:
        good = [a.borrower_id for a in line_accounts(connection, TODAY) if a.dpd == 0 and a.pd < 0.1]
    with lines.begin() as connection:
        told = Watcher().watch(connection, [debit(borrower, 0, TODAY) for borrower in good], at(TODAY))
        assert len(told.alerts) == len(good) > 40
        alerted = [a.borrower_id for a in line_accounts(connection, TODAY) if a.alert == "warning"]
        assert len(alerted) == len(good)
        for alert in told.alerts[:-2]:
            judge_alert(connection, alert.alert_id, "dismissed", "risk", at(TODAY, 20))
        judge_alert(connection, told.alerts[-1].alert_id, "confirmed", "risk", at(TODAY, 20))
        (record,) = rule_records(connection, at(TODAY, 23))
        assert (record.confirmed, record.judged) == (1, len(good) - 1) and record.high < 0.2
        still = [a.borrower_id for a in line_accounts(connection, TODAY) if a.alert == "warning"]
    assert still == [told.alerts[-1].account_id], "only the one that a person confirmed"


def test_the_own_log_is_evaluated_end_to_end(lines: Database, capsys: pytest.CaptureFixture[str]) -> None:
    with lines.begin() as connection:
        for months in range(3):
            adjust(connection, date(2025, 8 + months, 1))
        rows = line_log(connection, 1, TODAY, 60_000)
    assert len(rows) > 600 and {row["arm"] for row in rows} == {"treated", "holdout"}
    assert any(row["outcome_fen"] > 0 for row in rows), "interest that fell due"
    estimates, problems = evaluate(rows, default_params(), "consumer_finance_company")
    assert problems == [] and [one.method for one in estimates] == ["DR", "SNIPS", "IPS"]
    assert estimates[0].unsupported == 0 and abs(estimates[0].gain) < abs(estimates[0].logged)
    with pytest.raises(SystemExit) as stop:
        main(["line", "evaluate", "--dsn", lines.dsn, "--months", "1", "--json"])
    assert stop.value.code in {0, None}
    told = json.loads(capsys.readouterr().out)
    assert told["estimates"][0]["value"] == pytest.approx(estimates[0].value)


def test_outcomes_are_what_the_books_say(lines: Database) -> None:
    """Of one borrower by hand: interest, penalty and fee income less impairment in the window, less 6 % a year on month-end balances."""
    with lines.begin() as connection:
        adjust(connection, date(2025, 9, 1))
        rows = {row["borrower_id"]: row for row in line_log(connection, 2, TODAY, 60_000)}
        chosen = next(name for name, row in rows.items() if row["outcome_fen"] > 0)
        booked = connection.execute(
            text(
                "SELECT coalesce(sum(l.credit_fen - l.debit_fen), 0) FROM line l JOIN loan USING (loan_id)"
                " WHERE borrower_id = :who AND effective > '2025-09-01' AND effective <= '2025-11-01' AND known <= '2025-12-01' AND account IN"
                " ('interest_income','penalty_income','fee_income','disposal_result','recovery_income','impairment_loss','waiver_loss')"
            ),
            {"who": chosen},
        ).scalar_one()
        carried = connection.execute(
            text(
                "SELECT coalesce(sum(outstanding_fen), 0) FROM book_snapshot b JOIN loan USING (loan_id) WHERE borrower_id = :who"
                " AND as_of > '2025-09-01' AND as_of <= '2025-11-01' AND b.status IN ('active', 'restructured')"
            ),
            {"who": chosen},
        ).scalar_one()
    assert rows[chosen]["outcome_fen"] == int(booked) - round(int(carried) * 0.06 / 12)


def plant(database: Database, statement: str) -> None:
    with database.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # past the tables' guards
        connection.execute(text(statement))


def test_the_audit_sees_planted_faults_of_lines(lines: Database, vault: Vault, tmp_path: Path) -> None:
    with lines.begin() as connection, mail_server(tmp_path / "inbox") as inbox:
        adjust(connection, TODAY)
        send_notices(connection, vault, Mailer(inbox.host, inbox.port, "service@lender.invalid"), at(TODAY, 20))
        put_in_force(connection, TODAY + timedelta(days=20))
        loan = connection.execute(select(tables.loan)).mappings().first()
        assert loan is not None
        file_id = "f-none"
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(
            tables.contract.insert().values(
                contract_id="ct-1", application_id=loan["application_id"], terms=loan["terms"], contract_file=file_id,
                cost_sheet_file=file_id, signed_at=at(loan["drawn_on"]),
            )
        )  # fmt: skip
    only = ["draws", "line_reviews", "line_notices"]
    clean = {found.check: found for found in audit(lines, only=only)}
    assert all(found.counted > 0 and found.faults == 0 for found in clean.values()), clean
    plant(
        lines,
        f"UPDATE loan SET terms = jsonb_set(terms, '{{rate}}', '\"0.240000\"') WHERE loan_id = '{loan['loan_id']}'",
    )
    plant(
        lines,
        "UPDATE line_review SET new_rate_ppm = new_rate_ppm + 1 WHERE review_id = (SELECT min(review_id) FROM line_review)",
    )
    plant(
        lines,
        "DELETE FROM line_notice WHERE change_id = (SELECT min(change_id) FROM line_change WHERE status = 'in_force')",
    )
    plant(
        lines,
        "UPDATE line_change SET limit_from = limit_from - 2 WHERE change_id = (SELECT max(change_id) FROM line_change WHERE status ="
        " 'in_force' AND limit_from > \"on\")",
    )
    said = {found.check: "\n".join(map(str, found.problems)) for found in audit(lines, only=only)}
    assert "rate was signed as" in said["draws_keep_price"]
    assert "comes out as" in said["reviews_again"]
    assert "without a notice" in said["line_changes_told"] and "3 days were promised" in said["line_changes_told"]
    assert sum(found.faults for found in audit(lines, only=only)) == 4


def test_the_database_keeps_the_log_of_reviews(lines: Database) -> None:
    with lines.begin() as connection:
        adjust(connection, TODAY)
    with pytest.raises(Exception, match="only grows"), lines.begin() as connection:
        connection.execute(update(tables.line_review).values(propensity=1.0))
