"""The books of money in suspense: a chain of entries for each receipt or statement line, in the one journal.

The caller holds the receipt's or the line's row lock, so that a chain has one writer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sqlalchemy import Connection, insert, text

from jiehuan.ledger import Entry
from jiehuan.store import tables
from jiehuan.store.chain import first_hash
from jiehuan.store.journal import ENTRY_COLUMNS, LINE_COLUMNS, Head, chained, entry_of


def append_held(connection: Connection, held_id: str, make: Callable[[list[Entry]], Entry | None]) -> Entry | None:
    """Add the entry that ``make`` gives for what the chain holds so far; None when it gives none."""
    rows = connection.execute(_CHAIN, {"held": held_id}).all()
    entry = make([entry_of(row) for row in rows])
    if entry is None:
        return None
    last = rows[-1] if rows else None
    head = Head(-1, first_hash(held_id), date.min) if last is None else Head(last.n, bytes(last.hash), last.known)
    entries, lines = chained(held_id, head, [entry])
    names = ["held_id" if name == "loan_id" else name for name in ENTRY_COLUMNS]
    connection.execute(insert(tables.entry).values([dict(zip(names, row, strict=True)) for row in entries]))
    # One statement for all lines: the database holds debits against credits statement by statement.
    connection.execute(insert(tables.line).values([dict(zip(LINE_COLUMNS, row, strict=True)) for row in lines]))
    return entry


_CHAIN = text(
    "SELECT e.*, (SELECT jsonb_agg(jsonb_build_array(l.account, l.debit_fen, l.credit_fen) ORDER BY l.n)"
    "  FROM line l WHERE l.entry_id = e.entry_id) AS lines FROM entry e WHERE e.held_id = :held ORDER BY e.n"
)
