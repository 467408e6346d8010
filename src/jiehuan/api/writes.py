"""A write happens once: the ``Idempotency-Key`` of the request and the act stand or fall in one transaction.

Same key and same content: the kept answer. Same key and other content: Conflict (409). A refused act leaves nothing, so
that it may be tried again with the same key once the state allows it. Keys belong to the person who sends them.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, cast

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from jiehuan.api.access import ASKS_AGAIN, Actor, still_there
from jiehuan.store import idempotency as kept
from jiehuan.store.audit.personal import personal_data
from jiehuan.store.database import Database
from jiehuan.store.idempotency import LONGEST_KEY
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.ids import canonical_json

Answer = TypeVar("Answer", bound=BaseModel)

AT_ONCE = 8
"""Threads of a process that do computing acts: of 3, 4, 6, 8 and 40, eight did best (docs/decisions/decision-over-http.md)."""

COMPUTING = 2
"""Of these, how many compute at a time; the others commit, or wait in line. Two, so that one that waits for a row does not hold up all."""

_COMPUTE = threading.Semaphore(COMPUTING)


class _Turn:
    """A turn to compute, held from before a connection is taken until the act has run; the commit is outside of it."""

    def __enter__(self) -> _Turn:
        _COMPUTE.acquire()
        self._held = True
        return self

    def end(self) -> None:
        """Let the next one compute."""
        if self._held:
            self._held = False
            _COMPUTE.release()

    def __exit__(self, *_: object) -> None:
        self.end()


@dataclass(frozen=True, slots=True)
class WriteOnce:
    """One write by one person under one key. ``once`` runs it, or tells again what it answered."""

    database: Database
    actor: Actor
    key: str
    content: str

    def once(
        self, shape: type[Answer], act: Callable[[Connection], Answer], status: int = 200, turn: _Turn | None = None
    ) -> Answer:
        """Run ``act`` in a transaction unless it has been run; the answer, kept or new. Raises what ``act`` raises.

        What is sent is the text that was kept, a ready response that the framework passes on as it is: neither checked nor written
        again. To the type checker it is the ``shape`` that the route promises. ``turn`` is ended when the act has run.
        """

        def in_transaction(connection: Connection) -> kept.Answer:
            def work() -> tuple[int, str]:
                answer = act(connection)
                if type(answer) is not shape:
                    raise TypeError(f"{type(answer).__name__} in place of {shape.__name__}")
                return status, answer.model_dump_json()

            still_there(connection, self.actor)
            answer = kept.once(connection, self.actor.user_id, self.key, self.content, work)
            if turn is not None:
                turn.end()
            return answer

        answered = self.database.transact(in_transaction)
        headers = {"Idempotent-Replay": "true"} if answered.repeated else None
        return cast(Answer, Response(answered.body, answered.status, headers, "application/json"))

    async def in_turn(self, shape: type[Answer], act: Callable[[Connection], Answer]) -> Answer:
        """``once`` on one of ``AT_ONCE`` threads, for an act that computes: the others wait for their turn without a thread.

        Threads of one process take turns at one interpreter: when many compute, all of them end late. So few do, from their first
        statement to their last, and the rest wait in line.
        """

        def in_turn() -> Answer:
            with _Turn() as turn:
                return self.once(shape, act, turn=turn)

        return await to_thread.run_sync(in_turn, limiter=_turns())


_TURNS: RunVar[CapacityLimiter] = RunVar("turns")


def _turns() -> CapacityLimiter:
    """The turns of this process."""
    try:
        return _TURNS.get()
    except LookupError:
        _TURNS.set(CapacityLimiter(AT_ONCE))
        return _TURNS.get()


async def _write(
    request: Request,
    key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            min_length=8,
            max_length=LONGEST_KEY,
            pattern=r"^[\x21-\x7e]+$",
            description="A fresh random text for each act. The same text again: the same answer, no second effect.",
        ),
    ],
) -> WriteOnce:
    """The write that this request asks for. Its content (method, path, query, body) is kept as a keyed digest only.

    A plain digest of a body with a password or an id number in it could be guessed back; the vault's key prevents that.
    """
    if personal_data(key):
        raise InputError(Problem("header Idempotency-Key", "", "holds personal data", "send a fresh random text"))
    raw = await request.body()
    body: Any = json.loads(raw) if raw else None
    asked = sorted(request.query_params.multi_items()) if request.scope["query_string"] else []
    content = [request.method, request.scope["path"], asked, body]
    state = request.app.state
    try:
        digest = state.vault.blind_index(hashlib.sha256(canonical_json(content)).hexdigest())
    except (UnicodeEncodeError, RecursionError):
        mend = "send plain JSON in UTF-8"
        raise InputError(Problem("body", "", "holds text that cannot be kept, or is nested too deeply", mend)) from None
    return WriteOnce(state.database, request.state.actor, key, digest.hex())


ASKS_AGAIN.add(_write)

Write = Annotated[WriteOnce, Depends(_write)]
"""In a route's signature: this route writes, and needs a key."""
