"""What a book looks like on a day: balances, overdue, the NPL ratio on both bases, provisions, by any column.

Definitions (balances are principal outstanding, of loans on the book):

- overdue balance: the whole balance of loans with any day past due; ``overdue_fen`` is the amount due and unpaid alone
- M3+: more than 90 days past due
- NPL on the five-class basis: substandard, doubtful and loss; NPL on the 90-day basis: M3+
- coverage: provision over five-class NPL; provision ratio: provision over balance
- first payment default: of the loans whose first instalment fell due in the last ``FPD_WINDOW_DAYS`` days, the share
  whose oldest unpaid instalment is that first one. ``first_due`` is read when the tape has it, else it is a month after
  drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from jiehuan.book.tape import BUCKETS, CLASSES, at, bucket, non_performing, on_book
from jiehuan.law import LENDER_TYPES, law_on
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.rates import PPM

FPD_WINDOW_DAYS = 92
"""About three months of first instalments: enough loans for a rate, recent enough to speak of today's admission."""

BUCKET_COLUMNS = {name: f"{name.lower().replace('+', '_plus')}_fen" for name in BUCKETS}
CLASS_COLUMNS = {name: f"{name}_fen" for name in CLASSES}


def metrics(tape: pl.DataFrame, on: date, by: str | Sequence[str] | None = None) -> pl.DataFrame:
    """One row of figures (or one a value of ``by``) of the tape's latest snapshot not after ``on``.

    ``tape`` as ``read_tape`` gives it. Columns: ``by``…, ``as_of``, counts (``loans``, ``borrowers``,
    ``overdue_loans``, ``fpd_due_loans``, ``fpd_loans``), amounts in fen (``*_fen``), ratios as floats (``*_ratio``,
    ``fpd_rate``, ``average_rate``), null where their base is zero. Raises InputError for an unknown ``by`` or no
    snapshot.
    """
    keys = [by] if isinstance(by, str) else list(by or ())
    unknown = [key for key in keys if key not in tape.columns]
    if unknown:
        mend = "use one of " + ", ".join(sorted(tape.columns))
        raise InputError([Problem("by", key, "the tape has no such column", mend) for key in unknown])
    snapshot = with_provision(at(tape, on), on).with_columns(_first_payment(tape.columns))
    figures = (snapshot.group_by(keys) if keys else snapshot.group_by(pl.lit(0).alias("_all"))).agg(_sums())
    return figures.with_columns(_ratios()).drop("_all", strict=False).sort(keys or "as_of")


def with_provision(snapshot: pl.DataFrame, on: date) -> pl.DataFrame:
    """The snapshot with ``provision_fen`` by class and the law of that day, where the tape does not state it itself."""
    if "provision_fen" in snapshot.columns:
        return snapshot
    rates = []
    for lender_type in snapshot["lender_type"].unique():
        law = law_on(on, lender_type if lender_type in LENDER_TYPES else "other")
        for name, ppm in (law.value("provision_rates") or {}).items():
            rates.append((lender_type, name, ppm))
    table = pl.DataFrame(rates, schema={"lender_type": pl.String, "class": pl.String, "_ppm": pl.Int64}, orient="row")
    # Half up; the balance is at most 10^15 fen, so that balance times ppm needs 128 bits.
    exact = (pl.col("outstanding_fen").cast(pl.Int128) * pl.col("_ppm").fill_null(0) * 2 + PPM) // (2 * PPM)
    provision = pl.when(on_book()).then(exact.cast(pl.Int64)).otherwise(0).alias("provision_fen")
    return snapshot.join(table, on=["lender_type", "class"], how="left").with_columns(provision).drop("_ppm")


def _first_payment(columns: Sequence[str]) -> list[pl.Expr]:
    first_due = pl.col("first_due").cast(pl.Date) if "first_due" in columns else pl.col("drawn_on").dt.offset_by("1mo")
    age = (pl.col("as_of") - first_due).dt.total_days()
    due = age.is_between(1, FPD_WINDOW_DAYS)
    return [due.alias("_first_due"), (due & (pl.col("dpd") >= age)).alias("_first_unpaid")]


def _sums() -> list[pl.Expr]:
    balance = pl.col("outstanding_fen")

    def of(rule: pl.Expr) -> pl.Expr:
        return balance.filter(on_book() & rule).sum()

    off = [balance.filter(pl.col("status") == name).sum().alias(f"{name}_fen") for name in ("written_off", "sold")]
    rated = balance.filter(on_book() & pl.col("rate").is_not_null()).sum()
    weighted = pl.when(rated > 0).then((pl.col("rate") * balance).filter(on_book()).sum() / rated)
    return [
        pl.col("as_of").max(),
        on_book().sum().alias("loans"),
        pl.col("borrower_id").filter(on_book() & (pl.col("borrower_id") != "")).n_unique().alias("borrowers"),
        balance.filter(on_book()).sum().alias("outstanding_fen"),
        pl.col("overdue_fen").filter(on_book()).sum(),
        (on_book() & (pl.col("dpd") > 0)).sum().alias("overdue_loans"),
        of(pl.col("dpd") > 0).alias("overdue_balance_fen"),
        of(non_performing()).alias("npl_fen"),
        of(bucket() == BUCKETS[-1]).alias("npl90_fen"),
        of(pl.col("status") == "restructured").alias("restructured_fen"),
        pl.col("provision_fen").filter(on_book()).sum(),
        *(of(bucket() == name).alias(column) for name, column in BUCKET_COLUMNS.items()),
        *(of(pl.col("class") == name).alias(column) for name, column in CLASS_COLUMNS.items()),
        *off,
        weighted.alias("average_rate"),
        pl.col("_first_due").sum().alias("fpd_due_loans"),
        pl.col("_first_unpaid").sum().alias("fpd_loans"),
    ]


def _ratios() -> list[pl.Expr]:
    def ratio(top: str, base: str, name: str) -> pl.Expr:
        return pl.when(pl.col(base) > 0).then(pl.col(top) / pl.col(base)).otherwise(None).alias(name)

    return [
        ratio("overdue_fen", "outstanding_fen", "overdue_ratio"),
        ratio("overdue_balance_fen", "outstanding_fen", "overdue_balance_ratio"),
        ratio("npl_fen", "outstanding_fen", "npl_ratio"),
        ratio("npl90_fen", "outstanding_fen", "npl90_ratio"),
        ratio("provision_fen", "npl_fen", "coverage_ratio"),
        ratio("provision_fen", "outstanding_fen", "provision_ratio"),
        ratio("fpd_loans", "fpd_due_loans", "fpd_rate"),
    ]
