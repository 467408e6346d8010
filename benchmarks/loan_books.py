"""Books of plain loans for the loan benchmarks: positions of any number of loans, folded stretch by stretch from cells.

Consumer loans as they are drawn all through a year: 6, 12, 24 or 36 months, 7 % to 24 %, equal instalments or equal principal,
drawn on days 1 to 28, mainland calendar. One in twelve stopped paying some time ago; the others are paid to date.
"""

from __future__ import annotations

import platform
from datetime import date

import numpy as np

from jiehuan.loan.book_cells import BookCells, fold_part
from jiehuan.loan.civil import day_number
from jiehuan.loan.compiled import compiled
from jiehuan.loan.cores import cores, on_all_cores
from jiehuan.loan.lawful import law_cells
from jiehuan.loan.layout import EVENT, LOAN, PLAN
from jiehuan.loan.position import POSITION, Q_CREDIT
from jiehuan.loan.sweep import Hot

ON = date(2026, 6, 14)
STRETCH = 500_000


def law_of(on: date) -> np.ndarray:
    return np.array(law_cells(on), dtype=np.int64)


def empty_hot(count: int) -> Hot:
    kinds = (np.int32, np.int32, np.int32, np.int8, np.int64, np.int64, np.int64, np.int64)
    return Hot(*(np.zeros(count, dtype=kind) for kind in kinds))


def stretch(
    rng: np.random.Generator, count: int, on: date, *, late_share: float = 1 / 12, settled: bool = False
) -> BookCells:
    """``count`` loans with their payments so far as cells; ``settled`` draws terms short enough for some to have ended."""
    day = day_number(on)
    months = rng.choice([6, 12, 24, 36], size=count, p=[0.2, 0.5, 0.2, 0.1])
    age = rng.integers(0, np.where(settled, months + 2, months - 1))
    rate = rng.choice([72_000, 120_000, 150_000, 180_000, 240_000], size=count)
    method = (rng.random(count) < 0.2).astype(np.int64)
    principal = rng.integers(5_000, 200_000, size=count) * 100
    index = 2026 * 12 + 5 - age - 1
    day_of_month = rng.integers(1, 29, size=count)
    drawn = np.array(
        (index - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day_of_month - 1,
        dtype=np.int64,
    )
    plans = np.zeros((count, PLAN), dtype=np.int64)
    first_due = (
        ((index + 1 - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)) + day_of_month - 1
    )
    uplifted = np.minimum(rate * 1_500_000, 240_000 * 1_000_000)
    shared = np.gcd(uplifted, 365 * 10**12)
    columns = (rate, months, method, drawn, first_due, day_of_month, 1, uplifted // shared, 365 * 10**12 // shared)
    for cell, column in enumerate(columns):
        plans[:, cell] = column
    loans = np.zeros((count, LOAN), dtype=np.int64)
    loans[:, 0], loans[:, 2], loans[:, 5] = principal, np.arange(count), 1
    loans[:, 6] = sum(place << (2 * place) for place in range(4))
    # One lump on the newest due date pays all that fell due, and most of a month more; the late ones stopped months ago.
    late = rng.random(count) < late_share
    stopped = np.where(late, rng.integers(1, 8, size=count), 0)
    monthly = (principal / months + principal * rate / 12e6).astype(np.int64) + 100
    fallen = age + (day_of_month <= on.day)
    paid = np.maximum(fallen - stopped, 0) * monthly
    events = np.zeros((count, EVENT), dtype=np.int64)
    events[:, 0] = events[:, 1] = np.minimum(drawn, day)
    events[:, 3], events[:, 4], events[:, 6] = np.maximum(paid, 1), -1, -1
    nothing = np.zeros(1, dtype=np.int64)
    return BookCells(
        rows=np.arange(count),
        loans=loans.reshape(-1),
        plans=plans.reshape(-1),
        flows=nothing,
        fees=nothing,
        events=events.reshape(-1),
        event_rows=np.full(count, -1),
        spans=np.arange(count + 1),
        room=int(months.max()) + 6,
    )


def open_book(count: int, on: date = ON, seed: int = 1, **how: object) -> tuple[Hot, np.ndarray]:
    """Hot columns and positions of ``count`` loans on the evening of ``on``, all of them plain."""
    rng = np.random.default_rng(seed)
    p = np.zeros(count * POSITION, dtype=np.int64)
    hot, law = empty_hot(count), law_of(on)
    for low in range(0, count, STRETCH):
        high = min(low + STRETCH, count)
        _, refused, part = fold_part(
            stretch(rng, high - low, on, **how), day_number(on), day_number(on), law, positions=True
        )
        assert not refused.any()
        part.reshape(-1, POSITION)[:, Q_CREDIT] = 0  # overpaid money has gone back
        p[low * POSITION : high * POSITION] = part
    show = compiled("show_some")
    on_all_cores(lambda low, high: show(hot, p, np.arange(low, high)), count)
    return hot, p


def machine() -> str:
    import numba
    import polars

    return (
        f"{cores()} cores, {platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, "
        f"numba {numba.__version__}, polars {polars.__version__}"
    )
