"""How people pay: from their cash of the month, their will, forgetfulness, and what the lender does.

A person who is asked on a day either pays an amount or not; the answer depends only on the world's seed, the person,
the day and the contacts received, so the same life meets different measures (common random numbers). Money in fen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from jiehuan.twin.people import Person
from jiehuan.twin.world import World
from jiehuan.units.days import CHINA


def income_of(world: World, person: Person, month: date) -> int:
    """The income of a month: the usual one, its volatility, and losses of work that last some months."""
    for back in range(world.facts["loss_months"][1]):
        year, month0 = divmod(month.year * 12 + month.month - 1 - back, 12)
        dice = world.dice("loss", person.person_id, year, month0)
        if dice.random() < person.loss_per_month and back < dice.randint(*world.facts["loss_months"]):
            return int(person.usual_income_fen * world.facts["loss_income"])
    dice = world.dice("income", person.person_id, month.year, month.month)
    return max(0, int(person.usual_income_fen * (1 + person.volatility * dice.gauss(0, 1))))


def spare_cash(world: World, person: Person, month: date) -> int:
    """What is left of a month's income for this lender: income less living costs less obligations elsewhere."""
    return income_of(world, person, month) - person.living_fen - person.obligations_fen


def pays_when_due(
    world: World, person: Person, due: date, amount_fen: int, saved_months: int = 1
) -> tuple[date, int] | None:
    """On which day and how much a person pays of an instalment unasked; None: not by themselves.

    ``saved_months``: for how many months they could put money by for it (the whole term of a bullet loan).
    """
    dice = world.dice("due", person.person_id, due)
    forgets, unwilling = dice.random() < world.facts["forgetful"], dice.random() > person.willing
    spare = spare_cash(world, person, due)
    spare += int(person.usual_income_fen * world.facts["buffer_share"])
    if saved_months > 1:
        spare += int(max(0, spare) * (saved_months - 1) * world.facts["saving_share"])
    if unwilling or spare < amount_fen // 4:
        return None
    if spare < amount_fen:
        return due, spare // 100 * 100
    return (due + timedelta(days=dice.randint(*world.facts["forgetful_days"])) if forgets else due), amount_fen


def pays_when_late(world: World, person: Person, on: date, overdue_fen: int, contacts: Sequence[str]) -> int:
    """How much a late person pays in the week of ``on`` after these contacts (sms, mail, call, letter, legal)."""
    dice = world.dice("late", person.person_id, on)
    chance = world.facts["late_payer_base"]
    for contact in contacts:
        chance += (1 - chance) * world.facts["contact_effect"].get(contact, 0.0)
    if dice.random() > chance * (0.15 + 0.85 * person.willing):
        return 0
    spare = spare_cash(world, person, on) // 2
    if spare <= 0:
        return 0
    return min(overdue_fen, spare // 100 * 100)


def week_of_events(world: World, person: Person, start: date) -> list[dict[str, Any]]:
    """A week of a person's account as the watch room's events: pay, spending, and stress when money is short."""
    dice = world.dice("week", person.person_id, start)
    short = spare_cash(world, person, start) < 0
    events: list[dict[str, Any]] = []

    def add(day: int, hour: int, kind: str, yuan: float, counterparty: str, channel: str) -> None:
        moment = datetime.combine(
            start + timedelta(days=day), time(hour, dice.randrange(60), dice.randrange(60)), CHINA
        )
        number = len(events)
        events.append(
            {
                "event_id": f"{person.person_id}-{start:%Y%m%d}-{number}",
                "account_id": person.person_id,
                "at": moment.isoformat(),
                "kind": kind,
                "amount_fen": int(yuan * 100),
                "counterparty": counterparty,
                "channel": channel,
            }
        )

    if start.day <= 7:
        add(dice.randrange(7), 9, "salary", income_of(world, person, start) / 100, "employer", "bank")
    for _ in range(dice.randint(1, 3)):
        add(
            dice.randrange(7),
            dice.randint(8, 21),
            "purchase",
            dice.uniform(20, 300),
            f"shop{dice.randrange(40)}",
            "card",
        )
    if short and dice.random() < 0.5:
        for _ in range(dice.randint(3, 6)):
            add(
                dice.randrange(2),
                dice.choice([0, 1, 2, 23]),
                "cash_out",
                dice.uniform(300, 1500),
                f"new{dice.randrange(10**6)}",
                "online",
            )
    events.sort(key=lambda event: event["at"])
    return events
