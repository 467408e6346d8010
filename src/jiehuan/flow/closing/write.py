"""What a day changed, from columns to the database: rows by COPY and one merge, entries at the end of their chains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
import psycopg
from sqlalchemy import Connection, text

from jiehuan.ledger import Entry
from jiehuan.store.journal import extend
from jiehuan.store.locks import waiting_in_vain

CHANGED_AT_ONCE = 20_000
"""Rows a transaction: repayments of these loans wait for so long as one takes, well under a second."""

_COLUMNS = (
    "loan_id", "as_of", "principal_outstanding_fen", "interest_due_fen", "penalty_due_fen", "costs_due_fen", "overdue_fen",
    "credit_balance_fen", "dpd", "bucket", "class", "provision_fen", "status", "next_due",
)  # fmt: skip


def make_room(connection: Connection, seen: Sequence[int]) -> None:
    """The session's own tables: what was read from ``loan_touched``, and the batch at hand."""
    with connection.begin():
        connection.execute(text("CREATE TEMP TABLE IF NOT EXISTS day_end_seen (id bigint PRIMARY KEY)"))
        connection.execute(text("CREATE TEMP TABLE IF NOT EXISTS day_end_rows (LIKE loan_state) ON COMMIT DELETE ROWS"))
        connection.execute(text("CREATE TEMP TABLE IF NOT EXISTS day_end_loans (loan_id text) ON COMMIT DELETE ROWS"))
        connection.execute(text("TRUNCATE day_end_seen"))
        _copy(connection, "day_end_seen", ("id",), pl.DataFrame({"id": seen}, schema={"id": pl.Int64}))
        connection.execute(text("ANALYZE day_end_seen"))


def write_batch(
    connection: Connection, lines: pl.DataFrame, entries: Mapping[str, Sequence[Entry]], on: date
) -> tuple[set[str], int, int]:
    """Write one batch in the caller's transaction: the loans that something happened to meanwhile (left alone), rows, entries.

    ``lines``: rows of ``loan_state``; ``entries``: what to add to the journals, of these loans or others.
    """
    loans = pl.concat([lines["loan_id"], pl.Series("loan_id", list(entries), dtype=pl.String)]).unique()
    _copy(connection, "day_end_loans", ("loan_id",), pl.DataFrame({"loan_id": loans}))
    with waiting_in_vain(connection, "the day end's loans"):
        connection.execute(_LOCK)
    moved = set(connection.execute(_MOVED).scalars())
    if moved:
        lines = lines.filter(~pl.col("loan_id").is_in(list(moved)))
    written = 0
    if len(lines):
        _copy(connection, "day_end_rows", _COLUMNS, lines.with_columns(pl.lit(on).alias("as_of")).select(_COLUMNS))
        written = connection.execute(_MERGE).rowcount
    added = extend(connection, {loan_id: told for loan_id, told in entries.items() if loan_id not in moved})
    return moved, written, added


def _copy(connection: Connection, table: str, names: Sequence[str], frame: pl.DataFrame) -> None:
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    quoted = ", ".join(f'"{name}"' for name in names)
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({quoted}) FROM STDIN (FORMAT CSV)") as copy:
        copy.write(frame.write_csv(include_header=False).encode())


_LOCK = text(
    "SELECT count(*) FROM (SELECT l.loan_id FROM loan l WHERE l.loan_id IN (SELECT loan_id FROM day_end_loans)"
    " ORDER BY l.loan_id FOR NO KEY UPDATE OF l) AS held"
)
_MOVED = text(
    "SELECT DISTINCT t.loan_id FROM loan_touched t JOIN day_end_loans d USING (loan_id)"
    " WHERE NOT EXISTS (SELECT FROM day_end_seen s WHERE s.id = t.id)"
)
_MERGE = text(
    "UPDATE loan_state s SET "  # noqa: S608 - the names are ours
    + ", ".join(f'"{name}" = r."{name}"' for name in _COLUMNS[1:])
    + " FROM day_end_rows r WHERE s.loan_id = r.loan_id AND s.as_of <= r.as_of AND s.status <> 'sold'"
)
