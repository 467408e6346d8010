"""Doing a thing once however often it is asked: the same key gets the same answer, with other content a conflict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text

from jiehuan.store.locks import waiting_in_vain
from jiehuan.store.straight import ask, send
from jiehuan.units.errors import Conflict, InputError, Problem
from jiehuan.units.ids import canonical_json

LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered: a status, the body as JSON text, and whether it is an earlier answer."""

    status: int
    body: str
    repeated: bool


def once(connection: Connection, scope: str, key: str, request: Any, work: Callable[[], tuple[int, str]]) -> Answer:
    """Do ``work`` once for ``scope`` and ``key`` in the caller's transaction; a repetition gets the first answer.

    ``work`` returns (status, JSON text), which is kept letter by letter. When it raises, nothing is kept and the request may be
    sent again. A second request with the same key waits for the first to end. Raises Conflict when the key came before with another ``request``.
    """
    if not key or len(key) > LONGEST_KEY:
        raise InputError(
            Problem("Idempotency-Key", key[:80], f"must have 1 to {LONGEST_KEY} characters", "send a UUID")
        )
    wanted = sha256(canonical_json(request)).digest()
    with waiting_in_vain(connection, f"key {key}"):
        kept = ask(connection, _KEPT, (scope, key))
    if kept is not None and kept[0] is not None:
        if bytes(kept[0]) != wanted:
            reason = "was used before with other content"
            raise Conflict(Problem("Idempotency-Key", key, reason, "use a new key for a new request"))
        return Answer(kept[1], kept[2], repeated=True)
    status, body = work()
    send(connection, _KEEP, (scope, key, wanted, status, body))
    return Answer(status, body, repeated=False)


_KEPT = "SELECT request_hash, status, response FROM kept_answer(%s, %s)"
_KEEP = "INSERT INTO idempotency (scope, key, request_hash, status, response) VALUES (%s, %s, %s, %s, %s)"


def prune(connection: Connection, older_than_days: int, at_most: int = 100_000) -> int:
    """Forget answers older than so many days, some at a time; how many. A request that comes again after that is a new one to this
    table; an event of a loan keeps its own key for ever.
    """
    return connection.execute(_PRUNE, {"days": older_than_days, "most": at_most}).rowcount


_PRUNE = text(
    "DELETE FROM idempotency WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency"
    " WHERE created_at < now() - make_interval(days => :days) LIMIT :most))"
)
