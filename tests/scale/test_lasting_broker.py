"""A broker that keeps its log: it is killed and comes back, members of the group are killed while partitions move, nothing is lost.

``JIEHUAN_MOVING_FAULTS`` sets the number of ends of members (default 4), ``JIEHUAN_SEED`` the seed; a failure is replayed by its seed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from sqlalchemy import select, text
from streams import Tansu, replayed, send, some_events, step_until

from jiehuan.scale.broker import Broker, BrokerAway, quiet
from jiehuan.scale.kafka_in import KafkaIn
from jiehuan.scale.kafka_out import OutboxRelay
from jiehuan.scale.message import write_message
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.store.outbox import publish
from jiehuan.store.vault import Vault

FAULTS = int(os.environ.get("JIEHUAN_MOVING_FAULTS", "4"))
SEED = int(os.environ.get("JIEHUAN_SEED", "20261124"))


def told_of(database: Database) -> Counter[str]:
    """How often others are told of each alert; all that are told of are kept, and the other way round."""
    with database.connect() as connection:
        kept = Counter(connection.execute(select(tables.alert.c.alert_id)).scalars())
        told = Counter(
            connection.execute(
                select(tables.outbox.c.payload["alert_id"].astext).where(tables.outbox.c.topic == "alert.raised")
            ).scalars()
        )
    assert kept == told
    return told


def count(database: Database, table: str) -> int:
    with database.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@contextmanager
def killing(tansu: Tansu, times: int, seed: int) -> Iterator[None]:
    """Kill the broker and start it again so many times at moments of the seed, beside what the caller does; then wait for the end."""
    chance = Random(seed)

    def kill() -> None:
        for _ in range(times):
            time.sleep(chance.uniform(0.1, 0.6))
            tansu.kill()
            time.sleep(chance.uniform(0, 0.4))
            tansu.start()

    running = threading.Thread(target=kill)
    running.start()
    try:
        yield
    finally:
        running.join()


def test_a_broker_that_is_killed_and_comes_back_with_its_log_loses_and_doubles_nothing(
    database: Database, vault: Vault, lasting_tansu: Tansu
) -> None:
    """Every event is sent once: what the broker took, it must give, and the reader must take once."""
    broker = Broker(lasting_tansu.servers)
    broker.must_have({"events": 3}, make=True)
    known = broker.topic_id("events")
    events = some_events(1200, seed=SEED)
    reader = KafkaIn(database, vault, broker, topic="events", group="g", owner="one", session_seconds=2)
    producer = Producer(
        broker.settings(max_in_flight=1, linger_ms=5), logger=quiet()
    )  # it tries again what was not taken

    def step() -> None:
        with suppress(BrokerAway):
            reader.step(0.05)

    with killing(lasting_tansu, 6, SEED):
        for at in range(0, len(events), 20):
            for event in events[at : at + 20]:
                producer.produce("events", key=event.account_id, value=write_message(event))
            producer.poll(0.05)
            step()
    assert producer.flush(60) == 0
    step_until(step, lambda: count(database, "signal_event") == len(events), 60)
    assert broker.topic_id("events") == known  # the same topic, not one made anew
    assert told_of(database) == Counter(replayed(events))
    assert count(database, "dead_letter") == 0
    messages = reader.metrics.as_dict()["messages"]
    assert messages < 2 * len(events), "it went on from its places, not from the beginning"
    reader.close()


def test_a_relay_whose_broker_is_killed_sends_all_in_order(
    database: Database, vault: Vault, lasting_tansu: Tansu
) -> None:
    broker = Broker(lasting_tansu.servers)
    broker.must_have({"out": 3, "dead": 1}, make=True)
    relay = OutboxRelay(database, vault, broker, topic="out", dead_topic="dead", patience=2)
    with database.begin() as connection:
        for n in range(300):
            publish(connection, "loan.repaid", f"ln_{n % 7}", {"n": n})
    sent = 0
    with killing(lasting_tansu, 3, SEED):
        while sent < 300:
            with suppress(BrokerAway):
                sent += relay.step(10)
    relay.close()
    reader = Consumer(broker.settings(group_id="reader", auto_offset_reset="earliest"), logger=quiet())
    reader.assign([TopicPartition("out", number, OFFSET_BEGINNING) for number in range(3)])
    seen: dict[str, list[int]] = {}
    deadline = time.monotonic() + 60
    while sum(map(len, seen.values())) < 300 and time.monotonic() < deadline:
        for message in reader.consume(500, 0.5):
            if message.error() is None:
                said = json.loads(message.value())
                numbers = seen.setdefault(said["key"], [])
                if said["payload"]["n"] not in numbers:  # sent again after an answer that was lost: dropped by its id
                    numbers.append(said["payload"]["n"])
    reader.close()
    assert seen == {f"ln_{key}": list(range(key, 300, 7)) for key in range(7)}


def test_members_that_die_while_partitions_move_lose_and_double_nothing(database: Database, tmp_path: Path) -> None:
    database.engine.dispose()
    script = str(Path(__file__).with_name("moving_workers.py"))
    words = [sys.executable, script, database.dsn, str(database.home), str(tmp_path / "log"), str(SEED), str(FAULTS)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120 + 25 * FAULTS)
    assert done.returncode == 0, f"seed {SEED}: {done.stderr[-3000:]}"
    said = json.loads(done.stdout.splitlines()[-1])
    print(said)
    assert not any("failed" in key or "lost" in key for key in said["done"]), (
        f"seed {SEED}: {said} {done.stderr[-2000:]}"
    )
    assert said["claims"] >= 12, f"partitions hardly moved: {said}"  # six are claimed at the end in any case
    assert told_of(database) == Counter(replayed(some_events(20_000, seed=SEED)[: said["events"]])), f"seed {SEED}"
    assert count(database, "signal_event") == said["events"] and count(database, "dead_letter") == 0


def test_poison_and_another_schema_among_events_of_a_broker_that_dies(
    database: Database, vault: Vault, lasting_tansu: Tansu
) -> None:
    """A sender changes its schema in the middle; the old one goes on beside it. Nothing stops, all is parked, once."""
    broker = Broker(lasting_tansu.servers)
    broker.must_have({"events": 4}, make=True)
    good = some_events(300, seed=3)
    mixed: list[tuple[str, bytes]] = []
    for n, event in enumerate(good):
        mixed.append((event.account_id, write_message(event)))
        if n % 10 == 0:
            mixed.append((event.account_id, b"\xff poison %d" % n))
        if n % 10 == 5:
            later = json.loads(write_message(replace(event, event_id=f"v2-{n}"))) | {
                "schema": "jiehuan.event/2",
                "weight": 1,
            }
            mixed.append((event.account_id, json.dumps(later).encode()))
    reader = KafkaIn(database, vault, broker, topic="events", group="g", owner="one", partitions=range(4))
    send(broker, "events", mixed[: len(mixed) // 2])
    step_until(lambda: reader.step(0.05), lambda: count(database, "dead_letter") > 5)
    lasting_tansu.kill()
    lasting_tansu.start()
    send(broker, "events", mixed[len(mixed) // 2 :])

    def step() -> None:
        with suppress(BrokerAway):
            reader.step(0.05)

    step_until(step, lambda: count(database, "signal_event") == 300 and count(database, "dead_letter") == 60, 60)
    reader.close()
    assert told_of(database) == Counter(replayed(good))
    with database.connect() as connection:
        reasons = Counter(connection.execute(select(tables.dead_letter.c.reason)).scalars())
    assert reasons == {"not JSON: UnicodeDecodeError": 30, "a schema or version that is not known here": 30}
