"""One policy, three executors: the engine, the compiled function and the columns give the same outputs, nulls included."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
import zen
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.policy.graphs import FIELDS, Graph, Random

from jiehuan.policy import default_policy, load_policy, read_values, run
from jiehuan.policy.compiled import Compiled, compile_policy
from jiehuan.units.errors import InputError

ROWS = 12


def by_engine(compiled: Compiled, row: dict[str, Any]) -> dict[str, Any]:
    decision = zen.ZenEngine().create_decision(json.dumps(compiled.policy.document))
    values = {name: value for name, value in read_values(compiled.policy.inputs, row).items() if value is not None}
    outputs = decision.evaluate(values)["result"]
    return {name: value for name, value in outputs.items() if name in compiled.program.outputs and value is not None}


def by_columns(compiled: Compiled, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds = {"number": pl.Float64, "string": pl.String, "boolean": pl.Boolean}
    types = {name: pl.Int64 if one.kind == "number" and one.scale == 0 else kinds[one.kind] for name, one in compiled.policy.inputs.items()}
    frame = pl.DataFrame([{name: row.get(name) for name in types} for row in rows], schema=types)
    table, result = compiled.batch(frame, everything=True)
    assert result.refused == ()
    given = []
    for row in table.drop("row").iter_rows(named=True):
        told = {name: value for name, value in row.items() if value is not None}
        for name, value in compiled.program.outputs.items():
            if value.kind == "codes" and name in told:
                told[name] = [{"code": code} for code in told[name]]
        given.append(told)
    return given


def hit_texts(compiled: Compiled, outputs: dict[str, Any]) -> dict[str, Any]:
    """Numbers to 9 places: the engine keeps 28 decimal digits and hands them over as doubles."""
    return {name: round(value, 9) if isinstance(value, float) else value for name, value in outputs.items()}


def test_random_graphs_agree_over_three_executors() -> None:
    compiled_graphs = 0
    for seed in range(220):
        random = Random(seed)
        document = random.graph().document()
        try:
            compiled = compile_policy(load_policy(document, f"random {seed}"))
        except InputError:
            continue
        compiled_graphs += 1
        rows = [random.row() for _ in range(ROWS)]
        columns = by_columns(compiled, rows)
        for row, told in zip(rows, columns, strict=True):
            expected = hit_texts(compiled, by_engine(compiled, row))
            single = hit_texts(compiled, compiled.outputs(read_values(compiled.policy.inputs, row)))
            assert single == expected, (seed, row)
            assert hit_texts(compiled, told) == expected, (seed, row)
    assert compiled_graphs >= 60, "too few random graphs compile for the test to mean anything"


def admission_values() -> st.SearchStrategy[dict[str, Any]]:
    fields = {}
    for name, declared in default_policy().inputs.items():
        if declared.kind == "boolean":
            value: st.SearchStrategy[Any] = st.booleans()
        else:
            low, high = int(declared.minimum or 0), int(declared.maximum or 0)
            near = st.sampled_from([x for x in (low, 1, 3, 5, 18, 65, 90, 50_000, 200_000, 600_000, 900_000, high) if low <= x <= high])
            value = st.one_of(st.integers(low, high), near)
        fields[name] = st.one_of(st.none(), value) if declared.nullable else value
    return st.fixed_dictionaries(fields)


@settings(max_examples=150, deadline=None)
@given(admission_values())
def test_admission_agrees_for_any_applicant(values: dict[str, Any]) -> None:
    compiled = compile_policy(default_policy())
    engine, single = run(default_policy(), values), compiled.run(values)
    assert (engine.outcome, engine.limit_fen, engine.rate_ppm, engine.reasons) == (
        single.outcome, single.limit_fen, single.rate_ppm, single.reasons,
    )  # fmt: skip
    assert engine.outputs == single.outputs
    kinds = {name: pl.Boolean if one.kind == "boolean" else pl.Int64 for name, one in default_policy().inputs.items()}
    table, _ = compiled.batch(pl.DataFrame([values], schema=kinds))
    told = table.row(0, named=True)
    codes = [reason.code for reason in engine.reasons]
    assert (told["outcome"], told["limit_fen"], told["rate_ppm"], told["reasons"]) == (
        engine.outcome, engine.limit_fen, engine.rate_ppm, codes,
    )  # fmt: skip


@pytest.mark.parametrize("value", [0.005, 0.015, 1.005, -1.005, 2.675, 0.1 + 0.2, 4.994999])
def test_decimals_are_rounded_alike_before_they_are_compared(value: float) -> None:
    graph = Graph(**FIELDS).expressions("e", twice="(c ?? 0) * 2", over="(c ?? 0) > 0.3")
    compiled = compile_policy(load_policy(graph.document(), "decimals"))
    row = {"b": 1, "d": 1.0, "t": "", "q": True, "c": value}
    expected = by_engine(compiled, row)
    assert compiled.outputs(read_values(compiled.policy.inputs, row)) == pytest.approx(expected)
    assert by_columns(compiled, [row])[0] == pytest.approx(expected)
