"""Plans that a cash flow carries: when instalments fall due after pay day, and the largest amount under given
instalments.

Amounts are fen, rates ppm a year. The largest amount is found by bisection on exact schedules of the loan room, so
that it holds to the fen, whatever the method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Protocol

from jiehuan.loan import Schedule, make_schedule, read_terms
from jiehuan.units.days import add_months
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan
from jiehuan.units.rates import format_rate

MAX_AMOUNT_FEN = 10**10
"""A hundred million yuan: no unsecured consumer loan is larger, and bisection starts here."""


class Timing(Protocol):
    """The parameters that place a due date."""

    @property
    def pay_day_grace_days(self) -> int:
        """Days from pay day to due date."""

    @property
    def first_due_min_days(self) -> int:
        """Days from drawing to the first due date, at least."""


@dataclass(frozen=True, slots=True)
class PlanWish:
    """A loan to be held against a cash flow; ``cashflow`` (fen by month) for the sculpted method only."""

    amount_fen: int
    months: int
    rate_ppm: int
    drawn_on: date
    lender_type: str
    method: str = "equal_instalment"
    first_due: date | None = None
    cashflow: tuple[int, ...] = ()


def schedule_of(wish: PlanWish) -> Schedule:
    """The schedule of a wish. Raises InputError when its cash flow cannot carry it."""
    document = {
        "lender_type": wish.lender_type,
        "principal": format_yuan(wish.amount_fen),
        "rate": format_rate(wish.rate_ppm),
        "months": wish.months,
        "method": wish.method,
        "drawn_on": wish.drawn_on.isoformat(),
    }
    if wish.first_due:
        document["first_due"] = wish.first_due.isoformat()
    if wish.cashflow:
        document["cashflow"] = [format_yuan(flow) for flow in wish.cashflow]
    return make_schedule(read_terms(document, "plan"))


def first_due_after(drawn_on: date, pay_day: int | None, timing: Timing) -> date:
    """The first due date: the day after pay day, some days after drawing at least; a month on without a pay day."""
    if pay_day is None:
        return add_months(drawn_on, 1)
    if not 1 <= pay_day <= 31:
        raise InputError(Problem("pay_day", str(pay_day), "not a day of the month", "write a number from 1 to 31"))
    soonest = drawn_on + timedelta(days=timing.first_due_min_days)
    for n in range(3):
        payday = add_months(drawn_on.replace(day=1), n, pay_day)
        due = payday + timedelta(days=timing.pay_day_grace_days)
        if due >= soonest:
            return due
    return add_months(drawn_on, 1)


def largest_amount(wish: PlanWish, most: Sequence[int], step_fen: int) -> int:
    """The largest amount, in whole steps, none of whose instalments exceeds ``most`` (fen, one a due date); 0 when
    none.

    For one payment at the end, ``most`` is the sum that may be paid then.
    """

    def carried(steps: int) -> bool:
        try:
            plan = schedule_of(replace(wish, amount_fen=steps * step_fen))
        except InputError:
            return False
        dues = [line.principal_fen + line.interest_fen + line.fee_fen for line in plan.instalments]
        limits = most if len(dues) == len(most) else [sum(most)]
        return all(due <= limit for due, limit in zip(dues, limits, strict=True))

    low, high = 0, 1
    bound = min(MAX_AMOUNT_FEN, sum(most)) // step_fen
    if bound == 0 or not carried(1):
        return 0
    while high <= bound and carried(high):
        low, high = high, high * 2
    high = min(high, bound + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if carried(middle) else (low, middle)
    return low * step_fen
