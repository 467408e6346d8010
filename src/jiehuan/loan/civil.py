"""Days as integers since 1970-01-01, in plain loops that run interpreted and compiled alike.

The proleptic Gregorian calendar by eras of 400 years (Howard Hinnant, "chrono-compatible low-level date algorithms").
"""

from __future__ import annotations

from datetime import date

_EPOCH = date(1970, 1, 1).toordinal()


def day_number(on: date) -> int:
    """The day's number: 1970-01-01 is 0, as in Arrow's date32 and in ``datetime64[D]``."""
    return on.toordinal() - _EPOCH


def day_of(number: int) -> date:
    """The date of a day number."""
    return date.fromordinal(int(number) + _EPOCH)


def number_from_civil(year: int, month: int, day: int) -> int:
    """The day number of a date given as year, month, day."""
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    year_of_era = shifted - era * 400
    month_from_march = month - 3 if month > 2 else month + 9
    day_of_year = (153 * month_from_march + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def month_index(number: int) -> int:
    """Months since year 0 of the month that holds the day: year × 12 + month - 1."""
    shifted = number + 719468
    era = shifted // 146097
    day_of_era = shifted - era * 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    year = year_of_era + era * 400 + (1 if month_from_march >= 10 else 0)
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    return year * 12 + month - 1


def month_length(index: int) -> int:
    """The number of days of a month (year × 12 + month - 1)."""
    year = index // 12
    month = index - year * 12 + 1
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 + ((month + month // 8) & 1)


def day_in_month(index: int, anchor_day: int) -> int:
    """The day number of day ``anchor_day`` in a month (year × 12 + month - 1), clipped to the month's last day."""
    year = index // 12
    return number_from_civil(year, index - year * 12 + 1, min(anchor_day, month_length(index)))


def month_later(day: int, index: int, anchor_day: int) -> int:
    """The day ``anchor_day`` of the month after month ``index``, which holds ``day``, itself such a day of its month."""
    if anchor_day <= 28:
        return day + month_length(index)  # no month clips it: the months are all of one shape from day to day
    return day_in_month(index + 1, anchor_day)
