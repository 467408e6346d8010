"""Estimates of a rule that was not run: unbiased where chance is known, honest about what was never tried."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from jiehuan.cli.main import main
from jiehuan.line import default_params, estimate, evaluate
from jiehuan.units.errors import InputError

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "line" / "log.csv"


def world(n: int, seed: int) -> tuple[dict[str, np.ndarray], float]:
    """Logged decisions between 0 and 1 with known chances, and the true mean outcome of the rule "1 where x > 0"."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    chance = 0.15 + 0.7 / (1 + np.exp(-x - 1.2))
    taken = (rng.random(n) < chance).astype(np.int64)
    wanted = (x > 0).astype(np.int64)

    def mean(action: np.ndarray) -> np.ndarray:
        return 100 + 50 * x + action * (30 * x - 5)

    outcome = mean(taken) + rng.normal(0, 20, n)
    propensity = np.where(taken == 1, chance, 1 - chance)
    data = {
        "outcome": outcome,
        "taken": taken,
        "propensity": propensity,
        "wanted": wanted,
        "supported": np.ones(n, bool),
        "features": x[:, None],
    }
    # E[50 x] = 0; E[(30 x - 5) 1(x > 0)] = 30 / sqrt(2 pi) - 2.5
    return data, 100 + 30 / np.sqrt(2 * np.pi) - 2.5


def test_intervals_cover_the_truth_and_the_model_makes_them_narrower() -> None:
    covered = {"DR": 0, "SNIPS": 0}
    widths: dict[str, list[float]] = {"DR": [], "SNIPS": []}
    plain = []
    for seed in range(120):
        data, truth = world(1500, seed)
        for e in (estimate(**data), estimate(**{**data, "features": None})):
            covered[e.method] += e.low <= truth <= e.high
            widths[e.method].append(e.high - e.low)
        same = data["taken"] == data["wanted"]
        plain.append(data["outcome"][same].mean() - truth)
    assert covered["DR"] >= 108, "95 % of 120 is 114"
    assert covered["SNIPS"] >= 106
    assert np.mean(widths["DR"]) < 0.9 * np.mean(widths["SNIPS"])
    assert abs(np.mean(plain)) > 2, "the mean of the matching rows alone is off"


def test_the_logged_rule_itself_is_its_mean() -> None:
    data, _ = world(2000, 1)
    own = estimate(**{**data, "wanted": data["taken"], "propensity": np.ones(2000)})
    assert own.value == pytest.approx(data["outcome"].mean())
    assert own.gain == pytest.approx(0.0, abs=1e-9)
    assert own.effective_n == pytest.approx(2000)


def test_what_was_never_tried_is_counted_and_said() -> None:
    data, _ = world(2000, 2)
    rare = data["supported"].copy()
    rare[:600] = False
    e = estimate(**{**data, "supported": rare})
    assert e.unsupported == pytest.approx(0.3)
    assert e.n == 1400
    assert "could never have been logged" in e.warnings[0]["en"]
    assert "从未可能发生" in e.warnings[0]["zh"]
    with pytest.raises(InputError, match="tell something of this rule"):
        estimate(**{**data, "supported": np.arange(2000) < 50})
    with pytest.raises(InputError, match="not a probability above 0"):
        estimate(**{**data, "propensity": np.zeros(2000)})


def test_few_heavy_weights_are_warned_of() -> None:
    data, _ = world(3000, 3)
    propensity = np.where(data["taken"] == data["wanted"], 0.9, 0.1)
    propensity[:5] = 1e-4
    taken = data["taken"].copy()
    taken[:5] = data["wanted"][:5]
    e = estimate(**{**data, "taken": taken, "propensity": propensity})
    assert e.effective_n < 100
    assert "not to be trusted" in e.warnings[-1]["en"]


def test_a_log_of_reviews_tells_which_parameters_earn_more(
    cli, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = cli("line", "evaluate", EXAMPLE, "--json")
    assert done.returncode == 0, done.stderr
    robust, plain, weighted = json.loads(done.stdout)["estimates"]
    assert (robust["method"], plain["method"], weighted["method"]) == ("DR", "SNIPS", "IPS")
    assert weighted["low"] < robust["value"] < weighted["high"]
    assert robust["unsupported"] == 0
    assert robust["gain_low"] > 0, "cutting and raising earned more than the 30 % left alone"
    assert robust["gain_high"] - robust["gain_low"] < plain["gain_high"] - plain["gain_low"]
    with pytest.raises(SystemExit) as stop:
        main(["line", "evaluate", str(tmp_path / "absent.csv")])
    assert stop.value.code == 2
    assert "no such file" in capsys.readouterr().err.lower()


def test_bad_log_rows_are_named_and_an_empty_log_refused() -> None:
    rows = [{"borrower_id": "b", "on": "2026-03-01"}, {"borrower_id": "c"}]
    with pytest.raises(InputError) as refusal:
        evaluate(rows, default_params(), "micro_lender")
    assert "row 1, new_limit_fen" in str(refusal.value)
    assert "row 2, on" in str(refusal.value)
    with pytest.raises(InputError, match="no decisions"):
        evaluate([], default_params(), "micro_lender")
