"""Live alerts as server-sent events: the console sees an alert within about a second of its commit.

One reader per process polls the outbox by transaction visibility (a row is read only when no older transaction is still open, so
that none is skipped) and hands each alert to the open streams. Streams, their queues and their life are bounded; a client that was
cut off continues with ``Last-Event-ID``.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, cast

from fastapi import APIRouter, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy import select, text

from jiehuan.api.access import Acting, Actor, actor_of
from jiehuan.api.alerts import AlertRow
from jiehuan.api.errors import TooMany
from jiehuan.api.rules import rules
from jiehuan.api.shapes import spoken
from jiehuan.store.database import Database
from jiehuan.store.tables import alert
from jiehuan.units.errors import InputError, Problem

router = APIRouter(prefix="/api/alerts", tags=["alerts"])

Cursor = tuple[int, int]
"""Where a reader stands in the outbox: transaction id and row id of the last row it has."""

TOPIC = "alert"
_BATCH = 200


@dataclass(eq=False)
class Stream:
    """One open stream: who reads it, and what waits for it (None: cut off)."""

    user_id: str
    waiting: asyncio.Queue[tuple[Cursor, AlertRow] | None] = field(
        default_factory=lambda: asyncio.Queue(rules().live["queue"])
    )


class Hub:
    """The reader and the open streams of this process. The reader runs only while somebody listens."""

    def __init__(self, database: Database | None) -> None:
        self._database = database
        self._streams: set[Stream] = set()
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    def open(self, user_id: str) -> Stream:
        """A new stream. Raises TooMany when the process or the person has as many as allowed."""
        limits = rules().live
        mine = sum(stream.user_id == user_id for stream in self._streams)
        if len(self._streams) >= limits["streams"] or mine >= limits["streams_per_user"]:
            raise TooMany(
                Problem("alerts/live", "", "too many live streams are open", "close a window of the console"), 30
            )
        stream = Stream(user_id)
        self._streams.add(stream)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        return stream

    def leave(self, stream: Stream) -> None:
        """The stream has ended."""
        self._streams.discard(stream)

    def close(self) -> None:
        """End all streams and the reader: the server stops."""
        self._closed = True
        if self._reader is not None:
            self._reader.cancel()
        for stream in list(self._streams):
            _cut(stream)

    @property
    def closed(self) -> bool:
        """Whether the server stops."""
        return self._closed

    async def _read(self) -> None:
        at = await run_in_threadpool(position, self.database)
        while self._streams and not self._closed:
            await asyncio.sleep(rules().live["poll_seconds"])
            with contextlib.suppress(Exception):  # the database may be away for a moment; the position is kept
                found = await run_in_threadpool(since, self.database, at)
                for cursor, row in found:
                    at = cursor
                    for stream in list(self._streams):
                        try:
                            stream.waiting.put_nowait((cursor, row))
                        except asyncio.QueueFull:
                            _cut(stream)

    @property
    def database(self) -> Database:
        """The database that is read."""
        assert self._database is not None
        return self._database


def _cut(stream: Stream) -> None:
    while not stream.waiting.empty():
        stream.waiting.get_nowait()
    stream.waiting.put_nowait(None)


def position(database: Database) -> Cursor:
    """The end of what is visible now: transactions before it have ended."""
    with database.connect() as connection:
        xid = connection.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")).scalar_one()
    return int(xid) - 1, (1 << 63) - 1


def since(database: Database, cursor: Cursor) -> list[tuple[Cursor, AlertRow]]:
    """Alerts published after the cursor, in the order of their transactions; none of them will ever be overtaken."""
    with database.connect() as connection:
        published = connection.execute(
            text(
                "SELECT xid::text::bigint AS xid, id, key FROM outbox "
                "WHERE topic = :topic AND (xid, id) > (CAST(CAST(:xid AS text) AS xid8), :id) "
                "AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY outbox.xid, id LIMIT :batch"
            ),
            {"topic": TOPIC, "xid": cursor[0], "id": cursor[1], "batch": _BATCH},
        ).all()
        rows = connection.execute(
            select(alert).where(alert.c.alert_id.in_([each.key for each in published]))
        ).mappings()
        known = {row["alert_id"]: AlertRow(**spoken(row)) for row in rows}
    return [((each.xid, each.id), known[each.key]) for each in published if each.key in known]


@router.get("/live", response_class=EventSourceResponse)
async def live_alerts(
    request: Request,
    actor: Acting,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=60)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """New alerts as they come: events named ``alert`` whose data is an alert; comments keep the line open.

    ``Last-Event-ID`` continues after that event. A stream ends after some minutes, when the session ends, and when the reader is too
    slow; the browser connects again by itself.
    """
    hub = cast(Hub, request.app.state.hub)
    resume = _cursor(last_event_id)
    stream = hub.open(actor.user_id)
    try:
        async for event in _told(hub, stream, actor, resume):
            yield event
    finally:
        hub.leave(stream)


async def _told(hub: Hub, stream: Stream, actor: Actor, resume: Cursor | None) -> AsyncIterator[ServerSentEvent]:
    limits = rules().live
    ends = time.monotonic() + 60 * limits["minutes"]
    yield ServerSentEvent(comment="connected", retry=2000)
    last: Cursor = resume or (0, 0)
    while resume is not None:
        missed = await run_in_threadpool(since, hub.database, last)
        for cursor, row in missed:
            last = cursor
            yield _event(cursor, row)
        if len(missed) < _BATCH:
            break
    while time.monotonic() < ends and not hub.closed:
        try:
            found = await asyncio.wait_for(stream.waiting.get(), limits["heartbeat_seconds"])
        except TimeoutError:
            if not await run_in_threadpool(_still_in, hub.database, actor):
                return
            yield ServerSentEvent(comment="beat")
            continue
        if found is None:
            return
        cursor, row = found
        if cursor > last:
            last = cursor
            yield _event(cursor, row)


def _event(cursor: Cursor, row: AlertRow) -> ServerSentEvent:
    return ServerSentEvent(event="alert", id=f"{cursor[0]}-{cursor[1]}", data=row)


def _cursor(text_: str | None) -> Cursor | None:
    if not text_:
        return None
    xid, _, row = text_.partition("-")
    if not (xid.isascii() and xid.isdigit() and row.isascii() and row.isdigit() and max(int(xid), int(row)) < 1 << 63):
        raise InputError(
            Problem("header Last-Event-ID", text_, "not an id of this stream", "leave it out to begin at the present")
        )
    return int(xid), int(row)


def _still_in(database: Database, actor: Actor) -> bool:
    with database.connect() as connection:
        now = actor_of(connection, actor.token_hash, datetime.now(UTC))
    return now is not None and now.role == actor.role
