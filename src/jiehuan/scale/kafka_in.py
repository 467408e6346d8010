"""Events from Kafka into the Watcher: each message has its effect once, whatever is killed, restarted or rebalanced.

A batch is one PostgreSQL transaction: the places of its partitions move (fenced by the owner's epoch), the events and the
alerts they raise are kept, what cannot be taken is parked with its reason. Committed, all of it is; otherwise nothing, and the
consumer goes back to the stored places. The engine's memory is per partition, and an account belongs to the partition of its
key; it is dropped with the partition and fetched again from the database, account by account.

The consumer never asks for more while it works on a batch, and the client's own queue is bounded: that is the backpressure.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from jiehuan.flow.watch import Watcher, judged_by
from jiehuan.scale.broker import Broker, BrokerAway, quiet
from jiehuan.scale.letters import Letter, park
from jiehuan.scale.message import read_message
from jiehuan.scale.metrics import Metrics
from jiehuan.scale.places import BEGINNING, Fenced, Move, Partition, Place, advance, claim
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault
from jiehuan.units.errors import InputError, Problem
from jiehuan.watch import Event

log = structlog.get_logger("jiehuan.worker")

BATCH = 1000
"""Messages a transaction, at most."""

JOIN = 20.0
"""Seconds that a consumer may need to be given its partitions."""

WAIT = 0.2
"""Seconds that an idle consumer waits for a message before it looks round."""

TELL_BROKER = 5.0
"""Seconds between two notes of the places to the broker, for its own tools only: the truth is in PostgreSQL."""

RENEW = 30.0
"""Seconds between two looks whether the lender's people have put other signals in force."""

MOST_ODD = 50
"""Messages in a row that the database would not take for no known reason, after which the consumer stops: the fault is ours."""


class KafkaIn:
    """One consumer of one topic, in a group, or of fixed partitions when they are given. Not for two threads at once."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        broker: Broker,
        *,
        topic: str,
        group: str,
        owner: str,
        watcher: Watcher | None = None,
        known_only: bool = False,
        partitions: Sequence[int] = (),
        session_seconds: float = 10.0,
        metrics: Metrics | None = None,
    ) -> None:
        self.database, self.vault, self.broker = database, vault, broker
        self.topic, self.group, self.owner = topic, group, owner
        self.watcher = watcher if watcher is not None else Watcher(known_only=known_only)
        self._renews = watcher is None
        self.metrics = metrics if metrics is not None else Metrics()
        self._topic_id = ""
        self._places: dict[int, Place] = {}
        self._unclaimed: set[int] = set(partitions)
        self._away = threading.Event()
        self._odd = 0
        self._told_broker = time.monotonic()
        self._renewed = 0.0
        self._began = time.monotonic()
        self.watcher.warm()  # before the group counts on this member
        self.consumer = Consumer(
            broker.settings(
                group_id=group,
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                auto_offset_reset="error",
                partition_assignment_strategy="range",
                session_timeout_ms=int(session_seconds * 1000),
                heartbeat_interval_ms=int(session_seconds * 1000 / 5),
                max_poll_interval_ms=300_000,
                fetch_wait_max_ms=20,
                fetch_error_backoff_ms=50,
                queued_max_messages_kbytes=16_384,
            )
            | {"error_cb": self._heard_error},
            logger=quiet(),
        )
        if partitions:
            self._fixed = True
        else:
            self._fixed = False
            self.consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    @property
    def partitions(self) -> list[int]:
        """The partitions that this consumer owns and may read."""
        return sorted(self._places)

    def step(self, wait: float = WAIT) -> int:
        """Take the next batch; how many messages it had. Raises DBAPIError or BrokerAway when one of them does not answer;
        the next step goes on from what is committed."""
        try:
            messages = self._polled(wait)
            if self._away.is_set():
                self._look_again()
            if self._unclaimed:
                self._claim()
                return 0
            if self._renews and time.monotonic() - self._renewed > RENEW:
                self._renew()
            taken = self._taken([message for message in messages if self._mine(message)])
        except Fenced as fenced:
            log.warning("fenced", partitions=[number for _, number in fenced.partitions], owner=self.owner)
            self._start_over()
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - spreads the two claimants
            return 0
        except BaseException:
            self._start_over()
            raise
        self._tell_broker()
        return taken

    def behind(self) -> bool:
        """Whether messages wait in the partitions of this consumer, or it has not been given any for long yet."""
        if not self._places:
            return time.monotonic() - self._began < JOIN
        for number, place in self._places.items():
            low, high = self._ends(number)
            if max(low, place.next_offset) < high:
                return True
        return False

    def close(self) -> None:
        """Leave the group at once, so that others need not wait for the session to end."""
        self.consumer.close()

    # What the group says

    def _assigned(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        """New partitions: nothing is read until their places are claimed."""
        self._forget(set(self._places))
        self._unclaimed = {part.partition for part in parts}
        consumer.assign([])

    def _revoked(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        """Partitions go to others. What was taken is committed, so there is nothing to save."""
        gone = {part.partition for part in parts}
        self._forget(gone)
        self._unclaimed -= gone
        consumer.unassign()

    def _heard_error(self, error: KafkaError) -> None:
        if error.code() in {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT}:
            if not self._away.is_set():
                log.warning("the broker does not answer; the client keeps trying", broker=self.broker.servers)
            self._away.set()
        elif error.fatal():
            log.error("the client has stopped", why=error.str())

    # Where to read

    def _claim(self) -> None:
        """Become the owner of what was assigned, and read from the stored places on."""
        wanted = sorted(self._unclaimed)
        self._topic_id = self.broker.topic_id(self.topic)
        with self.database.begin() as connection:
            found = claim(connection, self.group, self.owner, {(self.topic, n): self._topic_id for n in wanted})
        self._forget(set(wanted))
        self._places = {number: place for (_, number), place in found.items()}
        self._unclaimed = set()
        for number, place in self._places.items():
            if place.made_anew:
                log.warning("the topic was made anew; read from its beginning", topic=self.topic, partition=number)
        self._read_from_places()
        self.metrics.set("partitions", len(self._places))
        log.info("reads", topic=self.topic, partitions=sorted(self._places), owner=self.owner)

    def _renew(self) -> None:
        """Judge by the signals and the model that are in force now."""
        with self.database.connect() as connection:
            found, hazard = judged_by(connection, datetime.now(UTC))
        self._renewed = time.monotonic()
        if self.watcher.use(found, hazard):
            log.info("signals changed", version=found.version, model=hazard.version if hazard else None)

    def _look_again(self) -> None:
        """After the broker was away: is it still the same topic?"""
        found = self.broker.topic_id(self.topic)
        self._away.clear()
        log.info("the broker answers again", broker=self.broker.servers)
        if found != self._topic_id:
            self._start_over()

    def _start_over(self) -> None:
        """Forget what may be ahead of the database; claim anew what is still ours.

        Nothing is read meanwhile. Not by a pause: librdkafka drops a ``resume`` that an ``assign`` overtakes, and the partition stays
        paused for good.
        """
        self._unclaimed |= set(self._places)
        self._forget(set(self._places))
        self.consumer.assign([])

    def _forget(self, numbers: set[int]) -> None:
        for number in numbers:
            self._places.pop(number, None)
            self.watcher.forget(number)

    # Messages

    def _polled(self, wait: float) -> list[Message]:
        """The messages that are here, at most a batch; waits for the first."""
        first = self.consumer.poll(wait)
        if first is None:
            return []
        return [first, *self.consumer.consume(BATCH - 1, 0)]

    def _mine(self, message: Message) -> bool:
        """Whether it is a message to take: of a partition that is claimed, and not before its place."""
        error = message.error()
        if error is not None:
            self._message_error(message, error)
            return False
        place = self._places.get(_number(message))
        return place is not None and _offset(message) >= max(0, place.next_offset)

    def _message_error(self, message: Message, error: KafkaError) -> None:
        code = error.code()
        if code == KafkaError._AUTO_OFFSET_RESET and message.partition() in self._places:
            self._out_of_range(_number(message))
        elif code in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION}:
            log.warning("the topic is not there", topic=self.topic)
            self._away.set()
        elif code not in {KafkaError._PARTITION_EOF, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}:
            log.warning("the broker refused", why=error.str())

    def _ends(self, number: int) -> tuple[int, int]:
        """The first offset of a partition, and one past its last."""
        try:
            low, high = self.consumer.get_watermark_offsets(TopicPartition(self.topic, number), timeout=5.0)
        except KafkaException as error:
            raise BrokerAway(error.args[0].str()) from None
        return low, high

    def _out_of_range(self, number: int) -> None:
        """The place is not in the topic any more: its messages were removed before they were read, or the topic was cut."""
        place = self._places[number]
        low, high = self._ends(number)
        if (
            place.next_offset == BEGINNING or low <= place.next_offset <= high
        ):  # said of a place that we have left since
            self._read_from_places()
            return
        place_now = Place(place.epoch, low)
        if 0 <= place.next_offset < low:
            reason = f"offsets {place.next_offset} to {low - 1} were removed from the topic before they were read"
            mend = (
                "send those events again before later ones of their accounts (what comes too late for the signals is parked),"
                " and raise the topic's retention"
            )
        else:
            reason, mend = f"the topic ends at {high}, before the place {place.next_offset}", "nothing: it is read anew"
        log.error("messages are missing", topic=self.topic, partition=number, why=reason)
        with self.database.begin() as connection:
            move = Move((self.topic, number), place, low, high, 0)
            advance(connection, self.group, [move])
            lost = Letter(
                self.topic, number, self._topic_id, place.next_offset, None, None, Problem("", "", reason, mend)
            )
            park(connection, self.vault, [lost])
        self._places[number] = place_now
        self.watcher.forget(number)
        self._read_from_places()

    def _read_from_places(self) -> None:
        """Read every partition from its place on; what is in hand already is passed over when it comes again."""
        starts = [TopicPartition(self.topic, n, place.next_offset) for n, place in self._places.items()]
        self.consumer.assign(starts)

    def _taken(self, messages: list[Message]) -> int:
        """Take messages in one transaction; when the database will not have one of them, in ever smaller ones."""
        if not messages:
            return 0
        try:
            self._commit(messages, as_letters=False)
            self._odd = 0
        except (Fenced, BrokerAway):
            raise
        except Exception as error:
            if _is_away(error):
                raise
            if len(messages) > 1:
                half = len(messages) // 2
                return self._taken(messages[:half]) + self._taken(messages[half:])
            self._odd += 1
            log.error("a message could not be kept", kind=type(error).__name__, partition=messages[0].partition())
            if self._odd > MOST_ODD:
                raise
            self._commit(messages, as_letters=True)
        return len(messages)

    def _commit(self, messages: list[Message], *, as_letters: bool) -> None:
        began = time.monotonic()
        now = datetime.now(UTC)
        parts: dict[Any, list[Event]] = {}
        came: dict[int, Message] = {}
        letters: list[Letter] = []
        last: dict[int, int] = {}
        count: dict[int, int] = {}
        for message in messages:
            number = _number(message)
            last[number] = _offset(message)
            count[number] = count.get(number, 0) + 1
            if as_letters:
                reason, mend = "could not be kept", "tell those who maintain jiehuan, then: jiehuan stream retry"
                letters.append(self._letter(message, Problem("", "", reason, mend)))
                continue
            try:
                event = read_message(message.value(), self.topic)
            except InputError as error:
                letters.append(self._letter(message, error.problems[0]))
                continue
            parts.setdefault(number, []).append(event)
            came[id(event)] = message
        moves = [
            Move((self.topic, number), self._places[number], offset + 1, self._high(number), count[number])
            for number, offset in sorted(last.items())
        ]
        with self.database.begin() as connection:
            advance(connection, self.group, moves)
            told = self.watcher.take(connection, parts, now)
            letters.extend(self._letter(came[id(event)], problem) for event, problem in told.refused)
            park(connection, self.vault, letters)
        self.watcher.committed()
        for move in moves:
            number = move.partition[1]
            self._places[number] = Place(move.place.epoch, move.next_offset)
        self._measure(messages, told.taken, told.repeated, len(told.alerts), len(letters), time.monotonic() - began)

    def _letter(self, message: Message, problem: Problem) -> Letter:
        key, value = message.key(), message.value()
        raw_key = key.encode() if isinstance(key, str) else key
        raw_value = value.encode() if isinstance(value, str) else value
        return Letter(self.topic, _number(message), self._topic_id, _offset(message), raw_key, raw_value, problem)

    def _high(self, number: int) -> int:
        known = self.consumer.get_watermark_offsets(TopicPartition(self.topic, number), cached=True)
        return max(0, known[1]) if known else 0

    def _measure(
        self, messages: list[Message], taken: int, repeated: int, alerts: int, letters: int, took: float
    ) -> None:
        self.metrics.add("messages", len(messages))
        self.metrics.add("events_taken", taken)
        self.metrics.add("events_repeated", repeated)
        self.metrics.add("alerts", alerts)
        self.metrics.add("dead_letters", letters)
        self.metrics.add("batches", 1)
        self.metrics.add("batch_seconds", took)
        self.metrics.set("lag", sum(max(0, self._high(n) - place.next_offset) for n, place in self._places.items()))
        self.metrics.set("delay_seconds", max(0.0, time.time() - messages[0].timestamp()[1] / 1000))

    def _tell_broker(self) -> None:
        if time.monotonic() - self._told_broker < TELL_BROKER:
            return
        self._told_broker = time.monotonic()
        read = [
            TopicPartition(self.topic, n, place.next_offset)
            for n, place in self._places.items()
            if place.next_offset != BEGINNING
        ]
        if read and not self._fixed:
            try:
                self.consumer.commit(offsets=read, asynchronous=True)
            except KafkaException as error:
                log.info("the broker took no note of the places", why=error.args[0].str())


def _number(message: Message) -> int:
    number = message.partition()
    return -1 if number is None else number


def _offset(message: Message) -> int:
    offset = message.offset()
    return -1 if offset is None else offset


def _is_away(error: Exception) -> bool:
    """Whether it is the database that went away, not a message that it refused."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return True  # COPY speaks to the driver straight
    return isinstance(error, OperationalError | InterfaceError | OSError)


__all__ = ["KafkaIn", "Partition"]
