"""Telling whether a text column holds dates, and how they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y%m%d",
)
"""Written dates that are understood, in Polars' words; one format is chosen for a column and kept in the model."""


def date_format_of(column: pl.Series) -> str | None:
    """How a column's dates are written: '' for real dates, a format for texts or whole numbers, None when it holds no dates."""
    import polars as pl

    kind = column.dtype
    if kind == pl.Date or isinstance(kind, pl.Datetime):
        return ""
    return (written_format(column) or None) if kind == pl.String or kind.is_integer() else None


def written_format(column: pl.Series) -> str:
    """The first of ``DATE_FORMATS`` in which every text (or whole number) of the column is a date; '' when there is none.

    A quick look at some rows comes before the look at all; eight digits count as a date only between 1900 and 2100.
    """
    import polars as pl

    known = column.drop_nulls()
    if known.dtype.is_integer():  # dates written as whole numbers: 20260131
        if not len(known) or int(known.min()) < 19_000_101 or int(known.max()) > 21_001_231:  # type: ignore[arg-type]
            return ""
        return "%Y%m%d" if _reads(known.cast(pl.String), "%Y%m%d") else ""
    known = known.filter(known.str.strip_chars() != "")
    if not len(known) or len(str(known[0])) < 8:
        return ""
    for one in DATE_FORMATS:
        if _reads(known.head(50), one) and _reads(known, one):
            return one
    return ""


def _reads(texts: pl.Series, written: str) -> bool:
    moments = texts.str.to_datetime(written, time_unit="us", strict=False)
    if moments.null_count():
        return False
    years = moments.dt.year()
    return bool((years >= 1900).all() and (years <= 2100).all())
