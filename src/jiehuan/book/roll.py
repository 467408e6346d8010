"""Where the balance of each bucket went between two tapes: roll, cure and pay-down rates.

Everything is measured on the opening balance. For a bucket of the first tape:

- roll rate: moved to the next worse bucket; ``worse_rate``: to any worse one (of M3+, which has no worse, none)
- cure rate: back to current (M0, or settled)
- ``off_rate``: written off or sold; ``gone_rate``: not on the second tape at all
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from jiehuan.book.tape import BUCKETS, bucket, follow, on_book

ENDS = (*BUCKETS, "settled", "written_off", "sold", "gone")
"""Where a balance can be on the second tape."""


@dataclass(frozen=True, slots=True)
class Roll:
    """What ``roll`` found, a row an opening bucket.

    ``matrix``: columns ``bucket, loans, opening_fen`` and an amount in fen for each of ``ENDS``. ``rates``: columns
    ``bucket, opening_fen, roll_rate, worse_rate, cure_rate, stay_rate, better_rate, off_rate, gone_rate`` (null for
    an empty bucket).
    """

    matrix: pl.DataFrame
    rates: pl.DataFrame

    def as_dict(self) -> dict[str, Any]:
        """Rows of both as plain values."""
        return {"matrix": self.matrix.to_dicts(), "rates": self.rates.to_dicts()}


def roll(before: pl.DataFrame, after: pl.DataFrame) -> Roll:
    """Follow each loan on the book of ``before`` into ``after``, a later snapshot (as ``read_tape`` gives them).

    Raises InputError when one is no single snapshot, or the second is not the later one.
    """
    follow(before, after)
    opening = before.filter(on_book()).select("loan_id", "outstanding_fen", bucket().alias("bucket"))
    moved = opening.join(after.select("loan_id", _end()), on="loan_id", how="left")
    return _roll(moved.with_columns(pl.col("end").fill_null("gone")))


def roll_months(snapshots: pl.DataFrame) -> Roll:
    """The same pooled over every pair of neighbouring months of a stack: each loan counts once a month it is followed.

    Only loans seen in both months count, so that a stack with gaps (a sampled panel) does not read as loans gone.
    """
    opening = snapshots.filter(on_book()).select(
        "loan_id",
        "outstanding_fen",
        bucket().alias("bucket"),
        pl.col("as_of").dt.month_end().dt.offset_by("1d").alias("month"),
    )
    ends = snapshots.select("loan_id", _end(), pl.col("as_of").dt.truncate("1mo").alias("month"))
    return _roll(opening.join(ends, on=["loan_id", "month"]))


def _end() -> pl.Expr:
    return pl.when(on_book()).then(bucket()).otherwise(pl.col("status")).alias("end")


def _roll(moved: pl.DataFrame) -> Roll:
    amounts = [pl.col("outstanding_fen").filter(pl.col("end") == name).sum().alias(name) for name in ENDS]
    found = moved.group_by("bucket").agg(
        pl.len().alias("loans"), pl.col("outstanding_fen").sum().alias("opening_fen"), *amounts
    )
    matrix = (
        pl.DataFrame({"bucket": BUCKETS})
        .join(found, on="bucket", how="left", maintain_order="left")
        .with_columns(pl.col("loans", "opening_fen", *ENDS).fill_null(0).cast(pl.Int64))
    )
    return Roll(matrix, pl.DataFrame([_rates(row, place) for place, row in enumerate(matrix.to_dicts())]))


def _rates(row: dict[str, Any], place: int) -> dict[str, Any]:
    opening = row["opening_fen"]

    def rate(*ends: str) -> float | None:
        return sum(row[end] for end in ends) / opening if opening else None

    better = BUCKETS[1:place]
    return {
        "bucket": row["bucket"],
        "opening_fen": opening,
        "roll_rate": rate(*BUCKETS[place + 1 : place + 2]),
        "worse_rate": rate(*BUCKETS[place + 1 :]),
        "cure_rate": rate("M0", "settled") if place else None,
        "stay_rate": rate(row["bucket"], *(() if place else ("settled",))),
        "better_rate": rate(*better),
        "off_rate": rate("written_off", "sold"),
        "gone_rate": rate("gone"),
    }
