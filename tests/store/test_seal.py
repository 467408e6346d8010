"""Seals: a root over what is new, in the database and outside of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from threading import Thread

import pytest
from sqlalchemy import text

from jiehuan.ledger import journal
from jiehuan.loan import read_terms
from jiehuan.store.database import Database
from jiehuan.store.journal import append_entries
from jiehuan.store.seal import read_seal_file, seal_file, seal_journal, seals
from jiehuan.units.errors import InputError

TERMS = read_terms({
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": "2025-12-01",
})  # fmt: skip


@pytest.fixture
def grow(database: Database, put_loan: Callable[..., str]) -> Callable[[str], None]:
    """Append the journal of the loan up to a day."""
    put_loan()

    def to(on: str) -> None:
        with database.begin() as connection:
            append_entries(connection, "ln_1", journal(TERMS, (), date.fromisoformat(on), "ln_1"))

    return to


def test_each_seal_covers_what_came_since_the_last(database: Database, grow: Callable[[str], None]) -> None:
    grow("2026-01-01")
    first = seal_journal(database, date(2026, 1, 1))
    assert first and first.entries == 2
    assert seal_journal(database, date(2026, 1, 2)) is None
    grow("2026-02-01")
    second = seal_journal(database, date(2026, 2, 1))
    assert second and second.entries == 1
    with database.connect() as connection:
        assert list(seals(connection)) == [first, second]
    assert read_seal_file(seal_file(database.home)) == ([first, second], [])


def test_a_crash_between_database_and_file_is_made_good(database: Database, grow: Callable[[str], None]) -> None:
    grow("2026-01-01")
    first = seal_journal(database, date(2026, 1, 1))
    seal_file(database.home).unlink()
    assert seal_journal(database, date(2026, 1, 2)) is None
    assert read_seal_file(seal_file(database.home)) == ([first], [])


def test_an_altered_line_breaks_the_file(database: Database, grow: Callable[[str], None]) -> None:
    for day in ("2026-01-01", "2026-02-01", "2026-03-01"):
        grow(day)
        seal_journal(database, date.fromisoformat(day))
    path = seal_file(database.home)
    sound = path.read_text()
    path.write_text(sound.replace('"entries": 1', '"entries": 7', 1))
    assert "was altered" in str(read_seal_file(path)[1][0])
    path.write_text("".join(sound.splitlines(keepends=True)[1:]))
    assert "a line before it" in str(read_seal_file(path)[1][0])
    path.write_text("{\n" + sound)
    assert "cannot be read" in str(read_seal_file(path)[1][0])


def test_a_seal_waits_for_an_open_transaction(database: Database, grow: Callable[[str], None]) -> None:
    """A writer that drew its numbers before the seal and commits after it would be sealed by nobody."""
    grow("2026-01-01")
    found: list[object] = []
    with database.begin() as connection:
        append_entries(connection, "ln_1", journal(TERMS, (), date(2026, 2, 1), "ln_1"))
        sealing = Thread(target=lambda: found.append(seal_journal(database, date(2026, 2, 1))))
        sealing.start()
        sealing.join(0.2)
        assert sealing.is_alive()
        assert connection.execute(text("SELECT count(*) FROM journal_seal")).scalar_one() == 0
    sealing.join(10)
    assert getattr(found[0], "entries", None) == 3


def test_a_place_that_cannot_be_written_is_said(
    database: Database, grow: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    grow("2026-01-01")
    monkeypatch.setenv("JIEHUAN_SEAL_FILE", "/proc/no/such.seals")
    with pytest.raises(InputError, match="JIEHUAN_SEAL_FILE"):
        seal_journal(database, date(2026, 1, 1))
