"""Who is asking, and may they: sessions, roles, and the one dependency that guards every route.

A session token is 256 random bits; the database keeps its SHA-256 only. It travels in a cookie (HttpOnly,
SameSite=Strict) or as ``Authorization: Bearer``. Session and role are read on each request, so that a change acts at once: a write
reads them in its own transaction, all else before its route.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, cast, get_args, get_type_hints
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from sqlalchemy import Connection, delete, select, update

from jiehuan.api.errors import NotAllowed, NotLoggedIn
from jiehuan.api.rules import rules
from jiehuan.store.database import Database
from jiehuan.store.straight import ask
from jiehuan.store.tables import session
from jiehuan.store.vault import Vault
from jiehuan.units.errors import Problem

_bearer = HTTPBearer(auto_error=False, description="The token that POST /api/session answers with.")
_cookie = APIKeyCookie(name=rules().cookie, auto_error=False, description="Set by POST /api/session.")


@dataclass(frozen=True, slots=True)
class Actor:
    """The person behind a request. ``token_hash`` names the session, so that logging out can end it."""

    user_id: str
    login: str
    name: str
    role: str
    token_hash: bytes
    expires_at: datetime


def hashed(token: str) -> bytes:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def actor_of(connection: Connection, token_hash: bytes, now: datetime) -> Actor | None:
    """The person of an unexpired session of an active account, or none."""
    found = ask(connection, _ACTOR, (token_hash, token_hash, now))
    return None if found is None else Actor(*found)


_ACTOR = """
SELECT u.user_id, u.login, u.name, u.role, %s::bytea, s.expires_at FROM session s JOIN user_account u ON u.user_id = s.user_id
WHERE s.token_hash = %s AND s.expires_at > %s AND u.active
"""


def extend(connection: Connection, token_hash: bytes, now: datetime) -> None:
    """Push the end of a used session forward, never beyond its longest life."""
    chosen = rules()
    idle, longest = timedelta(minutes=chosen.idle_minutes), timedelta(hours=chosen.longest_hours)
    created = connection.execute(
        select(session.c.created_at).where(session.c.token_hash == token_hash)
    ).scalar_one_or_none()
    if created is not None:
        until = min(now + idle, created + longest)
        connection.execute(update(session).where(session.c.token_hash == token_hash).values(expires_at=until))


def forget_expired(connection: Connection, now: datetime) -> None:
    """Remove the sessions that have ended."""
    connection.execute(delete(session).where(session.c.expires_at <= now))


async def guard(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
    cookie: Annotated[str | None, Security(_cookie)] = None,
) -> None:
    """Let the request through to its route, or raise NotLoggedIn (401) or NotAllowed (403). Sits before every route.

    The roles come from the declared table; a route that is not in the table answers nobody. A write that comes with the
    cookie must come from our own page (Origin), as a second lock behind SameSite.
    """
    allowed = rules().routes.get(door_of(request), frozenset())
    token = bearer.credentials if bearer is not None else cookie
    if not token:
        raise NotLoggedIn(Problem("request", "", "this needs a login", "log in with POST /api/session"))
    token_hash = hashed(token)
    actor = _remembered(token_hash) if _asks_again(request.scope["endpoint"]) else None
    if actor is None:
        database = cast(Database, request.app.state.database)
        actor = await run_in_threadpool(_recognise, database, token_hash)
    if actor is None:
        raise _ended()
    if bearer is None and request.method not in {"GET", "HEAD"} and _from_elsewhere(request):
        raise NotAllowed(
            Problem("header Origin", "", "a write from another site's page", "use the console of this server")
        )
    if actor.role not in allowed:
        who = ", ".join(sorted(allowed)) or "nobody"
        raise NotAllowed(
            Problem("role", actor.role, f"may not do this; it is for {who}", "ask a colleague of that role")
        )
    request.state.actor = actor


def still_there(connection: Connection, actor: Actor) -> None:
    """Raise NotLoggedIn unless the actor's session stands and their role is the same, in the transaction of what they do."""
    found = actor_of(connection, actor.token_hash, datetime.now(UTC))
    if found is None or (found.user_id, found.role) != (actor.user_id, actor.role):
        _REMEMBERED.pop(actor.token_hash, None)
        raise _ended()


ASKS_AGAIN: set[Any] = set()
"""Dependencies that call ``still_there`` themselves: before their routes the guard may go by memory."""

_REMEMBERED: dict[bytes, tuple[Actor, datetime]] = {}
"""Who was recognised a moment ago, until when that may be gone by. Every minute the database is asked, which extends the session."""


def _remembered(token_hash: bytes) -> Actor | None:
    actor, until = _REMEMBERED.get(token_hash, (None, datetime.min.replace(tzinfo=UTC)))
    return actor if datetime.now(UTC) < until else None


@cache
def _asks_again(endpoint: Callable[..., Any]) -> bool:
    hints = get_type_hints(endpoint, include_extras=True).values()
    return any(getattr(part, "dependency", None) in ASKS_AGAIN for hint in hints for part in get_args(hint)[1:])


def _ended() -> NotLoggedIn:
    return NotLoggedIn(Problem("session", "", "it has ended", "log in again"))


def door_of(request: Request) -> str:
    """``METHOD /path/{pattern}`` of the route that was found, as the table names it."""
    method = "GET" if request.method == "HEAD" else request.method
    return f"{method} {request.scope['route'].path}"


def _recognise(database: Database, token_hash: bytes) -> Actor | None:
    now = datetime.now(UTC)
    with database.connect() as connection:
        actor = actor_of(connection, token_hash, now)
    if actor is not None and actor.expires_at - now < timedelta(minutes=rules().idle_minutes) * 0.9:
        with database.begin() as connection:
            extend(connection, token_hash, now)
    if actor is not None:
        if len(_REMEMBERED) >= 10_000:
            _REMEMBERED.clear()
        _REMEMBERED[token_hash] = actor, now + timedelta(minutes=1)
    return actor


def _from_elsewhere(request: Request) -> bool:
    headers: Mapping[str, Any] = request.headers
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


async def _acting(request: Request) -> Actor:
    return cast(Actor, request.state.actor)


async def _database(request: Request) -> Database:
    return cast(Database, request.app.state.database)


async def _vault(request: Request) -> Vault:
    return cast(Vault, request.app.state.vault)


Acting = Annotated[Actor, Depends(_acting)]
"""The logged-in person, in a route's signature."""

Keys = Annotated[Vault, Depends(_vault)]
"""The vault that opens sealed personal data."""

Store = Annotated[Database, Depends(_database)]
"""The database. Routes open a connection themselves, inside their thread: a connection held by a dependency while its
route waits for a thread can stop the whole server when threads and connections run out together."""
