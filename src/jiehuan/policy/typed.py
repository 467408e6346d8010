"""Typed values and conditions: what an expression becomes before it is printed as Python or evaluated over columns.

Numbers are exact: an integer of units of ``10**-scale``, with bounds that prove 64 bits enough. A condition never
fails; where ZEN would fail (comparing null with a number), it is simply false, as a table's cell takes it. ``deps``
names the inputs a value rests on, its conditions included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LIMIT = 2**61
"""No number may pass it, so that its double and sums still fit 64 bits."""

EMPTY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Value:
    """A value of kind number, string, boolean, null or codes.

    ``op`` and ``args`` say how it is computed; ``low`` and ``high`` bound a number in its units; ``words`` are all the
    texts a string can be (None: any).
    """

    op: str
    args: tuple[Any, ...]
    kind: str
    nullable: bool = False
    scale: int = 0
    low: int = 0
    high: int = 0
    words: frozenset[str] | None = None
    deps: frozenset[str] = EMPTY

    @property
    def constant(self) -> bool:
        """Whether it is written in the graph and rests on nothing."""
        return self.op == "const"


@dataclass(frozen=True)
class Condition:
    """A condition that is true or false for every input."""

    op: str
    args: tuple[Any, ...] = ()
    deps: frozenset[str] = EMPTY


@dataclass(frozen=True, slots=True)
class Test:
    """A boolean expression of ZEN: when it is true, when it is false; neither when it fails (``total``: never)."""

    true: Condition
    false: Condition
    total: bool


TRUE, FALSE = Condition("true"), Condition("false")
NULL = Value("const", (None,), "null", nullable=True)
UNKNOWN = Value("const", (None,), "unknown", nullable=True)
"""What an expression that was refused would have given: whatever rests on it is not refused again."""


def const(value: Any) -> Value:
    """A written number (int, scale 0), text or truth."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return Value("const", (value,), "boolean")
    if isinstance(value, str):
        return Value("const", (value,), "string", words=frozenset({value}))
    return Value("const", (value,), "number", low=value, high=value)


def scaled(units: int, scale: int) -> Value:
    """A written number as ``units`` of ``10**-scale``, in the fewest places."""
    while scale and units % 10 == 0:
        units, scale = units // 10, scale - 1
    return Value("const", (units,), "number", scale=scale, low=units, high=units)


def rescaled(value: Value, scale: int) -> Value:
    """The same number in units of ``10**-scale``; ``scale`` is not less than its own."""
    if value.scale == scale or value.kind != "number":
        return value
    factor = 10 ** (scale - value.scale)
    if value.constant:
        units = value.args[0] * factor
        return Value("const", (units,), "number", scale=scale, low=units, high=units)
    return Value(
        "scale",
        (value, factor),
        "number",
        value.nullable,
        scale,
        value.low * factor,
        value.high * factor,
        deps=value.deps,
    )


def aligned(*values: Value) -> list[Value]:
    """Numbers in the same units, those of the finest."""
    scale = max((value.scale for value in values if value.kind == "number"), default=0)
    return [rescaled(value, scale) for value in values]


def unite(op: str, args: tuple[Any, ...], choices: list[Value], deps: frozenset[str]) -> Value | None:
    """A value that is one of ``choices`` (already aligned): the kind they share; None when they share none."""
    kinds = {value.kind for value in choices} - {"null"}
    if len(kinds) > 1 or "codes" in kinds:
        return None
    nullable = any(value.nullable for value in choices)
    if not kinds:
        return NULL
    told = [value for value in choices if value.kind != "null"]
    kind = told[0].kind
    words = None
    if kind == "string" and all(value.words is not None for value in told):
        words = frozenset(word for value in told for word in value.words or ())
    low, high = min(value.low for value in told), max(value.high for value in told)
    return Value(
        op, args, kind, nullable, told[0].scale, low, high, words, deps.union(*(value.deps for value in choices))
    )


def all_of(*parts: Condition) -> Condition:
    """True when all are; written as short as it can be."""
    kept: list[Condition] = []
    for part in parts:
        if part.op == "false":
            return FALSE
        if part.op != "true" and part not in kept:
            kept.extend(one for one in (part.args if part.op == "and" else (part,)) if one not in kept)
    if not kept:
        return TRUE
    return kept[0] if len(kept) == 1 else Condition("and", tuple(kept), _deps(kept))


def any_of(*parts: Condition) -> Condition:
    """True when one is; written as short as it can be."""
    kept: list[Condition] = []
    for part in parts:
        if part.op == "true":
            return TRUE
        if part.op != "false":
            kept.extend(one for one in (part.args if part.op == "or" else (part,)) if one not in kept)
    kept = _resolved(kept)
    if TRUE in kept or any(opposite(one) in kept for one in kept):
        return TRUE
    if not kept:
        return FALSE
    return kept[0] if len(kept) == 1 else Condition("or", tuple(kept), _deps(kept))


def _resolved(parts: list[Condition]) -> list[Condition]:
    """``a or (not a and b)`` is ``a or b``: so the ways of a switch are seen to leave nothing out."""
    alone = [part for part in parts if part.op != "and"]
    found: list[Condition] = []
    for part in parts:
        if part.op == "and":
            left = [one for one in part.args if opposite(one) not in alone]
            part = all_of(*left) if len(left) < len(part.args) else part
            if part.op == "true":
                return [TRUE]
            if part.op != "and":
                alone.append(part)
        if part not in found:
            found.append(part)
    return found


_OPPOSITE = {">": "<=", "<": ">=", ">=": "<", "<=": ">"}


def opposite(part: Condition) -> Condition:
    """True when the other is false."""
    if part.op in {"true", "false"}:
        return FALSE if part.op == "true" else TRUE
    if part.op == "not":
        return part.args[0]  # type: ignore[no-any-return]
    return Condition("not", (part,), part.deps)


def test_of(condition: Condition) -> Test:
    """A test that cannot fail."""
    return Test(condition, opposite(condition), True)


def compare(sign: str, left: Value, right: Value) -> Test:
    """``left sign right`` for numbers (already aligned); fails when one is null."""
    deps = left.deps | right.deps
    true = Condition("compare", (sign, left, right), deps)
    if left.nullable or right.nullable:
        return Test(true, Condition("compare", (_OPPOSITE[sign], left, right), deps), False)
    return Test(_decided(sign, left, right) or true, opposite(_decided(sign, left, right) or true), True)


def _decided(sign: str, left: Value, right: Value) -> Condition | None:
    """The answer when the bounds alone give it."""
    above, below = left.low > right.high, left.high < right.low
    always = {">": above, "<": below, ">=": left.low >= right.high, "<=": left.high <= right.low}[sign]
    never = {">": left.high <= right.low, "<": left.low >= right.high, ">=": below, "<=": above}[sign]
    return TRUE if always else FALSE if never else None


def both(left: Test, right: Test) -> Test:
    """ZEN's ``and``: the right side is looked at only when the left is true."""
    true = all_of(left.true, right.true)
    if left.total and right.total:
        return Test(true, opposite(true), True)
    return Test(true, any_of(left.false, all_of(left.true, right.false)), False)


def either(left: Test, right: Test) -> Test:
    """ZEN's ``or``: the right side is looked at only when the left is false."""
    if left.total:
        true = any_of(left.true, right.true)
        return Test(true, opposite(true), True) if right.total else Test(true, all_of(left.false, right.false), False)
    return Test(any_of(left.true, all_of(left.false, right.true)), all_of(left.false, right.false), False)


def negated(test: Test) -> Test:
    """ZEN's ``not``."""
    return Test(test.false, test.true, test.total)


def _deps(parts: list[Condition]) -> frozenset[str]:
    return EMPTY.union(*(part.deps for part in parts))
