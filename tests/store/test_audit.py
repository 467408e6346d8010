"""Each check of the audit passes on a sound book and catches the fault that is planted for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, text

from jiehuan.flow.servicing import state_row
from jiehuan.ledger import balances, held_entry, journal, post, provision_entry, read_funding, sale_entry
from jiehuan.loan import Schedule, Terms, make_schedule, read_events, read_terms, replay
from jiehuan.loan.amortise import PRINCIPAL
from jiehuan.store import tables
from jiehuan.store.audit import Audit, Finding, Tally, audit, register
from jiehuan.store.audit.loans import CHECKS
from jiehuan.store.audit.personal import personal_data
from jiehuan.store.audit.run import _CHECKS
from jiehuan.store.audit.tally import finding
from jiehuan.store.database import Database
from jiehuan.store.files import put_file
from jiehuan.store.held import append_held
from jiehuan.store.idempotency import once
from jiehuan.store.journal import append_entries, read_entries
from jiehuan.store.outbox import publish
from jiehuan.store.rows import upsert
from jiehuan.store.seal import seal_file, seal_journal
from jiehuan.store.vault import open_vault
from jiehuan.units.errors import InputError, Problem

PutLoan = Callable[..., str]
MOBILE, ID_NUMBER = "13812345678", "11010519491231002X"

LIVES: dict[str, list[dict[str, Any]]] = {
    "ln_good": [
        {"id": "e1", "on": "2026-01-01", "kind": "repayment", "amount": "916.80"},
        {"id": "e2", "on": "2026-01-05", "known_on": "2026-02-10", "kind": "repayment", "amount": "50.00"},
    ],
    "ln_late": [{"id": "e3", "on": "2026-06-01", "kind": "repayment", "amount": "100.00"}],
    "ln_new_plan": [
        {"id": "e4", "on": "2026-02-01", "kind": "repayment", "amount": "100.00"},
        {"id": "e5", "on": "2026-05-01", "kind": "restructure", "terms": {"months": 6, "rate": "0.10"}},
        {"id": "e6", "on": "2026-05-20", "kind": "reversal", "of": "e4"},
    ],
    "ln_joint": [{"id": "e7", "on": "2026-01-01", "kind": "prepayment", "amount": "3000.00", "mode": "reduce"}],
}
ON = date(2026, 6, 30)


@pytest.fixture(autouse=True)
def _own_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """This room's checks alone: a module of the flow, imported by other tests of the same run, adds its own."""
    for name in [name for name, check in _CHECKS.items() if not check.__module__.startswith("jiehuan.store.")]:
        monkeypatch.delitem(_CHECKS, name)


@pytest.fixture(scope="module")
def sound(new_database: Any, write_loan: PutLoan, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The name and the home of a small sound book: four loans with all that belongs to them. Tests work on copies."""
    home = tmp_path_factory.mktemp("sound") / "home"
    with new_database(home, keep=True) as database:
        fill(database, write_loan)
    return str(database.engine.url.database), home


@pytest.fixture
def book(sound: tuple[str, Path], new_database: Any, tmp_path: Path) -> Iterator[Database]:
    """A copy of the sound book."""
    name, home = sound
    shutil.copytree(home, tmp_path / "home")
    with new_database(tmp_path / "home", name) as database:
        yield database


@pytest.fixture
def book_env(book: Database) -> dict[str, str]:
    return {"JIEHUAN_DSN": book.dsn, "JIEHUAN_HOME": str(book.home)}


def fill(database: Database, write_loan: PutLoan) -> None:
    """Loans with events, states, provisions and a seal, contacts, a document, a message."""
    for loan_id in LIVES:
        funding = {"funding": [{"partner": "BANK_A", "share": "0.7"}]} if loan_id == "ln_joint" else {}
        write_loan(database, loan_id, **funding)
        keep(database, loan_id, LIVES[loan_id])
    vault = open_vault(database)
    at = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)  # ten in the morning in China
    with database.begin() as connection:
        connection.execute(
            text("UPDATE borrower SET phone_sealed = :sealed, phone_index = :index"),
            {"sealed": vault.seal(MOBILE, "bo_1"), "index": vault.blind_index(MOBILE)},
        )
        put_file(connection, b"%PDF", kind="contract", name="c.pdf", media_type="application/pdf", subject="ln_good")
        for receipt_id, status, loan_id in (("rc_held", "suspense", None), ("rc_booked", "posted", "ln_good")):
            amount, event_id = (91680, "e1") if loan_id else (500, None)
            row = {
                "receipt_id": receipt_id, "origin": "statement:x", "amount_fen": amount, "on": date(2026, 1, 1), "status": status,
                "loan_id": loan_id, "event_id": event_id,
            }  # fmt: skip
            connection.execute(insert(tables.receipt).values(row))
        held = held_entry("rc_held", 0, 500, date(2026, 1, 1), date(2026, 1, 1))
        append_held(connection, "rc_held", lambda entries: held)
        publish(connection, "loan.repaid", "ln_good", {"amount": "916.80"})
        once(connection, "repay", "k1", {"a": 1}, lambda: (201, '{"ok":true}'))
        for number in range(3):
            connection.execute(insert(tables.contact).values(contact(f"co_{number}", at)))
    seal_journal(database, ON)


def contact(contact_id: str, at: datetime, **changed: Any) -> dict[str, Any]:
    return {
        "contact_id": contact_id, "loan_id": "ln_late", "borrower_id": "bo_1", "channel": "call", "at": at,
        "status": "answered", "detail": {}, "idempotency_key": contact_id, **changed,
    }  # fmt: skip


def keep(database: Database, loan_id: str, documents: list[dict[str, Any]]) -> None:
    """Write a loan's events, journal, provision and state as the flow does."""
    events = read_events(documents)
    with database.begin() as connection:
        stored = connection.execute(text("SELECT terms FROM loan WHERE loan_id = :id"), {"id": loan_id}).scalar_one()
        terms = read_terms(stored)
        state = replay(terms, events, ON)
        for event in events:
            connection.execute(
                insert(tables.loan_event).values(
                    loan_id=loan_id, event_id=event.id, kind=event.kind, effective_on=event.on, known_on=event.known_on,
                    body=event.as_document(), idempotency_key=event.id,
                )
            )  # fmt: skip
        entries = journal(terms, events, ON, loan_id, funding=read_funding(stored))
        provision = provision_entry(loan_id, ON, 0, state.provision_fen)
        append_entries(connection, loan_id, [*entries, *([provision] if provision else [])])
        upsert(connection, tables.loan_standing, [state_row(loan_id, state)])


def faults(database: Database, *only: str) -> dict[str, str]:
    """The checks that found faults, with what they say."""
    return {found.check: "\n".join(map(str, found.problems)) for found in audit(database, only=only) if found.faults}


def unguarded(database: Database, *statements: str, **values: Any) -> None:
    """Plant a fault: what no role of the application may do."""
    with database.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # triggers and foreign keys sleep
        for statement in statements:
            connection.execute(text(statement), values)


def test_a_sound_book_passes_every_check(book: Database) -> None:
    findings = audit(book)
    assert {found.check: found.problems for found in findings if found.faults} == {}
    counted = {found.check: found.counted for found in findings}
    assert counted["state_is_fold"] == counted["schedule_sums"] == 4
    assert all(count > 0 for count in counted.values()), counted
    assert all(found.zh and found.en for found in findings)


def test_an_empty_database_passes(database: Database) -> None:
    assert faults(database) == {}


ONE = "(SELECT entry_id FROM entry WHERE event_id = 'e1' AND reverses IS NULL)"
UNCHECKED = "ALTER TABLE entry DROP CONSTRAINT ck_entry_balances, DROP CONSTRAINT ck_entry_lines"

PLANTED: dict[str, tuple[str, str, list[str]]] = {
    "an amount changed": (
        "entries_balance",
        "debits and credits differ",
        [UNCHECKED, f"UPDATE entry SET amounts[1] = amounts[1] + 1 WHERE entry_id = {ONE}"],
    ),
    "an amount changed, in total": (
        "trial_balance",
        "in total",
        [UNCHECKED, f"UPDATE entry SET amounts[1] = amounts[1] + 1 WHERE entry_id = {ONE}"],
    ),
    "lines removed": (
        "entries_balance",
        "has no lines",
        [UNCHECKED, f"UPDATE entry SET accounts = '{{}}', amounts = '{{}}' WHERE entry_id = {ONE}"],
    ),
    "an account of no chart": (
        "entries_balance",
        "not in the chart",
        [f"UPDATE entry SET accounts = array_replace(accounts, 'cash', 'pocket') WHERE entry_id = {ONE}"],
    ),
    "both sides of an entry changed": (
        "hash_chain",
        "says something else",
        [f"UPDATE entry SET amounts = ARRAY(SELECT 2 * one FROM unnest(amounts) one) WHERE entry_id = {ONE}"],
    ),
    "a date changed": (
        "hash_chain",
        "says something else",
        [f"UPDATE entry SET effective = effective - 1 WHERE entry_id = {ONE}"],
    ),
    "an entry removed": ("hash_chain", "an entry is missing", [f"DELETE FROM entry WHERE entry_id = {ONE}"]),
    "a chain rewritten": (
        "hash_chain",
        "does not follow",
        ["UPDATE entry SET hash = sha256(hash) WHERE n = 1 AND loan_id = 'ln_good'"],
    ),
    "the last entries removed": (
        "seals",
        "does not follow from its entries",
        ["DELETE FROM entry WHERE seq = (SELECT max(seq) FROM entry)"],
    ),
    "a seal removed": ("seals", "not in the database", ["DELETE FROM journal_seal"]),
    "a seal changed": ("seals", "something else in the file", ["UPDATE journal_seal SET entries = entries + 1"]),
    "an event changed": (
        "state_is_fold",
        "its events come to",
        ["""UPDATE loan_event SET body = body || '{"amount": "816.80"}' WHERE event_id = 'e1'"""],
    ),
    "an event changed, in the books": (
        "journal_is_derived",
        "otherwise than its events say",
        ["""UPDATE loan_event SET body = body || '{"amount": "816.80"}' WHERE event_id = 'e1'"""],
    ),
    "an event changed, in cash": (
        "cash_once",
        "received 816.80",
        ["""UPDATE loan_event SET body = body || '{"amount": "816.80"}' WHERE event_id = 'e1'"""],
    ),
    "an event removed": ("journal_is_derived", "no event says so", ["DELETE FROM loan_event WHERE event_id = 'e1'"]),
    "cash of nobody": ("cash_once", "no such event", ["DELETE FROM loan_event WHERE event_id = 'e1'"]),
    "an event that cannot be read": (
        "state_is_fold",
        "unknown event kind",
        ["""UPDATE loan_event SET body = body || '{"kind": "repaiment"}' WHERE event_id = 'e1'"""],
    ),
    "an event that does not fit": (
        "state_is_fold",
        "ln_good",
        [
            """UPDATE loan_event SET body = '{"id": "e1", "on": "2026-01-01", "kind": "refund", "amount": "5.00"}' WHERE event_id = 'e1'"""
        ],
    ),
    "a state changed": (
        "state_is_fold",
        "its events come to",
        ["UPDATE loan_standing SET principal_outstanding_fen = 1 WHERE loan_id = 'ln_late'"],
    ),
    "a class changed": (
        "state_is_fold",
        "its events come to",
        ["UPDATE loan_standing SET class = 'normal' WHERE loan_id = 'ln_late'"],
    ),
    "a state removed": ("state_is_fold", "has no state", ["DELETE FROM loan_standing WHERE loan_id = 'ln_late'"]),
    "a loan's column changed": (
        "state_is_fold",
        "its terms say",
        ["UPDATE loan SET principal_fen = 1 WHERE loan_id = 'ln_late'"],
    ),
    "terms changed": (
        "books_equal_state",
        "the loan's state says",
        ["""UPDATE loan SET terms = terms || '{"rate": "0.150000"}' WHERE loan_id = 'ln_late'"""],
    ),
    "terms that cannot be read": (
        "state_is_fold",
        "loan ln_late",
        ["""UPDATE loan SET terms = '{}' WHERE loan_id = 'ln_late'"""],
    ),
    "sold, but on the books": (
        "books_equal_state",
        "still hold this",
        ["UPDATE loan_standing SET status = 'sold' WHERE loan_id = 'ln_late'"],
    ),
    "a reversal changed": (
        "journal_grows",
        "does not mirror",
        [
            "UPDATE entry SET accounts = array_replace(accounts, 'cash', 'penalty_receivable') WHERE reverses IS NOT NULL"
        ],
    ),
    "money in suspense without a receipt": (
        "suspense",
        "in suspense for it",
        ["DELETE FROM receipt WHERE receipt_id = 'rc_held'"],
    ),
    "a receipt of no event": (
        "receipts",
        "no such event",
        ["UPDATE receipt SET event_id = 'e0' WHERE receipt_id = 'rc_booked'"],
    ),
    "a key used twice": (
        "keys",
        "is there 3 times",
        [
            "ALTER TABLE contact DROP CONSTRAINT uq_contact_idempotency_key",
            "UPDATE contact SET idempotency_key = 'co_0'",
        ],
    ),
    "a guard disabled": ("guards", "missing or disabled", ["ALTER TABLE entry DISABLE TRIGGER only_grows"]),
    "a guard dropped": ("guards", "missing or disabled", ["DROP TRIGGER belongs ON entry"]),
    "a check dropped": ("guards", "missing or disabled", [UNCHECKED]),
    "a check not enforced": (
        "guards",
        "missing or disabled",
        [UNCHECKED, "ALTER TABLE entry ADD CONSTRAINT ck_entry_balances CHECK (cardinality(amounts) > 0) NOT ENFORCED"],
    ),
    "an old schema": ("guards", "jiehuan db upgrade", ["UPDATE alembic_version SET version_num = '0000'"]),
    "a document changed": ("files", "altered", ["UPDATE file SET content = 'x'"]),
    "a call at night": (
        "contact_rules",
        "quiet hours",
        ["UPDATE contact SET at = '2026-06-01 23:30+08' WHERE contact_id = 'co_1'"],
    ),
    "a fourth answered call": (
        "contact_rules",
        "at most three answered",
        [
            "INSERT INTO contact SELECT 'co_9', loan_id, borrower_id, item_id, channel, at, template, status, detail, 'k9'"
            " FROM contact LIMIT 1"
        ],
    ),
    "a mobile number in an event": (
        "personal_data",
        "loan_event ln_good e1, body: holds a mobile number",
        [f"""UPDATE loan_event SET body = body || '{{"source": "from {MOBILE}"}}' WHERE event_id = 'e1'"""],
    ),
    "an identity number in the outbox": (
        "personal_data",
        ", payload: holds an identity number",
        [f"""UPDATE outbox SET payload = '{{"who": "{ID_NUMBER}"}}'"""],
    ),
}


GROUPS = {
    "entries_balance": "entries",
    "trial_balance": "entries",
    "hash_chain": "chain",
    "seals": "seals",
    "keys": "keys",
    "guards": "guards",
    "files": "files",
    "suspense": "suspense",
    "receipts": "suspense",
    "contact_rules": "contacts",
    "personal_data": "personal",
    **dict.fromkeys(CHECKS, "loans"),
}
"""The part of the audit that makes each check."""


def test_every_check_has_a_planted_fault(book: Database) -> None:
    caught = {check for check, _, _ in PLANTED.values()}
    assert {found.check for found in audit(book)} - caught == {"schedule_sums"}  # its own test is below


@pytest.mark.parametrize("fault", PLANTED)
def test_each_planted_fault_is_caught(book: Database, fault: str) -> None:
    check, words, statements = PLANTED[fault]
    unguarded(book, *statements)
    found = faults(book, GROUPS[check])
    assert words.lower() in found.get(check, "passed").lower(), found


def test_a_schedule_that_does_not_sum_is_caught(book: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schedules are computed, not stored, so the fault is planted in the computing."""
    from jiehuan.store.audit import loans

    def short(terms: Terms) -> Schedule:
        plan = make_schedule(terms)
        rows = list(plan.rows)
        rows[PRINCIPAL] -= 1
        return replace(plan, rows=tuple(rows))

    monkeypatch.setattr(loans, "make_schedule", short)
    assert "principal is 10000.00" in faults(book, "loans")["schedule_sums"]


def test_a_chain_rewritten_with_its_seal_is_caught_by_the_file_outside(book: Database) -> None:
    """Whoever owns the database can make chain and seal agree again; the file outside still says what was."""
    unguarded(book, "DELETE FROM entry WHERE seq = (SELECT max(seq) FROM entry)", "DELETE FROM journal_seal")
    kept = seal_file(book.home).read_text()
    seal_file(book.home).unlink()
    seal_journal(book, ON)
    assert "seals" not in faults(book, "seals")
    seal_file(book.home).write_text(kept)
    assert "seals" in faults(book, "seals")


def test_the_file_outside_must_be_there_and_whole(book: Database) -> None:
    path = seal_file(book.home)
    kept = path.read_text()
    path.unlink()
    assert "missing in the file" in faults(book, "seals")["seals"]
    path.write_text(kept.replace('"on": "2026', '"on": "2025'))
    assert "was altered" in faults(book, "seals")["seals"]


def test_a_sold_loan_whose_sale_is_posted_passes(book: Database) -> None:
    with book.begin() as connection:
        entries = read_entries(connection, ["ln_late"])["ln_late"]
        events = read_events(LIVES["ln_late"])
        sale = sale_entry("ln_late", ON, 50_000, balances(entries), "tape 1")
        append_entries(
            connection, "ln_late", [*journal(read_terms(book_terms(connection)), events, ON, "ln_late"), sale]
        )
        connection.execute(text("UPDATE loan_standing SET status = 'sold' WHERE loan_id = 'ln_late'"))
    assert faults(book) == {}


def book_terms(connection: Connection) -> Any:
    return connection.execute(text("SELECT terms FROM loan WHERE loan_id = 'ln_late'")).scalar_one()


def test_a_personal_datum_in_a_log_is_caught(book: Database) -> None:
    (book.home / "serve.log").write_text(f"ok\nsms to {MOBILE} failed\n")
    assert "serve.log line 2" in faults(book, "personal")["personal_data"]


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        (f"id {ID_NUMBER}.", 1),
        (ID_NUMBER.lower(), 1),
        ("110105194912310021", 0),  # the check character is wrong
        ("110105194913310020", 0),  # no such date
        (f"+86 {MOBILE}", 1),
        (f"{MOBILE}.00", 0),
        (f"ln_{MOBILE}", 0),
        ("12812345678", 0),
        ("1381234567", 0),
        ("138123456789", 0),
        ("1781234567890", 0),  # milliseconds
    ],
)
def test_personal_data_are_told_from_other_numbers(said: str, kinds: int) -> None:
    assert len(personal_data(said)) == kinds


def test_a_share_of_loans_is_the_same_every_time(book: Database) -> None:
    def replayed(share: float) -> int:
        return next(
            found.counted for found in audit(book, share=share, only=["loans"]) if found.check == "schedule_sums"
        )

    assert replayed(0) == 0
    assert replayed(1) == 4
    assert replayed(0.5) == replayed(0.5)


def test_a_room_above_adds_its_check(book: Database) -> None:
    def reproduce(given: Audit) -> list[Finding]:
        tally = Tally()
        tally.look([Problem("decision de_1", "approve", "comes out as refuse today")])
        return [finding("decisions", "决策可重现", "decisions can be reproduced", tally)]

    register("decisions", reproduce)
    try:
        assert "comes out as refuse" in faults(book)["decisions"]
    finally:
        del _CHECKS["decisions"]


def test_many_faults_are_counted_and_some_told() -> None:
    tally = Tally()
    tally.look(Problem("x", str(n), "wrong") for n in range(50))
    assert (tally.counted, tally.faults, len(tally.problems)) == (1, 50, 20)


def test_the_command_prints_and_exits(book: Database, cli: Any, book_env: dict[str, str]) -> None:
    passed = cli("audit", "--json", env=book_env)
    assert passed.returncode == 0, passed.stderr + passed.stdout
    assert json.loads(passed.stdout)["ok"] is True
    unguarded(book, "UPDATE loan_standing SET oldest_due = NULL WHERE loan_id = 'ln_late'")
    failed = cli("audit", "--only", "loans", env=book_env)
    assert failed.returncode == 1
    assert "state_is_fold: loan ln_late, dpd" in failed.stdout
    assert "audit failed: state_is_fold" in failed.stdout
    unknown = cli("audit", "--only", "lons", env=book_env)
    assert unknown.returncode == 2
    assert "no such check" in unknown.stderr
    assert "Example: jiehuan audit" in cli("audit", "--help").stdout


def test_an_unknown_check_is_refused(database: Database) -> None:
    with pytest.raises(InputError, match="no such check"):
        audit(database, only=["lons"])


def test_post_is_what_the_audit_compares_with(book: Database) -> None:
    """The planted faults would be no proof if the comparison were empty."""
    terms = read_terms(
        {
            "lender_type": "bank",
            "principal": "100.00",
            "rate": "0.18",
            "months": 2,
            "method": "bullet",
            "drawn_on": "2026-01-01",
        }
    )
    assert post(replay(terms, (), date(2026, 1, 1)), "ln_x")
