"""What each kind of event does to a loan, or why it is refused.

Each function changes the state and answers a verdict of ``layout.py``. ``hindsight`` means that something known only
later (a backdated event, a reversal) came before this event: it was in order when it happened and its money has moved,
so it is not refused then, but counted with what it can do now.
"""

from __future__ import annotations

from jiehuan.loan.amortise import (
    Ints,
    Shift,
)
from jiehuan.loan.layout import (
    ABOVE_CREDIT,
    ABOVE_DUE,
    ABOVE_OUTSTANDING,
    ACCELERATED,
    ALREADY_DUE,
    ALREADY_WRITTEN_OFF,
    APPLIED,
    COSTS,
    INTEREST_PART,
    K_ACCELERATE,
    K_INTEREST,
    K_PREPAYMENT,
    K_RECOVERY,
    K_REFUND,
    K_REPAYMENT,
    K_SETTLEMENT,
    K_WAIVER,
    K_WRITEOFF,
    LOAN_SETTLED,
    NOT_WRITTEN_OFF,
    PENALTY_PART,
    PREPAID,
    REDUCE,
    S_ACCELERATED,
    S_CALENDAR,
    S_COSTS,
    S_CREDIT,
    S_DAY,
    S_DUE_I,
    S_DUE_P,
    S_FEE_AT,
    S_FEES_END,
    S_PENALTY,
    S_TOOK_COSTS,
    S_TOOK_INTEREST,
    S_TOOK_PENALTY,
    S_TOOK_PRINCIPAL,
    S_UNDUE,
    S_WRITTEN_OFF,
    SETTLED_ROW,
    SETTLED_SHORT,
    SHORTEN,
    WAIVED,
)
from jiehuan.loan.passing import accrued_interest
from jiehuan.loan.paying import (
    due_now,
    is_over,
    pay,
    record,
    state_penalty,
    take_from_rows,
    use,
    use_credit,
)
from jiehuan.loan.replanning import make_due, take_out


def repay(s: Ints, rows: Ints, moves: Ints, amount: int, recovery: bool, hindsight: bool) -> int:
    """Money from the borrower. After a write-off it is a recovery, by whatever name it comes."""
    if is_over(s) and not hindsight:
        return LOAN_SETTLED
    if recovery and s[S_WRITTEN_OFF] == 0 and not hindsight:
        return NOT_WRITTEN_OFF
    pay(s, rows, moves, K_RECOVERY if s[S_WRITTEN_OFF] != 0 else K_REPAYMENT, amount)
    return APPLIED


def prepay(s: Ints, rows: Ints, moves: Ints, amount: int, mode: int, hindsight: bool) -> int:
    """Money for principal not yet due: what is due is paid first, the rest repays principal one for one.

    Interest accrued on the repaid part since the period began is stated now and falls due with the next instalment.
    """
    if is_over(s) and not hindsight:
        return LOAN_SETTLED
    if amount > due_now(s) + s[S_UNDUE] and not hindsight:
        return ABOVE_OUTSTANDING
    left = use(s, rows, moves, amount)
    principal = min(left, s[S_UNDUE])
    if principal > 0:
        take_out(s, rows, principal, PREPAID, mode)
    s[S_CREDIT] += left - principal
    record(
        s, moves, K_PREPAYMENT, amount,
        -s[S_TOOK_PRINCIPAL] - principal, -s[S_TOOK_INTEREST], -s[S_TOOK_PENALTY], -s[S_TOOK_COSTS], left - principal,
    )  # fmt: skip
    return APPLIED


def settle(s: Ints, rows: Ints, moves: Ints, amount: int, hindsight: bool) -> int:
    """Everything at once: what is due, interest accrued to the day, all principal. Later fees are not charged.

    ``amount`` below zero: exactly what is needed beyond the credit balance was received.
    """
    if is_over(s):
        if not hindsight:
            return LOAN_SETTLED
        if amount > 0:
            pay(s, rows, moves, K_SETTLEMENT, amount)
        return APPLIED
    accrued = accrued_interest(s)
    needed = max(due_now(s) + s[S_UNDUE] + accrued - s[S_CREDIT], 0)
    if amount < 0:
        amount = needed
    if amount < needed:
        if not hindsight:
            return SETTLED_SHORT
        return prepay(s, rows, moves, amount, SHORTEN, True)
    make_due(s, rows, SETTLED_ROW, accrued, s[S_DAY])
    s[S_FEE_AT] = s[S_FEES_END]
    if accrued > 0:
        record(s, moves, K_INTEREST, 0, 0, accrued, 0, 0, 0)
    before = s[S_CREDIT]
    s[S_CREDIT] = use(s, rows, moves, amount + before)
    record(
        s, moves, K_SETTLEMENT, amount,
        -s[S_TOOK_PRINCIPAL], -s[S_TOOK_INTEREST], -s[S_TOOK_PENALTY], -s[S_TOOK_COSTS], s[S_CREDIT] - before,
    )  # fmt: skip
    return APPLIED


def waive(s: Ints, rows: Ints, moves: Ints, amount: int, part: int, hindsight: bool) -> int:
    """The lender gives up part of a claim: of costs, penalty or interest what is due, of principal also what is not yet
    due."""
    if is_over(s) and not hindsight:
        return LOAN_SETTLED
    state_penalty(s, moves)
    limit = s[S_DUE_P] + s[S_UNDUE]
    if part == COSTS:
        limit = s[S_COSTS]
    elif part == PENALTY_PART:
        limit = s[S_PENALTY]
    elif part == INTEREST_PART:
        limit = s[S_DUE_I]
    if amount > limit and not hindsight:
        return ABOVE_DUE
    amount = min(amount, limit)
    if amount == 0:
        return APPLIED
    if part == COSTS:
        s[S_COSTS] -= amount
        record(s, moves, K_WAIVER, 0, 0, 0, 0, -amount, 0)
    elif part == PENALTY_PART:
        s[S_PENALTY] -= amount
        record(s, moves, K_WAIVER, 0, 0, 0, -amount, 0, 0)
    elif part == INTEREST_PART:
        take_from_rows(s, rows, amount, True, False, True)
        record(s, moves, K_WAIVER, 0, 0, -amount, 0, 0, 0)
    else:
        left = take_from_rows(s, rows, amount, False, False, True)
        if left > 0:
            take_out(s, rows, left, WAIVED, REDUCE)
        record(s, moves, K_WAIVER, 0, -amount, 0, 0, 0, 0)
    return APPLIED


def accelerate(s: Ints, rows: Ints, moves: Ints, shift: Shift, hindsight: bool) -> int:
    """All principal falls due today with the interest accrued; from here it bears penalty in place of interest."""
    if s[S_UNDUE] == 0:
        return APPLIED if hindsight else ALREADY_DUE
    accrued = accrued_interest(s)
    pay_by = s[S_DAY]
    if s[S_CALENDAR] != 0:
        pay_by += shift[s[S_DAY]]
    make_due(s, rows, ACCELERATED, accrued, pay_by)
    s[S_ACCELERATED] = 1
    if accrued > 0:
        record(s, moves, K_INTEREST, 0, 0, accrued, 0, 0, 0)
    record(s, moves, K_ACCELERATE, 0, 0, 0, 0, 0, 0)
    use_credit(s, rows, moves)
    return APPLIED


def write_off(s: Ints, moves: Ints, hindsight: bool) -> int:
    """The lender takes the loan off its books. The claim stays and runs on; what comes in later is a recovery."""
    if s[S_WRITTEN_OFF] != 0:
        return APPLIED if hindsight else ALREADY_WRITTEN_OFF
    if is_over(s):
        return APPLIED if hindsight else LOAN_SETTLED
    state_penalty(s, moves)
    s[S_WRITTEN_OFF] = 1
    record(s, moves, K_WRITEOFF, 0, 0, 0, 0, 0, 0)
    return APPLIED


def refund(s: Ints, moves: Ints, amount: int, hindsight: bool) -> int:
    """Overpaid money goes back. In hindsight more may have gone back than was overpaid: the borrower owes it, as
    costs."""
    if amount > s[S_CREDIT] and not hindsight:
        return ABOVE_CREDIT
    covered = min(amount, s[S_CREDIT])
    s[S_CREDIT] -= covered
    s[S_COSTS] += amount - covered
    record(s, moves, K_REFUND, -amount, 0, 0, 0, amount - covered, -covered)
    return APPLIED
