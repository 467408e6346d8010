"""What instalment a borrower's cash flow carries: the lens of project finance on a household.

Cash available for debt service (CFADS) of a month is stressed income less living costs and the debts already served.
The debt service cover ratio (DSCR) is CFADS over the instalment; a floor on it gives the largest instalment, and with
a rate and a term the largest amount. Beside the equal instalment stands a sculpted plan: instalments in proportion to
each month's CFADS, due after the pay day, so that cover is the same in every month. Parameters in
``affordability.yaml``; amounts in fen, ratios in millionths. See E. R. Yescombe, Principles of Project Finance, ch.
12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jiehuan.loan import Schedule
from jiehuan.profile.plans import PlanWish, first_due_after, largest_amount, schedule_of
from jiehuan.units.days import add_months
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan, half_up
from jiehuan.units.rates import PPM, format_rate
from jiehuan.units.yaml_file import read_yaml


@dataclass(frozen=True, slots=True)
class Parameters:
    """House parameters of affordability; each is explained beside its value in ``affordability.yaml``."""

    dscr_floor_ppm: int
    income_stress_ppm: int
    volatility_weight_ppm: int
    stress_limit_ppm: int
    unverified_haircut_ppm: int
    living_floor_fen: int
    living_share_ppm: int
    pay_day_grace_days: int
    first_due_min_days: int
    rate_without_cap_ppm: int
    amount_step_fen: int


@dataclass(frozen=True, slots=True)
class Household:
    """What is known of the borrower's month: income (verified or declared), its volatility, costs, debts, seasons.

    ``seasons`` maps a calendar month (1–12) to the share of a usual month's income, in millionths; absent is one whole.
    """

    income_fen: int
    verified: bool
    volatility_ppm: int = 0
    obligations_fen: int = 0
    living_fen: int = 0
    pay_day: int | None = None
    seasons: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CashMonth:
    """One month ahead: income, income under stress, what goes out, and what is left for debt (not below zero)."""

    month: date
    income_fen: int
    stressed_fen: int
    living_fen: int
    obligations_fen: int
    cfads_fen: int


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan held against the cash flow: DSCR by instalment, least and mean, and the instalments below the floor."""

    schedule: Schedule
    dscr_ppm: tuple[int, ...]
    least_dscr_ppm: int
    mean_dscr_ppm: int
    below_floor: tuple[int, ...]


@dataclass(frozen=True)
class Affordability:
    """What the cash flow carries.

    ``largest_instalment_fen`` holds in every month at the floor; ``affordable_fen`` is the amount whose equal
    instalment that is, ``sculpted_fen`` the amount which a sculpted plan carries. ``equal`` and ``sculpted`` show the
    amount asked for (None when a plan cannot be built, with ``sculpted_reason``).
    """

    household: Household
    wish: PlanWish
    given: Parameters
    months: tuple[CashMonth, ...]
    stress_ppm: int
    dscr_floor_ppm: int
    largest_instalment_fen: int
    affordable_fen: int
    sculpted_fen: int
    equal: PlanView
    sculpted: PlanView | None
    sculpted_reason: str = ""

    @property
    def paced(self) -> bool:
        """Whether instalments follow a known pay day."""
        return self.household.pay_day is not None

    def cash_for(self, count: int) -> tuple[int, ...]:
        """CFADS of ``count`` months from the first due date, for terms other than the one asked for."""
        first = (self.wish.first_due or self.wish.drawn_on).month - 1
        year = _year_of(self.household, self.given)
        return tuple(year[(first + n) % 12][-1] for n in range(count))

    @property
    def carried(self) -> bool:
        """Whether the equal instalment of the amount asked for keeps the floor in every month."""
        return not self.equal.below_floor


@cache
def parameters(path: Path | None = None) -> Parameters:
    """The shipped parameters, or a lender's own. Raises InputError when one is missing, unknown or no whole number."""
    path = path or Path(__file__).with_name("affordability.yaml")
    found = read_yaml(path, example="src/jiehuan/profile/affordability.yaml")
    names = set(Parameters.__dataclass_fields__)
    found = found if isinstance(found, Mapping) else {}
    problems = [
        Problem(f"{path.name}, {name}", "", "is missing", "give a whole number") for name in names - found.keys()
    ]
    problems += [Problem(f"{path.name}, {name}", "", "unknown", "remove it") for name in found.keys() - names]
    problems += [
        Problem(f"{path.name}, {name}", str(value), "not a whole number of at least 0", "write a number like 1250000")
        for name, value in found.items()
        if not isinstance(value, int) or isinstance(value, bool) or value < 0
    ]
    if not problems and found["dscr_floor_ppm"] < PPM:
        mend = "write at least 1000000"
        problems = [Problem(f"{path.name}, dscr_floor_ppm", str(found["dscr_floor_ppm"]), "below one", mend)]
    if problems:
        raise InputError(problems)
    return Parameters(**found)


def affordability(household: Household, wish: PlanWish, given: Parameters | None = None) -> Affordability:
    """Hold a wish (amount, term, rate) against a household's cash flow. Raises InputError for an impossible wish."""
    given = given or parameters()
    if wish.lender_type == "other":
        given = replace(given, living_floor_fen=0)
    wish = replace(wish, first_due=wish.first_due or first_due_after(wish.drawn_on, household.pay_day, given))
    months = cash_months(household, wish.first_due or wish.drawn_on, wish.months, given)
    cash = [month.cfads_fen for month in months]
    most = [instalment_within(available, given.dscr_floor_ppm) for available in cash]
    largest = min(most)
    flat = replace(wish, method="equal_instalment", cashflow=())
    paced = replace(wish, method="sculpted", cashflow=tuple(cash))
    sculpted_fen = largest_amount(paced, most, given.amount_step_fen) if any(cash) else 0
    sculpted, reason = None, "no month leaves any cash for debt service"
    if any(cash):
        try:
            sculpted = view(schedule_of(paced), cash, given.dscr_floor_ppm)
            reason = ""
        except InputError as error:
            reason = "; ".join(problem.reason for problem in error.problems)
    return Affordability(
        household,
        wish,
        given,
        months,
        stress_of(household, given),
        given.dscr_floor_ppm,
        largest,
        largest_amount(flat, [largest] * wish.months, given.amount_step_fen),
        sculpted_fen,
        view(schedule_of(flat), cash, given.dscr_floor_ppm),
        sculpted,
        reason,
    )


def stress_of(household: Household, given: Parameters) -> int:
    """How far income is stressed: the general share and a part of its own volatility, up to the limit; in ppm."""
    own = half_up(household.volatility_ppm * given.volatility_weight_ppm, PPM)
    return min(given.income_stress_ppm + own, given.stress_limit_ppm)


def cash_months(household: Household, first_due: date, count: int, given: Parameters) -> tuple[CashMonth, ...]:
    """Cash available for debt service in each of ``count`` months from the month of the first due date."""
    months = [add_months(first_due.replace(day=1), n) for n in range(count)]
    year = _year_of(household, given)
    return tuple(CashMonth(month, *year[month.month - 1]) for month in months)


def _year_of(household: Household, given: Parameters) -> list[tuple[int, int, int, int, int]]:
    """The months of a year by ``_month_of``; without seasons they are one like another."""
    if not household.seasons:
        return [_month_of(household, 1, given)] * 12
    return [_month_of(household, month, given) for month in range(1, 13)]


def _month_of(household: Household, month: int, given: Parameters) -> tuple[int, int, int, int, int]:
    """Income, income under stress, living costs, obligations and what is left of a calendar month (1 to 12), fen."""
    counted = household.income_fen
    if not household.verified:
        counted = half_up(counted * (PPM - given.unverified_haircut_ppm), PPM)
    income = half_up(counted * household.seasons.get(month, PPM), PPM)
    stressed = half_up(income * (PPM - stress_of(household, given)), PPM)
    living = max(household.living_fen, given.living_floor_fen, half_up(income * given.living_share_ppm, PPM))
    left = max(stressed - living - household.obligations_fen, 0)
    return income, stressed, living, household.obligations_fen, left


def view(schedule: Schedule, cash: Sequence[int], floor_ppm: int) -> PlanView:
    """A plan's cover: each instalment is held against its month's cash; one payment at the end against all of it."""
    dues = schedule.dues_fen
    available = list(cash) if len(dues) == len(cash) else [sum(cash)]
    dscr = tuple(half_up(have * PPM, due) if due else 0 for have, due in zip(available, dues, strict=True))
    below = tuple(n for n, value in enumerate(dscr, start=1) if value < floor_ppm and dues[n - 1])
    total = sum(dues)
    mean = half_up(sum(available) * PPM, total) if total else 0
    return PlanView(schedule, dscr, min(dscr), mean, below)


def instalment_within(cash_fen: int, floor_ppm: int) -> int:
    """The largest instalment that ``cash_fen`` covers ``floor_ppm`` times, rounded down to the fen."""
    return cash_fen * PPM // floor_ppm


def as_document(result: Affordability) -> dict[str, Any]:
    """The result for JSON: yuan strings, ratios and rates as decimal strings."""
    return {
        "amount": format_yuan(result.wish.amount_fen),
        "months": result.wish.months,
        "rate": format_rate(result.wish.rate_ppm),
        "first_due": result.wish.first_due.isoformat() if result.wish.first_due else None,
        "dscr_floor": format_rate(result.dscr_floor_ppm),
        "income_stress": format_rate(result.stress_ppm),
        "cash": [
            {
                "month": month.month.isoformat()[:7],
                "income": format_yuan(month.income_fen),
                "stressed_income": format_yuan(month.stressed_fen),
                "living_costs": format_yuan(month.living_fen),
                "obligations": format_yuan(month.obligations_fen),
                "cfads": format_yuan(month.cfads_fen),
            }
            for month in result.months
        ],
        "largest_instalment": format_yuan(result.largest_instalment_fen),
        "affordable_amount": format_yuan(result.affordable_fen),
        "affordable_amount_sculpted": format_yuan(result.sculpted_fen),
        "carried": result.carried,
        "equal_instalment": _shown(result.equal),
        "sculpted": _shown(result.sculpted) if result.sculpted else {"reason": result.sculpted_reason},
    }


def _shown(plan: PlanView) -> dict[str, Any]:
    document = plan.schedule.as_document()
    for line, dscr in zip(document["schedule"], plan.dscr_ppm, strict=True):
        line["dscr"] = format_rate(dscr)
    return {
        "least_dscr": format_rate(plan.least_dscr_ppm),
        "mean_dscr": format_rate(plan.mean_dscr_ppm),
        "instalments_below_floor": list(plan.below_floor),
        **document,
    }
