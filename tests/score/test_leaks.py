"""Planted leaks are found, honest fields are not accused."""

import numpy as np
import polars as pl
import pytest

from jiehuan.score import fit
from jiehuan.units.errors import Refused

FAST = {"evaluation": {"folds": 2, "bootstrap": 0}}


def codes(model: object, column: str) -> set[str]:
    return {one["code"] for one in model.warnings if one["column"] == column}  # type: ignore[attr-defined]


def test_the_length_of_the_call_is_called_a_leak_and_nothing_else_is(bank: pl.DataFrame) -> None:
    """How long the call took is known only after it: a known trap of this set."""
    accused = {one["column"] for one in fit(bank, "y", settings=FAST).warnings if one["code"].startswith("leak")}
    assert accused == {"duration"}
    without = fit(bank, "y", exclude=["duration"], settings=FAST)
    assert not [one for one in without.warnings if one["code"].startswith("leak")]


def test_honest_sets_have_no_leak(taiwan_card: object) -> None:
    assert not [one for one in taiwan_card.warnings if one["code"].startswith("leak")]  # type: ignore[attr-defined]


def test_a_field_filled_in_only_after_the_outcome(applications: pl.DataFrame) -> None:
    random = np.random.default_rng(4)
    filled = (applications["bad"] & pl.Series(random.random(applications.height) < 0.9)).to_numpy()
    leaky = applications.with_columns(
        agency=pl.Series(
            [
                int(value) if seen else None
                for value, seen in zip(random.integers(0, 9, len(filled)), filled, strict=True)
            ]
        ),
        recovered_amount=pl.Series(random.random(len(filled))),
    )
    model = fit(leaky, "bad", settings=FAST)
    assert {"leak", "leak_missing"} <= codes(model, "agency")
    assert codes(model, "recovered_amount") == {"leak_name"}


@pytest.mark.parametrize("kind", ["number", "text", "negated"])
def test_the_target_by_another_name_is_refused(applications: pl.DataFrame, kind: str) -> None:
    copies = {
        "number": pl.col("bad").cast(pl.Float64) * 3,
        "text": pl.when("bad").then(pl.lit("overdue")).otherwise(pl.lit("fine")),
        "negated": ~pl.col("bad"),
    }
    with pytest.raises(Refused, match=r"column status .*--exclude status"):
        fit(applications.with_columns(status=copies[kind]), "bad", settings=FAST)
    fit(applications.with_columns(status=copies[kind]), "bad", exclude=["status"], settings=FAST)


def test_copies_of_a_row_share_a_fold_so_that_noise_cannot_be_learnt_by_heart() -> None:
    """Each row three times, target drawn at random: trees that met a row's copy would "predict" it."""
    random = np.random.default_rng(12)
    frame = pl.DataFrame(
        {f"x{place}": random.normal(size=500) for place in range(6)} | {"y": (random.random(500) < 0.4).astype(int)}
    )
    tripled = pl.concat([frame, frame, frame])
    model = fit(tripled, "y", "boosted", settings={"evaluation": {"folds": 3}})
    assert abs(model.metrics["out_of_fold"]["auc"] - 0.5) < 0.08
    assert "duplicate" in {one["code"] for one in model.warnings}
    assert "weak" in {one["code"] for one in model.warnings}


def test_a_borrowers_rows_share_a_fold_by_name_or_by_option() -> None:
    random = np.random.default_rng(13)
    people = np.repeat(np.arange(300), 6)
    trait, fate = random.normal(size=300), (random.random(300) < 0.4).astype(int)
    frame = pl.DataFrame({
        "who": [f"p{one}" for one in people], "trait": trait[people] + 1e-6 * random.normal(size=1800), "other": random.normal(size=1800),
        "third": random.normal(size=1800), "y": fate[people],
    })  # fmt: skip
    settings = {
        "evaluation": {"folds": 3},
        "boosted": {"min_rows_in_leaf": 3, "l2": 0.0, "leaves": 63, "learning_rate": 0.1, "feature_share": 1.0},
    }
    parted = fit(frame, "y", "boosted", exclude=["who"], settings=settings)
    kept = fit(frame, "y", "boosted", id="who", settings=settings)
    named = fit(frame.rename({"who": "customer_id"}), "y", "boosted", settings=settings)
    assert parted.metrics["out_of_fold"]["auc"] > 0.7  # learnt by heart
    assert abs(kept.metrics["out_of_fold"]["auc"] - 0.5) < 0.1
    assert named.metrics["out_of_fold"]["auc"] == kept.metrics["out_of_fold"]["auc"]
    assert "customer_id" not in named.columns
