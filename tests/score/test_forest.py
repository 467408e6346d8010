"""The forest walked here gives the library's very bits: missing values, zeros, categories, single leaves; one row or many."""

from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pytest

from jiehuan.score import Model
from jiehuan.score.bitblocks import BLOCK, PAIR, TABLE, Blocks
from jiehuan.score.forest import Forest, read_forest
from jiehuan.units.errors import InputError


def trained(seed: int, rounds: int = 25, **options: Any) -> tuple[Any, np.ndarray]:
    """A booster on numbers with holes and zeros and categories of 70, 5 and 40 kinds, and rows to score (unseen ones among them)."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(3000, 7))
    values[random.random(values.shape) < 0.2] = np.nan
    values[random.random(values.shape) < 0.2] = 0.0
    values[:, 4] = random.integers(0, 70, 3000)  # more than 64 categories: more than one word of the bit set
    values[:, 5] = random.integers(0, 5, 3000)
    values[:, 6] = random.integers(0, 40, 3000)
    logit = np.nan_to_num(values[:, 0]) + 0.03 * values[:, 4] % 1.3 + np.sin(values[:, 6]) - 1
    events = (random.random(3000) < 1 / (1 + np.exp(-logit))).astype(float)
    data = lightgbm.Dataset(values, events, categorical_feature=[4, 5, 6], params={"verbosity": -1})
    base = {
        "objective": "binary",
        "verbosity": -1,
        "num_leaves": 31,
        "min_data_in_leaf": 5,
        "seed": seed,
        "num_threads": 1,
    }
    booster = lightgbm.train(base | options, data, rounds)
    rows = random.normal(size=(2000, 7)) * 2
    rows[random.random(rows.shape) < 0.25] = np.nan
    rows[:, 4] = random.choice([*range(-2, 90), np.nan, 1e6, 3.7], 2000)
    rows[:, 5] = random.choice([0, 1, 2, 3, 4, 7, np.nan], 2000)
    rows[:, 6] = random.choice([*range(-1, 45), np.nan, 64.5, 1e300], 2000)
    rows[:200, :4] = random.choice([0.0, -0.0, 1e-36, -1e-36, 1e300, np.inf, -np.inf], (200, 4))
    return booster, rows


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"monotone_constraints": [1, 0, -1, 0, 0, 0, 0]},
        {"max_cat_to_onehot": 100},
        {"num_leaves": 15},
        {"num_leaves": 60},
    ],
)
def test_bit_equal_to_the_library(options: dict[str, Any]) -> None:
    booster, rows = trained(5, **options)
    loaded = lightgbm.Booster(model_str=booster.model_to_string())
    forest = read_forest(booster.model_to_string())
    theirs = loaded.predict(rows, raw_score=True, num_threads=1)
    for scorer in (forest.walk_rows, forest.rows, blocks_of(forest).rows):
        assert (scorer(rows.T) == theirs).all()
    assert forest.bits is not None
    for one in (forest.walk_row, forest.bits.row):
        assert [one(row) for row in rows[:300]] == theirs[:300].tolist()


def blocks_of(forest: Forest) -> Blocks:
    assert forest.blocks is not None
    return forest.blocks


def test_the_trees_of_these_tests_take_every_kind_of_step() -> None:
    blocks = blocks_of(read_forest(trained(5)[0].model_to_string()))
    simple = blocks_of(read_forest(trained(5, max_cat_to_onehot=100, num_leaves=15)[0].model_to_string()))
    assert {*blocks.steps[:, 0].tolist(), *simple.steps[:, 0].tolist()} == set(range(PAIR, TABLE + 1))
    assert (simple.masks.dtype, blocks.masks.dtype) == (np.dtype(np.uint16), np.dtype(np.uint32))


def test_rows_that_fill_no_block_score_as_in_a_full_one() -> None:
    booster, rows = trained(8)
    blocks = blocks_of(read_forest(booster.model_to_string()))
    whole = blocks.rows(rows.T)
    for count in (0, 1, 63, 64, 65, BLOCK - 1, BLOCK, BLOCK + 1):
        assert (blocks.rows(rows[:count].T) == whole[:count]).all()


def test_a_feature_missing_in_two_ways_is_still_scored_by_blocks() -> None:
    booster, rows = trained(5)
    mixed = read_forest(booster.model_to_string())
    numeric = np.flatnonzero(mixed.nodes[:, 3] & 1 == 0)
    mixed.nodes[numeric[::3], 3] &= ~np.int32(12)  # as if a third of the splits had never seen a missing value
    mixed.nodes[numeric[1::3], 3] = mixed.nodes[numeric[1::3], 3] & ~12 | 4  # and a third took zero for missing
    assert mixed.bits is None
    assert (blocks_of(mixed).rows(rows.T) == mixed.walk_rows(rows.T)).all()


def test_trees_of_more_than_64_leaves_are_walked() -> None:
    booster, rows = trained(9, rounds=3, num_leaves=100)
    forest = read_forest(booster.model_to_string())
    assert forest.bits is None
    assert forest.blocks is None
    theirs = booster.predict(rows, raw_score=True, num_threads=1)
    assert (forest.rows(rows.T) == theirs).all()
    assert [forest.row(row) for row in rows[:50]] == theirs[:50].tolist()


def test_a_tree_of_one_leaf_is_a_constant() -> None:
    booster, rows = trained(6, rounds=3, min_data_in_leaf=3000)
    assert (
        blocks_of(read_forest(booster.model_to_string())).rows(rows.T) == booster.predict(rows, raw_score=True)
    ).all()


def test_a_fitted_model_scores_as_its_own_text_in_the_library(trees: Model, applications: pl.DataFrame) -> None:
    library = lightgbm.Booster(model_str=trees.scorer.text)
    rows = applications.head(200)
    raw = trees.scorer.raw_of(rows)
    assert (raw == library.predict(trees.scorer.matrix(rows), raw_score=True, num_threads=1)).all()
    assert [trees.scorer.raw_of_row(row) for row in rows.iter_rows(named=True)] == raw.tolist()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: "hello", "not a LightGBM model"),
        (lambda text: text.replace("num_class=1", "num_class=3"), "one output"),
        (lambda text: text.replace("is_linear=0", "is_linear=1"), "linear trees"),
        (lambda text: text.replace("leaf_value=", "leaf_wert="), "broken"),
        (lambda text: text.replace("threshold=", "threshold=x ", 1), "broken"),
    ],
)
def test_other_texts_are_refused(change: Any, words: str) -> None:
    booster, _ = trained(7, rounds=2)
    with pytest.raises(InputError, match=words):
        read_forest(change(booster.model_to_string()))
