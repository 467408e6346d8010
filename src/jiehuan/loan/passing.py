"""How days pass: what falls due, what becomes overdue, and the interest and penalty that run meanwhile.

``advance`` jumps from one such day to the next; going to a day in one jump or evening by evening gives the same state.
"""

from __future__ import annotations

from jiehuan.loan.amortise import (
    DUE,
    FEN_DAYS,
    INTEREST,
    KIND,
    PASSED,
    PAY_BY,
    PRINCIPAL,
    ROW,
    SINCE,
    Ints,
    daily_interest,
)
from jiehuan.loan.civil import day_in_month, month_index
from jiehuan.loan.layout import (
    CARRIED,
    F_AMOUNT,
    F_DAY,
    F_PRICED,
    FAR,
    FEE,
    INSTALMENT,
    K_FEE,
    K_INTEREST,
    LAW,
    LAW_INSTALMENTS,
    LAW_MONTHS,
    LAW_THRESHOLD,
    S_ACCELERATED,
    S_BASE,
    S_BROKEN,
    S_COSTS,
    S_COUNT,
    S_DAY,
    S_DUE_I,
    S_DUE_P,
    S_EXTRA,
    S_FALLEN,
    S_FEE_AT,
    S_FEES_END,
    S_FEN_DAYS,
    S_FLOOR,
    S_LENDER,
    S_OBSERVED_FROM,
    S_PASSED,
    S_PERIOD,
    S_RATE,
    S_TOLERANCE,
    S_UNDUE,
)
from jiehuan.loan.paying import bearing, note_cause, record, unpaid, use_credit


def advance(s: Ints, rows: Ints, fees: Ints, moves: Ints, law: Ints, to: int) -> None:
    """Let days pass up to the evening of ``to``.

    An instalment falls due on its day; it becomes overdue after its pay_by. On one day fees fall due first, then
    instalments; a pay_by passes only once a later day begins, so that money of that day still counts.
    """
    while True:
        fallen = s[S_FALLEN]
        due_at = FAR
        if fallen < s[S_COUNT]:
            due_at = rows[fallen * ROW + DUE]
        fee_at = FAR
        if s[S_FEE_AT] < s[S_FEES_END]:
            fee_at = fees[s[S_FEE_AT] * FEE + F_DAY]
        pass_at = FAR
        if s[S_PASSED] < fallen:
            row = s[S_PASSED] * ROW
            if rows[row + KIND] == CARRIED and unpaid(rows, row) == 0:
                # Interest carried to a later day and paid ahead of it must not hold up what an acceleration made due before.
                rows[row + PASSED] = 1
                rows[row + SINCE] = s[S_DAY]
                s[S_PASSED] += 1
                continue
            pass_at = rows[row + PAY_BY]
        if pass_at < to and pass_at < due_at and pass_at < fee_at:
            pass_pay_by(s, rows, law)
        elif fee_at <= to and fee_at <= due_at:
            accrue(s, fee_at)
            fall_due_fee(s, rows, fees, moves)
        elif due_at <= to:
            accrue(s, due_at)
            fall_due(s, rows, moves)
        else:
            break
    accrue(s, to)


def accrue(s: Ints, to: int) -> None:
    """Let penalty run to a day: overdue principal × days, exactly."""
    s[S_FEN_DAYS] += s[S_BASE] * (to - s[S_DAY])
    s[S_DAY] = to


def fall_due(s: Ints, rows: Ints, moves: Ints) -> None:
    """The next instalment falls due: its interest is owed, its principal is due, a credit balance is used on it."""
    at = s[S_FALLEN] * ROW
    note_cause(s, rows, moves, -1, s[S_FALLEN])
    s[S_FALLEN] += 1
    s[S_UNDUE] -= rows[at + PRINCIPAL]
    s[S_DUE_P] += rows[at + PRINCIPAL]
    s[S_DUE_I] += rows[at + INTEREST]
    s[S_PERIOD] = rows[at + DUE]
    s[S_EXTRA] = 0
    s[S_BROKEN] = 0
    if rows[at + INTEREST] > 0:
        record(s, moves, K_INTEREST, 0, 0, rows[at + INTEREST], 0, 0, 0)
    use_credit(s, rows, moves)


def fall_due_fee(s: Ints, rows: Ints, fees: Ints, moves: Ints) -> None:
    """The next fee falls due, unless it was part of a price that an acceleration ended."""
    at = s[S_FEE_AT] * FEE
    note_cause(s, rows, moves, -1, s[S_FEE_AT])
    s[S_FEE_AT] += 1
    if s[S_ACCELERATED] != 0 and fees[at + F_PRICED] != 0:
        return
    s[S_COSTS] += fees[at + F_AMOUNT]
    record(s, moves, K_FEE, 0, 0, 0, 0, fees[at + F_AMOUNT], 0)
    use_credit(s, rows, moves)


def pass_pay_by(s: Ints, rows: Ints, law: Ints) -> None:
    """A pay_by has passed: what is unpaid is overdue, and its principal bears penalty from the due date on."""
    at = s[S_PASSED] * ROW
    day = max(rows[at + PAY_BY], s[S_DAY])
    accrue(s, day)
    amount = bearing(s, rows, at)
    rows[at + PASSED] = 1
    rows[at + SINCE] = day
    rows[at + FEN_DAYS] = amount * (day - rows[at + DUE])
    s[S_FEN_DAYS] += rows[at + FEN_DAYS]
    s[S_BASE] += amount
    s[S_PASSED] += 1
    if s[S_FLOOR] > 0 and unpaid(rows, at) > s[S_TOLERANCE]:
        # An instalment missed under observation starts the period anew from that day; after it, a new default is a new
        # story.
        if day < observation_end(s, rows, law):
            s[S_OBSERVED_FROM] = rows[at + DUE]
        else:
            s[S_FLOOR] = 0


def observation_end(s: Ints, rows: Ints, law: Ints) -> int:
    """The day on which the observation of a restructured loan ends if it stays in order: months and instalments by
    law."""
    at = s[S_LENDER] * LAW
    start = s[S_OBSERVED_FROM]
    index = month_index(start)
    end = day_in_month(index + law[at + LAW_MONTHS], start - day_in_month(index, 1) + 1)
    wanted = law[at + LAW_INSTALMENTS]
    for row in range(s[S_COUNT]):
        if wanted > 0 and rows[row * ROW + KIND] == INSTALMENT and rows[row * ROW + DUE] >= start:
            wanted -= 1
            end = max(end, rows[row * ROW + DUE])
    return end


def accrued_interest(s: Ints) -> int:
    """Contract interest since the period began, by days / 365, with what was accrued on principal repaid early."""
    return daily_interest(s[S_UNDUE], s[S_RATE], s[S_DAY] - s[S_PERIOD]) + s[S_EXTRA]


def class_by_days(law: Ints, lender: int, dpd: int) -> int:
    """The class (0 normal to 4 loss) that the law's thresholds give to days past due."""
    found = 0
    for place in range(4):
        if dpd >= law[lender * LAW + LAW_THRESHOLD + place]:
            found = place + 1
    return found
