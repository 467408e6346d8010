"""Logging in and out, and one's own password."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field, SecretStr
from sqlalchemy import Connection, delete, insert, select, update

from jiehuan.api.access import Acting, Actor, Store, forget_expired, hashed
from jiehuan.api.accounts import set_password
from jiehuan.api.errors import NotLoggedIn
from jiehuan.api.passwords import hash_password, is_password, outdated
from jiehuan.api.rules import rules
from jiehuan.api.shapes import Body, Record, instant
from jiehuan.api.throttle import count_attempt, forgive
from jiehuan.api.writes import Write
from jiehuan.flow.activity import note
from jiehuan.store.tables import session, user_account
from jiehuan.units.errors import Problem, Refused

door = APIRouter(prefix="/api/session", tags=["session"])
"""Open without a login."""

router = APIRouter(prefix="/api/session", tags=["session"])

Password = Annotated[SecretStr, Field(min_length=1, max_length=200)]


class Login(Body):
    """Name and password."""

    login: Annotated[str, Field(min_length=1, max_length=64)]
    password: Password


class NewPassword(Body):
    """One's present password, and the one to come."""

    current: Password
    new: Password


class Me(Record):
    """Who is logged in; ``doors`` are the routes the role may use, for a console that shows no dead buttons."""

    user_id: str
    login: str
    name: str
    role: str
    expires_at: datetime | None
    doors: list[str]


class LoggedIn(Me):
    """The same at login, with the token for ``Authorization: Bearer``, told this once; browsers use the cookie."""

    token: str


@door.post("")
def log_in(database: Store, request: Request, response: Response, body: Login) -> LoggedIn:
    """Begin a session. Sets an HttpOnly cookie and answers with the same token for programs.

    No Idempotency-Key: the answer is a secret, which must not be kept to be told again; a second login is a second
    session.
    """
    now = datetime.now(UTC)
    login, password = body.login.lower(), body.password.get_secret_value()
    address = request.client.host if request.client else "local"
    with database.begin() as connection:
        count_attempt(connection, now, login, address)
        account = connection.execute(select(user_account).where(user_account.c.login == login)).one_or_none()
    good = is_password(account.password_hash if account else None, password)
    if account is None or not good or not account.active:
        raise NotLoggedIn(
            Problem("login", "", "login or password is wrong", "check both; an admin can set a new password")
        )
    token = secrets.token_urlsafe(32)
    expires = now + timedelta(minutes=rules().idle_minutes)
    with database.begin() as connection:
        forget_expired(connection, now)
        forgive(connection, now, login, address)
        connection.execute(
            insert(session).values(
                token_hash=hashed(token), user_id=account.user_id, expires_at=expires, created_at=now
            )
        )
        if outdated(account.password_hash):
            renewed = hash_password(password)
            connection.execute(
                update(user_account).where(user_account.c.user_id == account.user_id).values(password_hash=renewed)
            )
        note(connection, now, account.login, "login", account.user_id)
    response.set_cookie(
        rules().cookie, token, max_age=rules().longest_hours * 3600, httponly=True, samesite="strict", path="/api",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    actor = Actor(account.user_id, account.login, account.name, account.role, hashed(token), expires)
    return LoggedIn(**_me(actor).model_dump(), token=token)


@router.get("")
def get_me(actor: Acting) -> Me:
    """Who is logged in."""
    return _me(actor)


@router.delete("", status_code=204)
def log_out(database: Store, actor: Acting, response: Response) -> None:
    """End the session. Ending it twice is a request without a login: 401."""
    with database.begin() as connection:
        connection.execute(delete(session).where(session.c.token_hash == actor.token_hash))
        note(connection, datetime.now(UTC), actor.login, "logout", actor.user_id)
    response.delete_cookie(rules().cookie, path="/api", httponly=True, samesite="strict")


@router.post("/password")
def change_password(write: Write, body: NewPassword) -> Me:
    """Change one's own password; one's other sessions end."""

    def act(connection: Connection) -> Me:
        actor = write.actor
        kept = connection.execute(
            select(user_account.c.password_hash).where(user_account.c.user_id == actor.user_id).with_for_update()
        ).scalar_one()
        if not is_password(kept, body.current.get_secret_value()):
            raise Refused(Problem("current", "", "is not your password", "an admin can set a new one"))
        new = body.new.get_secret_value()
        if new == body.current.get_secret_value():
            raise Refused(Problem("new", "", "is the old password", "choose another"))
        set_password(connection, datetime.now(UTC), actor.user_id, actor.login, new, actor.login, keep=actor.token_hash)
        return _me(actor)

    return write.once(Me, act)


def _me(actor: Actor) -> Me:
    doors = sorted(door for door, roles in rules().routes.items() if actor.role in roles)
    return Me(
        user_id=actor.user_id,
        login=actor.login,
        name=actor.name,
        role=actor.role,
        expires_at=instant(actor.expires_at),
        doors=doors,
    )
