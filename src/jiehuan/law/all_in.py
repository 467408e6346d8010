"""What a draw costs a year, all in, as the cap is held against it.

The contract rate counts exactly. Fees are counted by the rate of return of the contract's flows before they are rounded
to the fen, so that a loan at the cap is not refused for the rounding of its instalments. A rate that the caller worked
out himself, from flows rounded to the fen, counts above what that rounding can explain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from jiehuan.units.days import add_months
from jiehuan.units.errors import InputError
from jiehuan.units.irr import apr
from jiehuan.units.rates import PPM

_SCALE = 10**6
"""Flows are kept in millionths of a fen, so that the rate of return sees no rounding."""

_SPARE = 1.5
"""What the estimate of the lift is multiplied by, as it leaves discounting out."""

_ODD_PERIODS = 0.10
"""Where the first period is not a month, a short month at a twelfth of the year lifts the dated rate by up to this."""

_DAY_COUNT = 0.02
"""A bullet's interest by days / 365 is that much more than a twelfth of the year for a month of 31 days (372 / 365)."""

ENFORCEMENT = frozenset({"court", "court_fee", "enforcement", "litigation", "notary", "arbitration"})
"""Fees that realise the claim (实现债权的费用) are no part of the price of the loan."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a draw is priced by: principal in fen, rate in ppm, fees as (month paid, fen), where 0 is the drawing.

    ``first_days``: the length of a first period that is not a month; None where it is one.
    """

    principal_fen: int
    rate_ppm: int
    months: int
    method: str
    first_days: int | None = None
    fees: tuple[tuple[int, int], ...] = field(default=())


def all_in(price: Price, stated_apr: float | None = None, flows: Sequence[int] | None = None) -> float:
    """The yearly all-in cost, 12 × the monthly rate of return, as a decimal.

    ``flows``: fen by month as the borrower receives and pays them; ``stated_apr``: the caller's own figure. The
    largest of the contract rate, the rate with the fees, and these (less rounding) is given. Raises InputError for
    flows without a rate of return.
    """
    figures = [price.rate_ppm / PPM]
    if price.fees:
        figures.append(_with_fees(price))
    if flows is not None:
        stated_apr = max(apr(flows), stated_apr or 0.0)
    if stated_apr is not None:
        figures.append(stated_apr - rounding(price))
    return max(figures)


def rounding(price: Price) -> float:
    """How much rounding each payment to the fen, and odd periods, can lift the rate of return of a draw."""
    # Half a fen more on each of n payments, against the time for which principal is out on average.
    payments = 1 if price.method == "bullet" else price.months
    falling = price.method in {"equal_instalment", "equal_principal", "sculpted"}
    months_out = (price.months + 1) / 2 if falling else float(price.months)
    odd = _DAY_COUNT * price.rate_ppm / PPM if price.method == "bullet" else 0.0
    if price.first_days is not None:
        months_out += min(price.first_days / 31, 1.0) - 1.0
        odd = _ODD_PERIODS * price.rate_ppm / PPM
    return 12 * 0.5 * payments / (price.principal_fen * months_out) * _SPARE + odd


def months_after(drawn_on: date, paid_on: date) -> int:
    """Whole months from the drawing to a payment, rounded down: a fee seems to be paid no later than it is."""
    if paid_on <= drawn_on:
        return 0
    months = (paid_on.year - drawn_on.year) * 12 + paid_on.month - drawn_on.month
    return months if add_months(drawn_on, months) <= paid_on else months - 1


def _with_fees(price: Price) -> float:
    flows = contract_flows(price)
    for month, fen in price.fees:
        flows[min(month, price.months)] -= fen * _SCALE
    try:
        return apr(flows)
    except InputError:
        return math.inf  # fees that leave nothing of the principal have no rate; no cap allows them


def contract_flows(price: Price) -> list[int]:
    """The contract's flows by month in millionths of a fen, unrounded; the borrower receives, then pays.

    ``sculpted`` is taken as equal instalments, ``bullet`` as one payment of simple interest at the end.
    """
    principal = price.principal_fen * _SCALE
    flows = [principal] + [0] * price.months
    monthly = Fraction(price.rate_ppm, 12 * PPM)
    if price.method == "bullet":
        flows[-1] -= round(principal * (1 + monthly * price.months))
    elif price.method == "interest_only":
        for n in range(1, price.months + 1):
            flows[n] -= round(principal * monthly)
        flows[-1] -= principal
    elif price.method == "equal_principal":
        part = Fraction(principal, price.months)
        for n in range(price.months):
            flows[n + 1] -= round(part + monthly * (principal - n * part))
    else:
        for n, paid in _equal_instalments(principal, float(monthly), price.months).items():
            flows[n] -= paid
    return flows


def _equal_instalments(principal: int, monthly: float, months: int) -> Mapping[int, int]:
    share = 1 / months if monthly == 0.0 else monthly / -math.expm1(-months * math.log1p(monthly))
    return dict.fromkeys(range(1, months + 1), round(principal * share))
