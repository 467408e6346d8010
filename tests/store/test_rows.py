"""Bulk writing keeps every type exactly and fails as a whole."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from psycopg.errors import UniqueViolation
from sqlalchemy import func, select

from jiehuan.store.database import Database
from jiehuan.store.rows import copy_rows, insert_missing, to_json, upsert
from jiehuan.store.tables import activity, borrower, setting, signal_event, user_account


def test_copy_keeps_every_type(database: Database) -> None:
    at = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
    rows = [
        {
            "event_id": f"e{n}",
            "account_id": "a\t\\N\n借",
            "at": at,
            "kind": "k",
            "amount_fen": -(2**62),
            "counterparty": "",
        }
        for n in range(3)
    ]
    assert database.copy_rows(signal_event, rows) == 3
    log = [{"at": at, "actor": "a", "verb": "v", "subject": "s", "detail": {"借": [1, None, "\t"]}}]
    assert database.copy_rows(activity, log) == 1
    with database.connect() as connection:
        kept = connection.execute(select(signal_event).limit(1)).one()
        assert (kept.account_id, kept.at, kept.amount_fen, kept.channel) == ("a\t\\N\n借", at, -(2**62), "")
        assert connection.execute(select(activity.c.detail)).scalar_one() == {"借": [1, None, "\t"]}


def test_copy_fails_as_a_whole(database: Database) -> None:
    rows = [{"borrower_id": "b1", "region": "x"}, {"borrower_id": "b1", "region": "y"}]
    with pytest.raises(UniqueViolation):
        database.copy_rows(borrower, rows)
    with database.connect() as connection:
        assert connection.execute(select(func.count()).select_from(borrower)).scalar_one() == 0


def test_copy_of_nothing_and_of_uneven_rows(database: Database) -> None:
    with database.begin() as connection:
        assert copy_rows(connection, borrower, []) == 0
    with pytest.raises(ValueError, match="same columns"), database.begin() as connection:
        copy_rows(connection, borrower, [{"borrower_id": "b1", "region": "x"}, {"borrower_id": "b2"}])


def test_insert_missing_counts_the_new_ones(database: Database) -> None:
    with database.begin() as connection:
        assert insert_missing(connection, borrower, [{"borrower_id": "b1", "region": "x"}]) == 1
        rows = [{"borrower_id": f"b{n}", "region": "y"} for n in range(9000)]  # more than one statement may carry
        assert insert_missing(connection, borrower, rows) == 8999
        region = select(borrower.c.region).where(borrower.c.borrower_id == "b1")
        assert connection.execute(region).scalar_one() == "x"


def test_upsert_replaces_by_primary_or_named_key(database: Database) -> None:
    account = {"user_id": "u1", "login": "li", "password_hash": "h", "name": "Li", "role": "risk"}
    with database.begin() as connection:
        upsert(connection, setting, [{"key": "k", "value": 1}])
        upsert(connection, setting, [{"key": "k", "value": 2}])
        assert connection.execute(select(setting.c.value)).scalar_one() == 2
        upsert(connection, user_account, [account])
        upsert(connection, user_account, [{**account, "user_id": "u2", "name": "Lei"}], keys=["login"])
        assert connection.execute(select(user_account.c.name)).scalar_one() == "Lei"


@pytest.mark.parametrize("many", [3, 1200])
def test_few_and_many_rows_are_written_alike(database: Database, many: int) -> None:
    with database.begin() as connection:
        upsert(connection, setting, [{"key": "k0", "value": {"old": True}}])
        written = upsert(connection, setting, [{"key": f"k{n}", "value": {"n": n, "借": None}} for n in range(many)])
        assert written == many
        assert insert_missing(connection, setting, [{"key": f"k{n}", "value": 0} for n in range(many + 5)]) == 5
        assert upsert(connection, setting, []) == insert_missing(connection, setting, []) == 0
        assert connection.execute(select(setting.c.value).where(setting.c.key == "k0")).scalar_one() == {
            "n": 0,
            "借": None,
        }
    with database.begin() as connection:  # the temporary table is gone
        assert insert_missing(connection, setting, [{"key": f"k{n}", "value": 0} for n in range(many)]) == 0


def test_json_without_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json({"x": float("nan")})
