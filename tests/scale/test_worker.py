"""The worker as a command: it does what waits, says clearly what does not answer, and stops cleanly."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from dataclasses import asdict, replace
from datetime import date, datetime
from datetime import time as clock_time
from typing import Any

from sqlalchemy import select, text
from streams import replayed, send, some_events, step_until

from jiehuan.scale.broker import Broker
from jiehuan.scale.evening import DayEndTimer
from jiehuan.scale.kafka_in import KafkaIn
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def started(env: dict[str, str], *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "jiehuan", "worker", "--json", *words]
    return subprocess.Popen(
        command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def count(database: Database, table: str) -> int:
    with database.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_it_reads_relays_tells_metrics_and_stops_on_a_signal(
    database: Database, database_env: dict[str, str], broker: Broker, topic: str
) -> None:
    events = some_events(300)
    send(broker, topic, [*events, ("x", b"poison")])
    port = free_port()
    words = ["--kafka", broker.servers, "--events-topic", topic, "--group", topic, "--out-topic", f"{topic}-out",
             "--dead-topic", f"{topic}-dead", "--make-topics", "2", "--no-day-end", "--metrics", f"127.0.0.1:{port}"]  # fmt: skip
    process = started(database_env, *words)
    try:
        step_until(lambda: time.sleep(0.2), lambda: count(database, "signal_event") == len(events), 60)
        with database.begin() as connection:
            last = connection.execute(text("SELECT max(id) FROM outbox")).scalar_one()
        relayed = "SELECT (value->>'number')::bigint FROM setting WHERE key = 'outbox.kafka'"

        def all_relayed() -> bool:
            with database.connect() as connection:
                return connection.execute(text(relayed)).scalar() == last

        step_until(lambda: time.sleep(0.2), all_relayed, 30)
        told = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60).read().decode()
        assert f"jiehuan_worker_events_taken_total {len(events)}" in told
        assert "jiehuan_worker_lag 0" in told
        with database.begin() as connection:  # an event by HTTP goes through the topic, so that accounts have one order
            more = replace(some_events(1, seed=9)[0], at=events[-1].at)
            content = asdict(more) | {"at": more.at.isoformat()}
            connection.execute(
                tables.signal_inbox.insert().values(event_id=more.event_id, content=content, sender="test")
            )
        step_until(lambda: time.sleep(0.2), lambda: count(database, "signal_event") == len(events) + 1, 30)
        assert count(database, "signal_inbox") == 0
    finally:
        process.send_signal(signal.SIGINT)
        out, logs = process.communicate(timeout=30)
    assert process.returncode == 0, logs
    said = [json.loads(line) for line in out.splitlines()]
    assert said[0]["started"][:3] == ["relay", "inbox to topic", "events"]
    assert said[-1]["stopped"]["dead_letters"] == 1 and said[-1]["failed"] == []
    assert all(json.loads(line)["event"] for line in logs.splitlines())
    with database.connect() as connection:
        kept = Counter(connection.execute(select(tables.alert.c.alert_id)).scalars())
    assert kept == Counter(replayed([*events, more]))


def test_once_does_what_waits_and_ends(database: Database, database_env: dict[str, str], cli: Any) -> None:
    events = some_events(20)
    with database.begin() as connection:
        for event in events:
            content = {
                "event_id": event.event_id,
                "account_id": event.account_id,
                "at": event.at.isoformat(),
                "kind": event.kind,
            }
            connection.execute(
                tables.signal_inbox.insert().values(event_id=event.event_id, content=content, sender="test")
            )
    done = cli("worker", "--once", "--json", env=database_env)
    assert done.returncode == 0, done.stderr
    stopped = json.loads(done.stdout.splitlines()[-1])["stopped"]
    assert stopped["inbox_events"] == 20 and stopped["days_closed"] >= 1
    assert count(database, "day_end_run") >= 1


def test_what_does_not_answer_is_said_in_a_sentence(database_env: dict[str, str], cli: Any) -> None:
    port = free_port()
    no_broker = cli("worker", "--kafka", f"127.0.0.1:{port}", env=database_env)
    assert no_broker.returncode == 2 and "does not answer" in no_broker.stderr and "JIEHUAN_KAFKA" in no_broker.stderr
    assert "rdkafka" not in no_broker.stderr and "Traceback" not in no_broker.stderr
    no_database = cli("worker", env={**database_env, "JIEHUAN_DSN": f"postgresql://nobody@127.0.0.1:{port}/none"})
    assert no_database.returncode == 2 and "does not answer" in no_database.stderr


def test_wrong_words_are_refused(database_env: dict[str, str], broker: Broker, cli: Any) -> None:
    for words, said in (
        (("--day-end-at", "25:00"), "not a time of day"),
        (("--partitions", "a-b"), "not partition numbers"),
        (("--no-day-end", "--no-events", "--no-respond"), "nothing to do"),
        (("--metrics", "here"), "not HOST:PORT"),
    ):
        done = cli("worker", *words, env=database_env)
        assert done.returncode == 2 and said in done.stderr, done.stderr
    missing = cli("worker", "--kafka", broker.servers, "--events-topic", "nowhere", env=database_env)
    assert missing.returncode == 1 and "does not exist" in missing.stderr and "--make-topics" in missing.stderr


def test_a_day_is_closed_once_after_its_hour_and_missed_days_are_made_up(database: Database) -> None:
    now = datetime(2026, 3, 2, 0, 10, tzinfo=CHINA)
    timer = DayEndTimer(database, at=clock_time(0, 30), now=lambda: now)
    assert timer.due() == date(2026, 2, 28)
    assert timer.step() == 1 and timer.step() == 0
    now = datetime(2026, 3, 2, 0, 31, tzinfo=CHINA)
    assert timer.step() == 1 and timer.due() is None
    now = datetime(2026, 3, 5, 9, tzinfo=CHINA)
    again = DayEndTimer(database, at=clock_time(0, 30), now=lambda: now)  # as after a restart, three days later
    assert again.step() == 3
    with database.connect() as connection:
        closed = connection.execute(select(tables.day_end_run.c.on).order_by(tables.day_end_run.c.on)).scalars().all()
    assert closed == [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)]


def test_the_operator_sees_places_and_settles_letters(
    database: Database, database_env: dict[str, str], vault: Vault, broker: Broker, topic: str, cli: Any
) -> None:
    later = json.dumps({"schema": "jiehuan.event/2", "event_id": "x"}).encode()
    send(broker, topic, [*some_events(30), replace(some_events(1)[0], event_id="k", kind="flying"), ("a", later)])
    reader = KafkaIn(database, vault, broker, topic=topic, group="g", owner="one", partitions=range(4))
    step_until(reader.step, lambda: reader.metrics.as_dict()["messages"] == 32)
    reader.close()
    status = json.loads(cli("stream", "status", "--json", env=database_env).stdout)
    assert sum(row["taken"] for row in status["partitions"]) == 32 and status["parked"] == 2
    assert all(row["lag"] == 0 and row["owner"] == "one" for row in status["partitions"] if row["taken"])
    assert "jiehuan stream letters" in cli("stream", "status", env=database_env).stdout
    letters = json.loads(cli("stream", "letters", "--json", env=database_env).stdout)
    assert {row["reason"] for row in letters} == {"unknown kind", "a schema or version that is not known here"}
    tried = cli("stream", "retry", "--json", env=database_env)
    said = json.loads(tried.stdout)
    assert tried.returncode == 1 and len(said["retried"]) == 1 and "not known here" in next(iter(said["left"].values()))
    assert cli("stream", "drop", *said["left"], env=database_env).returncode == 0
    assert json.loads(cli("stream", "status", "--json", env=database_env).stdout)["parked"] == 0
    assert cli("stream", "letters", "--status", "odd", env=database_env).returncode == 2


def test_a_worker_of_a_group_that_is_killed_leaves_nothing_undone(
    database: Database, database_env: dict[str, str], broker: Broker, topic: str
) -> None:
    events = some_events(900)
    words = ["--kafka", broker.servers, "--events-topic", topic, "--group", topic, "--no-relay", "--no-day-end",
             "--no-respond", "--session-seconds", "2"]  # fmt: skip
    both = [started(database_env, *words) for _ in range(2)]

    def owners() -> set[str]:
        with database.connect() as connection:
            return set(connection.execute(select(tables.stream_place.c.owner)).scalars())

    try:
        step_until(lambda: time.sleep(0.1), lambda: len(owners()) == 2, 120)
        send(broker, topic, events[:300])
        step_until(lambda: time.sleep(0.01), lambda: count(database, "signal_event") > 0, 60)
        both[0].kill()
        send(broker, topic, events[300:])
        step_until(lambda: time.sleep(0.1), lambda: count(database, "signal_event") == len(events), 120)
    finally:
        for process in both:
            process.terminate()
            process.communicate(timeout=30)
    assert both[1].returncode == 0
    with database.connect() as connection:
        kept = Counter(connection.execute(select(tables.alert.c.alert_id)).scalars())
        letters = connection.execute(text("SELECT place || ': ' || reason FROM dead_letter")).scalars().all()
    assert letters == []
    assert kept == Counter(replayed(events))
