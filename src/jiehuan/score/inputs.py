"""How a model's feature is read from a column: as a number, as a category, as known or not, or as a part of a date.

An ``Input`` reads one value with the standard library alone (a request scores one row) and a whole column with Polars
(batch); both give the same answer, and a test holds them together. A number is a float with NaN for missing; a category
is a text or None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from jiehuan.score.dates import written_format
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

NUMBER_READINGS = ("number", "known", "hour", "weekday", "month_day", "days_before", "years_before")
READINGS = ("category", *NUMBER_READINGS)

_NAN = math.nan
_DAY = 86_400e6  # microseconds
_YEAR_DAYS = 365.25
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Input:
    """One feature of a model.

    ``name`` is the feature, ``column`` the column it is read from, ``reading`` one of ``READINGS``. Date readings keep the
    written ``date_format`` (empty when the column holds real dates); ``days_before`` and ``years_before`` also keep the
    column they count to (``against``, ``against_format``) or a fixed day (``reference``, ISO).
    """

    name: str
    column: str
    reading: str
    date_format: str = ""
    against: str = ""
    against_format: str = ""
    reference: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that must be present."""
        return (self.column, self.against) if self.against else (self.column,)

    @property
    def is_category(self) -> bool:
        """Whether the value is a text; all other readings give a number."""
        return self.reading == "category"

    def as_document(self) -> dict[str, str]:
        """Plain JSON, without the empty fields."""
        always = {"name": self.name, "column": self.column, "reading": self.reading}
        return always | {key: getattr(self, key) for key in self.__slots__[3:] if getattr(self, key)}

    @classmethod
    def from_document(cls, document: Mapping[str, str]) -> Input:
        """The input that ``as_document`` wrote. Raises InputError for an unknown reading or field."""
        if document.get("reading") not in READINGS or not set(document) <= set(cls.__slots__):
            raise InputError(
                Problem(
                    "model input",
                    str(dict(document))[:120],
                    "not a known reading",
                    "use the model file as `score fit` wrote it",
                )
            )
        return cls(**document)

    def row_reader(self) -> Callable[[Mapping[str, Any]], float | str | None]:
        """A function from a row to this feature's value. It raises KeyError for an absent column, InputError for a wrong type."""
        column = self.column
        if self.reading == "category":
            return lambda row: category_of(row[column], column)
        if self.reading == "number":
            return lambda row: number_of(row[column], column)
        if self.reading == "known":
            return lambda row: 0.0 if row[column] is None or row[column] == "" else 1.0
        moment = _moment_reader(column, self.date_format)
        if self.reading in ("days_before", "years_before"):
            unit = _DAY if self.reading == "days_before" else _DAY * _YEAR_DAYS
            to = _moment_reader(self.against, self.against_format) if self.against else None
            fixed = datetime.fromisoformat(self.reference) if self.reference else None

            def gap(row: Mapping[str, Any]) -> float:
                start, end = moment(row), to(row) if to else fixed
                return (end - start) // _MICROSECOND / unit if start is not None and end is not None else _NAN

            return gap
        part = _PARTS[self.reading]

        def piece(row: Mapping[str, Any]) -> float:
            at = moment(row)
            return _NAN if at is None else float(part(at))

        return piece

    def read_numbers(self, frame: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The feature of every row as float64[n], NaN where missing. Raises InputError when the column has another type."""
        import polars as pl

        column = frame.get_column(self.column)
        if self.reading == "number":
            return _numbers(column)
        if self.reading == "known":
            blank = column.is_null() | (column == "") if column.dtype == pl.String else column.is_null()
            return (~blank).cast(pl.Float64).to_numpy()
        moments = as_moments(column, self.date_format)
        if self.reading in ("days_before", "years_before"):
            unit = _DAY if self.reading == "days_before" else _DAY * _YEAR_DAYS
            fixed = None if self.against else datetime.fromisoformat(self.reference)
            end: Any = fixed or as_moments(frame.get_column(self.against), self.against_format)
            return _numbers((end - moments).dt.total_microseconds()) / unit
        part = (
            moments.dt.hour()
            if self.reading == "hour"
            else moments.dt.weekday()
            if self.reading == "weekday"
            else moments.dt.day()
        )
        return _numbers(part.cast(pl.Float64))

    def read_texts(self, frame: pl.DataFrame) -> pl.Series:
        """A category feature of every row as texts, null where missing. Raises InputError when the column is of another type."""
        return as_texts(frame.get_column(self.column))


_PARTS: dict[str, Callable[[datetime], int]] = {
    "hour": lambda at: at.hour,
    "weekday": lambda at: at.isoweekday(),
    "month_day": lambda at: at.day,
}


def number_of(value: Any, column: str) -> float:
    """One value as a float, NaN for None. Raises InputError for anything that is not a number."""
    kind = type(value)
    if kind is float:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return float(value)
    if value is None:
        return _NAN
    if isinstance(value, str | bytes | date) or not hasattr(value, "__float__"):
        raise InputError(
            Problem(
                column,
                str(value)[:80],
                f"not a number but {kind.__name__}",
                "give a number, or null when it is not known",
            )
        )
    return float(value)


def category_of(value: Any, column: str) -> str | None:
    """One value as a category's text, None for missing. Whole numbers and booleans read as they are written in a CSV."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if value is None or (kind is float and value != value):
        return None
    if kind is bool:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    raise InputError(
        Problem(column, str(value)[:80], f"not a text but {kind.__name__}", "give the category's text, or null")
    )


def as_texts(column: pl.Series) -> pl.Series:
    """A column of categories as texts. Raises InputError for numbers with fractions, lists, structs."""
    import polars as pl

    kind = column.dtype
    if kind == pl.String:
        return column
    if kind == pl.Boolean or kind.is_integer() or isinstance(kind, pl.Categorical | pl.Enum) or kind == pl.Null:
        return column.cast(pl.String)
    raise InputError(
        Problem(column.name, str(kind), "not texts, as the model was fitted on", "write the column as texts")
    )


def as_moments(column: pl.Series, date_format: str) -> pl.Series:
    """A column of dates as Datetime[us] without zone. Raises InputError naming the first value that is no such date."""
    import polars as pl

    kind = column.dtype
    if kind == pl.Date or kind == pl.Null:
        return column.cast(pl.Datetime("us"))
    if isinstance(kind, pl.Datetime):
        return column.dt.replace_time_zone(None).cast(pl.Datetime("us"))
    if kind.is_integer() and date_format == "%Y%m%d":
        column, kind = column.cast(pl.String), pl.String()
    if kind == pl.String and (date_format := date_format or written_format(column)):
        moments = column.str.to_datetime(date_format, time_unit="us", strict=False)
        bad = moments.is_null() & column.is_not_null() & (column.str.strip_chars() != "")
        if bad.any():
            row = int(bad.arg_max() or 0)
            raise InputError(
                Problem(
                    f"{column.name} row {row + 1}",
                    str(column[row])[:80],
                    "not a date as the model was fitted on",
                    f"write it as {date_format}",
                )
            )
        return moments
    raise InputError(
        Problem(column.name, str(kind), "not dates, as the model was fitted on", "write the column as dates")
    )


def _numbers(column: pl.Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    import polars as pl

    kind = column.dtype
    if not (kind.is_numeric() or kind == pl.Boolean or kind == pl.Null):
        raise InputError(
            Problem(column.name, str(kind), "not numbers, as the model was fitted on", "write the column as numbers")
        )
    floats = column.cast(pl.Float64)
    return (floats.fill_null(_NAN) if floats.null_count() else floats).to_numpy()


def _moment_reader(column: str, date_format: str) -> Callable[[Mapping[str, Any]], datetime | None]:
    written = date_format.replace("%.f", "")
    fraction = date_format.endswith("%.f")

    def moment(row: Mapping[str, Any]) -> datetime | None:
        value = row[column]
        if type(value) is int and written == "%Y%m%d":
            value = str(value)
        if isinstance(value, datetime):
            return value.replace(tzinfo=None)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - local dates carry no zone
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if isinstance(value, str) and not written:
            try:
                return datetime.fromisoformat(value.strip()).replace(tzinfo=None)
            except ValueError:
                pass
        elif isinstance(value, str):
            head, dot, tail = value.partition(".") if fraction else (value, "", "")
            try:
                at = datetime.strptime(head, written)  # noqa: DTZ007 - as above
                return at.replace(microsecond=int(tail[:6].ljust(6, "0"))) if dot else at
            except ValueError:
                pass
        raise InputError(
            Problem(
                column,
                str(value)[:80],
                "not a date as the model was fitted on",
                f"write it as {date_format or 'YYYY-MM-DD'}",
            )
        )

    return moment
