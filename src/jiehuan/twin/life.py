"""The life of one simulated loan without a platform: instalments paid, late, or not at all, with a reminder now and then.

This makes the history that a lender brings along: no early warning, no plan, an SMS every second week to whoever is late,
and after half a year nothing more. What is owed on a day, penalty included, is what the loan kernel says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from jiehuan.loan import Event, Terms, make_schedule, replay
from jiehuan.twin.behaviour import pays_when_due, pays_when_late
from jiehuan.twin.people import Person
from jiehuan.twin.world import World

GIVES_UP_WEEKS = 26


@dataclass(frozen=True, slots=True)
class Paid:
    """One payment made."""

    on: date
    amount_fen: int
    source: str


@dataclass(frozen=True, slots=True)
class Reminded:
    """One reminder sent."""

    on: date
    channel: str


def live(world: World, person: Person, terms: Terms, until: date) -> Iterator[Paid | Reminded]:
    """What happens to a loan up to and on ``until``, in order of time."""
    dues = {line.due: line.total_fen for line in make_schedule(terms).instalments}
    saved = terms.months if len(dues) == 1 else 1
    events: list[Event] = []
    coming: dict[date, int] = {}
    weeks_late, next_look = 0, date.max
    day, last_due = min(dues), max(dues)
    while day <= until and (day <= last_due or coming or next_look < date.max):
        if day in dues:
            paid = pays_when_due(world, person, day, dues[day], saved)
            if paid is not None:
                coming[paid[0]] = coming.get(paid[0], 0) + paid[1]
            next_look = min(next_look, day + timedelta(days=7))
        amount, source = coming.pop(day, 0), "debit"
        if day >= next_look:
            owed = owed_now(terms, events, day)
            next_look = day + timedelta(days=7) if owed and weeks_late < GIVES_UP_WEEKS else date.max
            weeks_late = weeks_late + 1 if owed else 0
            if owed and not coming:
                reminded = weeks_late % 2 == 1
                if reminded:
                    yield Reminded(day, "sms")
                amount, source = pays_when_late(world, person, day, owed, ["sms"] if reminded else []), "transfer"
        if amount:
            events.append(Event(f"e{len(events)}", day, "repayment", day, amount))
            yield Paid(day, amount, source)
        day += timedelta(days=1)


def owed_now(terms: Terms, events: list[Event], on: date) -> int:
    """What clears the arrears on a day: overdue principal and interest, penalty and costs; fen."""
    state = replay(terms, events, on)
    return state.overdue_fen + state.penalty_due_fen + state.costs_due_fen if state.overdue_fen else 0
