"""Many loans at once, as ``act`` does it for one: lock them, look at all that a repayment of each depends on, keep what changed.

For plain loans (``bulk.is_plain`` ids). All questions are one statement for all loans, all writing is COPY.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import polars as pl
import psycopg
from sqlalchemy import Connection

from jiehuan.store.act import STATE
from jiehuan.store.bulk import chained_rows, copy_entries, copy_text
from jiehuan.store.locks import waiting_in_vain
from jiehuan.store.straight import ask, driver_of
from jiehuan.units.errors import Conflict, Problem


class Standing(NamedTuple):
    """What a locked row of ``loan_standing`` says that decides on the way, and ``place``: where the row lies while it is locked."""

    loan_id: str
    place: str
    as_of: Any
    status: str


class Loan(NamedTuple):
    """What the fold needs of a loan that has a journal.

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
    n: int
    hash: bytes
    known: str
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
    """Loans, their events, which of the keys are used, and the day to which the whole book is closed or being closed."""

    loans: dict[str, Loan]
    events: Events
    used: set[str]
    booked_to: Any


class Kept(NamedTuple):
    """What is to be written: rows as COPY reads them, in the order of the columns below; of entries the table ``bulk.ADDED``; of states
    the place of the row and ``STATE``.
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


def hold_many(connection: Connection, loan_ids: Sequence[str]) -> dict[str, Standing]:
    """The same, and how the loans that are held now stand."""
    with waiting_in_vain(connection, ", ".join(loan_ids[:3])), driver_of(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(_HOLD, (",".join(loan_ids),)).fetchall()
    return {row[0]: Standing._make(row) for row in rows}


def look_many(connection: Connection, loan_ids: Sequence[str], keys: Sequence[str]) -> Looked:
    """All that repayments with these keys depend on. The caller holds the loans; those without entries are not in it."""
    wanted = (",".join(loan_ids),)
    driver = driver_of(connection)
    with _by_index(driver), driver.cursor(binary=True) as cursor:
        loans = {row[0]: Loan._make(row) for row in cursor.execute(_LOANS, wanted).fetchall()}
        events = Events(*zip(*cursor.execute(_EVENTS, wanted).fetchall(), strict=True))
        used = {row[0] for row in cursor.execute(_KEYS, (",".join(keys),)).fetchall()}
        row = cursor.execute(_BOOKED_TO).fetchone()
    return Looked(loans, events, used, row[0] if row else None)


def keep_many(connection: Connection, kept: Kept, loans: Mapping[str, Loan]) -> None:
    """Write events, the entries they add, states, messages and deeds. Raises Conflict when a state's row is not where it was."""
    driver = driver_of(connection)
    copy_text(driver, _INTO_EVENT, kept.events)
    copy_entries(driver, chained_rows(kept.entries, loans))
    driver.execute(_PASSING)
    copy_text(driver, f"passing_states (place, {', '.join(STATE)})", kept.states)
    with _by_index(driver):
        merged = driver.execute(_MERGE).rowcount
    if merged != kept.states.count(b"\n"):
        raise Conflict(Problem("loans", str(merged), "a loan's state is not where it was", "send it again"))
    copy_text(driver, "outbox (topic, key, payload)", kept.messages)
    copy_text(driver, "activity (at, actor, verb, subject, detail)", kept.deeds)


@contextmanager
def _by_index(driver: psycopg.Connection[Any]) -> Iterator[None]:
    """Find a few thousand loans by their indexes. PostgreSQL would sooner read a whole table into a hash table, which takes as long
    as all else that a chunk asks, and longer in a larger book.
    """
    driver.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
    yield
    driver.execute("SET LOCAL enable_hashjoin = DEFAULT; SET LOCAL enable_mergejoin = DEFAULT")


_INTO_EVENT = "loan_event (loan_id, event_id, kind, effective_on, known_on, body, idempotency_key)"
_WANTED = "unnest(string_to_array(%s, ',')) AS wanted (loan_id)"
_HELD = "FROM loan_standing WHERE loan_id = ANY(string_to_array(%s, ',')) ORDER BY loan_id FOR NO KEY UPDATE"
_LOCK = f"SELECT count(*) FROM (SELECT loan_id {_HELD}) AS held"  # noqa: S608 - ours
_HOLD = f"SELECT loan_id, ctid::text, as_of, status {_HELD}"
_LOANS = f"""
SELECT l.loan_id, l.lender_type, l.principal_fen, l.rate_ppm, l.months, l.method, l.drawn_on, l.first_due, l.terms->>'penalty_uplift',
       l.bare, e.n, e.hash, e.known::text,
       CASE WHEN e.movement_id <> '' THEN e.movement_id ELSE (
         SELECT p.movement_id FROM entry p WHERE p.loan_id = wanted.loan_id AND p.movement_id <> '' ORDER BY p.n DESC LIMIT 1
       ) END
FROM {_WANTED}
JOIN loan l USING (loan_id)
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
    + " FROM passing_states r WHERE s.ctid = r.place AND s.loan_id = r.loan_id"
)
_PASSING = (
    "CREATE TEMP TABLE IF NOT EXISTS passing_states (LIKE loan_standing, place TID NOT NULL) ON COMMIT DELETE ROWS"
)
