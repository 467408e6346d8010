"""Same key, same content: one deed and one answer. Same key, other content: a conflict."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from jiehuan.store.database import Database
from jiehuan.store.idempotency import Answer, once, prune
from jiehuan.units.errors import Conflict, InputError


def test_a_repetition_gets_the_first_answer(database: Database) -> None:
    with database.begin() as connection:
        first = once(connection, "repay", "k1", {"amount": "1.00"}, lambda: (201, '{"n": 1}'))
    with database.begin() as connection:
        again = once(connection, "repay", "k1", {"amount": "1.00"}, lambda: (201, '{"n": 2}'))
        other = once(connection, "draw", "k1", {"amount": "1.00"}, lambda: (201, '{"n": 3}'))
    assert first == Answer(201, '{"n": 1}', repeated=False)
    assert again == Answer(201, '{"n": 1}', repeated=True)
    assert other.body == '{"n": 3}'


def test_other_content_is_a_conflict(database: Database) -> None:
    with database.begin() as connection:
        once(connection, "repay", "k1", {"amount": "1.00"}, lambda: (201, "{}"))
        with pytest.raises(Conflict, match="other content"):
            once(connection, "repay", "k1", {"amount": "2.00"}, lambda: (201, "{}"))


def test_failed_work_keeps_nothing(database: Database) -> None:
    def fail() -> tuple[int, str]:
        raise ConnectionError

    with pytest.raises(ConnectionError), database.begin() as connection:
        once(connection, "repay", "k1", {}, fail)
    with database.begin() as connection:
        assert not once(connection, "repay", "k1", {}, lambda: (200, "null")).repeated


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_has_a_length(database: Database, key: str) -> None:
    with pytest.raises(InputError, match="1 to 200"), database.begin() as connection:
        once(connection, "repay", key, {}, lambda: (200, "null"))


def test_simultaneous_requests_do_the_work_once(database: Database) -> None:
    done: list[int] = []

    def ask(number: int) -> Answer:
        def work() -> tuple[int, str]:
            done.append(number)
            return 201, f'{{"n": {number}}}'

        with database.begin() as connection:
            return once(connection, "repay", "same", {"a": 1}, work)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(16)))
    assert len(done) == 1
    assert {answer.body for answer in answers} == {f'{{"n": {n}}}' for n in done}
    assert sum(not answer.repeated for answer in answers) == 1


def test_old_answers_are_forgotten_and_new_ones_kept(database: Database) -> None:
    with database.begin() as connection:
        for n in range(5):
            once(connection, "repay", f"k{n}", {"n": n}, lambda: (201, "{}"))
        connection.execute(
            text("UPDATE idempotency SET created_at = now() - interval '91 days' WHERE key IN ('k0', 'k1', 'k2')")
        )
        assert [prune(connection, 90, 2), prune(connection, 90, 2), prune(connection, 90, 2)] == [2, 1, 0]
        left = connection.execute(text("SELECT key FROM idempotency ORDER BY key")).scalars().all()
    assert left == ["k3", "k4"]
