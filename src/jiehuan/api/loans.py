"""Loans: the list with the state of each, and one loan whole (``loan_detail.py``)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from sqlalchemy import ColumnElement, Connection, Select, or_, select

from jiehuan.api.access import Keys, Store
from jiehuan.api.book_figures import in_bucket
from jiehuan.api.loan_detail import LoanOut, loan_whole
from jiehuan.api.masking import masked_names
from jiehuan.api.paging import Paging, Slice, page_of
from jiehuan.api.shapes import Id, Page, Plain, Rate, Record, Yuan, spoken
from jiehuan.store.tables import loan, loan_state

router = APIRouter(prefix="/api/loans", tags=["loans"])

Bucket = Literal["M0", "M1", "M2", "M3", "M3+"]
Status = Literal["active", "settled", "written_off", "sold", "restructured"]
Grade = Literal["normal", "special_mention", "substandard", "doubtful", "loss"]


class LoanRow(Record):
    """A loan in the list, its state at ``as_of``. ``grade`` is the five-class classification; ``name`` is masked."""

    loan_id: str
    borrower_id: str
    name: str | None
    application_id: str | None
    lender_type: str
    product: str
    region: str
    channel: str
    principal: Yuan
    rate: Rate
    months: int
    method: str
    drawn_on: date
    as_of: date | None
    outstanding: Yuan | None
    overdue: Yuan | None
    dpd: int | None
    bucket: str | None
    grade: str | None
    status: str | None
    next_due: date | None


class LoanPage(Page):
    """A page of loans."""

    items: list[LoanRow]


@router.get("")
def list_loans(
    database: Store,
    vault: Keys,
    paging: Paging,
    status: Annotated[Status | None, Query()] = None,
    bucket: Annotated[Bucket | None, Query()] = None,
    grade: Annotated[Grade | None, Query()] = None,
    overdue: Annotated[bool | None, Query(description="Only loans that are, or are not, past due.")] = None,
    product: Annotated[Id | None, Query()] = None,
    region: Annotated[Id | None, Query()] = None,
    channel: Annotated[Id | None, Query()] = None,
    borrower_id: Annotated[Id | None, Query()] = None,
    search: Annotated[Plain | None, Query(description="The start of a loan's or borrower's id.")] = None,
) -> LoanPage:
    """Loans, the latest drawn first. Days past due are sorted by the day since when a loan is past due."""
    state = loan_state.c
    of_state = _given((state.status, status), (state["class"], grade))
    of_loan = _given(
        (loan.c.product, product), (loan.c.region, region), (loan.c.channel, channel), (loan.c.borrower_id, borrower_id)
    )
    if search:
        start = search.strip()
        of_loan.append(or_(*(each.startswith(start, autoescape=True) for each in (loan.c.loan_id, loan.c.borrower_id))))
    if overdue is not None:
        of_state.append(_LATE if overdue else state.oldest_due.is_(None))
    with database.connect() as connection:
        if bucket is not None:
            of_state += in_bucket(connection, bucket)
        wanted, sortable, keys = (
            paging,
            _SORTABLE,
            _keys(of_state, of_loan, paging.sort.removeprefix("-") or "drawn_on"),
        )
        if paging.sort == "-dpd":
            wanted, sortable = replace(paging, sort="since"), {"since": state.oldest_due}
            late = _keys([*of_state, _LATE], of_loan, "dpd")
            keys = late if _holds(connection, paging, late) else keys
        counting = _keys(of_state, of_loan)
        found, total = page_of(connection, _ROWS, wanted, sortable, "-drawn_on", loan.c.loan_id, keys, counting)
        names = masked_names(connection, vault, [row["borrower_id"] for row in found])
    items = [LoanRow(**spoken(row), name=names.get(row["borrower_id"])) for row in found]
    return LoanPage(total=total, page=paging.page, size=paging.size, items=items)


_LOAN_SORTS: dict[str, ColumnElement[Any]] = {
    "drawn_on": loan.c.drawn_on, "months": loan.c.months, "product": loan.c.product, "region": loan.c.region,
    "loan_id": loan.c.loan_id, "principal": loan.c.principal_fen, "rate": loan.c.rate_ppm,
}  # fmt: skip
_STATE_SORTS: dict[str, ColumnElement[Any]] = {
    "outstanding": loan_state.c.principal_outstanding_fen, "overdue": loan_state.c.overdue_fen, "dpd": loan_state.c.dpd,
    "next_due": loan_state.c.next_due,
}  # fmt: skip
_SORTABLE = _LOAN_SORTS | _STATE_SORTS
_LATE = loan_state.c.oldest_due.is_not(None)
"""As ``dpd > 0``, and by an index."""
_ROWS = select(
    *[column for column in loan.c if column.name not in {"terms", "bare", "source", "created_at", "first_due"}],
    loan_state.c.as_of, loan_state.c.principal_outstanding_fen.label("outstanding_fen"), loan_state.c.overdue_fen,
    loan_state.c.dpd, loan_state.c.bucket, loan_state.c["class"].label("grade"), loan_state.c.status, loan_state.c.next_due,
).outerjoin(loan_state, loan_state.c.loan_id == loan.c.loan_id)  # fmt: skip


def _given(*wanted: tuple[ColumnElement[Any], str | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in wanted if value is not None]


def _keys(of_state: list[ColumnElement[bool]], of_loan: list[ColumnElement[bool]], sort: str = "") -> Select[Any]:
    """The ids of what fulfils the conditions, from no more tables than they and the order ask of; every state has its loan."""
    if of_state and not of_loan and sort not in _LOAN_SORTS:
        return select(loan_state.c.loan_id).where(*of_state)
    rows = select(loan.c.loan_id).where(*of_loan)
    if of_state or sort in _STATE_SORTS:
        rows = rows.outerjoin(loan_state, loan_state.c.loan_id == loan.c.loan_id).where(*of_state)
    return rows


def _holds(connection: Connection, paging: Slice, rows: Select[Any]) -> bool:
    """Whether the wanted page is full of these rows."""
    last = paging.page * paging.size
    found = connection.execute(rows.limit(1).offset(last - 1)).first()
    return found is not None


@router.get("/{loan_id}")
def get_loan(
    database: Store,
    vault: Keys,
    loan_id: Annotated[Id, Path()],
    on: Annotated[date | None, Query(description="Default: the book's day.")] = None,
) -> LoanOut:
    """One loan whole: terms, state and schedule on a day (replayed from events), journal, what was done about it."""
    with database.connect() as connection:
        return loan_whole(connection, vault, loan_id, on)
