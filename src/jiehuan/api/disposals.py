"""Disposals of bad loans: what was weighed and done (hold, restructure, write-off, sale) and at which value."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from sqlalchemy import Connection, func, select

from jiehuan.api.access import Store
from jiehuan.api.clock import day_between
from jiehuan.api.errors import NotFound
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Body, Id, Page, Record, Stored, Yuan, YuanIn, spoken
from jiehuan.api.writes import Write
from jiehuan.store.tables import disposal
from jiehuan.units.errors import Problem
from jiehuan.units.money import parse_yuan

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
    kind: Annotated[Literal["hold", "restructure", "litigate", "writeoff", "sale"] | None, Query()] = None,
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


class CarryOut(Body):
    """The day of the act (default: today)."""

    on: date | None = None


class SaleTape(Stored):
    """The tape that was made: GET /api/files/{file_id} gives the workbook; its claims wait for the buyer's price."""

    tape_id: str
    file_id: str


class Price(Body):
    """What the buyer paid for the whole tape."""

    price: YuanIn
    on: date | None = None


class Sold(Record):
    """How many claims left the book."""

    tape_id: str
    claims: int


@router.post("/{disposal_id}/carry-out")
def carry_out(write: Write, disposal_id: Annotated[Id, Path()], body: CarryOut) -> DisposalRow:
    """Do what the proposal says: restructure, write off, hold. A sale leaves with a tape."""
    from jiehuan.flow import dispose

    def act(connection: Connection) -> DisposalRow:
        proposed = _disposal(connection, disposal_id)
        dispose.carry_out(connection, disposal_id, day_between(connection, body.on, proposed.on), write.actor.login)
        return _disposal(connection, disposal_id)

    return write.once(DisposalRow, act)


@router.post("/tapes", status_code=201)
def make_tape(write: Write, body: CarryOut) -> SaleTape:
    """Make the tape of every claim proposed for sale, if the law of the day lets this lender sell."""
    from jiehuan.flow import dispose

    def act(connection: Connection) -> SaleTape:
        return SaleTape(**dispose.sale_tape(connection, day_between(connection, body.on, date.min), write.actor.login))

    return write.once(SaleTape, act, 201)


@router.post("/tapes/{tape_id}/sold")
def take_price(write: Write, tape_id: Annotated[Id, Path()], body: Price) -> Sold:
    """The buyer's price came: the claims leave the book, the price is shared among them by balance."""
    from jiehuan.flow import dispose

    def act(connection: Connection) -> Sold:
        offered = select(func.max(disposal.c.on)).where(disposal.c.tape_id == tape_id)
        since = connection.execute(offered).scalar_one()
        if since is None:
            raise NotFound(Problem("tape_id", tape_id, "no such tape", "look in GET /api/disposals"))
        on, price = day_between(connection, body.on, since), parse_yuan(body.price, "body price", minimum=1)
        return Sold(tape_id=tape_id, claims=dispose.sold(connection, tape_id, price, on, write.actor.login))

    return write.once(Sold, act)


def _disposal(connection: Connection, disposal_id: str) -> DisposalRow:
    row = connection.execute(select(disposal).where(disposal.c.disposal_id == disposal_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(Problem("disposal_id", disposal_id, "no such proposal", "look in GET /api/disposals"))
    return DisposalRow(**spoken(row))
