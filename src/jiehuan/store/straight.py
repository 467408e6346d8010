"""Statements handed straight to the driver, in the caller's transaction: what is sent thousands of times a second.

SQLAlchemy builds, compiles and wraps a statement on each call; for the few statements of a repayment that costs more than the
driver's own work. A statement is a constant text with ``%s`` places; the driver prepares it at its first use. Errors are
the driver's own (``psycopg.Error``), which ``Database.transact`` and ``waiting_in_vain`` know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from sqlalchemy import Connection

before: list[Callable[[Connection, str], object]] = []
"""Called with connection and statement before each is sent: for tests that count statements or die between them."""


def driver_of(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's connection under the caller's, in the caller's transaction."""
    if not connection.in_transaction():
        connection.begin()
    return connection.connection.driver_connection  # type: ignore[return-value]


def ask(connection: Connection, statement: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """The first row of a statement's answer; None when there is none."""
    for heard in before:
        heard(connection, statement)
    row: tuple[Any, ...] | None = driver_of(connection).execute(statement, values, prepare=True).fetchone()
    return row


def send(connection: Connection, statement: str, values: Sequence[Any]) -> None:
    """Run a statement that answers nothing."""
    for heard in before:
        heard(connection, statement)
    driver_of(connection).execute(statement, values, prepare=True)
