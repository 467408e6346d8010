"""The little language of rules: ``out_24h > 3 * out_usual_day and new_payees_24h >= 2``.

Numbers, names of features, ``amount`` and ``hour`` of the event, arithmetic, comparisons, ``and or not``, ``min max abs
has``. Durations such as ``36h`` are seconds. Nothing is ever evaluated by Python: the text is parsed, checked and turned into
a list of small steps that the compiled engine walks. A missing value (nothing in the window, a division by zero) makes each
comparison false, so that a rule never fires on what is not known.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum

from jiehuan.units.errors import InputError, Problem

FIELDS = ("amount", "hour")
"""What a rule may ask of the event itself: its amount in yuan, and the local hour (21.5 is half past nine in the evening)."""

UNIT_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)(s|min|h|d)\b")
_WHOLE_DURATION = re.compile(r"(\d+)(s|min|h|d)\Z", re.ASCII)
_MAX_LENGTH = 2000
_MAX_DEPTH = 24


class Op(IntEnum):
    """The steps; the kernel knows the same numbers."""

    CONST = 0
    FEATURE = 1
    FIELD = 2
    ADD = 3
    SUB = 4
    MUL = 5
    DIV = 6
    NEG = 7
    LT = 8
    LE = 9
    GT = 10
    GE = 11
    EQ = 12
    NE = 13
    NOT = 14
    JUMP_IF_FALSE = 15
    JUMP_IF_TRUE = 16
    MIN = 17
    MAX = 18
    ABS = 19
    HAS = 20
    AND = 21
    OR = 22


COMPARED = 32
"""COMPARED + LT … COMPARED + NE: a feature compared with a constant in one step, which is most of what rules do."""


@dataclass(frozen=True, slots=True)
class Program:
    """Steps ``(op, argument, constant)``, their constants, and the names of the features they read.

    The third place is used by COMPARED steps alone. A step is done for a whole column of events before the next one: ``a and b`` is
    a, JUMP_IF_FALSE (taken when a is false at every event), b, AND.
    """

    steps: tuple[tuple[int, int, int], ...]
    constants: tuple[float, ...]
    names: tuple[str, ...]


_BINARY = {ast.Add: Op.ADD, ast.Sub: Op.SUB, ast.Mult: Op.MUL, ast.Div: Op.DIV}
_COMPARE = {ast.Lt: Op.LT, ast.LtE: Op.LE, ast.Gt: Op.GT, ast.GtE: Op.GE, ast.Eq: Op.EQ, ast.NotEq: Op.NE}
_CALLS = {"min": (Op.MIN, 2), "max": (Op.MAX, 2), "abs": (Op.ABS, 1), "has": (Op.HAS, 1)}


def parse_duration(value: object, where: str) -> int:
    """Read ``24h``, ``30d``, ``90min`` or ``45s`` as seconds. Raises InputError naming ``where``.

    >>> parse_duration("24h", "window")
    86400
    """
    found = _WHOLE_DURATION.match(value.strip()) if isinstance(value, str) else None
    if not found:
        raise InputError(
            Problem(where, str(value)[:80], "not a duration", "write a whole number and s, min, h or d, like 24h")
        )
    return int(found[1]) * UNIT_SECONDS[found[2]]


def parse(text: str, where: str, known: Collection[str]) -> ast.expr:
    """Check an expression; the names in it must be ``known`` or one of FIELDS. Raises InputError."""
    if not isinstance(text, str) or not text.strip() or len(text) > _MAX_LENGTH or "#" in text:
        raise InputError(
            Problem(where, str(text)[:80], "not an expression", "write a condition such as failed_30d >= 2")
        )
    plain = _DURATION.sub(lambda found: repr(float(found[1]) * UNIT_SECONDS[found[2]]), " ".join(text.split()))
    try:
        tree = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InputError(Problem(where, text[:80], "not an expression", "check brackets and operators")) from None
    _check(tree, where, text, known, 0)
    return tree


def compile_expression(tree: ast.expr, feature_index: Mapping[str, int], inner: Mapping[str, ast.expr]) -> Program:
    """The checked tree as steps. Names in ``inner`` (derived features) are put in place of themselves."""
    steps: list[tuple[int, int, int]] = []
    constants: list[float] = []
    names: list[str] = []
    _emit(tree, steps, constants, names, feature_index, inner)
    return Program(tuple(steps), tuple(constants), tuple(dict.fromkeys(names)))


def _check(node: ast.AST, where: str, text: str, known: Collection[str], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise InputError(Problem(where, text[:80], "nested too deeply", "split it into derived features"))
    match node:
        case ast.Constant(value=bool()) | ast.BoolOp() | ast.UnaryOp(op=ast.Not() | ast.USub()):
            pass
        case ast.Constant(value=int() | float()):
            pass
        case ast.BinOp(op=op) if type(op) in _BINARY:
            pass
        case ast.Compare(ops=[op], comparators=[_]) if type(op) in _COMPARE:
            pass
        case ast.Compare():
            raise InputError(Problem(where, text[:80], "a comparison of more than two values", "join two with and"))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if (
            name in _CALLS and len(args) == _CALLS[name][1]
        ):
            for argument in args:
                _check(argument, where, text, known, depth + 1)
            return
        case ast.Name(id=name):
            if name not in known and name not in FIELDS:
                near = difflib.get_close_matches(name, [*known, *FIELDS], 1)
                mend = f"did you mean {near[0]}?" if near else "declare it under features"
                raise InputError(Problem(where, name, "no feature of that name", mend))
            return
        case _:
            shown = ast.unparse(node) if isinstance(node, ast.expr) else text
            mend = "use numbers, features, + - * /, comparisons, and or not, min max abs has"
            raise InputError(Problem(where, shown[:80], "not part of the rule language", mend))
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            _check(child, where, text, known, depth + 1)


def _emit(
    node: ast.expr,
    steps: list[tuple[int, int, int]],
    constants: list[float],
    names: list[str],
    index: Mapping[str, int],
    inner: Mapping[str, ast.expr],
) -> None:
    def down(child: ast.expr) -> None:
        _emit(child, steps, constants, names, index, inner)

    match node:
        case ast.Constant(value=int() | float() as number):
            steps.append((Op.CONST, len(constants), 0))
            constants.append(float(number))
        case ast.Name(id=name):
            if name in FIELDS:
                steps.append((Op.FIELD, FIELDS.index(name), 0))
            elif name in inner:
                names.append(name)
                down(inner[name])
            else:
                names.append(name)
                steps.append((Op.FEATURE, index[name], 0))
        case ast.BoolOp(op=op, values=values):
            jump = Op.JUMP_IF_FALSE if isinstance(op, ast.And) else Op.JUMP_IF_TRUE
            waiting: list[int] = []
            for place, value in enumerate(values):
                down(value)
                if place > 0:
                    steps.append((Op.AND if isinstance(op, ast.And) else Op.OR, 0, 0))
                if place < len(values) - 1:
                    waiting.append(len(steps))
                    steps.append((jump, 0, 0))
            for step in waiting:
                steps[step] = (jump, len(steps) - step, 0)
        case ast.UnaryOp(op=op, operand=operand):
            down(operand)
            steps.append((Op.NOT if isinstance(op, ast.Not) else Op.NEG, 0, 0))
        case ast.BinOp(left=left, op=op, right=right):
            down(left)
            down(right)
            steps.append((_BINARY[type(op)], 0, 0))
        case ast.Compare(
            left=ast.Name(id=name), ops=[op], comparators=[ast.Constant(value=int() | float() as number)]
        ) if name in index:
            names.append(name)
            steps.append((COMPARED + _COMPARE[type(op)], index[name], len(constants)))
            constants.append(float(number))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            down(left)
            down(right)
            steps.append((_COMPARE[type(op)], 0, 0))
        case ast.Call(func=ast.Name(id=name), args=args):
            for argument in args:
                down(argument)
            steps.append((_CALLS[name][0], 0, 0))
        case _:
            raise AssertionError(f"unchecked node {ast.dump(node)}")
