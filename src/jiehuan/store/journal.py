"""The journal in the database: entries are appended, chained by hash, never changed.

``append_entries`` and ``append_many`` take a loan's whole journal as ``jiehuan.ledger.journal`` gives it and add what
is not there yet, so that asking twice adds nothing. The caller holds the loans' locks (``locks.py``) since before it
read their events; a journal made of fewer events than the books hold is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import Connection, insert, text

from jiehuan.ledger import Entry, Line, amended, standing_entries
from jiehuan.store.chain import entry_hash, first_hash
from jiehuan.store.rows import copy_tuples
from jiehuan.store.tables import entry as entry_table
from jiehuan.units.errors import Conflict, Problem

LOANS_AT_ONCE = 2_000
_ANALYZE_FROM = 10_000
_COPY_FROM = 50  # below it one INSERT is faster than a COPY


def append_entries(connection: Connection, loan_id: str, entries: Sequence[Entry]) -> int:
    """Bring one loan's stored journal up to ``entries``; how many were added. Compares every entry, line by line."""
    rows = connection.execute(_ENTRIES, {"loans": [loan_id]}).all()
    stored = [entry_of(row) for row in rows]
    there = {entry.entry_id for entry in stored}
    fresh = _missing(stored, [entry for entry in entries if entry.movement_id])
    fresh += [entry for entry in entries if not entry.movement_id and entry.entry_id not in there]
    end = {loan_id: Head(rows[-1].n, bytes(rows[-1].hash), rows[-1].known)} if rows else {}
    return _write(connection, {loan_id: fresh}, end)


def missing(connection: Connection, loan_id: str, entries: Sequence[Entry]) -> list[Entry]:
    """What the stored journal of a loan lacks of ``entries``: every entry is compared, line by line."""
    stored = read_entries(connection, [loan_id])[loan_id]
    there = {entry.entry_id for entry in stored}
    found = _missing(stored, [entry for entry in entries if entry.movement_id])
    return found + [entry for entry in entries if not entry.movement_id and entry.entry_id not in there]


def append_many(connection: Connection, journals: Iterable[tuple[str, Sequence[Entry]]]) -> int:
    """The same for many loans, in bulk: a stored journal is compared by length and last entry, in full if they differ."""
    added = 0
    rest = iter(journals)
    while part := list(islice(rest, LOANS_AT_ONCE)):
        added += _append(connection, part)
    if added > _ANALYZE_FROM:
        connection.execute(text("ANALYZE entry"))  # the planner must not take a full table for an empty one
    return added


def extend(connection: Connection, fresh: Mapping[str, Sequence[Entry]]) -> int:
    """Add entries that the caller knows to be new at the end of their loans' chains; how many. Nothing is compared.

    For the day end, which knows what a day brings to a loan that nothing else happened to.
    """
    if not fresh:
        return 0
    rows = connection.execute(_ENDS, {"loans": list(fresh)})
    heads = {row.loan_id: Head(row.n, bytes(row.hash), row.known) for row in rows}
    return _write(connection, {loan_id: list(entries) for loan_id, entries in fresh.items()}, heads)


def read_entries(connection: Connection, loan_ids: Sequence[str]) -> dict[str, list[Entry]]:
    """The stored journals of loans, each in the order of its chain."""
    found: dict[str, list[Entry]] = {loan_id: [] for loan_id in loan_ids}
    for row in connection.execute(_ENTRIES, {"loans": list(loan_ids)}):
        found[row.loan_id].append(entry_of(row))
    return found


def allowances(connection: Connection, loan_ids: Sequence[str]) -> dict[str, int]:
    """The provision that the books hold for each loan, fen; below zero after a write-off that it did not cover."""
    return _held(connection, loan_ids, "loss_allowance", -1)


def accruals(connection: Connection, loan_ids: Sequence[str]) -> dict[str, int]:
    """The interest accrued and not yet due that the books hold for each loan, fen."""
    return _held(connection, loan_ids, "accrued_interest", 1)


def entry_of(row: Any) -> Entry:
    """An entry from a row of ``entry``."""
    return Entry(
        row.entry_id,
        row.loan_id or row.held_id,
        row.movement_id,
        row.event_id or "",
        row.kind,
        row.effective,
        row.known,
        tuple(
            [
                Line(name, fen, 0) if fen > 0 else Line(name, 0, -fen)
                for name, fen in zip(row.accounts, row.amounts, strict=True)
            ]
        ),
        row.reverses or "",
    )


@dataclass(frozen=True, slots=True)
class Head:
    """Where a loan's stored chain ends: place, hash and day of knowledge of its last entry (place -1: it has none).

    ``posted``: how many entries post a movement; ``last``: the last of them.
    """

    n: int
    hash: bytes
    known: date
    posted: int = 0
    last: str = ""


def chained(loan_id: str, head: Head, entries: Iterable[Entry]) -> list[tuple[Any, ...]]:
    """Rows of ``entry`` (in the order of ``ENTRY_COLUMNS``) for entries added to a chain that ends in ``head``."""
    rows: list[tuple[Any, ...]] = []
    n, previous, known = head.n, head.hash, head.known
    for entry in entries:
        n += 1
        if entry.known < known:
            entry = entry._replace(known=known)  # it enters the books today, whatever day it speaks of
        known = entry.known
        previous = entry_hash(previous, n, entry)
        rows.append((
            entry.entry_id, loan_id, n, entry.movement_id, entry.event_id or None, entry.reverses or None,
            entry.kind, entry.effective, known, previous,
            [line.account for line in entry.lines], [line.debit - line.credit for line in entry.lines],
        ))  # fmt: skip
    return rows


def _append(connection: Connection, journals: Sequence[tuple[str, Sequence[Entry]]]) -> int:
    loan_ids = [loan_id for loan_id, _ in journals]
    heads = _heads(connection, loan_ids)
    valued = [entry.entry_id for _, entries in journals for entry in entries if not entry.movement_id]
    there = set(connection.execute(_THERE, {"loans": loan_ids, "ids": valued}).scalars()) if valued and heads else set()
    fresh: dict[str, list[Entry]] = {}
    unclear: dict[str, Sequence[Entry]] = {}
    for loan_id, entries in journals:
        head = heads.get(loan_id)
        if head is None:
            fresh[loan_id] = list(entries)
            continue
        posted = [entry for entry in entries if entry.movement_id]
        same = head.posted == 0 or (head.posted <= len(posted) and posted[head.posted - 1].entry_id == head.last)
        fresh[loan_id] = posted[head.posted :] if same else []
        if not same:
            unclear[loan_id] = posted
        fresh[loan_id] += [entry for entry in entries if not entry.movement_id and entry.entry_id not in there]
    if unclear:
        stored = read_entries(connection, list(unclear))
        for loan_id, wanted in unclear.items():
            fresh[loan_id] = _missing(stored[loan_id], wanted) + fresh[loan_id]
    return _write(connection, fresh, heads)


def _missing(stored: Sequence[Entry], wanted: Sequence[Entry]) -> list[Entry]:
    """What to add so that the stored journal of one loan comes to the wanted one."""
    posted = [entry for entry in stored if entry.movement_id]
    ahead = zip(posted, wanted, strict=False)
    if len(posted) <= len(wanted) and all(a.entry_id == b.entry_id and a.lines == b.lines for a, b in ahead):
        return list(wanted[len(posted) :])
    unknown = {entry.event_id for entry in posted} - {entry.event_id for entry in wanted} - {""}
    if unknown:
        reason = "is in the books, but not in the journal that was to be added"
        mend = "lock the loan before reading its events, and do it again"
        raise Conflict([Problem(f"loan {posted[0].loan_id}, event", event, reason, mend) for event in sorted(unknown)])
    standing, _ = standing_entries(wanted)
    today = max(entry.known for entry in (*posted, *wanted))
    return amended(posted, standing.values(), today)


def _write(connection: Connection, fresh: dict[str, list[Entry]], heads: dict[str, Head]) -> int:
    rows: list[tuple[Any, ...]] = []
    for loan_id, entries in fresh.items():
        rows += chained(loan_id, heads.get(loan_id) or Head(-1, first_hash(loan_id), date.min), entries)
    if len(rows) > _COPY_FROM:
        copy_tuples(connection, entry_table, ENTRY_COLUMNS, rows)
    elif rows:
        connection.execute(insert(entry_table), [dict(zip(ENTRY_COLUMNS, row, strict=True)) for row in rows])
    return len(rows)


def _heads(connection: Connection, loan_ids: Sequence[str]) -> dict[str, Head]:
    rows = connection.execute(_HEADS, {"loans": list(loan_ids)})
    return {row.loan_id: Head(row.n, bytes(row.hash), row.known, row.posted, row.last or "") for row in rows}


def _held(connection: Connection, loan_ids: Sequence[str], account: str, side: int) -> dict[str, int]:
    rows = connection.execute(_HELD, {"loans": list(loan_ids), "account": account})
    held = {row.loan_id: side * int(row.balance) for row in rows}
    return {loan_id: held.get(loan_id, 0) for loan_id in loan_ids}


ENTRY_COLUMNS = (
    "entry_id", "loan_id", "n", "movement_id", "event_id", "reverses", "kind", "effective", "known", "hash", "accounts", "amounts",
)  # fmt: skip

_THERE = text("SELECT entry_id FROM entry WHERE loan_id = ANY(:loans) AND movement_id = '' AND entry_id = ANY(:ids)")
_ENTRIES = text("SELECT * FROM entry WHERE loan_id = ANY(:loans) ORDER BY loan_id, n")
_HEADS = text(
    "SELECT loan_id, max(n) AS n, (array_agg(hash ORDER BY n DESC))[1] AS hash, max(known) AS known,"
    " count(*) FILTER (WHERE movement_id <> '') AS posted,"
    " (array_agg(entry_id ORDER BY n DESC) FILTER (WHERE movement_id <> ''))[1] AS last"
    " FROM entry WHERE loan_id = ANY(:loans) GROUP BY loan_id"
)
_ENDS = text(
    "SELECT e.loan_id, e.n, e.hash, e.known FROM unnest(CAST(:loans AS text[])) AS wanted (loan_id)"
    " CROSS JOIN LATERAL (SELECT * FROM entry WHERE entry.loan_id = wanted.loan_id ORDER BY n DESC LIMIT 1) AS e"
)
_HELD = text(
    "SELECT loan_id, sum(debit_fen - credit_fen) AS balance FROM line"
    " WHERE loan_id = ANY(:loans) AND account = :account GROUP BY loan_id"
)
