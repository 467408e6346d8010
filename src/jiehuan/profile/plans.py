"""Plans that a cash flow carries: when instalments fall due after pay day, and the largest amount under given
instalments.

Amounts are fen, rates ppm a year. The largest amount is found on exact schedules of the loan room, so
that it holds to the fen, whatever the method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from jiehuan.loan import Schedule, Terms, make_schedule, plain_terms
from jiehuan.loan.amortise import INTEREST, PRINCIPAL, ROW
from jiehuan.loan.schedule import plan_rows
from jiehuan.units.days import add_months
from jiehuan.units.errors import InputError, Problem

MAX_AMOUNT_FEN = 10**10
"""A hundred million yuan: no unsecured consumer loan is larger, and the search ends here."""


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
    return make_schedule(terms_of(wish))


def terms_of(wish: PlanWish) -> Terms:
    """The terms of a wish, as the loan room reads them."""
    return plain_terms(
        wish.lender_type,
        wish.amount_fen,
        wish.rate_ppm,
        wish.months,
        wish.method,
        wish.drawn_on,
        first_due=wish.first_due,
        cashflow=wish.cashflow,
        where="plan",
    )


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
    """The largest amount, in whole steps, none of whose instalments exceeds ``most`` (fen, one a due date); 0 when none.

    For one payment at the end, ``most`` is the sum that may be paid then. Instalments grow in proportion to the amount
    but for rounding, so one trial gives a near guess and the exact answer is looked for around it.
    """
    plan = terms_of(wish).plan
    bound = min(MAX_AMOUNT_FEN, sum(most)) // step_fen

    def dues(steps: int) -> list[tuple[int, int]] | None:
        """Each instalment of so many steps with its limit; None when no plan can be made."""
        try:
            rows = plan_rows(steps * step_fen, plan, "none")  # what falls due, not when a holiday moves it
        except InputError:
            return None
        totals = [rows[at + PRINCIPAL] + rows[at + INTEREST] for at in range(0, len(rows), ROW)]
        return list(zip(totals, most if len(totals) == len(most) else [sum(most)], strict=True))

    def carried(steps: int) -> bool:
        if steps == 0:
            return True
        due = dues(steps)
        return due is not None and all(total <= limit for total, limit in due)

    if bound == 0:
        return 0
    trial = min(bound, 1_000)
    high = bound + 1
    guess = min([bound, *(trial * limit // total for total, limit in dues(trial) or () if total)])
    width = 1
    while not carried(guess):
        high, guess, width = guess, max(guess - width, 0), width * 4
    low, width = guess, 1
    while low + 1 < high:
        ahead = min(low + width, high - 1)
        if carried(ahead):
            low, width = ahead, width * 4
        else:
            high, width = ahead, 1
    return low * step_fen
