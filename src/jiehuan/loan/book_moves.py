"""The fold over a part of a book with the movements of each loan's money, for who posts them.

A plain loop like the rest of the kernel; run compiled.
"""

from __future__ import annotations

from jiehuan.loan.amortise import Ints, Shift
from jiehuan.loan.book_fold import NOT_DRAWN
from jiehuan.loan.fold import fold, line_of_book
from jiehuan.loan.layout import L_PLAN, LOAN, MOVE, OUT, P_START, PLAN, S_MOVES

NO_ROOM = -2


def fold_moves(
    low: int, high: int, loans: Ints, plans: Ints, flows: Ints, fees: Ints, events: Ints, spans: Ints, on: int, known_by: int,
    law: Ints, shift: Shift, out: Ints, refused: Ints, moved: Ints, starts: Ints, s: Ints, rows: Ints, order: Ints, moves: Ints,
) -> None:  # fmt: skip
    """Fold the loans from ``low`` to ``high`` (exclusive) as ``fold_book`` does, and keep what moved.

    Loan i's movements (MOVE cells each) are written to ``moved`` from ``starts[i]`` to ``starts[i + 1]``; ``starts[low]`` is
    given. Where they find no room, or the loan is refused, it has none and ``refused`` says why (NO_ROOM, NOT_DRAWN, or the number
    of refused events). ``moves`` is a working cell too: room for the movements of one loan.
    """
    for loan in range(low, high):
        starts[loan + 1] = starts[loan]
        if plans[loans[loan * LOAN + L_PLAN] * PLAN + P_START] > on:
            refused[loan] = NOT_DRAWN
            continue
        refused[loan] = fold(
            loan, loans, plans, flows, fees, events, spans[loan], spans[loan + 1], on, known_by, law, shift, s, rows, order,
            moves,
        )  # fmt: skip
        if refused[loan] != 0:
            continue
        line_of_book(s, rows, law, out, loan * OUT)
        count = s[S_MOVES]
        at = starts[loan] * MOVE
        if at + count * MOVE > len(moved):
            refused[loan] = NO_ROOM
            continue
        for cell in range(count * MOVE):
            moved[at + cell] = moves[cell]
        starts[loan + 1] = starts[loan] + count
