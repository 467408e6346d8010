"""Schedules: the golden figures of the design with their derivation, every method, month ends, leap days, holidays,
fees."""

from datetime import date
from fractions import Fraction
from itertools import pairwise
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loan_strategies import terms as random_terms

from jiehuan.loan import make_schedule, read_terms
from jiehuan.loan.amortise import _reaches_half, flows_worth, level_instalment, scaled, shaped_instalment
from jiehuan.units.errors import InputError


def plan(principal, rate, months, method="equal_instalment", drawn="2026-01-15", **more):
    document = {
        "lender_type": "other",
        "principal": principal,
        "rate": rate,
        "months": months,
        "method": method,
        "drawn_on": drawn,
    }
    return make_schedule(read_terms({**document, **more}))


@pytest.mark.parametrize(
    ("principal", "rate", "months", "level", "last", "interest"),
    [
        # A = P·i / (1 - (1+i)^-n): 10,000 × 0.015 / (1 - 1.015^-12) = 916.7999…; eleven of them leave 903.26 + 13.55.
        ("10000.00", "0.18", 12, 916_80, 916_81, 1_001_61),
        ("10000.00", "0.24", 12, 945_60, 945_55, 1_347_15),
        ("100.00", "0.07", 6, 17_01, 17_00, 2_05),
    ],
)
def test_equal_instalments_of_the_design(principal, rate, months, level, last, interest):
    found = plan(principal, rate, months)
    assert [line.total_fen for line in found.instalments] == [level] * (months - 1) + [last]
    assert found.total_interest_fen == interest
    assert found.instalments[-1].balance_fen == 0


def test_apr_of_a_flat_fee_is_what_the_law_facts_say():
    """1 % of the principal a month, flat, over 12: apr 21.46 %, effective 23.70 %; with 5 % taken up front apr 31.5
    %."""
    fees = [{"on": f"2026-{month:02d}-15", "amount": "1.00"} for month in range(2, 13)] + [
        {"on": "2027-01-15", "amount": "1.00"}
    ]
    flat = plan("100", "0", 12, "equal_principal", fees=fees)
    assert round(flat.apr, 3) == 0.215 and round(flat.eff, 3) == 0.237
    dearer = plan("100", "0", 12, "equal_principal", fees=[*fees, {"on": "2026-01-15", "amount": "5.00"}])
    assert round(dearer.apr, 3) == 0.315
    assert dearer.upfront_fee_fen == 5_00 and dearer.total_fees_fen == 17_00


def test_apr_of_a_plain_loan_is_its_rate_up_to_fen():
    assert round(plan("1000000", "0.18", 12).apr, 6) == 0.18
    document = plan("1000000", "0.18", 12).as_document()
    assert document["apr"] == "0.180000" and document["eff"] == "0.195618"
    assert set(document["schedule"][0]) == {"n", "due", "pay_by", "principal", "interest", "fee", "total", "balance"}


def test_equal_principal():
    found = plan("10000", "0.18", 3, "equal_principal")
    assert [line.principal_fen for line in found.instalments] == [3333_33, 3333_33, 3333_34]
    assert [line.interest_fen for line in found.instalments] == [150_00, 100_00, 50_00]


def test_interest_only_pays_principal_at_the_end():
    found = plan("10000", "0.18", 3, "interest_only")
    assert [(line.principal_fen, line.interest_fen) for line in found.instalments] == [
        (0, 150_00),
        (0, 150_00),
        (10_000_00, 150_00),
    ]


def test_bullet_is_one_payment_with_interest_by_days():
    """From 2026-01-15 to 2026-04-15 are 90 days: 10,000 × 0.18 × 90 / 365 = 443.8356."""
    found = plan("10000", "0.18", 3, "bullet")
    assert [(line.due, line.principal_fen, line.interest_fen) for line in found.instalments] == [
        (date(2026, 4, 15), 10_000_00, 443_84)
    ]


def test_bullet_over_a_leap_day_counts_it():
    """From 2028-02-15 to 2028-03-15 are 29 days: 10,000 × 0.18 × 29 / 365 = 143.0137."""
    assert plan("10000", "0.18", 1, "bullet", drawn="2028-02-15").total_interest_fen == 143_01


def test_sculpted_is_proportional_to_the_cash_flow():
    """c = P / Σ w·v^n: with w = 100, 200, 300, 400 and i = 1.5 %, c = 10,000 / 957.79…"""
    flows = [100, 200, 300, 400]
    found = plan("10000", "0.18", 4, "sculpted", cashflow=flows)
    worth = sum(flow / Fraction(203, 200) ** n for n, flow in enumerate(flows, 1))
    wanted = [floor(10_000_00 * flow / worth + Fraction(1, 2)) for flow in flows]
    assert [line.total_fen for line in found.instalments][:-1] == wanted[:-1]
    assert sum(line.principal_fen for line in found.instalments) == 10_000_00


@pytest.mark.parametrize(
    ("flows", "what"),
    [
        (["100", "0", "300"], "month 2"),  # nothing in month 2, but 100 yuan of interest
        (["-100", "200", "300"], "below"),
        (["0", "0", "0"], "no cash flow"),
        (["100", "200"], "not one for each"),
        (["100", "nan", "300"], "not an amount"),
        (None, "missing"),
        ("100", "missing"),
    ],
)
def test_sculpted_refuses_a_cash_flow_that_cannot_carry_it(flows, what):
    with pytest.raises(InputError, match=what):
        plan("10000", "0.18", 3, "sculpted", cashflow=flows)


def test_a_month_without_cash_is_fine_without_interest():
    assert [line.total_fen for line in plan("100", "0", 3, "sculpted", cashflow=["1", "0", "1"]).instalments] == [
        50_00,
        0,
        50_00,
    ]


def test_zero_rate_divides_the_principal():
    assert [line.total_fen for line in plan("100", "0", 3).instalments] == [33_33, 33_33, 33_34]


def test_one_month():
    assert [line.total_fen for line in plan("10000", "0.18", 1).instalments] == [10_150_00]


def test_a_single_fen():
    found = plan("0.01", "0.18", 12)
    assert [line.total_fen for line in found.instalments] == [0] * 11 + [1]


def test_principal_never_overshoots_when_the_level_is_rounded_up():
    """6 fen in 12: half a fen a month rounds to one, so six months pay it all."""
    assert [line.principal_fen for line in plan("0.06", "0", 12).instalments] == [1] * 6 + [0] * 6


def test_month_ends_are_clipped_without_drift():
    found = [str(line.due) for line in plan("10000", "0.18", 4, drawn="2026-01-31").instalments]
    assert found == ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]
    leap = [str(line.due) for line in plan("10000", "0.18", 2, drawn="2027-12-31", first_due="2028-01-31").instalments]
    assert leap == ["2028-01-31", "2028-02-29"]


def test_a_stated_first_due_equal_to_the_default_keeps_the_anchor():
    found = [str(line.due) for line in plan("10000", "0.18", 2, drawn="2026-01-31", first_due="2026-02-28").instalments]
    assert found == ["2026-02-28", "2026-03-31"]


def test_a_broken_first_period_accrues_by_days_and_the_rest_stays_level():
    """59 days from 2026-01-15 to 2026-03-15: 10,000 × 0.18 × 59 / 365 = 290.9589; principal as in a regular month."""
    found = plan("10000", "0.18", 12, first_due="2026-03-15").instalments
    assert found[0].interest_fen == 290_96
    assert found[0].principal_fen == 766_80
    assert {line.total_fen for line in found[1:-1]} == {916_80}


def test_pay_by_is_the_next_working_day_and_the_due_date_stays():
    """2026-10-01 is National Day: paid until the 8th, still due on the 1st; the month after is not shifted."""
    document = {"lender_type": "bank", "principal": "100", "rate": "0.18", "months": 2, "method": "equal_instalment"}
    found = make_schedule(read_terms({**document, "drawn_on": "2026-09-01"})).instalments
    assert [(str(line.due), str(line.pay_by)) for line in found] == [
        ("2026-10-01", "2026-10-08"),
        ("2026-11-01", "2026-11-02"),
    ]
    other = make_schedule(read_terms({**document, "drawn_on": "2026-09-01", "lender_type": "other"})).instalments
    assert [line.pay_by for line in other] == [line.due for line in other]


def test_fees_stand_in_the_instalment_they_fall_due_with():
    fees = [
        {"on": "2026-01-15", "amount": "3"},
        {"on": "2026-02-20", "amount": "5"},
        {"on": "2030-01-01", "amount": "7"},
    ]
    found = plan("100", "0", 3, fees=[*fees, {"on": "2026-02-15", "amount": "50", "kind": "court_fee"}])
    assert [line.fee_fen for line in found.instalments] == [0, 5_00, 7_00]
    assert found.upfront_fee_fen == 3_00 and found.total_fees_fen == 15_00


@given(random_terms())
@settings(max_examples=150, deadline=None)
def test_principal_sums_to_principal_and_balances_fall(terms):
    found = make_schedule(terms).instalments
    assert sum(line.principal_fen for line in found) == terms.principal_fen
    assert found[-1].balance_fen == 0
    balances = [terms.principal_fen, *(line.balance_fen for line in found)]
    assert all(later <= earlier for earlier, later in pairwise(balances))
    assert all(line.interest_fen >= 0 and line.pay_by >= line.due for line in found)


@given(st.integers(1, 10**12), st.integers(0, 10**8), st.integers(1, 120))
@settings(max_examples=300, deadline=None)
def test_level_instalment_is_exact(principal, rate, months):
    i = Fraction(rate, 12_000_000)
    exact = Fraction(principal, months) if rate == 0 else principal * i / (1 - 1 / (1 + i) ** months)
    assert level_instalment(principal, rate, months) == floor(exact + Fraction(1, 2))


@given(st.integers(1, 10**9), st.integers(1, 400_000), st.integers(1, 60), st.integers(-2, 2))
@settings(max_examples=200, deadline=None)
def test_the_exact_tie_break_on_limbs_agrees_with_fractions(principal, rate, months, near):
    i = Fraction(rate, 12_000_000)
    exact = principal * i / (1 - 1 / (1 + i) ** months)
    whole = max(floor(exact) + near, 0)
    assert _reaches_half(principal, rate, months, whole) == (exact >= whole + Fraction(1, 2))


@given(st.integers(1, 10**10), st.integers(0, 400_000), st.lists(st.integers(0, 10**8), min_size=1, max_size=24))
@settings(max_examples=200, deadline=None)
def test_shaped_instalment_is_exact(principal, rate, flows):
    if not any(flows):
        flows[-1] = 1
    i = Fraction(rate, 12_000_000)
    worth = sum(flow / (1 + i) ** n for n, flow in enumerate(flows, 1))
    for month, flow in enumerate(flows):
        present = flows_worth(rate, len(flows), flows, 0)
        assert shaped_instalment(principal, rate, len(flows), flows, 0, month, present) == floor(
            principal * flow / worth + Fraction(1, 2)
        )


@given(st.integers(0, 2**62), st.integers(0, 2**52 - 1), st.integers(1, 2**49 - 1))
@settings(max_examples=300, deadline=None)
def test_scaled_is_exact_far_beyond_64_bits(amount, numerator, denominator):
    assert scaled(amount, numerator, denominator) == floor(Fraction(amount * numerator, denominator) + Fraction(1, 2))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"months": 0}, "not a number of months"),
        ({"months": 1.5}, "not a number of months"),
        ({"months": True}, "not a number of months"),
        ({"months": float("nan")}, "not a number of months"),
        ({"months": 601}, "not a number of months"),
        ({"principal": "10.005"}, "not an amount"),
        ({"principal": "NaN"}, "not an amount"),
        ({"principal": float("inf")}, "not an amount"),
        ({"principal": "0"}, "below"),
        ({"principal": "-5"}, "below"),
        ({"principal": "99999999999"}, "above"),
        ({"rate": "18%"}, "not a rate"),
        ({"rate": "-0.1"}, "not a rate"),
        ({"rate": "NaN"}, "not a rate"),
        ({"rate": "0.1234567"}, "six decimal"),
        ({"method": "equal_instalments"}, "did you mean equal_instalment"),
        ({"drawn_on": "2026-02-30"}, "not a date"),
        ({"drawn_on": "1969-12-31"}, "outside the days"),
        ({"first_due": "2026-01-15"}, "not after"),
        ({"first_due": "2027-03-01"}, "more than a year"),
        ({"lender_type": "banks"}, "did you mean bank"),
        ({"penalty_uplfit": "0.5"}, "did you mean penalty_uplift"),
        ({"calendar": "us"}, "unknown"),
        ({"allocation": ["costs", "interest"]}, "not an order"),
        ({"compound": "yes"}, "not true or false"),
        ({"fees": [{"on": "2026-01-01", "amount": "5"}]}, "before the drawing"),
        ({"fees": [{"on": "2026-02-01", "amount": "0"}]}, "below"),
        ({"fees": {}}, "not a list"),
    ],
)
def test_bad_terms_are_refused_by_name(change, what):
    with pytest.raises(InputError, match=what):
        plan("10000", "0.18", 12, **change) if not change.keys() & {
            "principal",
            "rate",
            "months",
            "method",
        } else make_schedule(
            read_terms(
                {
                    "lender_type": "other",
                    "principal": "1",
                    "rate": "0",
                    "months": 1,
                    "method": "bullet",
                    "drawn_on": "2026-01-15",
                }
                | change
            )
        )


def test_all_faults_are_told_at_once():
    with pytest.raises(InputError) as told:
        read_terms(
            {"lender_type": "bank", "principal": "x", "rate": "y", "months": 0, "method": "z", "drawn_on": "today"}
        )
    assert len(told.value.problems) == 5


def test_terms_survive_their_document():
    document = {
        "lender_type": "bank", "principal": "10000", "rate": "0.12", "months": 3, "method": "sculpted", "drawn_on": "2026-01-31",
        "cashflow": ["500", "600", "700"], "penalty_uplift": "0.3", "fees": [{"on": "2026-02-01", "amount": "1", "kind": "x"}],
        "calendar": "none", "allocation": ["costs", "interest", "penalty", "principal"], "allocate_by": "instalment",
        "compound": True, "tolerance": "0.50",
    }  # fmt: skip
    terms = read_terms(document)
    assert read_terms(terms.as_document()) == terms


def test_a_day_that_is_no_day_is_said_once():
    """One fault, one sentence: nothing is said about the days that were put in its place."""
    base = {"lender_type": "bank", "principal": "1000", "rate": "0.18", "months": 12, "method": "bullet"}
    for key, days in (
        ("first_due", {"drawn_on": "2026-01-15", "first_due": "2026-02-30"}),
        ("drawn_on", {"drawn_on": "2026-13-01", "first_due": "2026-02-15"}),
    ):
        with pytest.raises(InputError) as caught:
            read_terms({**base, **days})
        assert [problem.where for problem in caught.value.problems] == [f"loan, {key}"]
