"""The plan of a loan as drawn: what falls due when, what it costs in all, and the rate that people are told.

Sources: design of this project, section 4; the rate is 12 × the monthly internal rate of return of the flows, fees
included, with the effective yearly rate beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from operator import add
from typing import Any, NamedTuple

from jiehuan.loan.amortise import (
    BULLET,
    DUE,
    INTEREST,
    PAY_BY,
    PRINCIPAL,
    ROW,
    SCULPTED,
    Ints,
    thin_month,
    write_amounts,
    write_due_days,
    write_planned,
)
from jiehuan.loan.civil import day_number, day_of
from jiehuan.loan.terms import ENFORCEMENT_KINDS, METHODS, Plan, Terms
from jiehuan.units.calendar import next_working_day
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.irr import compounded, monthly_irr, yearly_irr
from jiehuan.units.money import format_yuan


class Instalment(NamedTuple):
    """One line of the plan: the contractual due date, the day by which to pay, and its parts in fen.

    ``balance_fen``: principal left after it. ``fee_fen``: fees that fall due after the line before and up to this one.
    """

    n: int
    due: date
    pay_by: date
    principal_fen: int
    interest_fen: int
    fee_fen: int
    balance_fen: int

    @property
    def total_fen(self) -> int:
        """Principal, interest and fee together."""
        return self.principal_fen + self.interest_fen + self.fee_fen


@dataclass(frozen=True)
class Schedule:
    """The whole plan. Fees due by the drawing are in ``upfront_fee_fen``, later ones in their instalments.

    ``rows`` are the plan's rows as ``amortise`` writes them; who compares plans reads them, who shows one its ``instalments``.
    """

    terms: Terms
    rows: tuple[int, ...]
    upfront_fee_fen: int

    @cached_property
    def instalments(self) -> tuple[Instalment, ...]:
        """The lines of the plan in order."""
        rows, terms = self.rows, self.terms
        fees = priced_fees(terms)
        lines: list[Instalment] = []
        balance, paid_fees, fee = terms.principal_fen, self.upfront_fee_fen, 0
        for at in range(0, len(rows), ROW):
            due, principal = day_of(rows[at + DUE]), rows[at + PRINCIPAL]
            balance -= principal
            if fees:
                last = at + ROW == len(rows)
                fee = sum(fee.amount_fen for fee in fees if fee.on <= due or last) - paid_fees
                paid_fees += fee
            lines.append(
                Instalment(len(lines) + 1, due, day_of(rows[at + PAY_BY]), principal, rows[at + INTEREST], fee, balance)
            )
        return tuple(lines)

    @cached_property
    def dues_fen(self) -> tuple[int, ...]:
        """What is to be paid on each due date: principal, interest and fee."""
        if priced_fees(self.terms):
            return tuple(line.total_fen for line in self.instalments)
        return tuple(map(add, self.rows[PRINCIPAL::ROW], self.rows[INTEREST::ROW]))

    @property
    def total_interest_fen(self) -> int:
        """All interest of the plan."""
        return sum(self.rows[INTEREST::ROW])

    @property
    def total_fees_fen(self) -> int:
        """All fees that belong to the price of the loan, whenever they fall due."""
        return sum(fee.amount_fen for fee in priced_fees(self.terms))

    @cached_property
    def flows(self) -> tuple[list[int] | None, list[int]]:
        """The plan's flows in fen, received above zero and paid below, and their days; no days when they come one a month.

        They do when the first period is regular and fees fall due on due dates only.
        """
        terms, rows = self.terms, self.rows
        fees = priced_fees(terms)
        dues = rows[DUE::ROW]
        paid = [-principal - interest for principal, interest in zip(rows[PRINCIPAL::ROW], rows[INTEREST::ROW], strict=True)]
        drawn = day_number(terms.drawn_on)
        fee_days = [max(day_number(fee.on), drawn) for fee in fees]
        if terms.plan.regular and all(day == drawn or day in dues for day in fee_days):
            places = {day: n for n, day in enumerate(dues, start=1)} if len(dues) > 1 else {dues[0]: terms.months}
            flows = [terms.principal_fen, *paid] if len(dues) > 1 else [terms.principal_fen, *[0] * (terms.months - 1), *paid]
            for fee, day in zip(fees, fee_days, strict=True):
                flows[places.get(day, 0)] -= fee.amount_fen
            return None, flows
        return [drawn, *dues, *fee_days], [terms.principal_fen, *paid, *(-fee.amount_fen for fee in fees)]

    @cached_property
    def monthly_rate(self) -> float:
        """The rate per month at which what is paid is worth what was received: of dated flows the yearly rate by days / 365, taken
        back to a month.
        """
        days, flows = self.flows
        if days is None:
            return monthly_irr(flows)
        near = 12.0 * math.log1p(self.terms.rate_ppm / 12_000_000.0)
        return float((1.0 + yearly_irr(zip(days, flows, strict=True), near)) ** (1 / 12) - 1.0)

    def surely_within(self, apr_ppm: int) -> bool:
        """Whether the yearly rate is at most ``apr_ppm``, told by one present value; False when it is more, or too near to tell."""
        days, amounts = self.flows
        rate = math.log1p(apr_ppm / 12_000_000.0)  # a month's force of interest
        times = range(len(amounts)) if days is None else [12.0 * (day - days[0]) / 365.0 for day in days]
        worth = sum([amount * math.exp(-rate * at) for amount, at in zip(amounts, times, strict=True)])
        return worth > 1e-6 * self.terms.principal_fen and amounts[0] > 0 and max(amounts[1:], default=0) <= 0

    @property
    def apr(self) -> float:
        """12 × the monthly rate: the yearly rate shown to people."""
        return 12.0 * self.monthly_rate

    @property
    def eff(self) -> float:
        """The effective yearly rate: (1 + monthly rate)^12 - 1."""
        return compounded(self.monthly_rate)

    def as_document(self) -> dict[str, Any]:
        """The ``schedule`` output: money in yuan, rates with six places."""
        return {
            "schedule": [
                {
                    "n": line.n,
                    "due": line.due.isoformat(),
                    "pay_by": line.pay_by.isoformat(),
                    "principal": format_yuan(line.principal_fen),
                    "interest": format_yuan(line.interest_fen),
                    "fee": format_yuan(line.fee_fen),
                    "total": format_yuan(line.total_fen),
                    "balance": format_yuan(line.balance_fen),
                }
                for line in self.instalments
            ],
            "total_interest": format_yuan(self.total_interest_fen),
            "total_fees": format_yuan(self.total_fees_fen),
            "upfront_fee": format_yuan(self.upfront_fee_fen),
            "apr": six_places(self.apr),
            "eff": six_places(self.eff),
        }


class Shifts:
    """``shift[day]``: how many days a due day moves to the next working day, looked up when asked.

    Stands in, for one loan, for the array that the compiled kernel reads.
    """

    def __getitem__(self, day: int) -> int:
        return _shift(day)


@lru_cache(maxsize=8192)
def _shift(day: int) -> int:
    return day_number(next_working_day(day_of(day))) - day


def make_schedule(terms: Terms) -> Schedule:
    """The plan of a loan as agreed, whole before its first event.

    Raises InputError when a sculpted loan's cash flow does not carry the interest of some month, naming the month.
    """
    rows = plan_rows(terms.principal_fen, terms.plan, terms.calendar)
    upfront = sum(fee.amount_fen for fee in priced_fees(terms) if fee.on <= terms.drawn_on)
    return Schedule(terms, tuple(rows), upfront)


def plan_rows(principal_fen: int, plan: Plan, calendar: str) -> Ints:
    """The rows (``amortise``) of a plan for a principal. Raises InputError as ``make_schedule`` does."""
    method = METHODS.index(plan.method)
    count = 1 if method == BULLET else plan.months
    start = day_number(plan.starts_on)
    rows: Ints = list(_due_rows(method, plan.months, day_number(plan.first_due), plan.anchor_day, calendar))
    flows: Ints = list(plan.cashflow)
    write_planned(rows, 0, count, principal_fen, plan.rate_ppm, method, flows, 0)
    write_amounts(rows, 0, count, principal_fen, plan.rate_ppm, method, start, not plan.regular, 0)
    short = thin_month(rows, 0, count, principal_fen, plan.rate_ppm) if method == SCULPTED else 0
    if short:
        where, flow = f"cashflow month {short}", format_yuan(plan.cashflow[short - 1])
        mend = "give that month a larger flow, borrow less, or use interest_only for thin months"
        raise InputError(
            Problem(where, flow, "the instalment in proportion to it does not cover the month's interest", mend)
        )
    return rows


@lru_cache(maxsize=4096)
def _due_rows(method: int, months: int, first_due: int, anchor_day: int, calendar: str) -> tuple[int, ...]:
    """Rows that hold their days and no amounts yet. The plans of a day's applications fall due on the same few days."""
    count = 1 if method == BULLET else months
    rows: Ints = [0] * (count * ROW)
    shift: Any = Shifts()
    write_due_days(rows, 0, count, method, months, first_due, anchor_day, int(calendar == "cn"), shift)
    return tuple(rows)


def priced_fees(terms: Terms) -> tuple[Any, ...]:
    """The fees that belong to the price of the loan: all but the costs of enforcing it."""
    return tuple(fee for fee in terms.fees if fee.kind not in ENFORCEMENT_KINDS) if terms.fees else ()


def six_places(rate: float) -> str:
    """A rate as a decimal string with six places."""
    text = f"{rate:.6f}"
    return "0.000000" if text == "-0.000000" else text


def due_days(schedule: Schedule) -> Iterator[date]:
    """The contractual due dates in order."""
    return (line.due for line in schedule.instalments)
