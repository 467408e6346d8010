"""The tree of an expression: what ``expression.py`` reads and ``lower.py`` gives a type. ``position`` counts from 0."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Literal:
    """A number (Decimal), text, truth or null."""

    value: Decimal | str | bool | None
    position: int


@dataclass(frozen=True, slots=True)
class Name:
    """A field of the node's input."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Own:
    """``$.key``: an earlier expression of the same node; ``$`` (empty key): a cell's column."""

    key: str
    position: int


@dataclass(frozen=True, slots=True)
class Listed:
    """``[a, b, c]``."""

    items: tuple[Tree, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Span:
    """``[a..b]`` with open or closed ends."""

    low: Tree
    high: Tree
    low_closed: bool
    high_closed: bool
    position: int


@dataclass(frozen=True, slots=True)
class Unary:
    """``not x`` or ``-x``."""

    sign: str
    value: Tree
    position: int


@dataclass(frozen=True, slots=True)
class Binary:
    """Two values joined by an operator."""

    sign: str
    left: Tree
    right: Tree
    position: int


@dataclass(frozen=True, slots=True)
class Choice:
    """``condition ? yes : no``."""

    condition: Tree
    yes: Tree
    no: Tree
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function of ``FUNCTIONS``."""

    name: str
    arguments: tuple[Tree, ...]
    position: int


Tree = Literal | Name | Own | Listed | Span | Unary | Binary | Choice | Call
