"""Money is integer fen (分); it enters and leaves as decimal strings in yuan.

Rounding is half up, to the fen, once per stated quantity (design, section 4).
"""

from __future__ import annotations

import re
from decimal import Decimal

from jiehuan.units.errors import InputError, Problem

MAX_FEN = 10**15
"""Ten thousand billion yuan: above it an amount is a mistake, and products with it would not fit 64 bits."""

_YUAN = re.compile(r"-?\d{1,15}(\.\d{1,2})?\Z", re.ASCII)


def half_up(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` rounded to the nearest integer, halves away from zero; exact for any size.

    >>> half_up(5, 2), half_up(-5, 2), half_up(333, 1000)
    (3, -3, 0)
    """
    if denominator <= 0:
        raise ValueError(f"denominator must be positive, got {denominator}")
    if numerator < 0:
        return -half_up(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def parse_yuan(value: object, where: str = "amount", *, minimum: int | None = 0) -> int:
    """Read an amount in yuan (``"916.80"``, ``916``, ``Decimal``) as fen.

    ``minimum`` is in fen (``None``: any sign). Floats are taken through their shortest decimal text, so 916.8 is read
    as it was written. Raises InputError naming ``where`` for NaN, text, three decimals, or an absurd size.

    >>> parse_yuan("916.80")
    91680
    """
    text = _plain(value)
    if text is None or not _YUAN.match(text):
        mend = "write yuan with at most two decimals, like 916.80"
        raise InputError(Problem(where, _shown(value), "not an amount of money", mend))
    fen = int(Decimal(text) * 100)
    if abs(fen) > MAX_FEN:
        raise InputError(
            Problem(where, _shown(value), "larger than any amount this system keeps", "check the unit (yuan)")
        )
    if minimum is not None and fen < minimum:
        least = format_yuan(minimum)
        raise InputError(Problem(where, _shown(value), f"below {least}", f"write an amount of at least {least}"))
    return fen


def format_yuan(fen: int) -> str:
    """Fen as a decimal string in yuan with two places.

    >>> format_yuan(91680), format_yuan(-5)
    ('916.80', '-0.05')
    """
    fen = int(fen)  # a database's sum is a Decimal
    return f"{fen // 100}.{fen % 100:02d}" if fen >= 0 else f"-{-fen // 100}.{-fen % 100:02d}"


def _plain(value: object) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f").removesuffix(".0") if value == value and abs(value) < 1e16 else None
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else None
    return None


def _shown(value: object) -> str:
    return str(value)[:80]
