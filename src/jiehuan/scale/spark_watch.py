"""The signal engine on Spark: the same step over a history in one batch, and over a stream with the memory in Spark's state.

    python -m jiehuan.scale.spark_watch EVENTS --out ALERTS [--signals S.yaml] [--shards 200]
    python -m jiehuan.scale.spark_watch --stream SOURCE --out ALERTS --checkpoint C [--available-now]

EVENTS is Parquet in the **events** format; SOURCE a folder that Parquet files come into, or ``kafka://HOST:PORT/TOPIC``
(``spark_kafka``; the messages of ``jiehuan worker``). ALERTS becomes a folder of Parquet with ``outcome`` ``alert`` (the **alerts**
format) or ``refused`` (event_id, place, reason, mend).

Accounts never look at each other, so they are spread over shards by the hash of their id; a shard has an engine. In the batch
a shard's events are taken in the order in which they lie. In the stream a shard's engine is a value of Spark's state store,
read and written with the micro-batch, so that a query that is killed goes on from its checkpoint as if it had not been; within
a micro-batch events are taken by time (from Kafka by offset). Read a stream's ALERTS by Spark: it passes over what a batch that
was cut off left behind.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jiehuan.scale.spark_session import parser, read_parquet, run_job, spark_session
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.watch import Declaration, Engine, load_signals

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery
    from pyspark.sql.streaming.state import GroupState

EVENT_COLUMNS = {
    "event_id": "string", "account_id": "string", "at": "string", "kind": "string", "amount_fen": "bigint", "counterparty": "string",
    "channel": "string",
}  # fmt: skip
COLUMNS = (
    "outcome", "alert_id", "account_id", "at", "rule", "severity", "evidence", "event_id", "place", "reason", "mend",
)  # fmt: skip
"""What comes out, all text: alerts, and what was refused."""

SCHEMA = ", ".join(f"{name} string" for name in COLUMNS)
PIECE = 500_000
"""Events taken at once in a task."""


def watch_history(
    session: SparkSession, events: str, out: str, signals: str | None = None, shards: int = 200
) -> dict[str, Any]:
    """Judge the events of Parquet files and write alerts; ``{events, alerts, refused}``. Raises InputError, Refused."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as f

    declaration = load_signals(signals)
    found = _as_events(read_parquet(session, events, "events")).withColumn("__row", f.monotonically_increasing_id())
    told = (
        found.repartition(shards, "account_id")
        .sortWithinPartitions("__row")
        .mapInArrow(_judge_parts(declaration), SCHEMA)
    )
    try:
        told.write.parquet(out, mode="error")
    except AnalysisException as error:
        if "PATH_ALREADY_EXISTS" not in str(error):
            raise
        raise Refused(Problem("--out", out, "is there already", "name another folder, or remove it")) from None
    counts = {
        row["outcome"]: row["count"]
        for row in session.read.schema(SCHEMA).parquet(out).groupBy("outcome").count().collect()
    }
    return {"events": found.count(), "alerts": counts.get("alert", 0), "refused": counts.get("refused", 0)}


def watch_stream(
    session: SparkSession,
    source: str,
    out: str,
    checkpoint: str,
    signals: str | None = None,
    shards: int = 200,
    *,
    available_now: bool = False,
    config: str = "",
) -> StreamingQuery:
    """Start judging a stream; the query runs until it is stopped, or until what is there is taken (``available_now``).

    ``config``: a file of librdkafka properties, for a broker that asks for a password.
    """
    from pyspark.sql import functions as f

    declaration = load_signals(signals)
    session.conf.set("spark.sql.shuffle.partitions", str(shards))
    kafka = source.startswith("kafka://")
    found = _kafka_messages(session, source, config) if kafka else _file_events(session, source)
    judge = _judge_shard(declaration, _of_messages if kafka else _of_pandas)
    told = (
        found.withColumn("__shard", f.pmod(f.hash("account_id"), f.lit(shards)))
        .groupBy("__shard")
        .applyInPandasWithState(judge, SCHEMA, "engine binary", "append", "NoTimeout")
    )
    writing = told.writeStream.format("parquet").option("path", out).option("checkpointLocation", checkpoint)
    return (writing.trigger(availableNow=True) if available_now else writing.trigger(processingTime="1 second")).start()


def _as_events(frame: DataFrame) -> DataFrame:
    """The columns of the **events** format: instants as text with their offset, absent optional columns empty."""
    from pyspark.sql import functions as f
    from pyspark.sql.types import TimestampType

    missing = [name for name in ("event_id", "account_id", "at", "kind") if name not in frame.columns]
    if missing:
        mend = f"the columns are {', '.join(frame.columns)[:200]}"
        raise InputError([Problem(f"events, {name}", "", "missing column", mend) for name in missing])
    columns = []
    for name, kind in EVENT_COLUMNS.items():
        if name not in frame.columns:
            columns.append(f.lit(None).cast(kind).alias(name))
        elif name == "at" and isinstance(frame.schema["at"].dataType, TimestampType):
            columns.append(f.date_format("at", "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX").alias("at"))
        else:
            columns.append(f.col(name).cast(kind).alias(name))
    return frame.select(*columns)


def _file_events(session: SparkSession, folder: str) -> DataFrame:
    from pyspark.sql import functions as f

    schema = read_parquet(session, folder, "--stream").schema
    found = _as_events(session.readStream.schema(schema).parquet(folder))
    return found.withColumn("__order", f.col("at"))


def _kafka_messages(session: SparkSession, source: str, config: str) -> DataFrame:
    """Messages by their key, which is the account; what they say is read where they are judged."""
    from pyspark.sql import functions as f

    from jiehuan.scale.broker import read_broker
    from jiehuan.scale.spark_kafka import NAME, KafkaSource

    servers, _, topic = source.removeprefix("kafka://").partition("/")
    if not servers or not topic:
        raise InputError(Problem("--stream", source, "not a topic", "write kafka://HOST:PORT/TOPIC"))
    broker = read_broker(servers, config)
    broker.must_answer()
    broker.must_have({topic: 1}, make=False)
    session.dataSource.register(KafkaSource)
    options = {"servers": servers, "topic": topic, "config": config}
    said = session.readStream.format(NAME).options(**options).load()
    place = f.format_string("%s/%d offset %d", "topic", "partition", "offset")
    return said.select(
        f.coalesce(f.col("key").cast("string"), place).alias("account_id"), "value", place.alias("place"),
        f.format_string("%020d", "offset").alias("__order"),
    )  # fmt: skip


def _judge_parts(declaration: Declaration) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def judge(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import polars as pl
        import pyarrow as pa

        engine = Engine(declaration)
        held: list[pa.RecordBatch] = []
        rows = 0
        for batch in batches:
            held.append(batch)
            rows += batch.num_rows
            if rows >= PIECE:
                yield from _judged(engine, pl.DataFrame(pa.Table.from_batches(held))).to_batches()
                held, rows = [], 0
        if rows:
            yield from _judged(engine, pl.DataFrame(pa.Table.from_batches(held))).to_batches()

    return judge


def _judge_shard(
    declaration: Declaration, read: Callable[[pd.DataFrame], tuple[pl.DataFrame, list[dict[str, str]]]]
) -> Callable[[tuple[Any, ...], Iterator[pd.DataFrame], GroupState], Iterator[pd.DataFrame]]:
    def judge(_shard: tuple[Any, ...], frames: Iterator[pd.DataFrame], state: GroupState) -> Iterator[pd.DataFrame]:
        import polars as pl

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "engine"
            engine = Engine(declaration)
            if state.exists:
                file.write_bytes(bytes(state.get[0]))
                engine = Engine.load(file, declaration)
            parts = [read(frame) for frame in frames]
            events = pl.concat([part for part, _ in parts]).sort("__order", maintain_order=True)
            told = _judged(engine, events, [row for _, rows in parts for row in rows])
            engine.save(file)
            state.update((file.read_bytes(),))
        yield told.to_pandas()

    return judge


def _of_pandas(frame: pd.DataFrame) -> tuple[pl.DataFrame, list[dict[str, str]]]:
    """A frame of Spark's as ours; missing text is null. Nothing is refused yet."""
    import polars as pl

    columns = {}
    for name, kind in {**EVENT_COLUMNS, "__order": "string"}.items():
        values = [None if value is None or value != value else value for value in frame[name].tolist()]
        if kind == "bigint":
            columns[name] = pl.Series([None if value is None else int(value) for value in values], dtype=pl.Int64)
        else:
            columns[name] = pl.Series(values, dtype=pl.String)
    return pl.DataFrame(columns), []


def _of_messages(frame: pd.DataFrame) -> tuple[pl.DataFrame, list[dict[str, str]]]:
    """The events of messages, and a row for each that could not be read, with the reason for which a worker would park it."""
    import polars as pl

    from jiehuan.scale.message import read_message

    rows: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    for value, place, order in zip(frame["value"], frame["place"], frame["__order"], strict=True):
        try:
            event = read_message(None if value is None else bytes(value), place)
        except InputError as error:
            problem = error.problems[0]
            refused.append({"outcome": "refused", "place": place, "reason": problem.reason, "mend": problem.mend})
            continue
        rows.append({
            "event_id": event.event_id, "account_id": event.account_id, "at": event.at.isoformat(), "kind": event.kind,
            "amount_fen": event.amount_fen, "counterparty": event.counterparty, "channel": event.channel, "__order": order,
        })  # fmt: skip
    kinds = {name: pl.Int64 if kind == "bigint" else pl.String for name, kind in EVENT_COLUMNS.items()}
    return pl.DataFrame(rows, schema={**kinds, "__order": pl.String}), refused


def _judged(engine: Engine, events: pl.DataFrame, unread: Sequence[dict[str, str]] = ()) -> pa.Table:
    """The alerts of events in their order, then those that were refused, in the columns of ``COLUMNS``."""
    import pyarrow as pa

    from jiehuan.watch.columns import to_columns

    columns, problems = to_columns(events, engine, rows=range(len(events)))
    answer = engine.replay(columns)
    rows: list[dict[str, str]] = list(unread)
    for alert in answer.alerts:
        evidence = json.dumps(alert.evidence, ensure_ascii=False)
        rows.append({**alert.as_row(), "evidence": evidence, "outcome": "alert"})
    ids, accounts = events["event_id"], events["account_id"]
    for at, problem in [*problems, *answer.problems]:
        place = problem.where.rpartition(", ")[2]
        said = {"outcome": "refused", "event_id": ids[at], "account_id": accounts[at], "place": place}
        rows.append({**said, "reason": problem.reason, "mend": problem.mend})
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in COLUMNS})


def _await(query: StreamingQuery) -> None:
    """Wait for a query's end. Raises Refused with its own sentence when it is a refusal of ours that ended it."""
    from pyspark.errors import StreamingQueryException

    try:
        query.awaitTermination()
    except StreamingQueryException as error:
        said = [line.strip() for line in str(error).splitlines() if "jiehuan.units.errors." in line]
        if not said:
            raise
        reason = said[-1].rpartition("jiehuan.units.errors.")[2].partition(": ")[2]
        raise Refused(Problem("--stream", "", reason)) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of the job."""
    words = parser(str(__doc__))
    words.add_argument("events", nargs="?", default="")
    words.add_argument("--stream", default="", help="a folder that Parquet files come into, or kafka://HOST:PORT/TOPIC")
    words.add_argument("--out", required=True, help="folder of the alerts")
    words.add_argument("--checkpoint", default="", help="folder of the stream's places and state")
    words.add_argument("--available-now", action="store_true", help="take what is there, then stop")
    words.add_argument("--signals", default=None, help="the declaration (YAML); default the one that ships")
    words.add_argument(
        "--shards", type=int, default=200, help="parts that accounts are spread over; keep it for a checkpoint"
    )
    said = words.parse_args(arguments)

    def job() -> dict[str, Any]:
        if bool(said.events) == bool(said.stream):
            raise InputError(Problem("events", "", "name either EVENTS or --stream", "see --help"))
        if said.stream and not said.checkpoint:
            raise InputError(Problem("--checkpoint", "", "missing", "name a folder that outlives the query"))
        session = spark_session("jiehuan watch", said.master)
        if said.events:
            return watch_history(session, said.events, said.out, said.signals, said.shards)
        query = watch_stream(
            session, said.stream, said.out, said.checkpoint, said.signals, said.shards, available_now=said.available_now,
            config=os.environ.get("JIEHUAN_KAFKA_CONFIG", ""),
        )  # fmt: skip
        _await(query)
        return {"stopped": True}

    return run_job(job, as_json=said.as_json)


if __name__ == "__main__":
    sys.exit(main())
