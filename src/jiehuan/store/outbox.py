"""The outbox: messages to the world, written in the transaction that they tell of, read without a gap.

A sequence number is drawn before its transaction commits, so a reader that goes by numbers alone skips the rows that
commit late. Here a reader sees a row only when every transaction that could still put one before it has ended: rows are
ordered by (transaction, number) and read up to ``pg_snapshot_xmin``. Each consumer keeps its place in table
``setting``; a message is delivered at least once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text

from jiehuan.store.database import Database
from jiehuan.store.rows import upsert
from jiehuan.store.tables import outbox, setting


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """How far a consumer has read: the transaction and the number of the last message."""

    xid: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One message, with its place."""

    place: Place
    topic: str
    key: str
    payload: Mapping[str, Any]
    created_at: datetime


def publish(connection: Connection, topic: str, key: str, payload: Mapping[str, Any]) -> None:
    """Add a message to the caller's transaction. No personal data. ``key``: the thing it is about."""
    connection.execute(insert(outbox).values(topic=topic, key=key, payload=dict(payload)))


def publish_many(connection: Connection, topic: str, messages: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Add several messages of one topic, each a key and a payload, in their order."""
    if messages:
        rows = [{"topic": topic, "key": key, "payload": dict(payload)} for key, payload in messages]
        connection.execute(insert(outbox), rows)


def read_outbox(connection: Connection, after: Place, limit: int = 500) -> list[Message]:
    """The next messages that are settled, in an order that never changes."""
    rows = connection.execute(_READ, {"xid": str(after.xid), "number": after.number, "limit": limit})
    return [Message(Place(int(row.xid), row.id), row.topic, row.key, row.payload, row.created_at) for row in rows]


def consume(database: Database, consumer: str, handle: Callable[[list[Message]], None], limit: int = 500) -> int:
    """Hand the next messages to ``handle`` and remember the place when it returns; how many were handed over.

    While another worker of the consumer is at it, nothing is handed over. When ``handle`` raises, or the process dies, the same messages come again.
    """
    name = f"outbox.{consumer}"
    with database.begin() as connection:
        mine = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
        if not connection.execute(mine, {"name": name}).scalar_one():
            return 0
        messages = read_outbox(connection, place_of(connection, consumer), limit)
        if messages:
            handle(messages)
            last = messages[-1].place
            upsert(connection, setting, [{"key": name, "value": {"xid": last.xid, "number": last.number}}])
        return len(messages)


def place_of(connection: Connection, consumer: str) -> Place:
    """How far a consumer has read."""
    kept = connection.execute(select(setting.c.value).where(setting.c.key == f"outbox.{consumer}")).scalar_one_or_none()
    return Place(kept["xid"], kept["number"]) if kept else Place()


_READ = text(
    "SELECT id, xid::text AS xid, topic, key, payload, created_at FROM outbox"
    " WHERE (xid, id) > (CAST(:xid AS xid8), :number) AND xid < pg_snapshot_xmin(pg_current_snapshot())"
    " ORDER BY xid, id LIMIT :limit"
)
