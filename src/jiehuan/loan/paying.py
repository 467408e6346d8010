"""How money meets a debt: what the penalty comes to, how an amount is used, and the record of each movement.

Plain loops over the flat sequences of ``layout.py``, run interpreted and compiled alike. The order of use is the
product's (Civil Code 561 by default): costs, penalty, interest, principal, each oldest instalment first.
"""

from __future__ import annotations

from jiehuan.loan.amortise import (
    DUE,
    FEN_DAYS,
    INTEREST,
    PAID_I,
    PAID_P,
    PASSED,
    PRINCIPAL,
    ROW,
    SINCE,
    WAIVED_I,
    WAIVED_P,
    Ints,
    scaled,
)
from jiehuan.loan.layout import (
    COSTS,
    INTEREST_PART,
    K_PENALTY,
    K_REPAYMENT,
    M_AFTER_COSTS,
    M_AFTER_CREDIT,
    M_AFTER_INTEREST,
    M_AFTER_PENALTY,
    M_AFTER_PRINCIPAL,
    M_CASH,
    M_COSTS,
    M_CREDIT,
    M_DAY,
    M_DPD,
    M_EVENT,
    M_INTEREST,
    M_KIND,
    M_PENALTY,
    M_PRINCIPAL,
    M_ROW,
    MOVE,
    PENALTY_PART,
    S_BASE,
    S_BY_INSTALMENT,
    S_COMPOUND,
    S_COSTS,
    S_COUNT,
    S_CREDIT,
    S_DAY,
    S_DPD,
    S_DUE_I,
    S_DUE_P,
    S_EVENT,
    S_FALLEN,
    S_FEN_DAYS,
    S_MOVES,
    S_OLDEST,
    S_ORDER,
    S_PASSED,
    S_PEN_DEN,
    S_PEN_NUM,
    S_PENALTY,
    S_ROW,
    S_STATED,
    S_TOLERANCE,
    S_TOOK_COSTS,
    S_TOOK_INTEREST,
    S_TOOK_PENALTY,
    S_TOOK_PRINCIPAL,
    S_UNDUE,
)


def unstated_penalty(s: Ints) -> int:
    """The running penalty that no statement holds yet: the exact total rounded once, less what was stated of it."""
    return scaled(s[S_FEN_DAYS], s[S_PEN_NUM], s[S_PEN_DEN]) - s[S_STATED]


def due_now(s: Ints) -> int:
    """Everything the borrower owes today, penalty to the evening included."""
    return s[S_COSTS] + s[S_PENALTY] + unstated_penalty(s) + s[S_DUE_I] + s[S_DUE_P]


def is_over(s: Ints) -> bool:
    """Whether nothing is owed and nothing will fall due."""
    return s[S_FALLEN] == s[S_COUNT] and due_now(s) == 0


def unpaid(rows: Ints, at: int) -> int:
    """Principal and interest of the row at ``at`` that are neither paid nor waived."""
    principal = rows[at + PRINCIPAL] - rows[at + PAID_P] - rows[at + WAIVED_P]
    return principal + rows[at + INTEREST] - rows[at + PAID_I] - rows[at + WAIVED_I]


def bearing(s: Ints, rows: Ints, at: int) -> int:
    """How much of a row bears penalty once its pay_by has passed: unpaid principal, and interest where the product says
    so."""
    if s[S_COMPOUND] != 0:
        return unpaid(rows, at)
    return rows[at + PRINCIPAL] - rows[at + PAID_P] - rows[at + WAIVED_P]


def days_past_due(s: Ints, rows: Ints) -> int:
    """Days since the due date of the oldest instalment whose pay_by has passed with more than the tolerance unpaid."""
    for row in range(s[S_OLDEST], s[S_PASSED]):
        if unpaid(rows, row * ROW) > s[S_TOLERANCE]:
            return s[S_DAY] - rows[row * ROW + DUE]
    return 0


def note_cause(s: Ints, rows: Ints, moves: Ints, event: int, row: int) -> None:
    """Note what the next movements come from: an event's place, or a row or fee that the calendar brings (-1: none)."""
    s[S_EVENT] = event
    s[S_ROW] = row
    if len(moves) > 0:
        s[S_DPD] = days_past_due(s, rows)


def record(
    s: Ints, moves: Ints, kind: int, cash: int, principal: int, interest: int, penalty: int, costs: int, credit: int
) -> None:
    """Write one movement, if movements are wanted at all (``moves`` is empty over a book)."""
    if len(moves) == 0:
        return
    at = s[S_MOVES] * MOVE
    s[S_MOVES] += 1
    moves[at + M_KIND] = kind
    moves[at + M_EVENT] = s[S_EVENT]
    moves[at + M_ROW] = s[S_ROW]
    moves[at + M_DAY] = s[S_DAY]
    moves[at + M_CASH] = cash
    moves[at + M_PRINCIPAL] = principal
    moves[at + M_INTEREST] = interest
    moves[at + M_PENALTY] = penalty
    moves[at + M_COSTS] = costs
    moves[at + M_CREDIT] = credit
    moves[at + M_AFTER_PRINCIPAL] = s[S_UNDUE] + s[S_DUE_P]
    moves[at + M_AFTER_INTEREST] = s[S_DUE_I]
    moves[at + M_AFTER_PENALTY] = s[S_PENALTY]
    moves[at + M_AFTER_COSTS] = s[S_COSTS]
    moves[at + M_AFTER_CREDIT] = s[S_CREDIT]
    moves[at + M_DPD] = s[S_DPD]


def state_penalty(s: Ints, moves: Ints) -> None:
    """State the running penalty: round its total once and owe what was not stated before."""
    amount = unstated_penalty(s)
    if amount > 0:
        s[S_STATED] += amount
        s[S_PENALTY] += amount
        record(s, moves, K_PENALTY, 0, 0, 0, amount, 0, 0)


def take_from_row(s: Ints, rows: Ints, row: int, principal: int, interest: int, waived: bool) -> None:
    """Pay or waive part of a row; what it bore until today stays exact in fen-days."""
    at = row * ROW
    before = 0
    if rows[at + PASSED] != 0:
        before = bearing(s, rows, at)
        rows[at + FEN_DAYS] += before * (s[S_DAY] - rows[at + SINCE])
        rows[at + SINCE] = s[S_DAY]
    if waived:
        rows[at + WAIVED_P] += principal
        rows[at + WAIVED_I] += interest
    else:
        rows[at + PAID_P] += principal
        rows[at + PAID_I] += interest
    s[S_DUE_P] -= principal
    s[S_DUE_I] -= interest
    if rows[at + PASSED] != 0:
        s[S_BASE] -= before - bearing(s, rows, at)


def take_from_rows(s: Ints, rows: Ints, amount: int, interest_first: bool, both: bool, waived: bool) -> int:
    """Use an amount on rows that are due, oldest first: one part of them, or (``both``) each row's parts before the
    next row.

    Returns what is left.
    """
    for row in range(s[S_OLDEST], s[S_FALLEN]):
        if amount == 0:
            break
        at = row * ROW
        owed_p = rows[at + PRINCIPAL] - rows[at + PAID_P] - rows[at + WAIVED_P]
        owed_i = rows[at + INTEREST] - rows[at + PAID_I] - rows[at + WAIVED_I]
        interest = 0
        principal = 0
        if interest_first:
            interest = min(amount, owed_i)
            if both:
                principal = min(amount - interest, owed_p)
        else:
            principal = min(amount, owed_p)
            if both:
                interest = min(amount - principal, owed_i)
        if principal + interest > 0:
            take_from_row(s, rows, row, principal, interest, waived)
            s[S_TOOK_PRINCIPAL] += principal
            s[S_TOOK_INTEREST] += interest
            amount -= principal + interest
    while s[S_OLDEST] < s[S_FALLEN] and unpaid(rows, s[S_OLDEST] * ROW) == 0:
        s[S_OLDEST] += 1
    return amount


def use(s: Ints, rows: Ints, moves: Ints, amount: int) -> int:
    """Use an amount on what is due, in the loan's order. Returns what is left; the S_TOOK cells say what went where."""
    state_penalty(s, moves)
    s[S_TOOK_COSTS] = 0
    s[S_TOOK_PENALTY] = 0
    s[S_TOOK_INTEREST] = 0
    s[S_TOOK_PRINCIPAL] = 0
    rows_done = False
    for turn in range(4):
        part = (s[S_ORDER] >> (2 * turn)) & 3
        if part == COSTS:
            taken = min(amount, s[S_COSTS])
            s[S_COSTS] -= taken
            s[S_TOOK_COSTS] = taken
            amount -= taken
        elif part == PENALTY_PART:
            taken = min(amount, s[S_PENALTY])
            s[S_PENALTY] -= taken
            s[S_TOOK_PENALTY] = taken
            amount -= taken
        elif not rows_done:
            both = s[S_BY_INSTALMENT] != 0
            rows_done = both
            amount = take_from_rows(s, rows, amount, part == INTEREST_PART, both, False)
    return amount


def pay(s: Ints, rows: Ints, moves: Ints, kind: int, cash: int) -> None:
    """Receive cash: use it on what is due, keep the rest as the borrower's credit balance, and record it."""
    left = use(s, rows, moves, cash)
    s[S_CREDIT] += left
    record(
        s, moves, kind, cash,
        -s[S_TOOK_PRINCIPAL], -s[S_TOOK_INTEREST], -s[S_TOOK_PENALTY], -s[S_TOOK_COSTS], left,
    )  # fmt: skip


def use_credit(s: Ints, rows: Ints, moves: Ints) -> None:
    """Use the borrower's credit balance on what has just fallen due."""
    if s[S_CREDIT] == 0 or due_now(s) == 0:
        return
    before = s[S_CREDIT]
    s[S_CREDIT] = use(s, rows, moves, before)
    record(
        s, moves, K_REPAYMENT, 0,
        -s[S_TOOK_PRINCIPAL], -s[S_TOOK_INTEREST], -s[S_TOOK_PENALTY], -s[S_TOOK_COSTS], s[S_CREDIT] - before,
    )  # fmt: skip
