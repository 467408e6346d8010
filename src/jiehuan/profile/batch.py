"""Own-history features of many applications at once, over Polars frames: the same declarations as ``history.py``.

Rows of ``applications``: ``application_id, borrower_id, at`` (date or instant). Rows of ``loans``: ``borrower_id`` and
the record of ``history.py``. Each application sees its borrower's loans as known at its own moment. Each
record must have been read (``history.read_history`` names the bad ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jiehuan.profile.declare import Feature
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.rates import PPM

if TYPE_CHECKING:
    import polars as pl

_MOMENTS = ("drawn_on", "due_on", "settled_on", "first_due_on", "first_repaid_on")
_NEEDED = {
    "applications": ("application_id", "borrower_id", "at"),
    "loans": ("borrower_id", "drawn_on", "due_on", "principal_fen"),
}


def history_frame(applications: pl.DataFrame, loans: pl.DataFrame, features: Sequence[Feature]) -> pl.DataFrame:
    """``application_id`` and one column per feature, a row for every application in the order given.

    Raises InputError when a column is missing or no date.
    """
    import polars as pl

    _check_columns(applications, loans)
    asked = applications.select(
        "application_id",
        pl.col("borrower_id").cast(pl.String),
        _known(applications, "at", of_event=False).alias("moment"),
    ).with_row_index("place")
    known = _as_known(asked.join(_loans(loans), on="borrower_id", how="inner"))
    result = asked.select("place", "application_id")
    for feature in features:
        taken = known.filter(_condition(feature))
        if feature.last:
            taken = taken.group_by("place", maintain_order=True).head(feature.last)
        grouped = taken.group_by("place").agg(_aggregate(feature).alias(feature.name))
        empty = 0 if feature.take in {"count", "sum", "streak"} else feature.empty
        result = result.join(grouped, on="place", how="left")
        if empty is not None:
            result = result.with_columns(pl.col(feature.name).fill_null(empty))
        kind = pl.Float64 if feature.kind == "number" else pl.Int64
        result = result.with_columns(pl.col(feature.name).cast(kind))
    return result.sort("place").drop("place")


def _loans(loans: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    absent = [name for name in _MOMENTS if name not in loans.columns]
    loans = loans.with_columns([pl.lit(None, dtype=pl.Date).alias(name) for name in absent])
    if "outstanding_fen" not in loans.columns:
        loans = loans.with_columns(pl.col("principal_fen").alias("outstanding_fen"))
    days = [_day(loans, name).alias(f"{name}_day") for name in _MOMENTS]
    moments = [
        _known(loans, name, of_event=True).alias(f"{name}_known")
        for name in ("drawn_on", "settled_on", "first_repaid_on")
    ]
    alone = pl.col("first_due_on_day") == pl.col("due_on_day")
    frame = loans.select(
        pl.col("borrower_id").cast(pl.String),
        pl.col("principal_fen").cast(pl.Int64),
        pl.col("outstanding_fen").cast(pl.Int64).fill_null(pl.col("principal_fen").cast(pl.Int64)),
        *days,
        *moments,
    ).with_columns(pl.col("first_due_on_day").fill_null(pl.col("due_on_day")))
    filled = [
        pl.when(alone)
        .then(pl.col(f"first_repaid_on_{part}").fill_null(pl.col(f"settled_on_{part}")))
        .otherwise(pl.col(f"first_repaid_on_{part}"))
        .alias(f"first_repaid_on_{part}")
        for part in ("day", "known")
    ]
    return frame.with_columns(filled)


def _as_known(joined: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    today = pl.col("moment").dt.date()
    settled = (pl.col("settled_on_known") < pl.col("moment")).fill_null(False)
    first_repaid = (pl.col("first_repaid_on_known") < pl.col("moment")).fill_null(False)
    rows = joined.filter(pl.col("drawn_on_known") < pl.col("moment")).with_columns(
        settled=settled,
        first_repaid=first_repaid,
        end=pl.when(settled).then(pl.col("settled_on_day")).otherwise(today),
        first_end=pl.when(first_repaid).then(pl.col("first_repaid_on_day")).otherwise(today),
        age_days=(today - pl.col("drawn_on_day")).dt.total_days(),
        term_days=(pl.col("due_on_day") - pl.col("drawn_on_day")).dt.total_days(),
        today=today,
    )
    rows = rows.with_columns(
        lateness=(pl.col("end") - pl.col("due_on_day")).dt.total_days(),
        first_lateness=(pl.col("first_end") - pl.col("first_due_on_day")).dt.total_days(),
        settled_days=(pl.col("today") - pl.col("end")).dt.total_days(),
        outstanding_fen=pl.when(pl.col("settled")).then(0).otherwise(pl.col("outstanding_fen")),
    )
    rows = rows.with_columns(
        days_late=pl.col("lateness").clip(lower_bound=0),
        open=~pl.col("settled"),
        on_time=pl.col("settled") & (pl.col("lateness") <= 0),
        late=pl.col("lateness") > 0,
        first_late=pl.col("first_lateness") > 0,
        first_seen=pl.col("first_repaid") | ((pl.col("first_lateness") > 0) & ~pl.col("settled")),
    )
    return rows.sort(["place", "drawn_on_known", "due_on_day", "principal_fen"], descending=[False, True, True, True])


def _condition(feature: Feature) -> pl.Expr:
    import polars as pl

    condition = pl.lit(True)
    if feature.within_days:
        condition = condition & (pl.col("age_days") <= feature.within_days)
    if feature.where:
        condition = condition & pl.col(feature.where)
    return condition


def _aggregate(feature: Feature) -> pl.Expr:
    import polars as pl

    if feature.take == "count":
        return pl.len()
    column = pl.col(feature.of)
    if feature.take == "share":
        hits, total = column.cast(pl.Int64).sum(), pl.len().cast(pl.Int64)
        return (2 * hits * PPM + total) // (2 * total)
    if feature.take == "streak":
        return ((~column).cast(pl.Int64).cum_sum() == 0).sum()
    if feature.take == "mean":
        return column.cast(pl.Int64).sum().cast(pl.Float64) / pl.len()
    if feature.take == "latest":
        return column.first()
    return {"sum": column.sum(), "max": column.max(), "min": column.min()}[feature.take]


def _known(frame: pl.DataFrame, name: str, *, of_event: bool) -> pl.Expr:
    """When a fact is known: an instant at once, a bare date from the next day on (an application's: at its start)."""
    import polars as pl

    column, is_date = _moments(frame, name)
    return column + pl.duration(days=1, microseconds=-1) if of_event and is_date else column


def _day(frame: pl.DataFrame, name: str) -> pl.Expr:
    return _moments(frame, name)[0].dt.date()


def _moments(frame: pl.DataFrame, name: str) -> tuple[pl.Expr, bool]:
    """A column as instants in China's clock without zone, and whether it held bare dates."""
    import polars as pl

    kind = frame.schema[name]
    column = pl.col(name)
    if kind == pl.Date or kind == pl.Null:
        return column.cast(pl.Date).cast(pl.Datetime("us")), True
    if isinstance(kind, pl.Datetime):
        if kind.time_zone:
            column = column.dt.convert_time_zone("Asia/Shanghai").dt.replace_time_zone(None)
        return column.cast(pl.Datetime("us")), False
    raise InputError(
        Problem(f"column {name}", str(kind), "not dates or instants", "parse it to Date or Datetime first")
    )


def _check_columns(applications: pl.DataFrame, loans: pl.DataFrame) -> None:
    problems = [
        Problem(f"{table}, column", name, "is missing", f"needs {', '.join(needed)}")
        for (table, needed), frame in zip(_NEEDED.items(), (applications, loans), strict=True)
        for name in needed
        if name not in frame.columns
    ]
    if problems:
        raise InputError(problems)
