"""Events of accounts by HTTP: a batch goes into the inbox, and a worker judges it; this process holds no signals in memory.

Two doors to one inbox: with a login and an ``Idempotency-Key``, or signed like a gateway's payments (``api/gateway.py``).
"""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from sqlalchemy import Connection

from jiehuan.api.access import Store
from jiehuan.api.errors import NotLoggedIn
from jiehuan.api.shapes import Body, ProblemOut, Record
from jiehuan.api.writes import Write
from jiehuan.units.errors import InputError, Problem

router = APIRouter(prefix="/api/events", tags=["alerts"])
signed = APIRouter(prefix="/api/gateway", tags=["gateway"])

MOST = 1000
"""Events a request."""


class EventsIn(Body):
    """Events in the **events** format: ``event_id``, ``account_id``, ``at`` (with zone), ``kind``, and where they apply
    ``amount_fen`` (whole fen), ``counterparty``, ``channel``."""

    events: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST)]


class RefusedEvent(Record):
    """An event that was not taken: its place in the batch from 0, and why."""

    index: int
    problems: list[ProblemOut]


class EventsOut(Record):
    """What became of a batch: ``taken`` wait for the worker; ``repeated`` had come before with the same content."""

    taken: int
    repeated: int
    refused: list[RefusedEvent]


@router.post("", status_code=202)
def post_events(write: Write, body: EventsIn) -> EventsOut:
    """Take a batch of events: the good ones are kept, each other one is told with its reason."""
    return write.once(EventsOut, lambda connection: _received(connection, body.events, write.actor.login), 202)


@signed.post(
    "/{name}/events",
    status_code=202,
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": EventsIn.model_json_schema()}}}
    },
)
async def post_signed_events(
    database: Store,
    request: Request,
    name: Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$")],
    timestamp: Annotated[str, Header(alias="X-Timestamp", max_length=20)] = "",
    signature: Annotated[str, Header(alias="X-Signature", max_length=100)] = "",
) -> EventsOut:
    """Take a signed batch of events. Sent again it changes nothing: each event is known by its id."""
    from jiehuan.flow.gateway_events import is_signed, secrets_of

    content = await request.body()
    known = await run_in_threadpool(secrets_of, database.home, name)
    if not is_signed(known, timestamp, content, signature, time.time()):
        reason = "not signed by a gateway that is known here, or not of now"
        raise NotLoggedIn(Problem("header X-Signature", "", reason, "check the secret and the clock"))
    events = _events(content)
    return await run_in_threadpool(
        database.transact, lambda connection: _received(connection, events, f"gateway:{name}")
    )


def _events(content: bytes) -> list[dict[str, Any]]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        raise InputError(Problem("body", "", "not JSON", 'send {"events": [..]} in UTF-8')) from None
    events = said.get("events") if isinstance(said, dict) else None
    if not isinstance(events, list) or not 1 <= len(events) <= MOST or not all(isinstance(one, dict) for one in events):
        raise InputError(
            Problem("body events", "", f"not a list of 1 to {MOST} objects", 'send {"events": [{..}, ..]}')
        )
    return events


def _received(connection: Connection, rows: list[dict[str, Any]], sender: str) -> EventsOut:
    from jiehuan.flow.inbox import receive_events

    told = receive_events(connection, rows, sender)
    refused = [
        RefusedEvent(index=index, problems=[_said(problem) for problem in problems]) for index, problems in told.refused
    ]
    return EventsOut(taken=told.taken, repeated=told.repeated, refused=refused)


def _said(problem: Problem) -> ProblemOut:
    """A problem that quotes half characters, which a sender's JSON may hold and an answer may not."""
    return ProblemOut(**{name: text.encode("utf-8", "replace").decode() for name, text in problem.as_dict().items()})
