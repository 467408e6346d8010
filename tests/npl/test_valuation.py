from __future__ import annotations

import json
import math
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan import npl
from jiehuan.npl.params import decaying
from jiehuan.units.errors import InputError

FEATURES = st.fixed_dictionaries(
    {},
    optional={
        "contactable": st.booleans(),
        "paid_last_90_days": st.booleans(),
        "ability": st.sampled_from(["high", "middle", "low", "odd"]),
        "willingness": st.sampled_from(["high", "middle", "low"]),
    },
)


def test_a_value_by_hand() -> None:
    """One bucket, one month's recovery: 10 % of 1,000.00 in month 12, less 20 % cost, at 21 % a year."""
    document = dict(npl.priors().document) | {
        "horizon_months": 12,
        "discount_rate": "0.21",
        "cost_share": "0.2",
        "features": {"contactable": {"false": "0.5"}},
        "buckets": [{"from_dpd": 0, "curve": [0] * 11 + [0.1], "low": 0.05, "high": 0.2}],
    }
    params = npl.read_params(document)
    found = npl.value(100_000, 100, {}, params)
    # 100.00 x 0.8 / 1.21 = 66.12; half and double of it at the ends
    assert (found.value_fen, found.low_fen, found.high_fen) == (6_612, 3_306, 13_223)
    assert npl.value(100_000, 100, {"contactable": False}, params).value_fen == 3_306


def test_the_priors_say_that_they_are_priors() -> None:
    priors = npl.priors()
    assert (priors.source, priors.document["grade"]) == ("priors", "D")
    assert "(priors)" in npl.value(100, 100).method


def test_older_debt_is_worth_less_and_a_lost_debtor_less_still() -> None:
    values = [npl.value(1_000_000, dpd).value_fen for dpd in (0, 10, 40, 70, 100, 200, 400, 800)]
    assert values == sorted(values, reverse=True)
    for dpd in (10, 100, 400):
        assert npl.value(1_000_000, dpd, {"contactable": False}).value_fen < npl.value(1_000_000, dpd).value_fen


@settings(max_examples=80)
@given(st.integers(0, 10**10), st.integers(0, 3_000), FEATURES)
def test_a_claim_is_worth_between_nothing_and_its_balance(balance: int, dpd: int, features: dict[str, Any]) -> None:
    found = npl.value(balance, dpd, features)
    assert 0 <= found.low_fen <= found.value_fen <= found.high_fen <= balance


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 1_000), FEATURES), min_size=1, max_size=8))
def test_a_frame_is_valued_as_its_rows_are(rows: list[tuple[int, int, dict[str, Any]]]) -> None:
    names = ("contactable", "paid_last_90_days", "ability", "willingness")
    frame = pl.DataFrame(
        [{"balance_fen": b, "dpd": d} | {n: f.get(n) for n in names} for b, d, f in rows],
        schema={"balance_fen": pl.Int64, "dpd": pl.Int64, "contactable": pl.Boolean, "paid_last_90_days": pl.Boolean,
                "ability": pl.String, "willingness": pl.String},
    )  # fmt: skip
    for (balance, dpd, features), row in zip(rows, npl.values(frame).to_dicts(), strict=True):
        one = npl.value(balance, dpd, features)
        for name in ("value_fen", "low_fen", "high_fen"):
            assert abs(row[name] - getattr(one, name)) <= 1
        assert row["method"] == one.method


def test_bad_amounts_are_refused_with_their_place() -> None:
    with pytest.raises(InputError, match="is negative"):
        npl.value(-1, 0)
    with pytest.raises(InputError, match="accounts row 2"):
        npl.values(pl.DataFrame({"balance_fen": [1, None], "dpd": [0, 0]}))
    with pytest.raises(InputError, match="no such column"):
        npl.values(pl.DataFrame({"balance": [1]}))


def test_an_odd_claim_loses_its_row_and_no_other(cli, tmp_path: Path) -> None:
    """The values of the others are those of a table without it; of a claim that stands twice the first counts."""
    good = "loan_id,balance_fen,dpd,class\na,100000,100,substandard\nb,200000,400,loss\n"
    for name, text in (
        ("good", good),
        ("odd", good + "c,n/a,5,loss\nd,5,-1,loss\na,1,1,loss\n"),
        ("none", good.splitlines()[0] + "\n"),
    ):
        (tmp_path / f"{name}.csv").write_text(text)
    told = {}
    for name in ("good", "odd", "none"):
        done = cli("npl", "value", tmp_path / f"{name}.csv", "--on", "2026-06-30", "--json")
        assert done.returncode == (name == "odd"), done.stderr
        told[name] = json.loads(done.stdout)
    assert (told["odd"]["rows"], told["odd"]["totals"]) == (told["good"]["rows"], told["good"]["totals"])
    assert [one["where"].partition("row ")[2] for one in told["odd"]["refused"]] == [
        "3, balance_fen",
        "4, dpd",
        "5, loan_id",
    ]
    assert told["none"]["totals"]["balance_fen"] == 0 and told["none"]["rows"] == []


def recoveries(
    rng: np.random.Generator, loans: int, ultimate: float, half_life: float, follow: int = 36, dpd: int = 100
) -> pl.DataFrame:
    """Loans of 10,000.00, each month of whose curve comes whole or not at all, with the month's chance."""
    curve = np.asarray(decaying(ultimate, half_life, 36))[:follow]
    part = 0.25
    came = rng.random((loans, follow)) < curve / part
    ids, months = np.repeat(np.arange(loans), follow), np.tile(np.arange(1, follow + 1), loans)
    return pl.DataFrame(
        {
            "loan_id": ids.astype(str),
            "dpd": np.full(ids.size, dpd),
            "balance_fen": np.full(ids.size, 1_000_000),
            "month": months,
            "recovered_fen": (came.ravel() * 1_000_000 * part).astype(np.int64),
        }
    )


def test_fitting_finds_the_curve_that_made_the_data() -> None:
    data = recoveries(np.random.default_rng(1), 6_000, ultimate=0.30, half_life=5)
    made = npl.read_params(npl.fit(data)).bucket(100)
    assert made.loans == 6_000
    assert made.credibility == pytest.approx(6_000 / 6_200, abs=1e-6)
    # The prior says 18 %; the data, 30 %. Standard error 0.5 points.
    assert made.ultimate == pytest.approx(0.30, abs=0.015)
    first_half = sum(made.curve[:5]) / made.ultimate
    assert first_half == pytest.approx(0.5, abs=0.03)
    assert made.low < 0.30 < made.high
    assert made.high - made.low < 0.03


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth, covered = 0.30, 0
    flat = npl.read_params(dict(npl.priors().document) | {"credibility_loans": 1e-9})
    for seed in range(40):
        data = recoveries(np.random.default_rng(seed), 300, ultimate=truth, half_life=5)
        found = npl.read_params(npl.fit(data, flat, seed=seed)).bucket(100)
        covered += found.low <= truth <= found.high
    # 80 % of 40 is 32; five standard deviations either side would be 19 to 40.
    assert 24 <= covered <= 39


def test_few_loans_move_the_prior_little_and_none_not_at_all() -> None:
    prior = npl.priors()
    few = npl.read_params(npl.fit(recoveries(np.random.default_rng(2), 10, ultimate=0.9, half_life=3)))
    assert abs(few.bucket(100).ultimate - prior.bucket(100).ultimate) < 0.08
    assert few.bucket(400).curve == pytest.approx(prior.bucket(400).curve, abs=1e-8)
    assert few.bucket(400).loans == 0


def test_loans_followed_for_a_short_time_count_for_the_months_they_were_followed() -> None:
    rng = np.random.default_rng(3)
    long = recoveries(rng, 3_000, ultimate=0.3, half_life=6)
    short = recoveries(rng, 3_000, ultimate=0.3, half_life=6, follow=6).with_columns(loan_id="s" + pl.col("loan_id"))
    censored = npl.read_params(npl.fit(pl.concat([long, short]))).bucket(100)
    # Dividing by everybody would halve the later months and give some 22 %.
    assert censored.ultimate == pytest.approx(0.30, abs=0.02)


def test_a_feature_is_learnt_from_recovered_over_expected() -> None:
    rng = np.random.default_rng(4)
    good = recoveries(rng, 2_000, ultimate=0.40, half_life=5).with_columns(contactable=True)
    bad = recoveries(rng, 2_000, ultimate=0.10, half_life=5).with_columns(
        loan_id="b" + pl.col("loan_id"), contactable=False
    )
    found = npl.read_params(npl.fit(pl.concat([good, bad]))).features["contactable"]
    assert found["true"] / found["false"] == pytest.approx(4.0, rel=0.25)


def test_a_fit_repeats_and_reads_back_as_json() -> None:
    import json

    data = recoveries(np.random.default_rng(5), 50, ultimate=0.3, half_life=5)
    first = npl.fit(data, seed=7)
    assert first == npl.fit(data, seed=7)
    assert npl.read_params(json.loads(json.dumps(first))).buckets == npl.read_params(first).buckets


def test_faulty_recoveries_are_named() -> None:
    data = recoveries(np.random.default_rng(5), 3, ultimate=0.3, half_life=5, follow=2)
    with pytest.raises(InputError, match="no such column"):
        npl.fit(data.drop("month"))
    bad = pl.concat([data, data[:1]]).with_columns(
        recovered_fen=pl.when(pl.int_range(pl.len()) == 3).then(-1).otherwise("recovered_fen")
    )
    with pytest.raises(InputError) as refused:
        npl.fit(bad)
    assert [str(problem) for problem in refused.value.problems] == [
        "recoveries row 4, recovered_fen '-1': is negative; mend or leave out the row",
        "recoveries row 7, month '1': is there already for the loan; mend or leave out the row",
    ]


def test_bad_recoveries_cost_only_themselves() -> None:
    data = recoveries(np.random.default_rng(5), 30, ultimate=0.3, half_life=5, follow=2)
    whole = npl.fit(data)
    text = data.with_columns(pl.all().cast(pl.String))
    planted = {
        "month": ["0", "1.5", "", "NaN", "2026-02-30"],
        "dpd": ["-1", "99999", "8"],
        "balance_fen": ["0", "9" * 30, "x", "5"],
        "recovered_fen": ["-1", "inf", "1" + "0" * 14, "0.5"],
    }
    rows = [{**text.row(0, named=True), "month": "2", name: cell} for name, cells in planted.items() for cell in cells]
    rows += [text.row(1, named=True), {**text.row(0, named=True), "loan_id": None}]
    mixed = pl.concat([text, pl.DataFrame(rows, schema=text.schema)])
    good, problems = npl.readable_recoveries(mixed, "r.csv")
    assert len(problems) == len(rows) and problems[0].where == "r.csv row 61, month" and problems[0].value == "0"
    assert npl.fit(good) == whole
    for odd in (pl.concat_list("dpd"), pl.struct("dpd"), pl.lit(True), pl.lit(date(2026, 1, 1))):
        none, told = npl.readable_recoveries(data.with_columns(odd.alias("dpd")))
        assert none.is_empty() and len(told) == data.height


def test_more_recovered_than_owed_is_a_curve_that_ends_at_the_whole() -> None:
    rows = [(f"r{n}", 100, 700, month, 699 - n % 3) for n in range(2000) for month in (1, 2, 3)]
    made = npl.fit(pl.DataFrame(rows, schema=["loan_id", "dpd", "balance_fen", "month", "recovered_fen"], orient="row"))
    assert npl.read_params(made).bucket(100).ultimate == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    "broken", [{"buckets": []}, {"horizon_months": "x"}, {"discount_rate": "2"}, {"cost_share": "1.5"}]
)
def test_a_broken_parameters_document_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        npl.read_params(dict(npl.priors().document) | broken)


def test_a_decaying_curve_brings_its_ultimate() -> None:
    curve = decaying(0.5, 3, 36)
    assert sum(curve) == pytest.approx(0.5)
    assert sum(curve[:3]) == pytest.approx(0.25, rel=1e-3)
    assert all(a > b for a, b in pairwise(curve))
    assert math.isclose(curve[3] / curve[0], 0.5)
