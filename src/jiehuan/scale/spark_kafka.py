"""A Kafka topic as a stream of Spark: a data source in Python, so that it needs no jar, only confluent-kafka on driver and executors.

``session.dataSource.register(KafkaSource)``, then ``readStream.format("jiehuan_kafka").option("servers", "HOST:PORT").option("topic", T)``.
Columns as of Spark's own source: key, value, topic, partition, offset, timestamp. A micro-batch is a range of offsets for each partition,
which Spark writes to its checkpoint before it reads them: a batch that was cut off is read again to the message. A task reads a range.

Options: ``config`` names a file of librdkafka properties on every machine (TLS, passwords); ``most`` bounds the messages of a micro-batch.
"""

# ruff: noqa: N802 - the names that Spark asks for

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import pyarrow as pa
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadLimit, ReadMaxRows, SupportsTriggerAvailableNow
from pyspark.sql.types import StructType

from jiehuan.scale.broker import Broker, BrokerAway, quiet, read_broker
from jiehuan.units.errors import InputError, Problem, Refused

NAME = "jiehuan_kafka"
SCHEMA = "key binary, value binary, topic string, partition int, offset bigint, timestamp timestamp"
ARROW = pa.schema({
    "key": pa.binary(), "value": pa.binary(), "topic": pa.string(), "partition": pa.int32(), "offset": pa.int64(),
    "timestamp": pa.timestamp("us", "UTC"),
})  # fmt: skip
MOST = 500_000
"""Messages of a micro-batch, at most, when nothing else is said."""

PIECE = 10_000
"""Messages of a batch of Arrow."""

PATIENCE = 60.0
"""Seconds that a task waits for a message which must be there; then it fails, and Spark tries it again."""

TOPIC_ID = "topic_id"
"""Beside the partitions, an offset carries the topic's id: another topic of the same name has other messages at these offsets."""

Offsets = dict[str, Any]


class Span(InputPartition):
    """The offsets from ``first`` up to, not including, ``end`` of one partition."""

    def __init__(self, number: int, first: int, end: int) -> None:
        self.number, self.first, self.end = number, first, end


class KafkaSource(DataSource):
    """The source; see the module."""

    @classmethod
    def name(cls) -> str:
        """What stands in ``format``."""
        return NAME

    def schema(self) -> str:
        """The columns."""
        return SCHEMA

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:
        """Reads the topic. Raises InputError for options that are missing or wrong."""
        return KafkaStream(self.options)


class KafkaStream(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """The topic as ranges of offsets. ``partitions`` and what stands before it run on the driver, ``read`` on executors."""

    def __init__(self, options: MutableMapping[str, str] | Mapping[str, str]) -> None:
        self.servers, self.topic, self.config = (options.get(name, "") for name in ("servers", "topic", "config"))
        missing = [name for name in ("servers", "topic") if not options.get(name)]
        if missing:
            raise InputError(
                [Problem(f"option {name}", "", "missing", "name the broker and the topic") for name in missing]
            )
        most = options.get("most", str(MOST))
        if not most.isdigit() or int(most) < 1:
            raise InputError(Problem("option most", most, "not a number of messages", f"write {MOST}"))
        self.most = int(most)
        self._target: Offsets | None = None

    def initialOffset(self) -> Offsets:
        """The first message of each partition."""
        ends = self._ends()
        return {TOPIC_ID: self._topic_id(), **{str(number): low for number, (low, _) in ends.items()}}

    def getDefaultReadLimit(self) -> ReadLimit:
        """At most ``most`` messages a micro-batch."""
        return ReadMaxRows(self.most)

    def prepareForTriggerAvailableNow(self) -> None:
        """Read what is there now, and no more."""
        self._target = {str(number): high for number, (_, high) in self._ends().items()}

    def latestOffset(self, start: Offsets, limit: ReadLimit) -> Offsets:
        """Where a micro-batch from ``start`` on may end. Raises Refused when messages are missing since, or it is another topic."""
        ends = self._ends()
        self._must_be_there(start, ends)
        found: Offsets = {TOPIC_ID: start.get(TOPIC_ID) or self._topic_id()}
        firsts = {number: int(start.get(str(number), low)) for number, (low, _) in ends.items()}
        lasts = {number: max(firsts[number], high) for number, (_, high) in ends.items()}
        if self._target is not None:
            for number in lasts:
                lasts[number] = max(firsts[number], min(lasts[number], self._target.get(str(number), firsts[number])))
        left = limit.max_rows if isinstance(limit, ReadMaxRows) else sum(lasts.values())
        for place, number in enumerate(sorted(firsts, key=lambda one: lasts[one] - firsts[one])):
            share = left // (len(firsts) - place)  # those with little leave their share to the others
            taken = min(lasts[number] - firsts[number], max(share, 1))
            found[str(number)] = firsts[number] + taken
            left -= taken
        return found

    def reportLatestOffset(self) -> Offsets:
        """The topic's ends, for the query's progress."""
        return {str(number): high for number, (_, high) in self._ends().items()}

    def partitions(self, start: Offsets, end: Offsets) -> Sequence[InputPartition]:
        """One range a partition that has messages between the two."""
        ends = self._ends() if any(name not in start for name in end) else {}
        spans = []
        for name, until in end.items():
            if name == TOPIC_ID:
                continue
            first = int(start[name]) if name in start else ends[int(name)][0]
            if first < int(until):
                spans.append(Span(int(name), first, int(until)))
        return spans

    def read(self, partition: Span) -> Iterator[pa.RecordBatch]:  # type: ignore[override]  # what ``partitions`` gave
        """The messages of a range, in batches of Arrow."""
        consumer = _consumer(self._broker())
        rows: list[tuple[Any, ...]] = []
        at = partition.first
        try:
            consumer.assign([TopicPartition(self.topic, partition.number, at)])
            while at < partition.end:
                messages = consumer.consume(min(PIECE, partition.end - at), PATIENCE)
                if not messages:
                    raise BrokerAway(
                        f"no message for {PATIENCE:.0f} s in {self.topic}/{partition.number} from offset {at} on"
                    )
                for message in messages:
                    error, offset = message.error(), int(message.offset() or 0)
                    if error is not None and error.code() == KafkaError._PARTITION_EOF:
                        at = max(at, offset)
                    elif error is not None:
                        raise BrokerAway(f"{self.topic}/{partition.number} from offset {at} on: {error.str()}")
                    else:  # an offset may be missing: removed by compaction, or a mark of a transaction
                        at = offset + 1
                        if offset < partition.end:
                            stamp = message.timestamp()[1] * 1000
                            rows.append((message.key(), message.value(), self.topic, partition.number, offset, stamp))
                if len(rows) >= PIECE:
                    yield _batch(rows)
                    rows = []
        finally:
            consumer.close()
        if rows:
            yield _batch(rows)

    def commit(self, end: Offsets) -> None:
        """Nothing: Spark's checkpoint is the truth."""

    def _broker(self) -> Broker:
        return read_broker(self.servers, self.config)

    def _topic_id(self) -> str:
        return self._broker().topic_id(self.topic)

    def _ends(self) -> dict[int, tuple[int, int]]:
        """Each partition's first offset, and one past its last."""
        consumer = _consumer(self._broker())
        try:
            about = consumer.list_topics(self.topic, timeout=PATIENCE / 4).topics[self.topic]
            if about.error is not None or not about.partitions:
                raise Refused(Problem("kafka topic", self.topic, "does not exist", "create it, or check its name"))
            return {
                number: consumer.get_watermark_offsets(TopicPartition(self.topic, number), timeout=PATIENCE / 4)
                for number in sorted(about.partitions)
            }
        except KafkaException as error:
            raise BrokerAway(f"{self.servers}: {error.args[0].str()}") from None
        finally:
            consumer.close()

    def _must_be_there(self, start: Offsets, ends: dict[int, tuple[int, int]]) -> None:
        """Raise Refused when what a checkpoint has not read yet is not in the topic any more."""
        new = "begin anew with another --checkpoint and --out; alerts have the same ids as before"
        before, now = str(start.get(TOPIC_ID) or ""), self._topic_id()
        if before and now and before != now:
            raise Refused(Problem("kafka topic", self.topic, "was made anew since the checkpoint", new))
        lost = []
        for number, (low, _) in ends.items():
            at = int(start.get(str(number), low))
            if at < low:
                reason = f"offsets {at} to {low - 1} were removed from the topic before they were read"
                lost.append(
                    Problem(f"{self.topic}/{number}", str(at), reason, f"raise the topic's retention, then {new}")
                )
        if lost:
            raise Refused(lost)


def _consumer(broker: Broker) -> Consumer:
    """A consumer of its own offsets: it joins no group."""
    settings = broker.settings(
        group_id="jiehuan-spark",
        enable_auto_commit=False,
        enable_partition_eof=True,
        auto_offset_reset="error",
        fetch_wait_max_ms=50,
    )
    return Consumer(settings, logger=quiet())


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True))
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, ARROW, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=ARROW)
