"""The internal rate of return of a cash flow: what a loan costs a year, all fees included, as people are told it.

``apr`` is 12 × the monthly rate, ``effective`` compounds it. Flows are integer fen, one a month starting now, either
sign convention (borrower's or lender's). Pure Python, so that a single-loan command starts fast.

Which rate, when there could be several: flows that change sign once have exactly one rate above -100 %. Flows that
change sign more often may have none or many; then the one nearest to 0 % (by the size of ``log(1 + rate)``) is given,
which is the one a loan's own rate moves into as an odd flow (a refund, say) grows from nothing. The roots are told
apart exactly, by Descartes' rule of signs on integer polynomials (Collins and Akritas 1976), so none is overlooked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import accumulate
from operator import index, mul

from jiehuan.units.errors import InputError, Problem

_LONGEST_EXACT = 1_200
"""Flows with several sign changes are solved up to this length (100 years of months): the exact search is cubic."""

_DEEPEST = 60
"""Halvings after which two roots count as one: they then agree to 18 digits."""


def monthly_irr(flows: Sequence[int]) -> float:
    """The rate per month at which the flows' present values sum to zero, in (-1, ∞).

    ``flows``: fen, one a month. Raises InputError when no rate exists: empty, all zero, no change of sign, or several
    changes of sign and no root; and above 1,200 flows with several changes of sign.

    >>> round(monthly_irr([10_000_00] + [-(10_000_00 // 12 + 100_00)] * 12), 6)
    0.01788
    """
    flows = _checked(flows)
    changes = _sign_changes(flows)
    if changes == 0:
        raise _no_rate("the flows never change sign", "give what was received and what was paid, with opposite signs")
    total = sum(flows)
    if total == 0:
        return 0.0
    if changes == 1:
        # One root. For a rate above zero the discount v = 1/(1+r) lies in (0, 1); below it, w = 1 + r does.
        return _root_above(flows, 0.0, 1.0) if (total > 0) != (flows[0] > 0) else _root_below(flows, 0.0, 1.0)
    if len(flows) > _LONGEST_EXACT:
        raise _no_rate(f"over {_LONGEST_EXACT} flows with several changes of sign", "split the cash flow")
    candidates = []
    above = _nearest_to_one(flows[::-1])
    if above is not None:
        candidates.append(_root_above(flows, *above))
    below = _nearest_to_one(flows)
    if below is not None:
        candidates.append(_root_below(flows, *below))
    if not candidates:
        raise _no_rate("no rate makes these flows worth zero", "check the signs and the order of the flows")
    return min(candidates, key=lambda rate: (abs(math.log1p(rate)), -rate))


def apr(flows: Sequence[int]) -> float:
    """The yearly rate shown to people: 12 × ``monthly_irr``. Raises as it does.

    >>> round(apr([9_500_00] + [-(10_000_00 // 12 + 100_00)] * 12), 4)
    0.3154
    """
    return 12.0 * monthly_irr(flows)


def effective(flows: Sequence[int]) -> float:
    """The compounded yearly rate: (1 + monthly)^12 - 1. Raises as ``monthly_irr`` does.

    >>> round(effective([10_000_00] + [-(10_000_00 // 12 + 100_00)] * 12), 4)
    0.237
    """
    return compounded(monthly_irr(flows))


def compounded(monthly: float) -> float:
    """A monthly rate compounded over twelve months, without loss for small rates; infinite when out of range."""
    try:
        return math.expm1(12.0 * math.log1p(monthly))
    except OverflowError:
        return math.inf


def xirr(dated: Iterable[tuple[date, int]]) -> float:
    """The yearly compounded rate of dated flows, time counted as days / 365 from the first flow.

    ``dated``: (day, fen) in any order; flows of one day are added up. With one change of sign the rate is unique. With
    several, the root nearest to 0 % is searched outwards in steps of 0.1 % up to a factor of e⁵ either way and in
    doubling steps beyond; roots closer together than a step may be passed over. Raises InputError when there is none.

    >>> round(xirr([(date(2026, 1, 1), 100_00), (date(2027, 1, 1), -110_00)]), 12)
    0.1
    """
    return yearly_irr((day.toordinal(), _whole(flow, f"flow of {day}")) for day, flow in dated)


def yearly_irr(dated: Iterable[tuple[int, int]], near: float = 0.0) -> float:
    """``xirr`` of flows that are whole numbers, whose days are numbers. ``near``: a yearly force of interest to start from."""
    by_day: dict[int, int] = {}
    for day, flow in dated:
        by_day[day] = by_day.get(day, 0) + flow
    days = sorted(day for day, flow in by_day.items() if flow)
    if not days:
        raise _no_flows()
    flows = [by_day[day] for day in days]
    changes = _sign_changes(flows)
    if changes == 0:
        raise _no_rate("the flows never change sign", "give what was received and what was paid, with opposite signs")
    if sum(flows) == 0:
        return 0.0
    years = [(day - days[0]) / 365 for day in days]
    scale = float(max(abs(flow) for flow in flows))
    amounts = [flow / scale for flow in flows]

    def value(force: float) -> float:
        # At a negative force of interest late flows dominate: measured from the last day nothing overflows.
        origin = 0.0 if force >= 0 else years[-1]
        return math.fsum([amount * math.exp(-force * (t - origin)) for amount, t in zip(amounts, years, strict=True)])

    found = _newton(amounts, years, near) if changes == 1 else None
    force = found if found is not None else _brent(value, *_bracket_nearest_zero(value, one_root=changes == 1))
    try:
        return math.expm1(force)
    except OverflowError:
        return math.inf


def _checked(flows: Sequence[int]) -> list[int]:
    whole = [_whole(flow, f"flow {place}") for place, flow in enumerate(flows)]
    paid = [place for place, flow in enumerate(whole) if flow]
    if not paid:
        raise _no_flows()
    return whole[paid[0] : paid[-1] + 1]


def _whole(flow: int, where: str) -> int:
    try:
        return index(flow)
    except TypeError:
        raise InputError(Problem(where, str(flow)[:80], "not a whole number of fen", "give integer fen")) from None


def _no_flows() -> InputError:
    return _no_rate("there are no flows but zeros", "give what was received and what was paid")


def _no_rate(reason: str, mend: str) -> InputError:
    return InputError(Problem("cash flow", "", f"has no rate of return: {reason}", mend))


def _sign_changes(numbers: Iterable[int]) -> int:
    changes = last = 0
    for number in numbers:
        if number:
            sign = 1 if number > 0 else -1
            changes += last not in (0, sign)
            last = sign
    return changes


def _root_above(flows: Sequence[int], low: float, high: float) -> float:
    """The rate above zero whose discount factor lies in [low, high] within (0, 1]."""
    return 1.0 / _brent(_polynomial(flows[::-1]), low, high) - 1.0


def _root_below(flows: Sequence[int], low: float, high: float) -> float:
    """The rate below zero whose growth factor 1 + r lies in [low, high] within (0, 1]."""
    return _brent(_polynomial(flows), low, high) - 1.0


def _polynomial(coefficients: Sequence[int]) -> Callable[[float], float]:
    """Horner's scheme, highest power first, scaled so that the largest coefficient is one; arguments lie in [0, 1]."""
    scale = max(abs(number) for number in coefficients)
    scaled = [number / scale for number in coefficients]

    def value(x: float) -> float:
        total = 0.0
        for number in scaled:
            total = total * x + number
        return total

    return value


def _nearest_to_one(descending: Sequence[int]) -> tuple[float, float] | None:
    """An interval that holds the largest root in (0, 1), alone, of the polynomial with these coefficients, or None.

    Halves (0, 1), upper half first; Descartes' rule after the map x -> 1/(1+x) counts the roots inside a piece exactly
    when it says 0 or 1. A root on a piece's lower end is seen as a zero constant. A point stands for a root hit
    exactly, or for roots that stay together for 60 halvings.
    """
    pieces = [(list(descending)[::-1], 0, 0)]  # ascending polynomial with x over (0, 1), which piece, halvings so far
    while pieces:
        polynomial, place, halvings = pieces.pop()
        low, high = place * 0.5**halvings, (place + 1) * 0.5**halvings
        inner = list(polynomial)
        while inner[0] == 0:
            inner.pop(0)
        on_low_end = len(inner) < len(polynomial) and place > 0
        roots = _sign_changes(_shifted(inner[::-1]))
        if roots == 0 and on_low_end:
            return low, low
        if roots == 1 and not on_low_end:
            return low, high
        if roots and halvings >= _DEEPEST:
            return high, high
        if roots:
            degree = len(polynomial) - 1
            lower = [number << (degree - power) for power, number in enumerate(polynomial)]
            pieces.append((lower, 2 * place, halvings + 1))
            pieces.append((_shifted(lower), 2 * place + 1, halvings + 1))
    return None


def _shifted(ascending: Sequence[int]) -> list[int]:
    """The coefficients of p(x + 1), exactly: repeated synthetic division by (x - 1)."""
    left = list(ascending)[::-1]
    shifted = []
    while left:
        left = list(accumulate(left))
        shifted.append(left.pop())
    return shifted


def _bracket_nearest_zero(value: Callable[[float], float], *, one_root: bool) -> tuple[float, float]:
    """Two forces of interest of one sign between which the value changes sign, as near to zero as the steps tell."""
    at_zero = value(0.0) > 0
    up = down = 0.0
    step = 0.1 if one_root else 0.001
    for _ in range(6_000):
        if (value(up + step) > 0) != at_zero:
            return up, up + step
        if (value(down - step) > 0) != at_zero:
            return down - step, down
        up, down = up + step, down - step
        if one_root or up >= 5.0:
            step *= 2.0
        if up > 1e6:
            break
    raise _no_rate("no rate makes these flows worth zero", "check the signs and the days of the flows")


def _newton(amounts: Sequence[float], years: Sequence[float], force: float) -> float | None:
    """The one root near ``force`` of Σ amount·e^(-force·t) by Newton's method, to the last few bits; None when it is not found so.

    Loans at usual rates take four or five steps from zero, a third of what the bracket and Brent's method take, and two or three from near.
    """
    for _ in range(12):
        parts = [amount * math.exp(-force * t) for amount, t in zip(amounts, years, strict=True)]
        slope: float = sum(map(mul, parts, years))
        if slope == 0.0:
            return None
        step: float = math.fsum(parts) / slope
        force += step
        if not -1.0 < force < 3.0:  # far out Newton's method may jump about
            return None
        if abs(step) <= 2.0**-30 * abs(force):  # an error is squared at each step: what is left is below the last bit
            return force
    return None


def _brent(value: Callable[[float], float], low: float, high: float) -> float:
    """The root in [low, high] by Brent's method (1973), to the last few bits.

    The caller knows that one root is inside; where rounding hides the change of sign, the better end is the root.
    """
    a, b = low, high
    fa, fb = value(a), value(b)
    if fa == 0.0 or fb == 0.0 or (fa > 0) == (fb > 0):
        return a if abs(fa) < abs(fb) else b
    c, fc, step, before = a, fa, b - a, b - a
    for _ in range(400):
        if (fb > 0) == (fc > 0):
            c, fc, step, before = a, fa, b - a, b - a
        if abs(fc) < abs(fb):
            a, fa, b, fb, c, fc = b, fb, c, fc, b, fb
        tolerance = 2.0**-52 * abs(b)
        half = (c - b) / 2
        if abs(half) <= tolerance or fb == 0.0:
            break
        if abs(before) >= tolerance and abs(fa) > abs(fb):
            s = fb / fa
            if a == c:
                p, q = 2 * half * s, 1 - s
            else:
                q, r = fa / fc, fb / fc
                p, q = s * (2 * half * q * (q - r) - (b - a) * (r - 1)), (q - 1) * (r - 1) * (s - 1)
            p, q = abs(p), -q if p > 0 else q
            if 2 * p < min(3 * half * q - abs(tolerance * q), abs(before * q)):
                before, step = step, p / q
            else:
                before = step = half
        else:
            before = step = half
        a, fa = b, fb
        b += step if abs(step) > tolerance else math.copysign(tolerance, half)
        fb = value(b)
    return b
