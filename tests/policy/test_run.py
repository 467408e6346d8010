"""The admission policy as it decides: knock-outs, bands, limits, reasons in both languages."""

from __future__ import annotations

from typing import Any

import pytest
from tests.policy.graphs import Graph, number

from jiehuan.policy import compile_policy, default_policy, load_policy, run, what_if
from jiehuan.policy.reasons import explain, reason_catalogue
from jiehuan.units.errors import InputError, Refused

GOOD = {
    "amount_fen": 1_000_000, "months": 12, "pd_ppm": 40_000, "age": 34, "is_student": False, "identity_verified": True,
    "law_cost_cap_ppm": 240_000, "law_balance_cap_fen": 20_000_000, "law_students_allowed": False,
}  # fmt: skip


def decide(**changes: Any) -> Any:
    return run(default_policy(), {**GOOD, **changes})


def test_a_good_applicant_is_approved_within_the_band() -> None:
    result = decide()
    assert (result.outcome, result.limit_fen, result.rate_ppm) == ("approve", 3_000_000, 150_000)
    assert [reason.code for reason in result.reasons] == ["score_good"]
    assert result.version == default_policy().version


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"age": 17}, "under_age"), ({"is_student": True}, "student"), ({"identity_verified": False}, "identity_failed"),
        ({"on_block_list": True}, "block_list"), ({"device_borrowers": 6}, "device_ring"), ({"days_late_now": 1}, "late_now"),
        ({"worst_days_late": 91}, "late_before"), ({"bureau_overdue_fen": 50_001}, "bureau_overdue"), ({"bureau_worst_24m": 3}, "bureau_worst"),
        ({"lenders_now": 8}, "too_many_lenders"), ({"outstanding_fen": 19_960_000}, "balance_cap"), ({"affordable_fen": 49_999}, "cannot_carry"),
        ({"pd_ppm": 300_001}, "score_too_low"),
    ],
)  # fmt: skip
def test_each_knock_out_refuses_with_its_reason(changes: dict[str, Any], code: str) -> None:
    result = decide(**changes)
    assert result.outcome == "refuse"
    assert (result.limit_fen, result.rate_ppm) == (None, None)
    assert code in [reason.code for reason in result.reasons]
    told = next(reason for reason in result.reasons if reason.code == code)
    assert told.zh
    assert told.en
    assert "{" not in told.zh + told.en


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pd_ppm": None}, "no_score"), ({"pd_ppm": 250_000}, "score_borderline"), ({"age": 66}, "age_unusual"),
        ({"declared_income_fen": 1_000_000, "verified_income_fen": 590_000}, "income_overstated"),
        ({"circular_share_ppm": 300_000}, "circular_flow"), ({"bureau_queries_3m": 10}, "many_queries"), ({"device_borrowers": 3}, "device_shared"),
        ({"lenders_now": 5}, "many_lenders"),
    ],
)  # fmt: skip
def test_each_flag_sends_to_a_person(changes: dict[str, Any], code: str) -> None:
    result = decide(**changes)
    assert result.outcome == "review"
    assert code in [reason.code for reason in result.reasons]
    assert result.limit_fen is not None


def test_the_limit_is_cut_by_law_and_by_cash_flow_and_raised_by_history() -> None:
    assert decide(affordable_fen=1_234_567).limit_fen == 1_230_000
    assert decide(outstanding_fen=18_000_000).limit_fen == 2_000_000
    raised = decide(earlier_loans=5, on_time_share_ppm=950_000, largest_settled_fen=3_000_000)
    assert raised.limit_fen == 4_500_000
    assert "history_good" in [reason.code for reason in raised.reasons]
    assert decide(law_cost_cap_ppm=120_000).rate_ppm == 120_000


def test_a_reason_names_the_input_that_decided() -> None:
    told = decide(worst_days_late=120).reasons[0]
    assert (told.feature, told.value) == ("worst_days_late", "120 days")
    assert "120 天" in told.zh


def test_the_trace_names_the_rows_that_matched() -> None:
    steps = {step["node"]: step for step in decide(age=17).trace}
    assert steps["refusals"]["rows"] == [0]
    assert steps["band"]["rows"] == [2]
    assert steps["limit"]["values"]["rate_ppm"] == 150_000


def test_values_of_the_wrong_kind_are_refused_by_name() -> None:
    with pytest.raises(InputError) as error:
        run(default_policy(), {"months": 0.5, "age": "old", "is_student": "no", "pd_ppm": 2_000_000})
    text = str(error.value)
    for name in ("amount_fen", "months", "age", "is_student", "pd_ppm"):
        assert name in text


def test_outputs_that_are_no_decision_are_refused() -> None:
    policy = load_policy(Graph(a=number(0, 9)).expressions("e", outcome="'perhaps'").document(), "test")
    with pytest.raises(Refused, match="a policy decides one of"):
        run(policy, {})
    failing = load_policy(Graph(a=number(0, 9)).expressions("e", x="a + 1").document(), "test")
    with pytest.raises(Refused, match="node 'e'"):
        run(failing, {})


def test_every_code_of_the_shipped_policy_has_words() -> None:
    known = reason_catalogue()
    program = compile_policy(default_policy()).program
    codes = {entry["code"] for given in program.codes.values() for entry in given}
    assert codes <= known.keys()
    for code in known:
        told = explain(code, {})
        assert told.zh
        assert told.en


def test_what_would_change_names_the_turning_value_and_it_turns() -> None:
    values = {**GOOD, "bureau_overdue_fen": 90_000, "identity_verified": False}
    ways = what_if(default_policy(), values)
    assert [change.feature for change in ways[0].changes] == ["bureau_overdue_fen", "identity_verified"]
    assert ways[0].changes[0].wanted == 50_000
    assert run(default_policy(), {**values, **{one.feature: one.wanted for one in ways[0].changes}}).outcome == "approve"
    just_short = {**values, "identity_verified": True, "bureau_overdue_fen": 50_001}
    assert run(default_policy(), just_short).outcome == "refuse"


def test_what_would_change_is_silent_where_nothing_can_be_done() -> None:
    assert what_if(default_policy(), GOOD) == ()
    assert what_if(default_policy(), {**GOOD, "age": 17}) == ()


def test_what_would_change_is_as_near_as_it_can_be() -> None:
    values = {**GOOD, "outstanding_fen": 19_990_000}
    way = what_if(default_policy(), values)[0]
    assert way.changes[0].wanted == 19_950_000
    assert run(default_policy(), {**values, "outstanding_fen": 19_950_001}).outcome == "refuse"
