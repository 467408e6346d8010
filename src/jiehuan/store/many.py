"""Many loans at once, as ``act`` does it for one: lock them, look at all that a repayment of each depends on, keep what changed.

For plain loans (``bulk.is_plain`` ids). All questions are one statement for all loans, all writing is COPY.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import Connection

from jiehuan.store.act import STATE
from jiehuan.store.bulk import End, chained_rows, copy_entries, copy_text
from jiehuan.store.locks import waiting_in_vain
from jiehuan.store.straight import ask, driver_of


class Loan(NamedTuple):
    """What the fold needs of a locked loan that has a state and a journal.

    ``bare``: its terms say nothing beside these. ``n``, ``hash``, ``known``: the end of its chain; ``last``: the movement that its
    journal posted last.
    """

    loan_id: str
    lender_type: str
    principal_fen: int
    rate_ppm: int
    months: int
    method: str
    drawn_on: Any
    first_due: Any
    penalty_uplift: str | None
    bare: bool
    as_of: Any
    status: str
    n: int
    hash: bytes
    known: Any
    last: str | None


class Events(NamedTuple):
    """Events of loans in the order in which they were recorded, as columns; amounts as their bodies say them."""

    loan_ids: Sequence[str] = ()
    ids: Sequence[str] = ()
    kinds: Sequence[str] = ()
    effective: Sequence[Any] = ()
    known: Sequence[Any] = ()
    amounts: Sequence[str | None] = ()


class Looked(NamedTuple):
    """Locked loans, their events, which of the keys are used, and the day to which the whole book is closed or being closed."""

    loans: dict[str, Loan]
    events: Events
    used: set[str]
    booked_to: Any


class Kept(NamedTuple):
    """What is to be written: rows as COPY reads them, in the order of the columns below; of entries the table ``bulk.ADDED``; of states
    rows of ``STATE``.
    """

    events: bytes
    messages: bytes
    deeds: bytes
    entries: pl.DataFrame
    states: bytes


def lock_many(connection: Connection, loan_ids: Sequence[str]) -> None:
    """Hold loans in order of their ids until the transaction ends (``locks``); those that have no standing yet are passed over."""
    with waiting_in_vain(connection, ", ".join(loan_ids[:3])):
        ask(connection, _LOCK, (",".join(loan_ids),))


def look_many(connection: Connection, loan_ids: Sequence[str], keys: Sequence[str]) -> Looked:
    """All that repayments with these keys depend on. The caller holds the loans; those without state or entries are not in it."""
    wanted = (",".join(loan_ids),)
    with driver_of(connection).cursor(binary=True) as cursor:
        loans = {row[0]: Loan._make(row) for row in cursor.execute(_LOANS, wanted).fetchall()}
        events = Events(*zip(*cursor.execute(_EVENTS, wanted).fetchall(), strict=True))
        used = {row[0] for row in cursor.execute(_KEYS, (",".join(keys),)).fetchall()}
        row = cursor.execute(_BOOKED_TO).fetchone()
    return Looked(loans, events, used, row[0] if row else None)


def keep_many(connection: Connection, kept: Kept, loans: Mapping[str, Loan]) -> None:
    """Write events, the entries they add, states, messages and deeds."""
    driver = driver_of(connection)
    copy_text(driver, _INTO_EVENT, kept.events)
    ends = {loan_id: End(loan.n, loan.hash, loan.known.isoformat()) for loan_id, loan in loans.items()}
    copy_entries(driver, chained_rows(kept.entries, ends))
    driver.execute("CREATE TEMP TABLE IF NOT EXISTS passing_states (LIKE loan_standing) ON COMMIT DELETE ROWS")
    copy_text(driver, f"passing_states ({', '.join(STATE)})", kept.states)
    driver.execute(_MERGE)
    copy_text(driver, "outbox (topic, key, payload)", kept.messages)
    copy_text(driver, "activity (at, actor, verb, subject, detail)", kept.deeds)


_INTO_EVENT = "loan_event (loan_id, event_id, kind, effective_on, known_on, body, idempotency_key)"
_WANTED = "unnest(string_to_array(%s, ',')) AS wanted (loan_id)"
_LOCK = (
    "SELECT count(*) FROM (SELECT loan_id FROM loan_standing WHERE loan_id = ANY(string_to_array(%s, ','))"
    " ORDER BY loan_id FOR NO KEY UPDATE) AS held"
)
_LOANS = f"""
SELECT l.loan_id, l.lender_type, l.principal_fen, l.rate_ppm, l.months, l.method, l.drawn_on, l.first_due, l.terms->>'penalty_uplift',
       l.bare, s.as_of, s.status, e.n, e.hash, e.known,
       CASE WHEN e.movement_id <> '' THEN e.movement_id ELSE (
         SELECT p.movement_id FROM entry p WHERE p.loan_id = wanted.loan_id AND p.movement_id <> '' ORDER BY p.n DESC LIMIT 1
       ) END
FROM {_WANTED}
JOIN loan l USING (loan_id)
JOIN loan_standing s USING (loan_id)
CROSS JOIN LATERAL (
  SELECT n, hash, known, movement_id FROM entry WHERE entry.loan_id = wanted.loan_id ORDER BY n DESC LIMIT 1
) e
"""  # noqa: S608 - the texts are ours
_EVENTS = f"""
SELECT e.loan_id, e.event_id, e.kind, e.effective_on, e.known_on, e.body->>'amount'
FROM {_WANTED} JOIN loan_event e USING (loan_id) ORDER BY e.loan_id, e.seq
"""  # noqa: S608
_KEYS = "SELECT idempotency_key FROM loan_event WHERE idempotency_key = ANY(string_to_array(%s, ','))"
_BOOKED_TO = (
    'SELECT "on" FROM day_end_run WHERE positions IS NOT NULL OR finished_at IS NULL ORDER BY "on" DESC LIMIT 1'
)
_MERGE = (
    "UPDATE loan_standing s SET "  # noqa: S608
    + ", ".join(f'"{name}" = r."{name}"' for name in STATE[1:])
    + " FROM passing_states r WHERE s.loan_id = r.loan_id"
)
