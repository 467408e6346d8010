"""The timer of the day end: after the hour that the worker was told, every day that is not closed yet is closed, and each
account with an open loan is told the time, so that signals of what did not happen are judged (``flow.ticks``).

What is closed stands in the database (``day_end_run``), so the timer needs no memory: a worker that starts late closes what was
missed, one that is killed goes on where it was, and of two workers one finds the other at it and waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from datetime import time as clock_time

import structlog

from jiehuan.flow.closing import catch_up
from jiehuan.flow.own_events import put_own_events
from jiehuan.flow.ticks import put_ticks
from jiehuan.scale.metrics import Metrics
from jiehuan.store.database import Database
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Conflict, Refused

log = structlog.get_logger("jiehuan.worker")

AGAIN = 60.0
"""Seconds after which a day end that was refused, or at which another worker is, is tried again."""


class DayEndTimer:
    """Closes the days up to yesterday, once a day, after ``at`` (China). ``now``: its clock."""

    def __init__(
        self,
        database: Database,
        *,
        at: clock_time,
        now: Callable[[], datetime] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.database, self.at = database, at
        self.metrics = metrics if metrics is not None else Metrics()
        self._now = now if now is not None else lambda: datetime.now(CHINA)
        self._closed: date | None = None
        self._not_before = 0.0

    def due(self) -> date | None:
        """The day to close up to, or None when nothing is due."""
        now = self._now()
        to = now.date() - timedelta(days=1 if now.time() >= self.at else 2)
        return None if self._closed is not None and self._closed >= to else to

    def step(self) -> int:
        """Close what is due; how many days were closed."""
        to = self.due()
        if to is None or time.monotonic() < self._not_before:
            return 0
        try:
            told = catch_up(self.database, to)
        except Conflict:
            self._not_before = time.monotonic() + AGAIN
            return 0
        except Refused as error:
            self._not_before = time.monotonic() + AGAIN
            log.error("the day end was refused", why=str(error))
            return 0
        with self.database.begin() as connection:
            happened = put_own_events(connection, to)
            ticks = put_ticks(connection, to, self._now())
        self._closed = to
        for day in told:
            facts = {name: day.get(name) for name in ("loans", "overdue", "changed", "entries")}
            log.info("day closed", on=day["on"], refused=len(day.get("refused", ())), **facts)
        if happened:
            log.info("own events", on=to.isoformat(), events=happened)
        if ticks:
            log.info("ticks", on=to.isoformat(), accounts=ticks)
        self.metrics.add("days_closed", len(told))
        return len(told)
