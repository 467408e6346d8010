"""Releases of policies: proposed by one person, approved by another, in force from their effective date on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlalchemy import Connection, select

from jiehuan.api.access import Store
from jiehuan.api.clock import moment
from jiehuan.api.errors import NotFound
from jiehuan.api.paging import Paging
from jiehuan.api.shapes import Body, Id, Page, Record, Remark, instant
from jiehuan.api.writes import Write
from jiehuan.flow import release as flow
from jiehuan.store.tables import policy_draft, policy_release
from jiehuan.units.errors import InputError, Problem

router = APIRouter(prefix="/api/policy-releases", tags=["policies"])

Stands = Literal["proposed", "refused", "withdrawn", "scheduled", "in_force", "past"]


class ReleaseRow(Record):
    """A release in the list; ``stands`` is proposed, refused, withdrawn, scheduled, in_force or past."""

    release_id: str
    name: str
    version: str
    draft_id: str | None
    effective_from: date
    remark: str
    status: str
    stands: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str


class ReleasePage(Page):
    """A page of the releases, newest effective date first."""

    items: list[ReleaseRow]


class ReleaseOut(ReleaseRow):
    """One release with the findings of its check and its effect on the past book, as they were at the proposal;
    ``author`` saved the draft last, and may not decide on it. ``replaces``: the version that the release takes over from,
    which is the one in force while it is proposed; None for one that was put away."""

    author: str | None
    replaces: str | None

    findings: list[dict[str, Any]]
    difference: dict[str, Any] | None


class Approval(Body):
    """A word on the approval, kept with it."""

    reason: Remark = ""


class Refusal(Body):
    """Why the proposal is refused."""

    reason: Annotated[Remark, Field(min_length=5)]


@router.get("")
def list_releases(database: Store, paging: Paging, stands: Annotated[Stands | None, Query()] = None) -> ReleasePage:
    """The releases, and which of them is in force; those that stand in one way when asked."""
    if paging.sort:
        raise InputError(Problem("query sort", paging.sort, "this list has one order", "leave it out"))
    with database.connect() as connection:
        found = flow.releases(connection, moment(connection))
    wanted = [each for each in found if stands is None or each["stands"] == stands]
    shown = wanted[(paging.page - 1) * paging.size : paging.page * paging.size]
    items = [ReleaseRow(**_row(each)) for each in shown]
    return ReleasePage(total=len(wanted), page=paging.page, size=paging.size, items=items)


@router.get("/{release_id}")
def get_release(database: Store, release_id: Annotated[Id, Path()]) -> ReleaseOut:
    """One release with findings and effect."""
    with database.connect() as connection:
        _there(connection, release_id)
        return release_out(connection, release_id, moment(connection))


@router.post("/{release_id}/approve")
def approve_release(write: Write, release_id: Annotated[Id, Path()], body: Approval) -> ReleaseOut:
    """Release as a second person; the proposer and the draft's author are refused (409)."""
    return _decide(
        write, release_id, lambda connection, actor, at: flow.approve(connection, release_id, actor, at, body.reason)
    )


@router.post("/{release_id}/refuse")
def refuse_release(write: Write, release_id: Annotated[Id, Path()], body: Refusal) -> ReleaseOut:
    """Refuse as a second person; the draft is open again."""
    return _decide(
        write, release_id, lambda connection, actor, at: flow.refuse(connection, release_id, actor, at, body.reason)
    )


@router.post("/{release_id}/withdraw")
def withdraw_release(write: Write, release_id: Annotated[Id, Path()]) -> ReleaseOut:
    """Take a proposal back; the draft is open again."""
    return _decide(write, release_id, lambda connection, actor, at: flow.withdraw(connection, release_id, actor, at))


def _decide(
    write: Write, release_id: str, verb: Callable[[Connection, str, datetime], Mapping[str, Any]]
) -> ReleaseOut:
    def act(connection: Connection) -> ReleaseOut:
        _there(connection, release_id)
        verb(connection, write.actor.login, moment(connection))
        return release_out(connection, release_id, moment(connection))

    return write.once(ReleaseOut, act)


def release_out(connection: Connection, release_id: str, at: datetime) -> ReleaseOut:
    """One release whole, as it stands at an instant."""
    whole, every = flow.release_of(connection, release_id), flow.releases(connection, at)
    found = next(each for each in every if each["release_id"] == release_id)
    author = select(policy_draft.c.author).where(policy_draft.c.draft_id == whole["draft_id"])
    return ReleaseOut(
        **_row(found), findings=whole["findings"], difference=whole["difference"],
        author=connection.execute(author).scalar_one_or_none(), replaces=_replaced(found, every),
    )  # fmt: skip


def _replaced(release: Mapping[str, Any], every: Sequence[Mapping[str, Any]]) -> str | None:
    """The version that a release takes over from: that in force for a proposed one, the one approved before it otherwise."""
    if release["stands"] == "proposed":
        return next((str(each["version"]) for each in every if each["in_force"]), None)
    if release["status"] != "approved":
        return None
    before = every[every.index(release) + 1 :]
    return next((str(each["version"]) for each in before if each["status"] == "approved"), None)


def _there(connection: Connection, release_id: str) -> None:
    there = select(policy_release.c.release_id).where(policy_release.c.release_id == release_id)
    if connection.execute(there).first() is None:
        raise NotFound(Problem("release_id", release_id, "no such release", "look in GET /api/policy-releases"))


def _row(release: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: release[name] for name in ReleaseRow.model_fields}
    return {name: instant(value) if isinstance(value, datetime) else value for name, value in row.items()}
