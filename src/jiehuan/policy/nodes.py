"""The nodes of a graph lowered one by one: expressions, switches, first-hit tables, collecting tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jiehuan.policy.building import MAX_ROWS, Building, Hit, Mask, Skipped, TableView, named
from jiehuan.policy.expression import Unsupported, parse_cell, parse_expression
from jiehuan.policy.graph import Node
from jiehuan.policy.lower import Scope, test_value, value_of
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
    opposite,
    unite,
)
from jiehuan.units.errors import Problem


def _expressions(building: Building, node: Node, incoming: Mapping[str, Value]) -> dict[str, Value]:
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


def _switch(building: Building, node: Node, incoming: Mapping[str, Value]) -> dict[str, Value]:
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
            raise Skipped
    return dict(incoming)


def _table(building: Building, node: Node, incoming: Mapping[str, Value]) -> dict[str, Value]:
    place = building.policy.place(node)
    _plain_node(building, node)
    content = node.content
    collects = content.get("hitPolicy") == "collect"
    path = str(content.get("outputPath") or "").strip()
    rules = content.get("rules") or []
    if not rules:
        building.problems.append(Problem(place, "", "a table without rows", "add a row or remove the table"))
        raise Skipped
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
            raise Skipped
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
    building: Building,
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


def _column(building: Building, place: str, name: str, incoming: Mapping[str, Value]) -> Value | None:
    if not name:
        return None
    try:
        return building.keep(value_of(parse_expression(name), Scope(incoming)))
    except Unsupported as error:
        building.refuse(f"{place}, column {name}", name, error)
        return UNKNOWN


def _row_values(
    building: Building,
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
    building: Building,
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
            raise Skipped
        kept = named(building.name(), found)
        rows.append((kept.args[0], kept, tuple(aligned_values), default))
        made[name] = kept
    building.steps.append(Hit(building.name(), tuple(conditions), tuple(rows)))
    return made


def _collected(
    building: Building,
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
        raise Skipped
    if len(rules) > MAX_ROWS:
        building.problems.append(Problem(place, str(len(rules)), f"over {MAX_ROWS} rows", "split it into two tables"))
        raise Skipped
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


def _plain_node(building: Building, node: Node) -> None:
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


LOWER = {"expressionNode": _expressions, "switchNode": _switch, "decisionTableNode": _table}
"""How each kind of node is lowered: what it gives, from what comes in."""
