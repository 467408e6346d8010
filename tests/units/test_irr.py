"""The internal rate of return: the law's own figures, every odd cash flow, and what must hold of any."""

import math
import subprocess
import sys
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jiehuan.units.errors import InputError
from jiehuan.units.irr import apr, compounded, effective, monthly_irr, xirr

FLAT_ONE_PERCENT = [1_000_000] + [-(1_000_000 // 12 + 10_000)] * 11 + [-(1_000_000 - 11 * (1_000_000 // 12) + 10_000)]


def value_at(flows: list[int], rate: float) -> Fraction:
    """The present value, exactly, at exactly this float."""
    discount = 1 / (1 + Fraction(rate))
    return sum((flow * discount**k for k, flow in enumerate(flows)), Fraction(0))


def test_a_flat_fee_of_one_percent_a_month_costs_21_46_percent() -> None:
    """10,000 over 12 months, 100 a month flat on the amount first lent: what is called 12 % costs 21.46 %."""
    assert round(apr(FLAT_ONE_PERCENT), 4) == 0.2146
    assert round(effective(FLAT_ONE_PERCENT), 4) == 0.2370


def test_five_percent_up_front_makes_it_31_5_percent() -> None:
    assert round(apr([950_000, *FLAT_ONE_PERCENT[1:]]), 3) == 0.315


def test_a_level_loan_returns_its_contract_rate() -> None:
    """91,680 fen × 11 and 91,681: equal instalments of 10,000 at 18 %; rounding to the fen shows in the sixth place."""
    assert apr([1_000_000] + [-91_680] * 11 + [-91_681]) == pytest.approx(0.18, abs=2e-6)


@pytest.mark.parametrize(
    ("flows", "rate"),
    [
        ([100, -100], 0.0),
        ([1200] + [-100] * 12, 0.0),
        ([100, -101], 0.01),
        ([-100, 101], 0.01),
        ([100, -50], -0.5),  # half is lost
        ([100, -1], -0.99),
        ([100, 0, 0, -100], 0.0),
        ([0, 0, 100, -110, 0], 0.1),  # waiting before and after changes nothing
        ([1, -(10**15)], 10.0**15 - 1),
    ],
)
def test_rates_that_can_be_seen(flows: list[int], rate: float) -> None:
    assert monthly_irr(flows) == pytest.approx(rate, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("flows", [[], [0, 0], [100], [100, 100], [-5, 0, -7], [0, 0, 3]])
def test_flows_of_one_sign_have_no_rate_and_say_so(flows: list[int]) -> None:
    with pytest.raises(InputError, match="no rate of return"):
        monthly_irr(flows)


def test_several_changes_of_sign_without_a_root() -> None:
    with pytest.raises(InputError, match="no rate makes these flows worth zero"):
        monthly_irr([100, -100, 100])


def test_of_several_rates_the_one_nearest_to_zero_is_given() -> None:
    """-100 + 230 v - 132 v² has the roots 10 % and 20 %."""
    assert monthly_irr([-100, 230, -132]) == pytest.approx(0.10, abs=1e-12)


def test_roots_closer_together_than_any_grid_are_found() -> None:
    """(1000 - 1001 u)(1000 - 1002 u) with u = 1 + r, times a million: roots at -0.0999 % and -0.1996 %."""
    flows = [1001 * 1002, -(1000 * 1001 + 1000 * 1002), 1_000_000]
    assert monthly_irr(flows) == pytest.approx(1000 / 1001 - 1, abs=1e-12)


def test_a_double_root_is_found() -> None:
    """(11 u - 10)² touches zero at u = 10/11 and never changes sign there."""
    assert monthly_irr([121, -220, 100]) == pytest.approx(10 / 11 - 1, abs=1e-9)


def test_a_refund_at_the_end_moves_the_loans_own_rate_only_a_little() -> None:
    plain = monthly_irr(FLAT_ONE_PERCENT)
    with_refund = monthly_irr([*FLAT_ONE_PERCENT, 100])
    assert 0 < plain - with_refund < 1e-4


def test_very_long_flows() -> None:
    perpetuity_like = [10_000_000] + [-100_000] * 3_000
    assert monthly_irr(perpetuity_like) == pytest.approx(0.01, abs=1e-9)
    with pytest.raises(InputError, match="1200 flows"):
        monthly_irr([1, -3, 3] * 500)


def test_flows_are_whole_fen() -> None:
    with pytest.raises(InputError, match="whole number of fen"):
        monthly_irr([100, -100.5])  # type: ignore[list-item]


def test_compounding_keeps_tiny_rates() -> None:
    assert compounded(1e-15) == pytest.approx(1.2e-14, rel=1e-9)
    assert compounded(1e300) == math.inf


def test_xirr_counts_days_over_365() -> None:
    assert xirr([(date(2026, 1, 1), 10_000), (date(2027, 1, 1), -11_000)]) == pytest.approx(0.10, abs=1e-12)
    leap = xirr([(date(2024, 1, 1), 10_000), (date(2025, 1, 1), -11_000)])  # 366 days
    assert leap == pytest.approx(1.1 ** (365 / 366) - 1, abs=1e-12)


def test_xirr_adds_up_a_day_and_ignores_order() -> None:
    flows = [(date(2026, 7, 1), -600), (date(2026, 1, 1), 400), (date(2026, 1, 1), 600), (date(2027, 1, 1), -500)]
    assert xirr(flows) == pytest.approx(xirr(sorted(flows)), abs=1e-15)
    assert xirr([(date(2026, 1, 1), 100), (date(2026, 1, 1), -100), *flows]) == pytest.approx(xirr(flows), abs=1e-15)


def test_xirr_over_one_day_and_without_a_rate() -> None:
    daily = math.log(1.001) * 365
    assert xirr([(date(2026, 1, 1), 1000), (date(2026, 1, 2), -1001)]) == pytest.approx(math.expm1(daily), rel=1e-9)
    with pytest.raises(InputError, match="never change sign"):
        xirr([(date(2026, 1, 1), 100)])


def test_xirr_of_several_rates_gives_the_one_nearest_to_zero() -> None:
    """At yearly steps of 365 days the roots are those of the polynomial: 10 % and 20 %."""
    start = date(2026, 1, 1)
    dated = [(start + timedelta(days=365 * k), flow) for k, flow in enumerate([-100, 230, -132])]
    assert xirr(dated) == pytest.approx(0.10, abs=1e-9)


@settings(max_examples=80)
@given(st.integers(1_000, 10**9), st.integers(1, 120), st.floats(-0.3, 0.5))
def test_one_change_of_sign_gives_a_root_to_1e12(principal: int, months: int, rate: float) -> None:
    """The exact present value changes sign within 1e-12 of the rate that is given."""
    instalment = principal / months if rate == 0 else principal * rate / -math.expm1(-months * math.log1p(rate))
    assume(0.5 <= instalment < 1e15)
    flows = [principal] + [-max(1, round(instalment))] * months
    found = monthly_irr(flows)
    slack = 1e-12 * max(1.0, abs(found))
    assert value_at(flows, found - slack) * value_at(flows, found + slack) <= 0


@settings(max_examples=150)
@given(st.lists(st.integers(-50, 50), min_size=2, max_size=8))
def test_what_is_given_is_a_root_and_none_is_nearer(flows: list[int]) -> None:
    """Against a fine scan of the exact value: no change of sign lies nearer to zero than the answer."""
    try:
        found = monthly_irr(flows)
    except InputError:
        found = None
    edge = abs(math.log1p(found)) if found is not None else 3.0
    for sign in (1, -1):
        last = value_at(flows, 0.0)
        for step in range(1, 120):
            at = sign * edge * 0.999 * step / 119
            now = value_at(flows, math.expm1(at))
            if any(flows):
                assert last * now > 0 or (last == 0 and found == 0.0), f"a root lies nearer than {found}"
            last = now
    if found is not None and abs(found) < 100:
        scale = sum(abs(flow) * (1 + found) ** -k for k, flow in enumerate(flows))
        assert abs(float(value_at(flows, found))) <= 1e-7 * scale


@settings(max_examples=50)
@given(st.lists(st.integers(-1000, -1), min_size=1, max_size=24), st.integers(1, 50_000), st.integers(2, 1000))
def test_scale_and_sign_change_nothing(paid: list[int], received: int, factor: int) -> None:
    flows = [received, *paid]
    rate = monthly_irr(flows)
    assert monthly_irr([-flow for flow in flows]) == pytest.approx(rate, abs=1e-12, rel=1e-12)
    assert monthly_irr([flow * factor for flow in flows]) == pytest.approx(rate, abs=1e-11, rel=1e-11)


def test_the_module_needs_neither_numpy_nor_scipy() -> None:
    code = "import sys, jiehuan.units.irr; sys.exit(any(m in sys.modules for m in ('numpy', 'scipy', 'polars', 'numba')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
