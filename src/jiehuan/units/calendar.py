"""Which days are worked in mainland China, and the first working day after a due date or a court deadline.

Source: the State Council's yearly holiday notices, in ``holidays.yaml`` beside this file, each with its number and
grade. Years without a notice in the data (see ``known_years``) know weekends only. Days are ``datetime.date``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from jiehuan.units.days import add_months
from jiehuan.units.errors import InputError, Problem

_DATA = Path(__file__).with_name("holidays.yaml")
_DAY = timedelta(days=1)
_LONGEST_WALK = 40_000
"""Working days that ``add_working_days`` walks at most (about 160 years): above it the number is a mistake."""


@dataclass(frozen=True, slots=True)
class Holiday:
    """One span of free days of a notice: first and last day off (both free) and its name."""

    first: date
    last: date
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class HolidayYear:
    """One year's notice: citation in two languages, grade (A read, B secondary), free spans, worked weekend days."""

    year: int
    zh: str
    en: str
    grade: str
    holidays: tuple[Holiday, ...]
    working: tuple[date, ...]


def is_working_day(on: date) -> bool:
    """Whether people work on that day: make-up weekends count, public holidays don't.

    >>> is_working_day(date(2026, 10, 1)), is_working_day(date(2026, 10, 10))
    (False, True)
    """
    free, worked = _exceptions()
    if on in worked:
        return True
    return on.weekday() < 5 and on not in free


def next_working_day(on: date) -> date:
    """The first working day on or after that day: the day itself when it is worked.

    >>> next_working_day(date(2026, 10, 1)), next_working_day(date(2026, 10, 10))
    (datetime.date(2026, 10, 8), datetime.date(2026, 10, 10))
    """
    while not is_working_day(on):
        on += _DAY
    return on


def add_working_days(start: date, days: int) -> date:
    """The working day that is ``days`` working days after ``start`` (before it, when negative).

    ``start`` is not counted, worked or not; 0 gives ``next_working_day(start)``. Raises InputError above 40,000 days.

    >>> add_working_days(date(2026, 9, 30), 1), add_working_days(date(2026, 10, 8), -1)
    (datetime.date(2026, 10, 8), datetime.date(2026, 9, 30))
    """
    if abs(days) > _LONGEST_WALK:
        raise InputError(Problem("working days", str(days), "too many to count", f"use at most {_LONGEST_WALK}"))
    if days == 0:
        return next_working_day(start)
    step = _DAY if days > 0 else -_DAY
    left = abs(days)
    on = start
    while left:
        on += step
        left -= is_working_day(on)
    return on


def working_days_between(first: date, last: date) -> int:
    """How many working days lie after ``first`` up to and including ``last`` (0 when ``last`` is not later).

    >>> working_days_between(date(2026, 9, 30), date(2026, 10, 9))
    2
    """
    return sum(is_working_day(first + k * _DAY) for k in range(1, (last - first).days + 1))


def court_deadline(event: date, *, days: int = 0, months: int = 0, years: int = 0) -> date:
    """The last day of a period that an event sets going: its own day is not counted, a free last day moves on.

    Calendar days, months (clipped to the month's end) and years, as the Civil Procedure Law (2023) art. 85 counts them.
    Give one of the three lengths; given together they add up. Raises InputError for a negative length.

    >>> court_deadline(date(2026, 9, 20), days=15)
    datetime.date(2026, 10, 8)
    """
    if min(days, months, years) < 0:
        found = f"{days} days {months} months {years} years"
        raise InputError(Problem("period", found, "negative", "give lengths from 0 up"))
    return next_working_day(add_months(event, 12 * years + months) + timedelta(days=days))


def known_years() -> range:
    """The years whose holidays are in the data; outside them only weekends are known to be free.

    >>> 2026 in known_years(), 2015 in known_years()
    (True, False)
    """
    years = sorted(_years())
    return range(years[0], years[-1] + 1)


def holiday_year(year: int) -> HolidayYear | None:
    """The notice of one year with its citation, or None for a year outside ``known_years``."""
    return _years().get(year)


@cache
def _years() -> dict[int, HolidayYear]:
    import yaml

    raw = yaml.load(_DATA.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    return {
        year: HolidayYear(
            year,
            entry["zh"],
            entry["en"],
            entry["grade"],
            tuple(Holiday(first, last, zh, _english(zh)) for first, last, zh in entry["holidays"]),
            tuple(entry["working"]),
        )
        for year, entry in raw.items()
    }


@cache
def _exceptions() -> tuple[frozenset[date], frozenset[date]]:
    """Free days and worked weekend days of all years in the data."""
    free = {
        span.first + k * _DAY
        for year in _years().values()
        for span in year.holidays
        for k in range((span.last - span.first).days + 1)
    }
    return frozenset(free), frozenset(day for year in _years().values() for day in year.working)


_ENGLISH = {
    "元旦": "New Year's Day", "春节": "Spring Festival", "清明节": "Tomb-Sweeping Day", "劳动节": "Labour Day",
    "端午节": "Dragon Boat Festival", "中秋节": "Mid-Autumn Festival", "国庆节": "National Day",
}


def _english(zh: str) -> str:
    return " and ".join(_ENGLISH[name] for name in zh.split("、"))
