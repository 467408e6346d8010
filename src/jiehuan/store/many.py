"""Many loans at once, as ``act`` does it for one: lock them, look at all that a repayment of each depends on, keep what changed.

For plain loans (``bulk.is_plain`` ids). All questions are one statement for all loans, all writing is COPY.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from jiehuan.store.act import STATE
from jiehuan.store.bulk import End, Slim, chain_texts, copy_entries, copy_text
from jiehuan.store.locks import waiting_in_vain
from jiehuan.store.straight import ask, driver_of


class Loan(NamedTuple):
    """What the fold needs of a locked loan. ``simple``: its terms say nothing beside these."""

    loan_id: str
    lender_type: str
    principal_fen: int
    rate_ppm: int
    months: int
    method: str
    drawn_on: Any
    first_due: Any
    penalty_uplift: str | None
    simple: bool
    as_of: Any
    status: str | None


class Chain(NamedTuple):
    """Where a loan's journal stands: its end, how many entries post a movement, and the last of those."""

    end: End
    posted: int
    last: str


class Kept(NamedTuple):
    """Texts of rows for COPY, in the order of the columns below."""

    events: list[str]
    messages: list[str]
    deeds: list[str]


def lock_many(connection: Connection, loan_ids: Sequence[str]) -> None:
    """Hold loans in order of their ids until the transaction ends (``locks``); those that have no standing yet are passed over."""
    with waiting_in_vain(connection, ", ".join(loan_ids[:3])):
        ask(connection, _LOCK, (",".join(loan_ids),))


def look_many(
    connection: Connection, loan_ids: Sequence[str], keys: Sequence[str]
) -> tuple[dict[str, Loan], dict[str, list[tuple[Any, ...]]], dict[str, Chain], set[str], Any]:
    """Locked loans; their events as (event_id, kind, effective_on, known_on, amount); their chains; which keys are used; the day to
    which the whole book is closed or being closed.
    """
    wanted = (",".join(loan_ids),)
    with driver_of(connection).cursor(binary=True) as cursor:
        loans = {row[0]: Loan(*row) for row in cursor.execute(_LOANS, wanted)}
        events: dict[str, list[tuple[Any, ...]]] = {}
        for row in cursor.execute(_EVENTS, wanted):
            events.setdefault(row[0], []).append(row[1:])
        chains = {
            loan_id: Chain(End(n, last, known.isoformat()), posted, entry_id or "")
            for loan_id, n, last, known, posted, entry_id in cursor.execute(_CHAINS, wanted)
        }
        used = {row[0] for row in cursor.execute(_KEYS, (",".join(keys),))}
        row = cursor.execute(_BOOKED_TO).fetchone()
    return loans, events, chains, used, row[0] if row else None


def keep_many(
    connection: Connection,
    kept: Kept,
    posts: Sequence[tuple[str, Sequence[Slim]]],
    chains: Mapping[str, Chain],
    states: bytes,
) -> None:
    """Write events, the entries they add, states (rows of ``STATE`` as COPY reads them), messages and deeds."""
    driver = driver_of(connection)
    copy_text(driver, _INTO_EVENT, "".join(kept.events))
    copy_entries(driver, chain_texts(posts, {loan_id: chain.end for loan_id, chain in chains.items()}))
    driver.execute("CREATE TEMP TABLE IF NOT EXISTS passing_states (LIKE loan_standing) ON COMMIT DELETE ROWS")
    copy_text(driver, f"passing_states ({', '.join(STATE)})", states)
    driver.execute(_MERGE)
    copy_text(driver, "outbox (topic, key, payload)", "".join(kept.messages))
    copy_text(driver, "activity (at, actor, verb, subject, detail)", "".join(kept.deeds))


_INTO_EVENT = "loan_event (loan_id, event_id, kind, effective_on, known_on, body, idempotency_key)"
_WANTED = "unnest(string_to_array(%s, ',')) AS wanted (loan_id)"
_LOCK = (
    "SELECT count(*) FROM (SELECT loan_id FROM loan_standing WHERE loan_id = ANY(string_to_array(%s, ','))"
    " ORDER BY loan_id FOR NO KEY UPDATE) AS held"
)
_LOANS = f"""
SELECT l.loan_id, l.lender_type, l.principal_fen, l.rate_ppm, l.months, l.method, l.drawn_on, l.first_due, l.terms->>'penalty_uplift',
       l.terms - '{{lender_type,principal,rate,months,method,drawn_on,first_due,penalty_uplift}}'::text[] = '{{}}'::jsonb,
       s.as_of, s.status
FROM {_WANTED} JOIN loan l USING (loan_id) LEFT JOIN loan_standing s USING (loan_id)
"""  # noqa: S608 - the texts are ours
_EVENTS = f"""
SELECT e.loan_id, e.event_id, e.kind, e.effective_on, e.known_on, e.body->>'amount'
FROM {_WANTED} JOIN loan_event e USING (loan_id) ORDER BY e.loan_id, e.seq
"""  # noqa: S608
_CHAINS = f"""
SELECT loan_id, e.n, e.hash, e.known, c.posted, p.entry_id
FROM {_WANTED}
CROSS JOIN LATERAL (SELECT n, hash, known FROM entry WHERE entry.loan_id = wanted.loan_id ORDER BY n DESC LIMIT 1) e
CROSS JOIN LATERAL (SELECT count(*) AS posted FROM entry WHERE entry.loan_id = wanted.loan_id AND movement_id <> '') c
LEFT JOIN LATERAL (
  SELECT entry_id FROM entry WHERE entry.loan_id = wanted.loan_id AND movement_id <> '' ORDER BY n DESC LIMIT 1
) p ON true
"""  # noqa: S608
_KEYS = "SELECT idempotency_key FROM unnest(string_to_array(%s, ',')) AS wanted (key) JOIN loan_event ON idempotency_key = wanted.key"
_BOOKED_TO = (
    'SELECT "on" FROM day_end_run WHERE positions IS NOT NULL OR finished_at IS NULL ORDER BY "on" DESC LIMIT 1'
)
_MERGE = (
    "UPDATE loan_standing s SET "  # noqa: S608
    + ", ".join(f'"{name}" = r."{name}"' for name in STATE[1:])
    + " FROM passing_states r WHERE s.loan_id = r.loan_id"
)
