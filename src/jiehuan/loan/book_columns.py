"""Columns of tables as whole numbers: amounts and rates scaled exactly, days as day numbers, and which rows are good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jiehuan.loan.civil import day_number
from jiehuan.loan.terms import (
    FIRST_DAY,
    LAST_DAY,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Cell = npt.NDArray[np.int64]

_FIRST, _LAST = day_number(FIRST_DAY), day_number(LAST_DAY)


def scaled_column(
    frame: pl.DataFrame, name: str, other: str, scale: int, default: int | None
) -> tuple[Cell, npt.NDArray[np.bool_]]:
    """A column of whole numbers ``name``, or ``other`` in decimals times ``scale``; and which rows are good."""
    import numpy as np
    import polars as pl

    count = len(frame)
    numbers = np.full(count, -1 if default is None else default, dtype=np.int64)
    good = np.zeros(count, dtype=bool)
    filled = np.zeros(count, dtype=bool)
    for column, factor in ((name, 1), (other, scale)):
        if column not in frame.columns:
            continue
        series = frame[column]
        here = series.is_not_null().to_numpy() & ~filled
        if series.dtype == pl.String:
            series = series.str.strip_chars()
            shaped = series.str.contains(r"^\d{1,13}(\.\d{1,6})?$").fill_null(value=False).to_numpy()
            series = series.cast(pl.Float64, strict=False)
        elif series.dtype.is_numeric():
            shaped = np.ones(count, dtype=bool)
            series = series.cast(pl.Float64) if not series.dtype.is_integer() else series
        else:
            shaped = np.zeros(count, dtype=bool)
            series = pl.Series(column, np.zeros(count))
        values = series.fill_null(0).to_numpy()
        if values.dtype.kind == "f":
            exact = values * factor
            whole = np.where(np.isfinite(exact) & (np.abs(exact) < 2**53), np.rint(exact), -1)
            shaped = (
                shaped & np.isfinite(exact) & (np.abs(exact - whole) < 1e-6 * np.maximum(1.0, np.abs(exact) * 1e-7))
            )
            scaled = whole.astype(np.int64)
        else:
            shaped = shaped & (np.abs(values.astype(np.float64)) < 2**62 / factor)
            scaled = np.where(shaped, values, 0).astype(np.int64) * factor
        numbers[here] = scaled[here]
        good[here] = (shaped & (scaled >= 0))[here]
        filled |= here
    if default is not None:
        good |= ~filled
    return numbers, good


def day_column(frame: pl.DataFrame, name: str) -> tuple[Cell, npt.NDArray[np.bool_]]:
    """A column of days as day numbers, and which rows are days that this system counts."""
    import numpy as np
    import polars as pl

    count = len(frame)
    if name not in frame.columns:
        return np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool)
    series = frame[name]
    if series.dtype == pl.String:
        strict = series.str.strip_chars().str.contains(r"^\d{4}-\d{2}-\d{2}$").fill_null(value=False)
        series = series.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
        series = pl.select(pl.when(strict).then(series)).to_series()
    elif series.dtype != pl.Date:
        return np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool)
    good = series.is_not_null().to_numpy()
    numbers = series.cast(pl.Int32).fill_null(0).cast(pl.Int64).to_numpy()
    good = good & (numbers >= _FIRST) & (numbers <= _LAST)
    return np.where(good, numbers, 0), good


def month_later(days: Cell) -> Cell:
    """One month after each day, clipped to the month's end."""
    import numpy as np
    import polars as pl

    series = pl.Series(days.astype(np.int32)).cast(pl.Date)
    return series.dt.offset_by("1mo").cast(pl.Int32).cast(pl.Int64).to_numpy()


def day_of_month(days: Cell) -> Cell:
    """The day of the month of each day."""
    import numpy as np
    import polars as pl

    return pl.Series(days.astype(np.int32)).cast(pl.Date).dt.day().cast(pl.Int64).to_numpy()


def narrow(column: Cell) -> npt.NDArray[np.int32] | Cell:
    """The same numbers in half the room, where all of them fit."""
    import numpy as np

    fits = len(column) == 0 or (int(column.min()) >= -(2**31) and int(column.max()) < 2**31)
    return column.astype(np.int32) if fits else column
