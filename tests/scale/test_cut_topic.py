"""A topic that does not have the place where we were: cut by retention before it was read, or shorter than it was.

Tansu answers such a fetch with nothing, so these ask the broker in librdkafka, which answers as Kafka does: "offset out of range". It
keeps 5 MB a partition and removes what is older.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Producer
from sqlalchemy import select, text
from streams import replayed, send, some_events, step_until

from jiehuan.scale.broker import Broker, quiet
from jiehuan.scale.kafka_in import KafkaIn
from jiehuan.scale.message import write_message
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault

TOPIC = "events"
MEND = (
    "send those events again before later ones of their accounts (what comes too late for the signals is parked),"
    " and raise the topic's retention"
)


class Cutting(Broker):
    """A broker that has no ids of topics, as those older than Kafka 3.1."""

    def topic_id(self, topic: str) -> str:
        """None."""
        return ""


@pytest.fixture
def cutting() -> Iterator[Broker]:
    host = Producer({"test.mock.num.brokers": 1}, logger=quiet())  # the broker lives in this client
    (found,) = host.list_topics(timeout=60).brokers.values()
    broker = Cutting(f"{found.host}:{found.port}")
    broker.admin.list_topics(TOPIC, timeout=60)  # it makes the topic
    yield broker
    del host


def reader_of(database: Database, vault: Vault, broker: Broker) -> KafkaIn:
    return KafkaIn(database, vault, broker, topic=TOPIC, group="g", owner="one", partitions=[0])


def taken(database: Database) -> int:
    with database.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM signal_event")).scalar_one())


def in_one_partition(broker: Broker, values: list[bytes]) -> None:
    producer = Producer(broker.settings(), logger=quiet())
    for value in values:
        producer.produce(TOPIC, value, partition=0)
        producer.poll(0)
    assert producer.flush(60) == 0


def test_what_retention_removed_before_it_was_read_is_told_with_what_to_do(
    database: Database, database_env: dict[str, str], vault: Vault, cutting: Broker, cli: Any
) -> None:
    events = some_events(300)
    before, after = events[:100], events[200:]
    lost = [replace(event, account_id=f"late_{event.account_id}") for event in events[100:200]]
    reader = reader_of(database, vault, cutting)
    in_one_partition(cutting, [write_message(event) for event in before])
    step_until(reader.step, lambda: taken(database) == 100)
    reader.close()
    in_one_partition(cutting, [write_message(event) for event in lost])
    in_one_partition(cutting, [b"x" * 60_000] * 120)  # 7 MB: what lies before is removed
    in_one_partition(cutting, [write_message(event) for event in after])

    reader = reader_of(database, vault, cutting)
    step_until(reader.step, lambda: taken(database) == 200)
    reader.close()
    letters = json.loads(cli("stream", "letters", "--json", env=database_env).stdout)
    (letter,) = [one for one in letters if "removed" in one["reason"]]
    assert letter["reason"].startswith("offsets 100 to ") and "before they were read" in letter["reason"]
    assert letter["mend"] == MEND
    with database.connect() as connection:
        place = connection.execute(select(tables.stream_place)).one()
    assert place.next_offset == place.high_offset == 420

    send(cutting, TOPIC, lost)  # as the letter says; their accounts have no later event yet
    reader = KafkaIn(database, vault, cutting, topic=TOPIC, group="g", owner="one", partitions=range(4))
    step_until(reader.step, lambda: taken(database) == 300)
    reader.close()


def test_a_topic_that_is_shorter_than_our_place_is_read_anew(database: Database, vault: Vault, cutting: Broker) -> None:
    events = some_events(60)
    send(cutting, TOPIC, events)
    with database.begin() as connection:  # as if it had been cut and filled again
        for number in range(4):
            row = {"consumer": "g", "topic": TOPIC, "partition": number, "next_offset": 9_000, "topic_id": ""}
            connection.execute(tables.stream_place.insert().values(row))
    reader = KafkaIn(database, vault, cutting, topic=TOPIC, group="g", owner="one", partitions=range(4))
    step_until(reader.step, lambda: taken(database) == len(events))
    reader.close()
    with database.connect() as connection:
        kept = Counter(connection.execute(select(tables.alert.c.alert_id)).scalars())
        reasons = connection.execute(select(tables.dead_letter.c.reason)).scalars().all()
    assert kept == Counter(replayed(events))
    assert len(reasons) == 4 and all("before the place 9000" in reason for reason in reasons)
