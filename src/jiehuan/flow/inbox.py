"""Events that come by HTTP: checked at the door, kept in the inbox, taken by a worker; the memory of signals is the worker's.

A batch never falls with one bad event: each that is refused is told with its place and reason. An event that came before, in
the inbox or in the history, is a repetition; the same id with other content is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from jiehuan.flow.watch import AHEAD, signals_in_force, too_long
from jiehuan.store.audit.personal import personal_data
from jiehuan.store.rows import insert_missing
from jiehuan.store.tables import signal_event, signal_inbox
from jiehuan.units.errors import InputError, Problem
from jiehuan.watch import TICK, Event, read_event
from jiehuan.watch.engine import unknown_kind


@dataclass
class Received:
    """What a batch came to. ``refused``: the place in the batch (from 0) and why."""

    taken: int = 0
    repeated: int = 0
    refused: list[tuple[int, tuple[Problem, ...]]] = field(default_factory=list)


def receive_events(connection: Connection, rows: Sequence[Mapping[str, Any]], sender: str) -> Received:
    """Keep the good events of a batch in the caller's transaction. ``sender``: who said so, an account's or a gateway's name."""
    told = Received()
    now = datetime.now(UTC)
    kinds = {*signals_in_force(connection, now).kinds, TICK}
    good: list[tuple[int, Event]] = []
    for place, row in enumerate(rows):
        try:
            good.append((place, _checked(row, f"events[{place}]", kinds, now)))
        except InputError as error:
            told.refused.append((place, error.problems))
    known = _known(connection, [event.event_id for _, event in good])
    fresh: list[Event] = []
    for place, event in good:
        before = known.setdefault(event.event_id, event)
        if before is event:
            fresh.append(event)
        elif before == event:
            told.repeated += 1
        else:
            where = f"events[{place}], event_id"
            reason, mend = "the same id came before with other content", "give each event an id of its own"
            told.refused.append((place, (Problem(where, event.event_id, reason, mend),)))
    told.taken = insert_missing(
        connection,
        signal_inbox,
        [{"event_id": event.event_id, "content": _content(event), "sender": sender} for event in fresh],
    )
    told.repeated += len(fresh) - told.taken  # another request sent them at the same moment
    told.refused.sort(key=lambda found: found[0])
    return told


def _checked(row: Mapping[str, Any], where: str, kinds: set[str], now: datetime) -> Event:
    event = read_event(row, where)
    problem = too_long(event)
    if problem is None and event.kind not in kinds:
        problem = unknown_kind(event.kind, kinds, where)
    if problem is None and event.at > now + AHEAD:
        problem = Problem(f"{where}, at", event.at.isoformat(), "in the future", "check the sender's clock")
    for name in ("event_id", "account_id", "counterparty", "channel"):
        found = personal_data(getattr(event, name)) if problem is None else []
        if found:
            problem = Problem(f"{where}, {name}", "", f"holds {' and '.join(found)}", "send an id that is not personal")
    if problem is not None:
        raise InputError(problem)
    return event


def _known(connection: Connection, ids: list[str]) -> dict[str, Event]:
    """Events of these ids that came before."""
    if not ids:
        return {}
    waiting = select(signal_inbox.c.content).where(signal_inbox.c.event_id.in_(ids))
    found = {event.event_id: event for event in map(read_event, connection.execute(waiting).scalars())}
    columns = [signal_event.c[name] for name in Event.__dataclass_fields__]
    for row in connection.execute(select(*columns).where(signal_event.c.event_id.in_(ids))):
        found[row.event_id] = Event(*row)
    return found


def _content(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in Event.__dataclass_fields__} | {"at": event.at.isoformat()}
