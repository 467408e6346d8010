"""The book at a glance: totals, the months, the vintages, where the overdue money stands, what happened last.

The NPL ratio is told on both bases that the field uses: the five-class one (substandard, doubtful, loss) and days past
due over 90. Both divide by the outstanding principal of loans on the book; written-off and sold loans have left it.
"""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter

from jiehuan.api.access import Store
from jiehuan.api.activity import RecentRow, latest_activity
from jiehuan.api.book_figures import BucketFigures, GroupFigures, book_day, buckets, groups, totals
from jiehuan.api.book_series import MonthFigures, VintageFigures, months, vintages
from jiehuan.api.shapes import Record, Share, Yuan

router = APIRouter(prefix="/api", tags=["overview"])


class Totals(Record):
    """The book on its day.

    ``overdue`` is what is due and unpaid, ``overdue_balance`` the whole principal of loans with any day past due.
    ``provision_coverage`` is provision over non-performing principal (five-class).
    """

    loans: int
    active: int
    borrowers: int
    principal_drawn: Yuan
    outstanding: Yuan
    overdue: Yuan
    overdue_ratio: Share
    overdue_balance: Yuan
    overdue_balance_ratio: Share
    npl_class: Yuan
    npl_ratio_class: Share
    npl_90: Yuan
    npl_ratio_90: Share
    provision: Yuan
    provision_coverage: Share
    alerts_open: int
    work_open: int
    cases_open: int
    deadlines_missed: int
    reviews_open: int
    reviews_overdue: int
    applications: dict[str, int]


class Overview(Record):
    """What the console's first page shows. ``as_of`` is the book's day; none while the book is empty."""

    as_of: date | None
    totals: Totals
    months: list[MonthFigures]
    vintages: list[VintageFigures]
    buckets: list[BucketFigures]
    regions: list[GroupFigures]
    products: list[GroupFigures]
    channels: list[GroupFigures]
    recent: list[RecentRow]


@router.get("/overview")
def get_overview(database: Store) -> Overview:
    """The figures of the whole book on its last day."""
    with database.connect() as connection:
        day = book_day(connection)
        return Overview(
            as_of=day,
            totals=Totals(**totals(connection, day)),
            months=[MonthFigures(**row) for row in months(connection)],
            vintages=[VintageFigures(**row) for row in vintages(connection)],
            buckets=[BucketFigures(**row) for row in buckets(connection)],
            regions=[GroupFigures(**row) for row in groups(connection, "region")],
            products=[GroupFigures(**row) for row in groups(connection, "product")],
            channels=[GroupFigures(**row) for row in groups(connection, "channel")],
            recent=latest_activity(connection, 20),
        )
