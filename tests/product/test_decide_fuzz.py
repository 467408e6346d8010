"""Whatever a document holds, deciding it gives a decision or a refusal that says where and how to mend; never a crash."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.profiles.flows import Person

from jiehuan.flow.evaluate import evaluate
from jiehuan.units.errors import JiehuanError

BASE = json.loads((Path(__file__).parents[2] / "examples" / "application.json").read_text(encoding="utf-8"))
BASE["bank_flow"] = Person(1, months=3).salary(800_000).flow()[:12]
BASE["features"] = {"income_months": 6, "own_extra": 1}
BASE |= {"pay_day": 10, "living_costs": "2000", "obligations": "100", "product": "paced"}

odd: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=True, allow_infinity=True), st.text(max_size=12),
    st.sampled_from(["", "0", "-1", "1e99", "NaN", "2026-02-30",
                      "9999-12-31", "0001-01-01", "2026-09-01T00:00:00", "bank", "bullet", 10**400, 1e308]),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in items:
        found += places(value, (*path, key))
    return found


PLACES = places(BASE)


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(BASE)
    inner: Any = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return document


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(PLACES), odd)
def test_one_odd_value_anywhere_is_decided_or_refused_with_a_mend(path: tuple[Any, ...], value: Any) -> None:
    try:
        decided = evaluate(changed(path, value))
    except JiehuanError as error:
        assert all(problem.reason for problem in error.problems)
        return
    assert decided["outcome"] in {"approve", "review", "refuse"}
    json.dumps(decided, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), odd), min_size=2, max_size=5))
def test_several_odd_values_at_once(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
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
        evaluate(document)
    except JiehuanError as error:
        assert error.problems
