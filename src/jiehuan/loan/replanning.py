"""How a plan changes: rows written anew after a prepayment, a call for everything, a restructuring.

Plain loops over the flat cells of ``layout.py``, run interpreted and compiled alike.
"""

from __future__ import annotations

from jiehuan.loan.amortise import (
    BULLET,
    CLOSED,
    DUE,
    EQUAL_INSTALMENT,
    EQUAL_PRINCIPAL,
    FEN_DAYS,
    FROZEN_PENALTY,
    INTEREST,
    KIND,
    PAID_I,
    PAID_P,
    PAY_BY,
    PLANNED,
    PRINCIPAL,
    ROW,
    SCULPTED,
    SINCE,
    WAIVED_I,
    WAIVED_P,
    Ints,
    Shift,
    daily_interest,
    scaled,
    thin_month,
    write_amounts,
    write_due_days,
    write_planned,
)
from jiehuan.loan.layout import (
    APPLIED,
    CARRIED,
    K_INTEREST,
    K_RESTRUCTURE,
    LAW,
    LAW_AGAIN,
    LAW_FIRST,
    NO_PRINCIPAL,
    P_ANCHOR,
    P_FIRST_DUE,
    P_FLOWS,
    P_METHOD,
    P_MONTHS,
    P_PEN_DEN,
    P_PEN_NUM,
    P_RATE,
    P_REGULAR,
    P_START,
    PLAN,
    PREPAID,
    REDUCE,
    RESTRUCTURES_WRITTEN_OFF,
    S_ACCELERATED,
    S_BASE,
    S_BROKEN,
    S_CALENDAR,
    S_COUNT,
    S_DAY,
    S_DUE_I,
    S_DUE_P,
    S_EXTRA,
    S_FALLEN,
    S_FEN_DAYS,
    S_FLOOR,
    S_LENDER,
    S_METHOD,
    S_OBSERVED_FROM,
    S_OLDEST,
    S_PASSED,
    S_PEN_DEN,
    S_PEN_NUM,
    S_PERIOD,
    S_RATE,
    S_RESTRUCTURES,
    S_STATED,
    S_UNDUE,
    S_WRITTEN_OFF,
    SHAPE_TOO_THIN,
    SHORTEN,
)
from jiehuan.loan.passing import accrued_interest, class_by_days, observation_end
from jiehuan.loan.paying import (
    bearing,
    days_past_due,
    record,
    state_penalty,
    use_credit,
)


def restructure(
    s: Ints, rows: Ints, moves: Ints, plans: Ints, plan: int, flows: Ints, law: Ints, shift: Shift, hindsight: bool
) -> int:
    """A new plan for all principal, due or not. Interest owed until today falls due with the first new instalment,
    bearing none itself; penalty is stated and stays owed; nothing is overdue until a new instalment is missed.

    The class cannot get better by it until the observation ends; a second restructuring under observation is at least
    substandard (asset classification measures 2023, articles 18 to 20).
    """
    if s[S_WRITTEN_OFF] != 0 and not hindsight:
        return RESTRUCTURES_WRITTEN_OFF
    principal = s[S_UNDUE] + s[S_DUE_P]
    if principal == 0:
        return APPLIED if hindsight else NO_PRINCIPAL
    state_penalty(s, moves)
    overdue_days = days_past_due(s, rows)
    at = s[S_LENDER] * LAW
    floor = max(class_by_days(law, s[S_LENDER], overdue_days), law[at + LAW_FIRST])
    if s[S_FLOOR] > 0 and not (overdue_days == 0 and s[S_DAY] >= observation_end(s, rows, law)):
        floor = max(floor, s[S_FLOOR], law[at + LAW_AGAIN])
    accrued = accrued_interest(s)
    carried = s[S_DUE_I] + accrued
    s[S_DUE_I] = carried
    if accrued > 0:
        record(s, moves, K_INTEREST, 0, 0, accrued, 0, 0, 0)
    close_rows(s, rows)

    at = plan * PLAN
    first_due = plans[at + P_FIRST_DUE]
    fallen = s[S_FALLEN]
    s[S_OLDEST] = fallen
    s[S_PASSED] = fallen
    s[S_COUNT] = fallen
    if carried > 0:
        write_due_days(rows, fallen, 1, 0, 1, first_due, plans[at + P_ANCHOR], s[S_CALENDAR], shift)
        rows[fallen * ROW + INTEREST] = carried
        rows[fallen * ROW + KIND] = CARRIED
        s[S_FALLEN] += 1
        s[S_COUNT] += 1
    s[S_DUE_P] = 0
    s[S_UNDUE] = principal
    short = start_plan(s, rows, plans, plan, flows, shift)
    s[S_ACCELERATED] = 0
    s[S_RESTRUCTURES] += 1
    s[S_FLOOR] = floor
    s[S_OBSERVED_FROM] = first_due
    record(s, moves, K_RESTRUCTURE, 0, 0, 0, 0, 0, 0)
    use_credit(s, rows, moves)
    return SHAPE_TOO_THIN if short else APPLIED


def start_plan(s: Ints, rows: Ints, plans: Ints, plan: int, flows: Ints, shift: Shift) -> bool:
    """Write the rows of a plan for the principal not yet due, after the rows there are. True when its shape is too
    thin."""
    at = plan * PLAN
    method = plans[at + P_METHOD]
    rate = plans[at + P_RATE]
    months = plans[at + P_MONTHS]
    first = s[S_COUNT]
    count = 1 if method == BULLET else months
    s[S_RATE] = rate
    s[S_METHOD] = method
    s[S_PEN_NUM] = plans[at + P_PEN_NUM]
    s[S_PEN_DEN] = plans[at + P_PEN_DEN]
    s[S_BASE] = 0
    s[S_FEN_DAYS] = 0
    s[S_STATED] = 0
    s[S_PERIOD] = plans[at + P_START]
    s[S_EXTRA] = 0
    s[S_BROKEN] = 1 - plans[at + P_REGULAR]
    s[S_COUNT] = first + count
    write_due_days(
        rows, first, count, method, months, plans[at + P_FIRST_DUE], plans[at + P_ANCHOR], s[S_CALENDAR], shift
    )
    write_planned(rows, first, count, s[S_UNDUE], rate, method, flows, plans[at + P_FLOWS])
    write_amounts(rows, first, count, s[S_UNDUE], rate, method, s[S_PERIOD], s[S_BROKEN] != 0, 0)
    return method == SCULPTED and thin_month(rows, first, count, s[S_UNDUE], rate) > 0


def take_out(s: Ints, rows: Ints, principal: int, kind: int, mode: int) -> None:
    """Take principal that is not yet due out of the plan: a row of its own holds it, the rows after it are written
    anew.

    ``mode`` SHORTEN keeps the instalment and ends sooner, REDUCE keeps the end and lowers the instalment.
    """
    s[S_EXTRA] += daily_interest(principal, s[S_RATE], s[S_DAY] - s[S_PERIOD])
    place = s[S_FALLEN]
    insert_row(s, rows, kind, s[S_DAY], principal, 0)
    at = place * ROW
    rows[at + (PAID_P if kind == PREPAID else WAIVED_P)] = principal
    before = s[S_UNDUE]
    s[S_UNDUE] -= principal
    if s[S_OLDEST] == place:
        s[S_OLDEST] += 1
    plan_again(s, rows, before, mode)


def plan_again(s: Ints, rows: Ints, before: int, mode: int) -> None:
    """Write the rows still to come for the principal that is left of ``before``."""
    first = s[S_FALLEN]
    count = s[S_COUNT] - first
    balance = s[S_UNDUE]
    if balance == 0:
        # Only the interest on what was repaid early is left to fall due.
        s[S_COUNT] = first
        if s[S_EXTRA] > 0:
            s[S_COUNT] = first + 1
            rows[first * ROW + PRINCIPAL] = 0
            rows[first * ROW + INTEREST] = s[S_EXTRA]
        return
    method = s[S_METHOD]
    if mode == REDUCE and method == SCULPTED:
        for row in range(first, first + count):
            rows[row * ROW + PLANNED] = scaled(rows[row * ROW + PLANNED], balance, before)
    elif mode == REDUCE:
        write_planned(rows, first, count, balance, s[S_RATE], method, rows, 0)
    write_amounts(rows, first, count, balance, s[S_RATE], method, s[S_PERIOD], s[S_BROKEN] != 0, s[S_EXTRA])
    if mode == SHORTEN and method in (EQUAL_INSTALMENT, EQUAL_PRINCIPAL, SCULPTED):
        last = first + count - 1
        while last > first and rows[last * ROW + PRINCIPAL] == 0:
            last -= 1
        s[S_COUNT] = last + 1


def make_due(s: Ints, rows: Ints, kind: int, accrued: int, pay_by: int) -> None:
    """All principal not yet due falls due today in one row, with the interest accrued; the rows to come are dropped.

    Interest that a restructuring carried to a later day falls due with it.
    """
    for row in range(s[S_OLDEST], s[S_FALLEN]):
        if rows[row * ROW + DUE] > s[S_DAY]:
            rows[row * ROW + DUE] = s[S_DAY]
            rows[row * ROW + PAY_BY] = pay_by
    s[S_COUNT] = s[S_FALLEN]
    if s[S_UNDUE] + accrued > 0:
        insert_row(s, rows, kind, pay_by, s[S_UNDUE], accrued)
    s[S_DUE_P] += s[S_UNDUE]
    s[S_DUE_I] += accrued
    s[S_UNDUE] = 0
    s[S_EXTRA] = 0
    s[S_BROKEN] = 0
    s[S_PERIOD] = s[S_DAY]


def insert_row(s: Ints, rows: Ints, kind: int, pay_by: int, principal: int, interest: int) -> None:
    """Insert a row that is due today after the rows that have fallen due; the rows to come move one on."""
    place = s[S_FALLEN]
    for cell in range(s[S_COUNT] * ROW - 1, place * ROW - 1, -1):
        rows[cell + ROW] = rows[cell]
    at = place * ROW
    for cell in range(ROW):
        rows[at + cell] = 0
    rows[at + DUE] = s[S_DAY]
    rows[at + PAY_BY] = pay_by
    rows[at + PRINCIPAL] = principal
    rows[at + INTEREST] = interest
    rows[at + KIND] = kind
    s[S_COUNT] += 1
    s[S_FALLEN] += 1


def close_rows(s: Ints, rows: Ints) -> None:
    """End the running plan's rows: what is unpaid leaves them, the penalty each has borne is turned into fen once."""
    running = 0
    stated = 0
    for row in range(s[S_FALLEN]):
        at = row * ROW
        if row >= s[S_OLDEST]:
            if row < s[S_PASSED]:
                rows[at + FEN_DAYS] += bearing(s, rows, at) * (s[S_DAY] - rows[at + SINCE])
                rows[at + SINCE] = s[S_DAY]
            principal = rows[at + PAID_P] + rows[at + WAIVED_P]
            interest = rows[at + PAID_I] + rows[at + WAIVED_I]
            if principal < rows[at + PRINCIPAL] or interest < rows[at + INTEREST]:
                rows[at + CLOSED] = 1
            rows[at + PRINCIPAL] = principal
            rows[at + INTEREST] = interest
        if rows[at + FEN_DAYS] > 0:
            running += rows[at + FEN_DAYS]
            total = scaled(running, s[S_PEN_NUM], s[S_PEN_DEN])
            rows[at + FROZEN_PENALTY] += total - stated
            rows[at + FEN_DAYS] = 0
            stated = total
