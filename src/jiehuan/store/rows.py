"""Many rows at once: COPY for bulk, and inserts that leave alone or replace what is there.

A row is a mapping from column name to value. All rows of one call have the same columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import JSON, Column, Connection, MetaData, Table, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.types import TypeEngine

Row = Mapping[str, Any]

_COUNTED = {"preserve_rowcount": True}
_COPY_FROM = 500


def copy_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    """Append rows with binary COPY inside the connection's transaction; returns how many.

    About 1 µs a field. A row that breaks a constraint fails the whole call; columns that the rows lack take their
    default.
    """
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return 0
    columns = [table.c[name] for name in first]
    return copy_tuples(connection, table, [column.name for column in columns], _tuples(first, rows))


def copy_tuples(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """The same for rows that are tuples in the order of ``names``: the fast path."""
    columns = [table.c[name] for name in names]
    json_places = [place for place, column in enumerate(columns) if isinstance(column.type, JSON)]
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    quoted = ", ".join(f'"{name}"' for name in names)
    count = 0
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({quoted}) FROM STDIN (FORMAT BINARY)') as copy:
        copy.set_types([_wire_type(column.type) for column in columns])
        for row in rows:
            if json_places:
                row = list(row)
                for place in json_places:
                    row[place] = None if row[place] is None else Jsonb(row[place], dumps=to_json)
            copy.write_row(row)
            count += 1
    return count


def insert_missing(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    """Insert the rows whose keys are not there yet; returns how many were new."""
    return _insert(connection, table, rows, lambda statement, names: statement.on_conflict_do_nothing())


def upsert(connection: Connection, table: Table, rows: Iterable[Row], keys: Sequence[str] | None = None) -> int:
    """Insert rows, replacing the given columns of those that are there; returns how many were written.

    ``keys`` are the columns of the unique constraint, by default the primary key. A key may come once only in a call.
    """
    key_names = list(keys) if keys else [column.name for column in table.primary_key.columns]

    def replacing(statement: Insert, names: Sequence[str]) -> Insert:
        changed = {name: statement.excluded[name] for name in names if name not in key_names}
        if not changed:
            return statement.on_conflict_do_nothing(index_elements=key_names)
        return statement.on_conflict_do_update(index_elements=key_names, set_=changed)

    return _insert(connection, table, rows, replacing)


def _insert(
    connection: Connection, table: Table, rows: Iterable[Row], on_conflict: Callable[[Insert, Sequence[str]], Insert]
) -> int:
    """A few rows by one prepared statement, sent in a pipeline; many by COPY into a temporary table, then one INSERT."""
    waiting = iter(rows)
    few = list(islice(waiting, _COPY_FROM))
    if not few:
        return 0
    names = list(few[0])
    if len(few) < _COPY_FROM:
        statement = on_conflict(insert(table), names)
        return connection.execute(statement, [dict(row) for row in few], execution_options=_COUNTED).rowcount
    passing = Table(f"passing_{table.name}", MetaData(), *(Column(name, table.c[name].type) for name in names))
    listed = ", ".join(f'"{name}"' for name in names)
    empty = f'SELECT {listed} FROM "{table.name}" LIMIT 0'  # noqa: S608 - our names
    connection.execute(text(f'CREATE TEMP TABLE "{passing.name}" ON COMMIT DROP AS {empty}'))
    copy_rows(connection, passing, chain(few, waiting))
    statement = on_conflict(insert(table).from_select(names, select(passing)), names)
    written = connection.execute(statement, execution_options=_COUNTED).rowcount
    connection.execute(text(f'DROP TABLE "{passing.name}"'))
    return written


def to_json(value: Any) -> str:
    """JSON text for a JSONB column: dates and other values by their text, NaN refused (PostgreSQL has none)."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)


def _tuples(first: Row, rest: Iterable[Row]) -> Iterable[Sequence[Any]]:
    names = list(first)
    yield [first[name] for name in names]
    for row in rest:
        if len(row) != len(names):
            raise ValueError(f"rows of one copy must have the same columns: {names} against {list(row)}")
        yield [row[name] for name in names]


def _wire_type(kind: TypeEngine[Any]) -> str:
    """PostgreSQL's short name of a column's type, for binary COPY."""
    return _WIRE_TYPES[kind.compile(_DIALECT)]


_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_WIRE_TYPES = {
    "TEXT": "text",
    "BIGINT": "int8",
    "INTEGER": "int4",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "JSONB": "jsonb",
    "JSON": "json",
    "BOOLEAN": "bool",
    "DOUBLE PRECISION": "float8",
    "BYTEA": "bytea",
    "TEXT[]": "text[]",
    "BIGINT[]": "int8[]",
}
