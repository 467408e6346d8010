"""Whatever stands in a graph's file, reading and checking it gives findings or a refusal with a place; never a crash."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.policy.graphs import Graph, number

from jiehuan.policy import check_policy, compile_policy, load_policy
from jiehuan.policy.expression import FUNCTIONS, Unsupported, parse_cell, parse_expression
from jiehuan.units.errors import JiehuanError

BASE = json.loads((Path(__file__).parents[2] / "examples" / "policy.json").read_text(encoding="utf-8"))
TOKENS = [
    "a", "b", "$", "$.x", "1", "2.5", "'x'", "null", "true", "(", ")", "[", "]", "..", ",", "+", "-", "*", "/", "%", "??", "?", ":", ">", "<=", "==",
    "and", "or", "not", "in", "not in", *FUNCTIONS, "{", "`", "\\", "…", " ",
]  # fmt: skip
odd: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=8), st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2), st.lists(st.sampled_from(TOKENS), max_size=6).map(" ".join),
)  # fmt: skip


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in items:
        found += places(value, (*path, key))
    return found


PLACES = places(BASE)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), odd), min_size=1, max_size=3))
def test_a_graph_with_odd_values_is_checked_or_refused(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    document = copy.deepcopy(BASE)
    for path, value in changes:
        inner: Any = document
        try:
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue
    try:
        findings = check_policy(load_policy(document, "fuzz"))
    except JiehuanError as error:
        assert all(problem.where and problem.mend for problem in error.problems)
        return
    assert all(finding.problem.where and finding.problem.mend for finding in findings)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=30), st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join)))
def test_any_text_is_an_expression_or_refused_at_a_place(text: str) -> None:
    for parse in (parse_expression, parse_cell):
        try:
            parse(text)
        except Unsupported as error:
            assert error.mend
            assert 0 <= error.position <= len(text)


def test_deep_nesting_is_refused_not_crashed() -> None:
    for text in ("(" * 5000 + "1" + ")" * 5000, "not " * 5000 + "q", "-" * 5000 + "1", "[" * 3000, "1 ? " * 3000):
        with pytest.raises(Unsupported, match="nested too deeply"):
            parse_expression(text)
    for text in ("1 + " * 3000 + "1", "a or " * 3000 + "a"):
        with pytest.raises(Unsupported, match="too many operands"):
            parse_expression(text)


def test_the_largest_expressions_that_are_read_can_be_compiled() -> None:
    graph = Graph(a=number(0, 9, null=False)).expressions("e", x=" + ".join(["a"] * 100), y="(" * 25 + "a" + ")" * 25)
    graph.table("t", ["a"], ["o"], [[" or ".join(f"{n}" for n in range(100)), "1"], ["", "2"]])
    compiled = compile_policy(load_policy(graph.document(), "large"))
    assert compiled.outputs({"a": 3}) == {"x": 300, "y": 3, "o": 1}
