"""Restructuring offers a borrower can afford: the shortest term whose instalment fits, at the old rate and at lower ones.

Ability is not willingness: an offer fits the instalment that the borrower's cash flow carries. Each offer says what it
costs the lender against the old rate, and that the loan stays in its class through the observation period.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from jiehuan.law import law_on
from jiehuan.loan import Schedule, make_schedule, read_terms
from jiehuan.units.days import add_months
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.money import format_yuan
from jiehuan.units.rates import PPM, format_rate

RATE_STEPS_PPM = (PPM, PPM // 2, 0)
"""The rates tried, as parts of the contract rate: the same, half, none."""

LONGEST_MONTHS = 60
"""Instalments offered at most unless asked for: a policy choice."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One plan: its terms, the largest instalment, and what the lender gives up in interest against the contract rate.

    ``observed_until``: the loan keeps its class at least so long (None: no such rule binds).
    """

    terms: Mapping[str, Any]
    schedule: Schedule
    instalment_fen: int
    total_interest_fen: int
    concession_fen: int
    observed_until: date | None
    zh: str
    en: str

    def as_document(self) -> dict[str, Any]:
        """Plain values, money in yuan; ``schedule`` as the ``schedule`` command gives it."""
        return {
            "terms": dict(self.terms),
            "instalment": format_yuan(self.instalment_fen),
            "total_interest": format_yuan(self.total_interest_fen),
            "concession": format_yuan(self.concession_fen),
            "observed_until": self.observed_until.isoformat() if self.observed_until else None,
            "zh": self.zh,
            "en": self.en,
            **self.schedule.as_document(),
        }


def restructure(
    balance_fen: int,
    rate_ppm: int,
    capacity_fen: int,
    on: date,
    lender_type: str,
    *,
    first_due: date | None = None,
    longest: int | None = None,
    rate_steps: tuple[int, ...] = RATE_STEPS_PPM,
) -> tuple[Offer, ...]:
    """Offers for ``balance_fen`` whose instalments are at most ``capacity_fen`` a month, the dearest first.

    ``longest``: months at most (default ``LONGEST_MONTHS``), never above the law's longest term for the lender. Raises Refused
    when even the longest plan without interest does not fit, saying what would; InputError for amounts below 1 fen.
    """
    if balance_fen < 1 or capacity_fen < 1:
        found = f"{format_yuan(balance_fen)}, {format_yuan(capacity_fen)}"
        raise InputError(Problem("balance, capacity", found, "not positive", "give both in fen, above 0"))
    law = law_on(on, lender_type)
    most = longest or LONGEST_MONTHS
    most = min(most, law.value("term_max_months") or most)
    rule = law.rule("restructure_observation")
    until = add_months(on, rule.value["months"]) if rule else None
    offers: list[Offer] = []
    for step in rate_steps:
        rate = rate_ppm * step // PPM
        shortest = _shortest(balance_fen, rate, capacity_fen, on, first_due, lender_type, most)
        if shortest is None or any(offer.schedule.terms.rate_ppm == rate for offer in offers):
            continue
        document, schedule = shortest
        same_term = make_schedule(read_terms({**document, "rate": format_rate(rate_ppm)}))
        months, interest = len(schedule.instalments), schedule.total_interest_fen
        largest = max(line.total_fen for line in schedule.instalments)
        percent = f"{rate / 10_000:g}%"
        zh = f"分 {months} 期，年利率 {percent}，每期最高 {format_yuan(largest)} 元"
        en = f"{months} instalments at {percent} a year, {format_yuan(largest)} at most each"
        conceded = same_term.total_interest_fen - interest
        offers.append(Offer(document, schedule, largest, interest, conceded, until, zh, en))
    if not offers:
        least = format_yuan(-(-balance_fen // most))
        reason = f"even {most} instalments without interest need {least} a month"
        mend = "ask for a longer plan, a lower balance (waiver), or a later start"
        zh = f"即使免息分 {most} 期，每期仍需 {least} 元，超出可承受金额"
        raise Refused(Problem("capacity", format_yuan(capacity_fen), reason, mend, zh=zh))
    return tuple(offers)


def _shortest(
    balance_fen: int, rate_ppm: int, capacity_fen: int, on: date, first_due: date | None, lender_type: str, most: int
) -> tuple[dict[str, Any], Schedule] | None:
    """The shortest plan that fits; the instalment falls with the term, so that halving finds it."""

    def plan(months: int) -> tuple[dict[str, Any], Schedule]:
        document = {
            "lender_type": lender_type,
            "principal": format_yuan(balance_fen),
            "rate": format_rate(rate_ppm),
            "months": months,
            "method": "equal_instalment",
            "drawn_on": on.isoformat(),
        }
        if first_due is not None:
            document["first_due"] = first_due.isoformat()
        return document, make_schedule(read_terms(document))

    def fits(months: int) -> bool:
        return max(line.total_fen for line in plan(months)[1].instalments) <= capacity_fen

    if not fits(most):
        return None
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return plan(low)
