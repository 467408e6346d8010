"""Telling whether a text column holds dates, and how they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jiehuan.score.inputs import DATE_FORMATS

if TYPE_CHECKING:
    import polars as pl


def written_format(column: pl.Series) -> str:
    """The first of ``DATE_FORMATS`` in which every text of the column is a date; '' when there is none.

    A quick look at some rows comes before the look at all; eight digits count as a date only between 1900 and 2100.
    """
    known = column.drop_nulls()
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
