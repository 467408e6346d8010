"""Reads events and relays messages, and is killed in the middle, again and again; run by ``test_kill_worker.py`` as a process.

``python killed_worker.py DSN HOME SERVERS TOPIC SEED FAULTS``. Each fault sends a few more events and forks a child that works as a
worker does, with SIGKILL at a statement drawn at random, just before or just after a commit, or its database server's process
killed instead. The parent holds no client and no connection, only compiled code. Prints one JSON line.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from streams import send, some_events

from dying import LOST, await_server, in_child, plant
from jiehuan.scale.broker import Broker, BrokerAway
from jiehuan.scale.kafka_in import KafkaIn
from jiehuan.scale.kafka_out import OutboxRelay
from jiehuan.store.database import Database, open_database
from jiehuan.store.vault import open_vault
from jiehuan.watch import Engine

EACH = 40
"""Events sent before a fault."""


def main(dsn: str, home: Path, servers: str, topic: str, seed: int, faults: int) -> dict[str, object]:
    """Run the faults; how they ended."""
    chance = random.Random(seed)
    events = some_events(EACH * faults, seed=seed)
    for one in events[:50]:
        Engine().process(one)
    database = open_database(home, dsn)
    open_vault(database)
    database.engine.dispose()
    done: Counter[str] = Counter()
    for number in range(faults):
        kind = chance.choices(("events", "relay"), (4, 1))[0]
        how = chance.choices(("statement", "before commit", "after commit", "server"), (8, 3, 3, 1))[0]
        at = chance.randint(1, 24) if how == "statement" else chance.randint(1, 3)
        some = events[number * EACH : (number + 1) * EACH]
        assert in_child(lambda: send(Broker(servers), topic, some)) == "finished"  # noqa: B023
        ended = in_child(lambda: (plant(database, how, at), work(database, servers, topic, kind)), (*LOST, BrokerAway))  # noqa: B023
        done[f"{kind}, {ended}"] += 1
    for kind in ("events", "relay"):
        last = in_child(lambda: work(database, servers, topic, kind))  # noqa: B023
        if last != "finished":
            raise SystemExit(f"the last run of {kind}: {last}")
    return {"done": done, "events": len(events)}


def work(database: Database, servers: str, topic: str, kind: str) -> None:
    """What a worker does, until nothing waits."""
    await_server(database)
    broker, vault = Broker(servers), open_vault(database)
    if kind == "relay":
        relay = OutboxRelay(database, vault, broker, topic=f"{topic}-out", dead_topic=f"{topic}-dead")
        while relay.step(30):
            pass
        return
    reader = KafkaIn(database, vault, broker, topic=topic, group="g", owner=str(os.getpid()), partitions=range(4))
    quiet = 0
    while quiet < 2 or reader.behind():
        quiet = 0 if reader.step(0.05) else quiet + 1
    reader.close()


if __name__ == "__main__":
    words = sys.argv
    print(json.dumps(main(words[1], Path(words[2]), words[3], words[4], int(words[5]), int(words[6]))))
