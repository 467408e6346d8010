"""Once a day every account is told what time it is, so that signals of what did not happen (income that stays away) are judged.

A tick is an event of kind ``tick`` in the inbox, one for each borrower with an open loan; a worker takes it like any other.
Of an account's ticks the last is kept, and those that raised an alert.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection, select, text

from jiehuan.store.rows import upsert
from jiehuan.store.tables import setting

LAST = "watch.ticked"
"""The setting that holds the last day of which ticks were put into the inbox."""


def put_ticks(connection: Connection, on: date, now: datetime) -> int:
    """Put the ticks of a closed day into the inbox, once; how many. ``now``: the time that they tell."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": LAST})
    last = connection.execute(select(setting.c.value).where(setting.c.key == LAST)).scalar_one_or_none()
    if last is not None and last["on"] >= on.isoformat():
        return 0
    put = connection.execute(_PUT, {"on": on.isoformat(), "at": now.isoformat()}).rowcount
    upsert(connection, setting, [{"key": LAST, "value": {"on": on.isoformat()}}])
    return int(put)


_PUT = text(
    "INSERT INTO signal_inbox (event_id, content, sender)"
    " SELECT 'tick ' || CAST(:on AS text) || ' ' || borrower_id, jsonb_build_object('event_id',"
    " 'tick ' || CAST(:on AS text) || ' ' || borrower_id, 'account_id', borrower_id, 'at', CAST(:at AS text), 'kind', 'tick'), 'day end'"
    " FROM (SELECT DISTINCT l.borrower_id FROM loan l JOIN loan_state s USING (loan_id) WHERE s.status = 'active') AS open"
    " ON CONFLICT DO NOTHING"
)
