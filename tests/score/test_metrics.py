"""Metrics against scikit-learn and SciPy, intervals against known truth, refusals."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.score import compare, evaluate
from jiehuan.score.metrics import auc_ks, calibration_line
from jiehuan.units.errors import InputError

outcomes = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=4, max_size=60).filter(
    lambda rows: len({row[0] for row in rows}) == 2
)


@settings(max_examples=60, deadline=None)
@given(outcomes)
def test_area_and_distance_agree_with_the_libraries(rows: list[tuple[bool, int]]) -> None:
    from scipy.stats import ks_2samp
    from sklearn.metrics import roc_auc_score

    events, scores = np.array([row[0] for row in rows], float), np.array([row[1] / 20 for row in rows])
    area, distance = auc_ks(events, scores)
    assert area == pytest.approx(roc_auc_score(events, scores), abs=1e-12)
    assert distance == pytest.approx(
        ks_2samp(scores[events == 1], scores[events == 0], method="asymp").statistic, abs=1e-12
    )


def test_all_figures_against_scikit_learn() -> None:
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    random = np.random.default_rng(0)
    chance = random.uniform(0.01, 0.9, 3000)
    events = (random.random(3000) < chance).astype(float)
    found = evaluate(events, chance)
    assert found["auc"] == pytest.approx(roc_auc_score(events, chance))
    assert found["gini"] == pytest.approx(2 * found["auc"] - 1)
    assert found["brier"] == pytest.approx(brier_score_loss(events, chance))
    assert found["log_loss"] == pytest.approx(log_loss(events, chance))
    assert found["calibration_slope"] == pytest.approx(1, abs=0.1)  # the outcomes were drawn from the chances
    assert found["calibration_intercept"] == pytest.approx(0, abs=0.1)
    assert found["rows"] == 3000
    assert found["events"] == events.sum()


def test_calibration_line_finds_a_known_distortion() -> None:
    random = np.random.default_rng(1)
    logit = random.normal(-1, 1.5, 200_000)
    events = (random.random(200_000) < 1 / (1 + np.exp(-(0.5 * logit + 0.3)))).astype(float)
    slope, intercept = calibration_line(events, 1 / (1 + np.exp(-logit)))
    assert (slope, intercept) == (pytest.approx(0.5, abs=0.02), pytest.approx(0.3, abs=0.03))


@pytest.mark.parametrize("rows", [400, 25_000])  # by rows, and by bands of the score
def test_the_interval_is_as_wide_as_theory_says(rows: int) -> None:
    """Hanley and McNeil (1982) give the standard error of an AUC; the bootstrap's half width is 1.96 of it."""
    random = np.random.default_rng(4)
    events = (np.arange(rows) % 4 == 0).astype(float)
    chance = 1 / (1 + np.exp(-(random.normal(size=rows) + events)))
    found = evaluate(events, chance, bootstrap=400)
    area, bad, good = found["auc"], events.sum(), rows - events.sum()
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    error = np.sqrt((area * (1 - area) + (bad - 1) * (one - area**2) + (good - 1) * (two - area**2)) / (bad * good))
    low, high = found["intervals"]["auc"]
    assert low < area < high
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.2)


def test_rows_of_one_borrower_widen_the_interval() -> None:
    random = np.random.default_rng(6)
    people = np.repeat(np.arange(100), 20)
    events = np.repeat((random.random(100) < 0.3).astype(float), 20)
    chance = np.clip(0.3 + 0.1 * np.repeat(random.normal(size=100), 20) + 0.1 * events, 0.01, 0.99)
    alone, together = (evaluate(events, chance, clusters=clusters)["intervals"]["auc"] for clusters in (None, people))
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


@pytest.mark.parametrize(
    ("y", "p", "words"),
    [
        ([0, 1, 2], [0.1, 0.2, 0.3], "0 and 1"),
        ([0, 1], [0.1], "one probability for each"),
        ([0, 1], [0.1, 1.5], "between 0 and 1"),
        ([0, 1], [0.1, float("nan")], "between 0 and 1"),
        ([1, 1], [0.1, 0.2], "one class only"),
        ([], [], "0 and 1"),
    ],
)
def test_what_cannot_be_measured_is_refused(y: list[int], p: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        evaluate(y, p)


def test_a_challenger_must_be_plainly_better() -> None:
    random = np.random.default_rng(8)
    truth = random.normal(size=4000)
    events = (random.random(4000) < 1 / (1 + np.exp(1.5 - truth))).astype(float)

    def seen(noise: float, seed: int) -> Any:
        """The true chance given the logit seen with so much noise."""
        signal = truth + noise * np.random.default_rng(seed).normal(size=4000)
        share = 1 / (1 + noise**2)
        return 1 / (1 + np.exp(1.5 - share * signal))

    better = compare(events, seen(1.5, 1), seen(0.5, 2), bootstrap=200)
    assert better["verdict"] == "challenger"
    assert better["difference"]["auc"]["interval"][0] > 0
    assert compare(events, seen(0.5, 2), seen(1.5, 1), bootstrap=200)["verdict"] == "champion"
    same = compare(events, seen(1.0, 3), np.clip(seen(1.0, 3) + 1e-4 * random.normal(size=4000), 0, 1), bootstrap=200)
    assert same["verdict"] == "unclear"
    paired = compare(events, seen(1.0, 3), seen(1.0, 3), bootstrap=50)
    assert paired["difference"]["auc"]["interval"] == [0.0, 0.0]  # the same rows are drawn for both


def test_compare_refuses_other_lengths() -> None:
    with pytest.raises(InputError, match="same table"):
        compare([0, 1], [0.1, 0.2], [0.1])
