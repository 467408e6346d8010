"""Reading a graph: every structural mistake is told at once, with place and mend; the version is what it decides."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from tests.policy.graphs import Graph, number, text

from jiehuan.policy import default_policy, load_policy, policy_version
from jiehuan.policy.graph import read_inputs
from jiehuan.units.errors import InputError


def small() -> dict[str, Any]:
    return Graph(a=number(0, 9)).expressions("e", x="(a ?? 0) + 1").document()


def refusals(document: Any) -> str:
    with pytest.raises(InputError) as error:
        load_policy(document, "test")
    assert all(problem.mend for problem in error.value.problems)
    return str(error.value)


def test_the_shipped_policy_reads() -> None:
    policy = default_policy()
    assert policy.inputs["law_cost_cap_ppm"].law == "cost_cap"
    assert next(node.kind for node in policy.nodes) == "inputNode"
    assert all(field.zh and field.en for field in policy.inputs.values())


def test_moving_a_box_keeps_the_version_and_changing_a_cell_does_not() -> None:
    document = small()
    moved = copy.deepcopy(document)
    moved["nodes"][1]["position"] = {"x": 99, "y": 1}
    moved["nodes"].reverse()
    assert policy_version(moved) == policy_version(document)
    changed = copy.deepcopy(document)
    changed["nodes"][1]["content"]["expressions"][0]["value"] = "(a ?? 0) + 2"
    assert policy_version(changed) != policy_version(document)


def test_a_circle_is_told_with_its_way() -> None:
    graph = Graph(a=number(0, 9)).expressions("e", x="1").expressions("f", y="2").edge("f", "e")
    told = refusals(graph.document())
    assert "circular" in told
    assert "e → f → e" in told or "f → e → f" in told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["nodes"][1].update(type="functionNode"), "JavaScript"),
        (lambda d: d["nodes"][1].update(type="customNode"), "may not use this node type"),
        (lambda d: d["nodes"][1].update(type="poemNode"), "use one of inputNode"),
        (lambda d: d["nodes"].append(dict(d["nodes"][0])), "second node with the same id"),
        (lambda d: d["nodes"].append({"id": "lost", "type": "outputNode", "name": "lost"}), "nothing leads to this node"),
        (lambda d: d["edges"].pop(), "leads nowhere"),
        (lambda d: d["edges"].append({"id": "x", "sourceId": "in", "targetId": "gone"}), "targetId is no node"),
        (lambda d: d["nodes"].pop(0), "no node of the graph"),
        (lambda d: d.update(nodes="many"), "not a JDM graph"),
        (lambda d: d["nodes"].append(7), "needs an id and a type"),
        (lambda d: d["edges"].append({"sourceId": 5}), "needs a sourceId and a targetId"),
        (lambda d: d["nodes"][0].update(content={}), "not declared"),
        (lambda d: d["nodes"][0].update(content={"schema": "{"}), "malformed JSON"),
    ],
)
def test_structural_mistakes_are_refused(change: Any, words: str) -> None:
    document = small()
    change(document)
    assert words in refusals(document)


def test_many_mistakes_are_told_at_once() -> None:
    document = small()
    document["nodes"][1]["type"] = "functionNode"
    document["edges"].append({"id": "x", "sourceId": "in", "targetId": "gone"})
    told = refusals(document)
    assert "JavaScript" in told
    assert "gone" in told


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"type": "object"}, "one of integer"),
        ({"type": ["integer", "string"]}, "one of integer"),
        ({"type": "integer", "minimum": 5, "maximum": 1}, "above its maximum"),
        ({"type": "number", "multipleOf": 0.3}, "multipleOf"),
        ({"type": "integer", "maximum": 1e30}, "bound"),
        ({}, "type is missing"),
        (5, "is an object"),
    ],
)
def test_declarations_that_are_not_understood(declared: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_inputs({"properties": {"a": declared}}, "test")


def test_a_field_name_must_be_plain() -> None:
    with pytest.raises(InputError, match="letters, digits"):
        read_inputs({"properties": {"a b": text()}}, "test")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_policy(tmp_path / "none.json")
    path = tmp_path / "p.json"
    path.write_text('{"nodes": [}', encoding="utf-8")
    with pytest.raises(InputError, match="line 1 column"):
        load_policy(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        load_policy(path)
    path.write_text(json.dumps([1]), encoding="utf-8")
    with pytest.raises(InputError, match="not a JDM graph"):
        load_policy(path)


def test_what_the_editor_writes_for_itself_is_no_mistake() -> None:
    """Default statements of a switch and types of columns, as the editor saves them; all executors agree on such a graph."""
    from jiehuan.policy import compile_policy, run
    from jiehuan.policy.graph import Policy

    document: dict[str, Any] = json.loads(json.dumps(dict(default_policy().document)))
    band = next(node for node in document["nodes"] if node["id"] == "band")
    band["content"]["inputs"][0]["fieldType"] = {"type": "number"}
    band["content"]["outputs"][0]["outputFieldType"] = {"type": "string", "enum": {"type": "inline", "values": []}}
    switch = {
        "id": "way", "type": "switchNode", "name": "way", "position": {"x": 0, "y": 0},
        "content": {"hitPolicy": "first", "statements": [
            {"id": "s1", "condition": "months > 24", "isDefault": False}, {"id": "s2", "condition": "", "isDefault": True},
        ]},
    }  # fmt: skip
    edge = next(each for each in document["edges"] if each["targetId"] == "derive")
    document["nodes"].append(switch)
    document["edges"].remove(edge)
    document["edges"] += [
        {**edge, "id": "w0", "targetId": "way"},
        {"id": "w1", "type": "edge", "sourceId": "way", "targetId": "derive", "sourceHandle": "s1"},
        {"id": "w2", "type": "edge", "sourceId": "way", "targetId": "derive", "sourceHandle": "s2"},
    ]
    policy: Policy = load_policy(document, "admission")
    for months in (6, 36):
        values = {"amount_fen": 500_000, "months": months, "pd_ppm": 40_000, "age": 30}
        engine, compiled = run(policy, values), compile_policy(policy).run(values)
        assert (engine.outcome, engine.limit_fen, engine.rate_ppm) == (compiled.outcome, compiled.limit_fen, compiled.rate_ppm)
    band["content"]["inputs"][0]["name"] = 7
    with pytest.raises(InputError, match="not a text"):
        load_policy(document, "admission")
