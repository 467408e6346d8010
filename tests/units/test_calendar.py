"""Working days by the State Council's notices, and what holds of counting them on any day."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.units.calendar import (
    add_working_days,
    court_deadline,
    holiday_year,
    is_working_day,
    known_years,
    next_working_day,
    working_days_between,
)
from jiehuan.units.days import add_months
from jiehuan.units.errors import InputError

DAYS = st.dates(date(2014, 1, 1), date(2030, 12, 31))
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        ("2016-02-06", True),  # Saturday before the Spring Festival, worked
        ("2017-10-08", False),  # last day of the joint National Day and Mid-Autumn holiday
        ("2019-05-02", False),  # moved by the notice of March 2019
        ("2019-05-05", True),  # Sunday worked for it
        ("2020-01-31", False),  # extended by the notice of January 2020
        ("2020-02-01", False),  # the first notice had it worked; the extension freed it
        ("2020-02-03", True),
        ("2021-02-20", True),
        ("2024-02-09", True),  # New Year's eve was left to employers in 2024
        ("2025-01-28", False),  # and became a holiday in 2025
        ("2026-01-04", True),
        ("2026-02-23", False),
        ("2026-02-28", True),
        ("2026-10-07", False),
        ("2026-10-08", True),
        ("2026-10-10", True),
    ],
)
def test_days_of_the_notices(day: str, worked: bool) -> None:
    assert is_working_day(date.fromisoformat(day)) is worked


def test_every_known_year_has_a_notice_with_number_and_grade() -> None:
    assert known_years() == range(2016, 2027)
    for number in known_years():
        year = holiday_year(number)
        assert year is not None
        assert "国办发明电" in year.zh and str(number) in year.en and year.grade in "AB"
        names = "、".join(span.zh for span in year.holidays)
        for festival in ("元旦", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节"):
            assert festival in names, (number, festival)
        assert all(span.first <= span.last and span.first.year == number for span in year.holidays)
        assert all(a.last < b.first for a, b in pairwise(year.holidays))
        assert all(day.weekday() >= 5 and day.year == number for day in year.working), "only weekends are made up"
        free = {span.first + k * DAY for span in year.holidays for k in range((span.last - span.first).days + 1)}
        assert not free & set(year.working)


def test_a_year_works_between_247_and_252_days() -> None:
    """11 (from 2025: 13) statutory days off and some 104 weekend days leave 247 to 252; the swaps cancel out."""
    for year in known_years():
        worked = working_days_between(date(year - 1, 12, 31), date(year, 12, 31))
        assert 247 <= worked <= 252, (year, worked)


def test_years_without_a_notice_know_weekends_only() -> None:
    assert holiday_year(2027) is None and 2027 not in known_years()
    assert is_working_day(date(2027, 10, 1))  # a Friday: no notice says otherwise yet
    assert not is_working_day(date(2027, 10, 2))


def test_next_working_day_leaps_the_national_holiday() -> None:
    assert next_working_day(date(2026, 10, 1)) == date(2026, 10, 8)
    assert next_working_day(date(2026, 10, 10)) == date(2026, 10, 10)


def test_court_deadline_does_not_count_its_own_day_and_moves_off_holidays() -> None:
    assert court_deadline(date(2026, 3, 2), days=15) == date(2026, 3, 17)
    assert court_deadline(date(2026, 9, 20), days=15) == date(2026, 10, 8)  # 5 October is free
    assert court_deadline(date(2026, 1, 31), months=1) == date(2026, 2, 28)  # a worked Saturday
    assert court_deadline(date(2024, 2, 29), years=2) == date(2026, 2, 28)
    with pytest.raises(InputError, match="negative"):
        court_deadline(date(2026, 1, 1), days=-1)


def test_absurd_counts_are_refused_not_walked() -> None:
    with pytest.raises(InputError, match="too many"):
        add_working_days(date(2026, 1, 1), 10**9)


@given(DAYS)
def test_next_working_day_is_worked_and_skips_none(day: date) -> None:
    found = next_working_day(day)
    assert is_working_day(found) and found >= day
    assert not any(is_working_day(day + k * DAY) for k in range((found - day).days))
    assert next_working_day(found) == found


@settings(max_examples=60)
@given(DAYS, st.integers(1, 60))
def test_adding_working_days_is_what_counting_them_undoes(day: date, n: int) -> None:
    later = add_working_days(day, n)
    assert working_days_between(day, later) == n and is_working_day(later)
    assert add_working_days(day, 0) == next_working_day(day)
    if is_working_day(day):
        assert add_working_days(later, -n) == day


@settings(max_examples=60)
@given(DAYS, st.integers(0, 400))
def test_month_ends_are_clipped_from_the_anchor_and_never_drift(day: date, n: int) -> None:
    there = add_months(day, n)
    assert there.day == day.day or (there + DAY).day == 1
    assert add_months(there, 1, day.day) == add_months(day, n + 1)
    assert add_months(there, -n, day.day) == day


def test_month_ends_through_a_leap_february() -> None:
    dues = [str(add_months(date(2023, 12, 31), n)) for n in (1, 2, 3, 4)]
    assert dues == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]
    assert add_months(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert add_months(date(2024, 2, 29), 48) == date(2028, 2, 29)
