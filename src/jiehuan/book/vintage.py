"""How each month's lending ages: the share of what was lent in a month that is past due, by months on book.

``snapshots`` is a stack of tapes, one a month end (``read_tape`` of their concatenation). Months on book count calendar
months from drawing to the snapshot. By amount, the share is the outstanding balance of loans past the threshold over
the principal lent in that month; by count, loans over loans. A loan written off or sold counts as past due from then
on, with its carried balance.
"""

from __future__ import annotations

import polars as pl

from jiehuan.units.errors import InputError, Problem

THRESHOLDS = (1, 31, 61, 91)


def vintage(
    snapshots: pl.DataFrame, *, threshold: int = 31, by: str = "amount", ever: bool = False, base: str = "all"
) -> pl.DataFrame:
    """A row a vintage and month on book: ``vintage, mob, loans, lent_fen, bad_loans, bad_fen, rate``.

    ``vintage`` is the first day of the month of drawing. ``threshold``: least days past due that count (31: M2 and
    worse). ``by``: amount or count, what ``rate`` divides. ``ever``: a loan that once passed the threshold stays
    counted, at its balance then. ``base``: ``all`` divides by every loan of the vintage seen in any snapshot;
    ``observed`` by those seen in that month, for a stack with gaps (a sampled panel), where ``all`` would flatter.
    Raises InputError for another ``by`` or ``base``.
    """
    _one_of("by", by, ("amount", "count"))
    _one_of("base", base, ("all", "observed"))
    drawn = pl.col("drawn_on").dt.truncate("1mo")
    months = (pl.col("as_of").dt.year() - pl.col("drawn_on").dt.year()) * 12 + (
        pl.col("as_of").dt.month().cast(pl.Int32) - pl.col("drawn_on").dt.month().cast(pl.Int32)
    )
    off = pl.col("status").is_in(["written_off", "sold"])
    bad = off | ((pl.col("dpd") >= threshold) & (pl.col("status") != "settled"))
    rows = snapshots.select(
        "loan_id",
        "as_of",
        "principal_fen",
        "outstanding_fen",
        drawn.alias("vintage"),
        months.alias("mob"),
        bad.alias("bad"),
    )
    loans = rows.group_by("vintage", "loan_id").agg(pl.col("principal_fen").max())
    keys = ["vintage"] if base == "all" else ["vintage", "mob"]
    if ever:
        rows = _held(rows) if base == "all" else _marked(rows)
    lent = (
        (loans if base == "all" else rows)
        .group_by(keys)
        .agg(pl.len().cast(pl.Int64).alias("loans"), pl.col("principal_fen").sum().alias("lent_fen"))
    )
    cells = rows.group_by("vintage", "mob").agg(
        pl.col("bad").sum().cast(pl.Int64).alias("bad_loans"),
        pl.col("outstanding_fen").filter("bad").sum().alias("bad_fen"),
    )
    top, under = ("bad_fen", "lent_fen") if by == "amount" else ("bad_loans", "loans")
    rate = pl.when(pl.col(under) > 0).then(pl.col(top) / pl.col(under)).otherwise(None).alias("rate")
    joined = cells.join(lent, on=keys).with_columns(rate)
    return joined.select("vintage", "mob", "loans", "lent_fen", "bad_loans", "bad_fen", "rate").sort("vintage", "mob")


def _held(rows: pl.DataFrame) -> pl.DataFrame:
    """Once bad, always bad, at the balance of the first bad snapshot, on every later snapshot of the stack."""
    days = rows.select(pl.col("as_of").unique())
    first = rows.filter("bad").sort("as_of").group_by("loan_id", maintain_order=True).first()
    held = (
        first.rename({"as_of": "since", "mob": "since_mob"})
        .join(days, how="cross")
        .filter(pl.col("as_of") >= pl.col("since"))
    )
    gap = (pl.col("as_of").dt.year() - pl.col("since").dt.year()) * 12 + (
        pl.col("as_of").dt.month().cast(pl.Int32) - pl.col("since").dt.month().cast(pl.Int32)
    )
    held = held.with_columns((pl.col("since_mob") + gap).cast(rows.schema["mob"]).alias("mob")).select(rows.columns)
    fine = rows.join(held.select("loan_id", "as_of"), on=["loan_id", "as_of"], how="anti")
    return pl.concat([fine, held])


def _marked(rows: pl.DataFrame) -> pl.DataFrame:
    """Once bad, always bad, on the loan's own later rows only: months without a row stay unobserved."""
    first = rows.filter("bad").group_by("loan_id").agg(pl.col("as_of").min().alias("since"))
    passed = pl.col("since").is_not_null() & (pl.col("as_of") >= pl.col("since"))
    return rows.join(first, on="loan_id", how="left").with_columns(passed.alias("bad")).select(rows.columns)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(Problem(name, value, "not known", f"use {' or '.join(choices)}"))
