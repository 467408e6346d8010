"""Which simulated person stands behind which loan, and what they do when a loan asks something of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from jiehuan.twin.behaviour import pays_when_due, pays_when_late, week_of_events
from jiehuan.twin.people import Person, applies_on, make_person, visible_features
from jiehuan.twin.world import World
from jiehuan.units.money import format_yuan

SEED, FIRST_DAY, PER_MONTH, PEOPLE = 20231201, date(2023, 12, 1), 25, 600
"""How the example tape was made (tools/make_example_tape.py): its borrowers go on living in the demo."""


class Crowd:
    """The people of the demo by borrower id; those of the tape and those who come new."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._people: dict[str, Person] = {}

    def of_tape(self, borrower_id: str) -> Person:
        """The person behind an imported borrower (``ex-p0000012``)."""
        number = int(borrower_id.rpartition("p")[2])
        if borrower_id not in self._people:
            on = applies_on(self.world, number, FIRST_DAY, PER_MONTH)
            self._people[borrower_id] = make_person(self.world, number, on)
        return self._people[borrower_id]

    def newcomer(self, number: int, on: date) -> Person:
        """Person ``number`` of those who come new, as of the day on which they apply."""
        return make_person(self.world, PEOPLE + number, on)

    def settle_in(self, borrower_id: str, person: Person) -> None:
        """Remember who a new borrower is."""
        self._people[borrower_id] = person

    def __getitem__(self, borrower_id: str) -> Person:
        return self._people.get(borrower_id) or self.of_tape(borrower_id)


def application_of(person: Person, on: date, lender_type: str) -> dict[str, Any]:
    """What a person's application says, as the request that ``apply`` takes."""
    products = {"bridge": "short_bullet", "renovation": "equal_principal"}
    return {
        "application_id": f"demo-{person.person_id}",
        "lender_type": lender_type,
        "product": products.get(person.purpose, "flexible_instalment"),
        "channel": "app",
        "purpose": person.purpose,
        "amount": format_yuan(person.amount_fen),
        "months": person.months,
        "features": visible_features(person, on),
        "source": "demo",
        "borrower": {
            "name": person.name, "id_number": person.id_number, "phone": person.phone, "email": person.email,
            "region": person.region, "birth_date": person.birth.isoformat(), "sex": person.sex,
        },
    }  # fmt: skip


def payment_at_due(crowd: Crowd, loan: Mapping[str, Any], due: date, amount_fen: int) -> tuple[date, int] | None:
    """Whether, when and how much the borrower pays of an instalment by themselves."""
    saved = loan["months"] if loan["method"] == "bullet" else 1
    return pays_when_due(crowd.world, crowd[loan["borrower_id"]], due, amount_fen, saved)


def payment_when_late(crowd: Crowd, borrower_id: str, on: date, owed_fen: int, contacts: list[str]) -> int:
    """How much a late borrower pays after these contacts."""
    return pays_when_late(crowd.world, crowd[borrower_id], on, owed_fen, contacts)


def account_events(crowd: Crowd, borrower_id: str, first: date, last: date) -> list[dict[str, Any]]:
    """The events of a borrower's account from ``first`` to ``last``, both included."""
    events: list[dict[str, Any]] = []
    start = first - timedelta(days=first.toordinal() % 7)
    while start <= last:
        events.extend(week_of_events(crowd.world, crowd[borrower_id], start))
        start += timedelta(days=7)
    inside = [event for event in events if first.isoformat() <= event["at"][:10] <= last.isoformat()]
    return [{**event, "account_id": borrower_id, "event_id": f"{borrower_id}/{event['event_id']}"} for event in inside]
