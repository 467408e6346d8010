"""One row: a scorecard and a forest of 300 trees x 31 leaves over 60 features, against LightGBM's own ways (many: score_batch.py).

    python benchmarks/score_row.py

Every answer is compared before anything is timed: the forest to the bit with the library's, missing values, categories and unseen
ones among the rows. Times are processor time, the best of five on each side, in one run, and go over 500 different rows in
turn: a row repeated flatters whoever branches. One-row times are of a vector, and from a dictionary to a probability.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import lightgbm
import numpy as np
import polars as pl

from jiehuan.score import Model, fit
from jiehuan.score.boosted import Boosted
from jiehuan.score.calibrate import Calibration
from jiehuan.score.inputs import Input
from jiehuan.score.scorecard import Scaling


def best(run: Callable[[], Any], times: int) -> float:
    """Processor seconds of one call: the best of five loops of ``times`` calls."""
    found = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            run()
        found.append((time.process_time() - start) / times)
    return min(found)


NAMED = 8
"""Of the features, so many are categories of twelve texts each."""


def forest(features: int = 60) -> tuple[Model, lightgbm.Booster, pl.DataFrame]:
    """A model of 300 trees, the library's own of the same text, and rows: numbers, categories, a tenth missing."""
    random = np.random.default_rng(1)
    rows, names = 50_000, [f"x{place}" for place in range(features)]
    values = random.normal(size=(rows, features))
    numbers = features - NAMED
    values[:, numbers:] = random.integers(0, 12, (rows, NAMED))
    logit = values[:, :20].sum(axis=1) / 3 + 0.3 * np.sin(values[:, numbers:] * 2.1).sum(axis=1) - 2
    events = (random.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)
    values[random.random(values.shape) < 0.1] = np.nan
    data = lightgbm.Dataset(values, events, categorical_feature=list(range(numbers, features)))
    options = {"objective": "binary", "num_leaves": 31, "verbosity": -1, "num_threads": 1}
    text = lightgbm.train(options, data, num_boost_round=300).model_to_string()
    kinds = tuple(f"kind {place:02d}" for place in range(12))
    inputs = [Input(name, name, "number" if place < numbers else "category") for place, name in enumerate(names)]
    categories = [() if place < numbers else kinds for place in range(features)]
    scorer = Boosted(inputs, categories, [0] * features, text, Calibration(), Scaling(600, 30, 20))
    frame = pl.DataFrame(values, schema=names, nan_to_null=True)
    frame = frame.with_columns(
        pl.col(name).cast(pl.Int64).replace_strict(dict(enumerate(kinds)), return_dtype=pl.String)
        for name in names[numbers:]
    )
    unseen = pl.when(pl.int_range(rows) % 50 == 7).then(pl.lit("never seen")).otherwise(pl.col(names[-1]))
    return Model("y", "1", scorer), lightgbm.Booster(model_str=text), frame.with_columns(unseen.alias(names[-1]))


def fast_single_row(booster: lightgbm.Booster, features: int) -> Callable[[np.ndarray], float]:
    """LightGBM's own fast path for one row, through its C interface."""
    library, handle = lightgbm.basic._LIB, ctypes.c_void_p()
    library.LGBM_BoosterPredictForMatSingleRowFastInit(
        booster._handle,
        1,
        0,
        -1,
        1,
        ctypes.c_int32(features),
        lightgbm.basic._c_str("num_threads=1"),
        ctypes.byref(handle),
    )  # raw score, float64
    out, count = ctypes.c_double(), ctypes.c_int64()
    at_out, at_count = ctypes.byref(out), ctypes.byref(count)

    def run(row: np.ndarray) -> float:
        library.LGBM_BoosterPredictForMatSingleRowFast(handle, row.ctypes.data_as(ctypes.c_void_p), at_count, at_out)
        return out.value

    return run


def card(rows: int) -> tuple[Model, pl.DataFrame]:
    """A scorecard of fifteen numbers, and rows to score."""
    random = np.random.default_rng(2)
    table = {f"x{place}": random.normal(size=20_000) for place in range(15)}
    logit = -2 + sum(table[f"x{place}"] for place in range(15)) / 4
    happened = (random.random(20_000) < 1 / (1 + np.exp(-logit))).astype(int)
    model = fit(pl.DataFrame(table | {"y": happened}), "y", settings={"evaluation": {"folds": 2, "bootstrap": 0}})
    return model, pl.DataFrame({f"x{place}": random.normal(size=rows) for place in range(15)})


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    packages = ", ".join(f"{name} {version(name)}" for name in ("lightgbm", "numba", "numpy", "polars"))
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, {packages}\n"
    )

    model, library, frame = forest()
    scorer: Any = model.scorer
    some = frame.head(5000)
    matrix = scorer.matrix(some)
    theirs = library.predict(matrix, raw_score=True, num_threads=1)
    assert (scorer.raw_of(some) == theirs).all()
    rows = [dict(row) for row in some.head(500).iter_rows(named=True)]
    assert [scorer.raw_of_row(row) for row in rows] == theirs[:500].tolist()
    fast, vectors = fast_single_row(library, 60), [scorer.vector(row) for row in rows]
    assert [fast(vector) for vector in vectors] == theirs[:500].tolist()
    print(
        f"forest, 300 trees x 31 leaves, 60 features ({NAMED} categories), 10 % missing, some unseen: equal to the bit on 5,000 rows\n"
    )
    timed = {
        "jiehuan, one row as a vector": best(lambda: [scorer.forest.row(one) for one in vectors], 10) / 500,
        "jiehuan, predict_row (60 fields of a dictionary to a probability)": best(
            lambda: [model.predict_row(one) for one in rows], 10
        )
        / 500,
        "LightGBM, single row fast (C interface)": best(lambda: [fast(one) for one in vectors], 10) / 500,
        "LightGBM, Booster.predict, one thread": best(
            lambda: [library.predict(one[None], num_threads=1) for one in vectors], 2
        )
        / 500,
    }
    print("| one row | us |\n|---|---|")
    for name, seconds in timed.items():
        print(f"| {name} | {seconds * 1e6:.1f} |")
    small, large = card(1)
    row = large.row(0, named=True)
    print(f"\n| scorecard of {len(small.inputs)} features | us |\n|---|---|")
    print(f"| predict_row | {best(lambda: small.predict_row(row), 20_000) * 1e6:.1f} |")
    print(f"| score_row with reasons | {best(lambda: small.score_row(row), 5000) * 1e6:.1f} |")


if __name__ == "__main__":
    main()
