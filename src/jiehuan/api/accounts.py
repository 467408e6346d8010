"""Accounts of the lender's people: made by ``jiehuan user add`` or by an admin, kept with a role.

These are the acts; the doors to them are ``session.py`` and ``users.py``, and the command line.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from jiehuan.api.passwords import hash_password, must_be_good
from jiehuan.api.rules import rules
from jiehuan.flow.activity import note
from jiehuan.store.tables import session, user_account
from jiehuan.units.errors import Conflict, InputError, Problem
from jiehuan.units.ids import new_id

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}\Z", re.ASCII)


def add_account(
    connection: Connection,
    at: datetime,
    login: str,
    role: str,
    password: str,
    name: str = "",
    actor: str = "command line",
) -> str:
    """Make an account; its id. Raises InputError for a bad login, role or password, Conflict for a taken login."""
    problems = []
    if not _LOGIN.match(login):
        problems.append(
            Problem("login", login[:80], "not a login", "2 to 64 of a-z 0-9 . _ @ -, beginning with a letter or digit")
        )
    if role not in rules().roles:
        problems.append(Problem("role", role[:80], "not a role", f"one of {', '.join(rules().roles)}"))
    try:
        must_be_good(password, login)
    except InputError as error:
        problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    user_id = new_id("us")
    row = {
        "user_id": user_id,
        "login": login,
        "name": name or login,
        "role": role,
        "password_hash": hash_password(password),
        "created_at": at,
    }
    made = connection.execute(
        insert(user_account)
        .values(row)
        .on_conflict_do_nothing(index_elements=["login"])
        .returning(user_account.c.user_id)
    ).one_or_none()
    if made is None:
        raise Conflict(Problem("login", login, "is taken", "choose another login"))
    note(connection, at, actor, "user_added", user_id, {"login": login, "role": role})
    return user_id


def make_password() -> str:
    """A password that nobody has to invent: 20 random characters in four groups, about 98 bits."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def set_password(
    connection: Connection, at: datetime, user_id: str, login: str, password: str, actor: str, keep: bytes = b""
) -> None:
    """Give an account a new password and end its sessions, but for the one with token hash ``keep``."""
    must_be_good(password, login)
    connection.execute(
        update(user_account).where(user_account.c.user_id == user_id).values(password_hash=hash_password(password))
    )
    connection.execute(delete(session).where(session.c.user_id == user_id, session.c.token_hash != keep))
    note(connection, at, actor, "password_changed", user_id)


def how_many(connection: Connection) -> int:
    """How many accounts can log in."""
    return connection.execute(select(func.count()).select_from(user_account).where(user_account.c.active)).scalar_one()
