"""The document of ``profile affordability``: a loan wished for and the household that would repay it, read strictly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from jiehuan.law.rule import LENDER_TYPES
from jiehuan.loan.terms import MAX_MONTHS
from jiehuan.profile.affordability import Household, Parameters, parameters
from jiehuan.profile.bank_flow import read_flow
from jiehuan.profile.history import moment_of
from jiehuan.profile.income import IncomeReport, verify_income
from jiehuan.profile.plans import PlanWish
from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, JiehuanError, Problem
from jiehuan.units.money import parse_yuan
from jiehuan.units.rates import PPM, parse_contract_rate, parse_rate


def read_wish(document: Any, place: str = "affordability") -> tuple[Household, PlanWish, Parameters]:
    """Read the document. Raises InputError with every mistake.

    ``{on, lender_type, amount, months, rate, income | bank_flow, declared_income?, obligations?, living_costs?, pay_day?,
    seasons?, dscr_floor?}``; ``income`` is yuan, or ``{verified | declared, volatility?}``.
    """
    if not isinstance(document, Mapping):
        raise InputError(Problem(place, str(document)[:80], "not an object", "write a JSON object"))
    problems: list[Problem] = []

    def take(name: str, read: Any, default: Any = None) -> Any:
        value = document.get(name)
        if value is None and default is not None:
            return default
        try:
            return read(value)
        except JiehuanError as error:
            problems.extend(error.problems)
            return default

    on = take("on", lambda value: parse_date(value, "on")) or date.min
    amount = take("amount", lambda value: parse_yuan(value, "amount", minimum=1)) or 1
    rate = take("rate", lambda value: parse_contract_rate(value, "rate")) or 0
    months = document.get("months")
    if not isinstance(months, int) or isinstance(months, bool) or not 1 <= months <= MAX_MONTHS:
        problems.append(Problem("months", str(months), "not a number of months", f"write 1 to {MAX_MONTHS}"))
        months = 1
    lender = document.get("lender_type")
    if lender not in LENDER_TYPES:
        problems.append(
            Problem("lender_type", str(lender), "not a lender type", f"write one of {', '.join(LENDER_TYPES)}")
        )
    household = _household(document, on, take, problems)
    given = parameters()
    floor = take("dscr_floor", lambda value: parse_rate(value, "dscr_floor"), given.dscr_floor_ppm)
    if floor < PPM:
        problems.append(Problem("dscr_floor", str(document.get("dscr_floor")), "below 1", "write a ratio like 1.25"))
    if problems:
        raise InputError(problems)
    return household, PlanWish(amount, months, rate, on, str(lender)), replace(given, dscr_floor_ppm=floor)


def _household(document: Mapping[str, Any], on: date, take: Any, problems: list[Problem]) -> Household:
    report = _flow(document, on, problems)
    income, verified, volatility = 0, False, 0
    if report is not None:
        income, verified, volatility = report.verified_fen, True, report.volatility_ppm
    elif document.get("bank_flow") is None:
        income, verified, volatility = _income(document.get("income"), problems)
    pay_day = document.get("pay_day", report.pay_day if report else None)
    if pay_day is not None and (not isinstance(pay_day, int) or isinstance(pay_day, bool) or not 1 <= pay_day <= 31):
        problems.append(Problem("pay_day", str(pay_day), "not a day of the month", "write a number from 1 to 31"))
        pay_day = None
    seen = report.obligations.monthly_fen if report else 0
    owed = take("obligations", lambda value: parse_yuan(value, "obligations"), 0)
    living = take("living_costs", lambda value: parse_yuan(value, "living_costs"), 0)
    seasons = _seasons(document.get("seasons"), problems) or (report.seasons if report else {})
    return Household(income, verified, volatility, max(seen, owed), living, pay_day, seasons)


def _flow(document: Mapping[str, Any], on: date, problems: list[Problem]) -> IncomeReport | None:
    rows = document.get("bank_flow")
    if rows is None:
        return None
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        problems.append(Problem("bank_flow", str(rows)[:80], "not a list", "write the rows of the flow"))
        return None
    try:
        flow = read_flow(rows)
        return verify_income(flow.before(moment_of(on)) if on != date.min else flow)
    except JiehuanError as error:
        problems.extend(error.problems)
        return None


def _income(value: Any, problems: list[Problem]) -> tuple[int, bool, int]:
    """Income in fen, whether it was verified, and its volatility in ppm."""
    facts = value if isinstance(value, Mapping) else {"declared": value}
    verified = facts.get("verified") is not None
    name = "verified" if verified else "declared"
    income, volatility = 0, 0
    try:
        income = parse_yuan(facts.get(name), f"income, {name}")
        if facts.get("volatility") is not None:
            volatility = parse_rate(facts["volatility"], "income, volatility")
    except InputError as error:
        problems.extend(error.problems)
    return income, verified, volatility


def _seasons(value: Any, problems: list[Problem]) -> dict[int, int]:
    """Shares of a usual month by calendar month."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        problems.append(
            Problem("seasons", str(value)[:80], "not an object", 'write months and shares, like {"2": "0.6"}')
        )
        return {}
    seasons: dict[int, int] = {}
    for month, share in value.items():
        if not str(month).isdigit() or not 1 <= int(month) <= 12:
            problems.append(Problem("seasons", str(month)[:80], "not a calendar month", "write 1 to 12"))
            continue
        try:
            seasons[int(month)] = parse_rate(share, f"seasons, {month}", maximum_ppm=10 * PPM)
        except InputError as error:
            problems.extend(error.problems)
    return seasons
