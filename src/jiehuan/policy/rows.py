"""One piece of rows: typed values and conditions evaluated over columns, a node at a time, keeping what is named.

Numbers are int64 units, truths are booleans, texts are codes of a dictionary; ``null`` marks the rows without a value.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.policy.building import Hit, Let, Mask
from jiehuan.policy.typed import Condition, Value

Array = NDArray[Any]
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}

END = np.int64(2**62)
"""Beyond every number a program can hold (``typed.LIMIT``): where nulls stand in comparisons."""

_NUMBER: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "negate": operator.neg,
    "abs": np.abs,
}


@dataclass(frozen=True, slots=True)
class Column:
    """Values of many rows, or one value for all; ``null`` marks the rows without one (None: every row has one).

    ``low``: where there is no value, ``data`` stands below every number, so that it is never above a bound.
    """

    data: Any
    null: Any = None
    low: bool = False

    def at(self, rows: Any) -> Column:
        """The column at some rows (a slice, or places)."""
        return Column(self.data[rows], None if self.null is None else self.null[rows], self.low)


class Words:
    """The dictionary of texts: every text a program or a column mentions has a code."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.listed: list[str] = []

    def code(self, word: str) -> int:
        """The code of a text, new when it was not met."""
        found = self.codes.get(word)
        if found is None:
            found = self.codes[word] = len(self.listed)
            self.listed.append(word)
        return found


class Rows:
    """One piece of rows: evaluates values and conditions, keeping what is named."""

    def __init__(self, inputs: Mapping[str, Column], count: int, words: Words) -> None:
        self.inputs, self.count, self.words = inputs, count, words
        self.named: dict[str, Column] = {}
        self.ends: dict[tuple[str, str, bool], Array] = {}

    def step(self, step: Let | Hit | Mask) -> None:
        """Evaluate one step and keep what it names."""
        if isinstance(step, Let):
            self.named[step.name] = self.value(step.value)
        elif isinstance(step, Mask):
            self.named[step.name] = Column(self._bits(step.rows))
        else:
            self._hit(step)

    def _bits(self, conditions: Sequence[Condition]) -> Array:
        """The conditions that hold as bits; eight at a time are gathered in bytes, which is fast."""
        result = np.zeros(self.count, np.int64)
        for start in range(0, len(conditions), 8):
            byte = np.zeros(self.count, np.uint8)
            for bit, condition in enumerate(conditions[start : start + 8]):
                byte |= np.asarray(self.condition(condition), np.bool_).view(np.uint8) << np.uint8(bit)
            result |= byte.astype(np.int64) << start
        return result

    def _hit(self, step: Hit) -> None:
        """The first row that matches, written from the last to the first; then what that row gives."""
        hit = np.full(self.count, -1, np.int16)
        for number in reversed(range(len(step.rows))):
            hit = np.where(self.condition(step.rows[number]), np.int16(number), hit)
        self.named[step.name] = Column(hit)
        for name, kept, values, default in step.outputs:
            self.named[name] = self._given(hit, kept, [*values, default])

    def _given(self, hit: Array, kept: Value, values: Sequence[Value]) -> Column:
        columns = [self.value(value) for value in values]
        if all(value.constant for value in values):
            data = np.array([0 if column.data is None else column.data for column in columns])
            null = np.array([column.null is not None for column in columns])
            return Column(data[hit], null[hit] if kept.nullable and null.any() else None)
        data, null = self._filled(columns[-1])
        for number, column in enumerate(columns[:-1]):
            here = hit == number
            data = np.where(here, 0 if column.data is None else column.data, data)
            null = np.where(here, column.null is not None if column.data is None else _mask(column), null)
        return Column(data, null if kept.nullable else None)

    def _filled(self, column: Column) -> tuple[Array, Array]:
        data = np.broadcast_to(np.asarray(0 if column.data is None else column.data), (self.count,))
        return data, np.broadcast_to(np.asarray(_mask(column)), (self.count,))

    def value(self, value: Value) -> Column:
        """A value for every row."""
        op, args = value.op, value.args
        if op == "const":
            if args[0] is None:
                return Column(None, True)
            return Column(self.words.code(args[0]) if value.kind == "string" else args[0])
        if op == "input":
            return self.inputs[args[0]]
        if op == "var":
            return self.named[args[0]]
        if op == "truth":
            return Column(self.condition(args[0]))
        if op == "if":
            return self._chosen(self.condition(args[0]), self.value(args[1]), self.value(args[2]))
        if op == "coalesce":
            left, right = self.value(args[0]), self.value(args[1])
            if left.null is None:
                return left
            if right.null is None and left.data is not None:
                return Column(np.where(left.null, right.data, left.data))
            return self._chosen(~np.asarray(left.null), left, right)
        if op == "scale":
            column = self.value(args[0])
            return Column(column.data * args[1], column.null)
        if op == "count":
            return Column(np.bitwise_count(self.value(args[0]).data).astype(np.int64))
        return Column(self._number(op, args))

    def _chosen(self, condition: Any, yes: Column, no: Column) -> Column:
        if yes.data is None or no.data is None:
            known = no if yes.data is None else yes
            if known.data is None:
                return known
            null = np.where(condition, _mask(yes), _mask(no))
            return Column(np.broadcast_to(np.asarray(known.data), (self.count,)), null)
        data = np.where(condition, yes.data, no.data)
        if yes.null is None and no.null is None:
            return Column(data)
        return Column(data, np.where(condition, _mask(yes), _mask(no)))

    def _number(self, op: str, args: tuple[Any, ...]) -> Any:
        if op == "divide":
            way, top, bottom = args[0], self.value(args[1]).data, self.value(args[2]).data
            return _divide(way, top, bottom, signed=args[1].low < 0)
        data = [self.value(arg).data for arg in args]
        if op in {"min", "max"}:
            pick = np.minimum if op == "min" else np.maximum
            result = data[0]
            for other in data[1:]:
                result = pick(result, other)
            return result
        if op == "remainder":
            return np.fmod(data[0], data[1])
        return _NUMBER[op](*data)

    def condition(self, condition: Condition) -> Any:
        """A condition for every row: a boolean array, or one truth for all."""
        op, args = condition.op, condition.args
        if op in {"true", "false"}:
            return op == "true"
        if op in {"and", "or"}:
            join = np.logical_and if op == "and" else np.logical_or
            result = self.condition(args[0])
            for part in args[1:]:
                result = join(result, self.condition(part))
            return result
        if op == "not":
            return np.logical_not(self.condition(args[0]))
        if op == "null":
            return _mask(self.value(args[0]))
        if op == "is":
            column = self.value(args[0])
            data = column.data if args[1] else np.logical_not(column.data)
            return data if column.null is None else np.logical_and(data, ~np.asarray(column.null))
        if op == "text":
            return self._text(*args)
        if op == "compare":
            return self._compared(*args)
        left, right = self.value(args[-2]), self.value(args[-1])
        equal = np.equal(left.data, right.data)
        if left.null is None and right.null is None:
            return equal
        one, other = _mask(left), _mask(right)
        return np.where(np.logical_or(one, other), np.logical_and(one, other), equal)

    def _compared(self, sign: str, left: Value, right: Value) -> Any:
        """A comparison of numbers, false where one is null: nulls stand at the end that makes it so, in one pass."""
        low_left = sign in {">", ">="}
        return _COMPARE[sign](self._ended(left, low=low_left), self._ended(right, low=not low_left))

    def _ended(self, value: Value, *, low: bool) -> Any:
        column = self.value(value)
        if column.null is None or (low and column.low):
            return column.data
        place = (value.op, value.args[0], low) if value.op in {"input", "var"} else None
        found = self.ends.get(place) if place else None
        if found is None:
            found = np.where(column.null, -END if low else END, 0 if column.data is None else column.data)
            if place:
                self.ends[place] = found
        return found

    def _text(self, way: str, value: Value, part: str) -> Any:
        tests: dict[str, Callable[[str], bool]] = {
            "startsWith": lambda word: word.startswith(part),
            "endsWith": lambda word: word.endswith(part),
            "contains": lambda word: part in word,
        }
        table = np.array([tests[way](word) for word in self.words.listed] or [False])
        return table[np.asarray(self.value(value).data)]


def _mask(column: Column) -> Any:
    return False if column.null is None else column.null


def _divide(way: str, top: Any, bottom: Any, *, signed: bool) -> Any:
    if way == "floor" or (way == "trunc" and not signed):
        return top // bottom
    if way == "ceil":
        return -(-top // bottom)
    size = np.abs(top) // bottom if way == "trunc" else (2 * np.abs(top) + bottom) // (2 * bottom)
    return np.where(np.less(top, 0), -size, size) if signed else size
