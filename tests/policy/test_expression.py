"""The part of ZEN that policies may use: what is outside, or could fail, is refused at its place with a mend."""

from __future__ import annotations

import json

import pytest
import zen
from tests.policy.graphs import FIELDS, Graph, number

from jiehuan.policy import load_policy, read_values
from jiehuan.policy.compiled import compile_policy
from jiehuan.units.errors import InputError

ROW = {"a": 7, "b": 10, "c": 1.25, "d": 2.5, "s": "x", "t": "uv", "p": True, "q": False}


def refusal(text: str) -> str:
    with pytest.raises(InputError) as error:
        compile_policy(load_policy(Graph(**FIELDS).expressions("e", x=text).document(), "test"))
    problem = error.value.problems[0]
    assert problem.where.startswith("test, node 'e', x, position")
    assert problem.mend
    return f"{problem.where}: {problem.reason}"


@pytest.mark.parametrize(
    "text",
    [
        "b + 2 * 3", "-b - -2", "2 + b % 7", "b / 4", "floor(b / 3)", "round(b / 3, 2)", "(b - 20) % 7", "a ?? b * 2", "not q",
        "q or b > 5 and b < 20",
        "b > 5 ? 'x' : 'y'", "b in [1..10]", "b in (1..10)", "s in ['x', 'y']", "s not in ['x']", "round(-2.5)", "round(c ?? 0, 1)", "trunc(-7 / 2)",
        "ceil(-7 / 2)", "abs(b - 50)", "min([b, d, 3])", "max([b])", "b / d > 3", "1 > 2 ? 3 : 2 > 1 ? 4 : 5", "a == null", "p == true", "s ?? t",
        "1e2 + b",
        "startsWith(t, 'u') and endsWith(t, 'v')", "contains(t, 'z')", "a", "null", "'it'", 'b == 10 ? "one" : "two"', "$.y + 1", "a == b", "s == t",
    ],
)  # fmt: skip
def test_expressions_equal_the_engine(text: str) -> None:
    document = Graph(**FIELDS).expressions("e", y="4", x=text).document()
    compiled = compile_policy(load_policy(document, "test"))
    expected = zen.ZenEngine().create_decision(json.dumps(document)).evaluate(ROW)["result"]
    assert compiled.outputs(read_values(compiled.policy.inputs, ROW)).get("x") == expected.get("x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a + 1", "null where a number"),
        ("a > 1", "comparison with null fails"),
        ("a > 1 ? 1 : 2", "condition fails when a value is null"),
        ("b + s", "string where a number"),
        ("b / 3", "endless decimals"),
        ("floor(b / (b - 5))", "may be 0 or below"),
        ("b / (b - 5) > 1", "below 0"),
        ("wages + 1", "no field 'wages'"),
        ("bb + 1", "no field 'bb'"),
        ("$.y", "no earlier expression gives $.y"),
        ("$", "'$' alone"),
        ("t == 5", "never equals"),
        ("s == 'w'", "never 'w'"),
        ("b ? 1 : 2", "no condition"),
        ("map([1], # + 1)", "is not understood"),
        ("sum([b, 1])", "function 'sum'"),
        ("upper(t)", "function 'upper'"),
        ("b.c", "path into an object"),
        ("{ a: 1 }", "is not understood"),
        ("`x${b}`", "is not understood"),
        ("b ^ 2", "is not understood"),
        ("'it\\'s'", "is not understood"),
        ("b +", "ends too early"),
        ("(b", "')' is missing"),
        ("b b", "does not belong here"),
        ("min(b, d)", "arguments for min"),
        ("min([a, b])", "null where a number"),
        ("min(b)", "takes a list"),
        ("[1, 2]", "a list is no value"),
        ("b in 5", "a list or an interval"),
        ("b in [5..1]", "interval is empty"),
        ("b > 1 ? 1 : 'x'", "a number or a string"),
        ("len(b)", "len counts"),
        ("round(b, d)", "places of round"),
        ("b % d", "divisor of %"),
        ("null > 1", "always fails"),
        ("'a' < 'b'", "compares numbers"),
        ("contains(t, s)", "written text"),
        ("1_000", "does not belong"),
    ],
)
def test_what_cannot_be_compiled_is_refused(text: str, words: str) -> None:
    assert words in refusal(text)


def test_a_misspelt_field_gets_the_near_one() -> None:
    with pytest.raises(InputError) as error:
        compile_policy(load_policy(Graph(income=number(0, 9)).expressions("e", x="incme ?? 0").document(), "test"))
    assert error.value.problems[0].mend == "did you mean income?"


def test_numbers_that_could_leave_64_bits_are_refused() -> None:
    graph = Graph(a=number(0, 10**15, null=False), b=number(0, 10**15, null=False)).expressions("e", x="a * b")
    with pytest.raises(InputError, match="beyond 64 bits"):
        compile_policy(load_policy(graph.document(), "test"))
    graph = Graph(a=number(0, 10**9, null=False), b=number(0, 10**9, null=False)).expressions("e", x="a * b")
    compiled = compile_policy(load_policy(graph.document(), "test"))
    assert compiled.outputs({"a": 10**9, "b": 10**9})["x"] == 10**18


def test_every_mistake_of_a_graph_is_told_at_once() -> None:
    graph = Graph(**FIELDS).expressions("e", x="a + 1", y="wages").table("t", ["b", "s"], ["o"], [["> ", "'x'", "1"], ["", "'w'", "nope"]])
    with pytest.raises(InputError) as error:
        compile_policy(load_policy(graph.document(), "test"))
    places = [problem.where for problem in error.value.problems]
    assert len(places) == 5
    assert "test, node 't', row 1, column b, position 3" in places
    assert "test, node 't', row 2, output o, position 1" in places


def test_two_steps_that_disagree_on_a_field_are_refused() -> None:
    graph = Graph(a=number(0, 9)).expressions("x", r="1", chain=False).expressions("y", r="2", chain=False).node("out", "outputNode", chain=False)
    for name in ("x", "y"):
        graph.edge("in", name).edge(name, "out")
    with pytest.raises(InputError, match="which one counts is not defined"):
        compile_policy(load_policy(graph.document(), "test"))


def test_node_settings_outside_the_part_are_refused() -> None:
    graph = Graph(a=number(0, 9)).expressions("e", x="1").table("t", ["a"], ["code"], [["> 1", "'k'"]], collect="hits")
    graph.nodes[1]["content"].update(inputField="a", executionMode="loop", outputPath="deep")
    graph.nodes[2]["content"].update(outputPath="")
    with pytest.raises(InputError) as error:
        compile_policy(load_policy(graph.document(), "test"))
    text = str(error.value)
    for words in ("input field", "loops over a list", "output path is set", "without a plain output path"):
        assert words in text
