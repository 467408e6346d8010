"""Draws, products, lenders and data against the law: each threshold and each date from both sides."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.law import law_on
from jiehuan.law.all_in import Price, all_in, contract_flows, months_after, rounding
from jiehuan.law.checks import (
    Breach,
    check_borrower_total,
    check_concentration,
    check_cost,
    check_data,
    check_draw,
    check_leverage,
    check_partner_share,
    check_product,
    check_student,
)
from jiehuan.loan import make_schedule, read_terms
from jiehuan.units.errors import InputError
from jiehuan.units.irr import apr

TEN_THOUSAND: dict[str, Any] = {"principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment"}


def ids(draw: dict[str, Any], day: str = "2026-01-05", lender: str = "bank") -> list[str]:
    return [found.id for found in check_draw({**TEN_THOUSAND, "drawn_on": day, **draw}, law_on(date.fromisoformat(day), lender))]


@pytest.mark.parametrize(
    ("draw", "day", "lender", "broken"),
    [
        ({"rate": "0.24"}, "2026-01-05", "bank", []),
        ({"rate": "0.240001"}, "2026-01-05", "bank", ["cost_cap"]),
        ({"rate": "0.36"}, "2025-09-30", "bank", []),
        ({"rate": "0.36"}, "2025-10-01", "bank", ["cost_cap"]),
        ({"rate": "0.36"}, "2025-12-18", "micro_lender", []),
        ({"rate": "0.36"}, "2025-12-19", "micro_lender", ["cost_cap"]),
        ({"rate": "0.36"}, "2026-01-05", "other", []),
        ({"rate": "0.12"}, "2027-12-31", "micro_lender", []),
        ({"rate": "0.120001"}, "2027-12-30", "micro_lender", []),
        ({"rate": "0.120001"}, "2027-12-31", "micro_lender", ["lpr_cap_multiple"]),
        ({"rate": "0.25"}, "2028-01-05", "micro_lender", ["cost_cap", "lpr_cap_multiple"]),
        ({"principal": "200000.00"}, "2025-03-13", "bank", []),
        ({"principal": "200000.01"}, "2025-03-13", "bank", ["balance_cap"]),
        ({"principal": "200000.01"}, "2025-03-14", "bank", []),
        ({"principal": "300000.00"}, "2025-03-14", "bank", []),
        ({"principal": "300000.01"}, "2025-03-14", "bank", ["balance_cap"]),
        ({"principal": "200000.01"}, "2026-01-05", "consumer_finance_company", ["balance_cap"]),
        ({"principal": "200000.01"}, "2024-12-30", "micro_lender", []),
        ({"principal": "200000.01"}, "2024-12-31", "micro_lender", ["balance_cap"]),
        ({"borrower_balance": "290000.00"}, "2026-01-05", "bank", []),
        ({"borrower_balance": "290000.01"}, "2026-01-05", "bank", ["balance_cap"]),
        ({"months": 60}, "2025-03-13", "bank", []),
        ({"months": 61}, "2025-03-13", "bank", ["term_max_months"]),
        ({"months": 84}, "2025-03-14", "bank", []),
        ({"months": 85}, "2025-03-14", "bank", ["term_max_months"]),
        ({"months": 12, "method": "bullet"}, "2026-01-05", "bank", []),
        ({"months": 13, "method": "bullet"}, "2026-01-05", "bank", ["bullet_max_months"]),
        ({"months": 13, "method": "interest_only"}, "2026-01-05", "bank", ["bullet_max_months"]),
        ({"months": 13, "method": "bullet"}, "2026-01-05", "consumer_finance_company", []),
        ({"penalty_uplift": "0.5"}, "2026-01-05", "bank", []),
        ({"penalty_uplift": "0.500001"}, "2026-01-05", "bank", ["penalty_uplift_range"]),
        ({"penalty_uplift": "0.3"}, "2026-01-05", "bank", []),
        ({"penalty_uplift": "0.299999"}, "2026-01-05", "bank", ["penalty_uplift_range"]),
        ({"penalty_uplift": "0"}, "2026-01-05", "bank", []),
        ({"received": "9999.99"}, "2026-01-05", "bank", ["no_upfront_interest"]),
        ({"received": "10000"}, "2026-01-05", "bank", []),
        ({"fees": [{"on": "2026-01-05", "amount": "0.01"}]}, "2026-01-05", "bank", ["no_upfront_interest"]),
        ({"fees": [{"on": "2026-01-06", "amount": "0.01"}]}, "2026-01-05", "bank", []),
        ({"allocation": ["principal", "interest", "penalty", "costs"]}, "2026-01-05", "bank", []),
        ({"allocation": ["principal", "interest"]}, "2026-01-05", "bank", ["allocation_order"]),
        ({"cost_sheet_confirmed": False}, "2026-07-31", "bank", []),
        ({"cost_sheet_confirmed": False}, "2026-08-01", "bank", ["cost_disclosure"]),
        ({"cost_sheet_confirmed": True}, "2026-08-01", "bank", []),
        ({"student": True}, "2026-01-05", "micro_lender", ["student_loans"]),
        ({"student": False}, "2026-01-05", "micro_lender", []),
        ({"student": True, "second_source": True}, "2026-01-05", "bank", []),
        ({"student": True, "second_source": False}, "2026-01-05", "bank", ["student_loans"]),
        ({"partner_share": "0.3"}, "2026-01-05", "bank", []),
        ({"partner_share": "0.299999"}, "2026-01-05", "bank", ["joint_partner_min_share"]),
        ({"partner_share": "0.2"}, "2021-12-31", "bank", []),
        ({"net_assets": "100000"}, "2026-01-05", "micro_lender", []),
        ({"net_assets": "99999.99"}, "2026-01-05", "micro_lender", ["concentration"]),
        ({"net_assets": "100000", "group_balance": "15000"}, "2026-01-05", "micro_lender", []),
        ({"net_assets": "100000", "group_balance": "15000.01"}, "2026-01-05", "micro_lender", ["concentration"]),
        ({"net_assets": "1"}, "2026-01-05", "bank", []),
    ],
)
def test_each_threshold_and_date_from_both_sides(draw: dict[str, Any], day: str, lender: str, broken: list[str]) -> None:
    assert ids(draw, day, lender) == broken


def test_a_breach_says_what_was_found_what_is_allowed_and_where_it_is_written() -> None:
    (found,) = check_draw({**TEN_THOUSAND, "rate": "0.36"}, law_on(date(2026, 1, 5), "bank"), "draws.json 3")
    assert (found.id, found.where, found.found, found.allowed) == ("cost_cap", "draws.json 3, rate", "0.360000", "0.240000")
    assert "24%" in found.zh and "24%" in found.en and "金规〔2025〕9号" in found.citation
    assert set(found.as_dict()) >= {"id", "citation", "zh", "en", "found", "allowed", "grade"}
    problem = found.as_problem()
    assert problem.citation == found.citation and problem.value == "0.360000"


def test_a_flat_fee_of_one_percent_a_month_is_judged_by_what_it_costs() -> None:
    """Without interest, 100 a month on 10,000: 21.46 %, lawful; with 5 % off at the start 31.5 %, refused twice over."""
    monthly = [{"on": f"{2026 + (n > 11)}-{(n % 12) + 1:02d}-05", "amount": "100"} for n in range(1, 13)]
    assert ids({"rate": "0", "fees": monthly}) == []
    upfront = [{"on": "2026-01-05", "amount": "500"}, *monthly]
    assert ids({"rate": "0", "fees": upfront}) == ["cost_cap", "no_upfront_interest"]


def test_the_smallest_fee_on_top_of_the_cap_is_seen() -> None:
    assert ids({"rate": "0.24", "fees": [{"on": "2027-01-05", "amount": "0.01"}]}) == ["cost_cap"]


def test_costs_of_enforcement_are_no_part_of_the_price() -> None:
    assert ids({"rate": "0.24", "fees": [{"on": "2026-09-05", "amount": "300", "kind": "court_fee"}]}) == []


def test_flows_and_a_stated_rate_count_beside_the_contract() -> None:
    assert ids({"flows": [1_000_000] + [-91_680] * 12}) == []
    assert ids({"flows": [1_000_000] + [-100_000] * 12}) == ["cost_cap"]
    assert ids({"apr": 0.2401}) == ["cost_cap"]
    assert ids({"apr": "0.24"}) == []


def test_fees_that_eat_up_the_principal_are_refused_by_any_cap() -> None:
    found = check_draw({**TEN_THOUSAND, "fees": [{"amount": "10000"}]}, law_on(date(2026, 1, 5), "bank"))
    assert [one.id for one in found] == ["cost_cap", "no_upfront_interest"]
    assert "no rate" in found[0].found


def test_every_malformed_value_is_named_at_once() -> None:
    bad = {
        "principal": "-1", "rate": "18%", "months": 0, "method": "balloon", "drawn_on": "2026-02-30", "fees": [{"on": "x"}, 7],
        "student": "maybe", "apr": "nan", "flows": [1.5], "lender_type": "bank", "partner_share": [], "first_due": "soon",
    }  # fmt: skip
    with pytest.raises(InputError) as caught:
        check_draw(bad, law_on(date(2026, 1, 5), "micro_lender"))
    said = str(caught.value)
    for key in ("principal", "rate", "months", "method", "drawn_on", "fees 1, on", "fees 2", "student", "apr", "flows",
                "lender_type", "partner_share", "first_due"):  # fmt: skip
        assert f"draw, {key}" in said, key
    with pytest.raises(InputError, match="principal: missing"):
        check_draw({}, law_on(date(2026, 1, 5), "bank"))
    with pytest.raises(InputError, match="not an object"):
        check_draw([], law_on(date(2026, 1, 5), "bank"))  # type: ignore[arg-type]


METHODS = ("equal_instalment", "equal_principal", "interest_only", "bullet")
DRAWN = st.dates(date(2025, 10, 1), date(2026, 12, 31))


@settings(max_examples=120, deadline=None)
@given(st.integers(1_000, 20_000_000), st.integers(1, 12), st.sampled_from(METHODS), DRAWN, st.integers(1, 45))
def test_a_loan_at_the_cap_is_never_refused_for_its_rounding(
    principal: int, months: int, method: str, drawn_on: date, first_days: int
) -> None:
    """The loan's own schedule, rounded to the fen and with an odd first period, told as the caller's rate."""
    draw = {"lender_type": "bank", "principal": f"{principal / 100:.2f}", "rate": "0.24", "months": months, "method": method,
            "drawn_on": drawn_on.isoformat()}  # fmt: skip
    if first_days < 28 and method != "bullet":
        draw["first_due"] = date.fromordinal(drawn_on.toordinal() + first_days).isoformat()
    stated = make_schedule(read_terms(draw)).apr
    assert check_draw({**draw, "apr": stated}, law_on(drawn_on, "bank")) == []


@settings(max_examples=80, deadline=None)
@given(st.integers(100_000, 20_000_000), st.integers(1, 36), st.integers(0, 300_000), st.integers(1, 5_000))
def test_the_cost_of_a_draw_is_that_of_its_schedule_within_rounding(principal: int, months: int, ppm: int, fee: int) -> None:
    """Equal instalments with a fee on the last due date, against the loan room's own rate of return."""
    drawn_on = date(2026, 1, 5)
    last = date(2026 + months // 12, months % 12 + 1, 5)
    draw = {"lender_type": "bank", "principal": f"{principal / 100:.2f}", "rate": f"{ppm / 1e6:.6f}", "months": months,
            "method": "equal_instalment", "drawn_on": "2026-01-05", "fees": [{"on": last.isoformat(), "amount": f"{fee / 100:.2f}"}]}  # fmt: skip
    price = Price(principal, ppm, months, "equal_instalment", None, ((months_after(drawn_on, last), fee),))
    assert all_in(price) == pytest.approx(make_schedule(read_terms(draw)).apr, abs=2 * rounding(price))


@settings(max_examples=60)
@given(st.integers(1, 10**9), st.integers(0, 500_000), st.integers(1, 60), st.sampled_from(METHODS[:3]))
def test_unrounded_contract_flows_return_the_contract_rate(principal: int, ppm: int, months: int, method: str) -> None:
    flows = contract_flows(Price(principal, ppm, months, method))
    assert apr(flows) == pytest.approx(ppm / 1e6, abs=1e-9 + 30 / (principal * 1e6))


@settings(max_examples=60)
@given(st.integers(0, 600_000), st.integers(0, 600_000), st.dates(date(2025, 1, 1), date(2029, 1, 1)))
def test_a_dearer_draw_breaks_at_least_as_much(a: int, b: int, day: date) -> None:
    law = law_on(day, "micro_lender")
    low, high = sorted((a, b))
    assert len(check_cost(low / 1e6, law)) <= len(check_cost(high / 1e6, law))


def test_months_after_counts_whole_months_only() -> None:
    assert months_after(date(2026, 1, 31), date(2026, 2, 28)) == 1
    assert months_after(date(2026, 1, 31), date(2026, 2, 27)) == 0
    assert months_after(date(2026, 1, 5), date(2026, 1, 4)) == 0
    assert months_after(date(2026, 1, 5), date(2027, 1, 5)) == 12


PRODUCT: dict[str, Any] = {"method": "equal_instalment", "months": [3, 12, 24], "rate": "0.18", "most": "200000"}


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({}, []),
        ({"rates": ["0.1", "0.240001"], "rate": None}, ["cost_cap"]),
        ({"rate": "0.24"}, []),
        ({"rate": "0", "monthly_fee": "0.01"}, []),
        ({"rate": "0", "monthly_fee": "0.012"}, ["cost_cap"]),
        ({"rate": "0.1", "upfront_fee": "0.01"}, ["no_upfront_interest"]),
        ({"rate": "0.18", "upfront_fee": "0.05"}, ["cost_cap", "no_upfront_interest"]),
        ({"most": "300000.01"}, ["balance_cap"]),
        ({"months": [12, 85]}, ["term_max_months"]),
        ({"methods": ["equal_instalment", "bullet"], "method": None}, ["bullet_max_months"]),
        ({"penalty_uplift": "0.51"}, ["penalty_uplift_range"]),
        ({"data": ["application_form", "social_network", "genes"]}, ["forbidden_data", "forbidden_data"]),
    ],
)
def test_products_are_judged_by_their_worst_draw(change: dict[str, Any], broken: list[str]) -> None:
    assert [found.id for found in check_product({**PRODUCT, **change}, law_on(date(2026, 1, 5), "bank"))] == broken


def test_a_malformed_product_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        check_product({"method": "loan", "months": [0, "x"], "rate": "9%"}, law_on(date(2026, 1, 5), "bank"))
    assert len(caught.value.problems) == 4


def _ids(breaches: list[Breach]) -> list[str]:
    return [found.id for found in breaches]


def test_lender_limits() -> None:
    micro, bank = law_on(date(2026, 1, 5), "micro_lender"), law_on(date(2026, 1, 5), "bank")
    assert check_concentration(1_000, 10_000, micro) == []
    assert _ids(check_concentration(1_001, 10_000, micro)) == ["concentration"]
    assert _ids(check_concentration(1_000, 10_000, micro, group_fen=1_501)) == ["concentration"]
    assert _ids(check_concentration(1, 0, micro)) == ["concentration"]
    assert check_concentration(10**9, 1, bank) == []
    assert check_leverage(100, 400, 100, micro) == []
    assert [found.where for found in check_leverage(101, 401, 100, micro)] == ["lender, non_standard", "lender, standard"]
    assert check_leverage(101, 401, 100, bank) == []
    assert check_borrower_total(20_000_000, micro) == [] and _ids(check_borrower_total(20_000_001, micro)) == ["balance_cap"]
    assert check_partner_share(None, bank) == [] and check_student(None, None, micro) == []


def test_forbidden_data_follows_the_dates() -> None:
    assert _ids(check_data(["social_network"], law_on(date(2022, 1, 1), "bank"))) == ["forbidden_data"]
    assert check_data(["social_network"], law_on(date(2021, 12, 31), "bank")) == []
    assert check_data(["licensed_credit_bureau", "bank_statement"], law_on(date(2026, 1, 1), "bank")) == []
    assert len(check_data(["genes", "genes"], law_on(date(2026, 1, 1), "bank"))) == 1


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.dates().map(str)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
KEYS = ("principal", "rate", "months", "method", "drawn_on", "first_due", "fees", "penalty_uplift", "allocation", "apr", "flows",
        "received", "borrower_balance", "net_assets", "student", "partner_share", "cost_sheet_confirmed", "lender_type",
        "principal_fen", "rate_ppm", "most", "rates", "upfront_fee", "monthly_fee", "data", "students")  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=4), st.booleans())
def test_whatever_stands_in_a_document_it_is_judged_or_refused(junk: dict[str, Any], product: bool) -> None:
    law = law_on(date(2028, 1, 5), "micro_lender")
    check, good = (check_product, PRODUCT) if product else (check_draw, TEN_THOUSAND)
    try:
        found = check({**good, **junk}, law)
    except InputError as error:
        assert error.problems
    else:
        assert all(isinstance(one, Breach) for one in found)
