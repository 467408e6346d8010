"""Loans: the list with the state of each, and one loan whole (``loan_detail.py``)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from sqlalchemy import or_, select

from jiehuan.api.access import Keys, Store
from jiehuan.api.loan_detail import LoanOut, loan_whole
from jiehuan.api.masking import masked_names
from jiehuan.api.paging import Paging, page_of
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
    """Loans, the latest drawn first."""
    state = loan_state.c
    rows = select(
        *[column for column in loan.c if column.name not in {"terms", "bare", "source", "created_at", "first_due"}],
        state.as_of, state.principal_outstanding_fen.label("outstanding_fen"), state.overdue_fen, state.dpd,
        state.bucket, state["class"].label("grade"), state.status, state.next_due,
    ).outerjoin(loan_state, state.loan_id == loan.c.loan_id)  # fmt: skip
    wanted = (
        (state.status, status), (state.bucket, bucket), (state["class"], grade), (loan.c.product, product),
        (loan.c.region, region), (loan.c.channel, channel), (loan.c.borrower_id, borrower_id),
    )  # fmt: skip
    for column, value in wanted:
        if value is not None:
            rows = rows.where(column == value)
    if bucket is not None:  # asked before the bucket is counted
        rows = rows.where(state.oldest_due.is_(None) if bucket == "M0" else state.oldest_due.is_not(None))
    if overdue is not None:
        rows = rows.where(state.oldest_due.is_not(None) if overdue else state.oldest_due.is_(None))
    if search:
        start = search.strip()
        rows = rows.where(
            or_(
                loan.c.loan_id.startswith(start, autoescape=True), loan.c.borrower_id.startswith(start, autoescape=True)
            )
        )
    sortable = {name: loan.c[name] for name in ("drawn_on", "months", "product", "region", "loan_id")} | {
        "principal": loan.c.principal_fen, "rate": loan.c.rate_ppm, "outstanding": state.principal_outstanding_fen,
        "overdue": state.overdue_fen, "dpd": state.dpd, "next_due": state.next_due,
    }  # fmt: skip
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "-drawn_on", loan.c.loan_id)
        names = masked_names(connection, vault, [row["borrower_id"] for row in found])
    items = [LoanRow(**spoken(row), name=names.get(row["borrower_id"])) for row in found]
    return LoanPage(total=total, page=paging.page, size=paging.size, items=items)


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
