"""The connection to the database is cut at each moment of a batch: nothing is lost, nothing has its effect twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.event import listen
from sqlalchemy.exc import DBAPIError
from streams import replayed, send, some_events, step_until

from jiehuan.flow.watch import Watcher
from jiehuan.scale.broker import Broker
from jiehuan.scale.kafka_in import KafkaIn
from jiehuan.store import rows, tables
from jiehuan.store.database import Database, open_database
from jiehuan.store.vault import Vault


class Cutter:
    """Cuts a database's connection once, at the first moment whose name begins with ``armed``: ``before UPDATE ...`` and ``after
    UPDATE ...`` of a statement, ``begin``, ``before commit``, ``after commit`` (its answer is lost), ``before rollback``.
    """

    def __init__(self, cut: Database, by: Database) -> None:
        self.by = by
        self.armed = ""
        self.calm = cut.engine.dialect.do_commit, cut.engine.dialect.do_rollback
        listen(cut.engine, "begin", lambda connection: self._moment(connection.connection, "begin"))
        listen(cut.engine, "before_cursor_execute", self._before)
        listen(cut.engine, "after_cursor_execute", self._after)
        cut.engine.dialect.do_commit = self._commit  # type: ignore[assignment, method-assign]
        cut.engine.dialect.do_rollback = self._rollback  # type: ignore[assignment, method-assign]

    def _before(self, connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        self._moment(connection.connection, f"before {statement}")

    def _after(self, connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        self._moment(connection.connection, f"after {statement}")

    def _commit(self, used: Any) -> None:
        self._moment(used, "before commit")
        self.calm[0](used)
        if self._moment(used, "after commit"):
            used.driver_connection.close()
            raise psycopg.OperationalError("cut before the answer")

    def _rollback(self, used: Any) -> None:
        self._moment(used, "before rollback")
        self.calm[1](used)

    def _moment(self, used: Any, name: str) -> bool:
        if not self.armed or not name.startswith(self.armed):
            return False
        self.armed = ""
        pid = getattr(used, "driver_connection", used).info.backend_pid  # the pool's reset gives the driver's own
        with self.by.connect() as connection:
            end = text("SELECT pg_terminate_backend(:pid, 5000)")  # it waits for the end
            assert connection.execute(end, {"pid": pid}).scalar_one()
        return True


MOMENTS = [
    "begin",
    *(
        f"{side} {statement}"
        for statement in (
            "SELECT topic_id",
            "INSERT INTO stream_place",
            "UPDATE stream_place",
            "INSERT INTO signal_event",
            "INSERT INTO alert",
            "INSERT INTO outbox",
            "INSERT INTO dead_letter",
        )
        for side in ("before", "after")
    ),
    "before commit",
    "after commit",
    "before rollback",
]
BY_COPY = [f'after CREATE TEMP TABLE "passing_{table}"' for table in ("alert", "dead_letter")]


@pytest.mark.parametrize(("moments", "copy_from"), [(MOMENTS, 500), (BY_COPY, 1)], ids=["statements", "copy"])
def test_a_connection_cut_at_any_moment_loses_nothing_and_doubles_nothing(
    database: Database,
    vault: Vault,
    broker: Broker,
    topic: str,
    monkeypatch: pytest.MonkeyPatch,
    moments: list[str],
    copy_from: int,
) -> None:
    monkeypatch.setattr(rows, "_COPY_FROM", copy_from)
    each = [  # accounts of its own for each moment, so that none is silent after an alert
        [replace(event, account_id=f"{event.account_id}_{n}") for event in some_events(40, accounts=4, seed=n)]
        for n in range(len(moments))
    ]
    events = [event for some in each for event in some]
    its_own = open_database(database.home, database.dsn)
    watcher = Watcher()  # given, so that the reader does not look for other signals in between: a moment of its own
    reader = KafkaIn(its_own, vault, broker, topic=topic, group="g", owner="one", partitions=range(4), watcher=watcher)
    step_until(reader.step, lambda: len(reader.partitions) == 4)
    cutter = Cutter(its_own, database)

    def all_is_there(kept: tuple[int, int]) -> bool:
        with database.connect() as connection:
            there = connection.execute(text(KEPT)).one()
        return tuple(there) == kept and len(reader.partitions) == 4

    for n, moment in enumerate(moments):
        send(broker, topic, [*each[n], (f"x{n}", b"poison")])
        if "topic_id" in moment or "INSERT INTO stream_place" in moment:
            reader._start_over()
        if "rollback" in moment:
            with database.begin() as connection:  # as when another has claimed them
                connection.execute(text("UPDATE stream_place SET epoch = epoch + 1"))
        cutter.armed = moment
        with pytest.raises(DBAPIError):
            step_until(lambda: reader.step(0.05), lambda: False)
        assert not cutter.armed and not reader.partitions  # it forgot them, and claims them anew
        kept = 40 * (n + 1), n + 1
        step_until(lambda: reader.step(0.05), partial(all_is_there, kept))
    reader.close()
    its_own.close()
    with database.connect() as connection:
        told = connection.execute(text(TOLD)).scalars().all()
        reasons = connection.execute(select(tables.dead_letter.c.reason)).scalars().all()
        places = connection.execute(select(tables.stream_place)).all()
    assert len(reasons) == len(moments) and all("not JSON" in reason for reason in reasons)
    assert sum(row.next_offset for row in places) == sum(row.taken for row in places) == len(events) + len(moments)
    assert Counter(told) == Counter(replayed(events))


KEPT = "SELECT (SELECT count(*) FROM signal_event), (SELECT count(*) FROM dead_letter)"
TOLD = (
    "SELECT payload->>'alert_id' FROM outbox JOIN alert ON alert_id = payload->>'alert_id' WHERE topic = 'alert.raised'"
)
