"""The book through time, from its month-end photographs (``book_snapshot``): the months, and the vintages by age."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Date, Integer, and_, cast, extract, func, or_, select

from jiehuan.api.book_figures import sums
from jiehuan.api.shapes import Record, Share, Yuan, share, yuan
from jiehuan.store.tables import book_snapshot, loan

MOST_MONTHS = 36
"""How many months and ages the pictures show."""


class MonthFigures(Record):
    """The book at the last day known of a month."""

    as_of: date
    loans: int
    outstanding: Yuan
    overdue: Yuan
    overdue_ratio: Share
    overdue_balance_ratio: Share
    npl_ratio_class: Share
    npl_ratio_90: Share


class VintageFigures(Record):
    """The loans drawn in one month (``YYYY-MM``), at one age in calendar months.

    ``m1_ratio``: outstanding principal of loans overdue at all, ``over30_ratio``: of loans more than 30 days overdue,
    both over the principal drawn in the month. A loan written off or sold counts in both from then on.
    """

    drawn: str
    age: int
    loans: int
    principal: Yuan
    m1_ratio: Share
    over30_ratio: Share


def snapshot_days(connection: Connection) -> list[date]:
    """The last snapshot day of each month, the newest ``MOST_MONTHS``, oldest first.

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
    rows = connection.execute(
        select(book_snapshot.c.as_of, *sums(book_snapshot, book_snapshot.c.outstanding_fen))
        .where(book_snapshot.c.as_of.in_(snapshot_days(connection)))
        .group_by(book_snapshot.c.as_of)
        .order_by(book_snapshot.c.as_of)
    )
    return [
        {
            "as_of": row.as_of,
            "loans": row.active,
            "outstanding": yuan(int(row.outstanding)),
            "overdue": yuan(int(row.overdue)),
            "overdue_ratio": share(row.overdue, row.outstanding),
            "overdue_balance_ratio": share(row.late, row.outstanding),
            "npl_ratio_class": share(row.bad, row.outstanding),
            "npl_ratio_90": share(row.bad_90, row.outstanding),
        }
        for row in rows
    ]


def vintages(connection: Connection) -> list[dict[str, Any]]:
    """Each month of drawing at each age."""
    shot = book_snapshot.c
    drawn = func.date_trunc("month", loan.c.drawn_on)
    lent = (
        select(drawn.label("drawn"), func.count().label("loans"), func.sum(loan.c.principal_fen).label("principal"))
        .group_by(drawn)
        .subquery()
    )

    def of(part: str) -> ColumnElement[Any]:
        return extract(part, shot.as_of) - extract(part, loan.c.drawn_on)

    age = cast(of("year") * 12 + of("month"), Integer)
    off = shot.status.in_(("written_off", "sold"))

    def bad(least_dpd: int) -> ColumnElement[Any]:
        late = or_(off, and_(shot.dpd >= least_dpd, shot.status != "settled"))
        return func.coalesce(func.sum(shot.outstanding_fen).filter(late), 0)

    seen = (
        select(drawn.label("drawn"), age.label("age"), bad(1).label("m1"), bad(31).label("over30"))
        .select_from(book_snapshot)
        .join(loan, loan.c.loan_id == shot.loan_id)
        .where(shot.as_of.in_(snapshot_days(connection)))
        .group_by(drawn, age)
        .subquery()
    )
    rows = connection.execute(
        select(seen, lent.c.loans, lent.c.principal)
        .join(lent, lent.c.drawn == seen.c.drawn)
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
