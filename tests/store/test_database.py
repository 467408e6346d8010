"""Opening the database: by home, by DSN, by the environment; and what is said when that fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from jiehuan.store.database import Database, home_folder, open_database
from jiehuan.store.migrations import HEAD
from jiehuan.units.errors import InputError


def test_an_embedded_database_is_made_and_upgraded_by_opening_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JIEHUAN_DSN", raising=False)
    for _ in range(2):
        with open_database(tmp_path / "home", settings={"fsync": "off"}) as database:
            assert database.version() == HEAD
            assert database.server is not None


def test_the_environment_names_home_and_server(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JIEHUAN_DSN", database.dsn)
    monkeypatch.setenv("JIEHUAN_HOME", str(tmp_path / "there"))
    with open_database() as opened:
        assert opened.server is None
        assert opened.home == home_folder() == tmp_path / "there"


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("no dsn", "not a connection string"),
        ("mysql://u@h/d", "not PostgreSQL"),
        ("postgresql://u:secret@127.0.0.1:1/d", "does not answer"),
    ],
)
def test_a_dsn_that_does_not_work_is_said_without_its_password(dsn: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words) as caught:
        open_database(tmp_path, dsn)
    assert "secret" not in str(caught.value)


def test_transactions_commit_or_roll_back(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE t (n int)"))
    with pytest.raises(ZeroDivisionError), database.begin() as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
        raise ZeroDivisionError
    with database.connect() as connection:
        connection.execute(text("INSERT INTO t VALUES (2)"))
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM t")).scalar_one() == 0


@pytest.mark.parametrize("raw", [False, True])
def test_a_deadlock_is_tried_again_and_another_fault_is_not(database: Database, raw: bool) -> None:
    tries: list[int] = []

    def unlucky(connection: Connection, sqlstate: str) -> str:
        tries.append(1)
        if len(tries) < 3:
            statement = f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{sqlstate}'; END $$"
            if raw:
                driver: Any = connection.connection.driver_connection
                driver.execute(statement)
            connection.execute(text(statement))
        return "done"

    assert database.transact(lambda connection: unlucky(connection, "40P01")) == "done"
    tries.clear()
    with pytest.raises((DBAPIError, psycopg.Error)):
        database.transact(lambda connection: unlucky(connection, "22012"))
    assert len(tries) == 1


def test_an_error_does_not_quote_what_was_written(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught, database.begin() as connection:
        connection.execute(text("INSERT INTO borrower (borrower_id, region, birth_year) VALUES (:a, :b, :c)"), {
            "a": "b1", "b": "13812345678", "c": 10**12,
        })  # fmt: skip
    assert "13812345678" not in str(caught.value)


def test_db_upgrade_brings_an_empty_database_up(database: Database, cli: Any, database_env: dict[str, str]) -> None:
    with database.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    done = cli("db", "upgrade", "--json", env=database_env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"before": "empty", "now": HEAD, "changed": True}
    assert json.loads(cli("db", "upgrade", "--json", "--dsn", database.dsn).stdout)["changed"] is False
    help_text = cli("db", "upgrade", "--help").stdout
    assert "Example" in help_text
    wrong = cli("db", "upgrade", "--dsn", "mysql://x")
    assert wrong.returncode == 2
    assert "not PostgreSQL" in wrong.stderr
