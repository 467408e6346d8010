"""The one door to the database: the embedded server by default, any PostgreSQL by its DSN.

``open_database()`` gives a ``Database`` to use in a ``with`` statement. All work goes through ``begin()`` (a
transaction that commits when its block ends well) or ``connect()`` (reading). Isolation is READ COMMITTED; whoever
changes a loan locks it first (``locks.py``).
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg
from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from jiehuan.store.embedded import EmbeddedServer, start_server
from jiehuan.store.migrations import HEAD
from jiehuan.store.rows import Row, copy_rows, to_json
from jiehuan.units.errors import InputError, Problem, Refused

Result = TypeVar("Result")

PATIENCE = "10s"
"""How long a statement waits for a lock before it fails: every connection's ``lock_timeout``."""

DATABASE_NAME = "jiehuan"
_UPGRADE_LOCK = 0x6A696568  # an advisory lock, so that two processes do not upgrade at once
_WORTH_ANOTHER_TRY = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


class Database:
    """An engine on one database, and the embedded server under it when there is one."""

    def __init__(self, engine: Engine, home: Path, server: EmbeddedServer | None = None) -> None:
        self.engine = engine
        self.home = home
        self.server = server

    def begin(self) -> AbstractContextManager[Connection]:
        """A transaction: committed when the block ends well, rolled back when it raises."""
        return self.engine.begin()

    def connect(self) -> AbstractContextManager[Connection]:
        """A connection for reading; what it began is rolled back at the end."""
        return self.engine.connect()

    def transact(self, work: Callable[[Connection], Result], attempts: int = 5) -> Result:
        """``work(connection)`` in a transaction, again after a deadlock or a serialisation failure."""
        for attempt in range(attempts):
            try:
                with self.engine.begin() as connection:
                    return work(connection)
            except (DBAPIError, psycopg.Error) as error:  # COPY raises the driver's own errors
                cause = error.orig if isinstance(error, DBAPIError) else error
                if attempt + 1 == attempts or not isinstance(cause, _WORTH_ANOTHER_TRY):
                    raise
                time.sleep(random.uniform(0.005, 0.05) * 2**attempt)  # noqa: S311 - spreads the writers, no secret
        raise AssertionError("unreachable")

    def copy_rows(self, table: Table, rows: Iterable[Row]) -> int:
        """Append many rows with COPY in a transaction of their own; returns how many."""
        with self.engine.begin() as connection:
            return copy_rows(connection, table, rows)

    def version(self) -> str | None:
        """The step of the schema that the database stands at; None when it is empty."""
        with self.engine.connect() as connection:
            if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
                return None
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return None if found is None else str(found)

    def upgrade(self) -> tuple[str | None, str]:
        """Bring the schema to this release's step in one transaction; (step before, step now). Twice does it once."""
        before = self.version()
        if before == HEAD:
            return before, HEAD
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.set_main_option("path_separator", "newline")
        with self.engine.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return before, HEAD

    def must_be_current(self) -> None:
        """Raise Refused unless the schema is at the step that this release needs."""
        version = self.version()
        if version == HEAD:
            return
        if version is None or version < HEAD:
            reason = f"its schema is older than {HEAD}"
            raise Refused(Problem("database", version or "empty", reason, "run: jiehuan db upgrade"))
        raise Refused(Problem("database", version, f"its schema is newer than {HEAD}", "install the newer jiehuan"))

    @property
    def dsn(self) -> str:
        """The connection string, with the password in it: never for a log."""
        return self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def close(self) -> None:
        """Close the connections; stop the embedded server when nobody else uses it."""
        self.engine.dispose()
        if self.server is not None:
            self.server.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


def home_folder() -> Path:
    """The platform's folder: JIEHUAN_HOME, else ``var`` in the current folder."""
    return Path(os.environ.get("JIEHUAN_HOME") or "var")


def open_database(
    home: Path | None = None,
    dsn: str | None = None,
    *,
    upgrade: bool | None = None,
    settings: Mapping[str, str] | None = None,
) -> Database:
    """Open the platform's database: ``dsn`` or JIEHUAN_DSN when given, else the embedded server of ``home``.

    The embedded database is made and upgraded by opening it; an external one is upgraded by ``jiehuan db upgrade``
    alone (``upgrade`` forces either). ``settings`` are parameters for starting the embedded server. Raises InputError
    when the server cannot be reached or started, Refused when an external schema is not this release's.
    """
    folder = home_folder() if home is None else home
    dsn = dsn or os.environ.get("JIEHUAN_DSN") or None
    if dsn:
        database = Database(_engine(dsn), folder)
    else:
        server = start_server(folder, settings)
        try:
            _make_database(server)
            database = Database(_engine(server.dsn(DATABASE_NAME)), folder, server)
        except BaseException:
            server.close()
            raise
    try:
        _must_answer(database, dsn)
        if upgrade or (upgrade is None and database.server is not None):
            database.upgrade()
        elif upgrade is None:
            database.must_be_current()
    except BaseException:
        database.close()
        raise
    return database


def _engine(dsn: str) -> Engine:
    try:
        url = make_url(dsn)
    except Exception:
        raise InputError(Problem("JIEHUAN_DSN", "", "not a connection string", _DSN_MEND)) from None
    if url.get_backend_name() != "postgresql":
        raise InputError(Problem("JIEHUAN_DSN", url.get_backend_name(), "not PostgreSQL", _DSN_MEND))
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        json_serializer=to_json,
        pool_size=20,
        pool_use_lifo=True,  # the one used last is used next: few stay warm, with their statements prepared
        max_overflow=0,  # what a burst opened stays open: to connect costs more than a decision
        hide_parameters=True,  # an error message must not quote personal data
    )
    event.listen(engine, "connect", _be_patient)
    return engine


def _be_patient(connection: psycopg.Connection[Any], _record: object) -> None:
    connection.execute(f"SET lock_timeout = '{PATIENCE}'")
    connection.commit()


_DSN_MEND = "write postgresql://USER:PASSWORD@HOST/DATABASE"


def _must_answer(database: Database, dsn: str | None) -> None:
    try:
        with database.connect() as connection:
            number = connection.execute(text("SHOW server_version_num")).scalar_one()
    except OperationalError as error:
        where = urlsplit(dsn).hostname or "the local socket" if dsn else str(database.home)
        why = str(error.orig).strip().splitlines()[-1][:300]
        mend = "check that it runs, and JIEHUAN_DSN"
        raise InputError(Problem("database", where, f"does not answer: {why}", mend)) from None
    if int(number) < 140000:
        raise InputError(Problem("database", str(number), "older than PostgreSQL 14", "use PostgreSQL 14 or newer"))


def _make_database(server: EmbeddedServer) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE_NAME]).fetchone()
        if found is None:
            try:
                connection.execute(f'CREATE DATABASE "{DATABASE_NAME}"')
            except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateDatabase):
                return  # another process made it just now
