"""A loan's position: what of its state a plain life needs, so small that ten million loans are held and moved day by day.

The fold (``fold.py``) is the authority. It writes a position; from there a plain loan, one that only falls due and is repaid,
is carried on here without its rows: the next instalment is found from the balance, and what is owed is kept in totals. As
soon as more is needed (an event of another kind, part of several open instalments paid, a plan that is not level) the position
says so (``Q_PLAIN`` 0) and the loan is folded again. A test holds both together on every day of many lives.

Plain loops over flat cells like the rest of the kernel. ``p`` is one position of POSITION cells from cell ``at`` on.
"""

from __future__ import annotations

from jiehuan.loan.amortise import (
    EQUAL_INSTALMENT,
    EQUAL_PRINCIPAL,
    Ints,
    Shift,
    provision_of,
    regular_interest,
    scaled,
)
from jiehuan.loan.civil import month_later
from jiehuan.loan.layout import (
    ACTIVE,
    FAR,
    LAW,
    LAW_PROVISION,
    LAW_THRESHOLD,
    SETTLED,
)
from jiehuan.loan.passing import class_by_days

# fmt: off
POSITION = 37
(
    Q_DAY,  # the evening up to which it is counted
    Q_TICK,  # the next day on which more happens than one more day past due
    Q_NEXT_DUE, Q_NEXT_P, Q_NEXT_I,  # the next instalment
    Q_LEFT,  # instalments not yet due
    Q_LEVEL,  # level instalment or principal part
    Q_UNDUE, Q_DUE_P, Q_DUE_I, Q_COSTS, Q_PENALTY, Q_CREDIT,
    Q_OPEN,  # instalments due and not wholly paid
    Q_FALLEN,  # due date of the newest instalment that is due
    Q_GRACE_BY, Q_GRACE_P,  # pay_by and unpaid principal of an instalment still in its days of grace; FAR: none
    Q_OLDEST,  # due date of the oldest overdue instalment; 0: none
    Q_BASE, Q_FEN_DAYS, Q_STATED,  # penalty: what bears it, fen-days so far, how much is stated
    Q_DPD, Q_CLASS, Q_PROVISION, Q_STATUS,
    Q_FLOOR,  # a class it cannot be better than
    Q_PLAIN,  # 1: carried on here; 0: to be folded again when its tick comes or money moves
    Q_RATE, Q_METHOD, Q_ANCHOR, Q_CALENDAR, Q_LENDER, Q_PEN_NUM, Q_PEN_DEN,
    Q_OVERDUE,  # unpaid principal and interest past their pay_by
    Q_GRACE_I,  # unpaid interest of the instalment in its days of grace
    Q_MONTH,  # month (year × 12 + month - 1) of the next instalment
) = range(POSITION)
DEFAULT_ORDER = (1 << 2) | (2 << 4) | (3 << 6)
# fmt: on


def even_principal(method: int, level: int, interest: int, balance: int, left: int) -> int:
    """The principal of the next instalment of a level plan with ``left`` instalments to come."""
    principal = 0
    if method == EQUAL_INSTALMENT:
        principal = max(level - interest, 0)
    elif method == EQUAL_PRINCIPAL:
        principal = level
    if left == 1 or principal > balance:
        return balance
    return principal


def next_tick(p: Ints, at: int, law: Ints) -> int:
    """The next day on which more happens than one more day past due: an instalment, a pay_by passed, another class."""
    tick = p[at + Q_NEXT_DUE]
    if p[at + Q_GRACE_BY] + 1 < tick:
        tick = p[at + Q_GRACE_BY] + 1
    if p[at + Q_OLDEST] != 0:
        lender = p[at + Q_LENDER] * LAW + LAW_THRESHOLD
        for place in range(4):
            day = p[at + Q_OLDEST] + law[lender + place]
            if p[at + Q_DAY] < day < tick:
                tick = day
    return tick


def pass_days(p: Ints, at: int, to: int, law: Ints, shift: Shift) -> None:
    """Let days pass up to the evening of ``to`` (``passing.advance`` for a plain position)."""
    while p[at + Q_PLAIN] != 0:
        due_at = p[at + Q_NEXT_DUE]
        pass_at = p[at + Q_GRACE_BY]
        if pass_at < to and pass_at < due_at:
            p[at + Q_FEN_DAYS] += p[at + Q_BASE] * (pass_at - p[at + Q_DAY])
            p[at + Q_DAY] = pass_at
            if p[at + Q_OLDEST] == 0:
                p[at + Q_OLDEST] = p[at + Q_FALLEN]
            p[at + Q_BASE] += p[at + Q_GRACE_P]
            p[at + Q_FEN_DAYS] += p[at + Q_GRACE_P] * (pass_at - p[at + Q_FALLEN])
            p[at + Q_OVERDUE] += p[at + Q_GRACE_P] + p[at + Q_GRACE_I]
            p[at + Q_GRACE_BY] = FAR
            p[at + Q_GRACE_P] = 0
            p[at + Q_GRACE_I] = 0
        elif due_at <= to:
            if pass_at < FAR:
                p[at + Q_PLAIN] = 0  # two instalments in their days of grace at once
                return
            p[at + Q_FEN_DAYS] += p[at + Q_BASE] * (due_at - p[at + Q_DAY])
            p[at + Q_DAY] = due_at
            next_falls_due(p, at, shift)
        else:
            break
    p[at + Q_FEN_DAYS] += p[at + Q_BASE] * (to - p[at + Q_DAY])
    p[at + Q_DAY] = to


def next_falls_due(p: Ints, at: int, shift: Shift) -> None:
    """The next instalment falls due; a credit balance is used on it; the one after it is found from the balance."""
    due = p[at + Q_NEXT_DUE]
    principal = p[at + Q_NEXT_P]
    interest = p[at + Q_NEXT_I]
    p[at + Q_FALLEN] = due
    p[at + Q_DUE_P] += principal
    p[at + Q_DUE_I] += interest
    p[at + Q_UNDUE] -= principal
    p[at + Q_LEFT] -= 1
    if principal + interest > 0:
        p[at + Q_OPEN] += 1
        p[at + Q_GRACE_P] = principal
        p[at + Q_GRACE_I] = interest
        p[at + Q_GRACE_BY] = due
        if p[at + Q_CALENDAR] != 0:
            p[at + Q_GRACE_BY] = due + shift[due]
    balance = p[at + Q_UNDUE]
    left = p[at + Q_LEFT]
    p[at + Q_NEXT_DUE] = FAR
    p[at + Q_NEXT_P] = 0
    p[at + Q_NEXT_I] = 0
    if left > 0:
        found = 0
        if balance > 0:
            found = regular_interest(balance, p[at + Q_RATE])
        p[at + Q_NEXT_I] = found
        p[at + Q_NEXT_P] = even_principal(p[at + Q_METHOD], p[at + Q_LEVEL], found, balance, left)
        p[at + Q_NEXT_DUE] = month_later(due, p[at + Q_MONTH], p[at + Q_ANCHOR])
        p[at + Q_MONTH] += 1
    if p[at + Q_CREDIT] > 0:
        credit = p[at + Q_CREDIT]
        p[at + Q_CREDIT] = 0
        receive(p, at, credit)


def receive(p: Ints, at: int, cash: int) -> None:
    """Use money on what is due (costs, penalty, interest, principal) and keep the rest as the borrower's credit balance.

    Part of several open instalments cannot be told from totals, and a settled loan takes no money: the position is then no
    longer plain, and the fold decides.
    """
    running = scaled(p[at + Q_FEN_DAYS], p[at + Q_PEN_NUM], p[at + Q_PEN_DEN]) - p[at + Q_STATED]
    before = p[at + Q_COSTS] + p[at + Q_PENALTY] + running
    owed = before + p[at + Q_DUE_I] + p[at + Q_DUE_P]
    if (p[at + Q_OPEN] > 1 and cash < owed) or (owed == 0 and p[at + Q_LEFT] == 0):
        p[at + Q_PLAIN] = 0
        return
    p[at + Q_STATED] += running
    p[at + Q_PENALTY] += running
    if before > 0:
        taken = min(cash, p[at + Q_COSTS])
        p[at + Q_COSTS] -= taken
        cash -= taken
        taken = min(cash, p[at + Q_PENALTY])
        p[at + Q_PENALTY] -= taken
        cash -= taken
    interest = min(cash, p[at + Q_DUE_I])
    cash -= interest
    principal = min(cash, p[at + Q_DUE_P])
    cash -= principal
    p[at + Q_DUE_I] -= interest
    p[at + Q_DUE_P] -= principal
    p[at + Q_CREDIT] += cash
    if p[at + Q_DUE_P] + p[at + Q_DUE_I] == 0:
        p[at + Q_OPEN] = 0
        p[at + Q_OLDEST] = 0
        p[at + Q_BASE] = 0
        p[at + Q_OVERDUE] = 0
        p[at + Q_GRACE_BY] = FAR
        p[at + Q_GRACE_P] = 0
        p[at + Q_GRACE_I] = 0
    elif p[at + Q_GRACE_BY] < FAR:
        p[at + Q_GRACE_P] -= principal
        p[at + Q_GRACE_I] -= interest
    else:
        p[at + Q_BASE] -= principal
        p[at + Q_OVERDUE] -= principal + interest


def pay_in_time(p: Ints, at: int, days: Ints, cash: Ints, k: int, end: int, shift: Shift) -> int:
    """Live the months in which all is as agreed: an instalment falls due and is paid whole before its pay_by passes.

    Takes payments from ``k`` on as long as that is so and returns the first it did not take. It does what ``pass_days`` and
    ``receive`` do, with the cells held in variables: most months of most loans are such, and it is several times as fast.
    """
    if p[at + Q_PLAIN] == 0 or p[at + Q_OPEN] != 0 or p[at + Q_COSTS] + p[at + Q_PENALTY] != 0:
        return k
    if scaled(p[at + Q_FEN_DAYS], p[at + Q_PEN_NUM], p[at + Q_PEN_DEN]) != p[at + Q_STATED]:
        return k
    rate, method, level, anchor = p[at + Q_RATE], p[at + Q_METHOD], p[at + Q_LEVEL], p[at + Q_ANCHOR]
    due, month, left, fallen = p[at + Q_NEXT_DUE], p[at + Q_MONTH], p[at + Q_LEFT], p[at + Q_FALLEN]
    principal, interest = p[at + Q_NEXT_P], p[at + Q_NEXT_I]
    balance, credit, day = p[at + Q_UNDUE], p[at + Q_CREDIT], p[at + Q_DAY]
    while k < end and left > 0:
        pay_by = due
        if p[at + Q_CALENDAR] != 0:
            pay_by += shift[due]
        asked = principal + interest
        if not due <= days[k] <= pay_by or credit + cash[k] < asked:
            break
        if left == 1 and credit >= asked:
            break  # the credit balance ends the loan on its due date; the fold refuses what comes after
        later = FAR
        if left > 1:
            later = month_later(due, month, anchor)
            if later <= days[k]:
                break
            month += 1
        day = days[k]
        credit += cash[k] - principal - interest
        balance -= principal
        left -= 1
        fallen = due
        due = later
        interest = 0
        principal = 0
        if left > 0:
            interest = regular_interest(balance, rate)
            principal = even_principal(method, level, interest, balance, left)
        k += 1
    p[at + Q_NEXT_DUE], p[at + Q_MONTH], p[at + Q_LEFT], p[at + Q_FALLEN] = due, month, left, fallen
    p[at + Q_NEXT_P], p[at + Q_NEXT_I] = principal, interest
    p[at + Q_UNDUE], p[at + Q_CREDIT], p[at + Q_DAY] = balance, credit, day
    return k


def judge(p: Ints, at: int, law: Ints) -> None:
    """Write dpd, class, provision and status of a plain position, and the day it must be looked at again."""
    dpd = 0
    if p[at + Q_OLDEST] != 0:
        dpd = p[at + Q_DAY] - p[at + Q_OLDEST]
    p[at + Q_DPD] = dpd
    found = 0
    if dpd > 0:
        found = class_by_days(law, p[at + Q_LENDER], dpd)
    status = ACTIVE
    owed = p[at + Q_DUE_P] + p[at + Q_DUE_I] + p[at + Q_COSTS] + p[at + Q_PENALTY]
    if (
        p[at + Q_LEFT] == 0
        and owed == 0
        and scaled(p[at + Q_FEN_DAYS], p[at + Q_PEN_NUM], p[at + Q_PEN_DEN]) == p[at + Q_STATED]
    ):
        status = SETTLED
        found = 0
    p[at + Q_CLASS] = found
    p[at + Q_STATUS] = status
    p[at + Q_PROVISION] = provision_of(
        p[at + Q_UNDUE] + p[at + Q_DUE_P], law[p[at + Q_LENDER] * LAW + LAW_PROVISION + found]
    )
    p[at + Q_TICK] = max(next_tick(p, at, law), p[at + Q_DAY] + 1)
