"""What leaves: every message of the outbox in order, also when the broker was away; dead letters as they came; the inbox."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from sqlalchemy import text
from streams import Tansu, send, some_events, step_until

from jiehuan.scale.broker import Broker, BrokerAway
from jiehuan.scale.kafka_in import KafkaIn
from jiehuan.scale.kafka_out import InboxRelay, OutboxRelay
from jiehuan.scale.message import read_message
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.store.outbox import publish
from jiehuan.store.vault import Vault
from jiehuan.units.errors import InputError


def messages_of(broker: Broker, topic: str) -> list[Message]:
    """Every message of a topic, in order within a partition."""
    consumer = Consumer(broker.settings(group_id="reader", enable_partition_eof=True, auto_offset_reset="earliest"))
    numbers = list(consumer.list_topics(topic, timeout=60).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
    found: list[Message] = []
    ended = 0
    while ended < len(numbers):
        message = consumer.poll(10)
        assert message is not None
        if message.error() is not None:
            ended += 1
        else:
            found.append(message)
    consumer.close()
    return found


def headers(message: Message) -> dict[str, str]:
    return {name: value.decode() for name, value in message.headers() or []}


def test_messages_wait_while_the_broker_is_away_and_leave_in_order(
    database: Database, vault: Vault, own_tansu: Tansu
) -> None:
    broker = Broker(own_tansu.servers)
    broker.must_have({"out": 3, "dead": 1}, make=True)
    relay = OutboxRelay(database, vault, broker, topic="out", dead_topic="dead", patience=2)
    with database.begin() as connection:
        for n in range(50):
            publish(connection, "loan.repaid", f"ln_{n % 5}", {"n": n})
    assert relay.step(20) == 20
    own_tansu.stop()
    with pytest.raises(BrokerAway):
        relay.step(20)
    own_tansu.start()
    Broker(own_tansu.servers).must_have(
        {"out": 3, "dead": 1}, make=True
    )  # it forgot all: its memory is its only storage
    assert relay.step() == 30 and relay.step() == 0
    relay.close()
    told = [json.loads(message.value()) for message in messages_of(Broker(own_tansu.servers), "out")]
    assert sorted(one["payload"]["n"] for one in told) == list(range(20, 50))
    for key in range(5):
        order = [one["payload"]["n"] for one in told if one["key"] == f"ln_{key}"]
        assert order == sorted(order)
    assert len({one["id"] for one in told}) == 30


def test_a_dead_letter_leaves_as_it_came_with_its_reason(
    database: Database, vault: Vault, broker: Broker, topic: str
) -> None:
    broker.must_have({f"{topic}-out": 1, f"{topic}-dead": 1}, make=True)
    send(broker, topic, [("acc", b"\xff poison")])
    reader = KafkaIn(database, vault, broker, topic=topic, group="g", owner="one", partitions=range(4))
    step_until(reader.step, lambda: reader.metrics.as_dict()["dead_letters"] == 1)
    reader.close()
    relay = OutboxRelay(database, vault, broker, topic=f"{topic}-out", dead_topic=f"{topic}-dead")
    assert relay.step() == 1
    (message,) = messages_of(broker, f"{topic}-dead")
    assert (message.key(), message.value()) == (b"acc", b"\xff poison")
    said = headers(message)
    assert said["topic"] == topic and said["offset"] == "0" and said["reason"].startswith("not JSON")
    assert messages_of(broker, f"{topic}-out") == []


def test_events_of_the_inbox_go_to_the_topic_by_account(database: Database, broker: Broker, topic: str) -> None:
    events = some_events(30, accounts=5)
    with database.begin() as connection:
        for event in events:
            content = {
                "event_id": event.event_id,
                "account_id": event.account_id,
                "at": event.at.isoformat(),
                "kind": event.kind,
            }
            connection.execute(
                tables.signal_inbox.insert().values(event_id=event.event_id, content=content, sender="t")
            )
        connection.execute(tables.signal_inbox.insert().values(event_id="odd", content={"event_id": "odd"}, sender="t"))
    relay = InboxRelay(database, broker, topic=topic)
    assert relay.step(20) == 20 and relay.step() == 11 and relay.step() == 0
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM signal_inbox")).scalar_one() == 0
    found = messages_of(broker, topic)
    assert len(found) == 31
    by_account: dict[str, set[int | None]] = {}
    read = []
    for message in found:
        try:
            event = read_message(message.value())
        except InputError as error:
            assert "schema" in error.problems[0].where  # the reader parks it
            continue
        read.append(event.event_id)
        by_account.setdefault(event.account_id, set()).add(message.partition())
        assert message.key() == event.account_id.encode()
    assert sorted(read) == sorted(event.event_id for event in events)
    assert all(len(places) == 1 for places in by_account.values())
