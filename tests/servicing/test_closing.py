"""The durable day end: the same as folding every loan, day by day or late, whatever happens meanwhile."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from jiehuan.flow.closing import catch_up, close_day, write
from jiehuan.flow.day_end import day_end
from jiehuan.flow.repay import repay
from jiehuan.flow.servicing import load_loans, mark_sold, record
from jiehuan.flow.settle import prepay, settle
from jiehuan.store.audit.loans import STATED
from jiehuan.store.database import Database
from jiehuan.store.idempotency import once
from jiehuan.units.errors import Conflict, Refused

from .conftest import book, faults

FIRST = date(2026, 1, 20)
SHAPES: list[dict[str, Any]] = [
    {}, {"method": "equal_principal"}, {"method": "interest_only", "months": 3}, {"method": "bullet", "months": 2},
    {"lender_type": "consumer_finance_company", "rate": "0.2"}, {"months": 1}, {"allocation": ["principal", "interest", "penalty", "costs"]},
    {"first_due": "2026-01-25"}, {"fees": [{"on": "2026-02-20", "amount": "30.00", "kind": "court"}]}, {"tolerance": "5.00"},
]  # fmt: skip


def whole_book(database: Database) -> dict[str, dict[str, Any]]:
    with database.connect() as connection:
        rows = connection.execute(text("SELECT * FROM loan_state ORDER BY loan_id")).mappings().all()
    return {row["loan_id"]: {name: value for name, value in row.items() if name != "as_of"} for row in rows}


def folded_book(database: Database, on: date) -> dict[str, dict[str, Any]]:
    """What every stored state must be on an evening: the fold of the loan's events, sold ones as they were sold."""
    sold = {loan_id for loan_id, row in whole_book(database).items() if row["status"] == "sold"}
    found = {}
    with database.connect() as connection:
        for held in load_loans(connection):
            if held.terms.drawn_on <= on:
                state = held.state(on)
                row = {column: getattr(state, name) for column, name in STATED.items()}
                found[held.loan_id] = {"loan_id": held.loan_id, **row, "oldest_due": state.oldest_due}
    for loan_id in sold:
        found[loan_id] = whole_book(database)[loan_id]
    return found


def books(database: Database) -> list[tuple[Any, ...]]:
    """The journal by what it says, not by when a row was written."""
    with database.connect() as connection:
        return [
            tuple(row)
            for row in connection.execute(text(
                "SELECT loan_id, place, kind, effective, known, account, debit_fen, credit_fen FROM line ORDER BY loan_id, place, n"
            ))
        ]  # fmt: skip


def some_loans(database: Database) -> list[str]:
    return [book(database, f"ln_{n:02d}", f"bo_{n}", **shape) for n, shape in enumerate(SHAPES)]


def live(database: Database, chance: random.Random, loans: list[str], on: date) -> None:
    """A day of a lender: some pay what is asked, some less or more, one is found late, one prepays, one ends."""
    for number in range(chance.randint(2, 6)):
        loan_id, key = chance.choice(loans), f"{on}-{number}"
        act = chance.choices(("pay", "part", "late", "prepay", "settle", "waive", "new"), (8, 4, 2, 1, 1, 1, 1))[0]
        try:
            with database.begin() as connection:
                if act in {"pay", "part"}:
                    repay(
                        connection,
                        loan_id,
                        chance.choice((91680, 50000)) if act == "pay" else chance.randint(1, 30000),
                        on,
                        key,
                    )
                elif act == "late":
                    repay(
                        connection,
                        loan_id,
                        20000,
                        max(on - timedelta(days=chance.randint(1, 9)), date(2026, 1, 5)),
                        key,
                        known_on=on,
                    )
                elif act == "prepay":
                    prepay(connection, loan_id, 100000, on, key, chance.choice(("shorten", "reduce")))
                elif act == "settle":
                    settle(connection, loan_id, on, key)
                elif act == "waive":
                    event = {
                        "id": f"w-{key}",
                        "on": on.isoformat(),
                        "kind": "waiver",
                        "part": "interest",
                        "amount": "1.00",
                    }
                    record(connection, loan_id, event, key, on)
        except Refused:
            pass  # the loan does not take it: nothing was written
        if act == "new":
            loans.append(
                book(database, f"ln_x{on:%m%d}{number}", "bo_1", drawn_on=on.isoformat(), months=chance.choice((1, 6)))
            )


@pytest.mark.parametrize("seed", range(2))
def test_every_evening_every_state_is_the_fold(lender: Database, seed: int) -> None:
    chance, loans, on = random.Random(seed), some_loans(lender), FIRST
    loans += ["ln_1", "ln_2", "ln_3"]
    for _ in range(20):
        live(lender, chance, loans, on)
        told = close_day(lender, on)
        assert told["refused"] == []
        assert whole_book(lender) == folded_book(lender, on), on
        on += timedelta(days=1)
    assert faults(lender) == []


def test_a_long_default_passes_all_classes(lender: Database) -> None:
    close_day(lender, FIRST)
    for month in (2, 3, 4, 5, 6):
        for day in (4, 5, 6, 7, 8):
            on = date(2026, month, day)
            catch_up(lender, on)
            assert whole_book(lender) == folded_book(lender, on), on
    assert whole_book(lender)["ln_1"]["class"] == "substandard"
    assert faults(lender) == []


def test_interest_that_falls_due_on_a_late_loan_is_a_plain_entry_unless_some_was_in_memo(lender: Database) -> None:
    """Nothing is folded while late loans still accrue. One that stopped and was paid back within the limit is folded when it
    owes interest again, for some of what it owes may be in memo.
    """
    on, folded = date(2026, 5, 3), {}
    close_day(lender, on)
    while on < date(2026, 7, 5):
        on += timedelta(days=1)
        if on == date(2026, 5, 20):  # all interest and the principal of three instalments
            with lender.begin() as connection:
                repay(connection, "ln_1", 310_000, on, "most of it")
        if told := close_day(lender, on)["folded"]:
            folded[on] = told
        if on in (date(2026, 5, 5), date(2026, 5, 7), date(2026, 6, 5), date(2026, 7, 5)):
            assert whole_book(lender) == folded_book(lender, on) and faults(lender) == [], on
    assert whole_book(lender)["ln_1"]["dpd"] == 61
    assert folded == {
        date(2026, 5, 7): 3,  # the 91st day; on the 5th an instalment fell due on each
        date(2026, 5, 20): 1,
        date(2026, 6, 5): 2,  # the two above the limit; the third owes no interest
        date(2026, 7, 5): 3,
    }


def test_catching_up_is_day_by_day(new_database, tmp_path) -> None:
    said = []
    for how in ("daily", "late", "without positions"):
        with new_database(tmp_path / how.replace(" ", "-")) as database:
            some_loans(database)
            last = date(2026, 3, 12)
            close_day(database, FIRST)
            if how == "daily":
                for n in range(1, (last - FIRST).days + 1):
                    close_day(database, FIRST + timedelta(days=n))
            elif how == "late":
                assert len(catch_up(database, last)) == (last - FIRST).days
            else:
                for n in range(1, (last - FIRST).days + 1):
                    if n % 7 == 0:
                        for path in (database.home / "positions").glob("*.arrow"):
                            path.unlink() if n % 2 else path.write_bytes(path.read_bytes()[:100])
                    close_day(database, FIRST + timedelta(days=n))
            assert catch_up(database, last) == []
            with database.connect() as connection:
                photos = connection.execute(text("SELECT * FROM book_snapshot ORDER BY as_of, loan_id")).all()
            said.append((whole_book(database), books(database), [tuple(row) for row in photos]))
    assert said[0] == said[1] == said[2]
    assert len({row[0] for row in said[0][2]}) == 2  # photographed at the ends of January and February


def test_the_same_as_the_day_end_of_small_books(new_database, tmp_path) -> None:
    said = []
    for how in (close_day, lambda database, on: database.transact(lambda c: day_end(c, on))):
        with new_database(tmp_path / f"home{len(said)}") as database:
            some_loans(database)
            for n in range(26):
                on = FIRST + timedelta(days=n)
                if n == 16:
                    with database.begin() as connection:
                        repay(connection, "ln_00", 91680, on, "k1")
                        repay(connection, "ln_01", 100, on, "k2")
                how(database, on)
            said.append((whole_book(database), books(database)))
    assert said[0] == said[1]


def test_one_way_may_follow_the_other(lender: Database) -> None:
    on = FIRST
    for n in range(24):
        (close_day if n % 5 else lambda d, on: d.transact(lambda c: day_end(c, on)))(lender, on)
        on += timedelta(days=1)
    assert whole_book(lender) == folded_book(lender, on - timedelta(days=1))
    assert faults(lender) == []


def test_a_day_is_closed_once_and_in_its_order(lender: Database) -> None:
    first = close_day(lender, FIRST)
    assert first["loans"] == 3 and close_day(lender, FIRST)["closed"] == "before"
    with pytest.raises(Refused, match="2026-01-21 is not closed yet"):
        close_day(lender, FIRST + timedelta(days=2))


def test_only_changed_rows_are_written(lender: Database) -> None:
    close_day(lender, FIRST)
    assert close_day(lender, FIRST + timedelta(days=1)) | {"refused": []} == {
        "on": "2026-01-21", "loans": 3, "overdue": 0, "changed": 0, "entries": 0, "folded": 0, "refused": [],
    }  # fmt: skip
    with lender.connect() as connection:
        assert set(connection.execute(text("SELECT as_of FROM loan_standing")).scalars()) == {date(2026, 1, 5)}
        assert set(connection.execute(text("SELECT as_of FROM loan_state")).scalars()) == {date(2026, 1, 21)}


def test_a_sold_loan_is_left_alone(lender: Database) -> None:
    close_day(lender, FIRST)
    with lender.begin() as connection:
        mark_sold(connection, "ln_2")
    catch_up(lender, date(2026, 2, 20))
    assert whole_book(lender)["ln_2"]["status"] == "sold"
    assert whole_book(lender)["ln_1"]["dpd"] == 15


def test_a_bad_loan_costs_itself_only(lender: Database) -> None:
    with lender.begin() as connection:
        connection.execute(text("UPDATE loan SET terms = terms || '{\"months\": 0}' WHERE loan_id = 'ln_2'"))
    for n in range(20):
        told = close_day(lender, FIRST + timedelta(days=n))
        assert [one["loan_id"] for one in told["refused"]] == ["ln_2"]
    assert whole_book(lender)["ln_1"]["dpd"] > 0


def test_knowledge_does_not_go_back_behind_a_closed_day(lender: Database) -> None:
    close_day(lender, FIRST)
    close_day(lender, FIRST + timedelta(days=1))
    with lender.begin() as connection:
        repay(connection, "ln_1", 100, FIRST, "late")  # told as if it were known yesterday
        known = connection.execute(text("SELECT known_on FROM loan_event")).scalar_one()
    assert known == FIRST + timedelta(days=1)
    close_day(lender, FIRST + timedelta(days=2))
    assert whole_book(lender) == folded_book(lender, FIRST + timedelta(days=2)) and faults(lender) == []


def test_the_command_closes_what_is_open(lender: Database, cli, database_env) -> None:
    done = cli("day-end", "--on", "2026-01-20", "--json", env=database_env)
    assert done.returncode == 0, done.stderr
    done = cli("day-end", "--on", "2026-01-23", "--json", env=database_env)
    assert [told["on"] for told in json.loads(done.stdout)["days"]] == ["2026-01-21", "2026-01-22", "2026-01-23"]
    assert json.loads(cli("day-end", "--on", "2026-01-23", "--json", env=database_env).stdout)["days"] == []
    assert cli("day-end", "--on", "yesterday", env=database_env).returncode == 2


def test_the_day_end_forgets_old_answers(lender: Database) -> None:
    with lender.begin() as connection:
        for key in ("old", "new"):
            once(connection, "repay", key, {}, lambda: (201, "{}"))
        connection.execute(text("UPDATE idempotency SET created_at = now() - interval '91 days' WHERE key = 'old'"))
    close_day(lender, FIRST)
    with lender.connect() as connection:
        assert connection.execute(text("SELECT key FROM idempotency")).scalars().all() == ["new"]


def test_a_run_that_lost_its_place_keeps_nothing(lender: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another day end takes the run over while this one writes: the batch of this one is undone."""
    book(lender, "ln_due", "bo_9", first_due="2026-01-25")
    close_day(lender, date(2026, 1, 24))
    before = whole_book(lender), books(lender)
    batch = write.write_batch

    def taken_over(*given: Any) -> Any:
        with lender.begin() as other:
            other.execute(text("UPDATE day_end_run SET mark = 'zz' WHERE finished_at IS NULL"))
        return batch(*given)

    monkeypatch.setattr(write, "write_batch", taken_over)
    with pytest.raises(Conflict, match="another one has taken its place"):
        close_day(lender, date(2026, 1, 25))
    assert (whole_book(lender), books(lender)) == before
    with lender.begin() as connection:
        connection.execute(text("UPDATE day_end_run SET mark = '' WHERE finished_at IS NULL"))
    monkeypatch.setattr(write, "write_batch", batch)
    assert close_day(lender, date(2026, 1, 25))["changed"] == 1 and faults(lender) == []


def test_a_batch_that_fails_lets_nobody_wait(lender: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four loans fall due, one a batch; the second fails: the first stays, none after it, and the next run does the rest."""
    for n in range(4):
        book(lender, f"ln_due{n}", f"bo_1{n}", first_due="2026-01-25")
    close_day(lender, date(2026, 1, 24))
    monkeypatch.setattr(write, "CHANGED_AT_ONCE", 1)
    monkeypatch.setattr(write, "cores", lambda: 3)
    batch = write.write_batch

    def failing(connection: Any, lines: Any, entries: Any) -> Any:
        if "ln_due1" in entries:
            raise ConnectionError("gone")
        return batch(connection, lines, entries)

    monkeypatch.setattr(write, "write_batch", failing)
    with pytest.raises((ConnectionError, Conflict)):
        close_day(lender, date(2026, 1, 25))
    done = [
        loan_id
        for loan_id, row in whole_book(lender).items()
        if loan_id.startswith("ln_due") and row["interest_due_fen"]
    ]
    assert done in ([], ["ln_due0"])
    monkeypatch.setattr(write, "write_batch", batch)
    assert close_day(lender, date(2026, 1, 25))["changed"] == 4
    assert whole_book(lender) == folded_book(lender, date(2026, 1, 25)) and faults(lender) == []
