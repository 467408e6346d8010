"""Releases of policies: proposed by one person, approved by another, in force from their effective date on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy import Connection, select

from jiehuan.api.access import Store
from jiehuan.api.clock import moment
from jiehuan.api.errors import NotFound
from jiehuan.api.shapes import Body, Id, Record, Remark, instant
from jiehuan.api.writes import Write
from jiehuan.flow import release as flow
from jiehuan.store.tables import policy_release
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/policy-releases", tags=["policies"])


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


class ReleaseList(Record):
    """Every release, newest effective date first."""

    items: list[ReleaseRow]


class ReleaseOut(ReleaseRow):
    """One release with the findings of its check and its effect on the past book, as they were at the proposal."""

    findings: list[dict[str, Any]]
    difference: dict[str, Any] | None


class Approval(Body):
    """A word on the approval, kept with it."""

    reason: Remark = ""


class Refusal(Body):
    """Why the proposal is refused."""

    reason: Annotated[Remark, Field(min_length=5)]


@router.get("")
def list_releases(database: Store) -> ReleaseList:
    """The releases, and which of them is in force."""
    with database.connect() as connection:
        found = flow.releases(connection, moment(connection))
    return ReleaseList(items=[ReleaseRow(**_row(each)) for each in found])


@router.get("/{release_id}")
def get_release(database: Store, release_id: Annotated[Id, Path()]) -> ReleaseOut:
    """One release with findings and effect."""
    with database.connect() as connection:
        _there(connection, release_id)
        return _told(connection, release_id)


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


def release_out(release: Mapping[str, Any], at: datetime) -> ReleaseOut:
    """A release that was just proposed."""
    return ReleaseOut(
        **_row({**release, "stands": release["status"]}), findings=release["findings"], difference=release["difference"]
    )


def _decide(
    write: Write, release_id: str, verb: Callable[[Connection, str, datetime], Mapping[str, Any]]
) -> ReleaseOut:
    def act(connection: Connection) -> ReleaseOut:
        _there(connection, release_id)
        verb(connection, write.actor.login, moment(connection))
        return _told(connection, release_id)

    return write.once(ReleaseOut, act)


def _told(connection: Connection, release_id: str) -> ReleaseOut:
    found = next(each for each in flow.releases(connection, moment(connection)) if each["release_id"] == release_id)
    return ReleaseOut(**_row(found), findings=found["findings"], difference=found["difference"])


def _there(connection: Connection, release_id: str) -> None:
    there = select(policy_release.c.release_id).where(policy_release.c.release_id == release_id)
    if connection.execute(there).first() is None:
        raise NotFound(Problem("release_id", release_id, "no such release", "look in GET /api/policy-releases"))


def _row(release: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: release[name] for name in ReleaseRow.model_fields}
    return {name: instant(value) if isinstance(value, datetime) else value for name, value in row.items()}
