"""A table of events as the arrays the engine takes, checked row by row: what can't be read goes to the dead letters.

Every column may be text (CSV read without guessing) or typed (Parquet). A bad row never loses the good ones; a missing column is
an error of the whole file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from jiehuan.units.errors import InputError, Problem
from jiehuan.watch.engine import Columns, Engine, unknown_kind
from jiehuan.watch.event import MAX_AMOUNT_FEN, OPTIONAL, REQUIRED

if TYPE_CHECKING:
    import polars as pl

_EARLIEST, _LATEST = 315_532_800_000_000, 7_258_118_400_000_000  # 1980 and 2200, in microseconds
_OFFSET = r"(?:[Zz]|[+-]\d{2}:?\d{2})$"


def to_columns(
    frame: pl.DataFrame,
    engine: Engine,
    *,
    zone: str | None = None,
    rows: Sequence[int] | None = None,
    where: str = "events",
) -> tuple[Columns, list[tuple[int, Problem]]]:
    """The good rows as Columns, and (row, Problem) for each other one. ``rows``: the numbers of the rows, else from 1.

    ``zone``: the zone to read instants in that carry none; without it they are refused. Raises InputError when a required
    column is missing.
    """
    import polars as pl

    from jiehuan.watch.core import code_texts, hash_texts

    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        mend = f"the columns are {', '.join(frame.columns)[:200]}"
        raise InputError([Problem(f"{where}, {name}", "", "missing column", mend) for name in missing])
    for name in OPTIONAL:
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.String).alias(name))
    n = frame.height
    number = np.arange(1, n + 1) if rows is None else np.asarray(rows, np.int64)
    problems: list[tuple[int, Problem]] = []
    bad = np.zeros(n, np.bool_)

    def refuse(wrong: NDArray[np.bool_], name: str, say: str | Callable[[str, str], Problem], mend: str = "") -> None:
        for i in np.flatnonzero(wrong & ~bad):
            value = frame[name][int(i)]
            shown = "" if value is None else str(value)[:80]
            place = f"{where} row {number[i]}"
            problems.append(
                (int(number[i]), say(shown, place) if callable(say) else Problem(f"{place}, {name}", shown, say, mend))
            )
        bad[wrong] = True

    texts = {name: _filled(frame[name]) for name in ("event_id", "account_id", "kind", "counterparty")}
    strips = {name: _strip(column) for name, column in texts.items()}
    if engine.channel_code:
        texts["channel"] = _filled(frame["channel"])
    for name in ("event_id", "account_id", "kind"):
        ends = strips[name][1]
        refuse(ends[1:] == ends[:-1], name, "missing", f"write the {name}")
    if engine.known_accounts is not None:
        known = pl.Series(list(engine.known_accounts), dtype=pl.String)
        refuse(
            ~texts["account_id"].is_in(known.implode()).to_numpy(),
            "account_id",
            "unknown account",
            "add it to the accounts, or check the id",
        )
    if frame["at"].null_count():
        refuse(frame["at"].is_null().to_numpy(), "at", "missing", "write the at, like 2026-11-24T21:05:00+08:00")
    at, without_zone = _instants(frame["at"], zone)
    refuse(without_zone, "at", "time zone missing", "write the offset, like 2026-11-24T21:05:00+08:00, or state --zone")
    if at.null_count():
        refuse(at.is_null().to_numpy(), "at", "not an instant", "write 2026-11-24T21:05:00+08:00")
        at = at.fill_null(0)
    micro = at.to_numpy()
    refuse(
        (micro < _EARLIEST) | (micro >= _LATEST), "at", "outside 1980 to 2200", "check the year and the unit of time"
    )
    amount, whole = _whole(frame["amount_fen"])
    refuse(~whole, "amount_fen", "not a whole number of fen", "write fen, like 12000")
    refuse(amount < 0, "amount_fen", "negative amount", "write the size of the amount; the kind tells its direction")
    refuse(amount > MAX_AMOUNT_FEN, "amount_fen", "larger than any amount kept here", "check the unit (fen)")
    codes, firsts = code_texts(*strips["kind"])
    kind = np.array([engine.kind_code.get(name, -1) for name in texts["kind"].gather(firsts)], np.int64)[codes]
    refuse(kind < 0, "kind", lambda shown, place: unknown_kind(shown, engine.kind_code, place))

    if bad.any():
        good = np.flatnonzero(~bad)
        texts = {name: column.gather(good) for name, column in texts.items()}
        strips = {name: _strip(texts[name]) for name in strips}
        micro, amount, kind, number = micro[good], amount[good], kind[good], number[good]
    account, firsts = code_texts(*strips["account_id"])
    channel = np.zeros(len(micro), np.int64)
    if engine.channel_code:
        channel = texts["channel"].replace_strict(engine.channel_code, default=0, return_dtype=pl.Int64).to_numpy()
    columns = Columns(
        texts["account_id"].gather(firsts).to_list(), account, micro, amount, cast("Sequence[str]", texts["event_id"]),
        hash_texts(*strips["event_id"]), hash_texts(*strips["counterparty"]), kind, channel,
        seconds_of_day(micro, engine.declaration.zone), number,
    )  # fmt: skip
    return columns, sorted(problems, key=lambda found: found[0])


def _instants(column: pl.Series, zone: str | None) -> tuple[pl.Series, NDArray[np.bool_]]:
    """Microseconds since 1970 UTC (null where it is no instant), and where the zone is missing."""
    import polars as pl

    nowhere = np.zeros(len(column), np.bool_)
    if isinstance(column.dtype, pl.Datetime):
        instants = column.cast(pl.Datetime("us", column.dtype.time_zone))
        if column.dtype.time_zone is None:
            if zone is None:
                return instants.cast(pl.Int64), instants.is_not_null().to_numpy()
            instants = instants.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        return instants.cast(pl.Int64), nowhere
    if column.dtype != pl.String:
        return pl.Series([None] * len(column), dtype=pl.Int64), nowhere
    text = column.str.strip_chars()
    zoned = text.str.contains(_OFFSET)
    plain = text.str.replace("T", " ", literal=True).str.replace("[Zz]$", "+00:00")
    # Whole columns of one spelling are read at once; what that leaves is read one by one, as ISO 8601 allows more.
    fast = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", time_unit="us", strict=False, time_zone="UTC").cast(
        pl.Int64
    )
    if zone is not None:
        bare = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
        local = (
            bare.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
            .dt.convert_time_zone("UTC")
            .cast(pl.Int64)
        )
        fast = pl.select(pl.when(zoned).then(fast).otherwise(local)).to_series()
    left = np.flatnonzero((fast.is_null() & text.is_not_null() & (text != "")).to_numpy())
    if len(left):
        slow = fast.to_list()
        for i in left:
            slow[i], nowhere[i] = _one_instant(str(text[int(i)]), zone)
        fast = pl.Series(slow, dtype=pl.Int64)
    return fast, nowhere


def seconds_of_day(micro: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """The second of the local day of each instant (microseconds since 1970 UTC) in a zone."""
    import polars as pl

    if not len(micro):
        return np.zeros(0, np.int64)
    first, last = int(micro.min()) // 86_400_000_000, int(micro.max()) // 86_400_000_000
    # Every day of a few years is looked up faster than those that occur are found.
    days = np.arange(first, last + 1) if last - first < 2000 else np.unique(micro // 86_400_000_000)
    edges = {_offset(zone, day) for day in {*days.tolist(), *(days + 1).tolist()}}
    if len(edges) == 1:
        # One offset throughout, as in China since 1991: plain arithmetic.
        return (micro // 1_000_000 + edges.pop()) % 86_400
    local = pl.Series(micro).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone)
    parts = (local.dt.hour().cast(pl.Int64), local.dt.minute().cast(pl.Int64), local.dt.second().cast(pl.Int64))
    return (parts[0] * 3600 + parts[1] * 60 + parts[2]).to_numpy()


@lru_cache(maxsize=100_000)
def _offset(zone: str, day: int) -> int:
    """Seconds by which the zone is ahead of UTC at the start of a day (days since 1970 UTC)."""
    ahead = datetime.fromtimestamp(day * 86_400, ZoneInfo(zone)).utcoffset()
    return int(ahead.total_seconds()) if ahead is not None else 0


def _one_instant(text: str, zone: str | None) -> tuple[int | None, bool]:
    from jiehuan.watch.event import microseconds

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None, False
    if moment.tzinfo is None:
        if zone is None:
            return None, True
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return microseconds(moment), False


def _whole(column: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Whole numbers (0 where empty), and where there is one or nothing."""
    import polars as pl

    if column.dtype == pl.String:
        text = column.str.strip_chars()
        empty = text.is_null() | (text == "")
        digits = text.str.replace(r"^(-?\d{1,18})\.0+$", "$1")
        number = digits.str.to_integer(strict=False)
        whole = (number.is_not_null() | empty).fill_null(value=True)
    elif column.dtype.is_integer():
        number = column.cast(pl.Int64, strict=False)
        whole = number.is_not_null() | column.is_null()
    elif column.dtype.is_float() or column.dtype.is_decimal():
        as_float = column.cast(pl.Float64)
        fits = as_float.is_finite() & (as_float == as_float.floor()) & (as_float.abs() < 2.0**53)
        number = (
            as_float.zip_with(fits.fill_null(value=False), pl.Series([0.0])).cast(pl.Int64, strict=False)
            if len(column)
            else column.cast(pl.Int64)
        )
        whole = (fits | column.is_null()).fill_null(value=True)
    else:
        number = pl.Series([None] * len(column), dtype=pl.Int64)
        whole = column.is_null()
    filled = number.fill_null(0) if number.null_count() else number
    return filled.cast(pl.Int64).to_numpy(), whole.to_numpy()


def _filled(column: pl.Series) -> pl.Series:
    import polars as pl

    texts = column if column.dtype == pl.String else column.cast(pl.String)
    return texts.fill_null("") if texts.null_count() else texts


def _strip(column: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The texts of a column as one strip of UTF-8, and where each begins and ends in it."""
    import pyarrow as pa

    if not len(column):
        return np.zeros(1, np.uint8), np.zeros(1, np.int64)
    strip: Any = column.to_arrow().cast(pa.large_string())
    if isinstance(strip, pa.ChunkedArray):
        strip = strip.combine_chunks()
    _, offsets, data = strip.buffers()
    ends = np.frombuffer(offsets, np.int64)[strip.offset : strip.offset + len(strip) + 1].copy()
    return np.frombuffer(data if data is not None and data.size else b"\0", np.uint8), ends
