"""Writers that meet: on one loan, on one payment, with the day end. Real threads on a real server; nothing lost, nothing doubled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from jiehuan.flow.closing import close_day
from jiehuan.flow.day_end import day_end
from jiehuan.flow.gateway_events import Payment, take_payment
from jiehuan.flow.repay import repay
from jiehuan.flow.settle import settle
from jiehuan.flow.statements import import_statements, read_statements
from jiehuan.store.database import Database
from jiehuan.store.vault import open_vault
from jiehuan.units.errors import Refused

from .conftest import MAPPING, TODAY, WriteCsv, cash_in, faults


def at_once(*works: Callable[[], object]) -> list[object]:
    """Start all at the same moment; what each returned, or the refusal that it raised."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        gate.wait()
        try:
            return work()
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_repayments_on_one_loan_queue_up(lender: Database) -> None:
    def pay(number: int) -> Callable[[], object]:
        return lambda: lender.transact(lambda c: repay(c, "ln_1", 1000 + number, TODAY, f"k{number}"))

    at_once(*(pay(number) for number in range(10)))
    assert cash_in(lender) == sum(1000 + number for number in range(10))
    assert faults(lender) == []


def test_one_key_sent_by_many_books_once(lender: Database) -> None:
    answers = at_once(*[lambda: lender.transact(lambda c: repay(c, "ln_1", 5000, TODAY, "same"))] * 8)
    assert all(answer["event_id"] == answers[0]["event_id"] for answer in answers)
    assert cash_in(lender) == 5000


def test_two_settlements_of_one_loan_settle_it_once(lender: Database) -> None:
    works = [lambda n=n: lender.transact(lambda c: settle(c, "ln_1", TODAY, f"s{n}")) for n in range(4)]
    answers = at_once(*works)
    assert sum(isinstance(answer, Refused) for answer in answers) == 3
    assert faults(lender) == []


@pytest.mark.parametrize("how", ["small", "durable"])
def test_repayments_and_the_day_end(lender: Database, how: str) -> None:
    days = [TODAY + timedelta(days=n) for n in range(6)]

    def pay() -> None:
        for number in range(30):
            lender.transact(lambda c, n=number: repay(c, f"ln_{n % 3 + 1}", 700, TODAY, f"p{n}"))

    def end() -> None:
        for on in days:
            lender.transact(lambda c, on=on: day_end(c, on)) if how == "small" else close_day(lender, on)

    assert at_once(pay, end) == [None, None]  # neither was refused
    assert cash_in(lender) == 30 * 700
    assert faults(lender) == []


@pytest.mark.parametrize("seed", range(3))
def test_webhook_and_statement_of_the_same_payments(lender: Database, write_csv: WriteCsv, seed: int) -> None:
    vault = open_vault(lender)
    payments = [(f"P-{n}", 1000 + n, f"ln_{n % 3 + 1}") for n in range(12)]
    rows = [("2026-02-06", f"{fen / 100:.2f}", f"e{ref}", ref, loan) for ref, fen, loan in payments]
    statement = read_statements(write_csv(rows if seed % 2 else rows[::-1]), MAPPING, "lending")

    def gateway() -> None:
        for ref, fen, loan in payments:
            told = Payment(f"g-{ref}", fen, date(2026, 2, 5), ref, loan)
            lender.transact(lambda c, told=told: take_payment(c, vault, "alpha", told, TODAY))

    at_once(
        gateway,
        gateway,
        lambda: import_statements(lender, statement, TODAY),
        lambda: import_statements(lender, statement, TODAY),
    )
    assert cash_in(lender) == sum(fen for _, fen, _ in payments)
    with lender.connect() as connection:
        receipts = connection.exec_driver_sql("SELECT status, count(*) FROM receipt GROUP BY status").all()
        lines = connection.exec_driver_sql(
            "SELECT count(*) FROM statement_line WHERE outcome IN ('posted', 'matched')"
        ).scalar_one()
    assert [tuple(row) for row in receipts] == [("posted", 12)] and lines == 12
    assert faults(lender) == []
