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
from jiehuan.store.journal import ENTRY_COLUMNS, Head, chained, entry_of


def append_held(connection: Connection, held_id: str, make: Callable[[list[Entry]], Entry | None]) -> Entry | None:
    """Add the entry that ``make`` gives for what the chain holds so far; None when it gives none."""
    rows = connection.execute(_CHAIN, {"held": held_id}).all()
    entry = make([entry_of(row) for row in rows])
    if entry is None:
        return None
    last = rows[-1] if rows else None
    head = Head(-1, first_hash(held_id), date.min) if last is None else Head(last.n, bytes(last.hash), last.known)
    names = ["held_id" if name == "loan_id" else name for name in ENTRY_COLUMNS]
    [row] = chained(held_id, head, [entry])
    connection.execute(insert(tables.entry).values(dict(zip(names, row, strict=True))))
    return entry


_CHAIN = text("SELECT * FROM entry WHERE held_id = :held ORDER BY n")
