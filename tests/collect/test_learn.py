"""Effects are told from chance alone; a leak is left out; intervals cover what is true."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from jiehuan.collect import load_responses, read_responses
from jiehuan.collect.learn import auc, fit_model, learned_responses, measure_effects
from jiehuan.collect.ridge import fit_response, read_model
from jiehuan.units.errors import InputError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "collect"


def made_log(n: int, seed: int, uplift: float, holdout: float = 0.2) -> pl.DataFrame:
    """A log as plans make it: those likely to pay are called, the others get an SMS; a call adds ``uplift``."""
    rng = np.random.default_rng(seed)
    likely = rng.random(n)
    intended = np.where(likely > 0.5, "call", "sms")
    held = rng.random(n) < holdout
    chance = 0.2 + 0.5 * likely + np.where(~held & (intended == "call"), uplift, 0.0)
    paid = rng.random(n) < np.minimum(chance, 1.0)
    overdue = rng.integers(10_000, 100_000, n)
    return pl.DataFrame(
        {
            "debtor_id": [f"d{i}" for i in range(n)], "arm": np.where(held, "holdout", "treated"), "intended": intended,
            "action": np.where(held, "none", intended), "dpd": rng.choice([5, 20, 45], n), "overdue_fen": overdue,
            "recovered_fen": np.where(paid, overdue, 0), "likely": likely,
        }
    )  # fmt: skip


def test_the_interval_covers_the_true_effect_and_the_plain_comparison_does_not() -> None:
    assumed = load_responses()
    covered, naive = 0, []
    for seed in range(60):
        log = made_log(3000, seed, 0.08)
        effect = next(e for e in measure_effects(log, assumed) if (e.action, e.bucket) == ("call", "all"))
        assert effect.low is not None
        assert effect.high is not None
        covered += effect.low <= 0.08 <= effect.high
        share = log["recovered_fen"] / log["overdue_fen"]
        naive.append(share.filter(log["action"] == "call").mean() - share.filter(log["action"] != "call").mean())  # type: ignore[operator]
    assert covered >= 53, "95 % of 60 is 57"
    assert np.mean(naive) > 0.2, "calling those who pay anyway looks like an effect of 20 points"


def test_without_a_holdout_no_effect_is_told() -> None:
    log = made_log(500, 1, 0.1)
    with pytest.raises(InputError, match="no one was held out"):
        measure_effects(log.filter(pl.col("arm") == "treated"), load_responses())
    with pytest.raises(InputError, match="missing column"):
        measure_effects(log.drop("dpd"), load_responses())
    with pytest.raises(InputError, match="not an arm"):
        measure_effects(log.with_columns(pl.lit("control").alias("arm")), load_responses())


def test_few_cases_tell_nothing_and_many_overrule_the_assumption() -> None:
    assumed = load_responses()
    few = measure_effects(made_log(100, 1, 0.3), assumed)
    assert all(e.effect is None and e.used is None for e in few if e.bucket == "M2")
    many = {(e.action, e.bucket): e for e in measure_effects(made_log(60_000, 1, 0.3), assumed)}
    call = many["call", "M1"]
    assert call.effect is not None
    assert call.used is not None
    assert abs(call.effect - 0.3) < 0.03
    assert abs(call.used - call.effect) < 0.03
    some = {(e.action, e.bucket): e for e in measure_effects(made_log(1200, 2, 0.3), assumed)}["call", "M1"]
    prior = assumed.uplift[0, -1, 2]
    assert some.effect is not None
    assert some.used is not None
    assert min(prior, some.effect) <= some.used <= max(prior, some.effect)


def test_learned_responses_are_what_a_plan_reads() -> None:
    assumed = load_responses()
    log = made_log(20_000, 3, 0.12)
    effects = measure_effects(log, assumed)
    learned = read_responses(json.loads(json.dumps(learned_responses(log, effects, assumed))))
    assert learned.evidence == "holdout"
    assert abs(learned.uplift[0, 0, 2] - 0.12) < 0.03
    assert abs(learned.uplift[0, 0, 0]) < 0.03, "an SMS changed nothing here"
    assert learned.uplift[3, 0, 2] == assumed.uplift[3, -1, 2], "no case above 90 days: the assumption stays"


def test_the_ridge_agrees_with_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    log = made_log(3000, 5, 0.1)
    y = (log["recovered_fen"] > 0).cast(pl.Int64).to_numpy()
    names = ["likely", "dpd", "intended"]
    model = fit_response(log, names, y, ridge=4.0)
    places = [column.place(log[column.name]) for column in model.columns]
    design = np.concatenate([np.eye(c.bins)[p] for c, p in zip(model.columns, places, strict=True)], axis=1)
    theirs = LogisticRegression(C=0.25, tol=1e-10, max_iter=5000).fit(design, y)
    assert np.allclose(np.concatenate([np.array(w) for w in model.weights]), theirs.coef_[0], atol=1e-4)
    assert np.allclose(model.predict(log), theirs.predict_proba(design)[:, 1], atol=1e-5)
    again = read_model(json.loads(json.dumps(model.as_dict())))
    assert np.array_equal(again.predict(log), model.predict(log))
    odd = pl.DataFrame({"likely": [None, float("nan"), 1e9], "intended": ["unseen", None, "call"]})
    assert np.isfinite(model.predict(odd)).all()


def test_columns_known_after_the_contact_are_left_out_and_named(data: Path) -> None:
    contacts = pl.read_parquet(data / "bank_marketing" / "contacts.parquet")
    _, evidence = fit_model(contacts, "y")
    assert evidence.left_out == ("duration",)
    assert "duration" not in evidence.columns
    assert evidence.auc == pytest.approx(0.7734, abs=0.004)
    assert evidence.auc_low < evidence.auc < evidence.auc_high < 0.80
    assert evidence.calibration_slope == pytest.approx(1.0, abs=0.08)
    assert evidence.top_tenth > 3.5 * evidence.responded
    leaked = contacts[::3].rename({"duration": "seconds"})
    _, told = fit_model(leaked, "y", folds=2)
    assert told.auc > 0.9, "with the leak it would look far better than it is"


def test_auc_counts_ties_half() -> None:
    assert auc(np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.5, 0.5])) == 0.875


def test_what_cannot_be_learned_from_is_refused() -> None:
    log = made_log(200, 1, 0.1)
    for outcome, said in (("paid_back", "no such column"), ("overdue_fen", "not both of 0 and 1")):
        with pytest.raises(InputError, match=said):
            fit_model(log, outcome)
    with pytest.raises(InputError, match="not both of 0 and 1"):
        fit_model(log.with_columns(pl.lit(1).alias("y")), "y")
    with pytest.raises(InputError, match="nothing to learn from"):
        fit_model(pl.DataFrame({"y": [0, 1] * 20, "duration": range(40)}), "y")


def test_the_command_writes_evidence_and_a_plan_can_stand_on_it(cli, tmp_path: Path) -> None:
    done = cli("collect", "learn", EXAMPLES / "log.csv", "--out", tmp_path / "m", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["model"]["left_out"] == ["recovered_fen"]
    call = next(e for e in said["effects"] if (e["action"], e["bucket"]) == ("call", "all"))
    assert call["low"] < 0.11 < call["high"]
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["evidence.json", "model.json", "responses.json"]
    planned = cli(
        "collect",
        "plan",
        EXAMPLES / "accounts.csv",
        "--on",
        "2026-11-24",
        "--responses",
        tmp_path / "m",
        "--out",
        tmp_path / "plan.json",
    )
    assert planned.returncode == 0, planned.stderr
    assert "measured against the holdout" in (tmp_path / "plan.json").read_text()


def test_odd_rows_of_a_log_are_told_and_the_others_count(cli, tmp_path: Path) -> None:
    """Three rows that say nothing are named by cell; the effects are those of the log without them."""
    lines = (EXAMPLES / "log.csv").read_text().splitlines()
    odd = [
        "x-1,holdout,sms,none,n/a,firm,100,2,0",
        "x-2,control,sms,none,3,firm,100,2,0",
        "x-3,treated,sms,sms,3,firm,100,2,-5",
    ]
    (tmp_path / "log.csv").write_text("\n".join([*lines, *odd]) + "\n")
    (tmp_path / "none.csv").write_text(lines[0] + "\n")
    clean = json.loads(cli("collect", "learn", EXAMPLES / "log.csv", "--out", tmp_path / "a", "--json").stdout)
    said = json.loads(cli("collect", "learn", tmp_path / "log.csv", "--out", tmp_path / "b", "--json").stdout)
    assert [one["where"].partition("row ")[2] for one in said["refused"]] == [
        f"{len(lines)}, dpd", f"{len(lines) + 2}, recovered_fen", f"{len(lines) + 1}, arm"
    ]  # fmt: skip
    assert (said["effects"], said["model"]) == (clean["effects"], clean["model"])
    empty = cli("collect", "learn", tmp_path / "none.csv", "--out", tmp_path / "c")
    assert empty.returncode == 2 and "no rows; give at least one contact" in empty.stderr
