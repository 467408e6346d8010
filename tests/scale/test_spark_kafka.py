"""Spark reads a topic of the real broker: what one engine raises, through kills of the query, poison, and a topic that was cut."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from pyspark.sql.streaming.datasource import ReadAllAvailable, ReadMaxRows
from streams import Tansu, replayed, send, some_events

from jiehuan.scale.broker import Broker, quiet
from jiehuan.scale.spark_kafka import TOPIC_ID, KafkaStream
from jiehuan.scale.spark_watch import main, watch_stream
from jiehuan.units.errors import InputError, Refused

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def rows_of(spark: SparkSession, out: Path) -> list[dict[str, Any]]:
    """What a stream wrote, as Spark reads it: without the files of a batch that was cut off."""
    return [row.asDict() for row in spark.read.parquet(str(out)).collect()]


def alert_ids(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["alert_id"] for row in rows if row["outcome"] == "alert")


def test_a_topic_raises_what_one_engine_raises_and_says_what_it_refused(
    spark: SparkSession, broker: Broker, topic: str, tmp_path: Path
) -> None:
    """What is there is taken in two runs of one checkpoint; poison and another schema are told with their place."""
    events = some_events(800)
    later = json.dumps({"schema": "jiehuan.event/2", "event_id": "x"}).encode()
    out, checkpoint = tmp_path / "out", tmp_path / "checkpoint"
    for part in ([*events[:400], (events[0].account_id, b"\xff"), (events[1].account_id, later)], events[400:]):
        send(broker, topic, part, singly=True)
        query = watch_stream(
            spark, f"kafka://{broker.servers}/{topic}", str(out), str(checkpoint), shards=2, available_now=True
        )
        query.awaitTermination(120)
        assert query.exception() is None and not query.isActive
    rows = rows_of(spark, out)
    assert alert_ids(rows) == sorted(replayed(events))
    refused = {row["reason"]: row["place"] for row in rows if row["outcome"] == "refused"}
    assert set(refused) == {"not JSON: UnicodeDecodeError", "a schema or version that is not known here"}
    assert all(place.startswith(f"{topic}/") and " offset " in place for place in refused.values())


def test_a_query_that_is_killed_goes_on_from_its_checkpoint(
    spark: SparkSession, lasting_tansu: Tansu, tmp_path: Path
) -> None:
    """SIGKILL for the query and its Java in the middle, and for the broker; then the rest is taken from the checkpoint."""
    broker = Broker(lasting_tansu.servers)
    broker.must_have({"events": 3}, make=True)
    events = some_events(1200)
    send(broker, "events", events[:300], singly=True)
    out, checkpoint = tmp_path / "out", tmp_path / "checkpoint"
    words = [sys.executable, "-m", "jiehuan.scale.spark_watch", "--stream", f"kafka://{broker.servers}/events", "--out", str(out),
             "--checkpoint", str(checkpoint), "--shards", "2", "--master", "local[2]"]  # fmt: skip
    log = (tmp_path / "said").open("wb")
    killed = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        sent = 300
        while len(list((checkpoint / "commits").glob("[0-9]"))) < 2 or sent < 700:
            assert killed.poll() is None and time.monotonic() < deadline, (tmp_path / "said").read_text()[-3000:]
            if list(out.glob("*.parquet")) and sent < 700:
                send(broker, "events", events[sent : sent + 50], singly=True)
                sent += 50
            time.sleep(0.2)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        log.close()
    lasting_tansu.kill()
    lasting_tansu.start()
    send(broker, "events", events[sent:], singly=True)
    wanted = sorted(replayed(events))
    query = watch_stream(
        spark, f"kafka://{broker.servers}/events", str(out), str(checkpoint), shards=2, available_now=True
    )
    query.awaitTermination(120)
    assert query.exception() is None
    assert alert_ids(rows_of(spark, out)) == wanted


def test_a_topic_that_was_made_anew_ends_the_command_with_a_sentence(
    spark: SparkSession, own_tansu: Tansu, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["--stream", f"kafka://{own_tansu.servers}/events", "--out", str(tmp_path / "out"), "--checkpoint",
             str(tmp_path / "checkpoint"), "--shards", "2", "--available-now"]  # fmt: skip
    for n, code in enumerate((0, 1)):
        Broker(own_tansu.servers).must_have({"events": 1}, make=True)
        send(Broker(own_tansu.servers), "events", some_events(20, seed=n), singly=True)
        assert main(words) == code
        own_tansu.kill()
        own_tansu.start()  # its memory is its only storage
    said = capfd.readouterr().err
    assert (
        "made anew since the checkpoint" in said
        and "another --checkpoint" in said
        and "Traceback" not in said.splitlines()[-1]
    )


def test_a_micro_batch_is_bounded_and_a_cut_topic_is_told(spark: SparkSession, tmp_path: Path) -> None:
    host = Producer({"test.mock.num.brokers": 1}, logger=quiet())  # librdkafka's own broker: it keeps 5 MB a partition
    (at,) = host.list_topics(timeout=60).brokers.values()
    servers = f"{at.host}:{at.port}"
    producer = Producer({"bootstrap.servers": servers}, logger=quiet())

    class Stream(KafkaStream):
        def _topic_id(self) -> str:
            return ""  # that broker has none

    for n in range(90):
        producer.produce("events", b"x", partition=0 if n < 80 else 1)
    assert producer.flush(30) == 0
    stream = Stream({"servers": servers, "topic": "events", "most": "40"})
    start = stream.initialOffset()
    assert start == {TOPIC_ID: "", "0": 0, "1": 0, "2": 0, "3": 0}
    first = stream.latestOffset(start, stream.getDefaultReadLimit())
    assert first == {TOPIC_ID: "", "0": 30, "1": 10, "2": 0, "3": 0}
    assert stream.latestOffset(first, ReadAllAvailable()) == {TOPIC_ID: "", "0": 80, "1": 10, "2": 0, "3": 0}
    (span,) = stream.partitions(first, stream.latestOffset(first, ReadMaxRows(5)))
    assert (span.number, span.first, span.end) == (0, 30, 35)
    read = [batch.to_pydict() for batch in stream.read(span)]
    assert [offset for batch in read for offset in batch["offset"]] == list(range(30, 35))
    stream.prepareForTriggerAvailableNow()
    producer.produce("events", b"x", partition=2)
    assert producer.flush(30) == 0
    assert stream.latestOffset(first, ReadAllAvailable())["2"] == 0  # it came later
    for _ in range(120):
        producer.produce("events", b"x" * 60_000, partition=0)
        producer.poll(0)
    assert producer.flush(60) == 0
    with pytest.raises(Refused, match="offsets 30 to .* were removed .*retention"):
        stream.latestOffset(first, ReadAllAvailable())
    with pytest.raises(Refused, match="made anew"):
        anew = KafkaStream({"servers": servers, "topic": "events"})
        anew._topic_id = lambda: "other"  # type: ignore[method-assign]
        anew.latestOffset({**first, TOPIC_ID: "one"}, ReadAllAvailable())


def test_what_is_missing_is_said(spark: SparkSession, broker: Broker, tmp_path: Path) -> None:
    def watch(source: str) -> None:
        watch_stream(spark, source, str(tmp_path / "out"), str(tmp_path / "checkpoint"))

    with pytest.raises(InputError, match="not a topic"):
        watch("kafka://127.0.0.1:9")
    with pytest.raises(Refused, match="does not exist"):
        watch(f"kafka://{broker.servers}/nowhere")
    with pytest.raises(InputError, match="option topic"):
        KafkaStream({"servers": "a:1"})
    with pytest.raises(InputError, match="not a number"):
        KafkaStream({"servers": "a:1", "topic": "t", "most": "-1"})
