"""The part of the ZEN expression language that policies may use: reading it into a tree.

ZEN is the language of JDM graphs (GoRules). Two modes: an expression gives a value (``floor(a / 12)``, ``x ?? 0``,
``a > b ? 1 : 2``); a table's cell tests the column's value, called ``$`` (``>= 18``, ``'A', 'B'``, ``[3..5]``,
``null``). Precedence is ZEN's own: ``??`` binds tighter than ``*``; in a cell ``and`` and ``or`` bind alike, from the
left. What is outside the part (functions, templates, objects, paths) is refused by name with its place and a mend.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import NoReturn

from jiehuan.policy.tree import Binary, Call, Choice, Listed, Literal, Name, Own, Span, Tree, Unary

FUNCTIONS = {
    "min": (1, 1),
    "max": (1, 1),
    "floor": (1, 1),
    "ceil": (1, 1),
    "round": (1, 2),
    "trunc": (1, 1),
    "abs": (1, 1),
}
FUNCTIONS |= {"len": (1, 1), "startsWith": (2, 2), "endsWith": (2, 2), "contains": (2, 2)}
"""Functions by name with the least and most arguments."""

_TOKEN = re.compile(
    r"""(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<string>'[^'\\]*'|"[^"\\]*")|(?P<name>[A-Za-z_]\w*)|"""
    r"""(?P<sign>\?\?|\.\.|==|!=|>=|<=|[-+*/%<>?:,.()\[\]$])|(?P<space>\s+)""",
    re.ASCII,
)
_COMPARISONS = ("==", "!=", ">", "<", ">=", "<=", "in", "not in")
_BINARY = {
    "or": 10,
    "and": 15,
    **dict.fromkeys(_COMPARISONS, 20),
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "??": 80,
}
_NOT, _MINUS = 50, 200


MOST_NESTED = 60
MOST_JOINED = 120
"""Brackets within each other, and operands in a row: people do not write more, and each costs a few frames."""


class Unsupported(Exception):  # noqa: N818 - caught where the place of the expression is known
    """An expression outside the part: what stands there, and how to mend it."""

    def __init__(self, reason: str, mend: str, position: int) -> None:
        super().__init__(reason)
        self.reason, self.mend, self.position = reason, mend, position


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def parse_expression(text: str) -> Tree:
    """Read an expression. Raises Unsupported.

    >>> parse_expression("a + 1").sign
    '+'
    """
    reader = _Reader(text)
    tree = reader.binary(0)
    reader.finish()
    return tree


def parse_cell(text: str) -> Tree:
    """Read a table's input cell as a test of ``$``. Raises Unsupported.

    >>> parse_cell("> 5").left
    Own(key='', position=0)
    """
    reader = _Reader(text, cell=True)
    tree = reader.cell()
    reader.finish()
    return tree


class _Reader:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str, *, cell: bool = False) -> None:
        self.tokens = _tokens(text)
        self.place = 0
        self.depth = 0
        self.in_cell = cell

    @property
    def now(self) -> _Token:
        return self.tokens[self.place]

    def take(self, *texts: str) -> bool:
        token = self.now
        if token.kind in {"sign", "word"} and token.text in texts:
            self.place += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.take(text):
            self.refuse(f"{text!r} is missing", "complete the expression")

    def refuse(self, reason: str, mend: str) -> NoReturn:
        raise Unsupported(reason, mend, self.now.position)

    def finish(self) -> None:
        if self.now.kind != "end":
            self.refuse(f"{self.now.text!r} does not belong here", "remove it or join it with an operator")

    def cell(self) -> Tree:
        tree = self.test()
        for number in count():
            if self.now.kind == "end":
                break
            if number > MOST_JOINED:
                self.refuse("too many tests in one cell", "write in [a, b, c]")
            position = self.now.position
            if self.take("and"):
                tree = Binary("and", tree, self.test(), position)
            elif self.take("or", ","):
                tree = Binary("or", tree, self.test(), position)
            else:
                self.refuse(f"{self.now.text!r} does not join two tests", "join tests with a comma, and, or")
        return tree

    def test(self) -> Tree:
        """One test of a cell: a comparison with ``$``, or a value that ``$`` must equal or be among."""
        token = self.now
        if token.text in _COMPARISONS and token.kind in {"sign", "word"}:
            self.place += 1
            return Binary(token.text, Own("", token.position), self.side(), token.position)
        tree = self.side()
        return Binary(sign, Own("", token.position), tree, token.position) if (sign := _meaning(tree)) else tree

    def side(self) -> Tree:
        return self.binary(0, stop=("and", "or", ","))

    def binary(self, least: int, stop: tuple[str, ...] = ()) -> Tree:
        """Operands and operators; nesting beyond reason is refused before it overflows."""
        self.depth += 1
        if self.depth > MOST_NESTED:
            self.refuse("nested too deeply", "split it into several expressions")
        tree = self.joined(least, stop)
        self.depth -= 1
        return tree

    def joined(self, least: int, stop: tuple[str, ...]) -> Tree:
        left = self.unary()
        for number in count():
            if number > MOST_JOINED:
                self.refuse("too many operands in a row", "split it into several expressions")
            token = self.now
            binding = _BINARY.get(token.text) if token.kind in {"sign", "word"} else None
            if binding is None or binding < least or token.text in stop:
                break
            self.place += 1
            left = Binary(token.text, left, self.binary(binding + 1, stop), token.position)
        if least == 0 and self.now.text == "?" and self.now.kind == "sign":
            position = self.now.position
            self.place += 1
            yes = self.binary(0)
            self.expect(":")
            left = Choice(left, yes, self.binary(0, stop), position)
        return left

    def unary(self) -> Tree:
        token = self.now
        if self.take("not"):
            return Unary("not", self.binary(_NOT), token.position)
        if self.take("-"):
            return Unary("-", self.binary(_MINUS), token.position)
        if self.take("+"):
            return self.binary(_MINUS)
        return self.atom()

    def atom(self) -> Tree:
        token = self.now
        self.place += 1
        if token.kind == "number":
            return Literal(Decimal(token.text), token.position)
        if token.kind == "string":
            return Literal(token.text[1:-1], token.position)
        if token.kind == "word" and token.text in {"true", "false", "null"}:
            return Literal({"true": True, "false": False, "null": None}[token.text], token.position)
        if token.text == "$" and token.kind == "sign":
            return self.own(token)
        if token.kind == "name":
            return self.named(token)
        if token.kind == "sign" and token.text in {"(", "["}:
            return self.bracketed(token)
        self.place -= 1
        what = "the expression ends too early" if token.kind == "end" else f"{token.text!r} does not belong here"
        raise Unsupported(what, "complete the expression", token.position)

    def own(self, token: _Token) -> Tree:
        if not self.take("."):
            if not self.in_cell:
                raise Unsupported("'$' alone has no value here", "name a field, or write $.key", token.position)
            return Own("", token.position)
        if self.now.kind != "name":
            self.refuse("'$.' needs a key", "write $.key")
        self.place += 1
        return Own(self.tokens[self.place - 1].text, token.position)

    def named(self, token: _Token) -> Tree:
        if self.now.text == "(" and self.now.kind == "sign":
            return self.call(token)
        if self.now.text == "." and self.now.kind == "sign":
            raise Unsupported(f"{token.text!r} is a path into an object", "declare flat fields", token.position)
        return Name(token.text, token.position)

    def call(self, token: _Token) -> Tree:
        if token.text not in FUNCTIONS:
            raise Unsupported(
                f"the function {token.text!r} cannot be compiled", f"use {', '.join(FUNCTIONS)}", token.position
            )
        self.expect("(")
        arguments = [] if self.now.text == ")" else [self.binary(0)]
        while self.take(","):
            arguments.append(self.binary(0))
        self.expect(")")
        least, most = FUNCTIONS[token.text]
        if not least <= len(arguments) <= most:
            mend = f"{token.text} takes {least}" + (f" to {most}" if most > least else "")
            raise Unsupported(f"{len(arguments)} arguments for {token.text}", mend, token.position)
        return Call(token.text, tuple(arguments), token.position)

    def bracketed(self, token: _Token) -> Tree:
        if token.text == "[" and self.take("]"):
            return Listed((), token.position)
        first = self.binary(0)
        if self.take(".."):
            high = self.binary(0)
            closed = self.now.text == "]"
            if not self.take("]", ")"):
                self.refuse("the interval is not closed", "write [1..5] or (1..5)")
            return Span(first, high, token.text == "[", closed, token.position)
        if token.text == "(":
            self.expect(")")
            return first
        items = [first]
        while self.take(","):
            items.append(self.binary(0))
        self.expect("]")
        return Listed(tuple(items), token.position)


def _meaning(tree: Tree) -> str:
    """What a bare value in a cell means: equal to it, among it, or (empty) a condition of its own."""
    if isinstance(tree, (Listed, Span)):
        return "in"
    if isinstance(tree, Choice):
        yes, no = _meaning(tree.yes), _meaning(tree.no)
        return yes if yes == no else "=="
    if isinstance(tree, Binary):
        return "==" if tree.sign in {"+", "-", "*", "/", "%"} else ""
    if isinstance(tree, Call):
        return "" if tree.name in {"startsWith", "endsWith", "contains"} else "=="
    return _meaning(tree.value) if isinstance(tree, Unary) else "=="


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            mend = "use plain quotes without backslashes, numbers, names and operators"
            raise Unsupported(f"{text[place]!r} is not understood", mend, place)
        kind, word = str(found.lastgroup), found.group()
        if kind == "name" and word in {"and", "or", "not", "in", "true", "false", "null"}:
            kind = "word"
            if word == "in" and tokens and tokens[-1].text == "not" and tokens[-1].kind == "word":
                tokens[-1] = _Token("word", "not in", tokens[-1].position)
                kind = "space"
        if kind != "space":
            tokens.append(_Token(kind, word, place))
        place = found.end()
    return [*tokens, _Token("end", "", len(text))]
