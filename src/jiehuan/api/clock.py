"""What time it is at the doors: the calendar's, but never before the book's day.

A book may stand in the future of the machine's clock (a simulated lender); acts on it must not be older than the book.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from sqlalchemy import Connection

from jiehuan.api.book_figures import book_day
from jiehuan.units.days import CHINA


def moment(connection: Connection) -> datetime:
    """Now, or the evening of the book's day when that is later."""
    now, day = datetime.now(UTC), book_day(connection)
    return now if day is None else max(now, datetime.combine(day, time(18), CHINA))


def act_day(connection: Connection) -> date:
    """The day of ``moment``, in China."""
    return moment(connection).astimezone(CHINA).date()


def shown_day(connection: Connection) -> date:
    """The day that lists are about: the book's; the calendar's while the book is empty."""
    return book_day(connection) or datetime.now(CHINA).date()
