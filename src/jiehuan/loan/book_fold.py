"""The fold over a whole book, or over a stretch of it that one processor takes.

A plain loop like the rest of the kernel; run compiled, each stretch with working cells of its own (``cores.py``).
"""

from __future__ import annotations

from jiehuan.loan.amortise import Ints, Shift
from jiehuan.loan.fold import fold, line_of_book
from jiehuan.loan.layout import L_PLAN, LOAN, OUT, P_START, PLAN
from jiehuan.loan.position import POSITION
from jiehuan.loan.position_taking import take_position

NOT_DRAWN = -1


def fold_book(
    low: int, high: int, loans: Ints, plans: Ints, flows: Ints, fees: Ints, events: Ints, spans: Ints, on: int, known_by: int,
    law: Ints, shift: Shift, out: Ints, refused: Ints, p: Ints, s: Ints, rows: Ints, order: Ints, moves: Ints,
) -> None:  # fmt: skip
    """Fold the loans from ``low`` to ``high`` (exclusive) into their lines of ``out`` (OUT cells a loan).

    Loan i has the events ``spans[i]`` to ``spans[i + 1]``. ``refused[i]`` becomes the number of its refused events, or
    NOT_DRAWN; its line is then not to be used. ``p``, when it is not empty, gets each loan's position. ``s``, ``rows`` and
    ``order`` are working cells, ``moves`` is empty.
    """
    for loan in range(low, high):
        if plans[loans[loan * LOAN + L_PLAN] * PLAN + P_START] > on:
            refused[loan] = NOT_DRAWN
            continue
        refused[loan] = fold(
            loan, loans, plans, flows, fees, events, spans[loan], spans[loan + 1], on, known_by, law, shift, s, rows, order,
            moves,
        )  # fmt: skip
        line_of_book(s, rows, law, out, loan * OUT)
        if len(p) > 0:
            take_position(s, rows, fees, law, out, loan * OUT, p, loan * POSITION)
