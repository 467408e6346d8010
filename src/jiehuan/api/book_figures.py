"""Portfolio figures straight from SQL, for the overview: each function is one question to the database.

The definitions are those of the ``book`` room, and a test holds the two together. SQL answers them here because the
rows are there.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Date, Integer, and_, case, cast, distinct, extract, func, or_, select

from jiehuan.api.shapes import Record, Share, Yuan, share, yuan
from jiehuan.store.tables import alert, application, book_snapshot, deadline, legal_case, loan, loan_state, work_item

BAD_CLASSES = ("substandard", "doubtful", "loss")
"""The non-performing classes of the five-class scheme (risk classification rules for commercial banks, 2023)."""

NPL_DAYS = 90
"""The other basis: more days past due than this."""

LEFT = ("written_off", "sold", "settled")
"""States in which a loan is no longer on the book."""

MOST_MONTHS = 36
"""How many months and ages the pictures show."""


class MonthFigures(Record):
    """The book at the last day known of a month."""

    as_of: date
    loans: int
    outstanding: Yuan
    overdue: Yuan
    overdue_ratio: Share
    npl_ratio_class: Share
    npl_ratio_90: Share


class VintageFigures(Record):
    """The loans drawn in one month, at one age in months.

    ``m1_ratio`` is the outstanding principal of loans overdue at all, ``over30_ratio`` of loans more than 30 days
    overdue or written off or sold since, both over the principal drawn in the month.
    """

    drawn: str
    age: int
    loans: int
    principal: Yuan
    m1_ratio: Share
    over30_ratio: Share


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
    npl_ratio_class: Share


def book_day(connection: Connection) -> date | None:
    """The day at which the book stands."""
    day: date | None = connection.execute(select(func.max(loan_state.c.as_of))).scalar_one()
    return day


def totals(connection: Connection, day: date | None) -> dict[str, Any]:
    """The figures of ``overview.Totals``."""
    on_book = loan_state.c.status.not_in(LEFT)
    principal = loan_state.c.principal_outstanding_fen
    book = connection.execute(
        select(
            func.count().label("loans"),
            func.count().filter(on_book).label("active"),
            func.coalesce(func.sum(principal).filter(on_book), 0).label("outstanding"),
            func.coalesce(func.sum(loan_state.c.overdue_fen).filter(on_book), 0).label("overdue"),
            func.coalesce(func.sum(principal).filter(and_(on_book, loan_state.c.dpd > 0)), 0).label("late"),
            func.coalesce(func.sum(principal).filter(and_(on_book, loan_state.c["class"].in_(BAD_CLASSES))), 0).label(
                "bad"
            ),
            func.coalesce(func.sum(principal).filter(and_(on_book, loan_state.c.dpd > NPL_DAYS)), 0).label("bad_90"),
            func.coalesce(func.sum(loan_state.c.provision_fen).filter(on_book), 0).label("provision"),
        )
    ).one()
    drawn = connection.execute(
        select(
            func.count(distinct(loan.c.borrower_id)).label("borrowers"),
            func.coalesce(func.sum(loan.c.principal_fen), 0).label("drawn"),
        )
    ).one()
    missed = and_(deadline.c.done_on.is_(None), deadline.c.due_on < (day or func.current_date()))
    statuses = connection.execute(
        select(application.c.status, func.count()).group_by(application.c.status).order_by(application.c.status)
    )
    return {
        "loans": book.loans,
        "active": book.active,
        "borrowers": drawn.borrowers,
        "principal_drawn": yuan(int(drawn.drawn)),
        "outstanding": yuan(int(book.outstanding)),
        "overdue": yuan(int(book.overdue)),
        "overdue_ratio": share(book.late, book.outstanding),
        "npl_class": yuan(int(book.bad)),
        "npl_ratio_class": share(book.bad, book.outstanding),
        "npl_90": yuan(int(book.bad_90)),
        "npl_ratio_90": share(book.bad_90, book.outstanding),
        "provision": yuan(int(book.provision)),
        "provision_coverage": share(book.provision, book.bad),
        "alerts_open": _count(connection, alert.c.status == "open"),
        "work_open": _count(connection, work_item.c.status == "open"),
        "cases_open": _count(connection, legal_case.c.stage != "closed"),
        "deadlines_missed": _count(connection, missed),
        "applications": dict(statuses.tuples().all()),
    }


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).where(condition)).scalar_one()


def snapshot_days(connection: Connection) -> list[date]:
    """The last snapshot day of each month, newest ``MOST_MONTHS``, oldest first.

    Days are found by stepping through the index (a recursive query), not by reading the snapshots.
    """
    first = select(func.max(book_snapshot.c.as_of).label("day")).cte("days", recursive=True)
    start_of_month = cast(func.date_trunc("month", first.c.day), Date)
    earlier = select(func.max(book_snapshot.c.as_of)).where(book_snapshot.c.as_of < start_of_month).scalar_subquery()
    days = first.union_all(select(earlier).where(first.c.day.is_not(None)))
    found = connection.execute(select(days.c.day).where(days.c.day.is_not(None)).limit(MOST_MONTHS)).scalars().all()
    return sorted(found)


def months(connection: Connection) -> list[dict[str, Any]]:
    """The book at the end of each month."""
    days = snapshot_days(connection)
    shot = book_snapshot.c
    on_book = shot.status.not_in(LEFT)
    rows = connection.execute(
        select(
            shot.as_of,
            func.count().filter(on_book).label("loans"),
            *_ratio_sums(on_book, shot.outstanding_fen, shot.overdue_fen, shot.dpd, shot["class"]),
        )
        .where(shot.as_of.in_(days))
        .group_by(shot.as_of)
        .order_by(shot.as_of)
    ).mappings()
    return [
        {
            "as_of": row["as_of"],
            "loans": row["loans"],
            "outstanding": yuan(int(row["outstanding"])),
            "overdue": yuan(int(row["overdue"])),
            "overdue_ratio": share(row["late"], row["outstanding"]),
            "npl_ratio_class": share(row["bad"], row["outstanding"]),
            "npl_ratio_90": share(row["bad_90"], row["outstanding"]),
        }
        for row in rows
    ]


def _ratio_sums(
    on_book: ColumnElement[bool],
    balance: ColumnElement[Any],
    overdue: ColumnElement[Any],
    dpd: ColumnElement[Any],
    grade: ColumnElement[Any],
) -> list[ColumnElement[Any]]:
    def of(amount: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(amount).filter(and_(on_book, *conditions)), 0)

    return [
        of(balance).label("outstanding"),
        of(overdue).label("overdue"),
        of(balance, dpd > 0).label("late"),
        of(balance, grade.in_(BAD_CLASSES)).label("bad"),
        of(balance, dpd > NPL_DAYS).label("bad_90"),
    ]


def vintages(connection: Connection) -> list[dict[str, Any]]:
    """Each month of drawing at each age, from the month-end snapshots."""
    days = snapshot_days(connection)
    drawn = func.date_trunc("month", loan.c.drawn_on)
    cohort = (
        select(drawn.label("drawn"), func.count().label("loans"), func.sum(loan.c.principal_fen).label("principal"))
        .group_by(drawn)
        .subquery()
    )
    shot = book_snapshot.c
    age = cast(
        (extract("year", shot.as_of) - extract("year", loan.c.drawn_on)) * 12
        + extract("month", shot.as_of)
        - extract("month", loan.c.drawn_on),
        Integer,
    )
    lost = shot.status.in_(("written_off", "sold"))
    on_book = shot.status.not_in(LEFT)
    seen = (
        select(
            drawn.label("drawn"),
            age.label("age"),
            func.coalesce(func.sum(shot.outstanding_fen).filter(and_(on_book, shot.dpd > 0)), 0).label("m1"),
            func.coalesce(func.sum(shot.outstanding_fen).filter(or_(and_(on_book, shot.dpd > 30), lost)), 0).label(
                "over30"
            ),
        )
        .join(loan, loan.c.loan_id == shot.loan_id)
        .where(shot.as_of.in_(days))
        .group_by(drawn, age)
        .subquery()
    )
    rows = connection.execute(
        select(seen, cohort.c.loans, cohort.c.principal)
        .join(cohort, cohort.c.drawn == seen.c.drawn)
        .where(seen.c.age.between(0, MOST_MONTHS))
        .order_by(seen.c.drawn, seen.c.age)
    )
    return [
        {
            "drawn": row.drawn.strftime("%Y-%m"),
            "age": row.age,
            "loans": row.loans,
            "principal": yuan(int(row.principal)),
            "m1_ratio": share(row.m1, row.principal),
            "over30_ratio": share(row.over30, row.principal),
        }
        for row in rows
    ]


def buckets(connection: Connection) -> list[dict[str, Any]]:
    """The loans on the book by bucket, M0 first."""
    place = case({"M0": 0, "M1": 1, "M2": 2, "M3": 3, "M3+": 4}, value=loan_state.c.bucket, else_=5)
    rows = connection.execute(
        select(
            loan_state.c.bucket,
            func.count().label("loans"),
            func.sum(loan_state.c.principal_outstanding_fen).label("outstanding"),
            func.sum(loan_state.c.overdue_fen).label("overdue"),
        )
        .where(loan_state.c.status.not_in(LEFT))
        .group_by(loan_state.c.bucket)
        .order_by(place, loan_state.c.bucket)
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
    state = loan_state.c
    rows = connection.execute(
        select(
            column.label("name"),
            func.count().label("loans"),
            *_ratio_sums(
                state.status.not_in(LEFT), state.principal_outstanding_fen, state.overdue_fen, state.dpd, state["class"]
            ),
        )
        .join(loan_state, loan_state.c.loan_id == loan.c.loan_id)
        .where(state.status.not_in(LEFT))
        .group_by(column)
        .order_by(func.sum(state.principal_outstanding_fen).desc(), column)
        .limit(40)
    ).mappings()
    return [
        {
            "name": row["name"],
            "loans": row["loans"],
            "outstanding": yuan(int(row["outstanding"])),
            "overdue": yuan(int(row["overdue"])),
            "overdue_ratio": share(row["late"], row["outstanding"]),
            "npl_ratio_class": share(row["bad"], row["outstanding"]),
        }
        for row in rows
    ]
