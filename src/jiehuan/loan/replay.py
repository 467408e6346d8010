"""One loan from its terms and events: the fold run interpreted, and its answer put into words.

No compiler and no array library is loaded here: a single loan is answered in a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from jiehuan.law import law_on
from jiehuan.loan.amortise import (
    CLOSED,
    DUE,
    FEN_DAYS,
    FROZEN_PENALTY,
    INTEREST,
    KIND,
    PAID_I,
    PAID_P,
    PASSED,
    PAY_BY,
    PRINCIPAL,
    ROW,
    SINCE,
    WAIVED_I,
    WAIVED_P,
    scaled,
)
from jiehuan.loan.cells import Cells, add_loan
from jiehuan.loan.civil import day_number, day_of
from jiehuan.loan.events import Event
from jiehuan.loan.fold import fold, line_of_book
from jiehuan.loan.lawful import CLASSES, LawOn, bucket_of, law_cells
from jiehuan.loan.layout import (
    E_VERDICT,
    EVENT,
    FAR,
    K_SETTLEMENT,
    M_AFTER_PRINCIPAL,
    M_CASH,
    M_DAY,
    M_DPD,
    M_EVENT,
    M_KIND,
    MOVE,
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
    O_OVERDUE,
    O_PAYOFF,
    O_PEN_DEN,
    O_PEN_NUM,
    O_PENALTY,
    O_PRINCIPAL,
    O_PROVISION,
    O_STATUS,
    O_UNSTATED,
    OUT,
    REFUSED,
    S_COUNT,
    S_DAY,
    S_FALLEN,
    S_MOVES,
    S_PASSED,
    S_PEN_DEN,
    S_PEN_NUM,
    STATE,
)
from jiehuan.loan.paying import bearing, unpaid
from jiehuan.loan.reasons import refusal
from jiehuan.loan.schedule import Shifts, make_schedule, six_places
from jiehuan.loan.state import AMOUNTS, MOVEMENT_KINDS, LoanState, Movement, Row, Running
from jiehuan.loan.terms import LAST_DAY, Terms
from jiehuan.units.errors import InputError, Problem, Refused

STATUSES = ("active", "restructured", "written_off", "settled")
ROW_KINDS = ("instalment", "prepayment", "settlement", "accelerated", "carried", "waiver")


def replay(
    terms: Terms, events: Sequence[Event], on: date, law: LawOn | None = None, *, known_by: date | None = None,
    bare: bool = False,
) -> LoanState:  # fmt: skip
    """The state of a loan on the evening of ``on``, by what was known on ``known_by`` (default: the same day).

    Events may stand in any order; they count by effective day, then by the day they became known, then as given.
    ``law`` gives the law of a day for a lender type (default: the law book). ``bare`` leaves the schedule, apr and eff
    empty, for who only books what happened: half the time. Raises Refused, with a reason for each
    event that does not fit, when the price of the loan is above the cap of the day it was drawn, or when ``on`` lies
    before it; InputError for terms of a restructuring that cannot be read.
    """
    book = law or law_on
    if on < terms.drawn_on:
        raise Refused(Problem("on", str(on), f"before the loan is drawn ({terms.drawn_on})", "ask for a later day"))
    if on > LAST_DAY:
        raise InputError(Problem("on", str(on), f"after {LAST_DAY}", "ask for an earlier day"))
    cells = Cells()
    add_loan(cells, terms, events, book, on, known_by or on)
    law_of_day = law_cells(on, book, (terms.lender_type,))
    knowledge = day_number(known_by or on)
    for place, cash in settled_cash(cells, events, day_number(on), knowledge, law_of_day).items():
        cells.events[place * EVENT + 3] = cash

    run = _Run(cells, len(events), law_of_day)
    run.fold(day_number(on), knowledge)
    verdicts = [cells.events[place * EVENT + E_VERDICT] for place in range(len(events))]
    problems = [refusal(event, verdict) for event, verdict in zip(events, verdicts, strict=True) if verdict >= REFUSED]
    if problems:
        raise Refused(problems)
    out = [0] * OUT
    line_of_book(run.s, run.rows, law_of_day, out, 0)
    plan = None if bare else make_schedule(terms)
    return LoanState(
        on=on,
        principal_outstanding_fen=out[O_PRINCIPAL],
        interest_due_fen=out[O_INTEREST],
        penalty_due_fen=out[O_PENALTY],
        costs_due_fen=out[O_COSTS],
        overdue_fen=out[O_OVERDUE],
        credit_balance_fen=out[O_CREDIT],
        dpd=out[O_DPD],
        bucket=bucket_of(out[O_DPD]),
        loan_class=CLASSES[out[O_CLASS]],
        provision_fen=out[O_PROVISION],
        status=STATUSES[out[O_STATUS]],
        next_due=None if out[O_NEXT_DUE] == FAR else day_of(out[O_NEXT_DUE]),
        accelerated=bool(out[O_ACCELERATED]),
        under_observation=bool(out[O_OBSERVED]),
        accrued_interest_fen=out[O_ACCRUED],
        penalty_unstated_fen=out[O_UNSTATED],
        payoff_fen=out[O_PAYOFF],
        schedule=() if bare else _schedule(run),
        movements=_movements(run, events),
        apr=six_places(plan.apr) if plan else "",
        eff=six_places(plan.eff) if plan else "",
        running=Running(out[O_BASE], out[O_FEN_DAYS], out[O_PEN_NUM], out[O_PEN_DEN]) if out[O_BASE] else None,
    )


class _Run:
    """The working cells of one interpreted fold."""

    def __init__(self, cells: Cells, events: int, law: list[int]) -> None:
        self.cells, self.law = cells, law
        self.s = [0] * STATE
        self.rows = [0] * (ROW * (cells.room[0] + 1))
        self.order = [0] * (2 * events)
        fees = len(cells.fees) // 3
        # At most three movements for each event, for each row (it can be there twice) and for each fee, and the draw.
        self.moves = [0] * (MOVE * (4 * events + 6 * cells.room[0] + 3 * fees + 1))

    def fold(self, on: int, known_by: int) -> int:
        cells = self.cells
        return fold(
            0, cells.loans, cells.plans, cells.flows, cells.fees, cells.events, 0, len(self.order) // 2,
            on, known_by, self.law, Shifts(), self.s, self.rows, self.order, self.moves,
        )  # fmt: skip


def settled_cash(cells: Cells, events: Sequence[Event], on: int, known_by: int, law: list[int]) -> dict[int, int]:
    """The cash of settlements that state none, where something before them became known only after them.

    What such a settlement received was computed on the day it became known, by what was known then; it is a fact and
    does not change with what is learnt later. Returns it by the event's place. ``cells`` holds this loan alone.
    """
    known = [day_number(event.known_on) for event in events]
    found: dict[int, int] = {}
    open_ones = [
        place
        for place, event in enumerate(events)
        if event.kind == "settlement"
        and event.amount_fen is None
        and known[place] <= known_by
        and day_number(event.on) <= on
    ]
    for place in sorted(open_ones, key=lambda at: (known[at], events[at].on)):
        if max(day for day in known if day <= known_by) <= known[place]:
            continue
        run = _Run(cells, len(events), law)
        if run.fold(day_number(events[place].on), known[place]):
            continue
        for move in range(run.s[S_MOVES]):
            if run.moves[move * MOVE + M_EVENT] == place and run.moves[move * MOVE + M_KIND] == K_SETTLEMENT:
                found[place] = run.moves[move * MOVE + M_CASH]
                cells.events[place * EVENT + 3] = found[place]
    return found


def _schedule(run: _Run) -> tuple[Row, ...]:
    s, rows = run.s, run.rows
    lines: list[Row] = []
    running = stated = 0
    for n in range(s[S_COUNT]):
        at = n * ROW
        fen_days = rows[at + FEN_DAYS]
        if rows[at + PASSED] and not rows[at + CLOSED]:
            fen_days += bearing(s, rows, at) * (s[S_DAY] - rows[at + SINCE])
        # Each row's share is what it adds to the rounded total, so that the shares sum to the total.
        running += fen_days
        total = scaled(running, s[S_PEN_NUM], s[S_PEN_DEN])
        penalty, stated = total - stated, total
        lines.append(
            Row(
                n=n + 1,
                due=day_of(rows[at + DUE]),
                pay_by=day_of(rows[at + PAY_BY]),
                principal_fen=rows[at + PRINCIPAL],
                interest_fen=rows[at + INTEREST],
                paid_principal_fen=rows[at + PAID_P],
                paid_interest_fen=rows[at + PAID_I],
                waived_principal_fen=rows[at + WAIVED_P],
                waived_interest_fen=rows[at + WAIVED_I],
                penalty_fen=penalty + rows[at + FROZEN_PENALTY],
                kind=ROW_KINDS[rows[at + KIND]],
                status=_status(run, n),
            )
        )
    return tuple(lines)


def _status(run: _Run, n: int) -> str:
    s, rows, at = run.s, run.rows, n * ROW
    if rows[at + CLOSED]:
        return "restructured"
    if n >= s[S_FALLEN]:
        return "scheduled"
    if unpaid(rows, at):
        return "overdue" if n < s[S_PASSED] else "due"
    paid = rows[at + PAID_P] + rows[at + PAID_I]
    return "waived" if not paid and rows[at + WAIVED_P] + rows[at + WAIVED_I] else "paid"


def _movements(run: _Run, events: Sequence[Event]) -> tuple[Movement, ...]:
    moves = run.moves
    found: list[Movement] = []
    seen: dict[str, int] = {}
    for move in range(run.s[S_MOVES]):
        at = move * MOVE
        kind = MOVEMENT_KINDS[moves[at + M_KIND]]
        effective = day_of(moves[at + M_DAY])
        place = moves[at + M_EVENT]
        if place >= 0:
            event = events[place]
            event_id, known, cause = event.id, event.known_on, event.id
        else:
            event_id, known = "", effective
            cause = effective.isoformat() if kind != "draw" else ""
        identity = f"{kind}:{cause}" if cause else kind
        seen[identity] = seen.get(identity, 0) + 1
        if seen[identity] > 1:
            identity = f"{identity}:{seen[identity]}"
        changes = {
            name: moves[at + M_CASH + offset] for offset, name in enumerate(AMOUNTS) if moves[at + M_CASH + offset]
        }
        after = {name: moves[at + M_AFTER_PRINCIPAL + offset] for offset, name in enumerate(AMOUNTS[1:])}
        found.append(Movement(identity, event_id, kind, effective, known, changes, after, moves[at + M_DPD]))
    return tuple(found)
