"""Two writers on one loan take turns; the same request sent by both is done once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError

from jiehuan.flow import day_end
from jiehuan.flow.disburse import book_loan
from jiehuan.flow.repay import repay
from jiehuan.loan import read_terms
from jiehuan.store import tables
from jiehuan.store.act import look
from jiehuan.store.audit import audit
from jiehuan.store.database import Database
from jiehuan.store.locks import lock_loan, lock_loans
from jiehuan.store.many import hold_many, lock_many
from jiehuan.store.seal import seal_journal
from jiehuan.units.errors import Conflict, Refused

TERMS = read_terms({
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": "2025-12-01", "penalty_uplift": "0.5",
})  # fmt: skip
TODAY = date(2026, 3, 15)


@pytest.fixture
def book(database: Database) -> Database:
    with database.begin() as connection:
        connection.execute(insert(tables.borrower).values(borrower_id="bo_1", region="浙江"))
        for loan_id in ("ln_1", "ln_2"):
            book_loan(
                connection, loan_id, TERMS, {"borrower_id": "bo_1", "product": "m", "region": "浙江", "channel": "api"}
            )
    return database


def test_repayments_on_one_loan_serialise(book: Database) -> None:
    """Eight writers, forty requests, half of them sent twice, some for money found late."""

    def pay(number: int) -> str:
        on = TODAY - timedelta(days=number % 20 // 5 * 10)
        with book.begin() as connection:
            return str(
                repay(connection, "ln_1", 1_000 + number % 20, on, f"k{number % 20}", known_on=TODAY)["event_id"]
            )

    with ThreadPoolExecutor(8) as writers:
        answers = list(writers.map(pay, range(40)))
    assert len(set(answers)) == 20
    assert answers[:20] == answers[20:]
    seal_journal(book, TODAY)
    assert {found.check: found.problems for found in audit(book) if found.faults} == {}
    with book.connect() as connection:
        cash = "SELECT sum(debit_fen - credit_fen) FROM line WHERE account = 'cash' AND event_id IS NOT NULL"
        assert connection.execute(text(cash)).scalar_one() == sum(1_000 + n for n in range(20))


def test_the_same_key_with_another_amount_is_a_conflict_even_at_once(book: Database) -> None:
    def pay(amount: int) -> bool:
        try:
            with book.begin() as connection:
                repay(connection, "ln_1", amount, TODAY, "same")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as writers:
        assert sum(writers.map(pay, range(100, 108))) == 1
    with book.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM loan_event")).scalar_one() == 1


def test_locks_taken_crosswise_do_not_wait_for_each_other(book: Database) -> None:
    def both(number: int) -> None:
        for _ in range(20):
            with book.begin() as connection:
                lock_loans(connection, ["ln_1", "ln_2"] if number % 2 else ["ln_2", "ln_1"])

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(both, range(4)))


def test_a_busy_loan_is_said_and_others_are_free(book: Database) -> None:
    with book.begin() as first:
        lock_loan(first, "ln_1")
        with book.begin() as second:
            lock_loan(second, "ln_2")
        with pytest.raises(Conflict, match="busy with another change"), book.begin() as third:
            third.execute(text("SET LOCAL lock_timeout = '100ms'"))  # the usual patience is longer
            lock_loan(third, "ln_1")
        with book.begin() as fourth:  # a row that only refers to the loan does not wait
            fourth.execute(
                insert(tables.alert).values(
                    alert_id="al_1",
                    account_id="a",
                    loan_id="ln_1",
                    at=text("now()"),
                    rule="r",
                    severity="info",
                    evidence={},
                )
            )


HOLDS = {
    "one loan": lambda c: lock_loan(c, "ln_1"),
    "an act": lambda c: look(c, "ln_1", "a key"),
    "a day's batch": lambda c: lock_many(c, ["ln_1", "ln_2"]),
    "a file": lambda c: hold_many(c, ["ln_1", "ln_2"]),
    "a small book's day": lambda c: c.execute(day_end._LOCK_OPEN, {"done": list(day_end.DONE)}),
}


@pytest.mark.parametrize("other", HOLDS)
@pytest.mark.parametrize("one", HOLDS)
def test_all_take_the_same_lock(book: Database, one: str, other: str) -> None:
    with book.begin() as first:
        HOLDS[one](first)
        with (
            pytest.raises((Conflict, DBAPIError), match="busy with another change|LockNotAvailable"),
            book.begin() as second,
        ):
            second.execute(text("SET LOCAL lock_timeout = '50ms'"))
            HOLDS[other](second)


@pytest.mark.parametrize("late", ["one loan", "an act"])
@pytest.mark.parametrize("early", ["one loan", "an act"])
def test_a_loan_without_standing_is_held_before_and_after_it_has_one(book: Database, early: str, late: str) -> None:
    with book.begin() as connection:
        kept = dict(connection.execute(text("SELECT * FROM loan_standing WHERE loan_id = 'ln_1'")).mappings().one())
        connection.execute(text("DELETE FROM loan_standing WHERE loan_id = 'ln_1'"))
    with ThreadPoolExecutor(1) as pool:
        with book.begin() as first:
            HOLDS[early](first)
            with pytest.raises(Conflict, match="busy"), book.begin() as second:
                second.execute(text("SET LOCAL lock_timeout = '50ms'"))
                HOLDS[late](second)
            waiting = pool.submit(_hold_and_ask, book, HOLDS[late])  # since before there was a row
            _until_somebody_waits(first)
            first.execute(insert(tables.loan_standing).values(kept))
        assert waiting.result()


def _hold_and_ask(book: Database, hold: Any) -> bool:
    """Whether somebody who holds the loan keeps those away who come by its new row."""
    with book.begin() as connection:
        hold(connection)
        try:
            with book.begin() as other:
                other.execute(text("SET LOCAL lock_timeout = '50ms'"))
                lock_many(other, ["ln_1"])
        except Conflict:
            return True
    return False


def _until_somebody_waits(connection: Connection) -> None:
    until = time.monotonic() + 30
    asked = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while not connection.execute(asked).scalar_one():
        assert time.monotonic() < until, "nobody waits"
        time.sleep(0.01)


def test_an_unknown_loan_is_refused(book: Database) -> None:
    with pytest.raises(Refused, match="no such loan"), book.begin() as connection:
        lock_loan(connection, "ln_9")
