"""A write happens once: the ``Idempotency-Key`` of the request and the act stand or fall in one transaction.

The key is claimed first (a second request with the same key waits until the first has ended), then the act runs, then its answer
is kept with the key. Same key and same content: the kept answer. Same key and other content: Conflict (409). A refused act
leaves nothing, so that it may be tried again with the same key once the state allows it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from jiehuan.api.access import Acting, Actor, Store
from jiehuan.store.database import Database
from jiehuan.store.tables import idempotency
from jiehuan.units.errors import Conflict, Problem
from jiehuan.units.ids import canonical_json

SECRETS = frozenset({"password", "current", "new"})
"""Fields that are left out of the content's hash: a fast hash of a password is no place to keep one."""

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class WriteOnce:
    """One write by one person under one key. ``once`` runs it, or tells again what it answered."""

    database: Database
    actor: Actor
    key: str
    content: bytes
    response: Response

    def once(self, shape: type[Answer], act: Callable[[Connection], Answer], status: int = 200) -> Answer:
        """Run ``act`` in a transaction unless it has been run; the answer, kept or new. Raises what ``act`` raises, and Conflict."""
        scope = self.actor.user_id
        place = (idempotency.c.scope == scope) & (idempotency.c.key == self.key)
        with self.database.begin() as connection:
            claimed = connection.execute(
                insert(idempotency)
                .values(scope=scope, key=self.key, request_hash=self.content, status=0, response={})
                .on_conflict_do_nothing()
                .returning(idempotency.c.key)
            ).one_or_none()
            if claimed is None:
                kept = connection.execute(select(idempotency).where(place)).one()
                if bytes(kept.request_hash) != self.content:
                    mend = "use a fresh key for another act"
                    raise Conflict(
                        Problem("header Idempotency-Key", self.key, "was used for another act or other content", mend)
                    )
                self.response.headers["Idempotent-Replay"] = "true"
                self.response.status_code = kept.status
                return shape.model_validate(kept.response)
            answer = act(connection)
            kept_answer = answer.model_dump(mode="json")
            connection.execute(update(idempotency).where(place).values(status=status, response=kept_answer))
        self.response.status_code = status
        return answer


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
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
            description="A fresh random text for each act; the same text again gives the same answer and no second effect.",
        ),
    ],
) -> WriteOnce:
    """The write that this request asks for. The content is its method, path, query and body, without secrets."""
    raw = await request.body()
    body: Any = json.loads(raw) if raw else None
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in SECRETS}
    told = [request.method, request.url.path, sorted(request.query_params.multi_items()), body]
    return WriteOnce(database, actor, key, hashlib.sha256(canonical_json(told)).digest(), response)


Write = Annotated[WriteOnce, Depends(_write)]
"""In a route's signature: this route writes, and needs a key."""
