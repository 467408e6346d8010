"""Tables scored whole: boosted models of the sizes that our fit makes, beside LightGBM's own predict; and `score apply` end to end.

    python benchmarks/score_batch.py [--rows 100000] [--apply 1000000]

The models are those that `fit` makes of the public sets of score_sets.py with its defaults, then 300 trees x 31 leaves over 60 features
(score_row.py), then a scorecard. Each scores a table of its set's rows, drawn with replacement; LightGBM gets the same as a ready
matrix, which costs it nothing. Raw scores are asserted equal to the bit. Seconds are of the processor with one thread (best of
three, the sides in turn), and of the wall with all cores. The last part runs the command on a Parquet file of a million rows
and 100 columns (score_wide.py), from the file to the file, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import polars as pl
from score_row import card, forest
from score_sets import SETS
from score_wide import table

from jiehuan.score import Model, fit
from jiehuan.score.model_files import load_model

QUICK = {"evaluation": {"folds": 2, "bootstrap": 0}}
"""Fewer figures; the trees are those of the defaults."""


def in_turn(*sides: Callable[[], Any]) -> list[tuple[float, float]]:
    """Processor and wall seconds of each side: the best of three rounds in which they take turns."""
    found = [(np.inf, np.inf)] * len(sides)
    for _ in range(3):
        for place, run in enumerate(sides):
            cpu, wall = time.process_time(), time.perf_counter()
            run()
            taken = time.process_time() - cpu, time.perf_counter() - wall
            found[place] = min(found[place][0], taken[0]), min(found[place][1], taken[1])
    return found


def fitted(name: str) -> tuple[Model, pl.DataFrame]:
    """Our model of a public set, and the set."""
    frame, events = SETS[name]()
    model = fit(frame.with_columns(outcome_=pl.Series(events)), "outcome_", "boosted", settings=QUICK)
    return model, frame


def row_of(name: str, model: Model, frame: pl.DataFrame, rows: int) -> str:
    """One line: sizes, both sides' processor time of one thread, both sides' rows a second with all cores."""
    scorer: Any = model.scorer
    big = model.checked(frame.sample(rows, with_replacement=True, seed=1).rechunk())
    columns = scorer.read(big)
    matrix = np.ascontiguousarray(np.column_stack(columns))
    library = lightgbm.Booster(model_str=scorer.text)
    assert (scorer.forest.rows(columns) == library.predict(matrix, raw_score=True)).all()
    assert (scorer.raw_of(big) == scorer.forest.rows(columns)).all()
    alone = in_turn(lambda: scorer.forest.rows(scorer.read(big)), lambda: library.predict(matrix, num_threads=1))
    cores = in_turn(lambda: model.predict(big), lambda: library.predict(matrix))
    trees, leaves = len(scorer.forest.roots), len(scorer.forest.leaves)
    (ours, _), (theirs, _) = alone
    speeds = [rows / wall / 1e6 for _, wall in cores]
    return (
        f"| {name} | {trees} x {leaves / trees:.0f} | {len(model.inputs)} | {ours / rows * 1e6:.2f} | {theirs / rows * 1e6:.1f} "
        f"| {theirs / ours:.0f} | {speeds[0]:.2f} | {speeds[1]:.2f} |"
    )


def applied(folder: Path, rows: int) -> None:
    """`score apply` on a Parquet file of ``rows`` rows and 100 columns: wall and processor seconds of the whole command."""
    sample = table(10_000, 100, 1)
    for kind in ("scorecard", "boosted"):
        model = fit(sample, "y", kind, settings=QUICK)
        (folder / kind).mkdir()
        (folder / kind / "model.json").write_text(json.dumps(model.as_document()))
    table(rows, 100, 2).write_parquet(folder / "rows.parquet")
    command = [sys.executable, "-m", "jiehuan", "score", "apply"]
    for kind in ("scorecard", "boosted"):
        size = ""
        if kind == "boosted":
            scorer: Any = load_model(folder / kind).scorer
            size = f", {len(scorer.forest.roots)} trees"
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = time.perf_counter()
        subprocess.run(
            [*command, str(folder / kind), str(folder / "rows.parquet"), "--out", str(folder / "out.parquet"), "--reasons", "0"],
            check=True, capture_output=True,
        )  # fmt: skip
        wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - spent.ru_utime - spent.ru_stime
        assert pl.scan_parquet(folder / "out.parquet").select(pl.len()).collect().item() == rows
        print(f"| {kind}{size} | {wall:.1f} s | {cpu:.1f} s | {rows / wall / 1e6:.2f} M |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--apply", type=int, default=1_000_000, help="rows for `score apply`; 0: leave it out")
    asked = parser.parse_args()
    packages = ", ".join(f"{name} {version(name)}" for name in ("lightgbm", "numba", "numpy", "polars"))
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, {packages}\n"
    )
    print(
        f"{asked.rows:,} rows, from the table to the probability; one thread: us of processor a row; all cores: M rows/s\n"
    )
    print("| model of | trees x leaves | features | ours, us | LightGBM, us | times | ours, M/s | LightGBM, M/s |")
    print("|---|---|---|---|---|---|---|---|")
    for name in SETS:
        print(row_of(name, *fitted(name), asked.rows), flush=True)
    model, _, frame = forest()
    print(row_of("made-up rows", model, frame, asked.rows), flush=True)

    few, large = card(1_000_000)
    head = large.head(300)
    scorer: Any = few.scorer
    assert [scorer.logit_of_row(one) for one in head.iter_rows(named=True)] == scorer.logits_of(large)[:300].tolist()
    ((_, wall),) = in_turn(lambda: few.predict(large))
    print(f"\nscorecard of {len(few.inputs)} features, 1,000,000 rows: {wall * 1e3:.0f} ms, {1 / wall:.1f} M rows/s")

    if asked.apply:
        print(
            f"\n`score apply --reasons 0`, {asked.apply:,} rows x 100 columns, Parquet to Parquet, the process's start counted\n"
        )
        print("| model | wall | processor | rows/s |\n|---|---|---|---|")
        with tempfile.TemporaryDirectory() as folder:
            applied(Path(folder), asked.apply)


if __name__ == "__main__":
    main()
