"""Fixtures that every room shares: the real data, the command line, the browser. What is absent is skipped loudly.

``JIEHUAN_REQUIRE`` (words: chromium, data) turns the skip into a failure; CI sets it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from jiehuan.store.database import Database
    from jiehuan.store.embedded import EmbeddedServer

ROOT = Path(__file__).resolve().parent.parent


def absent(what: str, reason: str) -> None:
    if what in os.environ.get("JIEHUAN_REQUIRE", "").split():
        pytest.fail(f"{what} is required here but absent: {reason}")
    pytest.skip(f"{what} is absent: {reason}")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data; it is no part of the project (JIEHUAN_DATA names another place)."""
    folder = Path(os.environ.get("JIEHUAN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        absent("data", f"no folder {folder}; name one in JIEHUAN_DATA")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the machine's Chromium."""
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if found is None:
        absent("chromium", "no chromium on PATH; on Debian: apt-get install chromium fonts-noto-cjk")
    assert found
    return found


Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def cli() -> Cli:
    """``cli("loan", "replay", path)`` runs the real command in a process of its own."""

    def run(
        *words: object, cwd: Path | None = None, env: dict[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "jiehuan", *map(str, words)]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=cwd,
            input=stdin,
            env={**os.environ, **(env or {})},
            check=False,
            timeout=600,
        )

    return run


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedServer]:
    """One embedded server a test session (a worker), in memory where there is room, as nothing outlives it."""
    from jiehuan.store.embedded import start_server

    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 << 30
    hurry = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
    with (
        tempfile.TemporaryDirectory(prefix="jiehuan-test-", dir=memory if roomy else None) as folder,
        start_server(Path(folder) / "home", hurry) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def _template(postgres: EmbeddedServer) -> str:
    """A migrated, empty database to copy; its name."""
    import psycopg

    from jiehuan.store.database import open_database

    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty_book")
    with open_database(dsn=postgres.dsn("empty_book"), upgrade=True):
        pass
    return "empty_book"


NewDatabase = Callable[..., "AbstractContextManager[Database]"]


@pytest.fixture(scope="session")
def new_database(postgres: EmbeddedServer, _template: str) -> NewDatabase:
    """``with new_database(home, template=…)`` opens a copy of a database and drops it at the end unless ``keep``."""
    import psycopg

    from jiehuan.store.database import open_database

    @contextmanager
    def opened(home: Path, template: str = _template, *, keep: bool = False) -> Iterator[Database]:
        name = f"test_{uuid4().hex}"
        with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        with open_database(home=home, dsn=postgres.dsn(name)) as database:
            yield database
        if not keep:
            with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    return opened


@pytest.fixture
def database(new_database: NewDatabase, tmp_path: Path) -> Iterator[Database]:
    """A fresh, migrated, empty database of the test's own (a copy of the template, about 40 ms)."""
    with new_database(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def database_env(database: Database) -> dict[str, str]:
    """The environment in which a command works on the test's database: ``cli("audit", env=database_env)``."""
    return {"JIEHUAN_DSN": database.dsn, "JIEHUAN_HOME": str(database.home)}
