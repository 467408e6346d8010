"""A write happens once: the ``Idempotency-Key`` of the request and the act stand or fall in one transaction.

Same key and same content: the kept answer. Same key and other content: Conflict (409). A refused act leaves nothing, so
that it may be tried again with the same key once the state allows it. Keys belong to the person who sends them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from jiehuan.api.access import Acting, Actor, Store
from jiehuan.store.database import Database
from jiehuan.store.idempotency import LONGEST_KEY, once

SECRETS = frozenset({"password", "current", "new"})
"""Fields that are left out of the content's hash: a fast hash of a password is no place to keep one."""

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class WriteOnce:
    """One write by one person under one key. ``once`` runs it, or tells again what it answered."""

    database: Database
    actor: Actor
    key: str
    content: Any
    response: Response

    def once(self, shape: type[Answer], act: Callable[[Connection], Answer], status: int = 200) -> Answer:
        """Run ``act`` in a transaction unless it has been run; the answer, kept or new. Raises what ``act`` raises."""

        def in_transaction(connection: Connection) -> Answer:
            def work() -> tuple[int, Any]:
                return status, act(connection).model_dump(mode="json")

            answered = once(connection, self.actor.user_id, self.key, self.content, work)
            self.response.status_code = answered.status
            if answered.repeated:
                self.response.headers["Idempotent-Replay"] = "true"
            return shape.model_validate(answered.body)

        return self.database.transact(in_transaction)


async def _write(
    request: Request,
    response: Response,
    database: Store,
    actor: Acting,
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
    """The write that this request asks for. The content is its method, path, query and body, without secrets."""
    raw = await request.body()
    body: Any = json.loads(raw) if raw else None
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in SECRETS}
    content = [request.method, request.url.path, sorted(request.query_params.multi_items()), body]
    return WriteOnce(database, actor, key, content, response)


Write = Annotated[WriteOnce, Depends(_write)]
"""In a route's signature: this route writes, and needs a key."""
