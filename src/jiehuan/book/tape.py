"""The tape: one row a loan at a date. Reading it gives the good rows in known types, and a problem for each bad one.

Columns (docs/reference/formats.md): ``loan_id, borrower_id, product, region, lender_type, drawn_on, principal_fen,
months, rate, method, as_of, outstanding_fen, overdue_fen, dpd, class, status, channel``. Money is fen, ``rate`` a
decimal per year. Further columns are kept as they are. Several dates may stand in one frame: a stack of snapshots.

On the book are the statuses ``active`` and ``restructured``; ``settled``, ``written_off`` and ``sold`` are off it,
whatever balance they still carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches

import polars as pl

from jiehuan.law import law_on
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import MAX_FEN
from jiehuan.units.text_columns import whole

STATUSES = ("active", "restructured", "settled", "written_off", "sold")
ON_BOOK = ("active", "restructured")
CLASSES = ("normal", "special_mention", "substandard", "doubtful", "loss")
NON_PERFORMING = ("substandard", "doubtful", "loss")
BUCKETS = ("M0", "M1", "M2", "M3", "M3+")
BUCKET_FROM_DPD = (0, 1, 31, 61, 91)
"""First day past due of each bucket (design, section 4)."""

_TYPES: dict[str, pl.DataType] = {
    "loan_id": pl.String(),
    "as_of": pl.Date(),
    "drawn_on": pl.Date(),
    "principal_fen": pl.Int64(),
    "outstanding_fen": pl.Int64(),
    "overdue_fen": pl.Int64(),
    "dpd": pl.Int64(),
    "class": pl.String(),
    "status": pl.String(),
}
"""Columns that every figure needs."""

_OPTIONAL: dict[str, pl.DataType] = {
    "borrower_id": pl.String(),
    "product": pl.String(),
    "region": pl.String(),
    "lender_type": pl.String(),
    "channel": pl.String(),
    "method": pl.String(),
    "months": pl.Int64(),
    "rate": pl.Float64(),
}
_MOST_SHOWN = 1000

_RULES: tuple[tuple[str, pl.Expr, str], ...] = (
    *(
        (name, ~pl.col(name).is_between(0, MAX_FEN), "is negative or absurdly large")
        for name in ("principal_fen", "outstanding_fen", "overdue_fen")
    ),
    ("dpd", ~pl.col("dpd").is_between(0, 40_000), "is not a number of days past due"),
    ("class", ~pl.col("class").is_in(CLASSES), f"is not one of {', '.join(CLASSES)}"),
    ("status", ~pl.col("status").is_in(STATUSES), f"is not one of {', '.join(STATUSES)}"),
    ("drawn_on", pl.col("drawn_on") > pl.col("as_of"), "is after the tape's date"),
)


def read_tape(frame: pl.DataFrame, where: str = "tape") -> tuple[pl.DataFrame, list[Problem]]:
    """The rows of a tape that can be used, in known types, with the problems of the others (row numbers from 1).

    A missing optional column is filled with "" or null. Raises InputError naming every missing needed column with the
    nearest present one, and when no row is left of a tape that had some.
    """
    missing = [name for name in _TYPES if name not in frame.columns]
    if missing:
        raise InputError([_missing(name, frame.columns, where) for name in missing])
    cast = frame.with_row_index("_row", offset=1)
    rules = list(_RULES)
    for name, kind in (_TYPES | _OPTIONAL).items():
        if name not in frame.columns:
            empty = pl.lit("") if kind == pl.String() else pl.lit(None, dtype=kind)
            cast = cast.with_columns(empty.alias(name))
            continue
        cast = cast.with_columns(_cast(frame, name, kind))
        if name in _TYPES:
            rules.append((name, pl.col(name).is_null(), f"is missing or not {_SAID[type(kind)]}"))
    bad = _broken(cast, frame, rules)
    good = cast.join(bad, on="_row", how="anti")
    again = ~pl.struct("loan_id", "as_of").is_first_distinct()
    twice = _broken(good, frame, [("loan_id", again, "is already there for that date")])
    good = good.join(twice, on="_row", how="anti").drop("_row")
    problems = [
        Problem(f"{where} row {row}, {column}", value or "", reason, "the row is left out")
        for row, column, value, reason in pl.concat([bad, twice]).sort("_row").head(_MOST_SHOWN).iter_rows()
    ]
    if frame.height and not good.height:
        raise InputError(problems)
    return good, problems


def at(tape: pl.DataFrame, on: date) -> pl.DataFrame:
    """The snapshot of the latest ``as_of`` not after ``on``. Raises InputError when the tape has none."""
    days = sorted(day for day in tape["as_of"].unique() if isinstance(day, date))
    before = [day for day in days if day <= on]
    if not before:
        mend = f"the tape begins on {days[0].isoformat()}" if days else "the tape has no rows"
        raise InputError(Problem("on", on.isoformat(), "the tape has no snapshot of that day or before", mend))
    return tape.filter(pl.col("as_of") == before[-1])


def bucket(dpd: str = "dpd") -> pl.Expr:
    """The M-bucket of a column of days past due: M0 = 0, M1 = 1-30, M2 = 31-60, M3 = 61-90, M3+ = over 90."""
    return _step(dpd, BUCKET_FROM_DPD, BUCKETS)


def on_book() -> pl.Expr:
    """Whether a row is on the balance sheet."""
    return pl.col("status").is_in(ON_BOOK)


def non_performing() -> pl.Expr:
    """Whether a row is in the three worst of the five classes."""
    return pl.col("class").is_in(NON_PERFORMING)


def classify(dpd: str, on: date, lender_type: str = "other") -> pl.Expr:
    """The five-class name of a column of days past due, by that day's law for that lender."""
    scheme = law_on(on, lender_type).value("classification")
    if scheme is None:
        raise InputError(Problem("lender_type", lender_type, f"no classification binds it on {on}", "name another"))
    return _step(dpd, [first for _, first in scheme], [name for name, _ in scheme])


def _step(dpd: str, firsts: Sequence[int], names: Sequence[str]) -> pl.Expr:
    """The name whose span of days the value is in: ``firsts`` are the spans' first days, ascending from 0."""
    place = pl.sum_horizontal((pl.col(dpd) >= first).cast(pl.UInt8) for first in firsts[1:])
    return place.replace_strict(dict(enumerate(names)), return_dtype=pl.String)


_SAID = {pl.String: "text", pl.Date: "a date (YYYY-MM-DD)", pl.Int64: "a whole number"}


def _cast(frame: pl.DataFrame, name: str, kind: pl.DataType) -> pl.Expr:
    given = frame.schema[name]
    if kind == pl.Date() and given == pl.String:
        return pl.col(name).str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    if kind == pl.Int64():
        return pl.lit(whole(frame[name])).alias(name)
    if given.is_nested() or (kind == pl.Float64() and given.is_temporal()):
        return pl.lit(None, dtype=kind).alias(name)
    if kind == pl.Date() and given == pl.Datetime:
        return pl.col(name).dt.date()
    if kind == pl.Date() and given not in (pl.String, pl.Date):
        return pl.lit(None, dtype=kind).alias(name)
    if kind == pl.String() and given == pl.String:
        text = pl.col(name).str.strip_chars()
        return pl.when(text != "").then(text).otherwise(None) if name in _TYPES else text.fill_null("")
    return pl.col(name).cast(kind, strict=False)


def _broken(cast: pl.DataFrame, frame: pl.DataFrame, rules: Sequence[tuple[str, pl.Expr, str]]) -> pl.DataFrame:
    """Row number, column, value as given and reason, for each rule that holds for a row."""
    found = []
    for name, rule, reason in rules:
        rows = cast.filter(rule.fill_null(False))["_row"]
        given = pl.Series([_as_given(cell) for cell in frame[name].gather(rows.cast(pl.Int64) - 1)], dtype=pl.String)
        columns = {"_row": rows, "column": [name] * rows.len(), "value": given, "reason": [reason] * rows.len()}
        found.append(pl.DataFrame(columns, schema_overrides={"column": pl.String, "reason": pl.String}))
    return pl.concat(found)


def _as_given(cell: object) -> str | None:
    return None if cell is None else str(cell)[:80]


def _missing(name: str, columns: Sequence[str], where: str) -> Problem:
    near = get_close_matches(name, columns, n=1, cutoff=0.5)
    mend = f"is {near[0]!r} meant?" if near else f"add a column {name}"
    return Problem(f"{where}, column {name}", "", "is missing", mend)


def follow(before: pl.DataFrame, after: pl.DataFrame) -> None:
    """Raises InputError unless both are one snapshot and the second is of a later day."""
    for name, tape in (("the first tape", before), ("the second tape", after)):
        if tape["as_of"].n_unique() != 1:
            raise InputError(
                Problem(f"{name}, as_of", str(tape["as_of"].n_unique()), "dates on it", "give one snapshot")
            )
    first, second = before["as_of"][0], after["as_of"][0]
    if first >= second:
        raise InputError(
            Problem("the second tape, as_of", str(second), f"is not after {first}", "give the earlier tape first")
        )
