"""A book in the tables of an older release is carried over to those of this one: nothing is lost, nothing says anything else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from jiehuan.ledger import Entry, journal, provision_entry
from jiehuan.loan import read_events, read_terms
from jiehuan.store import migrations
from jiehuan.store.audit import audit
from jiehuan.store.chain import entry_hash, first_hash
from jiehuan.store.database import Database, open_database
from jiehuan.store.embedded import EmbeddedServer
from jiehuan.store.journal import append_entries, read_entries
from jiehuan.store.seal import seal_journal

TERMS = {
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": "2025-12-01",
}  # fmt: skip
EVENTS = [
    {"id": "e1", "on": "2026-01-01", "kind": "repayment", "amount": "916.80"},
    {"id": "e2", "on": "2026-01-20", "kind": "reversal", "of": "e1"},
]
ON = date(2026, 2, 1)


@pytest.fixture
def old(postgres: EmbeddedServer, tmp_path: Path) -> Iterator[Database]:
    """An empty database without any table of ours."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with open_database(tmp_path / "home", postgres.dsn(name), upgrade=False) as database:
        yield database
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def upgrade(database: Database, step: str) -> None:
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    config.set_main_option("path_separator", "newline")
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, step)


def entries() -> list[Entry]:
    told = list(journal(read_terms(TERMS), read_events(EVENTS), ON, "ln_1"))
    provision = provision_entry("ln_1", ON, 0, 12_345)
    assert provision and any(entry.reverses for entry in told)
    return [*told, provision]


def put_old(database: Database) -> None:
    """The loan, its events and its journal as release 0012 kept them: a row a line, two hashes an entry."""
    loan = {
        "loan_id": "ln_1", "borrower_id": "bo_1", "lender_type": "bank", "product": "micro", "region": "x", "channel": "api",
        "principal_fen": 1_000_000, "rate_ppm": 180_000, "months": 12, "method": "equal_instalment", "drawn_on": date(2025, 12, 1),
        "first_due": date(2026, 1, 1), "terms": json.dumps(TERMS),
    }  # fmt: skip
    with database.begin() as connection:
        connection.execute(text("INSERT INTO borrower (borrower_id, region) VALUES ('bo_1', 'x')"))
        names = ", ".join(loan)
        connection.execute(text(f"INSERT INTO loan ({names}) VALUES ({', '.join(f':{name}' for name in loan)})"), loan)
        for event in EVENTS:
            connection.execute(
                text(
                    "INSERT INTO loan_event (loan_id, event_id, kind, effective_on, known_on, body, idempotency_key)"
                    " VALUES ('ln_1', :id, :kind, :on, :on, :body, :id)"
                ),
                {**event, "on": date.fromisoformat(event["on"]), "body": json.dumps(event)},
            )
        previous = first_hash("ln_1")
        for n, entry in enumerate(entries()):
            following = entry_hash(previous, n, entry)
            row = {**entry._asdict(), "reverses": entry.reverses or None, "n": n, "p": previous, "h": following}
            connection.execute(
                text(
                    "INSERT INTO entry (entry_id, loan_id, n, movement_id, event_id, reverses, kind, effective, known, previous_hash,"
                    " hash) VALUES (:entry_id, :loan_id, :n, :movement_id, :event_id, :reverses, :kind, :effective, :known, :p, :h)"
                ),
                row,
            )
            told = ", ".join(
                f"('{entry.entry_id}', {place}, '{a}', {d}, {c})" for place, (a, d, c) in enumerate(entry.lines)
            )
            connection.execute(text(f"INSERT INTO line (entry_id, n, account, debit_fen, credit_fen) VALUES {told}"))
            previous = following
        connection.execute(text("INSERT INTO outbox (topic, key, payload) VALUES ('loan.repaid', 'ln_1', '{}')"))


def test_a_journal_is_carried_over_and_goes_on(old: Database) -> None:
    upgrade(old, "0003")
    with old.begin() as connection:
        connection.execute(
            text(
                'INSERT INTO receipt (receipt_id, origin, amount_fen, "on", status)'
                " VALUES ('rc_1', 'statement:x', 500, '2026-01-05', 'suspense')"
            )
        )
    upgrade(old, "0012")
    put_old(old)
    upgrade(old, "head")
    checks = ("guards", "entries", "chain", "seals", "keys", "suspense")
    seal_journal(old, ON)
    assert {found.check: found.problems for found in audit(old, only=checks) if found.faults} == {}
    with old.begin() as connection:
        kept = read_entries(connection, ["ln_1"])["ln_1"]
        assert [entry._replace(event_id=entry.event_id or "") for entry in entries()] == kept
        assert connection.execute(text("SELECT count(*) FROM line WHERE loan_id = 'ln_1'")).scalar_one() == sum(
            len(entry.lines) for entry in kept
        )
        later = journal(read_terms(TERMS), read_events(EVENTS), date(2026, 3, 1), "ln_1")
        assert append_entries(connection, "ln_1", later) > 0
        assert (
            connection.execute(text("SELECT count(*), count(DISTINCT seq) FROM entry")).one() == (len(later) + 2,) * 2
        )
    seal_journal(old, date(2026, 3, 1))
    assert {found.check: found.problems for found in audit(old, only=checks) if found.faults} == {}
