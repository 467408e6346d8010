"""The outbox loses nothing and skips nothing, whatever the order in which transactions end."""

from __future__ import annotations

import pytest

from jiehuan.store.database import Database
from jiehuan.store.outbox import Message, Place, consume, place_of, publish, read_outbox


def keys(messages: list[Message]) -> list[str]:
    return [message.key for message in messages]


def test_a_row_that_commits_late_is_not_skipped(database: Database) -> None:
    """The classic loss: number 1 is drawn, number 2 is drawn and commits, the reader moves past both."""
    late = database.engine.connect()
    publish(late, "loan", "one", {})
    with database.begin() as connection:
        publish(connection, "loan", "two", {})
    with database.connect() as reader:
        assert read_outbox(reader, Place()) == []  # two is there, but one may still come before it
    late.commit()
    late.close()
    with database.connect() as reader:
        assert keys(read_outbox(reader, Place())) == ["one", "two"]


def test_a_rolled_back_transaction_tells_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.begin() as connection:
        publish(connection, "loan", "gone", {})
        raise RuntimeError
    with database.connect() as reader:
        assert read_outbox(reader, Place()) == []


def test_consumers_keep_their_own_places_and_get_failures_again(database: Database) -> None:
    with database.begin() as connection:
        for number in range(5):
            publish(connection, "loan", str(number), {"n": number})
    seen: list[str] = []
    assert consume(database, "a", lambda messages: seen.extend(keys(messages)), limit=3) == 3
    with pytest.raises(ConnectionError):
        consume(database, "a", lambda messages: (_ for _ in ()).throw(ConnectionError()), limit=3)
    assert consume(database, "a", lambda messages: seen.extend(keys(messages)), limit=3) == 2
    assert seen == ["0", "1", "2", "3", "4"]
    assert consume(database, "a", seen.extend) == 0
    assert consume(database, "b", lambda messages: None) == 5
    with database.connect() as connection:
        assert place_of(connection, "a") == place_of(connection, "b") > Place()
