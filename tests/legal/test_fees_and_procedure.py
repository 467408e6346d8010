from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.law import law_on
from jiehuan.legal import PROCEDURES, chosen, court_fee, roads
from jiehuan.units.errors import InputError, Refused

LAW = law_on(date(2026, 6, 15), "bank")


@pytest.mark.parametrize(
    ("claim", "fee"),
    [
        (0, 50),
        (10_000, 50),
        (20_000, 300),  # 50 + 10,000 x 2.5 %
        (50_000, 1_050),  # 50 + 40,000 x 2.5 %
        (100_000, 2_300),  # 50 + 90,000 x 2.5 %
        (200_000, 4_300),  # 2,300 + 100,000 x 2 %
        (500_000, 8_800),  # 4,300 + 300,000 x 1.5 %
        (1_000_000, 13_800),  # 8,800 + 500,000 x 1 %
        (30_000_000, 191_800),  # 13,800 + 9,000 + 24,000 + 35,000 + 60,000 + 50,000
    ],
)
def test_the_fee_adds_up_its_brackets(claim: int, fee: int) -> None:
    assert court_fee(claim * 100, "ordinary", LAW).fee_fen == fee * 100


def test_summary_is_half_and_a_payment_order_a_third() -> None:
    assert court_fee(5_000_000, "summary", LAW).fee_fen == 52_500
    assert court_fee(5_000_000, "small_claims", LAW).fee_fen == 52_500
    order = court_fee(5_000_000, "payment_order", LAW)
    assert (order.fee_fen, order.ordinary_fen) == (35_000, 105_000)
    assert "第十四条" in order.citation_zh
    assert "art. 14" in order.citation_en


@settings(max_examples=50)
@given(st.integers(0, 10**11), st.integers(0, 10**9), st.sampled_from(PROCEDURES))
def test_claiming_more_never_costs_less(claim: int, more: int, procedure: str) -> None:
    assert court_fee(claim, procedure, LAW).fee_fen <= court_fee(claim + more, procedure, LAW).fee_fen


def test_a_foreign_loan_has_no_mainland_court_fee() -> None:
    with pytest.raises(Refused, match="no rule court_fee binds"):
        court_fee(1, "ordinary", law_on(date(2026, 6, 15), "other"))
    with pytest.raises(InputError, match="not a procedure"):
        court_fee(1, "jury", LAW)
    with pytest.raises(InputError, match="negative"):
        court_fee(-1, "ordinary", LAW)


@pytest.mark.parametrize(
    ("claim", "how", "road"),
    [
        (50_000, {}, "payment_order"),
        (50_000, {"disputed": True}, "ordinary"),
        (50_000, {"servable": False}, "ordinary"),
        (50_000, {"due": False}, "small_claims"),
        (54_323, {"due": False}, "small_claims"),  # Zhejiang: half the yearly wage, 54,323.00
        (50_000, {"due": False, "province": "浙江"}, "small_claims"),
        (54_324, {"due": False}, "summary"),
        (54_324, {"due": False, "small_claims_agreed": True}, "small_claims"),
        (217_291, {"due": False, "small_claims_agreed": True}, "summary"),
        (50_000, {"due": False, "province": "elsewhere"}, "summary"),
    ],
)
def test_the_first_open_road_is_chosen(claim: int, how: dict[str, bool], road: str) -> None:
    found = roads(claim * 100, LAW, **({"province": "zhejiang"} | how))  # type: ignore[arg-type]
    assert chosen(found).procedure == road
    assert [each.procedure for each in found] == ["payment_order", "small_claims", "summary", "ordinary"]
    assert all(each.zh and each.en and len(each.citation) > 5 for each in found)


def test_an_unknown_province_is_said_not_guessed() -> None:
    small = roads(100, LAW, province="sichuan")[1]
    assert not small.open
    assert "ask the court" in small.en
