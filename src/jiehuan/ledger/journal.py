"""The journal of a loan in order of knowledge: it only grows.

As long as every event becomes known on its day, the journal is the postings of one replay. When an event becomes known
late (a payment found later, a reversal), the loan's past is told anew: entries that are no longer true are undone by
reversing entries, and what is true instead is posted, both known that day and effective when they ought to have been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date

from jiehuan.law import Law
from jiehuan.ledger.entry import Entry, entry_id, reversal
from jiehuan.ledger.funding import Funding
from jiehuan.ledger.posting import post
from jiehuan.loan import Event, LoanState, Terms, replay
from jiehuan.units.errors import Refused


def journal(
    terms: Terms,
    events: Sequence[Event],
    on: date,
    loan_id: str,
    *,
    funding: Funding | None = None,
    law: Callable[[date, str], Law] | None = None,
    state: LoanState | None = None,
) -> tuple[Entry, ...]:
    """All entries of a loan up to the evening of ``on``, in the order in which they entered the books.

    ``events`` in the order in which they were recorded; those known after ``on`` do not count. What is known on one day
    may stand in any order: where the order given has no truth on the way (a refund before the money it returns, a
    reversal before what it undoes), theirs by effective day is taken. ``state``: the replay of these events on ``on``
    when the caller has it already. Raises Refused as ``replay`` does.
    """
    known = sorted((event for event in events if event.known_on <= on), key=lambda event: event.known_on)
    try:
        return _told(terms, known, on, loan_id, funding, law, state)
    except Refused:
        whole = state or replay(terms, known, on, law)
        return _told(terms, _by_effect(known), on, loan_id, funding, law, whole)


def _told(
    terms: Terms,
    known: Sequence[Event],
    on: date,
    loan_id: str,
    funding: Funding | None,
    law: Callable[[date, str], Law] | None,
    state: LoanState | None,
) -> tuple[Entry, ...]:
    """The journal of events that became known in this order."""

    def truth(so_far: Sequence[Event], day: date, told: LoanState | None = None) -> tuple[Entry, ...]:
        told = told or replay(terms, so_far, day, law)
        return post(told, loan_id, fees=terms.fees, funding=funding)

    if not any(late(event) for event in known):
        return truth(known, on, state)
    entries: list[Entry] = []
    so_far: list[Event] = []
    for event in known:
        if late(event) and event.known_on >= terms.drawn_on:
            entries += amended(entries, truth(so_far, event.known_on), event.known_on)
            entries += amended(entries, truth([*so_far, event], event.known_on), event.known_on, late=True)
        so_far.append(event)
    entries += amended(entries, truth(so_far, on, state), on)
    return tuple(entries)


def _by_effect(known: Sequence[Event]) -> list[Event]:
    """Events by day of knowledge; within it reversals of what was known before, then all by effective day, then
    reversals of what became known that same day."""
    days = {event.id: event.known_on for event in known}

    def turn(event: Event) -> tuple[date, int, date]:
        if event.kind != "reversal":
            return event.known_on, 1, event.on
        return event.known_on, 2 if days.get(event.of) == event.known_on else 0, event.on

    return sorted(known, key=turn)


def late(event: Event) -> bool:
    """Whether an event can change what the books already hold: it was known after it took effect, or undoes another."""
    return event.known_on > event.on or event.kind == "reversal"


def amended(entries: Sequence[Entry], truth: Iterable[Entry], today: date, *, late: bool = False) -> list[Entry]:
    """What to add to a loan's journal so that its movements come to ``truth``: reversing entries and new ones.

    Entries that post no movement (provisions, accruals) are left alone. Adding nothing when nothing changed, it may be
    asked at any time. Reversing entries, and those that replace others, are known today; so is all the rest when it is
    ``late``, as the books have been closed up to today without it. Otherwise an entry is known when its movement was.
    """
    standing, times = standing_entries(entries)
    wanted: list[Entry] = []
    for entry in truth:
        held = standing.get(entry.movement_id)
        if held is not None and held.lines == entry.lines and held.effective == entry.effective:
            del standing[entry.movement_id]
        else:
            wanted.append(entry)
    undone = [reversal(entry, today) for entry in reversed(standing.values())]
    added: list[Entry] = []
    for entry in wanted:
        again = times.get(entry.movement_id, 0)
        known = today if late or again else max(entry.known, entry.effective)
        identity = entry_id(entry.loan_id, entry.movement_id, again) if again else entry.entry_id
        added.append(entry._replace(entry_id=identity, known=known))
    return sorted(
        [*(entry for entry in added if entry.known < today), *undone, *(e for e in added if e.known >= today)],
        key=_known,
    )


def standing_entries(entries: Iterable[Entry]) -> tuple[dict[str, Entry], dict[str, int]]:
    """The entries that stand (posted and not undone) by movement, and how often each movement was posted."""
    standing: dict[str, Entry] = {}
    times: dict[str, int] = {}
    for entry in entries:
        if not entry.movement_id:
            continue
        if entry.reverses:
            standing.pop(entry.movement_id, None)
        else:
            standing[entry.movement_id] = entry
            times[entry.movement_id] = times.get(entry.movement_id, 0) + 1
    return standing, times


def _known(entry: Entry) -> date:
    return entry.known
