"""The bulk way writes the very rows and hashes of the way entry by entry."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.errors import ForeignKeyViolation
from sqlalchemy import text

from jiehuan.ledger import Entry, Line, chart, entry_id
from jiehuan.store.bulk import (
    NULL,
    End,
    Slim,
    added,
    chained_rows,
    copy_entries,
    ends_of,
    is_plain,
    slim_id,
    tell,
    tell_two,
)
from jiehuan.store.chain import first_hash
from jiehuan.store.database import Database
from jiehuan.store.journal import Head, append_entries, chained, read_entries
from jiehuan.store.straight import driver_of

PLAIN = st.text("abcXYZ019_.:-", min_size=1, max_size=20)
DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))
ACCOUNTS = st.sampled_from([*chart(), "partner_settlement:BANK_A"])
LINES = st.lists(
    st.one_of(
        st.builds(Line, ACCOUNTS, st.integers(1, 10**15), st.just(0)),
        st.builds(Line, ACCOUNTS, st.just(0), st.integers(1, 10**15)),
    ),
    min_size=1,
    max_size=6,
)
ENTRIES = st.lists(
    st.tuples(PLAIN, st.one_of(st.just(""), PLAIN), st.one_of(st.just(""), PLAIN), PLAIN, DAYS, DAYS, LINES), max_size=4
)


@given(PLAIN, ENTRIES, st.one_of(st.none(), st.tuples(st.integers(0, 50), st.binary(min_size=32, max_size=32), DAYS)))
def test_rows_and_hashes_are_the_same(loan_id: str, drawn: list[tuple], head: tuple | None) -> None:  # type: ignore[type-arg]
    entries = [
        Entry(identity, loan_id, movement, event, kind, effective, known, tuple(lines))
        for identity, movement, event, kind, effective, known, lines in drawn
    ]
    slim = [
        Slim(e.entry_id, e.movement_id, e.event_id, e.kind, e.effective.isoformat(), e.known.isoformat(), tell(e.lines))
        for e in entries
    ]
    rows = chained(loan_id, Head(*(head or (-1, first_hash(loan_id), date.min))), entries)
    ends = {loan_id: End(head[0], head[1], head[2].isoformat())} if head else {}
    texts = chained_rows(added([(loan_id, slim)]), ends).decode()
    wanted = [
        "\t".join([
            row[0], row[1], str(row[2]), row[3], row[4] or NULL, row[6], str(row[7]), str(row[8]),
            f"\\\\x{row[9].hex()}", "{" + ",".join(row[10]) + "}", "{" + ",".join(map(str, row[11])) + "}",
        ]) + "\n"
        for row in rows
    ]  # fmt: skip
    assert texts == "".join(wanted)


@given(st.lists(st.one_of(PLAIN, st.integers(-5, 10**12)), max_size=5))
def test_ids_are_the_same(parts: list[object]) -> None:
    assert slim_id(*parts) == entry_id(*parts)


@given(st.text(max_size=12))
def test_what_is_plain_stands_in_json_and_copy_as_it_is(said: str) -> None:
    assert is_plain(said) == (
        said != "" and all(sign.isascii() and (sign.isalnum() or sign in "_.:-") for sign in said)
    )


def test_what_was_copied_reads_as_it_was_given(database: Database, put_loan) -> None:  # type: ignore[no-untyped-def]
    put_loan("ln_1")
    lines = (Line("loan_principal", 5, 0), Line("cash", 0, 5))
    first = Entry("en_1", "ln_1", "draw", "", "draw", date(2026, 1, 5), date(2026, 1, 5), lines)
    second = Entry("en_2", "ln_1", "interest:x", "ev_1", "interest", date(2026, 1, 6), date(2026, 1, 7), lines)
    with database.begin() as connection:
        append_entries(connection, "ln_1", [first])
        driver = driver_of(connection)
        ends = ends_of(driver, ["ln_1", "ln_2"])
        slim = Slim("en_2", "interest:x", "ev_1", "interest", "2026-01-06", "2026-01-07", tell(lines))
        copy_entries(driver, chained_rows(added([("ln_1", [slim])]), ends))
        assert set(ends) == {"ln_1"} and ends["ln_1"].n == 0
    with database.connect() as connection:
        assert read_entries(connection, ["ln_1"])["ln_1"] == [first, second]


def test_an_entry_of_no_loan_is_refused_by_the_database(database: Database) -> None:
    slim = Slim("en_1", "draw", "", "draw", "2026-01-05", "2026-01-05", tell_two("cash", "loan_principal", 5))
    with pytest.raises(ForeignKeyViolation, match="no loan for entry en_1"), database.begin() as connection:
        copy_entries(driver_of(connection), chained_rows(added([("ln_none", [slim])]), {}))
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM entry")).scalar_one() == 0
