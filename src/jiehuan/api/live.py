"""Live alerts as server-sent events: the console sees an alert within about a second of its commit.

One reader per process follows the outbox (``store.outbox``: without gaps) and hands each alert to the open streams.
Streams, their queues and their life are bounded; a client that was cut off continues with ``Last-Event-ID``.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, cast

import structlog
from fastapi import APIRouter, Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy import select, text

from jiehuan.api.access import Acting, Actor, actor_of
from jiehuan.api.alerts import AlertRow
from jiehuan.api.errors import TooMany
from jiehuan.api.rules import rules
from jiehuan.api.shapes import spoken
from jiehuan.store.database import Database
from jiehuan.store.outbox import Place, read_outbox
from jiehuan.store.tables import alert
from jiehuan.units.errors import InputError, Problem

log = structlog.get_logger("jiehuan.api")

router = APIRouter(prefix="/api/alerts", tags=["alerts"])

TOPIC = "alert.raised"
"""The outbox topic of new alerts (``flow.watch``); a message's payload names the alert."""

_BATCH = 500
_LAST = (1 << 63) - 1

News = tuple[Place, AlertRow]


@dataclass(eq=False)
class Stream:
    """One open stream: who reads it, and what waits for it (None: cut off)."""

    user_id: str
    waiting: asyncio.Queue[News | None] = field(default_factory=lambda: asyncio.Queue(rules().live["queue"]))


class Hub:
    """The reader and the open streams of this process. The reader runs only while somebody listens."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.closed = False
        self._streams: set[Stream] = set()
        self._reader: asyncio.Task[None] | None = None

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

    @property
    def open_streams(self) -> int:
        """How many streams are open in this process."""
        return len(self._streams)

    def leave(self, stream: Stream) -> None:
        """The stream has ended."""
        self._streams.discard(stream)

    def close(self) -> None:
        """End all streams and the reader: the server stops."""
        self.closed = True
        if self._reader is not None:
            self._reader.cancel()
        for stream in list(self._streams):
            _cut(stream)

    async def _read(self) -> None:
        place: Place | None = None
        while self._streams and not self.closed:
            try:
                if place is None:
                    place = await run_in_threadpool(present, self.database)
                found, place = await run_in_threadpool(after, self.database, place)
            except Exception as error:  # the database may be away for a moment; the place is kept
                log.warning("the outbox could not be read", kind=type(error).__name__)
                found = []
            for news in found:
                for stream in list(self._streams):
                    try:
                        stream.waiting.put_nowait(news)
                    except asyncio.QueueFull:
                        _cut(stream)
            await asyncio.sleep(rules().live["poll_seconds"])


def _cut(stream: Stream) -> None:
    with contextlib.suppress(asyncio.QueueEmpty):
        while True:
            stream.waiting.get_nowait()
    stream.waiting.put_nowait(None)


def present(database: Database) -> Place:
    """The end of what is settled now."""
    with database.connect() as connection:
        xid = connection.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")).scalar_one()
    return Place(int(xid) - 1, _LAST)


def after(database: Database, place: Place) -> tuple[list[News], Place]:
    """The alerts published after a place, in their settled order, and how far was read."""
    with database.connect() as connection:
        messages = read_outbox(connection, place, _BATCH)
        raised = {message.place: message.payload["alert_id"] for message in messages if message.topic == TOPIC}
        rows = connection.execute(select(alert).where(alert.c.alert_id.in_(set(raised.values())))).mappings()
        known = {row["alert_id"]: AlertRow(**spoken(row)) for row in rows} if raised else {}
    news = [(at, known[alert_id]) for at, alert_id in raised.items() if alert_id in known]
    return news, messages[-1].place if messages else place


async def _listening(
    request: Request,
    actor: Acting,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=60)] = None,
) -> AsyncIterator[tuple[Stream, Place | None]]:
    """Open the stream before the answer begins, so that a refusal has its own status; leave it after the end."""
    hub = cast(Hub, request.app.state.hub)
    resume = _place(last_event_id)
    stream = hub.open(actor.user_id)
    try:
        yield stream, resume
    finally:
        hub.leave(stream)


@router.get("/live", response_class=EventSourceResponse)
async def live_alerts(
    request: Request,
    actor: Acting,
    listening: Annotated[tuple[Stream, Place | None], Depends(_listening)],
) -> AsyncIterator[ServerSentEvent]:
    """New alerts as they come: events named ``alert`` whose data is an alert; comments keep the line open.

    ``Last-Event-ID`` continues after that event. A stream ends after some minutes, when the session ends, and when the
    reader is too slow; the browser connects again by itself.
    """
    stream, resume = listening
    hub = cast(Hub, request.app.state.hub)
    async for event in _told(request, hub, stream, actor, resume):
        yield event


async def _told(
    request: Request, hub: Hub, stream: Stream, actor: Actor, resume: Place | None
) -> AsyncIterator[ServerSentEvent]:
    limits = rules().live
    ends = time.monotonic() + 60 * limits["minutes"]
    yield ServerSentEvent(comment="connected", retry=2000)
    last = resume or Place()
    while resume is not None:
        found, reached = await run_in_threadpool(after, hub.database, resume)
        for place, row in found:
            last = place
            yield _event(place, row)
        resume = None if reached == resume else reached
    beat = time.monotonic() + limits["heartbeat_seconds"]
    while time.monotonic() < ends and not hub.closed:
        try:
            news = await asyncio.wait_for(stream.waiting.get(), limits["poll_seconds"])
        except TimeoutError:
            if await request.is_disconnected():  # else a closed window would count as open until the next beat
                return
            if time.monotonic() >= beat:
                if not await run_in_threadpool(_still_in, hub.database, actor):
                    return
                beat = time.monotonic() + limits["heartbeat_seconds"]
                yield ServerSentEvent(comment="beat")
            continue
        if news is None:
            return
        if news[0] > last:
            last = news[0]
            yield _event(*news)


def _event(place: Place, row: AlertRow) -> ServerSentEvent:
    return ServerSentEvent(event="alert", id=f"{place.xid}-{place.number}", data=row)


def _place(told: str | None) -> Place | None:
    if not told:
        return None
    xid, _, number = told.partition("-")
    digits = all(part.isascii() and part.isdigit() and int(part) <= _LAST for part in (xid, number))
    if not digits:
        mend = "leave it out to begin at the present"
        raise InputError(Problem("header Last-Event-ID", told, "not an id of this stream", mend))
    return Place(int(xid), int(number))


def _still_in(database: Database, actor: Actor) -> bool:
    with database.connect() as connection:
        now = actor_of(connection, actor.token_hash, datetime.now(UTC))
    return now is not None and now.role == actor.role
