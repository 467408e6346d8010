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


COUNTERS = ("login_attempt", "login_good")
"""What the throttle notes by login and address to count tries."""


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
    """The diary, newest first; of one subject or one verb when asked. The throttle's own counters of logins, several to each
    login, are told only when their verb or subject is asked for."""
    rows = select(activity)
    if not subject and not verb:
        rows = rows.where(activity.c.verb.not_in(COUNTERS))
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


class RecentRow(ActivityRow):
    """An act, or ``times`` acts of one kind by one actor that followed each other: then the last of them."""

    times: int


OF_THEMSELVES = (
    "login", "login_attempt", "logout", "identity_viewed", "borrower_searched", "file_fetched", "login_good", "password_changed",
)  # fmt: skip
"""What people do to come in and to look, which is for the auditor's list only."""

LOOKED_AT = 2000
"""Newest acts in which the latest are looked for; a batch of thousands of one kind is one line of them."""


def latest_activity(connection: Connection, count: int) -> list[RecentRow]:
    """The last acts on the book, those of one kind that follow each other told as one; logins and views are left out."""
    newest = select(activity).order_by(activity.c.id.desc()).limit(LOOKED_AT).subquery()
    rows = connection.execute(
        select(newest).where(newest.c.verb.not_in(OF_THEMSELVES)).order_by(newest.c.id.desc())
    ).mappings()
    told: list[RecentRow] = []
    for row in rows:
        before = told[-1] if told else None
        if before is not None and (before.verb, before.actor) == (row["verb"], row["actor"]):
            told[-1] = before.model_copy(update={"times": before.times + 1})
        elif len(told) == count:
            break
        else:
            told.append(RecentRow(**spoken(row), times=1))
    return told
