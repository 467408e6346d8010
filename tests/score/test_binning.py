"""Bins of real and made fields: WOE by hand, special codes, missing, rare categories, noise."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.score.binning import bin_categories, bin_numbers, find_specials, monotone_sign
from jiehuan.score.bins import Bins
from jiehuan.score.settings import read_settings

HOW = read_settings().binning


def test_woe_by_hand() -> None:
    """1000 rows at 100 events below 5, 1000 at 300 from 5 on; 20 rows at the average rate 0.2 are added to each bin."""
    values = np.repeat([1.0, 9.0], 1000)
    events = np.concatenate([np.repeat([1.0, 0.0], [100, 900]), np.repeat([1.0, 0.0], [300, 700])])
    bins = bin_numbers("x", values, events, None, HOW)
    assert bins.trend == "ascending"
    assert bins.edges == (9.0,)
    low, high, missing = bins.bins
    rate = (100 + 20 * 0.2) / 1020  # 0.101961
    assert low.woe == pytest.approx(np.log(rate / (1 - rate)) - np.log(0.2 / 0.8))
    rate = (300 + 20 * 0.2) / 1020
    assert high.woe == pytest.approx(np.log(rate / (1 - rate)) - np.log(0.2 / 0.8))
    assert (low.rows, low.events, high.rows, high.events) == (1000, 100, 1000, 300)
    assert (missing.kind, missing.rows, missing.woe) == ("missing", 0, 0.0)


def test_every_ordinary_bin_is_as_large_as_asked_and_rates_follow_the_trend(taiwan: pl.DataFrame) -> None:
    events = taiwan["default.payment.next.month"].to_numpy().astype(float)
    for name in ("LIMIT_BAL", "PAY_AMT1", "BILL_AMT1", "AGE"):
        for trend in ("ascending", "descending"):
            bins = bin_numbers(name, taiwan[name].cast(pl.Float64).to_numpy(), events, None, HOW, trend=trend)
            ordinary = bins.bins[: bins.ordinary]
            assert sum(part.rows for part in bins.bins) == len(events)
            assert all(part.rows >= HOW.min_share * len(events) for part in ordinary)
            rates = [part.rate for part in ordinary]
            assert rates == sorted(rates, reverse=trend == "descending")


def test_a_code_for_no_value_gets_its_own_bin(bank: pl.DataFrame) -> None:
    """pdays is -1 where the client was never contacted before, else days: 37 thousand of 45 thousand rows."""
    bins = bin_numbers(
        "pdays", bank["pdays"].cast(pl.Float64).to_numpy(), bank["y"].to_numpy().astype(float), None, HOW
    )
    assert bins.specials == (-1.0,)
    special = bins.bins[bins.ordinary]
    assert special.kind == "special"
    assert special.rows == (bank["pdays"] == -1).sum()
    assert bins.code_reader()(-1.0) == bins.ordinary


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([-1.0] * 10 + [3.0] * 90, [-1.0]),
        ([-1.0] * 10 + [-2.0] * 5 + [3.0] * 85, []),  # -1 among other negatives is a value
        ([-1.0] + [3.0] * 999, []),  # too rare
        ([999999.0] * 10 + [5000.0] * 90, [999999.0]),
        ([999999.0] * 10 + [500_000.0] * 90, []),  # not set apart
        ([np.nan] * 5, []),
        ([-1.0] * 10, []),
    ],
)
def test_special_codes_are_told_from_values(values: list[float], found: list[float]) -> None:
    assert find_specials(np.array(values), HOW) == found


def test_missing_values_are_their_own_bin_with_their_own_evidence() -> None:
    values = np.array([np.nan] * 500 + [1.0] * 1500)
    events = np.array([1.0] * 250 + [0.0] * 250 + [1.0] * 150 + [0.0] * 1350)
    bins = bin_numbers("x", values, events, None, HOW)
    missing = bins.bins[bins.missing]
    assert (missing.rows, missing.events) == (500, 250)
    assert missing.woe > 1.0
    assert bins.code_reader()(float("nan")) == bins.missing


def test_fifty_categories_of_noise_tell_next_to_nothing() -> None:
    """Sorted by rate, their raw information value is about 0.03; drawn in by empirical Bayes next to nothing is left."""
    random = np.random.default_rng(5)
    ids, events = random.integers(0, 50, 20_000), (random.random(20_000) < 0.1).astype(float)
    names = [f"k{place:02d}" for place in range(50)]
    rows, hits = np.bincount(ids), np.bincount(ids, weights=events)
    raw = (
        (hits / hits.sum() - (rows - hits) / (rows - hits).sum())
        * np.log((hits / hits.sum()) / ((rows - hits) / (rows - hits).sum()))
    ).sum()
    assert raw > 0.02
    assert bin_categories("x", ids, names, events, None, HOW).iv < raw / 5


def test_rare_unseen_and_missing_categories() -> None:
    ids = np.array([0] * 1000 + [1] * 1000 + [2] * 5 + [3] * 100)  # names: a, b, rare; 3 is missing
    events = np.array([0.0] * 900 + [1.0] * 100 + [0.0] * 600 + [1.0] * 400 + [1.0] * 5 + [0.0] * 50 + [1.0] * 50)
    bins = bin_categories("x", ids, ["a", "b", "rare"], events, None, HOW)
    assert bins.groups == (("a",), ("b",))
    place = bins.code_reader()
    assert [place(text) for text in ("a", "b", "rare", "never seen", None)] == [
        0,
        1,
        bins.other,
        bins.other,
        bins.missing,
    ]
    assert bins.bins[bins.other].rows == 5


def test_a_million_categories_are_judged_by_the_most_frequent_only() -> None:
    random = np.random.default_rng(3)
    ids = np.concatenate([random.integers(0, 1_000_000, 200_000), np.repeat([0, 1], 5_000)])
    events = np.concatenate([random.random(200_000) < 0.1, np.repeat([True, False], 5_000)]).astype(float)
    bins = bin_categories("x", ids, [f"u{place}" for place in range(1_000_000)], events, None, HOW)
    assert sum(len(group) for group in bins.groups) <= HOW.max_categories
    assert bins.code_reader()("u0") != bins.code_reader()("u1")


def test_infinite_values_fall_into_the_outer_bins_and_no_edge_is_infinite() -> None:
    random = np.random.default_rng(6)
    values = random.normal(size=3000)
    values[:200], values[200:300] = np.inf, -np.inf
    bins = bin_numbers(
        "x", values, (random.random(3000) < 1 / (1 + np.exp(-np.clip(values, -5, 5)))).astype(float), None, HOW
    )
    assert np.isfinite(bins.edges).all()
    assert bins.code_reader()(float("inf")) == bins.ordinary - 1
    assert bins.code_reader()(float("-inf")) == 0


def test_weights_count_as_rows() -> None:
    random = np.random.default_rng(9)
    values, events, weights = (
        random.normal(size=2000),
        (random.random(2000) < 0.3).astype(float),
        random.integers(1, 4, 2000),
    )
    heavy = bin_numbers("x", values, events, weights.astype(float), HOW)
    repeated = np.repeat(np.arange(2000), weights)
    long = bin_numbers("x", values[repeated], events[repeated], None, HOW)
    assert [part.rows for part in heavy.bins] != [
        part.rows for part in bin_numbers("x", values, events, None, HOW).bins
    ]
    assert sum(part.rows for part in heavy.bins) == sum(part.rows for part in long.bins) == weights.sum()
    assert sum(part.events for part in heavy.bins) == sum(part.events for part in long.bins)


def test_monotone_sign_is_found_only_where_the_data_bear_it_out() -> None:
    random = np.random.default_rng(2)
    x = random.normal(size=5000)
    rising = (random.random(5000) < 1 / (1 + np.exp(-x))).astype(float)
    turning = (random.random(5000) < 1 / (1 + np.exp(1.5 - x**2))).astype(float)
    chance = (random.random(5000) < 0.3).astype(float)
    signs = [monotone_sign(x, one, None, HOW, 0.97) for one in (rising, 1 - rising, turning, chance)]
    assert signs == [1, -1, 0, 0]


some_bins = st.builds(
    lambda edges, specials: Bins("x", "ascending", tuple(sorted(set(edges))), (), tuple(specials), ()),
    st.lists(st.floats(-50, 50), max_size=6), st.sampled_from([[], [-1.0], [-9.0, 99.0]]),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    some_bins,
    st.lists(
        st.one_of(st.floats(-60, 120), st.sampled_from([-1.0, -9.0, 99.0, float("nan"), float("inf"), float("-inf")])),
        min_size=1,
        max_size=30,
    ),
)
def test_one_value_many_values_and_compiled_lookup_agree(bins: Bins, values: list[float]) -> None:
    array = np.array([*values, *(edge for edge in bins.edges)])
    one_by_one = [bins.code_reader()(float(value)) for value in array]
    assert bins.codes_of_numbers(array).tolist() == one_by_one
    large: Any = np.tile(array, 50_000 // len(array) + 1)  # from 50,000 values the lookup is the compiled one
    assert bins.codes_of_numbers(large)[: len(array)].tolist() == one_by_one


def test_bins_survive_json(taiwan_card: Any) -> None:
    import json

    for bins in taiwan_card.scorer.bins:
        assert Bins.from_document(json.loads(json.dumps(bins.as_document()))) == bins
