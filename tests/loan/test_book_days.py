"""A book carried day by day: every evening is what the fold says, killed runs go on, late knowledge is not missed."""

import random
import shutil
import subprocess
import sys
import textwrap
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from random_books import random_loan
from test_parity import as_tables

from jiehuan.loan.book_days import BookDays, forget_days, saved_days
from jiehuan.loan.day_end import day_end
from jiehuan.loan.position import POSITION, Q_NEXT_DUE, Q_NEXT_I, Q_NEXT_P, Q_PLAIN
from jiehuan.units.errors import InputError

START = date(2026, 1, 10)


@pytest.fixture(scope="module")
def tables():
    rng = random.Random(11)
    return as_tables([random_loan(rng, f"L{n}") for n in range(500)])


def drawn(found):
    return [loan for loan in found.refused if "not drawn" not in loan.problems[0].reason]


def test_every_evening_is_what_the_fold_says(tables):
    """Every third evening of four months the lines, the refusals and the sum of all changes are those of a fold."""
    book, events = tables
    days = BookDays.open(book, START, events)
    seen = {row["loan_id"]: row for row in days.lines().iter_rows(named=True)}
    plain = 0
    for k in range(1, 121):
        on = START + timedelta(days=k)
        closed = days.close(on)
        seen |= {row["loan_id"]: row for row in closed.changed.iter_rows(named=True)}
        for loan in closed.refused:
            seen.pop(loan.loan_id, None)
        plain += int(days.p.reshape(-1, POSITION)[:, Q_PLAIN].sum())
        if k % 3:
            continue
        wanted = day_end(book, on, events)
        lines = days.lines()
        assert lines.equals(wanted.lines)
        assert {loan.loan_id for loan in closed.refused} == {loan.loan_id for loan in drawn(wanted)}
        assert pl.DataFrame(list(seen.values()), schema=lines.schema).sort("loan_id").equals(lines.sort("loan_id"))
    assert plain > 120 * len(book) / 4, "the sweep must have carried a good part of the loans by itself"


def test_going_on_from_a_file_is_as_if_never_stopped(tables, tmp_path):
    book, events = tables
    days = BookDays.open(book, START, events)
    list(days.close_until(START + timedelta(days=40), tmp_path))
    went_on = BookDays.resume(tmp_path, book, events)
    assert went_on is not None and went_on.day == days.day
    assert (went_on.p.reshape(-1, POSITION) == days.p.reshape(-1, POSITION)).all()
    for one, other in zip(
        days.close_until(START + timedelta(days=60)), went_on.close_until(START + timedelta(days=60)), strict=True
    ):
        assert one.changed.equals(other.changed)
    assert BookDays.resume(tmp_path, book, events, until=START) is None
    assert BookDays.resume(tmp_path / "nowhere", book, events) is None


def test_what_became_known_late_new_loans_and_changed_terms_are_folded_again(tables, tmp_path):
    book, events = tables
    on = START + timedelta(days=30)
    early = events.filter(pl.col("id") != "e2")
    days = BookDays.open(book.head(400), on, early)
    days.save(tmp_path)
    terms = book.with_columns(
        penalty_uplift=pl.when(pl.col("loan_id") == "L7").then(pl.lit("0.1")).otherwise("penalty_uplift")
    )
    mixed = terms.sample(fraction=1.0, shuffle=True, seed=1)
    again = BookDays.resume(tmp_path, mixed, events)
    assert again is not None
    assert again.lines().equals(day_end(mixed, on, events).lines)


def test_a_torn_file_is_passed_over_for_the_one_before(tables, tmp_path):
    book, events = tables
    days = BookDays.open(book, START, events)
    days.save(tmp_path)
    days.close()
    newest = days.save(tmp_path)
    newest.write_bytes(newest.read_bytes()[:5_000])
    found = BookDays.resume(tmp_path, book, events)
    assert found is not None and found.day == days.day - 1


def test_killed_at_any_point_it_goes_on_and_ends_the_same(tables, tmp_path):
    """SIGKILL at random moments while days are closed and saved, again and again; what is there at last is the fold's answer."""
    book, events = tables
    book.write_parquet(tmp_path / "book.parquet")
    events.write_parquet(tmp_path / "events.parquet")
    last = START + timedelta(days=90)
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys
        from datetime import date
        from pathlib import Path
        import polars as pl
        from jiehuan.loan.book_days import BookDays
        here = Path({str(tmp_path)!r})
        book, events = pl.read_parquet(here / "book.parquet"), pl.read_parquet(here / "events.parquet")
        days = BookDays.resume(here / "days", book, events) or BookDays.open(book, date({START.year}, {START.month}, {START.day}), events)
        print("going", flush=True)
        for closed in days.close_until(date({last.year}, {last.month}, {last.day}), here / "days"):
            print(closed.on, flush=True)
        print("done", flush=True)
        """)
    )
    rng = random.Random(5)
    kills = 0
    for _ in range(40):
        running = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
        assert running.stdout is not None
        stop_after = rng.randrange(1, 40)
        for lines, line in enumerate(running.stdout, start=1):
            if line.strip() == "done" or (lines >= stop_after and kills < 6):
                break
        finished = line.strip() == "done"
        running.kill()
        running.wait()
        if finished:
            break
        kills += 1
    assert finished and kills >= 3
    forget_days(tmp_path / "days")
    assert len(saved_days(tmp_path / "days")) == 2 and not list((tmp_path / "days").glob(".*"))
    found = BookDays.resume(tmp_path / "days", book, events)
    assert found is not None
    assert found.lines().equals(day_end(book, last, events).lines)
    shutil.rmtree(tmp_path / "days")


def test_days_are_closed_one_after_the_other(tables):
    days = BookDays.open(tables[0], START, tables[1])
    with pytest.raises(InputError, match="not the day after"):
        days.close(START + timedelta(days=2))


def test_due_days_move_as_the_calendar_says():
    from jiehuan.loan.book_cells import shift_table
    from jiehuan.loan.civil import day_of
    from jiehuan.units.calendar import is_working_day

    shift, ahead = shift_table(), 0
    for day in range(len(shift) - 1, -1, -1):
        ahead = 0 if is_working_day(day_of(day)) else ahead + 1
        assert shift[day] == ahead, day_of(day)


def test_loan_ids_must_be_unique(tables):
    with pytest.raises(InputError, match="used twice"):
        BookDays.open(pl.concat([tables[0], tables[0].head(1)]), START, tables[1])


def test_sweeps_and_jumps_end_in_the_same_cells():
    """The same payments to plain loans: evening by evening, and from event to event; every cell is equal."""
    from jiehuan.loan.book_cells import shift_table
    from jiehuan.loan.civil import day_number
    from jiehuan.loan.compiled import compiled
    from jiehuan.loan.lawful import law_cells
    from jiehuan.loan.sweep import Hot

    rng = np.random.default_rng(4)
    source = random.Random(6)
    loans_drawn = [one for one in (random_loan(source, f"L{n}") for n in range(3_000)) if one["drawn_on"] <= str(START)]
    book = as_tables(loans_drawn)[0]
    one, other = BookDays.open(book, START), BookDays.open(book, START)
    law, shift = np.array(law_cells(START), dtype=np.int64), shift_table()
    first, last, count = day_number(START), day_number(START) + 200, len(book)
    held = rng.integers(0, 9, size=count)
    starts = np.concatenate([[0], np.cumsum(held)])
    loans = np.repeat(np.arange(count), held)
    due = one.p.reshape(-1, POSITION)
    month = np.concatenate([np.arange(n) for n in held])
    late = rng.choice([0, 0, 0, 2, 9, 20], size=len(loans))
    days = np.minimum(np.maximum(due[loans, Q_NEXT_DUE], first + 1) + 30 * month + late, last).astype(np.int64)
    order = np.lexsort((days, loans))
    loans, days = loans[order], days[order]
    cash = (due[loans, Q_NEXT_P] + due[loans, Q_NEXT_I] + rng.integers(0, 5_000, size=len(loans)) + 1).astype(np.int64)
    again_jumped = np.zeros(count, dtype=np.int8)
    compiled("jump")(0, count, other.hot, other.p, last, law, shift, starts, days, cash, again_jumped)
    again, changed = np.zeros(count, dtype=np.int8), np.zeros(count, dtype=np.int8)
    for day in range(first + 1, last + 1):
        today = np.flatnonzero(days == day)
        who, what = np.ascontiguousarray(loans[today]), np.ascontiguousarray(cash[today])
        compiled("sweep_day")(0, count, one.hot, one.p, day, law, shift, again, changed)
        compiled("receive_day")(0, len(who), one.hot, one.p, day, law, shift, who, what, again, changed)
    compiled("catch_up")(0, count, one.hot, one.p, last)
    good = (again == 0) & (again_jumped == 0) & (one.drawn <= first)
    assert good.sum() > 100 and (again != 0).sum() > 50
    assert ((again != 0) == (again_jumped != 0))[one.drawn <= first].all()
    assert (one.p.reshape(-1, POSITION)[good] == other.p.reshape(-1, POSITION)[good]).all()
    for name in Hot._fields:
        assert (getattr(one.hot, name)[good] == getattr(other.hot, name)[good]).all()
