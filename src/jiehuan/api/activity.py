"""Who did what, when: the platform's own diary, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Connection, select

from jiehuan.api.access import Store
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Id, Page, Record, spoken
from jiehuan.store.tables import activity

router = APIRouter(prefix="/api", tags=["activity"])


class ActivityRow(Record):
    """One act: ``actor`` is a login or the name of a flow, ``verb`` what was done, ``subject`` to which thing."""

    id: int
    at: datetime
    actor: str
    verb: str
    subject: str
    detail: dict[str, Any]


class ActivityPage(Page):
    """A page of the diary."""

    items: list[ActivityRow]


@router.get("/activity")
def list_activity(
    database: Store,
    paging: Paging,
    subject: Annotated[Id | None, Query()] = None,
    verb: Annotated[Id | None, Query()] = None,
) -> ActivityPage:
    """The diary, newest first; of one subject or one verb when asked."""
    rows = select(activity)
    if subject:
        rows = rows.where(activity.c.subject == subject)
    if verb:
        rows = rows.where(activity.c.verb == verb)
    with database.connect() as connection:
        found, total = page_of(
            connection, rows, paging, {"at": activity.c.at, "id": activity.c.id}, "-id", activity.c.id
        )
    items = [ActivityRow(**spoken(row)) for row in found]
    return ActivityPage(total=total, page=paging.page, size=paging.size, items=items)


def latest_activity(connection: Connection, count: int) -> list[ActivityRow]:
    """The last acts on the book; logins and views are left to the auditor's list."""
    own = (
        "login",
        "login_attempt",
        "logout",
        "identity_viewed",
        "borrower_searched",
        "file_fetched",
        "login_good",
        "password_changed",
    )
    rows = connection.execute(
        select(activity).where(activity.c.verb.not_in(own)).order_by(activity.c.id.desc()).limit(count)
    ).mappings()
    return [ActivityRow(**spoken(row)) for row in rows]
