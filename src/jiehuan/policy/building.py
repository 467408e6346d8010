"""A program and its making: the typed steps of a policy, and what has been built so far while a graph is lowered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jiehuan.policy.expression import Unsupported
from jiehuan.policy.graph import Node, Policy
from jiehuan.policy.lower import Consequence
from jiehuan.policy.typed import Condition, Value
from jiehuan.units.errors import Problem

MAX_ROWS = 62
"""Rows of a collecting table: each is one bit of a 64-bit word."""


@dataclass(frozen=True, slots=True)
class Let:
    """Name a value, so that it is computed once."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Hit:
    """Name the first row of a table whose condition holds (-1: none); ``outputs`` maps names to a value per row."""

    name: str
    rows: tuple[Condition, ...]
    outputs: tuple[tuple[str, Value, tuple[Value, ...], Value], ...]


@dataclass(frozen=True, slots=True)
class Mask:
    """Name the set of rows of a collecting table whose conditions hold, row 0 as the lowest bit."""

    name: str
    rows: tuple[Condition, ...]


Step = Let | Hit | Mask


@dataclass(frozen=True, slots=True)
class TableView:
    """What a table's rows say, for checks: cells and outputs by row, with the column values they test."""

    node: Node
    place: str
    columns: tuple[tuple[str, Value | None], ...]
    conditions: tuple[Condition, ...]
    collects: bool
    active: Condition
    outputs: Mapping[str, tuple[Value, ...]]


@dataclass(frozen=True)
class Program:
    """The steps of a policy and its outputs by field; ``codes`` holds what each row of a collecting table gives."""

    policy: Policy
    steps: tuple[Step, ...]
    outputs: Mapping[str, Value]
    codes: Mapping[str, tuple[Mapping[str, Any], ...]]
    tables: tuple[TableView, ...]
    reached: Condition


@dataclass
class Building:
    """What has been built so far: steps, tables, problems; by node what it gives, when it runs, by which way it came."""

    policy: Policy
    steps: list[Step] = field(default_factory=list)
    codes: dict[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    tables: list[TableView] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    given: dict[str, dict[str, Value]] = field(default_factory=dict)
    active: dict[str, Condition] = field(default_factory=dict)
    ways: dict[tuple[str, str], Condition] = field(default_factory=dict)
    routes: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    count: int = 0

    def name(self) -> str:
        """A fresh name."""
        self.count += 1
        return f"v{self.count}"

    def keep(self, value: Value) -> Value:
        """The value under a name of its own; written values, inputs and named values stay as they are."""
        if value.op in {"const", "input", "var"}:
            return value
        name = self.name()
        self.steps.append(Let(name, value))
        return named(name, value)

    def keep_condition(self, condition: Condition) -> Condition:
        """The condition under a name of its own."""
        if condition.op in {"true", "false", "is"}:
            return condition
        kept = self.keep(Value("truth", (condition,), "boolean", deps=condition.deps))
        return Condition("is", (kept, True), condition.deps)

    def refuse(self, place: str, text: str, error: Unsupported) -> None:
        """Tell a mistake with its place, unless it only follows from another."""
        if isinstance(error, Consequence):
            return
        where = f"{place}, position {error.position + 1}"
        self.problems.append(Problem(where, text.strip()[:120], error.reason, error.mend))


class Skipped(Exception):  # noqa: N818 - the problems were told where they stand
    """A node cannot be lowered: its own problems, or those of a node before it, were told."""


def named(name: str, value: Value) -> Value:
    """A value by the name under which it was kept."""
    return Value(
        "var", (name,), value.kind, value.nullable, value.scale, value.low, value.high, value.words, value.deps
    )
