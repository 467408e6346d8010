"""Credit lines: today's limit and price of a borrower, and each change with its reasons."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from sqlalchemy import Connection, select

from jiehuan.api.access import Keys, Store
from jiehuan.api.clock import act_day
from jiehuan.api.errors import NotFound
from jiehuan.api.masking import BorrowerOut, borrower_of
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Id, Page, Rate, Record, Share, Yuan, probability, spoken
from jiehuan.api.writes import Write
from jiehuan.store.tables import credit_line, line_change
from jiehuan.store.vault import Vault
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/lines", tags=["lines"])


class LineChange(Record):
    """A change of limit or price, never of both. ``arm`` is treated, or holdout (computed, but not done, to learn what it brings).

    ``status``: proposed (waits for a person), approved (told, waits for its day), in_force, refused, superseded, held. From ``limit_from``
    or ``rate_from`` on it holds, for new draws. ``propensity``: the probability with which the arm was drawn.
    """

    change_id: str
    borrower_id: str
    on: date
    old_limit: Yuan
    new_limit: Yuan
    old_rate: Rate
    new_rate: Rate
    reasons: list[dict[str, Any]]
    arm: str
    notified_at: datetime | None
    review_id: str | None
    proposed_limit: Yuan | None
    proposed_rate: Rate | None
    propensity: Share | None
    status: str
    limit_from: date | None
    rate_from: date | None
    decided_by: str | None
    decided_at: datetime | None


class LineChangePage(Page):
    """A page of changes."""

    items: list[LineChange]


class LineOut(Record):
    """A borrower's line (null when none was granted) and its changes, newest first."""

    borrower: BorrowerOut
    limit: Yuan | None
    rate: Rate | None
    updated_at: datetime | None
    changes: list[LineChange]


@router.get("")
def list_line_changes(
    database: Store,
    paging: Paging,
    borrower_id: Annotated[Id | None, Query()] = None,
    arm: Annotated[Literal["treated", "holdout"] | None, Query()] = None,
    direction: Annotated[Literal["up", "down"] | None, Query(description="Of the limit.")] = None,
    status: Annotated[
        Literal["proposed", "approved", "in_force", "refused", "superseded", "held"] | None, Query()
    ] = None,
    what: Annotated[Literal["limit", "price"] | None, Query(description="What changes.")] = None,
) -> LineChangePage:
    """Changes of limit and price, newest first."""
    rows = select(line_change)
    if borrower_id is not None:
        rows = rows.where(line_change.c.borrower_id == borrower_id)
    if arm is not None:
        rows = rows.where(line_change.c.arm == arm)
    if status is not None:
        rows = rows.where(line_change.c.status == status)
    if what is not None:
        priced = line_change.c.new_rate_ppm != line_change.c.old_rate_ppm
        rows = rows.where(priced if what == "price" else ~priced)
    if direction is not None:
        old, new = line_change.c.old_limit_fen, line_change.c.new_limit_fen
        rows = rows.where(new > old if direction == "up" else new < old)
    sortable = {
        "on": line_change.c.on,
        "old_limit": line_change.c.old_limit_fen,
        "new_limit": line_change.c.new_limit_fen,
    }
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "-on", line_change.c.change_id)
    return LineChangePage(total=total, page=paging.page, size=paging.size, items=[change_out(row) for row in found])


@router.get("/{borrower_id}")
def get_line(database: Store, vault: Keys, borrower_id: Annotated[Id, Path()]) -> LineOut:
    """One borrower's line."""
    with database.connect() as connection:
        return _line(connection, vault, borrower_id)


def _line(connection: Connection, vault: Vault, borrower_id: str) -> LineOut:
    person = borrower_of(connection, vault, borrower_id)
    now = (
        connection.execute(select(credit_line).where(credit_line.c.borrower_id == borrower_id)).mappings().one_or_none()
    )
    changes = connection.execute(
        select(line_change)
        .where(line_change.c.borrower_id == borrower_id)
        .order_by(line_change.c.on.desc(), line_change.c.change_id)
        .limit(200)
    ).mappings()
    said = spoken(now) if now else {"limit": None, "rate": None, "updated_at": None}
    said.pop("borrower_id", None)
    return LineOut(borrower=person, **said, changes=[change_out(row) for row in changes])


def change_out(row: Any) -> LineChange:
    """A row of ``line_change`` in the interface's words."""
    said = spoken(row)
    return LineChange(**{**said, "propensity": probability(said["propensity"])})


@router.post("/{borrower_id}/review")
def review_line(write: Write, vault: Keys, borrower_id: Annotated[Id, Path()]) -> LineOut:
    """Review the line on what is known today. What changes takes hold of new draws only; a second review a day changes nothing."""
    from jiehuan.flow.adjust import adjust

    def act(connection: Connection) -> LineOut:
        if _line(connection, vault, borrower_id).limit is None:
            raise NotFound(Problem("borrower_id", borrower_id, "has no credit line", "a line is granted by a decision"))
        adjust(connection, act_day(connection), [borrower_id], "manual")
        return _line(connection, vault, borrower_id)

    return write.once(LineOut, act)
