"""Days over a book of positions: evening by evening in one pass, or from event to event, loan by loan.

``Hot`` columns are what a pass reads and writes of every loan; a position (``position.py``) is only touched on a day on which
more happens to it than one more day past due. Both orders of evaluation end in the same cells.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from jiehuan.loan.amortise import Ints, Shift, scaled
from jiehuan.loan.layout import (
    O_BASE,
    O_CLASS,
    O_COSTS,
    O_CREDIT,
    O_DPD,
    O_FEN_DAYS,
    O_INTEREST,
    O_NEXT_DUE,
    O_OVERDUE,
    O_PEN_DEN,
    O_PEN_NUM,
    O_PENALTY,
    O_PRINCIPAL,
    O_PROVISION,
    O_STATUS,
    OUT,
)
from jiehuan.loan.position import (
    POSITION,
    Q_BASE,
    Q_CLASS,
    Q_COSTS,
    Q_CREDIT,
    Q_DAY,
    Q_DPD,
    Q_DUE_I,
    Q_DUE_P,
    Q_FEN_DAYS,
    Q_NEXT_DUE,
    Q_OLDEST,
    Q_OVERDUE,
    Q_PEN_DEN,
    Q_PEN_NUM,
    Q_PENALTY,
    Q_PLAIN,
    Q_PROVISION,
    Q_STATED,
    Q_STATUS,
    Q_TICK,
    Q_UNDUE,
    judge,
    pass_days,
    pay_in_time,
    receive,
)

Flags: TypeAlias = Any


class Hot(NamedTuple):
    """The columns of an evening's pass. ``tick`` and ``oldest`` are day numbers (int32), ``dpd`` days (int32), ``grade`` the
    class (int8), the others fen or fen-days (int64).
    """

    tick: Any
    oldest: Any
    dpd: Any
    grade: Any
    base: Any
    fen_days: Any
    principal: Any
    provision: Any


def sweep_day(
    low: int, high: int, hot: Hot, p: Ints, day: int, law: Ints, shift: Shift, again: Flags, changed: Flags
) -> None:
    """Bring the loans from ``low`` to ``high`` (exclusive) from the evening before to the evening of ``day``.

    Loans that must be folded again get ``again`` 1 and are left as they are; ``changed`` 1 marks loans whose line differs from
    the evening before.
    """
    for loan in range(low, high):
        oldest = hot.oldest[loan]
        if hot.tick[loan] <= day:
            at = loan * POSITION
            if p[at + Q_PLAIN] == 0:
                again[loan] = 1
                continue
            pass_days(p, at, day, law, shift)
            if p[at + Q_PLAIN] == 0:
                again[loan] = 1
                continue
            judge(p, at, law)
            show(hot, p, loan)
            changed[loan] = 1
        elif oldest != 0:
            hot.dpd[loan] = day - oldest
            hot.fen_days[loan] += hot.base[loan]
            changed[loan] = 1


def receive_day(
    low: int, high: int, hot: Hot, p: Ints, day: int, law: Ints, shift: Shift, loans: Ints, cash: Ints, again: Flags,
    changed: Flags,
) -> None:  # fmt: skip
    """Use the money of one day, after ``sweep_day`` of that day: ``cash[k]`` from loan ``loans[k]``, in order of arrival.

    Payments of one loan must follow each other; a stretch from ``low`` to ``high`` takes on the loans that begin in it. Money
    on a settled loan sends the loan to the fold, which refuses it.
    """
    count = len(loans)
    k = low
    while 0 < k < count and loans[k] == loans[k - 1]:
        k += 1
    while k < count and (k < high or loans[k] == loans[k - 1]):
        loan = loans[k]
        at = loan * POSITION
        if again[loan] == 0 and p[at + Q_PLAIN] != 0:
            pass_days(p, at, day, law, shift)
            receive(p, at, cash[k])
        if p[at + Q_PLAIN] == 0:
            again[loan] = 1
        else:
            judge(p, at, law)
            show(hot, p, loan)
            changed[loan] = 1
        k += 1


def show(hot: Hot, p: Ints, loan: int) -> None:
    """Copy a position into the hot columns."""
    at = loan * POSITION
    hot.tick[loan] = min(p[at + Q_TICK], 2_000_000_000)
    hot.oldest[loan] = p[at + Q_OLDEST]
    hot.dpd[loan] = p[at + Q_DPD]
    hot.grade[loan] = p[at + Q_CLASS]
    hot.base[loan] = p[at + Q_BASE]
    hot.fen_days[loan] = p[at + Q_FEN_DAYS]
    hot.principal[loan] = p[at + Q_UNDUE] + p[at + Q_DUE_P]
    hot.provision[loan] = p[at + Q_PROVISION]


def show_some(hot: Hot, p: Ints, loans: Ints) -> None:
    """Copy the positions of some loans into the hot columns."""
    for k in range(len(loans)):
        show(hot, p, loans[k])


def jump(
    low: int,
    high: int,
    hot: Hot,
    p: Ints,
    to: int,
    law: Ints,
    shift: Shift,
    starts: Ints,
    days: Ints,
    cash: Ints,
    again: Flags,
) -> None:
    """Bring the loans from ``low`` to ``high`` to the evening of ``to`` by jumping from event to event.

    Loan i receives ``cash[k]`` on ``days[k]`` for k from ``starts[i]`` to ``starts[i + 1]``, in order of days. The cells end as
    after one ``sweep_day`` and ``receive_day`` for every day.
    """
    for loan in range(low, high):
        at = loan * POSITION
        k = starts[loan]
        end = starts[loan + 1]
        while k < end and p[at + Q_PLAIN] != 0:
            k = pay_in_time(p, at, days, cash, k, end, shift)
            if k < end:
                pass_days(p, at, days[k], law, shift)
                if p[at + Q_PLAIN] != 0:
                    receive(p, at, cash[k])
                k += 1
        pass_days(p, at, to, law, shift)
        if p[at + Q_PLAIN] == 0:
            again[loan] = 1
            continue
        judge(p, at, law)
        show(hot, p, loan)


def catch_up(low: int, high: int, hot: Hot, p: Ints, day: int) -> None:
    """Bring the penalty counts of the positions to the evening of ``day``, where the hot columns already are."""
    for loan in range(low, high):
        at = loan * POSITION
        p[at + Q_FEN_DAYS] += p[at + Q_BASE] * (day - p[at + Q_DAY])
        p[at + Q_DAY] = day
        p[at + Q_DPD] = hot.dpd[loan]


def lines_of_positions(low: int, high: int, p: Ints, on: int, out: Ints) -> None:
    """Write each position's line of the book (OUT cells, as ``fold.line_of_book`` does, without what a book does not show)."""
    for loan in range(low, high):
        at = loan * POSITION
        line = loan * OUT
        fen_days = p[at + Q_FEN_DAYS] + p[at + Q_BASE] * (on - p[at + Q_DAY])
        running = scaled(fen_days, p[at + Q_PEN_NUM], p[at + Q_PEN_DEN]) - p[at + Q_STATED]
        out[line + O_PRINCIPAL] = p[at + Q_UNDUE] + p[at + Q_DUE_P]
        out[line + O_INTEREST] = p[at + Q_DUE_I]
        out[line + O_PENALTY] = p[at + Q_PENALTY] + running
        out[line + O_COSTS] = p[at + Q_COSTS]
        out[line + O_OVERDUE] = p[at + Q_OVERDUE]
        out[line + O_CREDIT] = p[at + Q_CREDIT]
        out[line + O_DPD] = 0
        if p[at + Q_OLDEST] != 0:
            out[line + O_DPD] = on - p[at + Q_OLDEST]
        out[line + O_CLASS] = p[at + Q_CLASS]
        out[line + O_PROVISION] = p[at + Q_PROVISION]
        out[line + O_STATUS] = p[at + Q_STATUS]
        out[line + O_NEXT_DUE] = p[at + Q_NEXT_DUE]
        out[line + O_BASE] = p[at + Q_BASE]
        out[line + O_FEN_DAYS] = fen_days
        out[line + O_PEN_NUM] = p[at + Q_PEN_NUM]
        out[line + O_PEN_DEN] = p[at + Q_PEN_DEN]
