"""What time it is at the doors: the calendar's, but never before the book's day.

A book may stand in the future of the machine's clock (a simulated lender); acts on it must not be older than the book.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from sqlalchemy import Connection

from jiehuan.api.book_figures import book_day
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError, Problem


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


def day_between(connection: Connection, on: date | None, earliest: date) -> date:
    """The day of an act (default: ``act_day``). Raises InputError when it lies before ``earliest`` or in the future."""
    latest = act_day(connection)
    if on is not None and not earliest <= on <= latest:
        reason = f"not between {earliest} and today ({latest})" if earliest > date.min else f"after today ({latest})"
        raise InputError(Problem("body on", str(on), reason, "check the date"))
    return on or latest
