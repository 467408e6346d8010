"""Policy versions: which decision graph decides since when, written and approved by whom."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from sqlalchemy import select

from jiehuan.api.access import Store
from jiehuan.api.errors import NotFound
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Id, Page, Record, spoken
from jiehuan.store.tables import policy_version
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/policies", tags=["policies"])


class PolicyRow(Record):
    """A policy version in the list; ``status`` is draft, active or retired."""

    version: str
    name: str
    status: str
    effective_from: date
    author: str
    approved_by: str | None
    created_at: datetime


class PolicyPage(Page):
    """A page of policy versions."""

    items: list[PolicyRow]


class PolicyOut(PolicyRow):
    """One version with its graph, in the open JSON decision model (JDM)."""

    graph: dict[str, Any]


@router.get("")
def list_policies(database: Store, paging: Paging, status: Annotated[Id | None, Query()] = None) -> PolicyPage:
    """Policy versions, newest first."""
    rows = select(*[column for column in policy_version.c if column.name != "graph"])
    if status is not None:
        rows = rows.where(policy_version.c.status == status)
    sortable = {name: policy_version.c[name] for name in ("created_at", "effective_from", "name", "status")}
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "-created_at", policy_version.c.version)
    return PolicyPage(
        total=total, page=paging.page, size=paging.size, items=[PolicyRow(**spoken(row)) for row in found]
    )


@router.get("/{version}")
def get_policy(database: Store, version: Annotated[Id, Path()]) -> PolicyOut:
    """One version with its graph."""
    with database.connect() as connection:
        row = (
            connection.execute(select(policy_version).where(policy_version.c.version == version))
            .mappings()
            .one_or_none()
        )
    if row is None:
        raise NotFound(Problem("version", version, "no such policy version", "look in GET /api/policies"))
    return PolicyOut(**spoken(row))
