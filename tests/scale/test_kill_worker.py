"""A worker that is killed with SIGKILL at any point loses no event, raises no alert twice, and lets no message be lost.

``JIEHUAN_STREAM_FAULTS`` sets the number of faults (default 40), ``JIEHUAN_SEED`` the seed; a failure is replayed by its seed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from killed_worker import EACH
from sqlalchemy import select, text
from streams import replayed, some_events

from jiehuan.scale.broker import Broker
from jiehuan.store import tables
from jiehuan.store.database import Database, open_database

FAULTS = int(os.environ.get("JIEHUAN_STREAM_FAULTS", "40"))
SEED = int(os.environ.get("JIEHUAN_SEED", "20261124"))


@pytest.fixture
def own_server() -> Iterator[Database]:
    """A server of the test's own: its processes are killed too. Killing processes does not lose what the kernel holds."""
    with (
        tempfile.TemporaryDirectory(prefix="jiehuan-test-") as folder,
        open_database(Path(folder) / "home", settings={"fsync": "off", "restart_after_crash": "on"}) as database,
    ):
        yield database


def read_all(broker: Broker, topic: str, wanted: int) -> list[tuple[str, str]]:
    """The messages of a topic, key and id, until so many ids were seen or none came for long.

    The broker's word for the end of a partition is not to be trusted: tansu gives one that is out of date at times.
    """
    consumer = Consumer(broker.settings(group_id="reader", auto_offset_reset="earliest"))
    numbers = list(consumer.list_topics(topic, timeout=60).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
    found: list[tuple[str, str]] = []
    while len({number for _, number in found}) < wanted:
        messages = consumer.consume(500, 10)
        if not messages:
            break
        found += [(one.key().decode(), dict(one.headers())["id"].decode()) for one in messages if one.error() is None]
    consumer.close()
    return found


def test_kill_nine_loses_and_doubles_nothing(own_server: Database, broker: Broker, topic: str) -> None:
    broker.must_have({f"{topic}-out": 3, f"{topic}-dead": 1}, make=True)
    own_server.engine.dispose()
    script = str(Path(__file__).with_name("killed_worker.py"))
    words = [
        sys.executable,
        script,
        own_server.dsn,
        str(own_server.home),
        broker.servers,
        topic,
        str(SEED),
        str(FAULTS),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120 + 3 * FAULTS)
    assert done.returncode == 0, f"seed {SEED}: {done.stderr[-3000:]}"
    ended = Counter(json.loads(done.stdout.splitlines()[-1])["done"])
    assert not any("failed" in key for key in ended), f"seed {SEED}: {ended} {done.stderr[-2000:]}"
    killed = sum(number for key, number in ended.items() if key.endswith(("killed", "server")))
    assert killed > FAULTS // 2, f"the faults hardly struck: {ended}"

    events = some_events(EACH * FAULTS, seed=SEED)
    own_server.engine.dispose()
    with own_server.connect() as connection:
        kept = Counter(connection.execute(select(tables.alert.c.alert_id)).scalars())
        told = Counter(
            connection.execute(
                select(tables.outbox.c.payload["alert_id"].astext).where(tables.outbox.c.topic == "alert.raised")
            ).scalars()
        )
        stored = connection.execute(text("SELECT count(*) FROM signal_event")).scalar_one()
        out = connection.execute(
            text("SELECT xid::text || '-' || id AS number, key FROM outbox ORDER BY xid, id")
        ).all()
        letters = connection.execute(text("SELECT count(*) FROM dead_letter")).scalar_one()
    assert stored == len(events) and letters == 0
    assert kept == told == Counter(replayed(events)), f"seed {SEED}"

    seen: dict[str, list[str]] = {}
    for key, number in read_all(broker, f"{topic}-out", len(out)):
        if number not in seen.setdefault(key, []):
            seen[key].append(number)  # what came before is a repetition, which a reader drops by its id
    wanted: dict[str, list[str]] = {}
    for row in out:
        wanted.setdefault(row.key, []).append(row.number)
    assert seen == wanted, f"seed {SEED}: lost or out of order"
