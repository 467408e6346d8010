"""What the day end does for admission: reviews whose day passed are raised, answers of sources whose days are over forgotten."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from jiehuan.flow.reviews import raise_missed
from jiehuan.flow.sources import forget_expired
from jiehuan.units.days import CHINA


def end_admission_day(connection: Connection, on: date) -> int:
    """The evening of ``on``; how many reviews were raised. Twice raises nothing again."""
    midnight = datetime.combine(on + timedelta(days=1), time(0), CHINA)
    forget_expired(connection, midnight)
    return raise_missed(connection, on)
