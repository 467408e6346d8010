"""Offers: all within law and cash flow for any applicant; ranked by fit; what is left out is told with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.law import law_on
from jiehuan.law.cost_cap import cost_cap
from jiehuan.product import Asked, Capacity, Menu, load_catalogue, offers
from jiehuan.product.lawful import offer_checks
from jiehuan.units.rates import PPM

ON = date(2026, 9, 1)
ASKED = Asked(1_200_000, 12, ON, "micro_lender", 3_000_000, 150_000, 40_000, "", 0, has_history=True)
CASH = Capacity((300_000,) * 60, 1_250_000, verified=True, first_due=date(2026, 10, 11))


def menu(asked: Asked = ASKED, capacity: Capacity | None = CASH) -> Menu:
    return offers(asked, load_catalogue(), law_on(asked.on, asked.lender_type), capacity)


def test_a_sound_applicant_gets_an_offer_of_each_product() -> None:
    found = menu()
    assert {offer.product.id for offer in found.offers} == {"flexible_instalment", "equal_principal", "short_bullet", "paced"}
    assert found.left_out == ()
    fits = [offer.fit_ppm for offer in found.offers]
    assert fits == sorted(fits, reverse=True)
    assert all(offer.reasons for offer in found.offers)


def test_what_an_applicant_needs_comes_first() -> None:
    assert menu(replace(ASKED, purpose="renovation")).offers[0].product.id == "equal_principal"
    assert menu(replace(ASKED, purpose="bridge", months=2, amount_fen=300_000)).offers[0].product.id == "short_bullet"


@pytest.mark.parametrize(
    ("asked", "capacity", "product", "code"),
    [
        (replace(ASKED, pd_ppm=200_000), CASH, "equal_principal", "risk"),
        (ASKED, None, "equal_principal", "income"),
        (ASKED, replace(CASH, first_due=None), "paced", "pay_day"),
        (replace(ASKED, has_history=False), CASH, "short_bullet", "history"),
        (ASKED, replace(CASH, cash=(20_000,) * 60), "equal_principal", "cannot_carry"),
        (replace(ASKED, limit_fen=60_000), CASH, "paced", "cannot_carry"),
    ],
)
def test_what_is_left_out_is_told(asked: Asked, capacity: Capacity | None, product: str, code: str) -> None:
    left = {one.product.id: one for one in menu(asked, capacity).left_out}
    assert left[product].code == code
    assert left[product].zh
    assert left[product].en


def test_an_instalment_that_the_cash_flow_cannot_bear_cuts_the_amount() -> None:
    tight = replace(CASH, cash=(100_000,) * 60)
    found = {offer.product.id: offer for offer in menu(capacity=tight).offers}
    offer = found["flexible_instalment"]
    assert offer.amount_fen < ASKED.amount_fen
    assert offer.dscr_ppm is not None
    assert offer.dscr_ppm >= tight.dscr_floor_ppm
    assert "amount_cut" in [reason["code"] for reason in offer.reasons]
    assert offer.largest_instalment_fen * tight.dscr_floor_ppm <= 100_000 * PPM


def test_the_price_is_cut_to_the_legal_cap_and_to_four_times_the_prime_rate_from_2027() -> None:
    dear = replace(ASKED, rate_ppm=360_000)
    assert all(offer.rate_ppm <= 240_000 for offer in menu(dear).offers)
    later = replace(dear, on=date(2028, 3, 1))
    found = menu(later, replace(CASH, first_due=None))
    cap = cost_cap(law_on(later.on, "micro_lender"))
    assert cap is not None
    assert cap.ppm < 240_000
    assert cap.rule.id == "lpr_cap_multiple"
    assert all(offer.schedule.apr <= cap.ppm / PPM + 1e-6 for offer in found.offers)


def test_a_bank_s_bullet_is_at_most_a_year() -> None:
    from jiehuan.product.catalogue import Catalogue

    bullet = load_catalogue().product("short_bullet")
    assert bullet is not None
    long = Catalogue((replace(bullet, months=(18,)),), "x")
    found = offers(replace(ASKED, lender_type="bank"), long, law_on(ON, "bank"), CASH)
    assert found.offers == ()
    assert found.left_out[0].code == "bullet_max_months"
    assert "互联网贷款" in found.left_out[0].citation


def test_price_rests_on_risk_product_and_law_alone() -> None:
    """There is no other input: what an offer asks for is what the policy gave, the product adds and the law cuts."""
    for offer in menu().offers:
        assert offer.rate_ppm == ASKED.rate_ppm + offer.product.rate_add_ppm


applicants = st.fixed_dictionaries(
    {
        "amount_fen": st.integers(10_000, 30_000_000),
        "months": st.integers(1, 60),
        "lender_type": st.sampled_from(["bank", "consumer_finance_company", "micro_lender", "other"]),
        "limit_fen": st.integers(0, 30_000_000),
        "rate_ppm": st.integers(0, 600_000),
        "pd_ppm": st.one_of(st.none(), st.integers(0, PPM)),
        "outstanding_fen": st.integers(0, 30_000_000),
        "has_history": st.booleans(),
        "on": st.dates(date(2024, 1, 1), date(2028, 12, 31)),
    }
)
capacities = st.one_of(
    st.none(),
    st.builds(
        Capacity,
        st.lists(st.integers(0, 2_000_000), min_size=60, max_size=60).map(tuple),
        st.integers(PPM, 2 * PPM),
        st.booleans(),
        st.none(),
    ),
)


@settings(max_examples=60, deadline=None)
@given(applicants, capacities)
def test_every_offer_is_lawful_and_carried(facts: dict[str, Any], capacity: Capacity | None) -> None:
    asked = Asked(**facts)
    law = law_on(asked.on, asked.lender_type)
    for offer in offers(asked, load_catalogue(), law, capacity).offers:
        broken = [check for check in offer_checks(offer.schedule, asked.outstanding_fen, is_student=False, law=law) if not check.ok]
        assert broken == []
        assert offer.product.least_fen <= offer.amount_fen <= min(asked.amount_fen, asked.limit_fen, offer.product.most_fen)
        assert sum(line.principal_fen for line in offer.schedule.instalments) == offer.amount_fen
        assert offer.months in offer.product.months
        if capacity is not None and len(offer.schedule.instalments) > 1:
            for line, cash in zip(offer.schedule.instalments, capacity.cash, strict=False):
                assert line.total_fen * capacity.dscr_floor_ppm <= cash * PPM
        assert 0 <= offer.fit_ppm <= PPM
