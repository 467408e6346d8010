"""What the law says to a loan's terms: the cap on its cost, the room that leaves for penalty, and the classes.

Every figure is read from the law book for the lender and the day; none stands here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from math import ceil, gcd, inf
from typing import Any

from jiehuan.law import law_on
from jiehuan.law.cost_cap import cost_cap
from jiehuan.law.rule import LENDER_TYPES
from jiehuan.loan.layout import LAW, LAW_AGAIN, LAW_FIRST, LAW_INSTALMENTS, LAW_MONTHS, LAW_PROVISION, LAW_THRESHOLD
from jiehuan.loan.schedule import priced_fees
from jiehuan.loan.terms import Plan, Terms
from jiehuan.units.errors import Problem
from jiehuan.units.money import format_yuan
from jiehuan.units.rates import PPM, format_rate

CLASSES = ("normal", "special_mention", "substandard", "doubtful", "loss")
BUCKETS = ("M0", "M1", "M2", "M3", "M3+")
LawOn = Callable[[date, str], Any]
"""Gives the law of a day for a lender type, as ``jiehuan.law.law_on`` does."""

_NO_LIMIT = 1 << 62
_NO_RATE = 10**9
"""Fees that leave nothing of the principal have no rate of return: a hundred thousand per cent stands for it."""

_ROUNDING = 1e-3
"""Rates of return are good to a thousandth of a ppm."""


def cost_cap_ppm(lender_type: str, drawn_on: date, law: LawOn = law_on) -> tuple[int, str] | None:
    """The cap on the yearly cost of a loan drawn that day, in ppm, with its citation; None where the law sets none."""
    cap = cost_cap(law(drawn_on, lender_type))
    return None if cap is None else (cap.ppm, cap.rule.citation)


def cost_problem(terms: Terms, loaded_ppm: int, law: LawOn = law_on) -> Problem | None:
    """Why the price of the loan is above the cap of the day it is drawn, or None. ``loaded_ppm``: what fees add to the
    rate."""
    cap = cost_cap_ppm(terms.lender_type, terms.drawn_on, law)
    priced = terms.rate_ppm + loaded_ppm
    if cap is None or priced <= cap[0]:
        return None
    return Problem(
        "rate",
        format_rate(priced),
        f"the cost of the loan, fees included, is above the cap of {format_rate(cap[0])} a year",
        "lower the rate or the fees",
        citation=cap[1],
        zh=f"综合融资成本年化{format_rate(priced)}超过上限{format_rate(cap[0])}",
    )


def loaded_rate_ppm(terms: Terms) -> int:
    """How much the fees add to the yearly rate, in ppm rounded up, counted as the law's own check of a draw counts it.

    What is left under a cap is left for the penalty.
    """
    fees = priced_fees(terms)
    if not fees:
        return 0
    from jiehuan.law.all_in import Price, all_in, months_after

    first_days = None if terms.plan.regular else (terms.first_due - terms.drawn_on).days
    paid = tuple((months_after(terms.drawn_on, fee.on), fee.amount_fen) for fee in fees)
    cost = all_in(Price(terms.principal_fen, terms.rate_ppm, terms.months, terms.method, first_days, paid))
    if cost == inf:
        return _NO_RATE
    return max(0, ceil(cost * PPM - terms.rate_ppm - _ROUNDING))


def draw_problems(terms: Terms, law: LawOn = law_on) -> list[Problem]:
    """Every rule of law that a draw on these terms would break, each with its article. Fees are taken to be paid apart."""
    from jiehuan.law.draws import check_draw

    draw = {**terms.as_document(), "received": format_yuan(terms.principal_fen)}
    found = check_draw(draw, law(terms.drawn_on, terms.lender_type))
    return [one.as_problem() for one in found if one.source != "house"]


def uplift_problem(terms: Terms, law: LawOn = law_on) -> Problem | None:
    """Why the uplift of the penalty rate is above what the law allows on the day of drawing, or None."""
    rule = law(terms.drawn_on, terms.lender_type).rule("penalty_uplift_range")
    uplift = terms.plan.penalty_uplift_ppm
    if rule is None or uplift <= rule.value["high"]:
        return None
    most, found = format_rate(rule.value["high"]), format_rate(uplift)
    why, mend = f"above the {most} that the law allows over the contract rate", f"use at most {most}"
    return Problem("penalty_uplift", found, why, mend, rule.citation, f"罚息上浮幅度{found}超过{most}")


def penalty_fraction(plan: Plan, cap_ppm: int | None, loaded_ppm: int) -> tuple[int, int]:
    """The penalty of a plan per fen and day, as numerator and denominator in lowest terms.

    It is rate × (1 + uplift) / 365, limited so that penalty, interest and fees together stay under the cap of the day
    of drawing: what fees add to the yearly rate is taken off the cap, but never below the contract rate itself.
    """
    limit = _NO_LIMIT if cap_ppm is None else max(cap_ppm - loaded_ppm, plan.rate_ppm, 0) * PPM
    numerator = min(plan.rate_ppm * (PPM + plan.penalty_uplift_ppm), limit)
    denominator = 365 * PPM * PPM
    shared = gcd(numerator, denominator)
    return numerator // shared, denominator // shared


def law_cells(on: date, law: LawOn = law_on, lenders: tuple[str, ...] = LENDER_TYPES) -> list[int]:
    """What the fold needs of the law of a day, for each lender type (``layout.LAW`` cells each; zeros for those not
    asked)."""
    cells = [0] * (LAW * len(LENDER_TYPES))
    for place, lender in enumerate(LENDER_TYPES):
        if lender not in lenders:
            continue
        book = law(on, lender)
        at = place * LAW
        least = dict(book.value("classification"))
        rates = book.value("provision_rates")
        observation = book.value("restructure_observation")
        for index, name in enumerate(CLASSES):
            if index:
                cells[at + LAW_THRESHOLD + index - 1] = int(least[name])
            cells[at + LAW_PROVISION + index] = int(rates[name])
        cells[at + LAW_MONTHS] = int(observation["months"])
        cells[at + LAW_INSTALMENTS] = int(observation["instalments"])
        cells[at + LAW_FIRST] = CLASSES.index(observation["first_class"])
        cells[at + LAW_AGAIN] = CLASSES.index(observation["again_class"])
    return cells


def bucket_of(dpd: int) -> str:
    """The M-bucket of days past due: M0 = 0, M1 = 1-30, M2 = 31-60, M3 = 61-90, M3+ above.

    >>> [bucket_of(days) for days in (0, 1, 30, 31, 90, 91)]
    ['M0', 'M1', 'M1', 'M2', 'M3', 'M3+']
    """
    return BUCKETS[min((dpd + 29) // 30, 4)] if dpd > 0 else BUCKETS[0]
