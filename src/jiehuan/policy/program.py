"""A graph as a program: typed steps in order, each table, expression and switch lowered, every mistake told with its
place.

Fields are flat. A node's input is what its parents give, merged; two parents that give one field different values are
refused, unless a switch lets only one of them run. Nothing in a program can fail for any input that its declarations
allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from jiehuan.policy.building import Building, Hit, Let, Mask, Program, Skipped, TableView
from jiehuan.policy.graph import Field, Node, Policy
from jiehuan.policy.nodes import LOWER
from jiehuan.policy.typed import EMPTY, FALSE, NULL, TRUE, Condition, Value, aligned, all_of, any_of, unite
from jiehuan.units.errors import InputError, Problem

__all__ = ["Hit", "Let", "Mask", "Program", "TableView", "build", "input_value", "tables_of", "used_inputs"]


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


def _lowered(policy: Policy) -> tuple[Building, list[Node]]:
    building = Building(policy)
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
                building.given[node.id] = LOWER[node.kind](building, node, incoming)
        except Skipped:
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


def _merge(building: Building, node: Node) -> dict[str, Value]:
    """What comes into a node, and when it runs. Raises Skipped when a parent could not be lowered."""
    edges = building.policy.parents(node.id)
    if any(edge.source not in building.given for edge in edges):
        raise Skipped
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
            raise Skipped
    return merged


def _runs(building: Building, source: str, handle: str) -> Condition:
    return all_of(building.active[source], building.ways[source, handle]) if handle else building.active[source]


def _route(building: Building, source: str, handle: str) -> frozenset[tuple[str, str]]:
    return building.routes[source] | ({(source, handle)} if handle else frozenset())


def _exclusive(building: Building, one: frozenset[tuple[str, str]], other: frozenset[tuple[str, str]]) -> bool:
    """Whether two ways can never both be taken: they leave one first-hit switch by different statements."""
    firsts = {
        node.id
        for node in building.policy.nodes
        if node.kind == "switchNode" and node.content.get("hitPolicy", "first") == "first"
    }
    return any(a != b and a[0] == b[0] and a[0] in firsts for a in one for b in other)


def _chosen(building: Building, node: Node, name: str, choices: Sequence[tuple[Condition, Value, Any]]) -> Value:
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
            raise Skipped
        result = found
    return result


def _outcome(building: Building, outputs: Sequence[Node]) -> tuple[Condition, dict[str, Value]]:
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
        except Skipped:
            continue
    return any_of(*(building.active[node.id] for node in outputs)), merged


def used_inputs(program: Program) -> Iterator[str]:
    """The inputs that decide anything, in the order of their declarations."""
    used = EMPTY.union(program.reached.deps, *(value.deps for value in program.outputs.values()))
    return (name for name in program.policy.inputs if name in used)
