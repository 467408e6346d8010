"""The life of one simulated loan without a platform: instalments paid, late, or not at all, with a reminder a week.

This makes the history that a lender brings along: no early warning, no plan, one SMS a week to whoever is late.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from jiehuan.loan import Schedule
from jiehuan.twin.behaviour import pays_when_due, pays_when_late
from jiehuan.twin.people import Person
from jiehuan.twin.world import World


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


def live(world: World, person: Person, schedule: Schedule, until: date) -> Iterator[Paid | Reminded]:
    """What happens to a loan up to and on ``until``, in order of time; interest and penalty for lateness are forgiven."""
    behind = 0
    instalments = list(schedule.instalments)
    day = instalments[0].due
    while day <= until and (instalments or behind):
        week = [item for item in instalments if item.due <= day]
        instalments = instalments[len(week) :]
        for item in week:
            paid = pays_when_due(world, person, item.due, item.total)
            if paid is not None and paid[0] <= until:
                yield Paid(*paid, "debit")
                behind += item.total - paid[1]
            else:
                behind += item.total
        if behind and not week:
            yield Reminded(day, "sms")
            amount = pays_when_late(world, person, day, behind, ["sms"])
            if amount:
                behind -= amount
                yield Paid(day, amount, "transfer")
        day += timedelta(days=7)
