"""Drafts of a policy: kept while people work on them, put away, proposed for release."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlalchemy import Connection, select

from jiehuan.api.access import Store
from jiehuan.api.clock import moment
from jiehuan.api.errors import NotFound
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.policy_releases import ReleaseOut, release_out
from jiehuan.api.shapes import Body, Facts, Id, Page, Record, Remark, instant, spoken
from jiehuan.api.writes import Write
from jiehuan.store.tables import policy_draft
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/policy-drafts", tags=["policies"])


class DraftRow(Record):
    """A draft in the list; ``status`` is open, proposed, released or discarded."""

    draft_id: str
    name: str
    base_version: str | None
    remark: str
    author: str
    revision: int
    status: str
    created_at: datetime
    updated_at: datetime


class DraftPage(Page):
    """A page of drafts."""

    items: list[DraftRow]


class DraftOut(DraftRow):
    """One draft with its graph, in the open JSON decision model (JDM)."""

    graph: dict[str, Any]


class DraftIn(Body):
    """A graph to keep, and the version that the work began from."""

    graph: Facts
    base_version: Id | None = None
    remark: Remark = ""


class DraftChange(Body):
    """A further revision; ``revision`` is the one that was loaded: when another was saved meanwhile, the answer is 409."""

    graph: Facts
    revision: Annotated[int, Field(ge=1, le=1_000_000)]
    remark: Remark = ""


class ProposeIn(Body):
    """From which day on the draft should decide, and why."""

    effective_from: date
    remark: Remark = ""


@router.get("")
def list_drafts(database: Store, paging: Paging, status: Annotated[Id | None, Query()] = None) -> DraftPage:
    """Drafts, last saved first."""
    rows = select(*[column for column in policy_draft.c if column.name != "graph"])
    if status is not None:
        rows = rows.where(policy_draft.c.status == status)
    sortable = {name: policy_draft.c[name] for name in ("updated_at", "created_at", "author", "status")}
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "-updated_at", policy_draft.c.draft_id)
    return DraftPage(total=total, page=paging.page, size=paging.size, items=[DraftRow(**spoken(row)) for row in found])


@router.get("/{draft_id}")
def get_draft(database: Store, draft_id: Annotated[Id, Path()]) -> DraftOut:
    """One draft with its graph."""
    with database.connect() as connection:
        return _draft(connection, draft_id)


@router.post("", status_code=201)
def keep_draft(write: Write, body: DraftIn) -> DraftOut:
    """Keep a new draft, broken or sound."""
    from jiehuan.flow.drafts import save_draft

    def act(connection: Connection) -> DraftOut:
        at, actor = moment(connection), write.actor.login
        kept = save_draft(connection, body.graph, actor, at, remark=body.remark, base_version=body.base_version)
        return _draft(connection, kept.draft_id)

    return write.once(DraftOut, act, 201)


@router.put("/{draft_id}")
def change_draft(write: Write, draft_id: Annotated[Id, Path()], body: DraftChange) -> DraftOut:
    """Keep a further revision of a draft."""
    from jiehuan.flow.drafts import save_draft

    def act(connection: Connection) -> DraftOut:
        _draft(connection, draft_id)
        at, actor = moment(connection), write.actor.login
        save_draft(connection, body.graph, actor, at, draft_id=draft_id, revision=body.revision, remark=body.remark)
        return _draft(connection, draft_id)

    return write.once(DraftOut, act)


@router.post("/{draft_id}/discard")
def discard_draft(write: Write, draft_id: Annotated[Id, Path()]) -> DraftOut:
    """Put a draft away; it stays readable."""
    from jiehuan.flow import drafts

    def act(connection: Connection) -> DraftOut:
        _draft(connection, draft_id)
        drafts.discard_draft(connection, draft_id, write.actor.login, moment(connection))
        return _draft(connection, draft_id)

    return write.once(DraftOut, act)


@router.post("/{draft_id}/propose")
def propose_draft(write: Write, draft_id: Annotated[Id, Path()], body: ProposeIn) -> ReleaseOut:
    """Propose a draft for release: it must pass the check under the law of its effective date. Another person approves."""
    from jiehuan.flow.release import propose

    def act(connection: Connection) -> ReleaseOut:
        _draft(connection, draft_id)
        at = moment(connection)
        made = propose(connection, draft_id, body.effective_from, write.actor.login, at, body.remark)
        return release_out(connection, made["release_id"], at)

    return write.once(ReleaseOut, act)


def _draft(connection: Connection, draft_id: str) -> DraftOut:
    row = connection.execute(select(policy_draft).where(policy_draft.c.draft_id == draft_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(Problem("draft_id", draft_id, "no such draft", "look in GET /api/policy-drafts"))
    return DraftOut(**{**row, "created_at": instant(row["created_at"]), "updated_at": instant(row["updated_at"])})
