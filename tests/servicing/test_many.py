"""Many repayments at once are the same repayments: events, journal with its hashes, states, messages, deeds, refusals."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from jiehuan.flow import many
from jiehuan.flow.closing import close_day
from jiehuan.flow.disburse import book_loan
from jiehuan.flow.many import Many, repay_many, repay_some
from jiehuan.flow.repay import Payment, repay
from jiehuan.flow.servicing import load_loan, mark_sold
from jiehuan.flow.settle import reverse, settle
from jiehuan.ledger import Funding
from jiehuan.loan import read_terms
from jiehuan.store.database import Database
from jiehuan.store.many import hold_many
from jiehuan.units.errors import JiehuanError

from .conftest import TERMS, book, cash_in, faults

FIRST = date(2026, 1, 20)
SHAPES: list[dict[str, Any]] = [
    {}, {}, {"method": "equal_principal"}, {"method": "interest_only", "months": 3}, {"method": "bullet", "months": 2},
    {"lender_type": "consumer_finance_company", "rate": "0.2"}, {"months": 1}, {"first_due": "2026-01-25"},
    {"allocation": ["principal", "interest", "penalty", "costs"]}, {"fees": [{"on": "2026-02-20", "amount": "30.00", "kind": "court"}]},
    {"tolerance": "5.00"}, {"penalty_uplift": "0"},
]  # fmt: skip


@pytest.fixture(autouse=True)
def _columns_for_few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(many, "WORTH_COLUMNS", 1)
    monkeypatch.setattr(many, "AT_ONCE", 7)
    yield


def some_loans(database: Database) -> list[str]:
    loans = [book(database, f"ln_{n:02d}", f"bo_{n}", **shape) for n, shape in enumerate(SHAPES * 2)]
    with database.begin() as connection:
        facts = {"borrower_id": "bo_1", "product": "micro", "region": "浙江", "channel": "api"}
        book_loan(connection, "ln_joint", read_terms(TERMS), facts, Funding(("BANK_A",), (700_000,)))
    return [*loans, book(database, '贷款 1\t"x"', "bo_1"), "ln_joint"]


def payments_of(chance: random.Random, loans: list[str], on: date) -> list[Payment]:
    found = []
    for number in range(chance.randint(8, 20)):
        loan_id = chance.choice([*loans, "ln_none"])
        amount = chance.choice([91_680, 1, 30_000, chance.randint(1, 200_000), 2_000_000])
        before = 3 if chance.random() < 0.05 else 0
        key = chance.choice([f"{on}-{number}"] * 18 + [f"{on}-odd key {number}", f"{on}-0"])
        found.append(
            Payment(loan_id, amount, on - timedelta(days=before), key, chance.choice(["transfer", "gateway", ""]), on)
        )
    return found


def one_by_one(database: Database, payments: list[Payment]) -> Many:
    found = Many()
    for n, one in enumerate(payments):
        try:
            with database.begin() as connection:
                found.answers[n] = repay(
                    connection,
                    one.loan_id,
                    one.amount_fen,
                    one.on,
                    one.key,
                    one.source,
                    known_on=one.known_on,
                    ours=True,
                )
        except JiehuanError as error:
            found.refused[n] = error.problems
    return found


def written(database: Database) -> dict[str, list[Any]]:
    """All that repayments write, in an order that does not tell which loan came first."""
    asked = {
        "events": "SELECT loan_id, event_id, kind, effective_on, known_on, body, idempotency_key,"
        " row_number() OVER (PARTITION BY loan_id ORDER BY seq) FROM loan_event ORDER BY loan_id, seq",
        "entries": "SELECT entry_id, loan_id, n, movement_id, event_id, reverses, kind, effective, known, hash, accounts, amounts"
        " FROM entry ORDER BY loan_id, n",
        "states": "SELECT * FROM loan_state ORDER BY loan_id",
        "outbox": "SELECT topic, key, payload FROM outbox ORDER BY key, id",
        "activity": "SELECT at, actor, verb, subject, detail FROM activity ORDER BY subject, id",
        "touched": "SELECT loan_id, count(*) FROM loan_touched GROUP BY loan_id ORDER BY loan_id",
    }
    with database.connect() as connection:
        return {name: [tuple(row) for row in connection.execute(text(said))] for name, said in asked.items()}


@pytest.mark.parametrize("seed", range(3))
def test_many_and_one_by_one_write_the_same(
    new_database: Callable[[Path], AbstractContextManager[Database]], tmp_path: Path, seed: int
) -> None:
    said, told, fast = [], [], 0
    for how in ("many", "one"):
        chance = random.Random(seed)
        answers: list[Any] = []
        with new_database(tmp_path / how) as database:
            loans = some_loans(database)
            for n in range(0, 100, 9):
                on = FIRST + timedelta(days=n)
                payments = payments_of(chance, loans, on)
                found = repay_many(database, payments) if how == "many" else one_by_one(database, payments)
                fast += found.by_columns
                answers.append(
                    (found.answers, {place: [str(p) for p in problems] for place, problems in found.refused.items()})
                )
                if n % 2:
                    close_day(database, on) if n == 9 else None
                if n == 45:
                    with database.begin() as connection:
                        mark_sold(connection, loans[1])
                        settle(connection, loans[5], on, "s")
                        last = [event for event in load_loan(connection, loans[0]).events if event.kind == "repayment"]
                        reverse(connection, loans[0], last[-1].id, on, "r")
            said.append(written(database))
            told.append(answers)
            assert faults(database, "entries", "chain", "keys") == []
            if how == "many":
                assert [f for f in faults(database) if "sold" not in f] == []
    assert told[0] == told[1]
    for name in said[0]:
        assert said[0][name] == said[1][name], name
    assert fast > 30


def test_the_same_file_again_changes_nothing(lender: Database) -> None:
    payments = [Payment(f"ln_{n}", 1_000 + n, FIRST, f"k{n}") for n in (1, 2, 3)]
    first = repay_many(lender, payments)
    before = written(lender)
    again = repay_many(lender, payments)
    assert first.by_columns == 3 and again.by_columns == 0
    assert again.answers == first.answers and written(lender) == before


def test_a_bad_row_is_listed_and_costs_itself_only(lender: Database) -> None:
    payments = [
        Payment("ln_1", 1_000, FIRST, "k1"), Payment("ln_none", 1_000, FIRST, "k2"), Payment("ln_2", 1_000, date(2026, 1, 1), "k3"),
        Payment("ln_3", 2_000, FIRST, "k1"), Payment("ln_3", 3_000, FIRST, "k5"),
    ]  # fmt: skip
    found = repay_many(lender, payments)
    assert sorted(found.answers) == [0, 4] and sorted(found.refused) == [1, 2, 3]
    assert "no such loan" in str(found.refused[1][0]) and "other content" in str(found.refused[3][0])
    assert cash_in(lender) == 4_000 and faults(lender) == []


def test_a_chunk_is_all_or_nothing(lender: Database) -> None:
    payments = [Payment(f"ln_{n}", 1_000, FIRST, f"k{n}") for n in (1, 2, 3)]
    with pytest.raises(RuntimeError), lender.begin() as connection:
        assert repay_some(connection, payments).by_columns == 3
        raise RuntimeError
    assert cash_in(lender) == 0 and faults(lender) == []


def test_what_another_request_books_meanwhile_is_seen(lender: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the list and the lock a customer pays: the fold counts that payment too."""

    def pay_first(connection: Any, loans: Any) -> Any:
        with lender.begin() as other:
            repay(other, "ln_1", 5_000, FIRST, "first")
        monkeypatch.setattr(many, "hold_many", hold_many)
        return hold_many(connection, loans)

    monkeypatch.setattr(many, "hold_many", pay_first)
    found = repay_many(lender, [Payment("ln_1", 1_000, FIRST, "k1")])
    assert found.by_columns == 1 and cash_in(lender) == 6_000 and faults(lender) == []


def test_a_state_that_moved_while_its_loan_was_waited_for_is_found(lender: Database) -> None:
    """The row of a loan that another request changes is elsewhere when that request lets go."""
    with ThreadPoolExecutor(1) as pool:
        with lender.begin() as other:
            repay(other, "ln_1", 5_000, FIRST, "first")
            work = pool.submit(repay_many, lender, [Payment(f"ln_{n}", 1_000, FIRST, f"k{n}") for n in (1, 2)])
            until, waiting = time.monotonic() + 30, text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not other.execute(waiting).scalar_one():
                assert time.monotonic() < until, "nobody waits"
                time.sleep(0.01)
        found = work.result()
    assert found.by_columns == 2 and cash_in(lender) == 7_000 and faults(lender) == []


def test_a_state_that_is_not_where_it_was_costs_nothing(lender: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chunk is taken back and taken one by one."""

    def elsewhere(connection: Any, loans: Any) -> Any:
        return {loan_id: one._replace(place="(99,1)") for loan_id, one in hold_many(connection, loans).items()}

    monkeypatch.setattr(many, "hold_many", elsewhere)
    found = repay_many(lender, [Payment("ln_1", 1_000, FIRST, "k1")])
    assert found.by_columns == 0 and list(found.answers) == [0] and cash_in(lender) == 1_000 and faults(lender) == []


def test_a_chunk_leaves_the_planner_as_it_was(lender: Database) -> None:
    with lender.begin() as connection:
        assert repay_some(connection, [Payment("ln_1", 1_000, FIRST, "k1")]).by_columns == 1
        assert connection.execute(text("SHOW enable_hashjoin")).scalar_one() == "on"
        assert connection.execute(text("SHOW enable_mergejoin")).scalar_one() == "on"


@pytest.mark.parametrize("days", [1, 30, 85, 91])
@pytest.mark.parametrize("closed", [False, True])
def test_a_late_payment_on_a_loan_past_due_goes_by_columns(
    new_database: Callable[[Path], AbstractContextManager[Database]], tmp_path: Path, days: int, closed: bool
) -> None:
    """The penalty it pays is stated and posted with it; a loan that has left income (90 days) takes the other way."""
    due = date(2026, 2, 5)
    said = []
    for how in ("many", "one"):
        with new_database(tmp_path / how) as database:
            loans = [book(database, f"ln_{n}", f"bo_{n}") for n in range(3)]
            for n, on in enumerate([due + timedelta(days=days), due + timedelta(days=days + 3)]):
                for before in range(3 * n, 0, -1) if closed and n else [1] * closed:
                    close_day(database, on - timedelta(days=before))
                amounts = zip(loans, (95_000, 100, 20_000), strict=True)
                payments = [Payment(loan_id, fen, on, f"{loan_id}-{n}") for loan_id, fen in amounts]
                found = repay_many(database, payments) if how == "many" else one_by_one(database, payments)
                assert len(found.answers) == 3 and "penalty" in found.answers[1]["paid"]
                if how == "many":
                    assert found.by_columns == (3 if days <= 85 else 0), (n, found)
            said.append(written(database))
            assert faults(database) == []
    for name in said[0]:
        assert said[0][name] == said[1][name], name
