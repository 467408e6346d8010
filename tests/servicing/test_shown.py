"""What is shown of a loan on a later day (the view ``loan_state``) is what the kernel says of that day, though nothing was written."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).parents[1] / "loan"))
from random_books import random_loan

from jiehuan.flow.closing import close_day, run
from jiehuan.flow.closing.write import tab_text
from jiehuan.flow.day_end import day_end, lasts
from jiehuan.flow.repay import repay
from jiehuan.flow.servicing import mark_sold, state_row
from jiehuan.law import law_on
from jiehuan.loan import read_events, read_terms, replay
from jiehuan.loan.book_cells import fold_part, read_documents
from jiehuan.loan.civil import day_number
from jiehuan.loan.day_end import day_end_of_documents, standing_table
from jiehuan.loan.lawful import law_cells
from jiehuan.loan.layout import OUT
from jiehuan.loan.position import POSITION, Q_TICK
from jiehuan.store.act import STATE
from jiehuan.store.audit import audit
from jiehuan.store.bulk import copy_text
from jiehuan.store.database import Database
from jiehuan.store.migrations.versions import v0012_standing
from jiehuan.store.straight import driver_of

from .conftest import book, faults

ON = date(2026, 6, 10)
SHOWN = (
    "penalty_due_fen",
    "dpd",
    "bucket",
    "overdue_fen",
    "class",
    "provision_fen",
    "status",
    "next_due",
    "interest_due_fen",
)


def random_book(seed: int, count: int) -> tuple[list[dict[str, Any]], pl.DataFrame, np.ndarray]:
    """Loans with what happened to them by ``ON``, their rows, and the days on which more happens than one more day past due."""
    source = random.Random(seed)
    documents = [one for one in (random_loan(source, f"L{n:04d}") for n in range(count)) if one["drawn_on"] <= str(ON)]
    for one in documents:
        one["events"] = [event for event in one["events"] if max(event["on"], event.get("known_on", "")) <= str(ON)]
    parts, _ = read_documents(((n, one, one["events"]) for n, one in enumerate(documents)), ON, ON, law_on)
    law, good, frames, ticks = np.array(law_cells(ON, law_on), dtype=np.int64), [], [], []
    for part in parts:
        out, verdicts, p = fold_part(part, day_number(ON), day_number(ON), law, positions=True)
        taken = np.flatnonzero(verdicts == 0)
        mine = [documents[int(part.rows[at])] for at in taken]
        good += mine
        frames.append(
            standing_table(pl.Series("loan_id", [one["loan_id"] for one in mine]), out.reshape(-1, OUT)[taken], ON)
        )
        ticks.append(p.reshape(-1, POSITION)[taken, Q_TICK])
    return good, pl.concat(frames), np.concatenate(ticks)


def test_a_book_is_shown_as_the_kernel_has_it_until_more_happens(database: Database) -> None:
    documents, rows, ticks = random_book(5, 1_500)
    with database.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # rows without their loans
        copy_text(driver_of(connection), f"loan_standing ({', '.join(STATE)})", tab_text(rows.select(STATE)))
        connection.execute(text('INSERT INTO day_end_run ("on", finished_at) VALUES (:on, now())'), {"on": ON})
    overdue = running = 0
    for later in (0, 1, 2, 5, 11, 24, 30, 61):
        day = ON + timedelta(days=later)
        with database.begin() as connection:
            connection.execute(text('UPDATE day_end_run SET "on" = :on'), {"on": day})
            found = connection.execute(text("SELECT * FROM loan_state")).mappings().all()
        shown = {row["loan_id"]: row for row in found}
        told = {row["loan_id"]: row for row in day_end_of_documents(documents, day, known_by=ON).lines.to_dicts()}
        for one, tick, penalty in zip(documents, ticks.tolist(), rows["penalty_due_fen"], strict=True):
            row, said = shown[one["loan_id"]], told[one["loan_id"]]
            if tick <= day_number(day) or said["status"] == "settled":
                continue
            assert row["as_of"] == day
            assert {name: row[name] for name in SHOWN} == {name: said[name] for name in SHOWN}, (one["loan_id"], day)
            assert (row["oldest_due"] is None) == (row["dpd"] == 0)
            overdue += later > 0 and row["dpd"] > 0
            running += later > 0 and row["penalty_due_fen"] > penalty
    assert overdue > 500 and running > 500  # the test is not of loans on which nothing is owed


def test_one_loan_and_a_book_of_loans_write_the_same_rows() -> None:
    documents, rows, _ = random_book(6, 400)
    for one, row in zip(documents, rows.select(STATE).to_dicts(), strict=True):
        state = replay(
            read_terms({n: v for n, v in one.items() if n not in {"events", "loan_id"}}), read_events(one["events"]), ON
        )
        assert state_row(one["loan_id"], state) == row


@pytest.fixture
def overdue(lender: Database) -> Iterator[Database]:
    """Three loans five days past due, the tenth of February closed."""
    book(lender, "ln_young", "bo_9", drawn_on="2026-02-04")
    close_day(lender, date(2026, 2, 9))
    close_day(lender, date(2026, 2, 10))
    yield lender


def shown(database: Database, loan_id: str) -> tuple[date, int, int]:
    with database.connect() as connection:
        asked = text("SELECT as_of, dpd, penalty_due_fen FROM loan_state WHERE loan_id = :loan")
        row = connection.execute(asked, {"loan": loan_id}).one()
    return row.as_of, row.dpd, row.penalty_due_fen


def test_nothing_is_written_for_one_more_day_past_due(overdue: Database) -> None:
    before = shown(overdue, "ln_1")
    assert close_day(overdue, date(2026, 2, 11))["changed"] == 0
    after = shown(overdue, "ln_1")
    assert (before[0], before[1]) == (date(2026, 2, 10), 5) and (after[0], after[1]) == (date(2026, 2, 11), 6)
    assert after[2] > before[2] > 0 and faults(overdue) == []


def test_a_loan_that_waits_is_shown_as_of_its_own_day(overdue: Database) -> None:
    """One that cannot be folded stays where it was; one paid after the run had looked is as the payment left it."""
    with overdue.begin() as connection:
        connection.execute(text("UPDATE loan SET terms = terms || '{\"months\": 0}' WHERE loan_id = 'ln_2'"))
        connection.execute(text("INSERT INTO loan_touched (loan_id) VALUES ('ln_2')"))
    here, meanwhile = shown(overdue, "ln_2"), run.write_all

    def paid_meanwhile(*given: Any) -> Any:
        with overdue.begin() as connection:
            repay(connection, "ln_3", 100, date(2026, 2, 11), "late")
        return meanwhile(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "write_all", paid_meanwhile)
        close_day(overdue, date(2026, 2, 11))
    assert shown(overdue, "ln_2") == here and shown(overdue, "ln_1")[1] == 6
    assert shown(overdue, "ln_3")[0] == date(2026, 2, 11)
    close_day(overdue, date(2026, 2, 12))
    assert shown(overdue, "ln_2") == here and shown(overdue, "ln_3")[:2] == (date(2026, 2, 12), 7)


def test_a_sold_loan_stays_at_its_sale(overdue: Database) -> None:
    with overdue.begin() as connection:
        mark_sold(connection, "ln_2")
    here = shown(overdue, "ln_2")
    close_day(overdue, date(2026, 2, 11))
    close_day(overdue, date(2026, 2, 12))
    assert shown(overdue, "ln_2") == here and shown(overdue, "ln_1")[1] == 7


FAULTS = {
    "a penalty that runs on more than is overdue": "UPDATE loan_standing SET penalty_base_fen = penalty_base_fen * 2 WHERE loan_id = 'ln_1'",
    "a penalty that began earlier": "UPDATE loan_standing SET penalty_due_fen = penalty_due_fen + 1 WHERE loan_id = 'ln_1'",
    "a penalty that no longer runs": "UPDATE loan_standing SET (penalty_base_fen, penalty_fen_days, penalty_numerator, penalty_denominator)"
    " = (NULL, NULL, NULL, NULL) WHERE loan_id = 'ln_1'",
    "another rate of penalty": "UPDATE loan_standing SET penalty_numerator = penalty_numerator * 3 WHERE loan_id = 'ln_1'",
    "an older debt": "UPDATE loan_standing SET oldest_due = oldest_due - 1 WHERE loan_id = 'ln_1'",
    "no debt": "UPDATE loan_standing SET oldest_due = NULL WHERE loan_id = 'ln_1'",
    "a row put at a later day": "UPDATE loan_standing SET as_of = as_of + 1 WHERE loan_id = 'ln_1'",
    "a day closed that was not": "INSERT INTO day_end_run (\"on\", finished_at) VALUES ('2026-03-20', now())",
}  # fmt: skip


@pytest.mark.parametrize("planted", FAULTS)
def test_the_audit_finds_a_row_that_counts_on_wrongly(overdue: Database, planted: str) -> None:
    for n in range(11, 21):
        close_day(overdue, date(2026, 2, n))
    assert faults(overdue) == []
    with overdue.begin() as connection:
        connection.execute(text(FAULTS[planted]))
    assert any(found.check == "state_is_fold" and found.faults for found in audit(overdue))


def test_an_older_database_gets_its_penalties_to_run(overdue: Database) -> None:
    asked = text("SELECT * FROM loan_standing ORDER BY loan_id")
    with overdue.begin() as connection:
        before = connection.execute(asked).all()
        connection.execute(
            text("UPDATE loan SET terms = terms || '{\"months\": 0}' WHERE loan_id = 'ln_2'")
        )  # it cannot be folded
        connection.execute(
            text(
                "UPDATE loan_standing SET penalty_base_fen = NULL, penalty_fen_days = NULL, penalty_numerator = NULL, penalty_denominator = NULL"
            )
        )
        cleared = connection.execute(asked).all()
        v0012_standing.let_penalties_run(connection)
        after = connection.execute(asked).all()
    assert [row.loan_id for row in before if row.penalty_base_fen] == ["ln_1", "ln_2", "ln_3"]
    assert [b if b.loan_id != "ln_2" else c for b, c in zip(before, cleared, strict=True)] == after


def test_a_small_day_end_writes_what_changed_and_no_more(overdue: Database) -> None:
    """One more day past due is told by the view; a payment, another class and what waited to be looked at are written."""
    with overdue.begin() as connection:
        assert day_end(connection, date(2026, 2, 11))["changed"] == 0
        assert connection.execute(text("SELECT count(*) FROM loan_touched")).scalar_one() == 0
    assert shown(overdue, "ln_1")[:2] == (date(2026, 2, 11), 6) and faults(overdue) == []
    with overdue.begin() as connection:
        repay(connection, "ln_2", 100, date(2026, 2, 12), "some")
        assert day_end(connection, date(2026, 2, 12))["changed"] == 0  # the payment wrote its state itself
        told = day_end(connection, date(2026, 2, 20))
    assert told["changed"] == 0 and shown(overdue, "ln_2")[0] == date(2026, 2, 20) and faults(overdue) == []
    with overdue.begin() as connection:
        assert day_end(connection, date(2026, 3, 10))["changed"] == 4  # another instalment fell due on each
    assert faults(overdue) == []
    with overdue.begin() as connection:
        repay(connection, "ln_3", 100, date(2026, 3, 1), "late")
        known = connection.execute(text("SELECT known_on FROM loan_event WHERE loan_id = 'ln_3'")).scalar_one()
    assert known == date(2026, 3, 10) and faults(overdue) == []  # knowledge never goes back


def test_small_and_large_day_ends_take_turns(overdue: Database) -> None:
    for n in range(11, 19):
        if n % 3:
            with overdue.begin() as connection:
                day_end(connection, date(2026, 2, n))
        else:
            assert close_day(overdue, date(2026, 2, n))["refused"] == []
        assert shown(overdue, "ln_1")[:2] == (date(2026, 2, n), n - 5) and faults(overdue) == []


def test_states_that_follow_from_each_other_are_those_that_the_view_tells() -> None:
    """``lasts`` against the kernel, for each loan of a book: true to the day before more happens, false once a row really differs."""
    documents, _, ticks = random_book(7, 300)
    true = 0
    for one, tick in zip(documents, ticks.tolist(), strict=True):
        terms = read_terms({name: value for name, value in one.items() if name not in {"events", "loan_id"}})
        events = read_events(one["events"])
        row = state_row(one["loan_id"], replay(terms, events, ON))
        for later in (0, 1, 7, 29):
            day = ON + timedelta(days=later)
            if tick <= day_number(day) or row["status"] in {"settled", "sold"}:
                continue
            fresh = state_row(one["loan_id"], replay(terms, events, day))
            assert lasts(row, fresh), (one["loan_id"], later)
            true += 1
            for name in ("overdue_fen", "penalty_due_fen", "provision_fen"):
                assert not lasts(row, {**fresh, name: fresh[name] + 1})
            assert not lasts(row, {**fresh, "class": "another"})
    assert true > 300
