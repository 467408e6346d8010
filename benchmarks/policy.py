"""One policy, three executors: microseconds a row and rows a second, all answers compared before anything is timed.

    python benchmarks/policy.py [--rows 1000000]

Two policies: the shipped admission graph, and one of 50 rules with two comparisons each over 20 fields. The engine is
timed in its own best ways (``evaluate`` on a compiled decision, ``evaluate_batch``) on as many rows as it does in two
seconds; the columns on a million rows. Ratios are within this run, the best of three on each side.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import zen

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.policy.graphs import Graph, number

from jiehuan.policy import Policy, default_policy, load_policy, read_values
from jiehuan.policy.compiled import Compiled, compile_policy


def fifty_rules() -> Policy:
    rng = random.Random(50)
    fields = {f"f{n}": number(0, 1_000_000) for n in range(20)}
    rows = []
    for n in range(50):
        first, second = rng.sample(list(fields), 2)
        cells = [""] * 20
        cells[int(first[1:])], cells[int(second[1:])] = (
            f"> {rng.randint(700_000, 990_000)}",
            f"<= {rng.randint(10_000, 400_000)}",
        )
        rows.append([*cells, f"'r{n}'"])
    graph = Graph(**fields).table("rules", list(fields), ["code"], rows, collect="refusals")
    graph.expressions(
        "terms", limit_fen="1000000", rate_ppm="180000", outcome="len(refusals) > 0 ? 'refuse' : 'approve'"
    )
    return load_policy(graph.document(), "fifty rules")


def inputs(policy: Policy, rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    columns = {}
    for name, declared in policy.inputs.items():
        if declared.kind == "boolean":
            series = pl.Series(rng.random(rows) < 0.3)
        else:
            low, high = int(declared.minimum or 0), int(declared.maximum or 0)
            series = pl.Series(np.minimum((low + (high - low) * rng.random(rows) ** 3).astype(np.int64), high))
        if declared.nullable:
            told = pl.DataFrame({"value": series, "known": rng.random(rows) > 0.1})
            series = told.select(pl.when(pl.col("known")).then(pl.col("value")))["value"]
        columns[name] = series
    return pl.DataFrame(columns)


def best(act: Callable[[], Any], times: int = 3) -> float:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        found.append(time.perf_counter() - start)
    return min(found)


def compare(compiled: Compiled, decision: Any, frame: pl.DataFrame) -> None:
    """The same outcome, limit and reasons on a thousand rows from all three, or nothing is timed."""
    table, _ = compiled.batch(frame.head(1000))
    for row, told in zip(frame.head(1000).iter_rows(named=True), table.iter_rows(named=True), strict=True):
        known = read_values(compiled.policy.inputs, row)
        one = compiled.run(row)
        engine = decision.evaluate({name: value for name, value in known.items() if value is not None})["result"]
        same = engine["outcome"] == one.outcome == told["outcome"] and one.limit_fen == told["limit_fen"]
        codes = (
            [entry["code"] for entry in engine["refusals"]]
            if one.outcome == "refuse"
            else [reason.code for reason in one.reasons]
        )
        if not same or codes != told["reasons"]:
            sys.exit(f"executors disagree on {row}")


def measure(policy: Policy, rows: int) -> dict[str, Any]:
    start = time.perf_counter()
    compiled = compile_policy(policy)
    compile_ms = (time.perf_counter() - start) * 1e3
    engine = zen.ZenEngine({"loader": {"type": "static", "content": {"p": policy.document}}})
    decision = engine.create_decision(json.dumps(policy.document))
    frame = inputs(policy, rows)
    compare(compiled, decision, frame)
    few = [read_values(policy.inputs, row) for row in frame.head(500).iter_rows(named=True)]
    bare = [{name: value for name, value in row.items() if value is not None} for row in few]
    requests = [{"key": "p", "context": row} for row in bare]
    decide = compiled.decide
    engine_row = best(lambda: [decision.evaluate(row) for row in bare]) / len(bare)
    engine_batch = best(lambda: engine.evaluate_batch(requests)) / len(bare)
    one = best(lambda: [decide(row) for row in few for _ in range(40)], 5) / len(few) / 40
    columns = best(lambda: compiled.batch(frame)) / rows
    return {
        "policy": policy.name,
        "compile_ms": round(compile_ms, 1),
        "engine_us_a_row": round(engine_row * 1e6, 1),
        "engine_batch_us_a_row": round(engine_batch * 1e6, 1),
        "compiled_us_a_row": round(one * 1e6, 2),
        "columns_ns_a_row": round(columns * 1e9, 1),
        "columns_rows_a_second": round(1 / columns),
        "one_row_ratio": round(engine_row / one, 1),
        "batch_ratio": round(min(engine_row, engine_batch) / columns, 1),
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rows", type=int, default=1_000_000)
    rows = words.parse_args().rows
    print(json.dumps({"python": platform.python_version(), "machine": platform.machine(), "rows": rows,
                      **{name: version(name) for name in ("zen-engine", "polars", "numpy")}}))  # fmt: skip
    for policy in (default_policy(), fifty_rules()):
        print(json.dumps(measure(policy, rows), ensure_ascii=False))


if __name__ == "__main__":
    main()
