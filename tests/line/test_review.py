"""A line's review: what raises and lowers it, what never happens, and what is left to chance on purpose."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.cli.main import main
from jiehuan.law import law_on
from jiehuan.line import (
    LineAccount,
    affordable_limit,
    default_params,
    expected_profit,
    holdout_arm,
    load_params,
    read_account,
    read_accounts,
    read_params,
    review,
)
from jiehuan.units.errors import InputError

TODAY = date(2026, 11, 24)
LAW = law_on(TODAY, "micro_lender")
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "line" / "accounts.csv"
NO_HOLDOUT = replace(default_params(), holdout=0.0)
GOOD = LineAccount("b", 1_000_000, 180_000, 500_000, 0.02, 0, 12, 12, income_fen=1_500_000)


def codes(account: LineAccount, params=NO_HOLDOUT) -> list[str]:
    return [reason["code"] for reason in review(account, LAW, params).reasons]


def test_good_conduct_raises_by_one_step_and_says_why() -> None:
    decision = review(GOOD, LAW, NO_HOLDOUT)
    assert (decision.direction, decision.new_limit_fen) == ("raise", 1_200_000)
    assert decision.reasons[0]["code"] == "good_conduct"
    assert decision.notify
    assert decision.law_version == LAW.version
    for reason in decision.reasons:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in reason["zh"])
        assert reason["en"].isascii()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"months_on_book": 3}, "young"),
        ({"months_clean": 2}, "not_clean"),
        ({"last_limit_change": date(2026, 8, 1)}, "wait"),
        ({"last_limit_change": date(2026, 1, 1), "last_direction": "lower"}, "wait"),
        ({"balance_fen": 100_000}, "unused"),
        ({"income_fen": None}, "income_unknown"),
        ({"income_fen": 90_000, "obligations_fen": 50_000}, "affordability"),
    ],
)
def test_what_stands_against_a_raise_is_said(change: dict[str, object], code: str) -> None:
    decision = review(replace(GOOD, **change), LAW, NO_HOLDOUT)  # type: ignore[arg-type]
    assert decision.direction == "hold"
    assert code in [reason["code"] for reason in decision.reasons]


def test_between_the_two_probabilities_nothing_moves() -> None:
    for pd in (0.031, 0.06, 0.099):
        assert review(replace(GOOD, pd=pd), LAW, NO_HOLDOUT).direction == "hold"
    assert review(replace(GOOD, pd=0.03), LAW, NO_HOLDOUT).direction == "raise"
    assert review(replace(GOOD, pd=0.2), LAW, NO_HOLDOUT).direction == "lower"


def test_a_critical_alert_closes_the_unused_part_with_its_own_words() -> None:
    decision = review(
        replace(GOOD, alert="critical", alert_reason={"zh": "集中提现", "en": "cash-out burst"}), LAW, NO_HOLDOUT
    )
    assert decision.new_limit_fen == GOOD.balance_fen
    assert decision.new_rate_ppm == GOOD.rate_ppm
    assert decision.reasons[0]["zh"].startswith("集中提现")
    assert codes(replace(GOOD, dpd=31))[0] == "freeze"


def test_the_price_of_new_draws_follows_the_grade_in_steps_and_waits() -> None:
    assert review(replace(GOOD, pd=0.5), LAW, NO_HOLDOUT).new_rate_ppm == 210_000
    assert review(replace(GOOD, pd=0.005), LAW, NO_HOLDOUT).new_rate_ppm == 120_000, "it falls to the grade's at once"
    assert review(replace(GOOD, pd=0.5, last_rate_change=date(2026, 10, 1)), LAW, NO_HOLDOUT).new_rate_ppm == 180_000


def test_law_binds_both_arms() -> None:
    held = next(f"b{i}" for i in range(100) if holdout_arm(f"b{i}", 1, 0.1))
    for borrower, arm in (("b", "treated"), (held, "holdout")):
        account = replace(
            GOOD, borrower_id=borrower, limit_fen=30_000_000, balance_fen=1_000_000, rate_ppm=300_000, pd=0.05
        )
        decision = review(account, LAW, default_params())
        assert decision.arm == arm
        assert decision.new_limit_fen == LAW.value("balance_cap") == 20_000_000
        assert decision.new_rate_ppm == 180_000 <= LAW.value("cost_cap")
        assert "law_cap" in {reason["code"] for reason in decision.reasons}
        closed = review(replace(account, dpd=31), LAW, default_params())
        assert closed.new_rate_ppm == LAW.value("cost_cap") == 240_000
        assert "cost_cap" in {reason["code"] for reason in closed.reasons}


def test_the_holdout_keeps_its_line_and_what_was_wanted_is_kept_for_learning() -> None:
    params = replace(default_params(), holdout=0.5)
    decisions = [review(replace(GOOD, borrower_id=f"b{i}", pd=0.3), LAW, params) for i in range(400)]
    held = [d for d in decisions if d.arm == "holdout"]
    assert 150 < len(held) < 250
    assert all(d.new_limit_fen == d.old_limit_fen for d in held)
    assert len({d.new_rate_ppm for d in decisions}) == 1, "a price by chance would be an unreasonable difference"
    unpriced = [review(replace(GOOD, borrower_id=f"b{i}", rate_ppm=150_000), LAW, params) for i in range(40)]
    assert all(not d.notify for d in unpriced if d.arm == "holdout")
    assert len({d.proposed_limit_fen for d in decisions}) == 1
    assert {d.propensity for d in decisions} == {0.5}
    again = [review(replace(GOOD, borrower_id=f"b{i}", pd=0.3), LAW, params).arm for i in range(400)]
    assert again == [d.arm for d in decisions]


accounts = st.builds(
    LineAccount,
    borrower_id=st.sampled_from([f"b{i}" for i in range(50)]),
    limit_fen=st.integers(0, 40_000_000),
    rate_ppm=st.integers(0, 400_000),
    balance_fen=st.integers(0, 30_000_000),
    pd=st.floats(0, 1),
    dpd=st.integers(0, 200),
    months_on_book=st.integers(0, 60),
    months_clean=st.integers(0, 60),
    last_limit_change=st.none() | st.dates(date(2024, 1, 1), TODAY),
    last_direction=st.sampled_from(["", "raise", "lower"]),
    last_rate_change=st.none() | st.dates(date(2024, 1, 1), TODAY),
    income_fen=st.none() | st.integers(0, 5_000_000),
    obligations_fen=st.integers(0, 1_000_000),
    lines_fen=st.integers(0, 20_000_000),
    alert=st.sampled_from(["", "info", "warning", "critical"]),
)


@settings(max_examples=300, deadline=None)
@given(a=accounts)
def test_what_never_happens(a: LineAccount) -> None:
    p = default_params()
    d = review(a, LAW, p)
    cap = LAW.value("balance_cap")
    if a.limit_fen >= a.balance_fen:
        assert d.new_limit_fen >= a.balance_fen, "a limit below what is drawn"
    raised = d.new_limit_fen > a.limit_fen
    if raised:
        assert d.new_limit_fen <= a.limit_fen * (1 + p.raise_step) + 1
        assert d.new_limit_fen + a.lines_fen <= cap, "law's cap (balance_cap)"
        assert d.new_limit_fen <= (affordable_limit(a, p) or 0), "more than the income carries"
        assert a.dpd == 0
        assert a.alert not in {"warning", "critical"}
        assert d.arm == "treated"
    assert d.new_rate_ppm <= max(LAW.value("cost_cap"), 0)
    if a.rate_ppm <= LAW.value("cost_cap"):
        assert d.new_rate_ppm - a.rate_ppm <= p.rate_step
    if a.alert != "critical" and a.dpd <= 30:
        grade = next(g.rate_ppm for g in p.grades if a.pd <= g.to_pd)
        assert d.new_rate_ppm <= max(grade, a.rate_ppm) and (
            a.rate_ppm < grade or d.new_rate_ppm == min(grade, 240_000)
        )
    assert d.notify == (d.new_limit_fen != a.limit_fen or d.new_rate_ppm != a.rate_ppm)
    assert d.reasons
    assert d == review(a, LAW, p)


@settings(max_examples=60, deadline=None)
@given(pd=st.floats(0, 1), more=st.floats(0, 1))
def test_one_grade_one_price_and_more_risk_never_a_lower_one(pd: float, more: float) -> None:
    riskier = min(1.0, pd + more)
    safe, risky = (review(replace(GOOD, pd=x), LAW, NO_HOLDOUT).new_rate_ppm for x in (pd, riskier))
    assert safe <= risky
    other = replace(GOOD, pd=pd, borrower_id="another", income_fen=900_000, balance_fen=10, obligations_fen=7)
    assert review(other, LAW, NO_HOLDOUT).new_rate_ppm == safe, "price differences other than by grade"


def test_a_limit_does_not_swing() -> None:
    """A probability of default that wavers about either line moves the limit once, not every month."""
    account, moves = GOOD, 0
    for month in range(12):
        on = date(2026 + (month + 11) // 12, (month + 11) % 12 + 1, 1)
        decision = review(replace(account, pd=0.029 if month % 2 else 0.031), law_on(on, "micro_lender"), NO_HOLDOUT)
        moves += decision.direction != "hold"
        changed = on if decision.direction != "hold" else account.last_limit_change
        account = replace(
            account,
            limit_fen=decision.new_limit_fen,
            last_limit_change=changed,
            balance_fen=decision.new_limit_fen // 2,
        )
    assert moves <= 2


def test_who_decides_and_from_when_it_holds() -> None:
    later = lambda days: TODAY + timedelta(days=days)  # noqa: E731
    raised = review(replace(GOOD, rate_ppm=150_000), LAW, NO_HOLDOUT)
    assert (raised.limit_by_person, raised.limit_from) == (True, TODAY)
    lowered = review(replace(GOOD, pd=0.2), LAW, NO_HOLDOUT)
    assert (lowered.limit_by_person, lowered.limit_from) == (False, later(3))
    assert lowered.new_rate_ppm > lowered.old_rate_ppm and lowered.rate_from == later(15) and lowered.rate_by_person
    frozen = review(replace(GOOD, dpd=31), LAW, NO_HOLDOUT)
    assert (frozen.limit_by_person, frozen.limit_from) == (False, TODAY)
    dearer = review(replace(GOOD, pd=0.05, rate_ppm=150_000, limit_fen=500_000), LAW, NO_HOLDOUT)
    assert dearer.direction == "hold" and dearer.rate_by_person and dearer.rate_from == later(15)
    cheaper = review(replace(GOOD, pd=0.05, rate_ppm=240_000), LAW, NO_HOLDOUT)
    assert cheaper.new_rate_ppm == 180_000 and not cheaper.rate_by_person and cheaper.rate_from == TODAY
    forced = review(replace(GOOD, limit_fen=30_000_000, rate_ppm=300_000, pd=0.05), LAW, NO_HOLDOUT)
    assert (forced.limit_from, forced.rate_from, forced.rate_by_person) == (TODAY, TODAY, False)


def test_parameters_have_a_version_and_can_be_written_and_read_again() -> None:
    shipped = default_params()
    assert read_params(shipped.as_document()) == shipped
    assert replace(shipped, holdout=0.2).version != shipped.version
    old = {
        name: value
        for name, value in shipped.as_document().items()
        if not name.startswith(("approve", "notice", "least_conf", "rate_least"))
    }
    assert read_params(old) == shipped, "a file of the first release is still read"
    with pytest.raises(InputError, match="write true or false"):
        read_params({**shipped.as_document(), "approve_raise": "perhaps"})


def test_an_account_written_down_is_decided_on_as_before() -> None:
    account = replace(
        GOOD, alert="warning", alert_reason={"zh": "扣款失败", "en": "a debit failed"}, last_limit_change=TODAY
    )
    kept = read_account(json.loads(json.dumps(account.as_document())), "log")
    assert kept == account and review(kept, LAW) == review(account, LAW)


def test_profit_by_hand() -> None:
    # Free 500,000: used 500,000 + 0.5 x 500,000; exposure 500,000 + 0.6 x 500,000; margin 18 - 4 - 2 = 12 %.
    # 0.98 x 0.12 x 750,000 - 0.02 x 0.75 x 800,000 = 88,200 - 12,000 = 76,200.
    assert expected_profit(GOOD, 1_000_000, default_params()) == 76_200
    # 15,000.00 / 1.2 = 12,500.00 a month over 12 months at 18 %: x (1 - 1.015^-12) / 0.015 = 10.907505 -> 136,343.81
    assert affordable_limit(GOOD, default_params()) == 13_634_381


def test_outside_mainland_law_no_cap_applies() -> None:
    foreign = law_on(TODAY, "other")
    decision = review(
        replace(GOOD, limit_fen=30_000_000, balance_fen=1_000_000, rate_ppm=400_000, pd=0.5), foreign, NO_HOLDOUT
    )
    assert "law_cap" not in {reason["code"] for reason in decision.reasons}


def test_senseless_accounts_and_parameters_are_refused_whole() -> None:
    with pytest.raises(InputError) as refusal:
        review(LineAccount("", -1, -1, 0, 1.5, alert="loud"), LAW)
    assert len(refusal.value.problems) == 5
    rows = [
        {"borrower_id": "b1", "limit_fen": 1000, "balance_fen": 1, "pd": 0.1, "rate": "0.18"},
        {
            "borrower_id": "b2",
            "limit_fen": "x",
            "balance_fen": None,
            "pd": "often",
            "rate": "18%",
            "last_direction": "up",
            "last_limit_change": "24/11",
        },
        {"borrower_id": "b1", "limit_fen": 1000, "balance_fen": 1, "pd": 0.1, "rate": "0.18"},
        {"borrower_id": "b3", "limit_fen": 1000, "balance_fen": 1, "pd": float("nan"), "rate": "0.18"},
    ]
    good, problems = read_accounts(rows, rows[1], "lines.csv")
    assert [account.borrower_id for account in good] == ["b1"]
    said = "\n".join(map(str, problems))
    for part in (
        "row 2, limit_fen",
        "row 2, balance_fen",
        "row 2, pd",
        "row 2, rate",
        "last_direction",
        "last_limit_change",
        "row 3, borrower_id",
        "row 4",
    ):
        assert part in said
    with pytest.raises(InputError, match="missing column"):
        read_accounts([], ["borrower_id"])
    with pytest.raises(InputError) as refusal:
        read_params(
            {
                "raise_pd": 0.2,
                "lower_pd": 0.1,
                "grades": [{"to_pd": 0.5, "rate": "0.3"}, {"to_pd": 0.4, "rate": "0.2"}],
                "colour": 1,
            }
        )
    said = str(refusal.value)
    for part in ("colour", "not below lower_pd", "not in order", "does not reach pd 1", "missing"):
        assert part in said
    with pytest.raises(InputError, match="no such file"):
        load_params("absent.yaml")


def code_of(*words: object) -> int:
    """The exit code of a command, run in this process."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return int(stop.value.code or 0)


def test_the_command_writes_decisions_and_keeps_its_contract(cli, tmp_path: Path) -> None:
    done = cli("line", "review", EXAMPLE, "--on", "2026-11-24", "--out", tmp_path / "lines.parquet", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    table = pl.read_parquet(tmp_path / "lines.parquet")
    assert said["lines"] == table.height == 24
    assert said["raise"] + said["lower"] + said["hold"] == 24
    assert said["held_out"] == table.filter(pl.col("arm") == "holdout").height
    assert json.loads(table["reasons"][0])[0]["zh"]
    assert code_of("line", "review", tmp_path / "no.csv", "--out", tmp_path / "o.csv") == 2
    assert code_of("line", "review", EXAMPLE, "--on", "24 Nov", "--out", tmp_path / "o.csv") == 2
    assert code_of("line", "review", "--help") == 0
