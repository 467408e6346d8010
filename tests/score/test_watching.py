"""Fairness by group, exposure to unknown people, and influence of features: figures that can be worked out by hand."""

import numpy as np
import polars as pl
import pytest

from jiehuan.score import Model
from jiehuan.score.disparity import Case, disparity, ratio_of
from jiehuan.score.exposure import exposure
from jiehuan.score.influence import contributions, influence


def people(group: str, approved: int, refused: int, bad: int = 0, good: int = 0, pd: float = 0.2) -> list[Case]:
    groups = {"sex": group}
    decided = [Case(groups, True, None, pd)] * approved + [Case(groups, False, None, pd)] * refused
    return decided + [Case(groups, None, True, pd)] * bad + [Case(groups, None, False, pd)] * good


def test_a_group_approved_plainly_less_often_is_named() -> None:
    cases = people("f", 120, 280, bad=10, good=40) + people("m", 300, 200, bad=30, good=70, pd=0.25)
    f, m = disparity(cases, ["sex", "age"])
    assert (m.verdict, f.verdict) == ("reference", "lower")
    assert f.approval.value == pytest.approx(0.3)
    assert f.ratio.value == pytest.approx(0.5)  # 0.3 / 0.6
    assert f.ratio.low is not None and f.ratio.high is not None
    assert f.ratio.low < 0.5 < f.ratio.high < 0.8
    assert f.default_rate.value == pytest.approx(0.2)
    assert f.calibration.value == pytest.approx(1.0)  # 20 % observed, 20 % predicted
    assert m.calibration.value == pytest.approx(1.2)  # 30 % observed, 25 % predicted
    assert (m.outcomes, m.events) == (100, 30)


def test_few_people_give_no_verdict_and_nobody_gives_no_figure() -> None:
    f, m, unknown = disparity(people("f", 1, 19) + people("m", 300, 100) + people("x", 0, 0, good=3), ["sex"])
    assert (f.verdict, m.verdict, unknown.verdict) == ("thin", "reference", "thin")
    assert unknown.approval.value is None
    assert unknown.ratio.value is None
    assert disparity([Case({}, True, None, None)], ["sex"]) == []


def test_a_ratio_with_nobody_approved_has_an_interval_all_the_same() -> None:
    none = ratio_of(0, 50, 40, 100)
    assert none.value is not None and none.high is not None
    assert 0 < none.value < 0.1
    assert none.high < 1
    assert ratio_of(1, 0, 1, 2).value is None


def test_the_interval_of_a_ratio_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(500):
        one = ratio_of(int(random.binomial(120, 0.4)), 120, int(random.binomial(200, 0.5)), 200)
        covered += one.low is not None and one.high is not None and one.low <= 0.8 <= one.high
    assert 0.92 <= covered / 500 <= 0.98


def test_exposure_counts_refusals_and_outcomes_where_they_are() -> None:
    points = list(range(400, 600))
    refused = [point < 440 for point in points]
    bad = [None if point < 440 else point < 460 for point in points]
    bands = exposure(points, refused, bad, [0.1] * 200)
    assert sum(band.applications for band in bands) == 200
    assert (bands[0].refused, bands[0].outcomes, bands[0].borne_out) == (20, 0, False)
    assert (bands[2].refused, bands[2].outcomes, bands[2].events, bands[2].borne_out) == (0, 20, 20, True)
    assert exposure([], [], [], []) == []
    assert len(exposure([500] * 50, [False] * 50, [None] * 50, [0.1] * 50)) == 1  # all equal: one band


@pytest.mark.parametrize("kind", ["card", "trees"])
def test_contributions_add_up_to_the_score_and_income_lowers_the_risk(
    kind: str, applications: pl.DataFrame, request: pytest.FixtureRequest
) -> None:
    model: Model = request.getfixturevalue(kind)
    rows = applications.head(400)
    parts = contributions(model, model.checked(rows))
    logits = np.asarray(model.scorer.logits_of(rows))
    rest = logits - parts.sum(axis=1)
    assert np.ptp(rest) < 1e-6  # what the features do not explain is the same for everyone
    told = influence(model, rows)
    assert sum(row["share"] for row in told) == pytest.approx(1)
    income = next(row for row in told if row["name"] == "income")
    assert income["thirds"][0] > 0 > income["thirds"][2]
    assert next(row for row in told if row["name"] == "job")["thirds"] is None
    assert influence(model, rows.head(0)) == []
