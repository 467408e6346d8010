"""The fold over a whole book: every loan of it, block by block, each block with working cells of its own.

Plain loops like the rest of the kernel; run compiled, where ``spread`` shares the blocks among the processor's cores.
"""

from __future__ import annotations

from jiehuan.loan.amortise import Ints, Shift
from jiehuan.loan.fold import fold, line_of_book
from jiehuan.loan.layout import L_PLAN, LOAN, OUT, P_START, PLAN, STATE

NOT_DRAWN = -1
spread = range
"""Stands for a loop over blocks that do not touch each other; the compiler puts its parallel loop here."""


def fold_book(
    loans: Ints, plans: Ints, flows: Ints, fees: Ints, events: Ints, spans: Ints, on: int, known_by: int, law: Ints,
    shift: Shift, out: Ints, refused: Ints, states: Ints, rows: Ints, order: Ints, moves: Ints, blocks: int,
) -> None:  # fmt: skip
    """Fold every loan of a book into its line of ``out`` (OUT cells a loan).

    Loan i has the events ``spans[i]`` to ``spans[i + 1]``. ``refused[i]`` becomes the number of its refused events, or
    NOT_DRAWN; its line is then not to be used. ``states``, ``rows`` and ``order`` hold the working cells of all blocks.
    """
    count = len(spans) - 1
    row_room = len(rows) // blocks
    order_room = len(order) // blocks
    for block in spread(blocks):
        s = states[block * STATE : (block + 1) * STATE]
        own_rows = rows[block * row_room : (block + 1) * row_room]
        own_order = order[block * order_room : (block + 1) * order_room]
        for loan in range(count * block // blocks, count * (block + 1) // blocks):
            if plans[loans[loan * LOAN + L_PLAN] * PLAN + P_START] > on:
                refused[loan] = NOT_DRAWN
                continue
            refused[loan] = fold(
                loan, loans, plans, flows, fees, events, spans[loan], spans[loan + 1], on, known_by, law, shift, s,
                own_rows, own_order, moves,
            )  # fmt: skip
            line_of_book(s, own_rows, law, out, loan * OUT)
