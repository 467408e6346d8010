"""Reasons of boosted models: our SHAP values beside LightGBM's ``pred_contrib``, many rows and one, and what a process that gives them costs.

    python benchmarks/score_reasons.py [--rows 10000] [--library-rows 500]

The models are those that ``fit`` makes of the public sets of score_sets.py with its defaults, then 300 trees x 31 leaves over 60 features
(score_row.py). Values are asserted equal within 1e-9, and one row to the bit as many, before anything is timed. Seconds are of the
processor on one thread, best of three, the sides in turn; many rows: from ready columns to a matrix of shares, on either side. One row: from
a vector to its shares, over 500 different rows in turn; and from a dictionary to reasons in two languages. The last part starts
processes that load a model and give one row's score and reasons, by our tables or, as it was, by the library.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import polars as pl
from score_batch import fitted, in_turn
from score_row import best, forest
from score_sets import SETS

from jiehuan.score import Model
from jiehuan.score.shares_read import read_shares


def row_of(name: str, model: Model, frame: pl.DataFrame, rows: int, few: int) -> str:
    """One line: sizes, us of processor a row for many and for one, the time and room that the tables take."""
    scorer: Any = model.scorer
    big = model.checked(frame.sample(rows, with_replacement=True, seed=1).rechunk())
    columns = scorer.read(big)
    matrix = np.ascontiguousarray(np.column_stack(columns)[:few])
    library = lightgbm.Booster(model_str=scorer.text)
    theirs = library.predict(matrix, pred_contrib=True, num_threads=1)
    shares = scorer.forest.shares
    ours = shares.rows(columns)
    np.testing.assert_allclose(ours[:few], theirs[:, :-1], rtol=1e-9, atol=1e-12 * np.abs(theirs).max())
    np.testing.assert_allclose(ours.sum(axis=1) + shares.mean, scorer.forest.rows(columns), rtol=1e-9, atol=1e-11)
    vectors = [np.ascontiguousarray(row) for row in matrix[:500]]
    assert (np.array([shares.row(one) for one in vectors]) == ours[: len(vectors)]).all()
    (mine, _), (lib, _) = in_turn(
        lambda: shares.rows(columns), lambda: library.predict(matrix, pred_contrib=True, num_threads=1)
    )
    one = best(lambda: [shares.row(vector) for vector in vectors], 2) / len(vectors)
    dictionaries = list(big.head(500).iter_rows(named=True))
    told = best(lambda: [model.reasons(row) for row in dictionaries], 1) / len(dictionaries)
    start = time.process_time()
    read_shares(scorer.forest)
    made = time.process_time() - start
    trees, leaves = len(scorer.forest.roots), len(scorer.forest.leaves)
    mine, lib = mine / rows * 1e6, lib / len(matrix) * 1e6
    return (
        f"| {name} | {trees} x {leaves / trees:.0f} | {len(model.inputs)} | {mine:.1f} | {lib:.0f} | {lib / mine:.0f} "
        f"| {one * 1e6:.0f} | {told * 1e6:.0f} | {made:.2f} s, {shares.tables.nbytes / 1e6:.1f} MB |"
    )


ONCE = """
import json, sys, time
from pathlib import Path
from jiehuan.score.model_files import load_model
folder = Path(sys.argv[1])
model = load_model(folder)
row = json.loads((folder / "row.json").read_text())
model.predict_row(row)
start = time.process_time()
if sys.argv[2] == "library":
    import lightgbm
    lightgbm.Booster(model_str=model.scorer.text).predict(model.scorer.vector(row)[None], pred_contrib=True)
else:
    model.reasons(row)
assert ("lightgbm" in sys.modules) == (sys.argv[2] == "library")
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"first": time.process_time() - start, "whole": time.process_time(), "peak": int(peak) / 1e3}))
"""
"""What a process of its own does: the score and the reasons of one row, by our tables or by the library."""


def process(folder: Path, by: str) -> dict[str, float]:
    """Processor seconds of the first reasons and of the whole process, peak memory in MB."""
    done = subprocess.run([sys.executable, "-c", ONCE, str(folder), by], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument(
        "--library-rows", type=int, default=500, help="rows for LightGBM, which takes up to 3 ms for one"
    )
    asked = parser.parse_args()
    packages = ", ".join(f"{name} {version(name)}" for name in ("lightgbm", "numba", "numpy", "polars"))
    load = os.getloadavg()[0]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, {packages}\n"
    )
    print(f"us of processor a row, one thread; {asked.rows:,} rows, {asked.library_rows:,} for LightGBM\n")
    print(
        "| model of | trees x leaves | features | many, ours | LightGBM | times | one row | one row, dictionary to texts | tables |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    kept: tuple[Model, pl.DataFrame] | None = None
    for name in SETS:
        model, frame = fitted(name)
        kept = (model, frame) if name == "taiwan" else kept
        print(row_of(name, model, frame, asked.rows, asked.library_rows), flush=True)
    model, _, frame = forest()
    print(row_of("made-up rows", model, frame, asked.rows, asked.library_rows), flush=True)

    assert kept is not None
    print(
        "\n| a process that loads the model of taiwan, scores and gives reasons of one row | processor, whole | first reasons | peak memory |"
    )
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        (folder / "model.json").write_text(json.dumps(kept[0].as_document()))
        (folder / "row.json").write_text(json.dumps(kept[1].select(kept[0].columns).row(0, named=True)))
        for title, by in (("by our tables", "tables"), ("by LightGBM", "library")):
            process(folder, by)  # the first compiles, or reads the files of the library
            found = min((process(folder, by) for _ in range(3)), key=lambda one: one["whole"])
            print(f"| {title} | {found['whole']:.2f} s | {found['first']:.2f} s | {found['peak']:.0f} MB |")


if __name__ == "__main__":
    main()
