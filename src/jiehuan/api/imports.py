"""Imports of a lender's tape: what came in, and row by row what was refused and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from sqlalchemy import func, select

from jiehuan.api.access import Store
from jiehuan.api.errors import NotFound
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Id, Page, Plain, Record, spoken
from jiehuan.store.tables import import_refusal, import_run
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/imports", tags=["imports"])


class ImportRow(Record):
    """A run; ``counts``: rows by file and fate. ``finished_at`` is null while it runs, or when it was cut off."""

    run_id: str
    mapping: str
    path: str
    counts: dict[str, Any]
    started_at: datetime
    finished_at: datetime | None
    refusals: int


class ImportPage(Page):
    """A page of runs."""

    items: list[ImportRow]


class Refusal(Record):
    """A refused cell: file, row and column, what stood there and why it was refused."""

    n: int
    file: str
    row: int
    column: str
    value: str
    reason: str


class ImportOut(Page):
    """One run with a page of its refusals."""

    run: ImportRow
    items: list[Refusal]


_refused = (
    select(func.count()).where(import_refusal.c.run_id == import_run.c.run_id).scalar_subquery().label("refusals")
)


@router.get("")
def list_imports(database: Store, paging: Paging) -> ImportPage:
    """Runs, newest first."""
    sortable = {"started_at": import_run.c.started_at}
    with database.connect() as connection:
        found, total = page_of(
            connection, select(import_run, _refused), paging, sortable, "-started_at", import_run.c.run_id
        )
    return ImportPage(
        total=total, page=paging.page, size=paging.size, items=[ImportRow(**spoken(row)) for row in found]
    )


@router.get("/{run_id}")
def get_import(
    database: Store,
    paging: Paging,
    run_id: Annotated[Id, Path()],
    file: Annotated[Plain | None, Query()] = None,
    column: Annotated[Plain | None, Query()] = None,
) -> ImportOut:
    """One run and what it refused, in the order of the files."""
    rows = select(*[each for each in import_refusal.c if each.name != "run_id"]).where(
        import_refusal.c.run_id == run_id
    )
    for name, value in {"file": file, "column": column}.items():
        if value is not None:
            rows = rows.where(import_refusal.c[name] == value)
    sortable = {name: import_refusal.c[name] for name in ("n", "file", "row", "column", "reason")}
    with database.connect() as connection:
        run = (
            connection.execute(select(import_run, _refused).where(import_run.c.run_id == run_id))
            .mappings()
            .one_or_none()
        )
        if run is None:
            raise NotFound(Problem("run_id", run_id, "no such import", "look in GET /api/imports"))
        found, total = page_of(connection, rows, paging, sortable, "n", import_refusal.c.n)
    items = [Refusal(**row) for row in found]
    return ImportOut(total=total, page=paging.page, size=paging.size, run=ImportRow(**spoken(run)), items=items)
