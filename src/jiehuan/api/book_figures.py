"""The book on its day straight from SQL: totals, buckets, groups. Each function is one question to the database.

The definitions are those of the ``book`` room, and a test holds the two together. SQL answers them here because the
rows are there.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, distinct, func, select

from jiehuan.api.shapes import Record, Share, Yuan, share, yuan
from jiehuan.book.tape import BUCKET_FROM_DPD, BUCKETS, NON_PERFORMING, ON_BOOK
from jiehuan.store.straight import ask
from jiehuan.store.tables import (
    alert,
    application,
    deadline,
    legal_case,
    loan,
    loan_state,
    review,
    work_item,
)


class BucketFigures(Record):
    """One bucket of days past due: M0, M1, M2, M3, M3+."""

    bucket: str
    loans: int
    outstanding: Yuan
    overdue: Yuan


class GroupFigures(Record):
    """The loans that share a region, product or channel."""

    name: str
    loans: int
    outstanding: Yuan
    overdue: Yuan
    overdue_ratio: Share
    overdue_balance_ratio: Share
    npl_ratio_class: Share


def book_day(connection: Connection) -> date | None:
    """The day at which the book stands: the last that was closed, or the latest state where days were never closed."""
    found = ask(connection, _BOOK_DAY, ())
    return found[0] if found else None


_BOOK_DAY = """
SELECT greatest(
    (SELECT max("on") FROM day_end_run WHERE finished_at IS NOT NULL OR mark <> ''),
    (SELECT max(s.as_of) FROM loan_standing s WHERE s.loan_id IN (SELECT t.loan_id FROM loan_touched t))
)
"""
"""A state is later than the last closed day only where something happened to its loan since (it is in ``loan_touched``) or a day end
runs, so that not all states are looked at."""


def in_bucket(connection: Connection, bucket: str) -> list[ColumnElement[bool]]:
    """The conditions that a loan of ``loan_state`` is in a bucket, the first of them by an index: no state is later than the book's day,
    so a loan that many days past due is so since a day that can be told."""
    state, place = loan_state.c, BUCKETS.index(bucket)
    if place == 0:
        return [state.oldest_due.is_(None)]
    least, day = BUCKET_FROM_DPD[place], book_day(connection)
    since = state.oldest_due.is_not(None) if day is None else state.oldest_due <= day - timedelta(days=least)
    return [since, state.dpd >= least, *(state.dpd < beyond for beyond in BUCKET_FROM_DPD[place + 1 : place + 2])]


def sums(table: Any, balance: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """The sums behind every ratio, over ``loan_state`` or ``book_snapshot``: loans on the book only."""
    on_book = table.c.status.in_(ON_BOOK)

    def of(amount: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(amount).filter(and_(on_book, *conditions)), 0)

    return [
        func.count().filter(on_book).label("active"),
        of(balance).label("outstanding"),
        of(table.c.overdue_fen).label("overdue"),
        of(balance, table.c.dpd > 0).label("late"),
        of(balance, table.c["class"].in_(NON_PERFORMING)).label("bad"),
        of(balance, table.c.dpd >= BUCKET_FROM_DPD[-1]).label("bad_90"),
    ]


def totals(connection: Connection, day: date | None) -> dict[str, Any]:
    """The figures of ``overview.Totals``."""
    on_book = loan_state.c.status.in_(ON_BOOK)
    provision = func.coalesce(func.sum(loan_state.c.provision_fen).filter(on_book), 0).label("provision")
    every = func.count().label("loans")
    book = connection.execute(select(every, provision, *sums(loan_state, loan_state.c.principal_outstanding_fen))).one()
    drawn = connection.execute(
        select(
            func.count(distinct(loan.c.borrower_id)).label("borrowers"),
            func.coalesce(func.sum(loan.c.principal_fen), 0).label("principal"),
        )
    ).one()
    missed = and_(deadline.c.done_on.is_(None), deadline.c.due_on < (day or func.current_date()))
    overdue_review = and_(review.c.status == "open", review.c.due_on < (day or func.current_date()))
    by_status = (
        select(application.c.status, func.count().label("n"))
        .group_by(application.c.status)
        .order_by(application.c.status)
    )
    return {
        "loans": book.loans,
        "active": book.active,
        "borrowers": drawn.borrowers,
        "principal_drawn": yuan(int(drawn.principal)),
        "outstanding": yuan(int(book.outstanding)),
        "overdue": yuan(int(book.overdue)),
        "overdue_ratio": share(book.overdue, book.outstanding),
        "overdue_balance": yuan(int(book.late)),
        "overdue_balance_ratio": share(book.late, book.outstanding),
        "npl_class": yuan(int(book.bad)),
        "npl_ratio_class": share(book.bad, book.outstanding),
        "npl_90": yuan(int(book.bad_90)),
        "npl_ratio_90": share(book.bad_90, book.outstanding),
        "provision": yuan(int(book.provision)),
        "provision_coverage": share(book.provision, book.bad),
        "alerts_open": _count(connection, alert.c.status == "open"),
        "work_open": _count(connection, and_(work_item.c.status == "open", work_item.c.arm != "holdout")),
        "cases_open": _count(connection, legal_case.c.stage != "closed"),
        "deadlines_missed": _count(connection, missed),
        "reviews_open": _count(connection, review.c.status == "open"),
        "reviews_overdue": _count(connection, overdue_review),
        "applications": {row.status: row.n for row in connection.execute(by_status)},
    }


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).where(condition)).scalar_one()


def buckets(connection: Connection) -> list[dict[str, Any]]:
    """The loans on the book by bucket, M0 first."""
    state = loan_state.c
    place = case({name: n for n, name in enumerate(BUCKETS)}, value=state.bucket, else_=len(BUCKETS))
    rows = connection.execute(
        select(
            state.bucket,
            func.count().label("loans"),
            func.sum(state.principal_outstanding_fen).label("outstanding"),
            func.sum(state.overdue_fen).label("overdue"),
        )
        .where(state.status.in_(ON_BOOK))
        .group_by(state.bucket)
        .order_by(place, state.bucket)
    )
    return [
        {
            "bucket": row.bucket,
            "loans": row.loans,
            "outstanding": yuan(int(row.outstanding)),
            "overdue": yuan(int(row.overdue)),
        }
        for row in rows
    ]


def groups(connection: Connection, by: str) -> list[dict[str, Any]]:
    """The loans on the book by ``region``, ``product`` or ``channel``, largest first, at most forty."""
    column = loan.c[by]
    balance = loan_state.c.principal_outstanding_fen
    rows = connection.execute(
        select(column.label("name"), *sums(loan_state, balance))
        .join(loan_state, loan_state.c.loan_id == loan.c.loan_id)
        .where(loan_state.c.status.in_(ON_BOOK))
        .group_by(column)
        .order_by(func.sum(balance).desc(), column)
        .limit(40)
    )
    return [
        {
            "name": row.name,
            "loans": row.active,
            "outstanding": yuan(int(row.outstanding)),
            "overdue": yuan(int(row.overdue)),
            "overdue_ratio": share(row.overdue, row.outstanding),
            "overdue_balance_ratio": share(row.late, row.outstanding),
            "npl_ratio_class": share(row.bad, row.outstanding),
        }
        for row in rows
    ]
