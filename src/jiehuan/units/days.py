"""Dates: reading them, adding months without drift, and the difference in days.

Dates are ``datetime.date``; instants are timezone-aware ``datetime`` (Asia/Shanghai where people see them). Working
days and holidays are in ``calendar.py``, by data.
"""

from __future__ import annotations

import calendar as _month_lengths
import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from jiehuan.units.errors import InputError, Problem

CHINA = ZoneInfo("Asia/Shanghai")

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


def parse_date(value: object, where: str = "date") -> date:
    """Read ``YYYY-MM-DD`` (or a date) as a date. Raises InputError naming ``where``.

    >>> parse_date("2026-02-28")
    datetime.date(2026, 2, 28)
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if _DATE.match(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise InputError(Problem(where, str(value)[:80], "not a date", "write YYYY-MM-DD"))


def add_months(start: date, months: int, anchor_day: int | None = None) -> date:
    """The date ``months`` after ``start`` on day ``anchor_day`` (default: start's own), clipped to the month's end.

    Clipping never drifts, as each date is computed from the anchor, not from the last clipped date.

    >>> [str(add_months(date(2026, 1, 31), n)) for n in (1, 2)]
    ['2026-02-28', '2026-03-31']
    """
    year, month0 = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = anchor_day if anchor_day is not None else start.day
    if day > 28:
        day = min(day, _month_lengths.monthrange(year, month0 + 1)[1])
    return date(year, month0 + 1, day)
