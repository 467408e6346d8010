"""Calibration: isotonic as scikit-learn's, Platt undoes a known distortion; one value and many agree; JSON keeps them."""

import json

import numpy as np
import pytest

from jiehuan.score.calibrate import Calibration, calibrate


def distorted(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    logit = random.normal(-1, 1, rows)
    return (random.random(rows) < 1 / (1 + np.exp(-logit))).astype(float), 2 * logit + 0.7, logit


def test_platt_undoes_a_known_distortion() -> None:
    events, raw, logit = distorted(1, 100_000)
    assert calibrate(events, raw, "platt").many(raw) == pytest.approx(logit, abs=0.1)


def test_isotonic_is_scikit_learns_but_for_the_half_rows_that_keep_it_off_0_and_1() -> None:
    from sklearn.isotonic import IsotonicRegression

    events, raw, _ = distorted(2, 3000)
    mine = calibrate(events, np.round(raw, 1), "isotonic")
    theirs = IsotonicRegression().fit(np.round(raw, 1), events)
    at = np.array(mine.knots)
    assert 1 / (1 + np.exp(-np.array(mine.logits))) == pytest.approx(theirs.predict(at), abs=0.15)
    middle = (theirs.predict(at) > 0.1) & (theirs.predict(at) < 0.7)
    assert 1 / (1 + np.exp(-np.array(mine.logits)[middle])) == pytest.approx(theirs.predict(at)[middle], abs=0.02)
    assert list(mine.logits) == sorted(mine.logits)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_one_value_many_values_and_json_agree(method: str) -> None:
    events, raw, _ = distorted(3, 500)
    found = calibrate(events, raw, method)
    again = Calibration.from_document(json.loads(json.dumps(found.as_document())))
    assert again == found
    at = np.concatenate([raw[:50], [-99.0, 99.0], np.array(found.knots[:5])])
    assert [again.one(float(value)) for value in at] == pytest.approx(again.many(at).tolist(), abs=1e-12)


def test_a_score_that_ranks_backwards_is_flattened_not_turned_round() -> None:
    events, raw, _ = distorted(4, 2000)
    assert calibrate(events, -raw, "platt").slope == 0.01
