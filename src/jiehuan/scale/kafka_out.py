"""What the platform tells the world: the outbox to a topic, and the inbox of HTTP events to the events topic.

A message leaves at least once: the place in the outbox moves when the broker has acknowledged all of a batch. Messages keep
their order by key; each has an ``id`` header that is the same whenever it is sent again and never used twice, so that a reader
drops what it has seen. A batch that was not acknowledged is sent again by a new producer, from its first message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from sqlalchemy import text

from jiehuan.scale.broker import Broker, BrokerAway, quiet
from jiehuan.scale.letters import TOPIC as LETTERS
from jiehuan.scale.letters import opened
from jiehuan.scale.message import write_message
from jiehuan.scale.metrics import Metrics
from jiehuan.store import outbox
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault
from jiehuan.units.errors import InputError
from jiehuan.watch import read_event

log = structlog.get_logger("jiehuan.worker")

SECONDS = 15.0
"""How long the broker may take to acknowledge a batch: a transaction waits for it."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, str]] = field(default_factory=tuple)


class Sender:
    """Sends batches and says so only when the broker has all of it."""

    def __init__(self, broker: Broker, patience: float = SECONDS) -> None:
        self._broker, self._patience = broker, patience
        self._producer: Producer | None = None

    def send(self, messages: Iterable[Outgoing]) -> None:
        """Send in order and wait. Raises BrokerAway unless every message was acknowledged; those may have been sent then."""
        refused: list[KafkaError] = []

        def heard(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                refused.append(error)

        producer = self._producer = self._producer or self._new()
        try:
            for one in messages:
                while True:
                    try:
                        producer.produce(one.topic, one.value, one.key, on_delivery=heard, headers=list(one.headers))
                        break
                    except BufferError:  # the client's queue is full: that is the backpressure
                        producer.poll(0.1)
                producer.poll(0)
            left = producer.flush(self._patience)
        except KafkaException as error:
            self._abandon()
            raise BrokerAway(error.args[0].str()) from None
        if left or refused:
            self._abandon()
            raise BrokerAway(refused[0].str() if refused else f"{left} messages were not acknowledged")

    def close(self) -> None:
        """Let the client go; nothing waits in it."""
        self._producer = None

    def _new(self) -> Producer:
        settings = self._broker.settings(
            enable_idempotence=True, acks="all", linger_ms=5, message_timeout_ms=int(self._patience * 1000)
        )
        return Producer(settings, logger=quiet())

    def _abandon(self) -> None:
        """What waits in the client must not be sent behind our back, after what is sent anew."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(0.1)
            self._producer = None


class OutboxRelay:
    """Sends the outbox to ``topic`` and dead letters, with what came, to ``dead_topic``."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        broker: Broker,
        *,
        topic: str,
        dead_topic: str,
        metrics: Metrics | None = None,
        patience: float = SECONDS,
    ) -> None:
        self.database, self.vault = database, vault
        self.topic, self.dead_topic = topic, dead_topic
        self.metrics = metrics if metrics is not None else Metrics()
        self._sender = Sender(broker, patience)

    def step(self, limit: int = 1000) -> int:
        """Send the next messages; how many. Raises BrokerAway, and the same messages come again."""
        sent = outbox.consume(self.database, "kafka", self._send, limit)
        self.metrics.add("relayed", sent)
        return sent

    def close(self) -> None:
        """Let the client go."""
        self._sender.close()

    def _send(self, messages: list[outbox.Message]) -> None:
        self._sender.send([self._outgoing(message) for message in messages])

    def _outgoing(self, message: outbox.Message) -> Outgoing:
        number = f"{message.place.xid}-{message.place.number}"
        if message.topic == LETTERS:
            return self._dead(message, number)
        said = {
            "id": number, "topic": message.topic, "key": message.key, "at": message.created_at.isoformat(), "payload": message.payload,
        }  # fmt: skip
        value = json.dumps(said, ensure_ascii=False).encode()
        return Outgoing(self.topic, message.key.encode(), value, (("id", number), ("topic", message.topic)))

    def _dead(self, message: outbox.Message, number: str) -> Outgoing:
        """A dead letter goes out as it came, its reason in the headers."""
        with self.database.connect() as connection:
            row, key, value = opened(connection, self.vault, message.key)
        headers = (
            ("id", number), ("letter", row.letter_id), ("reason", row.reason), ("topic", row.topic), ("partition", str(row.partition)),
            ("offset", str(row.offset)),
        )  # fmt: skip
        return Outgoing(self.dead_topic, key, value, headers)


class InboxRelay:
    """Sends events that came by HTTP to the events topic, so that an account's events have one order and one reader."""

    def __init__(
        self,
        database: Database,
        broker: Broker,
        *,
        topic: str,
        metrics: Metrics | None = None,
        patience: float = SECONDS,
    ) -> None:
        self.database, self.topic = database, topic
        self.metrics = metrics if metrics is not None else Metrics()
        self._sender = Sender(broker, patience)

    def step(self, limit: int = 1000) -> int:
        """Send the next events and take them from the inbox; how many. Sent twice after a kill, an event is taken once."""
        with self.database.begin() as connection:
            if not connection.execute(_ALONE).scalar_one():
                return 0
            rows = connection.execute(_NEXT, {"limit": limit}).all()
            if rows:
                self._sender.send(self._outgoing(row.content) for row in rows)
                connection.execute(_TAKEN, {"ids": [row.id for row in rows]})
        self.metrics.add("inbox_events", len(rows))
        return len(rows)

    def close(self) -> None:
        """Let the client go."""
        self._sender.close()

    def _outgoing(self, content: dict[str, object]) -> Outgoing:
        try:
            event = read_event(content)
        except InputError:  # the reader parks it with its reason
            return Outgoing(self.topic, None, json.dumps(content, ensure_ascii=False).encode())
        return Outgoing(self.topic, event.account_id.encode(), write_message(event))


_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('signal_inbox relay', 0))")
_NEXT = text("SELECT id, content FROM signal_inbox ORDER BY id LIMIT :limit")
_TAKEN = text("DELETE FROM signal_inbox WHERE id = ANY(:ids)")
