"""Ability and willingness: planted traits are told apart, and a real micro-lender's earlier loans bear the second score out."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from jiehuan.score import TwoScores, fit_two
from jiehuan.score.behaviour import FEATURES, behaviour
from jiehuan.units.errors import InputError

DAY = timedelta(days=1)
NOON = datetime(2025, 6, 1, 12)  # noqa: DTZ001 - a lender's tape carries no zone


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    """Income moves ability, lateness moves willingness; lateness is also a little higher where income is low."""
    random = np.random.default_rng(31)
    income, trait = random.normal(size=5000), random.normal(size=5000)
    late = np.round(5 + 4 * trait - 2 * income + random.normal(size=5000), 1)
    logit = -1.2 - 0.9 * income + 0.9 * trait
    return pl.DataFrame({
        "income": income.round(3), "late": late, "noise": random.normal(size=5000).round(3), "trait": trait,
        "y": (random.random(5000) < 1 / (1 + np.exp(-logit))).astype(int),
    })  # fmt: skip


@pytest.fixture(scope="module")
def pair(people: pl.DataFrame) -> TwoScores:
    return fit_two(people, "y", ["income"], ["late", "noise"], labels={"late": {"zh": "逾期天数", "en": "days late"}})


def test_planted_traits_are_told_apart(pair: TwoScores, people: pl.DataFrame) -> None:
    scored = people.hstack(pair.score(people))
    assert scored.select(pl.corr("ability", "income")).item() > 0.95
    assert scored.select(pl.corr("willingness", "trait")).item() < -0.8
    told = pair.metrics
    assert told["both"]["auc"] > told["ability"]["auc"] + 0.05
    assert told["both"]["auc"] == pytest.approx(told["one_card"]["auc"], abs=0.01)  # two scores cost no discrimination
    assert min(told["willingness_auc"]) > 0.65
    assert told["both"]["calibration_slope"] == pytest.approx(1, abs=0.1)


def test_willingness_is_given_ability(people: pl.DataFrame, pair: TwoScores) -> None:
    """Behaviour that only mirrors ability tells nothing of willingness: the evidence is what ability does not explain."""
    shadow = people.with_columns(late=people["income"] * -3 + pl.Series(np.random.default_rng(5).normal(size=5000)))
    told = fit_two(shadow, "y", ["income"], ["late"]).metrics
    assert told["both"]["auc"] - told["ability"]["auc"] < 0.01
    assert max(abs(one - 0.5) for one in told["willingness_auc"]) < 0.09
    assert abs(told["correlation"]) < 0.1
    assert pair.metrics["log_loss_gain"] > 10 * max(told["log_loss_gain"], 0.001)


def test_rows_tables_and_json_agree(pair: TwoScores, people: pl.DataFrame) -> None:
    again = TwoScores.from_document(json.loads(json.dumps(pair.as_document())))
    part = people.head(200)
    scored = pair.score(part)
    assert again.score(part).equals(scored)
    for row, found in zip(part.iter_rows(named=True), scored.iter_rows(named=True), strict=True):
        one = again.score_row(row)
        assert one.pd == pytest.approx(found["pd"], rel=1e-12)
        assert (one.ability, one.willingness, one.kind) == (found["ability"], found["willingness"], found["kind"])
    assert set(scored["kind"]) == {"able_willing", "able_unwilling", "unable_willing", "unable_unwilling"}


def test_kinds_reasons_and_shares(pair: TwoScores, people: pl.DataFrame) -> None:
    poor = pair.score_row({"income": -3.0, "late": 0.0, "noise": 0.0})
    assert poor.kind == "unable_willing"
    assert poor.zh == "能力不足、有意愿"
    assert [one["feature"] for one in poor.ability_reasons] == ["income"]
    late = pair.score_row({"income": 2.0, "late": 20.0, "noise": 0.0})
    assert late.kind == "able_unwilling"
    assert late.willingness_reasons[0]["zh"].startswith("逾期天数")
    assert late.willingness < 500 < poor.willingness
    scored = pair.score(people)
    assert (scored["ability"] < pair.cuts[0]).mean() == pytest.approx(1 / 3, abs=0.07)


@pytest.mark.parametrize(
    ("ability", "willingness", "words"),
    [(["income"], ["income"], "both sides"), ([], ["late"], "no columns"), (["income"], [], "no columns")],
)
def test_sides_must_be_two(people: pl.DataFrame, ability: list[str], willingness: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        fit_two(people, "y", ability, willingness)


def test_absent_fields_and_other_documents_are_refused(pair: TwoScores, people: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="field late"):
        pair.score_row({"income": 1.0, "noise": 0.0})
    with pytest.raises(InputError, match="column late"):
        pair.score(people.drop("late"))
    with pytest.raises(InputError, match="not a pair"):
        TwoScores.from_document({"format": "jiehuan-score/1"})


def loans(*rows: tuple[str, int, int, int | None, float]) -> pl.DataFrame:
    """(borrower, day taken, day due, day paid or None, amount), days counted from 1 June 2025."""
    return pl.DataFrame(
        [(who, NOON + taken * DAY, NOON + due * DAY, None if paid is None else NOON + paid * DAY, amount) for who, taken, due, paid, amount in rows],
        schema={"borrower": pl.String, "taken_at": pl.Datetime, "due_at": pl.Datetime, "paid_at": pl.Datetime, "amount": pl.Float64}, orient="row",
    )  # fmt: skip


def test_behaviour_by_hand() -> None:
    history = loans(("a", 0, 30, 28, 1000.0), ("a", 40, 70, 80, 2000.0), ("b", 0, 30, None, 500.0))
    asked = pl.DataFrame(
        {"borrower": ["a", "b", "c"], "applied_at": [NOON + 100 * DAY] * 3, "amount": [3000.0, 500.0, 700.0]}
    )
    first, second, third = behaviour(asked, history).iter_rows(named=True)
    assert first["loans_before"] == 2
    assert (first["late_days_mean"], first["late_days_worst"], first["late_days_last"]) == (4.0, 10.0, 10.0)
    assert (first["late_share"], first["late5_share"], first["unpaid_before"]) == (0.5, 0.5, 0)
    assert (first["amount_largest"], first["amount_step"]) == (2000.0, 1.5)
    assert (first["days_since_paid"], first["days_since_first"]) == (20.0, 100.0)
    assert second["unpaid_before"] == 1
    assert second["late_days_worst"] == 70.0  # still unpaid on the day: due on day 30, asked on day 100
    assert third == dict.fromkeys(FEATURES, None) | {"loans_before": 0.0, "unpaid_before": 0.0}


def test_nothing_known_only_later_is_used() -> None:
    """Changing what happens after the application changes no feature."""
    asked = pl.DataFrame({"borrower": ["a"], "applied_at": [NOON + 50 * DAY]})
    then = loans(("a", 0, 30, 35, 1000.0), ("a", 40, 70, None, 2000.0))
    later = loans(("a", 0, 30, 35, 1000.0), ("a", 40, 70, 200, 2000.0), ("a", 60, 90, 300, 9000.0))
    assert behaviour(asked, then).equals(behaviour(asked, later))
    assert behaviour(asked, then).row(0, named=True)["late_days_mean"] == 5.0  # the second was not due yet


def test_absent_columns_are_named() -> None:
    with pytest.raises(InputError, match="loans column due_at"):
        behaviour(pl.DataFrame({"borrower": ["a"], "applied_at": [NOON]}), loans().drop("due_at"))


def moment(name: str) -> pl.Expr:
    return pl.col(name).str.to_datetime("%Y-%m-%d %H:%M:%S%.f")


@pytest.fixture(scope="module")
def earlier(data: Path) -> pl.DataFrame:
    return pl.read_parquet(data / "superlender" / "previous_loans.parquet").select(
        "termdays", "totaldue", borrower="customerid", amount="loanamount",
        taken_at=moment("creationdate"), due_at=moment("firstduedate"), paid_at=moment("firstrepaiddate"),
    )  # fmt: skip


def test_how_they_paid_before_tells_more_than_what_they_can_pay(
    data: Path, lender: pl.DataFrame, earlier: pl.DataFrame
) -> None:
    """The lender's own outcome: published models of this set reach an AUC of about 0.70 at best."""
    asked = lender.select(borrower="customerid", applied_at=moment("creationdate"), amount="loanamount")
    people = pl.read_parquet(data / "superlender" / "borrowers.parquet").unique(
        "customerid", keep="first", maintain_order=True
    )
    frame = lender.hstack(behaviour(asked, earlier)).join(people, on="customerid", how="left", maintain_order="left")
    able = [
        "loanamount",
        "totaldue",
        "termdays",
        "birthdate",
        "bank_account_type",
        "employment_status_clients",
        "level_of_education_clients",
    ]
    told: dict[str, Any] = dict(
        fit_two(frame, "good_bad_flag", able, [*FEATURES, "loannumber"], time="creationdate").metrics
    )
    assert told["both"]["auc"] > 0.69
    assert told["both"]["auc"] > told["ability"]["intervals"]["auc"][1]
    assert min(told["willingness_auc"]) > 0.57  # within each third of ability
    assert abs(told["correlation"]) < 0.3
    assert told["both"]["auc"] > told["one_card"]["auc"] - 0.015


def test_willingness_is_a_trait_that_earlier_loans_show(earlier: pl.DataFrame) -> None:
    """Each earlier loan judged by the loans before it, borrowers never parted: does late once mean late again?"""
    asked = earlier.select("borrower", "amount", applied_at="taken_at")
    late = ((earlier["paid_at"] - earlier["due_at"]).dt.total_days() > 5).cast(pl.Int64)
    frame = (
        earlier.select("borrower", "termdays", "totaldue", asked_for="amount")
        .hstack(behaviour(asked, earlier))
        .with_columns(late=late)
    )
    frame = frame.filter(pl.col("loans_before") >= 1)
    told = fit_two(
        frame,
        "late",
        ["asked_for", "totaldue", "termdays"],
        list(FEATURES),
        id="borrower",
        settings={"evaluation": {"bootstrap": 50}},
    ).metrics
    assert told["both"]["auc"] > told["ability"]["intervals"]["auc"][1] + 0.03
    assert min(told["willingness_auc"]) > 0.6
