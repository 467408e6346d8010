"""A wide table fitted and scored whole: a million rows, a hundred columns, missing values, categories unseen at the fit.

    python benchmarks/score_wide.py [--rows 1000000] [--columns 100] [--kinds scorecard,boosted]

Each kind runs in a process of its own, from the Parquet file to the model with all its figures (folds, intervals, warnings), then
scores a second table of the same size. A fifth of the columns are categories of 4 to 5,000 kinds; a tenth of all values is missing;
forty columns carry the outcome, the others are noise. Peak memory is of the whole process, the tables included.
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
from pathlib import Path

import numpy as np
import polars as pl

from jiehuan.score import evaluate, fit


def table(rows: int, columns: int, seed: int) -> pl.DataFrame:
    """Rows with the outcome ``y``. Another seed gives other people, and categories that the first did not have."""
    random = np.random.default_rng(seed)
    logit, found = np.full(rows, -2.2), {}
    for place in range(columns):
        tells = 0.25 / (1 + place % 10) if place % 5 < 2 else 0.0
        gone = random.random(rows) < 0.1
        if place % 5 == 4:
            kinds = (4, 40, 400, 5000)[place // 5 % 4]
            drawn = (random.random(rows) ** 2 * kinds).astype(np.int64) + (seed - 1)
            logit += 0.15 * np.sin(drawn)
            values = pl.Series(drawn).cast(pl.String) + "类"
        else:
            drawn = random.normal(size=rows).astype(np.float32) + 0.02 * place
            logit += tells * drawn
            values = pl.Series(drawn.astype(float))
        found[f"c{place:03d}"] = values.set(pl.Series(gone), None)
    happened = random.random(rows) < 1 / (1 + np.exp(-logit))
    return pl.DataFrame(found | {"y": pl.Series(happened.astype(np.int8))})


def one(kind: str, folder: Path) -> dict[str, float]:
    """Fit and score; seconds of wall and processor time, peak memory in GB."""
    wall, cpu = time.perf_counter(), time.process_time()
    model = fit(pl.read_parquet(folder / "first.parquet"), "y", kind)
    fitted, used = time.perf_counter() - wall, time.process_time() - cpu
    later = pl.read_parquet(folder / "second.parquet")
    wall, cpu = time.perf_counter(), time.process_time()
    chance = model.predict(later)
    scored, scored_used = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "fit": fitted,
        "fit_cpu": used,
        "score": scored,
        "score_cpu": scored_used,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "folds_auc": model.metrics["out_of_fold"]["auc"],
        "later_auc": evaluate(later["y"].to_numpy().astype(float), chance, bootstrap=0)["auc"],
        "features": len(model.inputs),
        "unseen": sum(model.unseen(later).values()),
        "rounds": model.fitted["rounds"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--kinds", default="scorecard,boosted")
    parser.add_argument("--in", dest="folder", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.folder:
        print(json.dumps(one(asked.kinds, Path(asked.folder))))
        return
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}")
    print(f"{asked.rows:,} rows x {asked.columns} columns\n")
    print(
        "| kind | fit whole, s (processor) | peak GB | AUC folds | AUC second table | unseen | score, s (processor) | rows/s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, seed in (("first", 1), ("second", 2)):
            table(asked.rows, asked.columns, seed).write_parquet(Path(folder) / f"{name}.parquet")
        for kind in asked.kinds.split(","):
            command = [sys.executable, __file__, "--in", folder, "--kinds", kind]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            told = json.loads(done.stdout.splitlines()[-1])
            name = f"{kind}, {told['features']} features" + (f", {told['rounds']} trees" if told["rounds"] else "")
            print(
                f"| {name} | {told['fit']:.0f} ({told['fit_cpu']:.0f}) | {told['peak']:.1f} | {told['folds_auc']:.4f} | {told['later_auc']:.4f} | "
                f"{told['unseen']:,} values | {told['score']:.1f} ({told['score_cpu']:.1f}) | {asked.rows / told['score'] / 1e6:.2f} M |",
                flush=True,
            )


if __name__ == "__main__":
    main()
