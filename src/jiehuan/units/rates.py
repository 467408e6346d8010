"""Rates are decimals per year; inside they are integer millionths (ppm), so that interest is exact.

24 % a year is ``"0.24"`` outside and ``240_000`` inside. Six places resolve every rate that contracts state
(0.05 % a day is 0.1825 a year).
"""

from __future__ import annotations

import re
from decimal import Decimal

from jiehuan.units.errors import InputError, Problem

PPM = 1_000_000
MAX_RATE_PPM = 100 * PPM
"""10,000 % a year: above it a rate is a mistake of unit."""

_RATE = re.compile(r"\d{1,6}(\.\d{1,12})?\Z", re.ASCII)


def parse_rate(value: object, where: str = "rate", *, maximum_ppm: int = MAX_RATE_PPM) -> int:
    """Read a rate per year (``"0.18"``) as ppm. Raises InputError for text, NaN, negatives, percents, over six places.

    >>> parse_rate("0.18")
    180000
    """
    text = None if isinstance(value, bool) else _plain(value)
    mend = "write a decimal per year with at most six places, like 0.18 for 18 %"
    if text is None or not _RATE.match(text):
        raise InputError(Problem(where, str(value)[:80], "not a rate per year", mend))
    scaled = Decimal(text) * PPM
    if scaled != scaled.to_integral_value():
        raise InputError(Problem(where, str(value)[:80], "more than six decimal places", mend))
    ppm = int(scaled)
    if ppm > maximum_ppm:
        raise InputError(Problem(where, str(value)[:80], f"above {format_rate(maximum_ppm)} a year", mend))
    return ppm


def format_rate(ppm: int) -> str:
    """Ppm as a decimal string per year with six places.

    >>> format_rate(180_000)
    '0.180000'
    """
    ppm = int(ppm)
    return f"{ppm // PPM}.{ppm % PPM:06d}" if ppm >= 0 else f"-{-ppm // PPM}.{-ppm % PPM:06d}"


def _plain(value: object) -> str | None:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f") if value == value and abs(value) < 1e9 else None
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else None
    return None
