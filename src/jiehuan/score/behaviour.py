"""What a borrower's earlier loans say of the next one: how late, how often, how lately, as known on the day of the application.

Point in time: only loans taken before the application count, a payment counts only from the moment it was made, and a loan that
was still unpaid is as late as it was on that day. The same function gives the features of history and of today's applicant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

LOANS = ("borrower", "taken_at", "due_at", "paid_at", "amount")
FEATURES = (
    "loans_before", "late_days_mean", "late_days_worst", "late_days_last", "late_days_last3", "late_share", "late5_share", "late_days_spread",
    "unpaid_before", "amount_largest", "amount_last", "days_since_paid", "days_since_first", "amount_step",
)  # fmt: skip

_DAY_US = 86_400e6


def behaviour(applications: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """The features (``FEATURES``) of each application, in order: one row for each, null where nothing is known before.

    ``applications``: ``borrower``, ``applied_at`` (Datetime or Date), optionally ``amount`` (for ``amount_step``: asked / last).
    ``loans``: ``borrower``, ``taken_at``, ``due_at``, ``paid_at`` (null: not paid), ``amount``; all loans, later ones included:
    what was not known at the application is not used. Late days are of payment after due, below 0 when early. Raises InputError
    for an absent column.
    """
    import polars as pl

    for table, name, needed in ((applications, "applications", ("borrower", "applied_at")), (loans, "loans", LOANS)):
        if absent := [column for column in needed if column not in table.columns]:
            raise InputError(
                [Problem(f"{name} column {column}", "", "missing", "add it, or rename yours") for column in absent]
            )
    asked = applications.select(
        pl.int_range(pl.len()).alias("place"), "borrower", pl.col("applied_at").cast(pl.Datetime("us")),
        (pl.col("amount") if "amount" in applications.columns else pl.lit(None)).cast(pl.Float64).alias("asked"),
    )  # fmt: skip
    past = loans.select(
        "borrower", *(pl.col(name).cast(pl.Datetime("us")) for name in LOANS[1:4]), pl.col("amount").cast(pl.Float64)
    )
    known = asked.join(past, on="borrower").filter(pl.col("taken_at") < pl.col("applied_at")).sort("place", "taken_at")
    paid = pl.col("paid_at").is_not_null() & (pl.col("paid_at") < pl.col("applied_at"))
    end = pl.when(paid).then("paid_at").otherwise("applied_at")
    late = (end - pl.col("due_at")).dt.total_microseconds() / _DAY_US
    # a loan neither paid nor due yet says nothing of lateness
    known = known.with_columns(late=pl.when(paid | (pl.col("due_at") < pl.col("applied_at"))).then(late), paid=paid)
    since = {"days_since_paid": pl.col("paid_at").filter("paid").max(), "days_since_first": pl.col("taken_at").min()}
    told = pl.col("late").drop_nulls()
    found = known.group_by("place").agg(
        pl.len().cast(pl.Float64).alias("loans_before"), told.mean().alias("late_days_mean"), told.max().alias("late_days_worst"),
        told.last().alias("late_days_last"), told.tail(3).mean().alias("late_days_last3"), (told > 0).mean().alias("late_share"),
        (told > 5).mean().alias("late5_share"), told.std().alias("late_days_spread"), (~pl.col("paid")).sum().cast(pl.Float64).alias("unpaid_before"),
        pl.col("amount").max().alias("amount_largest"), pl.col("amount").last().alias("amount_last"),
        *(((pl.col("applied_at").first() - at).dt.total_microseconds() / _DAY_US).alias(name) for name, at in since.items()),
        (pl.col("asked").first() / pl.col("amount").last()).alias("amount_step"),
    )  # fmt: skip
    joined = asked.select("place").join(found, on="place", how="left").sort("place").select(FEATURES)
    return joined.with_columns(pl.col("loans_before", "unpaid_before").fill_null(0.0))
