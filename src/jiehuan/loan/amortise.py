"""How principal is repaid: exact integer arithmetic in plain loops that run interpreted and compiled alike.

Every quantity is fen in 64-bit integers; rates are ppm a year. The level instalment is found in floating point with a
bound on its error, and decided in exact arithmetic on limbs whenever the bound leaves the rounding open.

Rows of a schedule live in one flat sequence (list or int64 array): row r occupies ``rows[r * ROW : (r + 1) * ROW]``.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any, TypeAlias

from jiehuan.loan.civil import day_in_month, month_index

Ints: TypeAlias = MutableSequence[int]
Shift: TypeAlias = Any
"""``shift[day]``: days that a due day moves to the next working day; a list-like object or an int8 array."""

EQUAL_INSTALMENT, EQUAL_PRINCIPAL, INTEREST_ONLY, BULLET, SCULPTED = range(5)

# A row: when it is due, what it asks, what became of it. PLANNED is the level instalment, the level principal part or
# the shaped instalment from which the principal is found again after a prepayment. FEN_DAYS is the penalty it bears up
# to SINCE, once its pay_by has PASSED; a restructuring closes the row (CLOSED) and turns the penalty into fen
# (FROZEN_PENALTY).
ROW = 15
(
    DUE,
    PAY_BY,
    PRINCIPAL,
    INTEREST,
    PAID_P,
    PAID_I,
    WAIVED_P,
    WAIVED_I,
    FEN_DAYS,
    SINCE,
    PASSED,
    KIND,
    PLANNED,
    CLOSED,
    FROZEN_PENALTY,
) = range(ROW)

YEAR_PPM = 365_000_000
MONTHS_PPM = 12_000_000
_SAFE = 1 << 61
_SMALL = 1 << 30
_LIMB = 30
_LIMB_MASK = (1 << 30) - 1


def scaled(amount: int, numerator: int, denominator: int) -> int:
    """``amount * numerator / denominator`` rounded half up, exactly, without leaving 64 bits.

    All are non-negative; ``numerator`` < 2^52, ``denominator`` < 2^49, and the result must fit. Large products are
    divided digit by digit in base 2^13.
    """
    if amount == 0 or numerator == 0:
        return 0
    if (amount < _SMALL and numerator < _SMALL) or amount <= _SAFE // numerator:
        return (2 * amount * numerator + denominator) // (2 * denominator)
    whole = amount // denominator
    rest = amount - whole * denominator
    quotient = 0
    remainder = 0
    shift = 39
    while shift >= 0:
        digit = (numerator >> shift) & 8191
        partial = remainder * 8192 + rest * digit
        step = partial // denominator
        quotient = quotient * 8192 + step
        remainder = partial - step * denominator
        shift -= 13
    if 2 * remainder >= denominator:
        quotient += 1
    return whole * numerator + quotient


def limbs_of(value: int, size: int) -> list[int]:
    """A non-negative 64-bit number as ``size`` limbs of 30 bits, lowest first."""
    limbs = [0] * size
    place = 0
    while value > 0:
        limbs[place] = value & _LIMB_MASK
        value >>= _LIMB
        place += 1
    return limbs


def limbs_scale(limbs: list[int], factor: int) -> None:
    """Multiply limbs in place by a factor below 2^31."""
    carry = 0
    for place in range(len(limbs)):
        product = limbs[place] * factor + carry
        limbs[place] = product & _LIMB_MASK
        carry = product >> _LIMB


def limbs_times(limbs: list[int], value: int, size: int) -> list[int]:
    """Limbs times a non-negative 64-bit number, as new limbs."""
    total = [0] * size
    offset = 0
    while value > 0:
        digit = value & _LIMB_MASK
        carry = 0
        for place in range(size - offset):
            product = total[place + offset] + limbs[place] * digit + carry
            total[place + offset] = product & _LIMB_MASK
            carry = product >> _LIMB
        value >>= _LIMB
        offset += 1
    return total


def limbs_add(total: list[int], other: list[int]) -> None:
    """Add limbs to ``total`` in place."""
    carry = 0
    for place in range(len(total)):
        summed = total[place] + other[place] + carry
        total[place] = summed & _LIMB_MASK
        carry = summed >> _LIMB


def limbs_reach(left: list[int], right: list[int]) -> bool:
    """Whether left >= right."""
    for place in range(len(left) - 1, -1, -1):
        if left[place] != right[place]:
            return left[place] > right[place]
    return True


def level_instalment(principal: int, rate: int, months: int) -> int:
    """The level instalment half_up(P·i / (1 - (1+i)^-n)) with i = rate / 12, exactly.

    With a = 12,000,000 + rate and b = 12,000,000 it is P·rate·a^n / (b·(a^n - b^n)).
    """
    if rate == 0:
        return (2 * principal + months) // (2 * months)
    growth = 1.0 + rate / 12_000_000.0
    discount = 1.0
    for _ in range(months):
        discount /= growth
    gap = 1.0 - discount
    value = principal * (rate / 12_000_000.0) / gap
    floor = int(value)
    error = value * (months + 8) * 1e-15 / gap + 1e-9
    rest = value - floor
    if rest < 0.5 - error:
        return floor
    if rest > 0.5 + error:
        return floor + 1
    low = max(floor - 2 - int(error), 0)
    while _reaches_half(principal, rate, months, low):
        low += 1
    return low


def _reaches_half(principal: int, rate: int, months: int, whole: int) -> bool:
    """Whether the exact level instalment is at least ``whole`` + 1/2, in exact arithmetic.

    P·rate·a^n / (b·(a^n - b^n)) >= w + 1/2 when (2w+1)·b·b^n + 2·P·rate·a^n >= (2w+1)·b·a^n.
    """
    size = (months + 6) * 31 // _LIMB + 4
    grown = limbs_of(1, size)
    base = limbs_of(1, size)
    for _ in range(months):
        limbs_scale(grown, 12_000_000 + rate)
        limbs_scale(base, 12_000_000)
    left = limbs_times(limbs_times(base, 2 * whole + 1, size), 12_000_000, size)
    limbs_add(left, limbs_times(limbs_times(grown, 2 * principal, size), rate, size))
    right = limbs_times(limbs_times(grown, 2 * whole + 1, size), 12_000_000, size)
    return limbs_reach(left, right)


def flows_worth(rate: int, months: int, flows: Ints, low: int) -> float:
    """What ``flows[low : low + months]`` are worth at the drawing: Σ w_j·(1+i)^-j, to about (months + 8)·10^-15 of itself."""
    growth = 1.0 + rate / 12_000_000.0
    present = 0.0
    for place in range(months - 1, -1, -1):
        present = (present + flows[low + place]) / growth
    return present


def shaped_instalment(
    principal: int, rate: int, months: int, flows: Ints, low: int, month: int, present: float
) -> int:
    """Instalment ``month`` (from 0) of a loan repaid in proportion to ``flows[low : low + months]``, half up, exactly.

    It is P·w / Σ w_j·(1+i)^-j: with a and b as above, P·w·a^n / Σ w_j·b^j·a^(n-j). ``present`` is the flows' ``flows_worth``.
    """
    weight = flows[low + month]
    if weight == 0:
        return 0
    value = principal * (weight / present)
    floor = int(value)
    error = value * (months + 8) * 1e-15 + 1e-9
    rest = value - floor
    if rest < 0.5 - error:
        return floor
    if rest > 0.5 + error:
        return floor + 1
    size = (months + 8) * 31 // _LIMB + 4
    grown = limbs_of(1, size)
    base = limbs_of(1, size)
    total = limbs_of(0, size)
    for place in range(months):
        limbs_scale(grown, 12_000_000 + rate)
        limbs_scale(base, 12_000_000)
        limbs_scale(total, 12_000_000 + rate)
        limbs_add(total, limbs_times(base, flows[low + place], size))
    left = limbs_times(limbs_times(grown, 2 * principal, size), weight, size)
    found = max(floor - 2 - int(error), 0)
    while limbs_reach(left, limbs_times(total, 2 * found + 1, size)):
        found += 1
    return found


def regular_interest(balance: int, rate: int) -> int:
    """A month's interest: half_up(balance × rate / 12)."""
    if balance < _SMALL and rate < _SMALL:
        return (2 * balance * rate + MONTHS_PPM) // (2 * MONTHS_PPM)  # by a constant: the compiler multiplies
    return scaled(balance, rate, MONTHS_PPM)


def provision_of(principal: int, share: int) -> int:
    """What is set aside for a principal at a share in ppm: half_up(principal × share)."""
    if principal < _SMALL and share < _SMALL:
        return (2 * principal * share + 1_000_000) // 2_000_000
    return scaled(principal, share, 1_000_000)


def daily_interest(balance: int, rate: int, days: int) -> int:
    """Interest of a broken period: half_up(balance × rate × days / 365)."""
    return scaled(balance, rate * days, YEAR_PPM)


def write_due_days(
    rows: Ints,
    first: int,
    count: int,
    method: int,
    months: int,
    first_due: int,
    anchor_day: int,
    calendar: int,
    shift: Shift,
) -> None:
    """Write DUE and PAY_BY of ``count`` empty rows from row ``first`` on: one a month, a bullet's in its last month.

    ``shift[day]`` tells how many days a due day moves to the next working day; ``calendar`` 0 moves none.
    """
    month = month_index(first_due)
    if method == BULLET:
        month += months - 1
    for place in range(count):
        at = (first + place) * ROW
        due = first_due if place == 0 and method != BULLET else day_in_month(month + place, anchor_day)
        for cell in range(ROW):
            rows[at + cell] = 0
        rows[at + DUE] = due
        rows[at + PAY_BY] = due + shift[due] if calendar != 0 else due


def write_planned(
    rows: Ints, first: int, count: int, balance: int, rate: int, method: int, flows: Ints, low: int
) -> None:
    """Write PLANNED of each row for a new plan: what is level in the method, or the shaped instalments."""
    level = 0
    present = 0.0
    if method == EQUAL_INSTALMENT:
        level = level_instalment(balance, rate, count)
    elif method == EQUAL_PRINCIPAL:
        level = (2 * balance + count) // (2 * count)
    elif method == SCULPTED:
        present = flows_worth(rate, count, flows, low)
    for place in range(count):
        if method == SCULPTED:
            level = shaped_instalment(balance, rate, count, flows, low, place, present)
        rows[(first + place) * ROW + PLANNED] = level


def write_amounts(
    rows: Ints, first: int, count: int, balance: int, rate: int, method: int, start: int, broken: bool, carried: int
) -> None:
    """Write PRINCIPAL and INTEREST of rows from their PLANNED amounts; the last one takes what is left.

    ``start`` is the day from which a broken first period counts, ``carried`` interest already accrued that falls due
    with the first row. A broken first period changes that row's interest only: its principal is that of a regular
    period, so that the instalments after it stay level.
    """
    for place in range(count):
        at = (first + place) * ROW
        interest = regular_interest(balance, rate)
        principal = 0
        if method == EQUAL_PRINCIPAL:
            principal = rows[at + PLANNED]
        elif method in (EQUAL_INSTALMENT, SCULPTED):
            principal = rows[at + PLANNED] - interest
            if principal < 0:
                principal = 0
        if place == count - 1 or principal > balance:
            principal = balance
        if place == 0:
            if broken or method == BULLET:
                interest = daily_interest(balance, rate, rows[at + DUE] - start)
            interest += carried
        rows[at + PRINCIPAL] = principal
        rows[at + INTEREST] = interest
        balance -= principal


def thin_month(rows: Ints, first: int, count: int, balance: int, rate: int) -> int:
    """The first shaped instalment (from 1) that does not cover its month's interest, or 0."""
    for place in range(count - 1):
        at = (first + place) * ROW
        if rows[at + PLANNED] < regular_interest(balance, rate):
            return place + 1
        balance -= rows[at + PRINCIPAL]
    return 0
