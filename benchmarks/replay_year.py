"""One year of a million loans: by sweeping the book evening by evening, and by jumping from event to event, loan by loan.

    python benchmarks/replay_year.py [--loans 1000000]

Twelve due dates a loan; each instalment is paid on its day, one in ten some days late, or never again from some month on, drawn from a
seed. Both orders of evaluation run the same functions on the same cells; every cell of every loan is compared at the end.
Interleaved, the best of a few repetitions on each side.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from loan_books import ON, law_of, machine, open_book

from jiehuan.loan.book_cells import shift_table
from jiehuan.loan.civil import day_in_month, day_number, month_index
from jiehuan.loan.compiled import compiled
from jiehuan.loan.cores import on_all_cores
from jiehuan.loan.position import POSITION, Q_DAY, Q_LEFT, Q_LEVEL, Q_METHOD, Q_NEXT_DUE, Q_NEXT_I, Q_UNDUE
from jiehuan.loan.sweep import Hot

FIRST = day_number(ON)
YEAR = 365


def lives(p: np.ndarray, seed: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Payments (starts, days, cash) of each loan over the year: one for each instalment until it stops paying."""
    rng = np.random.default_rng(seed)
    cells = p.reshape(-1, POSITION)
    count = len(cells)
    due, left = cells[:, Q_NEXT_DUE], cells[:, Q_LEFT]
    stop = np.where(rng.random(count) < 0.05, rng.integers(1, 12, size=count), 99)
    level = np.where(cells[:, Q_METHOD] == 0, cells[:, Q_LEVEL], cells[:, Q_LEVEL] + cells[:, Q_NEXT_I])
    first_month = np.array([month_index(int(day)) for day in np.arange(FIRST, FIRST + 40)])
    loans, days, cash = [], [], []
    for month in range(12):
        owing = (left > month) & (due < FIRST + 40) & (stop > month)
        found = np.flatnonzero(owing)
        index = first_month[due[found] - FIRST] + month
        anchor = _day_of_month(due[found])
        on = (
            np.array([day_in_month(int(i), 1) for i in range(index.min(), index.max() + 1)])[index - index.min()]
            + anchor
            - 1
        )
        late = np.where(rng.random(len(found)) < 0.1, rng.choice([2, 5, 11, 20], size=len(found)), 0)
        keep = on + late <= FIRST + YEAR
        loans.append(found[keep])
        days.append((on + late)[keep])
        # A little more than the instalment: it covers the penalty of being late, what is over is used a month later.
        last = left[found] == month + 1
        cash.append((level[found] + level[found] // 50 + np.where(last, 500, 0) + 100)[keep])
    loan, day, amount = np.concatenate(loans), np.concatenate(days), np.concatenate(cash)
    order = np.lexsort((day, loan))
    starts = np.searchsorted(loan[order], np.arange(count + 1))
    return starts.astype(np.int64), day[order].astype(np.int64), amount[order].astype(np.int64)


def _day_of_month(days: np.ndarray) -> np.ndarray:
    moments = days.astype("datetime64[D]")
    return (moments - moments.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1


def day_by_day(hot: Hot, p: np.ndarray, law: np.ndarray, of_day: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    sweep, receive, shift = compiled("sweep_day"), compiled("receive_day"), shift_table()
    count = len(hot.tick)
    again, changed = np.zeros(count, dtype=np.int8), np.zeros(count, dtype=np.int8)
    for k in range(YEAR):
        day = FIRST + 1 + k
        loans, cash = of_day[k]
        on_all_cores(lambda low, high, d=day: sweep(low, high, hot, p, d, law, shift, again, changed), count)
        on_all_cores(
            lambda low, high, d=day, who=loans, what=cash: receive(
                low, high, hot, p, d, law, shift, who, what, again, changed
            ),
            len(loans),
            4_096,
        )
    return again


def by_events(
    hot: Hot, p: np.ndarray, law: np.ndarray, starts: np.ndarray, days: np.ndarray, cash: np.ndarray
) -> np.ndarray:
    again = np.zeros(len(hot.tick), dtype=np.int8)
    jump, shift = compiled("jump"), shift_table()
    on_all_cores(
        lambda low, high: jump(low, high, hot, p, FIRST + YEAR, law, shift, starts, days, cash, again),
        len(hot.tick),
        4_096,
    )
    return again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loans", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=3)
    chosen = parser.parse_args()
    print(machine())
    hot, p = open_book(chosen.loans, late_share=0)
    law = law_of(ON)
    starts, days, cash = lives(p)
    loan = np.repeat(np.arange(chosen.loans), np.diff(starts))
    order = np.lexsort((np.arange(len(days)), loan, days))
    bounds = np.searchsorted(days[order], np.arange(FIRST + 1, FIRST + YEAR + 2))
    of_day = [
        (np.ascontiguousarray(loan[order[a:b]]), np.ascontiguousarray(cash[order[a:b]])) for a, b in pairwise(bounds)
    ]
    compiled("sweep_day"), compiled("receive_day"), compiled("jump")
    swept, jumped = [], []
    for _ in range(chosen.times):
        hot_swept, p_swept = Hot(*(column.copy() for column in hot)), p.copy()
        start = time.perf_counter()
        again_swept = day_by_day(hot_swept, p_swept, law, of_day)
        swept.append(time.perf_counter() - start)
        hot_jumped, p_jumped = Hot(*(column.copy() for column in hot)), p.copy()
        start = time.perf_counter()
        again_jumped = by_events(hot_jumped, p_jumped, law, starts, days, cash)
        jumped.append(time.perf_counter() - start)
    catch_up = compiled("catch_up")
    catch_up(0, chosen.loans, hot_swept, p_swept, FIRST + YEAR)
    assert (again_swept == again_jumped).all()
    good = again_jumped == 0
    for name in Hot._fields:
        assert (getattr(hot_swept, name)[good] == getattr(hot_jumped, name)[good]).all(), f"column {name} differs"
    assert (p_swept.reshape(-1, POSITION)[good] == p_jumped.reshape(-1, POSITION)[good]).all()
    left = p_jumped.reshape(-1, POSITION)
    figures = {
        "loans": chosen.loans,
        "payments": len(days),
        "left to the fold": int((~good).sum()),
        "settled at the end": int(((left[:, Q_LEFT] == 0) & (left[:, Q_UNDUE] == 0))[good].sum()),
        "overdue at the end": int((hot_jumped.oldest != 0).sum()),
        "counted to": int(left[good][:, Q_DAY].min()) - FIRST,
        "365 sweeps, ms": round(min(swept) * 1e3),
        "jumps, ms": round(min(jumped) * 1e3, 1),
        "loan-days a second by jumps, millions": round(chosen.loans * YEAR / min(jumped) / 1e6),
        "sweeps / jumps": round(min(swept) / min(jumped), 1),
    }
    for name, value in figures.items():
        print(f"{name:<62}{value:>14}")


if __name__ == "__main__":
    main()
