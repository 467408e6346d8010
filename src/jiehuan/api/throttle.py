"""Failed logins are slowed down: counted in the diary per login and address, per login, and per address.

An attempt is written before the password is looked at, so that a crowd of requests at once is counted too. The login is
written as a digest only: people mistype their password into the wrong field.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, text

from jiehuan.api.errors import TooMany
from jiehuan.api.rules import rules
from jiehuan.flow.activity import note
from jiehuan.store.tables import activity
from jiehuan.units.errors import Problem
from jiehuan.units.ids import derived_id


def count_attempt(connection: Connection, now: datetime, login: str, address: str) -> None:
    """Write an attempt down. Raises TooMany, and writes nothing, when there were too many in the window."""
    limits = rules().throttle
    window = timedelta(minutes=limits["window_minutes"])
    for subject, most in _subjects(login, address).items():
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))"), {"subject": subject})
        tried, good, since = _counted(connection, subject, now - window, forgiven=most != "per_address")
        if tried - good >= limits[most]:
            wait = max(1, int((since + window - now).total_seconds()) + 1)
            raise TooMany(Problem("login", "", "too many failed attempts", f"wait {-(-wait // 60)} minutes"), wait)
    for subject in _subjects(login, address):
        note(connection, now, "login", "login_attempt", subject)


def forgive(connection: Connection, now: datetime, login: str, address: str) -> None:
    """A good login: what was counted for the login is cleared; of the address's attempts, this one is."""
    for subject in _subjects(login, address):
        note(connection, now, "login", "login_good", subject)


def _counted(connection: Connection, subject: str, since: datetime, *, forgiven: bool) -> tuple[int, int, datetime]:
    """A subject's attempts and good logins, and the first attempt; after the last good login only, if ``forgiven``."""
    mine = activity.c.subject == subject, activity.c.at > since
    last_good = select(func.max(activity.c.id)).where(*mine, activity.c.verb == "login_good").scalar_subquery()
    start = func.coalesce(last_good, 0) if forgiven else 0
    tried = activity.c.verb == "login_attempt"
    found = connection.execute(
        select(
            func.count().filter(tried),
            func.count().filter(activity.c.verb == "login_good"),
            func.coalesce(func.min(activity.c.at).filter(tried), since),
        ).where(*mine, activity.c.id > start)
    ).one()
    return int(found[0]), int(found[1]), found[2]


def _subjects(login: str, address: str) -> dict[str, str]:
    return {
        derived_id("lg", login.lower(), address): "per_login_and_address",
        derived_id("lg", login.lower()): "per_login",
        derived_id("ad", address): "per_address",
    }
