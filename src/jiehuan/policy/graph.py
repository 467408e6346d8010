"""A policy is a decision graph in JDM, the open JSON decision model of the GoRules engine: how it is read and named.

A graph has one input node, whose JSON Schema declares every field with its type and bounds, any number of decision
tables, expression nodes and switches, and output nodes. Reading finds every structural mistake at once: malformed
nodes, edges that lead nowhere, circles. The version of a policy is the hash of what it decides; moving a box in the
editor leaves it as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from jiehuan.units.errors import InputError, Problem
from jiehuan.units.ids import canonical_json

KINDS = ("inputNode", "outputNode", "decisionTableNode", "expressionNode", "switchNode")
"""The node types a policy may use; each of them runs in all three executors."""

OUTCOMES = ("approve", "review", "refuse")

_FOREIGN = {
    "functionNode": "JavaScript can neither be checked nor compiled; use an expression node or a decision table",
    "decisionNode": "put the other graph's nodes into this one",
    "customNode": "use an expression node or a decision table",
}
_LISTS = {
    "decisionTableNode": ("inputs", "outputs", "rules"),
    "expressionNode": ("expressions",),
    "switchNode": ("statements",),
}
_EDITORS: Mapping[str, type] = {"isDefault": bool, "fieldType": Mapping, "outputFieldType": Mapping}
"""What the editor writes beside texts, for its own sake: the engine does not look at it."""

MAX_SCALE = 6


@dataclass(frozen=True, slots=True)
class Field:
    """One declared input: ``kind`` number, string or boolean.

    Numbers carry bounds and ``scale``, their decimal places (0–6); strings may carry their allowed ``values``.
    """

    name: str
    kind: str
    nullable: bool = True
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    scale: int = 0
    values: tuple[str, ...] = ()
    zh: str = ""
    en: str = ""
    law: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph; ``content`` is its JDM content as it stands in the file."""

    id: str
    kind: str
    name: str
    content: Mapping[str, Any]

    @property
    def passes(self) -> bool:
        """Whether the node hands its own input on, beside what it computes."""
        return bool(self.content.get("passThrough"))


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one node to the next; ``handle`` names the switch statement it leaves by."""

    source: str
    target: str
    handle: str = ""


@dataclass(frozen=True)
class Policy:
    """A readable graph: nodes in an order in which each comes after what it needs, edges, declared inputs, version."""

    name: str
    document: Mapping[str, Any]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    inputs: Mapping[str, Field]
    version: str

    def parents(self, node_id: str) -> tuple[Edge, ...]:
        """The edges that lead into a node, in the order of the file."""
        return tuple(edge for edge in self.edges if edge.target == node_id)

    def place(self, node: Node) -> str:
        """Where a node stands, for messages."""
        return f"{self.name}, node {node.name!r}"


def load_policy(source: Path | Mapping[str, Any], name: str = "") -> Policy:
    """Read a policy from a JDM file or document. Raises InputError with every structural problem and its mend."""
    if isinstance(source, Path):
        name = name or source.stem
        source = _read(source)
    name = name or str(source.get("name") or "policy")
    problems = list(_malformed(name, source))
    if problems:
        raise InputError(problems)
    nodes = {
        raw["id"]: Node(raw["id"], raw["type"], raw.get("name") or raw["id"], raw.get("content") or {})
        for raw in source["nodes"]
    }
    edges = tuple(Edge(raw["sourceId"], raw["targetId"], raw.get("sourceHandle") or "") for raw in source["edges"])
    problems = list(_misconnected(name, nodes, edges))
    if problems:
        raise InputError(problems)
    needs: dict[str, list[str]] = {node_id: [] for node_id in nodes}
    for edge in edges:
        needs[edge.target].append(edge.source)
    try:
        order = tuple(nodes[node_id] for node_id in TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = " → ".join(nodes[node_id].name for node_id in reversed(error.args[1]))
        raise InputError(
            Problem(f"{name}, edges", circle, "the graph is circular", "remove one of these edges")
        ) from None
    start = next(node for node in order if node.kind == "inputNode")
    inputs = read_inputs(start.content.get("schema"), f"{name}, node {start.name!r}")
    return Policy(name, source, order, edges, inputs, policy_version(source))


def policy_version(document: Mapping[str, Any]) -> str:
    """The hash of what a graph decides: nodes and edges without their places on the editor's canvas."""
    nodes = [
        {key: value for key, value in node.items() if key not in {"position", "measured"}} for node in document["nodes"]
    ]
    meaning = {"nodes": sorted(nodes, key=lambda node: str(node["id"])), "edges": document["edges"]}
    return hashlib.sha256(canonical_json(meaning)).hexdigest()[:16]


def read_inputs(schema: Any, place: str) -> dict[str, Field]:
    """The fields which an input node's JSON Schema declares. Raises InputError naming each that is not understood."""
    mend = "write a JSON Schema of an object with properties, each with its type"
    if isinstance(schema, str) and schema.strip():
        try:
            schema = json.loads(schema)
        except json.JSONDecodeError as error:
            raise InputError(Problem(f"{place}, schema", "", f"malformed JSON: {error.msg}", mend)) from None
    if not isinstance(schema, Mapping) or not isinstance(schema.get("properties"), Mapping) or not schema["properties"]:
        raise InputError(Problem(f"{place}, schema", "", "the policy's inputs are not declared", mend))
    problems: list[Problem] = []
    fields: dict[str, Field] = {}
    for name, declared in schema["properties"].items():
        try:
            fields[name] = _field(name, declared)
        except (ValueError, TypeError, InvalidOperation) as error:
            problems.append(
                Problem(f"{place}, schema, {name}", str(declared)[:80], str(error) or "not understood", mend)
            )
    if problems:
        raise InputError(problems)
    return fields


def _field(name: str, declared: Any) -> Field:
    if not isinstance(declared, Mapping):
        raise TypeError("a property is an object")
    if not name.isidentifier() or not name.isascii():
        raise ValueError("a field's name is letters, digits and underscores")
    types = declared.get("type")
    types = [types] if isinstance(types, str) else types
    if not isinstance(types, list):
        raise TypeError("its type is missing")
    nullable = "null" in types
    kinds = [kind for kind in types if kind != "null"]
    if len(kinds) != 1 or kinds[0] not in {"integer", "number", "string", "boolean"}:
        raise ValueError("its type is one of integer, number, string, boolean, with or without null")
    zh, en, law = (str(declared.get(key, "")) for key in ("x-zh", "x-en", "x-law"))
    if kinds[0] == "string":
        values = tuple(str(value) for value in declared.get("enum") or () if value is not None)
        return Field(name, "string", nullable, values=values, zh=zh, en=en, law=law)
    if kinds[0] == "boolean":
        return Field(name, "boolean", nullable, zh=zh, en=en, law=law)
    scale = 0 if kinds[0] == "integer" else _scale(declared.get("multipleOf"))
    widest = Decimal(10) ** min(15, 18 - scale)
    minimum, maximum = _bound(declared.get("minimum"), -widest), _bound(declared.get("maximum"), widest)
    if minimum > maximum:
        raise ValueError("its minimum is above its maximum")
    return Field(name, "number", nullable, minimum, maximum, scale, (), zh, en, law)


def _bound(value: Any, widest: Decimal) -> Decimal:
    bound = widest if value is None else Decimal(str(value))
    if not bound.is_finite() or abs(bound) > abs(widest):
        raise ValueError(f"a bound is a number of at most {abs(widest):,f}")
    return bound


def _scale(step: Any) -> int:
    """Decimal places of a number: its ``multipleOf`` is 0.1, 0.01 … 0.000001; six without it."""
    if step is None:
        return MAX_SCALE
    for places in range(MAX_SCALE + 1):
        if Decimal(str(step)) == Decimal(1).scaleb(-places):
            return places
    raise ValueError("its multipleOf is one of 1, 0.1, 0.01 … 0.000001")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(Problem(str(path), "", "no such file", "name a JDM graph")) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), "", f"cannot be read: {error}", "name a JDM graph, UTF-8 JSON")) from None
    except json.JSONDecodeError as error:
        place = f"{path} line {error.lineno} column {error.colno}"
        raise InputError(Problem(place, "", f"malformed JSON: {error.msg}", "mend the file there")) from None
    if not isinstance(document, Mapping):
        raise InputError(Problem(str(path), "", "not a JDM graph", "a graph is an object with nodes and edges"))
    return document


def _malformed(name: str, document: Mapping[str, Any]) -> Iterator[Problem]:
    nodes, edges = document.get("nodes"), document.get("edges")
    if not isinstance(nodes, list) or not isinstance(edges, list) or not nodes:
        yield Problem(name, "", "not a JDM graph", "a graph is an object with lists of nodes and edges")
        return
    seen: set[str] = set()
    for place, node in enumerate(nodes):
        where = f"{name}, node {place + 1}"
        if (
            not isinstance(node, Mapping)
            or not isinstance(node.get("id"), str)
            or not isinstance(node.get("type"), str)
        ):
            yield Problem(
                where, str(node)[:80], "a node needs an id and a type", "export the graph again from the editor"
            )
            continue
        if node["id"] in seen:
            yield Problem(where, node["id"], "a second node with the same id", "give it an id of its own")
        seen.add(node["id"])
        if node["type"] not in KINDS:
            mend = _FOREIGN.get(node["type"], f"use one of {', '.join(KINDS)}")
            yield Problem(
                f"{name}, node {node.get('name') or node['id']!r}",
                node["type"],
                "a policy may not use this node type",
                mend,
            )
        yield from _malformed_content(where, node["type"], node.get("content"))
    for place, edge in enumerate(edges):
        where = f"{name}, edge {place + 1}"
        if (
            not isinstance(edge, Mapping)
            or not isinstance(edge.get("sourceId"), str)
            or not isinstance(edge.get("targetId"), str)
        ):
            yield Problem(
                where, str(edge)[:80], "an edge needs a sourceId and a targetId", "draw it again in the editor"
            )
            continue
        for end in ("sourceId", "targetId"):
            if edge[end] not in seen:
                yield Problem(where, edge[end], f"its {end} is no node of the graph", "draw it again in the editor")


def _malformed_content(where: str, kind: str, content: Any) -> Iterator[Problem]:
    """A node's content whose lists are not lists of objects, or whose cells are not texts."""
    mend = "export the graph again from the editor"
    if not isinstance(content or {}, Mapping):
        yield Problem(where, str(content)[:80], "its content is not an object", mend)
        return
    for part in _LISTS.get(kind, ()):
        entries = (content or {}).get(part) or []
        if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
            yield Problem(f"{where}, {part}", str(entries)[:80], "not a list of objects", mend)
            continue
        for number, entry in enumerate(entries, start=1):
            odd = [key for key, cell in entry.items() if cell is not None and not isinstance(cell, _EDITORS.get(key, str))]
            if odd:
                yield Problem(f"{where}, {part} {number}, {odd[0]}", str(entry[odd[0]])[:80], "not a text", mend)


def _misconnected(name: str, nodes: Mapping[str, Node], edges: Sequence[Edge]) -> Iterator[Problem]:
    inputs = [node for node in nodes.values() if node.kind == "inputNode"]
    if len(inputs) != 1:
        yield Problem(name, str(len(inputs)), "a policy has exactly one input node", "add or remove input nodes")
    if not any(node.kind == "outputNode" for node in nodes.values()):
        yield Problem(name, "", "a policy needs an output node", "add one and lead the last step to it")
    entered = {edge.target for edge in edges}
    left = {edge.source for edge in edges}
    for node in nodes.values():
        where = f"{name}, node {node.name!r}"
        if node.kind == "inputNode" and node.id in entered:
            yield Problem(where, "", "an edge leads into the input node", "remove that edge")
        if node.kind == "outputNode" and node.id in left:
            yield Problem(where, "", "an edge leaves the output node", "remove that edge")
        if node.kind != "inputNode" and node.id not in entered:
            yield Problem(where, "", "nothing leads to this node", "connect it or remove it")
        if node.kind != "outputNode" and node.id not in left:
            yield Problem(where, "", "this node leads nowhere", "connect it to an output node or remove it")
