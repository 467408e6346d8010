"""Arithmetic of typed numbers: exact, bounded, and refused at its place where it could leave 64 bits or fail.

Every function takes numbers that cannot be null and gives one; ``position`` is where in the expression it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from jiehuan.policy.expression import Unsupported
from jiehuan.policy.typed import (
    EMPTY,
    LIMIT,
    Test,
    Value,
    aligned,
    both,
    compare,
    const,
    negated,
    rescaled,
    scaled,
    test_of,
)

MOST_PLACES = 12
"""Decimal places that a written divisor's inverse may have."""


def negate(value: Value) -> Value:
    """``-x``."""
    if value.constant:
        return scaled(-value.args[0], value.scale)
    return Value("negate", (value,), "number", False, value.scale, -value.high, -value.low, deps=value.deps)


def add(left: Value, right: Value, position: int, *, minus: bool = False) -> Value:
    """``x + y``, or ``x - y``."""
    left, right = aligned(left, right)
    low = left.low - right.high if minus else left.low + right.low
    high = left.high - right.low if minus else left.high + right.high
    deps = left.deps | right.deps
    op = "subtract" if minus else "add"
    return fits(Value(op, (left, right), "number", False, left.scale, low, high, deps=deps), position)


def multiply(left: Value, right: Value, position: int) -> Value:
    """``x * y``: the places add up."""
    if left.constant and right.constant:
        return fits(scaled(left.args[0] * right.args[0], left.scale + right.scale), position)
    ends = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    scale, deps = left.scale + right.scale, left.deps | right.deps
    return fits(Value("multiply", (left, right), "number", False, scale, min(ends), max(ends), deps=deps), position)


def remainder(left: Value, right: Value, position: int) -> Value:
    """``x % y`` with the sign of ``x``, for a written ``y`` above 0."""
    left, right = aligned(left, right)
    if not right.constant or right.args[0] <= 0:
        raise Unsupported("the divisor of % is no written number above 0", "write one", position)
    most = right.args[0] - 1
    low, high = (0 if left.low >= 0 else -most), (0 if left.high <= 0 else most)
    return Value("remainder", (left, right), "number", False, left.scale, low, high, deps=left.deps)


def inverse_of(divisor: Value) -> Value | None:
    """One over a written number, when that has a finite decimal form; None else."""
    if not divisor.constant or not divisor.args[0]:
        return None
    for places in range(MOST_PLACES + 1):
        whole = 10 ** (places + divisor.scale)
        if whole % abs(divisor.args[0]) == 0:
            return scaled(whole // divisor.args[0], places)
    return None


def rounded(way: str, above: Value, below: Value | None, places: int, position: int) -> Value:
    """``way(above / below)`` or ``way(above)`` to ``places``: floor, ceil, round (half away from zero) or trunc."""
    if below is not None:
        if below.low <= 0:
            mend = "declare a minimum above 0, or write max([b, 1])"
            raise Unsupported("the divisor may be 0 or below", mend, position)
        above, below = aligned(above, below)
    elif above.scale <= places:
        return above
    else:
        below = const(10**above.scale)
    top, bottom = fits(rescaled(_units(above), places), position), _units(below)
    ends = [_divided(way, a, b) for a in (top.low, top.high) for b in (bottom.low, bottom.high)]
    deps = above.deps | below.deps
    return Value("divide", (way, top, bottom), "number", False, places, min(ends), max(ends), deps=deps)


def extreme(way: str, values: Sequence[Value]) -> Value:
    """``min([...])`` or ``max([...])``."""
    values = aligned(*values)
    if len(values) == 1:
        return values[0]
    pick = min if way == "min" else max
    low, high = pick(value.low for value in values), pick(value.high for value in values)
    deps = EMPTY.union(*(value.deps for value in values))
    return Value(way, tuple(values), "number", False, values[0].scale, low, high, deps=deps)


def absolute(value: Value) -> Value:
    """``abs(x)``."""
    low = 0 if value.low <= 0 <= value.high else min(abs(value.low), abs(value.high))
    high = max(abs(value.low), abs(value.high))
    return Value("abs", (value,), "number", False, value.scale, low, high, deps=value.deps)


def compare_ratio(sign: str, above: Value, below: Value, bound: Value, position: int, *, flipped: bool) -> Test:
    """``a / b > c`` for ``b`` above 0 is ``a > c * b``: exact, without a quotient; a divisor of 0 fails in ZEN."""
    if below.low < 0:
        raise Unsupported("the divisor may be below 0", "declare a minimum of 0", position)
    first, second = aligned(above, multiply(bound, below, position))
    test = compare(sign, *map(fits, (second, first) if flipped else (first, second), (position, position)))
    if below.low > 0:
        return test
    some = test_of(compare(">", below, rescaled(const(0), below.scale)).true)
    return Test(both(some, test).true, both(some, negated(test)).true, False)


def fits(value: Value, position: int) -> Value:
    """The number itself. Raises Unsupported when its bounds leave what 64 bits hold."""
    if value.low < -LIMIT or value.high > LIMIT:
        mend = "declare a narrower minimum and maximum for its fields in the input schema"
        raise Unsupported("the number could grow beyond 64 bits", mend, position)
    return value


def _units(value: Value) -> Value:
    """The units of a number as a whole number."""
    return Value(value.op, value.args, "number", False, 0, value.low, value.high, deps=value.deps)


def _divided(way: str, a: int, b: int) -> int:
    if way == "floor":
        return a // b
    if way == "ceil":
        return -(-a // b)
    size = abs(a) // b if way == "trunc" else (2 * abs(a) + b) // (2 * b)
    return size if a >= 0 else -size
