"""A loan and its events as the flat cells that the fold reads (``layout.py``), and how much room it needs.

The same writer serves one loan and a whole book: a book appends loan after loan to one set of lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from jiehuan.law import law_on
from jiehuan.law.rule import LENDER_TYPES
from jiehuan.loan.civil import day_number
from jiehuan.loan.events import KINDS, MODES, Event
from jiehuan.loan.lawful import LawOn, cost_cap_ppm, cost_problem, loaded_rate_ppm, penalty_fraction, uplift_problem
from jiehuan.loan.schedule import plan_rows
from jiehuan.loan.terms import ENFORCEMENT_KINDS, LAST_DAY, METHODS, PARTS, Plan, Terms, read_plan
from jiehuan.units.errors import InputError, Problem, Refused


@dataclass(slots=True)
class Cells:
    """The cells of one or more loans. ``spans``: each loan's first and last event; ``room``: rows each loan may
    need."""

    loans: list[int] = field(default_factory=list)
    plans: list[int] = field(default_factory=list)
    flows: list[int] = field(default_factory=list)
    fees: list[int] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    room: list[int] = field(default_factory=list)


def add_loan(
    cells: Cells,
    terms: Terms,
    events: Sequence[Event],
    law: LawOn = law_on,
    on: date = LAST_DAY,
    known_by: date = LAST_DAY,
) -> None:
    """Append a loan and its events. What a restructuring does not state stays as in the plan it replaces, by what has
    taken effect by ``on`` and is known by ``known_by``.

    Raises Refused when the price is above the cap or the penalty above its lawful range, with the article, and
    InputError for a restructuring whose terms cannot be read or a shape that does not carry its interest.
    """
    loaded = loaded_rate_ppm(terms)
    unlawful = [problem for problem in (cost_problem(terms, loaded, law), uplift_problem(terms, law)) if problem]
    if unlawful:
        raise Refused(unlawful)
    if terms.method == "sculpted":
        plan_rows(terms.principal_fen, terms.plan, terms.calendar)
    found = cost_cap_ppm(terms.lender_type, terms.drawn_on, law)
    cap = found[0] if found else None

    first_fee = len(cells.fees) // 3
    for fee in terms.fees:
        cells.fees += [day_number(fee.on), fee.amount_fen, int(fee.kind not in ENFORCEMENT_KINDS)]
    order = sum(PARTS.index(part) << (2 * turn) for turn, part in enumerate(terms.allocation))
    cells.loans += [
        terms.principal_fen,
        LENDER_TYPES.index(terms.lender_type),
        _add_plan(cells, terms.plan, cap, loaded),
        first_fee,
        len(cells.fees) // 3,
        int(terms.calendar == "cn"),
        order,
        int(terms.allocate_by == "instalment"),
        int(terms.compound),
        terms.tolerance_fen,
    ]
    room = terms.months + 2 * len(events) + 2
    places = {event.id: place for place, event in enumerate(events)}
    first = len(cells.events) // 8
    faults: list[Problem] = []
    replaced = _plans(terms, events, on, known_by, faults)
    for event in events:
        extra, at_plan = 0, -1
        if event.kind == "prepayment":
            extra = MODES.index(event.mode)
        elif event.kind == "waiver":
            extra = PARTS.index(event.part)
        elif event.kind == "restructure":
            plan = replaced.get(event.id, terms.plan)
            at_plan = _add_plan(cells, plan, cap, loaded)
            room += plan.months
        amount = -1 if event.amount_fen is None else event.amount_fen
        cells.events += [
            day_number(event.on), day_number(event.known_on), KINDS.index(event.kind), amount,
            places.get(event.of, -1), extra, at_plan, 0,
        ]  # fmt: skip
    if faults:
        raise InputError(faults)
    cells.spans.append((first, len(cells.events) // 8))
    cells.room.append(room)


def _plans(terms: Terms, events: Sequence[Event], on: date, known_by: date, faults: list[Problem]) -> dict[str, Plan]:
    """The new plan of each restructuring, by event, read against the plan in force that day."""
    seen = [event for event in events if event.on <= on and event.known_on <= known_by]
    undone = {event.of for event in seen if event.kind == "reversal"}
    found: dict[str, Plan] = {}
    current = terms.plan
    for event in sorted(
        (event for event in seen if event.kind == "restructure"), key=lambda one: (one.on, one.known_on)
    ):
        try:
            found[event.id] = read_plan(event.terms, event.on, current, f"event {event.id}, terms")
        except InputError as error:
            faults.extend(error.problems)
            continue
        if event.id not in undone:
            current = found[event.id]
    return found


def _add_plan(cells: Cells, plan: Plan, cap: int | None, loaded: int) -> int:
    """Append a plan; returns its place."""
    numerator, denominator = penalty_fraction(plan, cap, loaded)
    cells.plans += [
        plan.rate_ppm,
        plan.months,
        METHODS.index(plan.method),
        day_number(plan.starts_on),
        day_number(plan.first_due),
        plan.anchor_day,
        int(plan.regular),
        numerator,
        denominator,
        len(cells.flows),
    ]
    cells.flows += plan.cashflow
    return len(cells.plans) // 10 - 1
