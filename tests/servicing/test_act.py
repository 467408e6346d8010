"""An act adds to a stored journal what it lacks: from its end when the event comes in order, all compared when it does not."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from jiehuan.flow import servicing
from jiehuan.flow.repay import repay
from jiehuan.flow.servicing import load_loan
from jiehuan.flow.settle import prepay, refund, reverse, settle, waive
from jiehuan.ledger import journal
from jiehuan.store import straight
from jiehuan.store.database import Database
from jiehuan.store.journal import read_entries
from jiehuan.units.errors import Conflict, Refused

from .conftest import TODAY, cash_in, everything, faults

FIRST = date(2026, 1, 20)


@pytest.mark.parametrize("seed", range(4))
def test_the_stored_journal_is_the_full_one(lender: Database, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After every act, of any kind and order: entry by entry, line by line."""
    chance, compared, acts = random.Random(seed), [0], 0
    missing = servicing.missing

    def counted(*given: object) -> object:
        compared[0] += 1
        return missing(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(servicing, "missing", counted)
    on = FIRST
    for n in range(40):
        on += timedelta(days=chance.randint(0, 6))
        before = (
            chance.choice([0, 0, 0, 0, 0, 0, 9]) if n > 12 else 0
        )  # in order first: then the short way must be taken
        kind = chance.choices(
            ("repay", "prepay", "waive", "reverse", "settle", "refund"), (9, 1, 1, n > 12, 0.3 * (n > 25), 1)
        )[0]
        try:
            with lender.begin() as connection:
                day = max(on - timedelta(days=before), date(2026, 1, 6))
                if kind == "repay":
                    repay(connection, "ln_1", chance.choice([91_680, 20_000, 700]), day, f"k{n}", known_on=on)
                elif kind == "prepay":
                    prepay(connection, "ln_1", 30_000, day, f"k{n}", known_on=on)
                elif kind == "waive":
                    waive(connection, "ln_1", "interest", 100, day, f"k{n}", known_on=on)
                elif kind == "settle":
                    settle(connection, "ln_1", day, f"k{n}", known_on=on)
                elif kind == "refund":
                    refund(connection, "ln_1", 10, day, f"k{n}", known_on=on)
                else:
                    events = [one for one in load_loan(connection, "ln_1").events if one.kind == "repayment"]
                    reverse(connection, "ln_1", chance.choice(events).id, on, f"k{n}")
            acts += 1
        except Refused:
            continue
        if n <= 12:
            assert compared == [0]
        with lender.connect() as connection:
            held = load_loan(connection, "ln_1")
            kept = read_entries(connection, ["ln_1"])["ln_1"]
        assert kept == list(journal(held.terms, held.events, on, "ln_1"))
    assert acts > 8 and faults(lender) == []


def test_an_act_takes_two_statements(lender: Database) -> None:
    said: list[str] = []
    straight.before.append(lambda _connection, statement: said.append(statement.split()[0]))
    try:
        with lender.begin() as connection:
            repay(connection, "ln_1", 1_000, TODAY, "k1")
    finally:
        straight.before.pop()
    assert said == ["SELECT", "WITH"]


def test_a_key_is_taken_once_whatever_the_loan(lender: Database) -> None:
    with lender.begin() as connection:
        first = repay(connection, "ln_1", 1_000, TODAY, "k1")
    before = everything(lender)
    with lender.begin() as connection:
        assert repay(connection, "ln_1", 1_000, TODAY, "k1") == first
    for loan_id, amount in (("ln_1", 1_001), ("ln_2", 1_000)):
        with pytest.raises(Conflict, match="other content"), lender.begin() as connection:
            repay(connection, loan_id, amount, TODAY, "k1")
    assert everything(lender) == before and cash_in(lender) == 1_000


def test_a_key_in_use_by_another_request_is_a_conflict(lender: Database) -> None:
    """Two loans, one key, at the same time: whoever commits second is told, and writes nothing."""
    with lender.engine.connect() as one, one.begin() as first:
        repay(one, "ln_1", 1_000, TODAY, "k1")
        with lender.engine.connect() as other, other.begin():
            other.exec_driver_sql("SET LOCAL statement_timeout = '20s'")
            import threading

            threading.Timer(0.3, first.commit).start()
            with pytest.raises(Conflict, match="right now"):
                repay(other, "ln_2", 1_000, TODAY, "k1")
    assert cash_in(lender) == 1_000 and faults(lender) == []


def test_no_such_loan(lender: Database) -> None:
    with pytest.raises(Refused, match="no such loan"), lender.begin() as connection:
        repay(connection, "ln_none", 1_000, TODAY, "k1")
