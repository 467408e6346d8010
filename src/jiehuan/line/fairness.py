"""Whether prices differ for no reason: what a review decided for many borrowers, held against the grade's price.

A price may stand below its grade's while it rises in steps, and at the law's cap where the grade's lies above it. A borrower who pays more
than the grade's price, or two who stand alike and are priced apart, are unreasonable differences (PIPL art. 24, "big data price discrimination").
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jiehuan.line.decision import LineAccount, LineDecision
from jiehuan.line.params import LineParams
from jiehuan.units.errors import Problem
from jiehuan.units.rates import format_rate


@dataclass(frozen=True, slots=True)
class GradePrices:
    """The prices in one grade: ``rate_ppm`` is the grade's, ``low_ppm`` and ``high_ppm`` those that stand, ``rising`` how many are below it."""

    to_pd: float
    rate_ppm: int
    lines: int
    low_ppm: int
    high_ppm: int
    rising: int
    closed: int


def grade_prices(
    reviewed: Iterable[tuple[LineAccount, LineDecision]], params: LineParams
) -> tuple[list[GradePrices], list[Problem]]:
    """Prices by grade, and the unreasonable differences. Lines that are closed to draws keep their price and are counted apart."""
    prices: dict[int, list[int]] = {n: [] for n in range(len(params.grades))}
    closed = dict.fromkeys(prices, 0)
    rising = dict.fromkeys(prices, 0)
    problems: list[Problem] = []
    alike: dict[tuple[object, ...], tuple[str, int]] = {}
    for account, decision in reviewed:
        grade = next(n for n, one in enumerate(params.grades) if account.pd <= one.to_pd)
        if account.alert == "critical" or account.dpd > 30:
            closed[grade] += 1
            continue
        new, own = decision.new_rate_ppm, params.grades[grade].rate_ppm
        prices[grade].append(new)
        rising[grade] += new < own
        place = f"line {account.borrower_id}, rate"
        if new > own:
            mend = "review it again: a price falls to the grade's at once"
            problems.append(Problem(place, format_rate(new), f"above the price of its grade, {format_rate(own)}", mend))
        stands = (grade, account.rate_ppm, account.last_rate_change, decision.law_version, decision.on)
        other, paid = alike.setdefault(stands, (account.borrower_id, new))
        if paid != new:
            reason = f"differs from {format_rate(paid)} of {other}, who stands alike"
            problems.append(Problem(place, format_rate(new), reason, "price by grade alone"))
    told = [
        GradePrices(
            grade.to_pd, grade.rate_ppm, len(prices[n]), min(prices[n], default=0), max(prices[n], default=0), rising[n], closed[n]
        )
        for n, grade in enumerate(params.grades)
    ]  # fmt: skip
    return told, problems
