"""One act on one loan in two statements: lock it and look at all that the act depends on, keep all that it changes.

``look`` is a function in the database of two statements: one takes the lock, the next sees what another writer committed while the
first one waited. ``keep`` writes event, entries, state, message and deed in one statement, so that a repayment costs the server few
turns and either all of it is there or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg.errors import UniqueViolation
from sqlalchemy import Connection

from jiehuan.ledger import Entry
from jiehuan.loan import Event
from jiehuan.store.chain import first_hash
from jiehuan.store.journal import Head, chained
from jiehuan.store.locks import waiting_in_vain
from jiehuan.store.rows import to_json
from jiehuan.store.straight import ask, send
from jiehuan.units.errors import Conflict, Problem, Refused

STATE = (
    "loan_id", "as_of", "principal_outstanding_fen", "interest_due_fen", "penalty_due_fen", "costs_due_fen", "overdue_fen",
    "credit_balance_fen", "class", "provision_fen", "status", "next_due", "oldest_due", "penalty_base_fen", "penalty_fen_days",
    "penalty_numerator", "penalty_denominator",
)  # fmt: skip
"""Columns of ``loan_standing``."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A loan under its lock. ``terms`` and ``events`` are JSON texts, events in the order in which they were recorded.

    ``same_key``: loan and body of the event that has the act's key already. ``booked_to``: the day to which the whole book is
    closed or being closed. ``posted``: ids of the entries that post movements, in the order of the chain; ``head``: its end.
    """

    loan_id: str
    terms: str
    events: tuple[str, ...]
    same_key: tuple[str, str] | None
    as_of: date | None
    status: str | None
    booked_to: date | None
    head: Head
    posted: Sequence[str]


class Message(NamedTuple):
    """A message for the outbox."""

    topic: str
    key: str
    payload: Mapping[str, Any]


class Deed(NamedTuple):
    """A line of the activity log."""

    at: datetime
    actor: str
    verb: str
    subject: str
    detail: Mapping[str, Any]


def look(connection: Connection, loan_id: str, key: str) -> Seen:
    """Lock a loan until the transaction ends and read it. Raises Refused when there is none, Conflict when it stays busy."""
    with waiting_in_vain(connection, loan_id):
        row = ask(connection, _LOOK, (loan_id, key))
    if row is None or row[0] is None:
        raise Refused(Problem("loan", loan_id, "no such loan", "check the id"))
    terms, events, same_loan, same_body, as_of, status, booked_to, n, last, known, posted = row
    head = Head(-1, first_hash(loan_id), date.min) if n is None else Head(n, bytes(last), known)
    same = None if same_loan is None else (same_loan, same_body)
    return Seen(loan_id, terms, tuple(events), same, as_of, status, booked_to, head, posted)


def keep(
    connection: Connection,
    seen: Seen,
    event: Event,
    key: str,
    fresh: Sequence[Entry],
    state: Mapping[str, Any],
    message: Message | None = None,
    deed: Deed | None = None,
) -> None:
    """Write an event, the entries that it adds to its loan's chain, the loan's state, and what is told of it.

    ``fresh``: the entries in their order; ``state``: the row of ``loan_standing``.
    """
    values = [
        seen.loan_id, event.id, event.kind, event.on, event.known_on, to_json(event.as_document()), key,
        seen.loan_id,
        to_json([
            {"i": e[0], "n": e[2], "m": e[3], "v": e[4], "r": e[5], "k": e[6], "e": e[7], "w": e[8], "h": e[9].hex(), "a": e[10], "f": e[11]}
            for e in chained(seen.loan_id, seen.head, fresh)
        ]),
        *(state[name] for name in STATE),
    ]  # fmt: skip
    statement = _KEEP
    if message is not None:
        statement += _SAY
        values += [message.topic, message.key, to_json(message.payload)]
    if deed is not None:
        statement += _NOTE
        values += [deed.at, deed.actor, deed.verb, deed.subject, to_json(deed.detail)]
    try:
        send(connection, statement + "\nSELECT 1", values)
    except UniqueViolation as error:
        if error.diag.constraint_name != "uq_loan_event_idempotency_key":
            raise
        reason = "is being used by another request right now"
        raise Conflict(Problem("idempotency key", key, reason, "use a new key")) from None


_LOOK = "SELECT * FROM look_at_loan(%s, %s)"
_KEEP = f"""
WITH happened AS (
  INSERT INTO loan_event (loan_id, event_id, kind, effective_on, known_on, body, idempotency_key)
  VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s)
), posted AS (
  INSERT INTO entry (entry_id, loan_id, n, movement_id, event_id, reverses, kind, effective, known, hash, accounts, amounts)
  SELECT i, %s, n, m, v, r, k, e, w, decode(h, 'hex'), a, f FROM jsonb_to_recordset(%s::jsonb)
    AS x(i text, n int, m text, v text, r text, k text, e date, w date, h text, a text[], f bigint[])
), standing AS (
  INSERT INTO loan_standing ({", ".join(f'"{name}"' for name in STATE)}) VALUES ({", ".join(["%s"] * len(STATE))})
  ON CONFLICT (loan_id) DO UPDATE SET {", ".join(f'"{name}" = excluded."{name}"' for name in STATE[1:])}
)"""  # noqa: S608 - the names are ours
_SAY = """, said AS (INSERT INTO outbox (topic, key, payload) VALUES (%s, %s, %s::json))"""
_NOTE = """, noted AS (INSERT INTO activity (at, actor, verb, subject, detail) VALUES (%s, %s, %s, %s, %s::jsonb))"""
