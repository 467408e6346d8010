"""A loan is a fold over its events: the order in which they count, the fold itself, and the line of a book it ends in.

One source for everything: interpreted for one loan, where lists hold the cells and no compiler is loaded, and compiled
over columns (``compiled.py``), where int64 arrays hold them. Layout in ``layout.py``.
"""

from __future__ import annotations

from jiehuan.loan.amortise import DUE, ROW, Ints, Shift, provision_of
from jiehuan.loan.happening import accelerate, prepay, refund, repay, settle, waive, write_off
from jiehuan.loan.layout import (
    ACCELERATE,
    ACTIVE,
    APPLIED,
    BEFORE_DRAWING,
    E_AMOUNT,
    E_EXTRA,
    E_KIND,
    E_KNOWN,
    E_ON,
    E_PLAN,
    E_REF,
    E_VERDICT,
    EVENT,
    FAR,
    K_DRAW,
    L_BY_INSTALMENT,
    L_CALENDAR,
    L_COMPOUND,
    L_FEES,
    L_FEES_END,
    L_LENDER,
    L_ORDER,
    L_PLAN,
    L_PRINCIPAL,
    L_TOLERANCE,
    LAW,
    LAW_PROVISION,
    LOAN,
    LOSS,
    NO_TARGET,
    NOT_YET,
    O_ACCELERATED,
    O_ACCRUED,
    O_BASE,
    O_CLASS,
    O_COSTS,
    O_CREDIT,
    O_DPD,
    O_FEN_DAYS,
    O_INTEREST,
    O_NEXT_DUE,
    O_OBSERVED,
    O_OLDEST_DUE,
    O_OVERDUE,
    O_PAYOFF,
    O_PEN_DEN,
    O_PEN_NUM,
    O_PENALTY,
    O_PRINCIPAL,
    O_PROVISION,
    O_STATUS,
    O_UNSTATED,
    P_START,
    PLAN,
    PREPAYMENT,
    RECOVERY,
    REFUND,
    REFUSED,
    REPAYMENT,
    RESTRUCTURE,
    RESTRUCTURED,
    REVERSAL,
    REVERSED,
    REVERSED_EARLY,
    REVERSED_TWICE,
    REVERSES_REVERSAL,
    S_ACCELERATED,
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
    S_EVENT,
    S_FALLEN,
    S_FEE_AT,
    S_FEES_END,
    S_FEN_DAYS,
    S_FLOOR,
    S_KNOWN,
    S_LATEST,
    S_LENDER,
    S_OLDEST,
    S_ORDER,
    S_PASSED,
    S_PEN_DEN,
    S_PEN_NUM,
    S_PENALTY,
    S_ROW,
    S_TOLERANCE,
    S_UNDUE,
    S_WRITTEN_OFF,
    SETTLED,
    SETTLEMENT,
    STATE,
    WAIVER,
    WRITTEN_OFF,
)
from jiehuan.loan.passing import accrued_interest, advance, class_by_days, observation_end
from jiehuan.loan.paying import days_past_due, due_now, is_over, note_cause, record, unpaid, unstated_penalty
from jiehuan.loan.replanning import restructure, start_plan


def fold(
    loan: int, loans: Ints, plans: Ints, flows: Ints, fees: Ints, events: Ints, first: int, last: int,
    on: int, known_by: int, law: Ints, shift: Shift, s: Ints, rows: Ints, order: Ints, moves: Ints,
) -> int:  # fmt: skip
    """Fold the events ``first`` to ``last`` (exclusive) of one loan, as far as known by ``known_by``, into its state on
    the evening of ``on``.

    ``s`` (STATE cells), ``rows``, ``order`` (two cells an event) and ``moves`` (may be empty) are written, as is each
    event's E_VERDICT. Returns how many events were refused. The caller sees to it that the loan is drawn by ``on`` and
    that ``rows`` has room: the months of every plan, and two rows an event.
    """
    begin(loan, loans, plans, flows, shift, s, rows, moves)
    count = put_in_order(events, first, last, on, known_by, order)
    start = s[S_DAY]
    refused = 0
    for place in range(count):
        at = (first + order[place]) * EVENT
        known = events[at + E_KNOWN]
        if events[at + E_VERDICT] == REVERSED:
            s[S_LATEST] = max(s[S_LATEST], order[(last - first) + order[place]])
            continue
        if events[at + E_VERDICT] >= REFUSED:
            refused += 1
            continue
        if events[at + E_KIND] == REVERSAL:
            continue
        if events[at + E_ON] < start:
            events[at + E_VERDICT] = BEFORE_DRAWING
            refused += 1
            continue
        advance(s, rows, fees, moves, law, events[at + E_ON])
        note_cause(s, rows, moves, order[place], -1)
        s[S_KNOWN] = known
        verdict = apply(s, rows, moves, plans, flows, events, at, law, shift, s[S_LATEST] > known)
        events[at + E_VERDICT] = verdict
        if verdict >= REFUSED:
            refused += 1
        s[S_LATEST] = max(s[S_LATEST], known)
    advance(s, rows, fees, moves, law, on)
    return refused


def begin(loan: int, loans: Ints, plans: Ints, flows: Ints, shift: Shift, s: Ints, rows: Ints, moves: Ints) -> None:
    """The loan on the day it is drawn, before anything happens."""
    at = loan * LOAN
    for cell in range(STATE):
        s[cell] = 0
    plan = loans[at + L_PLAN]
    s[S_LENDER] = loans[at + L_LENDER]
    s[S_CALENDAR] = loans[at + L_CALENDAR]
    s[S_ORDER] = loans[at + L_ORDER]
    s[S_BY_INSTALMENT] = loans[at + L_BY_INSTALMENT]
    s[S_COMPOUND] = loans[at + L_COMPOUND]
    s[S_TOLERANCE] = loans[at + L_TOLERANCE]
    s[S_FEE_AT] = loans[at + L_FEES]
    s[S_FEES_END] = loans[at + L_FEES_END]
    s[S_UNDUE] = loans[at + L_PRINCIPAL]
    s[S_DAY] = plans[plan * PLAN + P_START]
    s[S_LATEST] = -FAR
    s[S_EVENT] = -1
    s[S_ROW] = -1
    start_plan(s, rows, plans, plan, flows, shift)
    record(s, moves, K_DRAW, -s[S_UNDUE], s[S_UNDUE], 0, 0, 0, 0)


def put_in_order(events: Ints, first: int, last: int, on: int, known_by: int, order: Ints) -> int:
    """Order what has taken effect by ``on`` and is known by ``known_by``: by effective day, then by day of knowledge,
    then as given.

    Reversals are settled here: what they undo is marked REVERSED, with the day on which that became known in the second
    half of ``order``. Returns how many events count.
    """
    count = 0
    for place in range(last - first):
        at = (first + place) * EVENT
        events[at + E_VERDICT] = NOT_YET
        if events[at + E_ON] > on or events[at + E_KNOWN] > known_by:
            continue
        events[at + E_VERDICT] = APPLIED
        slot = count
        while slot > 0:
            before = (first + order[slot - 1]) * EVENT
            if events[before + E_ON] < events[at + E_ON]:
                break
            if events[before + E_ON] == events[at + E_ON] and events[before + E_KNOWN] <= events[at + E_KNOWN]:
                break
            order[slot] = order[slot - 1]
            slot -= 1
        order[slot] = place
        count += 1
    for slot in range(count):
        at = (first + order[slot]) * EVENT
        if events[at + E_KIND] == REVERSAL:
            events[at + E_VERDICT] = reverse(events, first, last, at, order)
    return count


def reverse(events: Ints, first: int, last: int, at: int, order: Ints) -> int:
    """Undo the event that the reversal at ``at`` names, or say why not."""
    target = events[at + E_REF]
    if target < 0:
        return NO_TARGET
    other = (first + target) * EVENT
    if events[other + E_KIND] == REVERSAL:
        return REVERSES_REVERSAL
    if events[other + E_VERDICT] == REVERSED:
        return REVERSED_TWICE
    if events[at + E_ON] < events[other + E_ON] or events[at + E_KNOWN] < events[other + E_KNOWN]:
        return REVERSED_EARLY
    events[other + E_VERDICT] = REVERSED
    order[(last - first) + target] = events[at + E_KNOWN]
    return APPLIED


def apply(
    s: Ints,
    rows: Ints,
    moves: Ints,
    plans: Ints,
    flows: Ints,
    events: Ints,
    at: int,
    law: Ints,
    shift: Shift,
    hindsight: bool,
) -> int:
    """Let one event happen on its day. Returns its verdict."""
    kind = events[at + E_KIND]
    amount = events[at + E_AMOUNT]
    if kind == REPAYMENT:
        return repay(s, rows, moves, amount, False, hindsight)
    if kind == PREPAYMENT:
        return prepay(s, rows, moves, amount, events[at + E_EXTRA], hindsight)
    if kind == SETTLEMENT:
        return settle(s, rows, moves, amount, hindsight)
    if kind == WAIVER:
        return waive(s, rows, moves, amount, events[at + E_EXTRA], hindsight)
    if kind == RESTRUCTURE:
        return restructure(s, rows, moves, plans, events[at + E_PLAN], flows, law, shift, hindsight)
    if kind == ACCELERATE:
        return accelerate(s, rows, moves, shift, hindsight)
    if kind == RECOVERY:
        return repay(s, rows, moves, amount, True, hindsight)
    if kind == REFUND:
        return refund(s, moves, amount, hindsight)
    return write_off(s, moves, hindsight)


def line_of_book(s: Ints, rows: Ints, law: Ints, out: Ints, at: int) -> None:
    """Write what a book says of the loan (OUT cells) from cell ``at`` on: balances, dpd, class, provision, status."""
    dpd = days_past_due(s, rows)
    overdue = 0
    oldest = FAR
    for row in range(s[S_OLDEST], s[S_PASSED]):
        amount = unpaid(rows, row * ROW)
        if amount > 0 and oldest == FAR:
            oldest = rows[row * ROW + DUE]
        overdue += amount
    running = unstated_penalty(s)
    accrued = accrued_interest(s)
    principal = s[S_UNDUE] + s[S_DUE_P]
    observed = s[S_FLOOR] > 0 and not (dpd == 0 and s[S_DAY] >= observation_end(s, rows, law))
    status = ACTIVE
    found = class_by_days(law, s[S_LENDER], dpd)
    if observed:
        status = RESTRUCTURED
        found = max(found, s[S_FLOOR])
    if is_over(s):
        status = SETTLED
        found = 0
    elif s[S_WRITTEN_OFF] != 0:
        status = WRITTEN_OFF
        found = LOSS
    provision = 0
    if s[S_WRITTEN_OFF] == 0:
        provision = provision_of(principal, law[s[S_LENDER] * LAW + LAW_PROVISION + found])
    next_due = FAR
    if s[S_FALLEN] < s[S_COUNT]:
        next_due = rows[s[S_FALLEN] * ROW + DUE]

    out[at + O_PRINCIPAL] = principal
    out[at + O_INTEREST] = s[S_DUE_I]
    out[at + O_PENALTY] = s[S_PENALTY] + running
    out[at + O_COSTS] = s[S_COSTS]
    out[at + O_OVERDUE] = overdue
    out[at + O_CREDIT] = s[S_CREDIT]
    out[at + O_DPD] = dpd
    out[at + O_CLASS] = found
    out[at + O_PROVISION] = provision
    out[at + O_STATUS] = status
    out[at + O_NEXT_DUE] = next_due
    out[at + O_ACCELERATED] = s[S_ACCELERATED]
    out[at + O_OBSERVED] = 1 if observed and status == RESTRUCTURED else 0
    out[at + O_ACCRUED] = accrued
    out[at + O_UNSTATED] = running
    out[at + O_PAYOFF] = max(due_now(s) + s[S_UNDUE] + accrued - s[S_CREDIT], 0)
    out[at + O_OLDEST_DUE] = oldest
    out[at + O_BASE] = s[S_BASE]
    out[at + O_FEN_DAYS] = s[S_FEN_DAYS]
    out[at + O_PEN_NUM] = s[S_PEN_NUM]
    out[at + O_PEN_DEN] = s[S_PEN_DEN]
