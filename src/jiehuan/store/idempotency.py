"""Doing a thing once however often it is asked: the same key gets the same answer, with other content a conflict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import JSON, Connection, insert, select, text

from jiehuan.store.locks import waiting_in_vain
from jiehuan.store.tables import idempotency
from jiehuan.units.errors import Conflict, InputError, Problem
from jiehuan.units.ids import canonical_json

LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered: a status, a body that JSON can hold, and whether it is an earlier answer."""

    status: int
    body: Any
    repeated: bool


def once(connection: Connection, scope: str, key: str, request: Any, work: Callable[[], tuple[int, Any]]) -> Answer:
    """Do ``work`` once for ``scope`` and ``key`` in the caller's transaction; a repetition gets the first answer.

    ``work`` returns (status, body). When it raises, nothing is kept and the request may be sent again. A second request
    with the same key waits for the first to end. Raises Conflict when the key came before with another ``request``.
    """
    if not key or len(key) > LONGEST_KEY:
        raise InputError(
            Problem("Idempotency-Key", key[:80], f"must have 1 to {LONGEST_KEY} characters", "send a UUID")
        )
    wanted = sha256(canonical_json(request)).digest()
    name = f"{scope}\x1f{key}"
    with waiting_in_vain(connection, f"key {key}"):
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 1))"), {"name": name})
    kept = connection.execute(
        select(idempotency).where(idempotency.c.scope == scope, idempotency.c.key == key)
    ).one_or_none()
    if kept is not None:
        if bytes(kept.request_hash) != wanted:
            reason = "was used before with other content"
            raise Conflict(Problem("Idempotency-Key", key, reason, "use a new key for a new request"))
        return Answer(kept.status, kept.response, repeated=True)
    status, body = work()
    connection.execute(
        insert(idempotency).values(
            scope=scope, key=key, request_hash=wanted, status=status, response=JSON.NULL if body is None else body
        )
    )
    return Answer(status, body, repeated=False)


def prune(connection: Connection, older_than_days: int, at_most: int = 100_000) -> int:
    """Forget answers older than so many days, some at a time; how many. A request that comes again after that is a new one to this
    table; an event of a loan keeps its own key for ever.
    """
    return connection.execute(_PRUNE, {"days": older_than_days, "most": at_most}).rowcount


_PRUNE = text(
    "DELETE FROM idempotency WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency"
    " WHERE created_at < now() - make_interval(days => :days) LIMIT :most))"
)
