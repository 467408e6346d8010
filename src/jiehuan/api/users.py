"""Accounts of the lender's people, for admins; auditors read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field, SecretStr
from sqlalchemy import Connection, delete, select, update

from jiehuan.api.access import Store
from jiehuan.api.accounts import add_account, set_password
from jiehuan.api.errors import NotFound
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Body, Id, Page, Plain, Record, spoken
from jiehuan.api.writes import Write
from jiehuan.flow.activity import note
from jiehuan.store.tables import session, user_account
from jiehuan.units.errors import Problem, Refused

router = APIRouter(prefix="/api/users", tags=["users"])

Role = Literal["risk", "collector", "legal", "auditor", "admin"]


class UserRow(Record):
    """An account; an inactive one cannot log in."""

    user_id: str
    login: str
    name: str
    role: str
    active: bool
    created_at: datetime


class UserPage(Page):
    """A page of accounts."""

    items: list[UserRow]


class NewUser(Body):
    """An account to make; tell the person the password by another way, to be changed at the first login."""

    login: Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9][a-z0-9._@-]{1,63}$")]
    name: Plain = ""
    role: Role
    password: Annotated[SecretStr, Field(max_length=200)]


class UserChange(Body):
    """What to change; what is absent stays. A new role or password, or a lock, ends the account's sessions."""

    name: Plain | None = None
    role: Role | None = None
    active: bool | None = None
    password: Annotated[SecretStr, Field(max_length=200)] | None = None


_columns = [column for column in user_account.c if column.name != "password_hash"]


@router.get("")
def list_users(database: Store, paging: Paging, role: Annotated[Role | None, Query()] = None) -> UserPage:
    """Accounts by login."""
    rows = select(*_columns)
    if role is not None:
        rows = rows.where(user_account.c.role == role)
    sortable = {name: user_account.c[name] for name in ("login", "name", "role", "created_at")}
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "login", user_account.c.user_id)
    return UserPage(total=total, page=paging.page, size=paging.size, items=[UserRow(**spoken(row)) for row in found])


@router.post("", status_code=201)
def add_user(write: Write, body: NewUser) -> UserRow:
    """Make an account."""

    def act(connection: Connection) -> UserRow:
        password = body.password.get_secret_value()
        user_id = add_account(
            connection, datetime.now(UTC), body.login, body.role, password, body.name, write.actor.login
        )
        return _user(connection, user_id)

    return write.once(UserRow, act, 201)


@router.patch("/{user_id}")
def change_user(write: Write, user_id: Annotated[Id, Path()], body: UserChange) -> UserRow:
    """Change name, role, lock or password. The last active admin stays one."""

    def act(connection: Connection) -> UserRow:
        # All admins' rows are locked, so that two admins cannot lock each other out at once.
        admins = connection.execute(
            select(user_account.c.user_id)
            .where(user_account.c.role == "admin", user_account.c.active)
            .order_by(user_account.c.user_id)
            .with_for_update()
        ).scalars()
        others = [admin for admin in admins if admin != user_id]
        before = _user(connection, user_id)
        changes = body.model_dump(exclude_none=True, exclude={"password"})
        leaves = changes.get("role", before.role) != "admin" or not changes.get("active", before.active)
        if before.role == "admin" and before.active and leaves and not others:
            raise Refused(Problem("user_id", user_id, "is the last active admin", "make another admin first"))
        now = datetime.now(UTC)
        if changes:
            connection.execute(update(user_account).where(user_account.c.user_id == user_id).values(**changes))
            note(
                connection,
                now,
                write.actor.login,
                "user_changed",
                user_id,
                {key: changes[key] for key in changes if key != "name"},
            )
        if body.password is not None:
            set_password(connection, now, user_id, before.login, body.password.get_secret_value(), write.actor.login)
        if "role" in changes or changes.get("active") is False:
            connection.execute(delete(session).where(session.c.user_id == user_id))
        return _user(connection, user_id)

    return write.once(UserRow, act)


def _user(connection: Connection, user_id: str) -> UserRow:
    row = connection.execute(select(*_columns).where(user_account.c.user_id == user_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(Problem("user_id", user_id, "no such account", "look in GET /api/users"))
    return UserRow(**spoken(row))
