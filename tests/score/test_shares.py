"""The shares of a score are LightGBM's own SHAP values (``pred_contrib``), and with the mean they add up to the score."""

from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.score import Model, fit
from jiehuan.score.boosted_fit import learn_trees, matrix_of_sheet
from jiehuan.score.forest import read_forest
from jiehuan.score.inputs import Input
from jiehuan.score.settings import read_settings
from jiehuan.score.shares import BLOCK, MOST_BITS
from jiehuan.score.sheet import Category, Sheet

KINDS = (3, 12, 40, 90)


def made_sheet(seed: int, rows: int, numbers: int, named: int, weighted: bool) -> Sheet:
    """Numbers with holes, zeros, few values or one; categories of 3 to 90 kinds, some missing; an outcome that depends on them."""
    random = np.random.default_rng(seed)
    features: dict[str, Any] = {}
    inputs, logit = [], np.zeros(rows)
    for place in range(numbers):
        values = random.normal(size=rows) if random.random() < 0.6 else random.integers(0, 4, rows).astype(float)
        values[random.random(rows) < random.choice([0.0, 0.3])] = 0.0
        values[random.random(rows) < random.choice([0.0, 0.1, 0.5])] = np.nan
        if random.random() < 0.15:
            values[:] = 7.0
        logit += np.nan_to_num(values, nan=random.normal())
        features[f"n{place}"] = values
        inputs.append(Input(f"n{place}", f"n{place}", "number"))
    for place in range(named):
        kinds = KINDS[place % len(KINDS)]
        ids = random.integers(0, kinds + 1, rows)
        logit += np.sin(ids)
        features[f"c{place}"] = Category(tuple(f"{kind:03d}" for kind in range(kinds)), ids)
        inputs.append(Input(f"c{place}", f"c{place}", "category"))
    events = (random.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)
    events[:2] = 0.0, 1.0
    return Sheet(tuple(inputs), features, events, random.uniform(0.5, 2.0, rows) if weighted else None)


def odd_rows(seed: int, matrix: np.ndarray) -> np.ndarray:
    """The fit's own rows, and rows with values it never saw: infinite, tiny, fractions of places, unknown places, missing."""
    random = np.random.default_rng(seed + 1)
    odd = random.choice(
        [0.0, -0.0, 1e-36, 1e300, np.inf, -np.inf, np.nan, -2.0, 3.7, 31.0, 64.0, 1e6, 5e9], matrix[:80].shape
    )
    mixed = np.where(random.random(odd.shape) < 0.3, odd, matrix[:80])
    return np.concatenate([matrix[:120], odd, mixed])


def assert_as_library(text: str, rows: np.ndarray) -> None:
    """Equal to the library within 1e-9 (of a value, or 1e-3 of 1e-9 of the largest), one row to the bit as many; the sum is the score."""
    shares, library = read_forest(text).shares, lightgbm.Booster(model_str=text)
    theirs = library.predict(rows, pred_contrib=True, num_threads=1)
    ours = shares.rows(np.ascontiguousarray(rows.T))
    np.testing.assert_allclose(ours, theirs[:, :-1], rtol=1e-9, atol=1e-12 * max(float(np.abs(theirs).max()), 1e-3))
    assert shares.mean == pytest.approx(theirs[0, -1], rel=1e-9, abs=1e-12)
    raw = library.predict(rows, raw_score=True, num_threads=1)
    np.testing.assert_allclose(ours.sum(axis=1) + shares.mean, raw, rtol=1e-9, atol=1e-11)
    assert all((shares.row(row) == many).all() for row, many in zip(rows, ours, strict=True))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    rows=st.integers(60, 900),
    numbers=st.integers(0, 14),
    named=st.integers(0, 4),
    leaves=st.sampled_from([2, 8, 15, 15, 15, 40]),
    rounds=st.integers(1, 12),
    weighted=st.booleans(),
    bound=st.booleans(),
)
def test_what_our_fit_makes(
    seed: int, rows: int, numbers: int, named: int, leaves: int, rounds: int, weighted: bool, bound: bool
) -> None:
    sheet = made_sheet(seed, rows, max(numbers, 1 - named), named, weighted)
    how = read_settings({"boosted": {"leaves": leaves, "min_rows_in_leaf": 3}, "binning": {"min_rows": 2}})
    monotone = {one.name: (1, -1, 0)[at % 3] for at, one in enumerate(sheet.inputs) if not one.is_category}
    trees = learn_trees(sheet, how, seed, monotone if bound else None, rounds=rounds)
    assert_as_library(trees.text, odd_rows(seed, matrix_of_sheet(sheet, trees.categories)))


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    options=st.fixed_dictionaries(
        {
            "num_leaves": st.sampled_from([4, 31, 120]),
            "zero_as_missing": st.booleans(),
            "use_missing": st.booleans(),
            "max_cat_to_onehot": st.sampled_from([4, 100]),
        }
    ),
)
def test_any_way_of_missing_and_any_depth(seed: int, options: dict[str, Any]) -> None:
    sheet = made_sheet(seed, 800, 12, 3, False)
    values = matrix_of_sheet(sheet, [one.names if isinstance(one, Category) else () for one in sheet.features.values()])
    data = lightgbm.Dataset(values, sheet.events, categorical_feature=[12, 13, 14], params={"verbosity": -1})
    base = {"objective": "binary", "verbosity": -1, "min_data_in_leaf": 2, "seed": seed % 1000, "num_threads": 1}
    booster = lightgbm.train(base | options, data, 5)
    assert_as_library(booster.model_to_string(), odd_rows(seed, values))


def test_these_trees_have_pieces_with_tables_and_without_and_splits_above_every_number() -> None:
    random = np.random.default_rng(3)
    values = random.normal(size=(3000, 40))
    values[:, 3] = np.where(random.random(3000) < 0.5, np.nan, random.integers(0, 3, 3000))
    target = (values > 1).sum(axis=1) + 3.0 * np.isnan(values[:, 3])
    data = lightgbm.Dataset(values, target, params={"verbosity": -1})
    options = {"objective": "regression", "verbosity": -1, "num_leaves": 60, "min_data_in_leaf": 2, "num_threads": 1}
    text = lightgbm.train(options, data, 8).model_to_string()
    forest = read_forest(text)
    assert np.isinf(forest.thresholds).any()  # missing to the right, all numbers to the left
    assert {points > 0 for points in forest.shares.pieces[:, 4].tolist()} == {True, False}
    assert forest.shares.pieces[forest.shares.pieces[:, 4] == 0, 1].max() == MOST_BITS
    values[:50, 3] = np.inf
    assert_as_library(text, values[:300])


def test_a_path_of_more_features_than_a_word_has_bits() -> None:
    count = 75  # each feature parts two rows from the rest: a chain of 75 features
    values = np.repeat(np.eye(count), 2, axis=0)
    target = np.repeat(1.35 ** np.arange(count), 2)
    options = {
        "objective": "regression", "num_leaves": count, "min_data_in_leaf": 1, "verbosity": -1, "min_sum_hessian_in_leaf": 0,
        "learning_rate": 1.0, "num_threads": 1, "min_data_in_bin": 1, "feature_pre_filter": False,
    }  # fmt: skip
    text = lightgbm.train(options, lightgbm.Dataset(values, target, params={"verbosity": -1} | options), 1)
    forest = read_forest(text.model_to_string())
    assert forest.shares.pieces[:, 3].max() > 64
    ours, raw = forest.shares.rows(np.ascontiguousarray(values.T)), forest.rows(np.ascontiguousarray(values.T))
    np.testing.assert_allclose(ours.sum(axis=1) + forest.shares.mean, raw, rtol=1e-9, atol=1e-12 * raw.max())


def test_rows_that_fill_no_block() -> None:
    sheet = made_sheet(4, 700, 6, 2, False)
    trees = learn_trees(sheet, read_settings(), 4, rounds=10)
    columns, shares = matrix_of_sheet(sheet, trees.categories).T, read_forest(trees.text).shares
    whole = shares.rows(columns)
    for count in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1):
        assert (shares.rows(columns[:, :count]) == whole[:count]).all()


def test_trees_of_one_leaf_share_nothing_out() -> None:
    sheet = made_sheet(5, 100, 2, 0, False)
    sheet.features["n0"][:] = sheet.features["n1"][:] = 1.0
    text = learn_trees(sheet, read_settings(), 5, rounds=3).text
    shares = read_forest(text).shares
    assert (shares.rows(np.ones((2, 3))) == 0).all()
    assert (shares.row(np.ones(2)) == 0).all()
    assert shares.mean == read_forest(text).row(np.ones(2))


def test_large_tables_go_over_all_cores_with_the_same_shares(trees: Model, applications: pl.DataFrame) -> None:
    scorer: Any = trees.scorer
    large = applications.sample(40_000, with_replacement=True, seed=2)
    whole = scorer.shap(large)
    assert (whole == scorer.forest.shares.rows(scorer.read(large))).all()
    assert_as_library(scorer.text, scorer.matrix(applications.head(200)))
    assert (scorer.worst_features(large, 3)[:500] == scorer.worst_features(large.head(500), 3)).all()


def test_reasons_of_a_fit_with_bounds_and_categories(applications: pl.DataFrame) -> None:
    model = fit(applications.head(2000), "bad", "boosted", settings={"evaluation": {"folds": 2, "bootstrap": 0}})
    scorer: Any = model.scorer
    library = lightgbm.Booster(model_str=scorer.text)
    for row in applications.tail(30).iter_rows(named=True):
        theirs = library.predict(scorer.vector(row)[None], pred_contrib=True)[0, :-1]
        told = {one["feature"]: one["contribution"] for one in model.reasons(row, top=20)}
        names = [one.name for one in model.inputs]
        assert told == pytest.approx({name: share for name, share in zip(names, theirs, strict=True) if share > 1e-9}, rel=1e-9)  # fmt: skip
