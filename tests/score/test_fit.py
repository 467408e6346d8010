"""Whole fits on real tables: sane figures on rows not seen, the same model again for the same seed, refusals that name the mend."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from jiehuan.score import Model, evaluate, fit
from jiehuan.score.card import card_markdown
from jiehuan.units.errors import InputError

TARGET = "default.payment.next.month"


def halves(frame: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    first = pl.Series(np.random.default_rng(seed).random(frame.height) < 0.7)
    return frame.filter(first), frame.filter(~first)


def test_a_scorecard_of_real_card_holders_holds_on_rows_it_never_saw(taiwan: pl.DataFrame) -> None:
    ours, kept = halves(taiwan, 21)
    model = fit(ours, TARGET)
    told, held = model.metrics["out_of_fold"], evaluate(kept[TARGET].to_numpy(), model.predict(kept))
    assert held["auc"] > 0.75  # published scorecards of this set: about 0.76 to 0.77
    assert abs(told["auc"] - held["auc"]) < 0.02
    assert told["intervals"]["auc"][0] - 0.01 < held["auc"] < told["intervals"]["auc"][1] + 0.01
    assert held["calibration_slope"] == pytest.approx(1, abs=0.12)
    assert held["log_loss"] == pytest.approx(told["log_loss"], abs=0.015)
    assert model.metrics["points"]["auc"] == pytest.approx(told["auc"], abs=0.002)


def test_trees_of_real_card_holders_are_better_still_and_calibrated(taiwan: pl.DataFrame) -> None:
    ours, kept = halves(taiwan, 22)
    model = fit(ours, TARGET, "boosted", settings={"evaluation": {"folds": 3, "bootstrap": 50}})
    held = evaluate(kept[TARGET].to_numpy(), model.predict(kept), bootstrap=0)
    assert held["auc"] > 0.765
    assert held["calibration_slope"] == pytest.approx(1, abs=0.1)
    assert abs(held["calibration_intercept"]) < 0.12
    assert model.metrics["in_sample"]["auc"] > model.metrics["out_of_fold"]["auc"]  # and only the second is told


def test_a_real_lenders_loans_with_unknown_outcomes(lender: pl.DataFrame) -> None:
    model = fit(lender, "good_bad_flag", time="creationdate")
    assert model.event == "Bad"
    assert model.fitted["unlabelled"] == lender["good_bad_flag"].null_count()
    assert model.fitted["rows"] + model.fitted["unlabelled"] == lender.height
    later = model.metrics["out_of_time"]
    assert later["rows"] + later["fitted_rows"] == model.fitted["rows"]
    assert "customerid" not in model.columns
    assert len(model.metrics["periods"]) == 6


@pytest.mark.parametrize("kind", ["scorecard", "boosted"])
def test_the_same_seed_gives_the_same_model(applications: pl.DataFrame, kind: str) -> None:
    settings = {"evaluation": {"folds": 2, "bootstrap": 20}}
    first, second = (fit(applications, "bad", kind, settings=settings, seed=5) for _ in range(2))
    assert json.dumps(first.as_document()) == json.dumps(second.as_document())
    assert first.metrics == second.metrics
    other = fit(applications, "bad", kind, settings=settings, seed=6)
    assert other.metrics["out_of_fold"]["auc"] != first.metrics["out_of_fold"]["auc"]


def test_the_time_column_and_the_target_are_never_features(card: Model) -> None:
    assert "bad" not in card.columns
    assert all(one.column != "applied_on" for one in card.inputs)
    assert "born.years_before" in {row["name"] for row in card.metrics["features"]}
    excluded = {one["column"] for one in card.fitted["excluded"]}
    assert excluded == {"application_id", "borrower_id"}


def test_monotone_trends_can_be_set(applications: pl.DataFrame) -> None:
    settings = {"evaluation": {"folds": 2, "bootstrap": 0}}
    model = fit(applications, "bad", features=["income", "noise"], monotone={"income": 1}, settings=settings)
    trends = {row["name"]: row["trend"] for row in model.metrics["features"]}
    assert trends["income"] == "ascending" or "income" not in model.columns  # risk falls with income in truth
    forced = fit(
        applications,
        "bad",
        "boosted",
        features=["income", "months_known"],
        monotone={"income": -1, "months_known": 0},
        settings=settings,
    )
    assert forced.scorer.monotone == (-1, 0)  # type: ignore[union-attr]
    grid = pl.DataFrame({"income": np.linspace(500, 60_000, 400), "months_known": [5] * 400})
    assert (np.diff(forced.predict(grid)) <= 1e-12).all()


def test_specials_can_be_named(applications: pl.DataFrame) -> None:
    model = fit(
        applications, "bad", specials={"months_known": [-1, 0]}, settings={"evaluation": {"folds": 2, "bootstrap": 0}}
    )
    bins = next(table for table in model.scorer.bins if table.name == "months_known")  # type: ignore[union-attr]
    assert bins.specials == (-1.0, 0.0)


def test_weights_move_the_model(applications: pl.DataFrame) -> None:
    settings = {"evaluation": {"folds": 2, "bootstrap": 0}}
    heavy = applications.with_columns(w=pl.when("bad").then(3.0).otherwise(1.0))
    plain, weighted = (
        fit(heavy, "bad", exclude=["w"], settings=settings),
        fit(heavy, "bad", weight="w", settings=settings),
    )
    assert weighted.predict(heavy).mean() > 1.5 * plain.predict(heavy).mean()
    assert "w" not in weighted.columns


def test_a_mapping_of_columns_and_a_list_of_rows_will_do(applications: pl.DataFrame) -> None:
    settings = {"evaluation": {"folds": 2, "bootstrap": 0}}
    part = applications.select("income", "job", "bad").head(1500)
    models = [fit(table, "bad", settings=settings) for table in (part, part.to_dict(as_series=False), part.to_dicts())]
    assert models[0].as_document() == models[1].as_document() == models[2].as_document()


Change = Callable[[pl.DataFrame], pl.DataFrame]


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda frame: frame, {"target": "worse"}, "target worse: no such column"),
        (lambda frame: frame.with_columns(bad=True), {}, "one value only"),
        (lambda frame: frame.head(0), {}, "no rows"),
        (lambda frame: frame.with_columns(bad=pl.lit(None, pl.Boolean)), {}, "no value at all"),
        (lambda frame: frame, {"features": ["income", "bad"]}, "target is among the features"),
        (lambda frame: frame, {"exclude": ["Income"]}, "did you mean income?"),
        (lambda frame: frame, {"time": "when"}, "time when: no such column"),
        (lambda frame: frame, {"kind": "neural"}, "one of: scorecard, boosted"),
        (lambda frame: frame, {"weight": "months_known"}, "weights must be numbers above 0"),
        (lambda frame: frame, {"monotone": {"income": 2}}, "not a direction"),
        (lambda frame: frame.select("application_id", "bad"), {}, "no usable column is left"),
        (lambda frame: frame, {"settings": {"binning": {"max_bin": 5}}}, "did you mean max_bins?"),
        (lambda frame: frame, {"settings": {"binning": {"min_share": 5}}}, "between 0 and 1"),
        (lambda frame: frame, {"settings": {"binning": {"prebins": 400}}}, "out of range"),
        (lambda frame: frame, {"settings": {"bining": {}}}, "did you mean binning?"),
        (lambda frame: frame, {"settings": {"evaluation": {"folds": "five"}}}, "whole number"),
        (lambda frame: frame, {"time": "job"}, "dates"),
        (lambda frame: frame.with_columns(who=pl.lit("same")), {"id": "who"}, "id who: only 1 different values have an event"),
        (lambda frame: frame.head(60), {}, "at least 20 of each"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused_with_the_mend(
    applications: pl.DataFrame, change: Change, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError) as refused:
        fit(change(applications), **({"target": "bad"} | options))
    assert words in str(refused.value)


def test_all_wrong_names_are_told_at_once(applications: pl.DataFrame) -> None:
    with pytest.raises(InputError) as refused:
        fit(applications, "bad", exclude=["a"], time="b", id="c", kind="d")
    assert len(refused.value.problems) == 4


def test_few_rows_are_fitted_with_a_warning(applications: pl.DataFrame) -> None:
    model = fit(applications.head(300), "bad")
    assert "thin" in {one["code"] for one in model.warnings}
    low, high = model.metrics["out_of_fold"]["intervals"]["auc"]
    assert high - low > 0.08


def test_a_model_that_knows_nothing_says_so() -> None:
    random = np.random.default_rng(3)
    frame = pl.DataFrame(
        {f"x{place}": random.normal(size=2000) for place in range(5)} | {"y": (random.random(2000) < 0.2).astype(int)}
    )
    model = fit(frame, "y")
    assert model.metrics["out_of_fold"]["intervals"]["auc"][0] < 0.53
    assert "weak" in {one["code"] for one in model.warnings}


def test_fields_that_move_or_turn_round_over_time_are_named() -> None:
    random = np.random.default_rng(17)
    count = 8000
    month = np.sort(random.integers(0, 12, count))
    moving, turning, steady = (
        random.normal(size=count) + 0.25 * month,
        random.normal(size=count),
        random.normal(size=count),
    )
    logit = -1.5 + np.where(month < 9, 1.0, -1.0) * turning + steady
    frame = pl.DataFrame(
        {
            "moving": moving,
            "turning": turning,
            "steady": steady,
            "month": month,
            "y": (random.random(count) < 1 / (1 + np.exp(-logit))).astype(int),
        }
    )
    model = fit(frame, "y", time="month")
    unstable = {one["column"] for one in model.warnings if one["code"] == "unstable"}
    assert {"moving", "turning", ""} <= unstable  # "": the model itself is plainly worse out of time
    assert "steady" not in unstable
    assert model.metrics["out_of_time"]["auc"] < model.metrics["out_of_fold"]["auc"] - 0.03


@pytest.mark.parametrize("kind", ["scorecard", "boosted"])
def test_rejected_applicants_raise_the_risk_and_bring_their_caveat(applications: pl.DataFrame, kind: str) -> None:
    """Those of low income were rejected: the accepted alone understate how risk falls with income."""
    settings = {"evaluation": {"folds": 2, "bootstrap": 0}}
    accepted = applications.filter(pl.col("income") > 3000)
    rejected = applications.filter(pl.col("income") <= 3000).drop("bad")
    plain = fit(accepted, "bad", kind, features=["income", "job"], settings=settings)
    for method in ("fuzzy", "parcelling", "augmentation"):
        model = fit(
            accepted, "bad", kind, features=["income", "job"], rejects=rejected, reject_method=method, settings=settings
        )
        assert "reject_inference" in {one["code"] for one in model.warnings}
        assert model.metrics["out_of_fold"]["rows"] == plain.metrics["out_of_fold"]["rows"] == accepted.height
        assert model.fitted["rejects"] == method
        told = model.metrics["rejects"]
        assert (told["method"], told["rows"]) == (method, rejected.height)
        assert told["mean_pd"] == pytest.approx(model.predict(rejected).mean())
        if method != "augmentation":
            assert told["mean_pd"] > told["mean_pd_without"]
        card = card_markdown(model)
        assert f"{rejected.height} rejected applicants bear on the fit by {method}" in card
        assert "no figure here can tell whether that helped" in card


def test_parcels_are_drawn_by_the_rate_of_their_band(applications: pl.DataFrame) -> None:
    """With an uplift of 1 and rejects like the accepted, the inferred rate is that of the accepted, and the seed draws the same."""
    settings = {"evaluation": {"folds": 2, "bootstrap": 0}, "rejects": {"uplift": 1.0}}
    models = [
        fit(
            applications.head(4000), "bad", features=["income", "job"], rejects=applications.tail(2000).drop("bad"),
            reject_method="parcelling", settings=settings,
        )
        for _ in range(2)
    ]  # fmt: skip
    told = models[0].metrics["rejects"]
    assert told["mean_pd"] == pytest.approx(told["mean_pd_without"], abs=0.01)
    assert models[0].as_document() == models[1].as_document()


def test_rejects_without_a_column_are_refused_by_their_place(applications: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="rejects, column income: missing"):
        fit(applications, "bad", features=["income", "job"], rejects=applications.select("job"))


def test_fairness_by_group(applications: pl.DataFrame) -> None:
    model = fit(
        applications,
        "bad",
        exclude=["job"],
        groups=["job", "income"],
        settings={"evaluation": {"folds": 2, "bootstrap": 0}},
    )
    rows = [row for row in model.metrics["fairness"] if row["column"] == "job"]
    assert {row["group"] for row in rows} == {"clerk", "driver", "teacher", "none", "missing"}
    assert sum(row["rows"] for row in rows) == applications.height
    truth = applications.group_by("job").agg(pl.col("bad").mean())
    for label, rate in truth.drop_nulls().iter_rows():
        assert next(row["event_rate"] for row in rows if row["group"] == label) == pytest.approx(rate)
    assert max(row["impact_ratio"] for row in rows) == 1.0
    poor = [row for row in model.metrics["fairness"] if row["column"] == "income"]
    assert len(poor) == 5  # four quarters and the missing
    assert min(poor, key=lambda row: row["impact_ratio"])["group"].startswith("< ")
    assert "fairness" in {one["code"] for one in model.warnings if one["column"] == "income"}


@pytest.mark.parametrize("kind", ["scorecard", "boosted"])
def test_odd_columns_are_fitted_and_scored(kind: str) -> None:
    """Infinities, decimals, categoricals, huge whole numbers, names of signs, a column that shares a made feature's name."""
    random = np.random.default_rng(5)
    count = 1500
    events = (random.random(count) < 0.3).astype(int)
    frame = pl.DataFrame({
        "x": random.normal(size=count) + events, "z": np.where(random.random(count) < 0.1, np.inf, random.normal(size=count)),
        "big": random.integers(0, 2**62, count), "a.b": random.choice(list("abc"), count), "": random.normal(size=count),
        "x y%{}$": random.normal(size=count), "d.weekday": random.normal(size=count),
        "d": [f"2025-01-{1 + place % 28:02d}" for place in range(count)],
        "y": events,
    }).with_columns(pl.col("x").cast(pl.Decimal(20, 4)), pl.col("a.b").cast(pl.Categorical))  # fmt: skip
    model = fit(frame, "y", kind, settings={"evaluation": {"folds": 2, "bootstrap": 0}})
    assert model.metrics["out_of_fold"]["auc"] > 0.7
    again = Model.from_document(json.loads(json.dumps(model.as_document(), allow_nan=False)))
    part = frame.head(50)
    assert again.predict(part).tolist() == pytest.approx(
        [model.predict_row(row) for row in part.iter_rows(named=True)], rel=1e-12
    )


def test_a_table_that_tells_nothing_gives_one_probability_and_says_so() -> None:
    random = np.random.default_rng(6)
    frame = pl.DataFrame({"c": random.choice(list("ab"), 2000), "y": (np.arange(2000) % 5 == 0).astype(int)})
    model = fit(frame, "y", settings={"evaluation": {"folds": 2, "bootstrap": 0}, "logistic": {"min_iv": 0.01}})
    assert model.columns == ()
    assert model.predict(frame).tolist() == pytest.approx([0.2] * 2000, abs=1e-6)
    assert "weak" in {one["code"] for one in model.warnings}
    assert model.score_row({}).reasons == []


def test_a_category_of_many_kinds_does_not_drown_what_the_numbers_say() -> None:
    """Four hundred shops differ by chance alone: trees that split on them learn them by heart."""
    random = np.random.default_rng(17)
    rows = 12_000
    x, z = random.normal(size=rows), random.normal(size=rows)
    frame = pl.DataFrame({
        "x": x, "z": z, **{f"shop{n}": np.char.add("s", random.integers(0, 400, rows).astype(str)) for n in range(3)},
        "bad": (random.random(rows) < 1 / (1 + np.exp(2 - 0.5 * x + 0.4 * z))).astype(int),
    })  # fmt: skip
    settings = {"evaluation": {"folds": 2, "bootstrap": 0}, "boosted": {"max_rounds": 200}}
    alone = fit(frame, "bad", "boosted", features=["x", "z"], settings=settings).metrics["out_of_fold"]["auc"]
    among = fit(frame, "bad", "boosted", settings=settings)
    assert {"shop0", "shop1", "shop2"} <= {one.name for one in among.inputs}
    assert among.metrics["out_of_fold"]["auc"] > alone - 0.01  # without the smoothing 0.03 are lost
