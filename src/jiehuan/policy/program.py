"""A graph as a program: typed steps in order, each table, expression and switch lowered, every mistake told with its
place.

Fields are flat. A node's input is what its parents give, merged; two parents that give one field different values are
refused, unless a switch lets only one of them run. Nothing in a program can fail for any input that its declarations
allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from jiehuan.policy.expression import Unsupported, parse_cell, parse_expression
from jiehuan.policy.graph import Field, Node, Policy
from jiehuan.policy.lower import Consequence, Scope, test_value, value_of
from jiehuan.policy.typed import (
    EMPTY,
    FALSE,
    NULL,
    TRUE,
    UNKNOWN,
    Condition,
    Value,
    aligned,
    all_of,
    any_of,
    opposite,
    unite,
)
from jiehuan.units.errors import InputError, Problem

MAX_ROWS = 62
"""Rows of a collecting table: each is one bit of a 64-bit word."""

_ABSENT = "\0"


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
class _Building:
    """What has been built so far."""

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
        self.count += 1
        return f"v{self.count}"

    def keep(self, value: Value) -> Value:
        """The value under a name of its own; written values, inputs and named values stay as they are."""
        if value.op in {"const", "input", "var"}:
            return value
        name = self.name()
        self.steps.append(Let(name, value))
        return _named(name, value)

    def keep_condition(self, condition: Condition) -> Condition:
        if condition.op in {"true", "false", "is"}:
            return condition
        kept = self.keep(Value("truth", (condition,), "boolean", deps=condition.deps))
        return Condition("is", (kept, True), condition.deps)

    def refuse(self, place: str, text: str, error: Unsupported) -> None:
        if isinstance(error, Consequence):
            return
        where = f"{place}, position {error.position + 1}"
        self.problems.append(Problem(where, text.strip()[:120], error.reason, error.mend))


def build(policy: Policy) -> Program:
    """Lower a policy. Raises InputError with every expression, cell and node that cannot be compiled."""
    building, outputs = _lowered(policy)
    if building.problems:
        raise InputError(building.problems)
    reached, fields = _outcome(building, outputs)
    if building.problems:
        raise InputError(building.problems)
    computed = {name: value for name, value in fields.items() if not (value.op == "input" and value.args[0] == name)}
    return Program(policy, tuple(building.steps), computed, building.codes, tuple(building.tables), reached)


def tables_of(policy: Policy) -> tuple[TableView, ...]:
    """The tables of a policy that can be lowered, though the whole cannot, so that their gaps can be told."""
    return tuple(_lowered(policy)[0].tables)


def _lowered(policy: Policy) -> tuple[_Building, list[Node]]:
    building = _Building(policy)
    outputs: list[Node] = []
    for node in policy.nodes:
        try:
            if node.kind == "inputNode":
                building.given[node.id] = {name: input_value(declared) for name, declared in policy.inputs.items()}
                building.active[node.id], building.routes[node.id] = TRUE, frozenset()
                continue
            incoming = _merge(building, node)
            if node.kind == "outputNode":
                outputs.append(node)
                building.given[node.id] = incoming
            else:
                building.given[node.id] = _LOWER[node.kind](building, node, incoming)
        except _Skipped:
            continue
    return building, outputs


def input_value(declared: Field) -> Value:
    """A declared input as a value with its bounds."""
    deps = frozenset({declared.name})
    if declared.kind != "number":
        words = frozenset(declared.values) if declared.values else None
        return Value("input", (declared.name,), declared.kind, declared.nullable, words=words, deps=deps)
    factor = Decimal(10) ** declared.scale
    low, high = declared.minimum or Decimal(0), declared.maximum or Decimal(0)
    return Value(
        "input",
        (declared.name,),
        "number",
        declared.nullable,
        declared.scale,
        int(low * factor),
        int(high * factor),
        deps=deps,
    )


class _Skipped(Exception):  # noqa: N818 - a node that cannot be lowered after its problems were told
    pass


def _named(name: str, value: Value) -> Value:
    return Value(
        "var", (name,), value.kind, value.nullable, value.scale, value.low, value.high, value.words, value.deps
    )


def _merge(building: _Building, node: Node) -> dict[str, Value]:
    """What comes into a node, and when it runs. Raises _Skipped when a parent could not be lowered."""
    edges = building.policy.parents(node.id)
    if any(edge.source not in building.given for edge in edges):
        raise _Skipped
    sources = [(edge.source, edge.handle) for edge in edges]
    runs = [_runs(building, source, handle) for source, handle in sources]
    routes = [_route(building, source, handle) for source, handle in sources]
    building.active[node.id] = building.keep_condition(any_of(*runs))
    building.routes[node.id] = frozenset.intersection(*routes)
    merged: dict[str, Value] = {}
    names = {name for source, _ in sources for name in building.given[source]}
    for name in sorted(names):
        choices = [
            (runs[n], building.given[source].get(name, NULL), routes[n]) for n, (source, _) in enumerate(sources)
        ]
        different = {value for _, value, _ in choices}
        if len(different) == 1:
            merged[name] = choices[0][1]
        elif all(_exclusive(building, a, b) for n, (_, _, a) in enumerate(choices) for _, _, b in choices[:n]):
            merged[name] = building.keep(_chosen(building, node, name, choices))
        else:
            place = f"{building.policy.place(node)}, field {name}"
            reason = "two steps give it different values and which one counts is not defined"
            building.problems.append(
                Problem(place, "", reason, "put one step after the other, or rename one of the fields")
            )
            raise _Skipped
    return merged


def _runs(building: _Building, source: str, handle: str) -> Condition:
    return all_of(building.active[source], building.ways[source, handle]) if handle else building.active[source]


def _route(building: _Building, source: str, handle: str) -> frozenset[tuple[str, str]]:
    return building.routes[source] | ({(source, handle)} if handle else frozenset())


def _exclusive(building: _Building, one: frozenset[tuple[str, str]], other: frozenset[tuple[str, str]]) -> bool:
    """Whether two ways can never both be taken: they leave one first-hit switch by different statements."""
    firsts = {
        node.id
        for node in building.policy.nodes
        if node.kind == "switchNode" and node.content.get("hitPolicy", "first") == "first"
    }
    return any(a != b and a[0] == b[0] and a[0] in firsts for a in one for b in other)


def _chosen(building: _Building, node: Node, name: str, choices: Sequence[tuple[Condition, Value, Any]]) -> Value:
    """The value of the parent that runs; the last one without a question, as the node itself runs only then."""
    values = aligned(*(value for _, value, _ in choices))
    result = values[-1]
    for (runs, _, _), value in zip(reversed(choices[:-1]), reversed(values[:-1]), strict=True):
        found = unite("if", (runs, value, result), [value, result], runs.deps)
        if found is None:
            place = f"{building.policy.place(node)}, field {name}"
            kinds = " or ".join(sorted({one.kind for one in values}))
            building.problems.append(
                Problem(place, kinds, "its kind depends on the way taken", "give one kind on all ways")
            )
            raise _Skipped
        result = found
    return result


def _outcome(building: _Building, outputs: Sequence[Node]) -> tuple[Condition, dict[str, Value]]:
    """The fields at the output nodes; several of them only on ways that exclude each other."""
    if len(outputs) == 1:
        return building.active[outputs[0].id], building.given[outputs[0].id]
    routes = [building.routes[node.id] for node in outputs]
    if not all(_exclusive(building, a, b) for n, a in enumerate(routes) for b in routes[:n]):
        names = ", ".join(node.name for node in outputs)
        reason = "several output nodes can be reached at once and which one counts is not defined"
        building.problems.append(Problem(building.policy.name, names, reason, "lead all ways to one output node"))
        return FALSE, {}
    merged: dict[str, Value] = {}
    for name in sorted({name for node in outputs for name in building.given[node.id]}):
        choices = [(building.active[node.id], building.given[node.id].get(name, NULL), None) for node in outputs]
        try:
            merged[name] = building.keep(_chosen(building, outputs[0], name, choices))
        except _Skipped:
            continue
    return any_of(*(building.active[node.id] for node in outputs)), merged


def _expressions(building: _Building, node: Node, incoming: Mapping[str, Value]) -> dict[str, Value]:
    place = building.policy.place(node)
    _plain_node(building, node)
    own: dict[str, Value] = {}
    for entry in node.content.get("expressions") or []:
        key, text = str(entry.get("key") or "").strip(), str(entry.get("value") or "")
        if not key or not text.strip():
            continue
        if not (key.isidentifier() and key.isascii()):
            mend = "write letters, digits and underscores"
            building.problems.append(Problem(f"{place}, key", key, "not a flat field name", mend))
            continue
        try:
            own[key] = building.keep(value_of(parse_expression(text), Scope(incoming, own)))
        except Unsupported as error:
            building.refuse(f"{place}, {key}", text, error)
            own[key] = UNKNOWN
    return {**incoming, **own} if node.passes else own


def _switch(building: _Building, node: Node, incoming: Mapping[str, Value]) -> dict[str, Value]:
    place = building.policy.place(node)
    first = node.content.get("hitPolicy", "first") == "first"
    used = {edge.handle for edge in building.policy.edges if edge.source == node.id}
    earlier: list[Condition] = []
    for number, statement in enumerate(node.content.get("statements") or [], start=1):
        where, text = f"{place}, statement {number}", str(statement.get("condition") or "")
        handle = str(statement.get("id"))
        try:
            holds = test_value(parse_expression(text), Scope(incoming)).true if text.strip() else TRUE
        except Unsupported as error:
            building.refuse(where, text, error)
            holds = FALSE
        holds = building.keep_condition(holds)
        building.ways[node.id, handle] = all_of(*(opposite(one) for one in earlier), holds) if first else holds
        earlier.append(holds)
        if handle not in used:
            building.problems.append(Problem(where, text, "no edge leaves by this statement", "draw one or remove it"))
    for handle in used:
        if (node.id, handle) not in building.ways:
            mend = "draw the edge again from a statement"
            building.problems.append(Problem(place, handle, "an edge leaves by no statement of the switch", mend))
            raise _Skipped
    return dict(incoming)


def _table(building: _Building, node: Node, incoming: Mapping[str, Value]) -> dict[str, Value]:
    place = building.policy.place(node)
    _plain_node(building, node)
    content = node.content
    collects = content.get("hitPolicy") == "collect"
    path = str(content.get("outputPath") or "").strip()
    rules = content.get("rules") or []
    if not rules:
        building.problems.append(Problem(place, "", "a table without rows", "add a row or remove the table"))
        raise _Skipped
    columns = [(_id(one), str(one.get("field") or "").strip()) for one in content.get("inputs") or []]
    tested = [(name, _column(building, place, name, incoming)) for _, name in columns]
    values = [value for _, value in tested]
    conditions = [
        _row(building, f"{place}, row {number}", rule, columns, values, incoming)
        for number, rule in enumerate(rules, start=1)
    ]
    outputs = [(_id(one), str(one.get("field") or "").strip()) for one in content.get("outputs") or []]
    for _, name in outputs:
        if not (name.isidentifier() and name.isascii()):
            building.problems.append(Problem(f"{place}, output {name!r}", "", "not a flat field name", "rename it"))
            raise _Skipped
    if collects:
        made = _collected(building, node, place, path, rules, outputs, conditions)
        told: dict[str, tuple[Value, ...]] = {}
    else:
        if path:
            building.problems.append(
                Problem(place, path, "a first-hit table with an output path", "empty the output path")
            )
        told = _row_values(building, place, rules, outputs, incoming, node.passes)
        made = _first_hit(building, place, conditions, told, incoming if node.passes else {})
    building.tables.append(
        TableView(node, place, tuple(tested), tuple(conditions), collects, building.active[node.id], told)
    )
    return {**incoming, **made} if node.passes else made


def _row(
    building: _Building,
    place: str,
    rule: Mapping[str, Any],
    columns: Sequence[tuple[str, str]],
    values: Sequence[Value | None],
    incoming: Mapping[str, Value],
) -> Condition:
    """When a row matches: every cell that is not empty holds."""
    parts: list[Condition] = []
    for (column, name), value in zip(columns, values, strict=True):
        text = str(rule.get(column) or "")
        if column not in rule:
            building.problems.append(Problem(place, name, "the row has no cell for a column", "add an empty cell"))
            continue
        if not text.strip():
            continue
        try:
            scope = Scope(incoming, dollar=value)
            test = test_value(parse_cell(text) if name else parse_expression(text), scope)
            parts.append(test.true)
        except Unsupported as error:
            building.refuse(f"{place}, column {name or 'condition'}", text, error)
    return all_of(*parts)


def _column(building: _Building, place: str, name: str, incoming: Mapping[str, Value]) -> Value | None:
    if not name:
        return None
    try:
        return building.keep(value_of(parse_expression(name), Scope(incoming)))
    except Unsupported as error:
        building.refuse(f"{place}, column {name}", name, error)
        return UNKNOWN


def _row_values(
    building: _Building,
    place: str,
    rules: Sequence[Mapping[str, Any]],
    outputs: Sequence[tuple[str, str]],
    incoming: Mapping[str, Value],
    passes: bool,
) -> dict[str, tuple[Value, ...]]:
    """What each row of a first-hit table gives; an empty cell leaves the field as it came in."""
    told: dict[str, tuple[Value, ...]] = {}
    for column, name in outputs:
        before = incoming.get(name, NULL) if passes else NULL
        values: list[Value] = []
        for number, rule in enumerate(rules, start=1):
            text = str(rule.get(column) or "")
            try:
                values.append(value_of(parse_expression(text), Scope(incoming)) if text.strip() else before)
            except Unsupported as error:
                building.refuse(f"{place}, row {number}, output {name}", text, error)
                values.append(UNKNOWN)
        told[name] = tuple(values)
    return told


def _first_hit(
    building: _Building,
    place: str,
    conditions: Sequence[Condition],
    told: Mapping[str, tuple[Value, ...]],
    before: Mapping[str, Value],
) -> dict[str, Value]:
    made: dict[str, Value] = {}
    rows: list[tuple[str, Value, tuple[Value, ...], Value]] = []
    covered = any(condition == TRUE for condition in conditions)
    deps = EMPTY.union(*(condition.deps for condition in conditions))
    for name, values in told.items():
        if any(value.kind == "unknown" for value in values):
            made[name] = UNKNOWN
            continue
        *aligned_values, default = aligned(*values, before.get(name, NULL))
        found = unite("select", (), [*aligned_values, *(() if covered else (default,))], deps)
        if found is None:
            kinds = " and ".join(sorted({value.kind for value in values}))
            mend = "give one kind in all rows"
            building.problems.append(Problem(f"{place}, output {name}", kinds, "rows give different kinds", mend))
            raise _Skipped
        kept = _named(building.name(), found)
        rows.append((kept.args[0], kept, tuple(aligned_values), default))
        made[name] = kept
    building.steps.append(Hit(building.name(), tuple(conditions), tuple(rows)))
    return made


def _collected(
    building: _Building,
    node: Node,
    place: str,
    path: str,
    rules: Sequence[Mapping[str, Any]],
    outputs: Sequence[tuple[str, str]],
    conditions: Sequence[Condition],
) -> dict[str, Value]:
    """A collecting table gives the set of its rows; what a row gives is written in the graph."""
    if not (path.isidentifier() and path.isascii()):
        building.problems.append(
            Problem(place, path, "a collecting table without a plain output path", "give it a field name")
        )
        raise _Skipped
    if len(rules) > MAX_ROWS:
        building.problems.append(Problem(place, str(len(rules)), f"over {MAX_ROWS} rows", "split it into two tables"))
        raise _Skipped
    given: list[Mapping[str, Any]] = []
    for number, rule in enumerate(rules, start=1):
        entry: dict[str, Any] = {}
        for column, name in outputs:
            text = str(rule.get(column) or "")
            if not text.strip():
                continue
            try:
                value = value_of(parse_expression(text), Scope({}))
                entry[name] = value.args[0] if value.scale == 0 else value.args[0] / 10**value.scale
            except Unsupported as error:
                mend = "a collecting table's outputs are written values, like 'code'"
                building.refuse(
                    f"{place}, row {number}, output {name}", text, Unsupported(error.reason, mend, error.position)
                )
        given.append(entry)
    name = building.name()
    building.steps.append(Mask(name, tuple(conditions)))
    building.codes[name] = tuple(given)
    deps = EMPTY.union(*(condition.deps for condition in conditions))
    return {path: Value("var", (name,), "codes", high=len(rules), deps=deps)}


def _plain_node(building: _Building, node: Node) -> None:
    """Refuse the settings of a node that change what it is given."""
    place = building.policy.place(node)
    if str(node.content.get("inputField") or "").strip():
        building.problems.append(Problem(place, "", "an input field is set", "use the fields themselves"))
    if node.content.get("executionMode", "single") == "loop":
        building.problems.append(Problem(place, "", "the node loops over a list", "set it to single"))
    if node.kind == "expressionNode" and str(node.content.get("outputPath") or "").strip():
        building.problems.append(Problem(place, "", "an output path is set", "empty it"))


def _id(entry: Mapping[str, Any]) -> str:
    return str(entry.get("id"))


_LOWER = {"expressionNode": _expressions, "switchNode": _switch, "decisionTableNode": _table}


def used_inputs(program: Program) -> Iterator[str]:
    """The inputs that decide anything, in the order of their declarations."""
    used = EMPTY.union(program.reached.deps, *(value.deps for value in program.outputs.values()))
    return (name for name in program.policy.inputs if name in used)
