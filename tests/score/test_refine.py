"""Bins refitted given the other fields: nearest to the trend, truer than WOE alone, never against a field's own evidence."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.score import fit
from jiehuan.score.binning import bin_numbers
from jiehuan.score.metrics import log_loss
from jiehuan.score.refine import follow, refine
from jiehuan.score.settings import read_settings

HOW = read_settings()
numbers = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.5, 5)), min_size=2, max_size=8)


@settings(max_examples=60, deadline=None)
@given(numbers)
def test_following_a_trend_is_isotonic_regression(pairs: list[tuple[float, float]]) -> None:
    from sklearn.isotonic import isotonic_regression

    values, weights = (np.array(side) for side in zip(*pairs, strict=True))
    assert follow("ascending", values, weights) == pytest.approx(
        isotonic_regression(values, sample_weight=weights), abs=1e-9
    )
    falling = isotonic_regression(values, sample_weight=weights, increasing=False)
    assert follow("descending", values, weights) == pytest.approx(falling, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(numbers, st.sampled_from(["peak", "valley"]))
def test_a_turn_happens_once_and_costs_no_more_than_no_turn(pairs: list[tuple[float, float]], trend: str) -> None:
    values, weights = (np.array(side) for side in zip(*pairs, strict=True))
    found = follow(trend, values, weights)
    steps = np.diff(found) if trend == "peak" else -np.diff(found)
    first_fall = int(np.argmax(steps < 0)) if (steps < 0).any() else len(steps)
    assert (steps[:first_fall] >= -1e-12).all()
    assert (steps[first_fall:] <= 1e-12).all()
    cost = (weights * (found - values) ** 2).sum()
    for plain in ("ascending", "descending"):
        assert cost <= (weights * (follow(plain, values, weights) - values) ** 2).sum() + 1e-9


def test_overlapping_fields_are_told_apart() -> None:
    """y depends on a alone above 0 and on b alone below; WOE and one coefficient each cannot say that, bins given each other can."""
    random = np.random.default_rng(2)
    a = random.normal(size=20_000)
    b = 0.9 * a + 0.4 * random.normal(size=20_000)
    events = (random.random(20_000) < 1 / (1 + np.exp(1 - np.maximum(a, 0) * 1.5 - np.minimum(b, 0) * 1.5))).astype(
        float
    )
    bins = [bin_numbers(name, values, events, None, HOW.binning) for name, values in (("a", a), ("b", b))]
    codes = [table.codes_of_numbers(values) for table, values in zip(bins, (a, b), strict=True)]
    woes = [0.5 * np.array([part.woe for part in table.bins]) for table in bins]

    def loss(intercept: float, logits: list[np.ndarray]) -> float:
        total = intercept + sum(one[code] for one, code in zip(logits, codes, strict=True))
        return log_loss(events, 1 / (1 + np.exp(-total)))

    plain = refine(
        bins, codes, woes, -1.0, events, None, hold=1e9, cycles=1
    )  # held so hard that only the intercept moves
    told = refine(bins, codes, woes, -1.0, events, None, hold=5, cycles=30)
    assert loss(*told) < loss(*plain) - 0.003
    for table, logits in zip(bins, told[1], strict=True):
        assert (np.diff(logits[: table.ordinary]) >= -1e-12).all()
        assert np.array([part.rows for part in table.bins]) @ logits == pytest.approx(0, abs=1e-6)
    upper, lower = bins[0].ordinary // 2, bins[1].ordinary // 2
    assert np.ptp(told[1][0][upper : bins[0].ordinary]) > 1.3 * np.ptp(told[1][0][:upper])
    assert np.ptp(told[1][1][:lower]) > 1.3 * np.ptp(told[1][1][lower : bins[1].ordinary])


def test_no_field_of_a_card_counts_against_its_own_evidence(taiwan: pl.DataFrame) -> None:
    model = fit(taiwan, "default.payment.next.month", settings={"evaluation": {"folds": 2, "bootstrap": 0}})
    for table, logits in zip(model.scorer.bins, model.scorer.logits, strict=True):  # type: ignore[union-attr]
        steps = np.diff(logits[: table.ordinary])
        if table.trend == "ascending":
            assert (steps >= -1e-12).all(), table.name
        elif table.trend == "descending":
            assert (steps <= 1e-12).all(), table.name


def test_weights_are_repeated_rows() -> None:
    random = np.random.default_rng(3)
    values = random.normal(size=3000)
    events = (random.random(3000) < 1 / (1 + np.exp(-values))).astype(float)
    weights = random.integers(1, 4, 3000)
    repeated = np.repeat(np.arange(3000), weights)
    table = bin_numbers("x", values, events, weights.astype(float), HOW.binning)
    code, start = table.codes_of_numbers(values), [np.array([part.woe for part in table.bins])]
    heavy = refine([table], [code], start, 0.0, events, weights.astype(float), 100, 3)
    long = refine([table], [code[repeated]], start, 0.0, events[repeated], None, 100, 3)
    assert heavy[0] == pytest.approx(long[0])
    assert heavy[1][0] == pytest.approx(long[1][0])
