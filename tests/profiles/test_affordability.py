"""Affordability: cash for debt service by month, cover, the largest instalment, a sculpted plan; checked by hand and by law."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.profile.affordability import Household, affordability, as_document, cash_months, parameters, stress_of
from jiehuan.profile.plans import PlanWish, first_due_after, largest_amount, schedule_of
from jiehuan.profile.wish import read_wish
from jiehuan.units.errors import InputError
from jiehuan.units.rates import PPM

ON = date(2026, 9, 1)
WISH = PlanWish(2_000_000, 12, 180_000, ON, "micro_lender")


def test_cash_for_debt_service_by_hand() -> None:
    home = Household(800_000, verified=True, volatility_ppm=100_000, obligations_fen=100_000, living_fen=0)
    given = parameters()
    assert stress_of(home, given) == 150_000  # a tenth, and half of the volatility
    month = cash_months(home, date(2026, 10, 1), 1, given)[0]
    assert month.stressed_fen == 680_000
    assert month.living_fen == 280_000  # 35 % of income, above the floor of 1,500 yuan
    assert month.cfads_fen == 680_000 - 280_000 - 100_000


def test_declared_income_counts_for_less_than_verified() -> None:
    verified = affordability(Household(800_000, verified=True), WISH)
    declared = affordability(Household(800_000, verified=False), WISH)
    assert declared.affordable_fen < verified.affordable_fen


def test_the_largest_instalment_keeps_the_floor_in_the_thinnest_month() -> None:
    home = Household(800_000, verified=True, seasons={2: 700_000})
    result = affordability(home, WISH)
    thinnest = min(month.cfads_fen for month in result.months)
    assert result.largest_instalment_fen == thinnest * PPM // result.dscr_floor_ppm
    fits = schedule_of(replace(result.wish, amount_fen=result.affordable_fen))
    over = schedule_of(replace(result.wish, amount_fen=result.affordable_fen + 10_000))
    assert max(line.total_fen for line in fits.instalments) <= result.largest_instalment_fen
    assert max(line.total_fen for line in over.instalments) > result.largest_instalment_fen


def test_a_sculpted_plan_carries_more_where_income_has_seasons() -> None:
    flat = affordability(Household(800_000, verified=True), WISH)
    seasonal = affordability(Household(800_000, verified=True, seasons={1: 800_000, 2: 600_000}), WISH)
    assert seasonal.sculpted_fen > seasonal.affordable_fen
    assert abs(flat.sculpted_fen - flat.affordable_fen) <= 10_000
    assert seasonal.sculpted is not None
    spread = max(seasonal.sculpted.dscr_ppm) - min(seasonal.sculpted.dscr_ppm)
    assert spread <= 2_000, "the cover is the same in every month, to the fen"
    assert seasonal.equal.least_dscr_ppm < seasonal.sculpted.least_dscr_ppm


def test_instalments_follow_the_pay_day() -> None:
    given = parameters()
    assert first_due_after(date(2026, 9, 1), 10, given) == date(2026, 10, 11)  # the 11th of September is too soon
    assert first_due_after(date(2026, 9, 1), 25, given) == date(2026, 9, 26)
    assert first_due_after(date(2026, 9, 1), 31, given) == date(2026, 10, 1)
    assert first_due_after(date(2026, 9, 1), None, given) == date(2026, 10, 1)
    result = affordability(Household(800_000, verified=True, pay_day=25), WISH)
    assert {line.due.day for line in result.equal.schedule.instalments} == {26}


def test_a_home_without_anything_left_carries_nothing() -> None:
    result = affordability(Household(300_000, verified=True, obligations_fen=400_000), WISH)
    assert (result.largest_instalment_fen, result.affordable_fen, result.sculpted_fen) == (0, 0, 0)
    assert result.sculpted is None
    assert not result.carried
    assert as_document(result)["sculpted"] == {"reason": "no month leaves any cash for debt service"}


incomes = st.integers(100_000, 5_000_000)


@settings(max_examples=40, deadline=None)
@given(incomes, incomes, st.integers(0, 500_000), st.integers(3, 24))
def test_more_income_or_fewer_debts_never_carry_less(one: int, other: int, debts: int, months: int) -> None:
    low, high = sorted((one, other))
    wish = replace(WISH, months=months)
    least = affordability(Household(low, verified=True, obligations_fen=debts), wish).affordable_fen
    more = affordability(Household(high, verified=True, obligations_fen=debts), wish).affordable_fen
    freer = affordability(Household(low, verified=True, obligations_fen=debts // 2), wish).affordable_fen
    assert least <= more
    assert least <= freer


@settings(max_examples=40, deadline=None)
@given(st.integers(1_000, 2_000_000), st.integers(1, 36), st.integers(0, 360_000), st.sampled_from(["equal_instalment", "equal_principal", "bullet"]))
def test_the_largest_amount_is_exact_to_its_step(instalment: int, months: int, rate: int, method: str) -> None:
    wish = replace(WISH, months=months, rate_ppm=rate, method=method)
    most = [instalment] * months
    amount = largest_amount(wish, most, 10_000)

    def fits(fen: int) -> bool:
        dues = [line.total_fen for line in schedule_of(replace(wish, amount_fen=fen)).instalments]
        limits = most if len(dues) == len(most) else [sum(most)]
        return all(due <= limit for due, limit in zip(dues, limits, strict=True))

    assert amount == 0 or fits(amount)
    assert not fits(amount + 10_000)


def test_the_document_is_read_strictly() -> None:
    good = {"on": "2026-09-01", "lender_type": "bank", "amount": "10000", "months": 12, "rate": "0.18", "income": "8000"}
    household, wish, given = read_wish(good)
    assert (household.income_fen, household.verified, wish.amount_fen, given.dscr_floor_ppm) == (800_000, False, 1_000_000, 1_250_000)
    assert read_wish({**good, "income": {"verified": "8000"}})[0].verified
    bad = {
        "on": "2026-02-30", "lender_type": "pawn", "amount": "-1", "months": 0, "rate": "18%", "income": {"verified": "x"}, "pay_day": 40,
        "seasons": {"13": "0.5", "2": "much"}, "dscr_floor": "0.5", "obligations": "1.234",
    }  # fmt: skip
    with pytest.raises(InputError) as error:
        read_wish(bad)
    text = str(error.value)
    named = ["on ", "lender_type", "amount", "months", "rate", "income, verified", "pay_day", "seasons ", "seasons, 2", "dscr_floor", "obligations"]
    for part in named:
        assert part in text, part
    with pytest.raises(InputError, match="not an object"):
        read_wish([1])


def test_income_from_a_flow_sets_pay_day_and_debts() -> None:
    from tests.profiles.flows import Person

    person = Person(1, start=date(2026, 2, 20)).salary(900_000, 15).loan(600_000)
    document = {"on": "2026-08-25", "lender_type": "bank", "amount": "10000", "months": 12, "rate": "0.18", "bank_flow": person.flow()}
    household, _, _ = read_wish(document)
    assert household.verified
    assert household.income_fen == pytest.approx(900_000, rel=0.05)
    assert household.pay_day in range(13, 17)
    assert household.obligations_fen == pytest.approx(110_000, rel=0.05)
