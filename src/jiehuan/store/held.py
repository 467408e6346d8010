"""The books of money in suspense: a chain of entries for each receipt or statement line, in the one journal.

The caller holds the receipt's or the line's row lock, so that a chain has one writer.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, insert, text

from jiehuan.ledger import Entry
from jiehuan.store import tables
from jiehuan.store.chain import entry_hash, first_hash
from jiehuan.store.journal import entry_of


def held_entries(connection: Connection, held_id: str) -> list[Entry]:
    """The entries of one receipt or statement line, in the order of its chain."""
    return [entry_of(row) for row in connection.execute(_CHAIN, {"held": held_id})]


def append_held(connection: Connection, held_id: str, make: Callable[[list[Entry]], Entry | None]) -> Entry | None:
    """Add the entry that ``make`` gives for what the chain holds so far; None when it gives none."""
    rows = connection.execute(_CHAIN, {"held": held_id}).all()
    entry = make([entry_of(row) for row in rows])
    if entry is None:
        return None
    if rows:
        entry = entry._replace(known=max(entry.known, rows[-1].known))
    previous = bytes(rows[-1].hash) if rows else first_hash(held_id)
    n = len(rows)
    row = {
        "entry_id": entry.entry_id, "held_id": held_id, "n": n, "movement_id": "", "reverses": entry.reverses or None,
        "kind": entry.kind, "effective": entry.effective, "known": entry.known, "previous_hash": previous,
        "hash": entry_hash(previous, n, entry),
    }  # fmt: skip
    connection.execute(insert(tables.entry).values(row))
    lines = [
        {
            "entry_id": entry.entry_id,
            "n": place,
            "account": line.account,
            "debit_fen": line.debit,
            "credit_fen": line.credit,
        }
        for place, line in enumerate(entry.lines)
    ]
    connection.execute(insert(tables.line).values(lines))
    return entry


_CHAIN = text(
    "SELECT e.*, (SELECT jsonb_agg(jsonb_build_array(l.account, l.debit_fen, l.credit_fen) ORDER BY l.n)"
    "  FROM line l WHERE l.entry_id = e.entry_id) AS lines FROM entry e WHERE e.held_id = :held ORDER BY e.n"
)
