"""The estimates on real logged decisions: the Open Bandit Data of a fashion shop, where two policies ran side by side.

What Bernoulli Thompson sampling (BTS) would bring is estimated from the log of the uniformly random policy alone, and held against the mean
clicks of those days on which BTS really ran. Source: Saito, Aihara, Matsutani, Narita, Open Bandit Dataset and Pipeline (NeurIPS 2021
Datasets and Benchmarks); the small sample that ships with the package ``obp`` (its code is not run).
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from jiehuan.line import estimate_policy
from jiehuan.units.errors import InputError

CAMPAIGNS = ("all", "men", "women")
POSITIONS = 3


@cache
def package() -> Path:
    found = find_spec("obp")
    if found is None or not found.submodule_search_locations:
        pytest.skip("obp, whose data this reads, is not installed")
    return Path(found.submodule_search_locations[0])


@cache
def logged(policy: str, campaign: str) -> pl.DataFrame:
    file = package() / "dataset" / "obd" / policy / campaign / f"{campaign}.csv"
    return pl.read_csv(file, columns=["item_id", "position", "click", "propensity_score"])


@cache
def bts(campaign: str) -> np.ndarray:
    """BTS's probability of each item at each position, shape (positions, items): the shares in which it showed them.

    It learned as it ran, so this is the policy of its average day. No click of its log is used. (The priors that the package ships are of
    another time: their chances correlate 0.56 to 0.83 with what BTS showed in this sample.)
    """
    shown = logged("bts", campaign)
    items = 1 + int(max(shown["item_id"].max(), logged("random", campaign)["item_id"].max()))
    counts = np.zeros((POSITIONS, items))
    np.add.at(counts, (shown["position"].to_numpy() - 1, shown["item_id"].to_numpy()), 1)
    return counts / counts.sum(axis=1, keepdims=True)


def log_of_random(campaign: str, more_items: int = 0) -> dict[str, np.ndarray]:
    """The random log as ``estimate_policy`` takes it; ``more_items``: actions that no log ever had."""
    log = logged("random", campaign)
    items = bts(campaign).shape[1] + more_items
    position = log["position"].to_numpy() - 1
    possible = np.zeros((log.height, items), bool)
    possible[:, : items - more_items] = True
    chances = np.zeros((log.height, items))
    chances[:, : items - more_items] = bts(campaign)[position]
    return {
        "outcome": log["click"].to_numpy().astype(float), "taken": log["item_id"].to_numpy(),
        "propensity": log["propensity_score"].to_numpy(), "chances": chances, "possible": possible,
        "features": np.eye(POSITIONS)[position][:, 1:],
    }  # fmt: skip


def test_the_policy_is_told_apart_from_the_random_one():
    for campaign in CAMPAIGNS:
        own = logged("bts", campaign)
        told = bts(campaign)[own["position"].to_numpy() - 1, own["item_id"].to_numpy()]
        assert np.corrcoef(told, own["propensity_score"].to_numpy())[0, 1] > 0.4, campaign
        assert bts(campaign).max() > 5 / bts(campaign).shape[1], "it prefers some items"


@pytest.mark.parametrize("campaign", CAMPAIGNS)
@pytest.mark.parametrize("method", ["DR", "SNIPS", "IPS"])
def test_the_interval_covers_what_the_policy_really_brought(campaign, method):
    truth = logged("bts", campaign)["click"].mean()
    told = estimate_policy(**log_of_random(campaign), method=method)
    assert told.low <= truth <= told.high, (told, truth)
    assert told.logged == pytest.approx(logged("random", campaign)["click"].mean())
    assert told.unsupported == 0 and told.n == 10_000
    assert told.high - told.low < 0.02, "an interval that tells something: clicks are 0.4 to 0.7 %"


def test_the_random_policy_from_its_own_log_is_its_mean():
    log = log_of_random("men")
    items = log["chances"].shape[1]
    told = estimate_policy(**{**log, "chances": np.full_like(log["chances"], 1 / items)}, method="IPS")
    assert told.value == pytest.approx(told.logged) and told.gain == pytest.approx(0, abs=1e-12)
    assert told.effective_n == pytest.approx(10_000)


def test_a_policy_that_was_never_logged_is_warned_of_and_refused_when_wholly_so():
    log = log_of_random("men", more_items=1)
    half = log["chances"] * 0.5
    half[:, -1] = 0.5
    told = estimate_policy(**{**log, "chances": half})
    assert told.unsupported == pytest.approx(0.5)
    assert "50% of this rule's decisions could never have been logged" in told.warnings[0]["en"]
    never = np.zeros_like(half)
    never[:, -1] = 1.0
    with pytest.raises(InputError, match="only 0 decisions tell something of this rule"):
        estimate_policy(**{**log, "chances": never})
    one_item = np.zeros_like(half)
    one_item[:, 3] = 1.0
    few = estimate_policy(**{**log, "chances": one_item})
    assert few.effective_n == pytest.approx((log["taken"] == 3).sum()) and few.effective_n < 400
