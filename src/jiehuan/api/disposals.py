"""Disposals of bad loans: what was weighed and done (hold, restructure, write-off, sale) and at which value."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy import select

from jiehuan.api.access import Store
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Id, Page, Record, Yuan, spoken
from jiehuan.store.tables import disposal

router = APIRouter(prefix="/api/disposals", tags=["disposals"])


class DisposalRow(Record):
    """One loan's disposal: the balance, its value, and the interval (``low`` to ``high``) of the valuation."""

    disposal_id: str
    loan_id: str
    kind: str
    on: date
    balance: Yuan
    value: Yuan
    low: Yuan
    high: Yuan
    tape_id: str | None
    detail: dict[str, Any]
    status: str


class DisposalPage(Page):
    """A page of disposals."""

    items: list[DisposalRow]


@router.get("")
def list_disposals(
    database: Store,
    paging: Paging,
    kind: Annotated[Literal["hold", "restructure", "writeoff", "sale"] | None, Query()] = None,
    status: Annotated[Literal["proposed", "approved", "done"] | None, Query()] = None,
    loan_id: Annotated[Id | None, Query()] = None,
    tape_id: Annotated[Id | None, Query()] = None,
) -> DisposalPage:
    """Disposals, newest first."""
    rows = select(disposal)
    for name, value in {"kind": kind, "status": status, "loan_id": loan_id, "tape_id": tape_id}.items():
        if value is not None:
            rows = rows.where(disposal.c[name] == value)
    sortable = {
        "on": disposal.c.on,
        "balance": disposal.c.balance_fen,
        "value": disposal.c.value_fen,
        "status": disposal.c.status,
    }
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "-on", disposal.c.disposal_id)
    return DisposalPage(
        total=total, page=paging.page, size=paging.size, items=[DisposalRow(**spoken(row)) for row in found]
    )
