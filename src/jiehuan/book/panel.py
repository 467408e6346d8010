"""A panel of monthly delinquency statuses, one row an account and month, as a stack of snapshots.

Many published books come so: no amounts and no dates, but a month counted backwards from the extraction and a status
code. The codes' meaning is the user's to declare, as they differ: in some a ``0`` is current, in others it already
means 1 to 29 days late.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from jiehuan.book.tape import classify
from jiehuan.units.errors import InputError, Problem


def read_panel(
    panel: pl.DataFrame, *, account: str, month: str, status: str, extracted: date, dpd: Mapping[str, int | None]
) -> pl.DataFrame:
    """Snapshots in the tape's columns, one a month, from a panel.

    ``month`` counts 0, -1, -2… back from the month of ``extracted``; ``dpd`` gives for each status code the least days
    past due it stands for, or None where it says that there was no loan (such rows are settled: nothing outstanding).
    An account counts as drawn in its first month of the panel. Amounts are counts: each account has lent 1 and owes 1.
    Raises InputError for missing columns and for codes without a meaning.
    """
    missing = [name for name in (account, month, status) if name not in panel.columns]
    if missing:
        mend = "use one of " + ", ".join(panel.columns)
        raise InputError([Problem("panel", name, "no such column", mend) for name in missing])
    unknown = sorted(set(panel[status].cast(pl.String).unique().drop_nulls()) - set(dpd))
    if unknown:
        mend = "declare the days past due it stands for"
        raise InputError([Problem(f"panel, {status}", code, "has no meaning", mend) for code in unknown])
    days = {code: least for code, least in dpd.items() if least is not None}
    opened = pl.col(month).min().over(account)
    first = extracted.replace(day=1)
    late = pl.col(status).cast(pl.String).replace_strict(days, default=None, return_dtype=pl.Int64)
    owed = late.is_not_null()
    return panel.select(
        pl.col(account).cast(pl.String).alias("loan_id"),
        pl.lit(first).dt.offset_by(pl.format("{}mo", pl.col(month))).dt.month_end().alias("as_of"),
        pl.lit(first).dt.offset_by(pl.format("{}mo", opened)).alias("drawn_on"),
        pl.lit(1, pl.Int64).alias("principal_fen"),
        owed.cast(pl.Int64).alias("outstanding_fen"),
        (late > 0).fill_null(False).cast(pl.Int64).alias("overdue_fen"),
        late.fill_null(0).alias("dpd"),
        pl.when(owed).then(pl.lit("active")).otherwise(pl.lit("settled")).alias("status"),
    ).with_columns(classify("dpd", extracted).alias("class"))
