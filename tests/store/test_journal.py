"""The stored journal grows by what is new, is chained by hash, and refuses what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from psycopg.errors import CheckViolation
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from jiehuan.ledger import Entry, Line, check_journal, journal, provision_entry
from jiehuan.loan import read_events, read_terms, replay
from jiehuan.store import tables
from jiehuan.store.chain import entry_hash, first_hash, merkle_root
from jiehuan.store.database import Database
from jiehuan.store.journal import allowances, append_entries, append_many, read_entries
from jiehuan.store.rows import copy_rows
from jiehuan.units.errors import Conflict

PutLoan = Callable[..., str]
TERMS = read_terms({
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": "2025-12-01", "penalty_uplift": "0.5",
})  # fmt: skip
PAID = [
    {"id": "e1", "on": "2026-01-01", "kind": "repayment", "amount": "916.80"},
    {"id": "e2", "on": "2026-02-01", "kind": "repayment", "amount": "916.80"},
]
LATE = {"id": "e3", "on": "2026-01-05", "known_on": "2026-02-10", "kind": "repayment", "amount": "100.00"}


def book(documents: list[dict[str, Any]], on: str, loan_id: str = "ln_1") -> tuple[Entry, ...]:
    return journal(TERMS, read_events(documents), date.fromisoformat(on), loan_id)


def stored(database: Database, loan_id: str = "ln_1") -> list[Entry]:
    with database.connect() as connection:
        return read_entries(connection, [loan_id])[loan_id]


def test_what_is_new_is_added_once(database: Database, put_loan: PutLoan) -> None:
    put_loan()
    for documents, on, added in [(PAID[:1], "2026-01-01", 3), (PAID[:1], "2026-01-20", 0), (PAID, "2026-02-01", 2)]:
        with database.begin() as connection:
            assert append_entries(connection, "ln_1", book(documents, on)) == added
    assert stored(database) == list(book(PAID, "2026-02-01"))


def test_single_and_bulk_make_the_same_chain(database: Database, put_loan: PutLoan) -> None:
    many = [put_loan(f"ln_{n}") for n in range(30)]
    with database.begin() as connection:
        assert append_many(connection, [(loan_id, book(PAID, "2026-02-01", loan_id)) for loan_id in many[1:]]) == 29 * 5
        append_entries(connection, many[0], book(PAID, "2026-02-01", many[0]))
        assert append_many(connection, [(loan_id, book(PAID, "2026-02-01", loan_id)) for loan_id in many]) == 0
        for loan_id in many:
            rows = connection.execute(
                select(tables.entry).where(tables.entry.c.loan_id == loan_id).order_by(tables.entry.c.n)
            ).all()
            previous = first_hash(loan_id)
            for n, (row, entry) in enumerate(zip(rows, book(PAID, "2026-02-01", loan_id), strict=True)):
                previous = entry_hash(previous, n, entry)
                assert bytes(row.hash) == previous


@pytest.mark.parametrize("bulk", [False, True])
def test_a_payment_found_late_is_reversed_and_posted_anew(database: Database, put_loan: PutLoan, bulk: bool) -> None:
    put_loan()
    events = [*PAID, LATE]
    for documents, on in [(PAID, "2026-02-01"), (events, "2026-02-10"), (events, "2026-03-01")]:
        with database.begin() as connection:
            if bulk:
                append_many(connection, [("ln_1", book(documents, on))])
            else:
                append_entries(connection, "ln_1", book(documents, on))
    kept = stored(database)
    assert kept == list(book(events, "2026-03-01"))
    assert any(entry.reverses for entry in kept)
    state = replay(TERMS, read_events(events), date(2026, 3, 1))
    assert check_journal(kept, state=state, events=read_events(events)) == []


def test_another_order_of_arrival_comes_to_the_same_balances(database: Database, put_loan: PutLoan) -> None:
    """The books had been closed to March when an event of January arrived that claims to have been known in February."""
    put_loan()
    with database.begin() as connection:
        append_entries(connection, "ln_1", book(PAID, "2026-03-01"))
        append_entries(connection, "ln_1", book([*PAID, LATE], "2026-03-01"))
        assert append_entries(connection, "ln_1", book([*PAID, LATE], "2026-03-01")) == 0
    events = read_events([*PAID, LATE])
    kept = stored(database)
    assert check_journal(kept, state=replay(TERMS, events, date(2026, 3, 1)), events=events) == []
    assert kept[: len(book(PAID, "2026-03-01"))] == list(book(PAID, "2026-03-01"))


def test_a_journal_made_before_another_writer_is_refused(database: Database, put_loan: PutLoan) -> None:
    """Whoever reads a loan's events without its lock and posts after another did must not undo the other's work."""
    put_loan()
    stale = book(PAID[:1], "2026-02-01")
    with database.begin() as connection:
        append_entries(connection, "ln_1", book(PAID, "2026-02-01"))
    for append in (lambda c: append_entries(c, "ln_1", stale), lambda c: append_many(c, [("ln_1", stale)])):
        with pytest.raises(Conflict, match="lock the loan"), database.begin() as connection:
            append(connection)


def test_provisions_stand_beside_the_movements(database: Database, put_loan: PutLoan) -> None:
    put_loan()
    entries = [*book(PAID, "2026-02-01"), provision_entry("ln_1", date(2026, 2, 1), 0, 10_000)]
    with database.begin() as connection:
        assert append_many(connection, [("ln_1", [e for e in entries if e])]) == 6
        assert append_many(connection, [("ln_1", [e for e in entries if e])]) == 0
        assert append_entries(connection, "ln_1", book(PAID, "2026-03-01")) == 1
        assert allowances(connection, ["ln_1", "ln_2"]) == {"ln_1": 10_000, "ln_2": 0}
    assert [entry.kind for entry in stored(database)][-2:] == ["provision", "interest"]


def test_an_entry_that_comes_late_is_known_when_it_came(database: Database, put_loan: PutLoan) -> None:
    put_loan()
    provision = provision_entry("ln_1", date(2026, 2, 15), 0, 10_000)
    assert provision
    with database.begin() as connection:
        append_entries(connection, "ln_1", [*book([], "2026-01-01"), provision])
        append_entries(connection, "ln_1", book([], "2026-02-01"))
    assert [(entry.effective.day, entry.known.month) for entry in stored(database)][-1] == (1, 2)
    assert stored(database)[-1].known == date(2026, 2, 15)


@pytest.mark.parametrize(("lines", "fault"), [
    ([("cash", 5), ("loan_principal", -4)], "balances"),
    ([("cash", 5), ("loan_principal", -4), *[("cash", 1), ("cash", -1)] * 3], "balances"),  # more lines than are spelled out
    ([("cash", 5), ("loan_principal", -5), ("costs_receivable", 0)], "lines"),
    ([("cash", 5), ("loan_principal", -5), ("costs_receivable", None)], "lines"),
    ([("cash", 5), (None, -5)], "lines"),
    ([("cash", 0)], "lines"),
    ([], "lines"),
])  # fmt: skip
def test_the_database_refuses_what_does_not_balance(
    database: Database, put_loan: PutLoan, lines: list[tuple[str | None, int | None]], fault: str
) -> None:
    put_loan()
    row = {
        "entry_id": "en_x", "loan_id": "ln_1", "n": 0, "movement_id": "", "kind": "advance", "effective": date(2026, 1, 5),
        "known": date(2026, 1, 5), "hash": b"", "accounts": [name for name, _ in lines], "amounts": [fen for _, fen in lines],
    }  # fmt: skip
    with pytest.raises(CheckViolation, match=fault), database.begin() as connection:
        copy_rows(connection, tables.entry, [row])


def test_lines_are_read_as_they_were_written(database: Database, put_loan: PutLoan) -> None:
    put_loan()
    many = tuple(Line(*said) for said in [("cash", 7, 0), *[("loan_principal", 0, 1)] * 7])
    entry = Entry("en_x", "ln_1", "", "", "advance", date(2026, 1, 5), date(2026, 1, 5), many)
    with database.begin() as connection:
        append_entries(connection, "ln_1", [entry])
    assert stored(database) == [entry]
    with database.connect() as connection:
        asked = select(tables.line).where(tables.line.c.loan_id == "ln_1").order_by(tables.line.c.n)
        found = connection.execute(asked).all()
    assert [(row.n, row.account, row.debit_fen, row.credit_fen) for row in found] == [
        (n, *line) for n, line in enumerate(many)
    ]


def test_the_database_refuses_a_second_reversal_and_a_second_place(database: Database, put_loan: PutLoan) -> None:
    put_loan()
    with database.begin() as connection:
        append_many(connection, [("ln_1", book([*PAID, LATE], "2026-02-10"))])
    copied = (
        "INSERT INTO entry (entry_id, loan_id, n, movement_id, event_id, reverses, kind, effective, known, hash, accounts, amounts)"
        " SELECT 'en_x', loan_id, {}, movement_id, event_id, {}, kind, effective, known, hash, accounts, amounts"
        " FROM entry WHERE reverses IS NOT NULL LIMIT 1"
    )
    for n, reverses, constraint in [("99", "reverses", "uq_entry_reverses"), ("n", "NULL", "uq_entry_loan_id_n")]:
        with pytest.raises(IntegrityError, match=constraint), database.begin() as connection:
            connection.execute(text(copied.format(n, reverses)))


def test_merkle_roots_tell_leaves_from_nodes_and_orders_apart() -> None:
    a, b, c = (bytes([n]) * 32 for n in range(3))
    assert merkle_root([a, b]) != merkle_root([b, a])
    assert merkle_root([merkle_root([a, b]), c]) != merkle_root([a, b, c])
    assert len({merkle_root([a] * n) for n in range(9)}) == 9
