"""A position written from a folded loan, and whether the loan can live on as one.

Plain loops over the flat cells of ``layout.py``, run interpreted and compiled alike.
"""

from __future__ import annotations

from jiehuan.loan.amortise import (
    DUE,
    INTEREST,
    KIND,
    PAY_BY,
    PLANNED,
    PRINCIPAL,
    ROW,
    SCULPTED,
    Ints,
    regular_interest,
)
from jiehuan.loan.civil import day_in_month, month_index
from jiehuan.loan.layout import (
    FAR,
    INSTALMENT,
    O_CLASS,
    O_DPD,
    O_PROVISION,
    O_STATUS,
    RESTRUCTURED,
    S_BASE,
    S_BY_INSTALMENT,
    S_CALENDAR,
    S_COMPOUND,
    S_COSTS,
    S_COUNT,
    S_CREDIT,
    S_DAY,
    S_DUE_I,
    S_DUE_P,
    S_FALLEN,
    S_FEE_AT,
    S_FEES_END,
    S_FEN_DAYS,
    S_FLOOR,
    S_LENDER,
    S_METHOD,
    S_OLDEST,
    S_ORDER,
    S_PASSED,
    S_PEN_DEN,
    S_PEN_NUM,
    S_PENALTY,
    S_RATE,
    S_STATED,
    S_TOLERANCE,
    S_UNDUE,
    S_WRITTEN_OFF,
    WRITTEN_OFF,
)
from jiehuan.loan.passing import observation_end
from jiehuan.loan.paying import unpaid
from jiehuan.loan.position import (
    DEFAULT_ORDER,
    Q_ANCHOR,
    Q_BASE,
    Q_CALENDAR,
    Q_CLASS,
    Q_COSTS,
    Q_CREDIT,
    Q_DAY,
    Q_DPD,
    Q_DUE_I,
    Q_DUE_P,
    Q_FALLEN,
    Q_FEN_DAYS,
    Q_FLOOR,
    Q_GRACE_BY,
    Q_GRACE_I,
    Q_GRACE_P,
    Q_LEFT,
    Q_LENDER,
    Q_LEVEL,
    Q_METHOD,
    Q_MONTH,
    Q_NEXT_DUE,
    Q_NEXT_I,
    Q_NEXT_P,
    Q_OLDEST,
    Q_OPEN,
    Q_OVERDUE,
    Q_PEN_DEN,
    Q_PEN_NUM,
    Q_PENALTY,
    Q_PLAIN,
    Q_PROVISION,
    Q_RATE,
    Q_STATED,
    Q_STATUS,
    Q_TICK,
    Q_UNDUE,
    even_principal,
    next_tick,
)


def take_position(s: Ints, rows: Ints, fees: Ints, law: Ints, out: Ints, line: int, p: Ints, at: int) -> None:
    """Write the position of a folded loan; ``out`` from cell ``line`` on is its line of the book (``fold.line_of_book``)."""
    fallen = s[S_FALLEN]
    left = s[S_COUNT] - fallen
    p[at + Q_DAY] = s[S_DAY]
    p[at + Q_LEFT] = left
    p[at + Q_UNDUE] = s[S_UNDUE]
    p[at + Q_DUE_P] = s[S_DUE_P]
    p[at + Q_DUE_I] = s[S_DUE_I]
    p[at + Q_COSTS] = s[S_COSTS]
    p[at + Q_PENALTY] = s[S_PENALTY]
    p[at + Q_CREDIT] = s[S_CREDIT]
    p[at + Q_BASE] = s[S_BASE]
    p[at + Q_FEN_DAYS] = s[S_FEN_DAYS]
    p[at + Q_STATED] = s[S_STATED]
    p[at + Q_RATE] = s[S_RATE]
    p[at + Q_METHOD] = s[S_METHOD]
    p[at + Q_CALENDAR] = s[S_CALENDAR]
    p[at + Q_LENDER] = s[S_LENDER]
    p[at + Q_PEN_NUM] = s[S_PEN_NUM]
    p[at + Q_PEN_DEN] = s[S_PEN_DEN]
    p[at + Q_DPD] = out[line + O_DPD]
    p[at + Q_CLASS] = out[line + O_CLASS]
    p[at + Q_PROVISION] = out[line + O_PROVISION]
    p[at + Q_STATUS] = out[line + O_STATUS]
    p[at + Q_OLDEST] = 0
    if out[line + O_DPD] > 0:
        p[at + Q_OLDEST] = s[S_DAY] - out[line + O_DPD]
    p[at + Q_FLOOR] = 0
    if out[line + O_STATUS] == RESTRUCTURED:
        p[at + Q_FLOOR] = s[S_FLOOR]
    elif out[line + O_STATUS] == WRITTEN_OFF:
        p[at + Q_FLOOR] = 4

    plain = 1
    if s[S_ORDER] != DEFAULT_ORDER or s[S_BY_INSTALMENT] != 0 or s[S_COMPOUND] != 0 or s[S_TOLERANCE] != 0:
        plain = 0
    if s[S_METHOD] == SCULPTED or s[S_FEE_AT] < s[S_FEES_END] or s[S_FLOOR] > 0 or s[S_WRITTEN_OFF] != 0:
        plain = 0
    p[at + Q_OPEN] = 0
    p[at + Q_OVERDUE] = 0
    p[at + Q_GRACE_BY] = FAR
    p[at + Q_GRACE_P] = 0
    p[at + Q_GRACE_I] = 0
    p[at + Q_FALLEN] = 0
    pass_day = FAR
    for row in range(s[S_OLDEST], fallen):
        cell = row * ROW
        amount = unpaid(rows, cell)
        p[at + Q_FALLEN] = rows[cell + DUE]
        if rows[cell + DUE] > s[S_DAY]:
            plain = 0
        if amount == 0:
            continue
        p[at + Q_OPEN] += 1
        if row < s[S_PASSED]:
            p[at + Q_OVERDUE] += amount
            continue
        if p[at + Q_GRACE_BY] < FAR:
            plain = 0
        p[at + Q_GRACE_BY] = rows[cell + PAY_BY]
        pass_day = min(pass_day, rows[cell + PAY_BY])
        p[at + Q_GRACE_I] = amount
        if s[S_COMPOUND] == 0:
            p[at + Q_GRACE_P] = s[S_DUE_P] - s[S_BASE]
            p[at + Q_GRACE_I] = amount - p[at + Q_GRACE_P]

    p[at + Q_NEXT_DUE] = FAR
    p[at + Q_NEXT_P] = 0
    p[at + Q_NEXT_I] = 0
    p[at + Q_LEVEL] = 0
    p[at + Q_ANCHOR] = 0
    p[at + Q_MONTH] = 0
    if left > 0:
        cell = fallen * ROW
        p[at + Q_NEXT_DUE] = rows[cell + DUE]
        p[at + Q_MONTH] = month_index(rows[cell + DUE])
        p[at + Q_NEXT_P] = rows[cell + PRINCIPAL]
        p[at + Q_NEXT_I] = rows[cell + INTEREST]
        p[at + Q_LEVEL] = rows[cell + PLANNED]
        anchor = 0
        for row in range(fallen, s[S_COUNT]):
            due = rows[row * ROW + DUE]
            anchor = max(anchor, due - day_in_month(month_index(due), 1) + 1)
            if rows[row * ROW + KIND] != INSTALMENT:
                plain = 0
        p[at + Q_ANCHOR] = anchor
        if plain != 0:
            plain = goes_on_evenly(s, rows, p, at)
    p[at + Q_PLAIN] = plain
    tick = min(next_tick(p, at, law), pass_day + 1)
    if plain == 0:
        if s[S_FEE_AT] < s[S_FEES_END]:
            tick = min(tick, fees[s[S_FEE_AT] * 3])
        if s[S_FLOOR] > 0:
            ends = observation_end(s, rows, law)
            if ends > s[S_DAY]:
                tick = min(tick, ends)
    p[at + Q_TICK] = max(tick, s[S_DAY] + 1)


def goes_on_evenly(s: Ints, rows: Ints, p: Ints, at: int) -> int:
    """Whether the rows to come are those that ``next_instalment`` will find one after the other; 1 or 0."""
    balance = s[S_UNDUE]
    left = s[S_COUNT] - s[S_FALLEN]
    for place in range(left):
        cell = (s[S_FALLEN] + place) * ROW
        due = rows[cell + DUE]
        if due != day_in_month(month_index(due), p[at + Q_ANCHOR]):
            return 0
        if place > 0:
            interest = regular_interest(balance, s[S_RATE])
            principal = even_principal(s[S_METHOD], p[at + Q_LEVEL], interest, balance, left - place)
            if rows[cell + PRINCIPAL] != principal or rows[cell + INTEREST] != interest:
                return 0
            if due != day_in_month(month_index(rows[cell - ROW + DUE]) + 1, p[at + Q_ANCHOR]):
                return 0
        balance -= rows[cell + PRINCIPAL]
    return 1
