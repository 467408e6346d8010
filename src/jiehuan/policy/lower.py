"""From the tree of an expression to typed values: kinds, bounds and nulls are checked here, so that nothing can fail
later.

Whatever ZEN would decide at run time by failing (null in arithmetic, a text compared with a number, division by zero)
is refused here with its place, except in a table's input cell, where ZEN takes a failing test as no match; there the
test is kept exactly so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from difflib import get_close_matches

from jiehuan.policy.arithmetic import (
    absolute,
    add,
    compare_ratio,
    extreme,
    fits,
    inverse_of,
    multiply,
    negate,
    remainder,
    rounded,
)
from jiehuan.policy.expression import Unsupported
from jiehuan.policy.tree import Binary, Call, Choice, Listed, Literal, Name, Own, Span, Tree, Unary
from jiehuan.policy.typed import (
    EMPTY,
    FALSE,
    TRUE,
    Condition,
    Test,
    Value,
    aligned,
    all_of,
    any_of,
    both,
    compare,
    const,
    either,
    negated,
    opposite,
    scaled,
    test_of,
    unite,
)

_ROUNDINGS = ("floor", "ceil", "round", "trunc")
_BOOLEAN_SIGNS = {"and", "or", "==", "!=", ">", "<", ">=", "<=", "in", "not in"}


class Consequence(Unsupported):
    """Not a mistake of its own: it rests on another that was told."""


class Scope:
    """What names mean in one node: ``fields`` of its input, ``own`` earlier results, and a cell's column ``dollar``."""

    def __init__(
        self, fields: Mapping[str, Value], own: Mapping[str, Value] | None = None, dollar: Value | None = None
    ) -> None:
        self.fields, self.own, self.dollar = fields, own or {}, dollar


def value_of(tree: Tree, scope: Scope) -> Value:
    """An expression's value. Raises Unsupported when it could fail or is outside the part."""
    if isinstance(tree, Literal):
        return _literal(tree)
    if isinstance(tree, Name):
        return _field(tree, scope)
    if isinstance(tree, Own):
        return _own(tree, scope)
    if isinstance(tree, Choice):
        return _choice(tree, scope)
    if isinstance(tree, Call) and tree.name in _FUNCTIONS:
        return _FUNCTIONS[tree.name](tree, scope)
    if isinstance(tree, Unary) and tree.sign == "-":
        return negate(_number(tree.value, scope, tree.position))
    if isinstance(tree, Binary) and tree.sign == "??":
        return _coalesce(tree, scope)
    if isinstance(tree, Binary) and tree.sign not in _BOOLEAN_SIGNS:
        return _arithmetic(tree, scope)
    if isinstance(tree, (Listed, Span)):
        raise Unsupported("a list is no value here", "lists stand after in, or in min and max", tree.position)
    test = test_value(tree, scope)
    if not test.total:
        mend = "test for null first with ??, like (x ?? 0) > 5"
        raise Unsupported("a comparison with null fails", mend, tree.position)
    return Value("truth", (test.true,), "boolean", deps=test.true.deps)


def test_value(tree: Tree, scope: Scope) -> Test:
    """An expression as a test: when it is true, when it is false. Raises Unsupported."""
    if isinstance(tree, Unary) and tree.sign == "not":
        return negated(test_value(tree.value, scope))
    if isinstance(tree, Binary) and tree.sign in {"and", "or"}:
        left, right = test_value(tree.left, scope), test_value(tree.right, scope)
        return both(left, right) if tree.sign == "and" else either(left, right)
    if isinstance(tree, Binary) and tree.sign in {"==", "!="}:
        test = _equal(tree, scope)
        return negated(test) if tree.sign == "!=" else test
    if isinstance(tree, Binary) and tree.sign in {"in", "not in"}:
        test = _among(tree, scope)
        return negated(test) if tree.sign == "not in" else test
    if isinstance(tree, Binary) and tree.sign in {">", "<", ">=", "<="}:
        return _ordered(tree, scope)
    if isinstance(tree, Call) and tree.name in {"startsWith", "endsWith", "contains"}:
        return _text_test(tree, scope)
    value = value_of(tree, scope)
    if value.kind != "boolean":
        raise Unsupported(f"a {value.kind} is no condition", "write a comparison", tree.position)
    if value.constant:
        return test_of(TRUE if value.args[0] else FALSE)
    if value.op == "truth":
        return test_of(value.args[0])
    true = Condition("is", (value, True), value.deps)
    if not value.nullable:
        return test_of(true)
    return Test(true, Condition("is", (value, False), value.deps), False)


def _literal(tree: Literal) -> Value:
    if not isinstance(tree.value, Decimal):
        return const(tree.value)
    exponent = int(tree.value.as_tuple().exponent)
    places = max(-exponent, 0)
    units = int(tree.value.scaleb(places))
    return fits(scaled(units, places), tree.position)


def _field(tree: Name, scope: Scope) -> Value:
    found = scope.fields.get(tree.name)
    if found is None:
        near = get_close_matches(tree.name, scope.fields, n=1)
        mend = f"did you mean {near[0]}?" if near else "declare it in the input node, or compute it in an earlier node"
        raise Unsupported(f"no field {tree.name!r} comes into this node", mend, tree.position)
    return _known(found, tree.position)


def _own(tree: Own, scope: Scope) -> Value:
    found = scope.dollar if not tree.key else scope.own.get(tree.key)
    if found is None:
        mend = f"$ has {', '.join(scope.own) or 'no keys'} here"
        raise Unsupported(f"no earlier expression gives $.{tree.key}", mend, tree.position)
    return _known(found, tree.position)


def _known(value: Value, position: int) -> Value:
    if value.kind == "unknown":
        raise Consequence("rests on what was refused", "mend that first", position)
    return value


def _choice(tree: Choice, scope: Scope) -> Value:
    test = test_value(tree.condition, scope)
    if not test.total:
        mend = "write ?? before the comparison, like (x ?? 0) > 5"
        raise Unsupported("the condition fails when a value is null", mend, tree.position)
    yes, no = aligned(value_of(tree.yes, scope), value_of(tree.no, scope))
    if test.true.op in {"true", "false"}:
        return yes if test.true.op == "true" else no
    found = unite("if", (test.true, yes, no), [yes, no], test.true.deps)
    return _same_kind(found, yes, no, tree.position)


def _coalesce(tree: Binary, scope: Scope) -> Value:
    left, right = aligned(value_of(tree.left, scope), value_of(tree.right, scope))
    if not left.nullable:
        return left
    if left.kind == "null":
        return right
    found = _same_kind(unite("coalesce", (left, right), [left, right], EMPTY), left, right, tree.position)
    return Value(
        found.op, found.args, found.kind, right.nullable, found.scale, found.low, found.high, found.words, found.deps
    )


def _same_kind(found: Value | None, one: Value, other: Value, position: int) -> Value:
    if found is None:
        raise Unsupported(f"a {one.kind} or a {other.kind}", "let both sides give the same kind", position)
    return found


def _number(tree: Tree, scope: Scope, position: int) -> Value:
    value = value_of(tree, scope)
    if value.kind != "number":
        raise Unsupported(f"a {value.kind} where a number is needed", "write a number", position)
    if value.nullable:
        raise Unsupported(
            "null where a number is needed fails", "write (x ?? 0) with the value it should have", position
        )
    return value


def _arithmetic(tree: Binary, scope: Scope) -> Value:
    left, right = _number(tree.left, scope, tree.position), _number(tree.right, scope, tree.position)
    if tree.sign == "*":
        return multiply(left, right, tree.position)
    if tree.sign == "%":
        return remainder(left, right, tree.position)
    if tree.sign == "/":
        inverse = inverse_of(right)
        if inverse is None:
            mend = "write floor(a / b), ceil, round or trunc around it, or compare it"
            raise Unsupported("a quotient with endless decimals", mend, tree.position)
        return multiply(left, inverse, tree.position)
    return add(left, right, tree.position, minus=tree.sign == "-")


def _rounded(tree: Call, scope: Scope) -> Value:
    inner = tree.arguments[0]
    places = 0
    if len(tree.arguments) == 2:
        given = value_of(tree.arguments[1], scope)
        if not given.constant or given.kind != "number" or given.scale or not 0 <= given.args[0] <= 6:
            raise Unsupported("the places of round are no written number from 0 to 6", "write one", tree.position)
        places = given.args[0]
    if isinstance(inner, Binary) and inner.sign == "/":
        above, below = _number(inner.left, scope, inner.position), _number(inner.right, scope, inner.position)
        return rounded(tree.name, above, below, places, inner.position)
    return rounded(tree.name, _number(inner, scope, tree.position), None, places, tree.position)


def _extreme(tree: Call, scope: Scope) -> Value:
    listed = tree.arguments[0]
    if not isinstance(listed, Listed) or not listed.items:
        raise Unsupported(f"{tree.name} takes a list", f"write {tree.name}([a, b])", tree.position)
    return extreme(tree.name, [_number(item, scope, item.position) for item in listed.items])


def _absolute(tree: Call, scope: Scope) -> Value:
    return absolute(_number(tree.arguments[0], scope, tree.position))


def _length(tree: Call, scope: Scope) -> Value:
    value = value_of(tree.arguments[0], scope)
    if value.kind != "codes":
        raise Unsupported(
            "len counts the rows a collecting table gave", "give it that table's output path", tree.position
        )
    return Value("count", (value,), "number", False, 0, 0, value.high, deps=value.deps)


_FUNCTIONS: dict[str, Callable[[Call, Scope], Value]] = {
    **dict.fromkeys(_ROUNDINGS, _rounded),
    "min": _extreme,
    "max": _extreme,
    "abs": _absolute,
    "len": _length,
}


def _equal(tree: Binary, scope: Scope) -> Test:
    left, right = aligned(value_of(tree.left, scope), value_of(tree.right, scope))
    if left.kind == "null" or right.kind == "null":
        other = right if left.kind == "null" else left
        if other.kind == "null":
            return test_of(TRUE)
        return test_of(Condition("null", (other,), other.deps) if other.nullable else FALSE)
    if left.kind != right.kind:
        raise Unsupported(f"a {left.kind} never equals a {right.kind}", "compare values of one kind", tree.position)
    _known_words(left, right, tree.position)
    return test_of(_same(left, right))


def _same(left: Value, right: Value) -> Condition:
    if left.constant and right.constant:
        return TRUE if left.args == right.args else FALSE
    return Condition("same", (left, right), left.deps | right.deps)


def _known_words(left: Value, right: Value, position: int) -> None:
    for one, other in ((left, right), (right, left)):
        if one.constant and one.kind == "string" and other.words is not None and one.args[0] not in other.words:
            near = get_close_matches(one.args[0], other.words, n=1)
            mend = f"did you mean {near[0]!r}?" if near else f"it is one of {', '.join(sorted(other.words))}"
            raise Unsupported(f"the value is never {one.args[0]!r}", mend, position)


def _among(tree: Binary, scope: Scope) -> Test:
    if isinstance(tree.right, Span):
        return _within(tree.left, tree.right, scope)
    if not isinstance(tree.right, Listed):
        raise Unsupported("in takes a list or an interval", "write [a, b] or [1..5]", tree.position)
    found: list[Condition] = []
    for item in tree.right.items:
        left, right = aligned(value_of(tree.left, scope), value_of(item, scope))
        if right.kind == "null":
            found.append(Condition("null", (left,), left.deps) if left.nullable else FALSE)
        elif left.kind != right.kind:
            raise Unsupported(f"a {left.kind} is never among {right.kind}s", "list values of its kind", item.position)
        else:
            _known_words(left, right, item.position)
            found.append(_same(left, right))
    return test_of(any_of(*found))


def _within(inner: Tree, span: Span, scope: Scope) -> Test:
    value = value_of(inner, scope)
    if value.kind != "number":
        raise Unsupported(f"a {value.kind} in an interval of numbers", "compare a number", span.position)
    low, high = _number(span.low, scope, span.position), _number(span.high, scope, span.position)
    if low.constant and high.constant and aligned(low, high)[0].args[0] > aligned(low, high)[1].args[0]:
        raise Unsupported("the interval is empty", "write the smaller end first", span.position)
    first, second = aligned(value, low), aligned(value, high)
    above = compare(">=" if span.low_closed else ">", *first)
    below = compare("<=" if span.high_closed else "<", *second)
    true = both(above, below)
    if true.total:
        return true
    return Test(true.true, any_of(above.false, below.false), False)


def _ordered(tree: Binary, scope: Scope) -> Test:
    for side, other in ((tree.left, tree.right), (tree.right, tree.left)):
        if isinstance(side, Binary) and side.sign == "/" and not _has_inverse(side, scope):
            return _ratio(tree, side, other, scope, flipped=side is tree.right)
    left, right = value_of(tree.left, scope), value_of(tree.right, scope)
    for one in (left, right):
        if one.kind == "null":
            raise Unsupported("a comparison with null always fails", "write == null", tree.position)
        if one.kind != "number":
            raise Unsupported(f"{tree.sign} compares numbers, not a {one.kind}", "use == or in", tree.position)
    left, right = aligned(left, right)
    return compare(tree.sign, fits(left, tree.position), fits(right, tree.position))


def _has_inverse(tree: Binary, scope: Scope) -> bool:
    return inverse_of(value_of(tree.right, scope)) is not None


def _ratio(tree: Binary, side: Binary, other: Tree, scope: Scope, *, flipped: bool) -> Test:
    above, below = _number(side.left, scope, side.position), _number(side.right, scope, side.position)
    bound = _number(other, scope, tree.position)
    return compare_ratio(tree.sign, above, below, bound, side.position, flipped=flipped)


def _text_test(tree: Call, scope: Scope) -> Test:
    value, part = (value_of(argument, scope) for argument in tree.arguments)
    if value.kind != "string" or part.kind != "string" or not part.constant or value.op not in {"input", "var"}:
        mend = f"write {tree.name}(field, 'text')"
        raise Unsupported(f"{tree.name} takes a text field and a written text", mend, tree.position)
    true = Condition("text", (tree.name, value, part.args[0]), value.deps)
    if not value.nullable:
        return test_of(true)
    known = opposite(Condition("null", (value,), value.deps))
    return Test(all_of(known, true), all_of(known, opposite(true)), False)
