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
"""10,000 % a year: above it even the cost of a loan with fees is a mistake of unit."""
MAX_CONTRACT_RATE_PPM = 2 * PPM
"""200 % a year: above it a contract's rate was written in percent (18 for 0.18; no bank lends below 3 %)."""

_RATE = re.compile(r"\d{1,6}(\.\d{1,12})?\Z", re.ASCII)


def parse_rate(value: object, where: str = "rate", *, maximum_ppm: int = MAX_RATE_PPM) -> int:
    """Read a rate per year (``"0.18"``) as ppm. Raises InputError for text, NaN, negatives, percents, over six places.

    >>> parse_rate("0.18")
    180000
    >>> parse_rate("18", maximum_ppm=MAX_CONTRACT_RATE_PPM)
    Traceback (most recent call last):
    jiehuan.units.errors.InputError: rate '18': is 1800 %, above 200 %; write 0.18 if 18 % is meant
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
        percent = Decimal(text)
        if percent * PPM <= 100 * maximum_ppm and (percent * PPM) % 100 == 0:
            mend = f"write {_short(percent / 100)} if {_short(percent)} % is meant"
        reason = f"is {_short(percent * 100)} %, above {_short(Decimal(maximum_ppm) * 100 / PPM)} %"
        raise InputError(Problem(where, str(value)[:80], reason, mend))
    return ppm


def parse_contract_rate(value: object, where: str = "rate") -> int:
    """Read a contract's rate per year as ``parse_rate`` does, and refuse what can only have been written in percent.

    >>> parse_contract_rate("0.18")
    180000
    """
    return parse_rate(value, where, maximum_ppm=MAX_CONTRACT_RATE_PPM)


def format_rate(ppm: int) -> str:
    """Ppm as a decimal string per year with six places.

    >>> format_rate(180_000)
    '0.180000'
    """
    ppm = int(ppm)
    return f"{ppm // PPM}.{ppm % PPM:06d}" if ppm >= 0 else f"-{-ppm // PPM}.{-ppm % PPM:06d}"


def _short(number: Decimal) -> str:
    return f"{number.normalize():f}"


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
