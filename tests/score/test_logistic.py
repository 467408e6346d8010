"""The coefficients: those of scikit-learn where the bound is idle, the bounded optimum where it is not."""

import numpy as np
import pytest

from jiehuan.score.logistic import CHUNK, fit_logistic


def table(seed: int, rows: int, width: int) -> tuple[list, list, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    codes = [random.integers(0, 5, rows).astype(np.uint8) for _ in range(width)]
    tables = [np.sort(random.normal(size=5)) for _ in range(width)]
    design = np.column_stack([values[code] for values, code in zip(tables, codes, strict=True)])
    return codes, tables, design, random.random(rows)


def test_same_as_scikit_learn_when_all_signs_are_right() -> None:
    from sklearn.linear_model import LogisticRegression

    codes, tables, design, draw = table(1, 4000, 4)
    events = (draw < 1 / (1 + np.exp(1 - design @ np.array([0.5, 1.0, 0.8, 0.3])))).astype(float)
    mine = fit_logistic(codes, tables, events, None, ridge=2.0)
    theirs = LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(design, events)
    assert mine.coefficients == pytest.approx(theirs.coef_[0], abs=1e-5)
    assert mine.intercept == pytest.approx(theirs.intercept_[0], abs=1e-5)


def test_a_wrong_sign_gets_nothing_and_the_rest_is_the_optimum_without_it() -> None:
    codes, tables, design, draw = table(2, 4000, 3)
    events = (draw < 1 / (1 + np.exp(1 - design @ np.array([0.7, -0.6, 0.4])))).astype(float)
    bounded = fit_logistic(codes, tables, events, None, ridge=1.0)
    assert bounded.coefficients[1] == 0.0
    assert bounded.errors[1] == 0.0
    without = fit_logistic([codes[0], codes[2]], [tables[0], tables[2]], events, None, ridge=1.0)
    assert bounded.coefficients[[0, 2]] == pytest.approx(without.coefficients, abs=1e-6)


def test_weights_are_repeated_rows_and_chunks_do_not_matter() -> None:
    rows = CHUNK + 5000
    codes, tables, design, draw = table(3, rows, 2)
    events = (draw < 1 / (1 + np.exp(1 - design @ np.array([0.5, 1.0])))).astype(float)
    weights = np.where(np.arange(rows) % 3 == 0, 2.0, 1.0)
    repeated = np.repeat(np.arange(rows), weights.astype(int))
    heavy = fit_logistic(codes, tables, events, weights, ridge=1.0)
    long = fit_logistic([code[repeated] for code in codes], tables, events[repeated], None, ridge=1.0)
    assert heavy.coefficients == pytest.approx(long.coefficients, abs=1e-7)
    assert heavy.intercept == pytest.approx(long.intercept, abs=1e-7)


def test_two_equal_columns_and_a_perfect_one_do_not_break_it() -> None:
    codes, tables, _, draw = table(4, 1000, 1)
    events = (codes[0] >= 3).astype(float)
    found = fit_logistic([codes[0], codes[0]], [tables[0], tables[0]], events, None, ridge=1.0)
    assert np.isfinite(found.coefficients).all()
    assert found.coefficients[0] > 1
    assert found.coefficients.sum() == pytest.approx(2 * found.coefficients[0], rel=0.5)
    assert draw is not None


def test_no_features_at_all_gives_the_event_rate() -> None:
    events = np.array([1.0] * 20 + [0.0] * 80)
    found = fit_logistic([], [], events, None, ridge=1.0)
    assert 1 / (1 + np.exp(-found.intercept)) == pytest.approx(0.2)
