"""Held-out discrimination, calibration and time of fit beside the peers, on the same rows and folds in one run.

    python benchmarks/score_fit.py [--sets superlender,taiwan,bank,german] [--folds 5] [--peers PYTHON]

Sets (``score_sets.py``): a micro-lender's loans with the behaviour of earlier ones (superlender), default of card clients (taiwan),
a bank's phone campaign without the field that leaks (bank), German credit (german). Of each, 70 % of the rows are fitted on and
30 % are kept aside; the defaults of jiehuan were chosen on folds of the 70 % alone. Then all are measured once more by the same
folds over all rows. Peers in their documented defaults: optbinning's BinningProcess and Scorecard, LightGBM, scikit-learn's
logistic regression (standardised, one-hot), and by ``--peers`` toad and scorecardpy in an interpreter of their own:

    python3.10 -m venv /tmp/peers && /tmp/peers/bin/pip install "pandas<2" "numpy<1.24" pyarrow toad scorecardpy

Differences of AUC are paired: one bootstrap draws the same rows for both. "fit" is processor time of one thread for binning,
selection and coefficients once, as the peers do it; "whole" is jiehuan's fit with its folds, intervals and warnings.
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
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from score_sets import SETS

from jiehuan.score import compare, fit
from jiehuan.score.folds import make_folds
from jiehuan.score.metrics import point_metrics

Scores = tuple[np.ndarray, float]


def ours(kind: str) -> Callable[..., Scores]:
    def run(train: pl.DataFrame, y: np.ndarray, test: pl.DataFrame) -> Scores:
        start = time.process_time()
        model = fit(train.with_columns(y=pl.Series(y)), "y", kind)
        seconds = time.process_time() - start
        return model.predict(test), seconds

    return run


def our_fit_alone(train: pl.DataFrame, y: np.ndarray) -> float:
    """Processor seconds of one scorecard fit: binning, selection, coefficients (middle of five; nobody's import is timed)."""
    from jiehuan.score.inputs import Input
    from jiehuan.score.scorecard_fit import learn_scorecard
    from jiehuan.score.settings import read_settings
    from jiehuan.score.sheet import read_sheet

    inputs = [Input(name, name, "number" if train.schema[name].is_numeric() else "category") for name in train.columns]
    found = []
    for _ in range(5):
        start = time.process_time()
        learn_scorecard(read_sheet(train, inputs, y, None), read_settings())
        found.append(time.process_time() - start)
    return float(np.median(found))


def as_pandas(frame: pl.DataFrame) -> Any:
    import pandas

    return pandas.DataFrame(
        {
            name: frame[name].to_list() if frame.schema[name] == pl.String else frame[name].to_numpy()
            for name in frame.columns
        }
    )


def with_optbinning(train: pl.DataFrame, y: np.ndarray, test: pl.DataFrame) -> Scores:
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    named = [name for name in train.columns if train.schema[name] == pl.String]
    rows, kept = as_pandas(train), as_pandas(test)
    start = time.process_time()
    process = BinningProcess(train.columns, categorical_variables=named)
    model = Scorecard(binning_process=process, estimator=LogisticRegression(max_iter=1000)).fit(rows, y)
    seconds = time.process_time() - start
    return model.predict_proba(kept)[:, 1], seconds


def with_lightgbm(train: pl.DataFrame, y: np.ndarray, test: pl.DataFrame) -> Scores:
    from lightgbm import LGBMClassifier

    rows, kept = as_pandas(train), as_pandas(test)
    for name in train.columns:
        if train.schema[name] == pl.String:
            kinds = sorted(train[name].drop_nulls().unique())
            rows[name], kept[name] = (
                part[name].astype("object").astype("category").cat.set_categories(kinds) for part in (rows, kept)
            )
    start = time.process_time()
    model = LGBMClassifier(n_jobs=1, verbose=-1).fit(rows, y)
    seconds = time.process_time() - start
    return model.predict_proba(kept)[:, 1], seconds


def with_sklearn(train: pl.DataFrame, y: np.ndarray, test: pl.DataFrame) -> Scores:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    named = [name for name in train.columns if train.schema[name] == pl.String]
    rows, kept = (
        as_pandas(train.with_columns(pl.col(named).fill_null("missing"))),
        as_pandas(test.with_columns(pl.col(named).fill_null("missing"))),
    )
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    start = time.process_time()
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), named), remainder=numbers),
        LogisticRegression(max_iter=2000),
    ).fit(rows, y)
    seconds = time.process_time() - start
    return model.predict_proba(kept)[:, 1], seconds


def with_peers(
    python: str, train: pl.DataFrame, y: np.ndarray, test: pl.DataFrame, kept_y: np.ndarray
) -> dict[str, Scores | str]:
    with tempfile.TemporaryDirectory() as folder:
        for name, frame, events in (("train", train, y), ("test", test, kept_y)):
            frame.with_columns(y=pl.Series(events.astype(int))).write_parquet(Path(folder) / f"{name}.parquet")
        command = [
            python,
            str(Path(__file__).with_name("score_peers.py")),
            f"{folder}/train.parquet",
            f"{folder}/test.parquet",
            "y",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return {
        name: one["error"] if "error" in one else (np.array(one["p"]), one["seconds"]) for name, one in found.items()
    }


def measured(set_name: str, frame: pl.DataFrame, y: np.ndarray, folds: int, peers: str) -> list[str]:
    order = np.random.default_rng(7).permutation(len(y))
    cut = int(0.3 * len(y))
    kept, used = np.sort(order[:cut]), np.sort(order[cut:])
    runs: dict[str, Callable[..., Scores]] = {
        "jiehuan scorecard": ours("scorecard"), "jiehuan boosted": ours("boosted"), "optbinning scorecard": with_optbinning,
        "LightGBM": with_lightgbm, "scikit-learn logistic": with_sklearn,
    }  # fmt: skip

    def all_on(inside: np.ndarray, outside: np.ndarray) -> dict[str, Scores | str]:
        found: dict[str, Scores | str] = {
            name: run(frame[inside], y[inside], frame[outside]) for name, run in runs.items()
        }
        return found | (with_peers(peers, frame[inside], y[inside], frame[outside], y[outside]) if peers else {})

    print(f"{set_name}: kept part", file=sys.stderr, flush=True)
    scores = all_on(used, kept)
    alone = our_fit_alone(frame[used], y[used])
    pooled: dict[str, np.ndarray] = {name: np.full(len(y), np.nan) for name in scores}
    fold_of = make_folds(y, folds, 1) if folds else np.zeros(len(y), int)
    for fold in range(folds):
        print(f"{set_name}: fold {fold + 1} of {folds}", file=sys.stderr, flush=True)
        outside = np.flatnonzero(fold_of == fold)
        for name, one in all_on(np.flatnonzero(fold_of != fold), outside).items():
            if not isinstance(one, str):
                pooled[name][outside] = one[0]
    whole = {name: one for name, one in pooled.items() if not np.isnan(one).any()}
    lines = [f"### {set_name}: {len(y)} rows, {frame.width} fields, {y.mean():.1%} events", ""]
    lines.append(
        f"| model | {len(kept)} rows kept aside: AUC | KS | Brier | slope | {folds} folds: AUC | KS | Brier | slope | fit, s |"
    )
    lines.append("|---|" + "---|" * 9)
    for name, one in scores.items():
        if isinstance(one, str):
            lines.append(f"| {name} | failed: {one} |" + " |" * 8)
            continue
        took = f"{one[1]:.2f}"
        if name.startswith("jiehuan"):
            took = f"{alone:.2f} (whole {one[1]:.1f})" if name.endswith("scorecard") else f"whole {one[1]:.1f}"
        folded = _figures(y, whole[name]) if name in whole else " | | | "
        lines.append(f"| {name} | {_figures(y[kept], one[0])} | {folded} | {took} |")
    lines.append("")
    for mine, others in (
        ("jiehuan scorecard", ("optbinning scorecard", "toad", "scorecardpy")),
        ("jiehuan boosted", ("LightGBM",)),
    ):
        for other in others:
            theirs, my = scores.get(other), scores[mine]
            if isinstance(theirs, tuple) and isinstance(my, tuple):
                told = [f"kept {_paired(y[kept], theirs[0], my[0])}"]
                if mine in whole and other in whole:
                    told.append(f"folds {_paired(y, whole[other], whole[mine])}")
                if mine == "jiehuan scorecard":
                    told.append(f"fit {theirs[1] / alone:.0f} times as fast")
                lines.append(f"- {mine} less {other}, AUC: {'; '.join(told)}")
    return [*lines, ""]


def _figures(events: np.ndarray, chance: np.ndarray) -> str:
    found = point_metrics(events, np.clip(chance, 0, 1))
    return " | ".join(f"{found[name]:.4f}" for name in ("auc", "ks", "brier")) + f" | {found['calibration_slope']:.2f}"


def _paired(events: np.ndarray, theirs: np.ndarray, mine: np.ndarray) -> str:
    one = compare(events, np.clip(theirs, 0, 1), np.clip(mine, 0, 1), bootstrap=300)["difference"]["auc"]
    low, high = one["interval"]
    said = "better" if low > 0 else "worse" if high < 0 else "level"
    return f"{one['value']:+.4f} ({low:+.4f} to {high:+.4f}), {said}"


def main() -> None:
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--peers", default="", help="an interpreter that has toad and scorecardpy")
    asked = parser.parse_args()
    packages = ", ".join(f"{name} {version(name)}" for name in ("optbinning", "lightgbm", "scikit-learn"))
    load = os.getloadavg()[0]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}; {packages}"
    )
    if asked.peers:
        names = ("toad", "scorecardpy", "pandas", "numpy")
        told = f"from importlib.metadata import version as v; print(', '.join(f'{{n}} {{v(n)}}' for n in {names!r}))"
        print("peers: " + subprocess.run([asked.peers, "-c", told], capture_output=True, text=True, check=True).stdout)
    for name in asked.sets.split(","):
        print("\n".join(measured(name, *SETS[name](), asked.folds, asked.peers)), flush=True)


if __name__ == "__main__":
    from threadpoolctl import threadpool_limits

    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # the peers' interpreter
    with threadpool_limits(1):
        main()
