"""Two members of a consumer group, killed again and again while partitions move between them; run by ``test_lasting_broker.py``.

``python moving_workers.py DSN HOME LOG SEED FAULTS``. This program owns a broker that keeps its log. It sends events all the time; a member
dies by SIGKILL at a statement drawn at random (also one that claims partitions), just before or just after a commit, or leaves the
group of its own will; at times it is the broker that is killed. Another member takes the free seat, and the group shares the
partitions anew. Sometimes one sleeps for longer than its session, and wakes in the belief that its partitions are still its own.
The parent holds no client and no connection, only compiled code. Prints one JSON line.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import text
from streams import Tansu, send, some_events

from dying import ending, forked, in_child, plant
from jiehuan.scale.broker import Broker, BrokerAway
from jiehuan.scale.kafka_in import KafkaIn
from jiehuan.store.database import Database, open_database
from jiehuan.store.vault import open_vault
from jiehuan.watch import Engine

EACH = 10
"""Events sent at once."""

MOST = 20_000
"""Events, at most."""

TOPIC, PARTITIONS = "events", 6


def main(dsn: str, home: Path, log: Path, seed: int, faults: int) -> dict[str, object]:
    """Run the faults; how members ended, how often partitions were claimed, how many events were sent."""
    chance = random.Random(seed)
    events = some_events(MOST, seed=seed)
    for one in events[:50]:
        Engine().process(one)
    database = open_database(home, dsn)
    open_vault(database)
    database.engine.dispose()
    tansu = Tansu(log)
    tansu.start()
    broker = Broker(tansu.servers)
    assert in_child(lambda: broker.must_have({TOPIC: PARTITIONS}, make=True)) == "finished"
    done: Counter[str] = Counter()
    members: dict[int, str] = {}
    asleep: dict[int, float] = {}
    sent, stop_at = 0, time.monotonic() + 60 + 20 * faults
    ends, disturbed = 0, 0  # ends of members; how many there were when something was disturbed last
    try:
        while ends < faults:
            assert time.monotonic() < stop_at, f"too slow: {done}"
            while len(members) < 2:
                how = chance.choices(("statement", "before commit", "after commit", "leaves"), (8, 3, 3, 2))[0]
                at = chance.randint(1, 60) if how == "statement" else chance.randint(1, 8)
                members[forked(lambda: member(database, broker, how, at))] = how  # noqa: B023 - done at once
            if sent < MOST:
                some = events[sent : sent + EACH]
                assert in_child(lambda: send(broker, TOPIC, some)) == "finished"  # noqa: B023
                sent += EACH
            calm = ends > disturbed and not asleep  # a member got somewhere since
            if calm and chance.random() < 0.05:
                tansu.kill()
                time.sleep(chance.random())
                tansu.start()
                done["broker, killed"] += 1
                disturbed = ends
            elif calm and chance.random() < 0.05:
                asleep = {chance.choice(list(members)): time.monotonic() + 4}
                os.kill(next(iter(asleep)), signal.SIGSTOP)
                done["asleep for longer than its session"] += 1
                disturbed = ends
            woken(asleep, members)
            ended = buried(members)
            ends += ended.total()
            done += ended
        while asleep:
            woken(asleep, members)
            time.sleep(0.05)
        for pid in members:
            os.kill(pid, signal.SIGTERM)
        while members:
            buried(members)
        last = [forked(lambda: member(database, broker, "", 0)) for _ in range(2)]
        members = dict.fromkeys(last, "last")
        while kept(database) < sent:
            assert time.monotonic() < stop_at, f"{kept(database)} of {sent} after {done}"
            assert not buried(members), "a member of the last run ended"
        for pid in last:
            os.kill(pid, signal.SIGTERM)
        while members:
            done += buried(members)
        with database.connect() as connection:
            claims = connection.execute(text("SELECT sum(epoch)::int FROM stream_place")).scalar_one()
        return {"done": done, "claims": claims, "events": sent}
    finally:
        for pid in members:
            os.kill(pid, signal.SIGKILL)
        tansu.stop()


def member(database: Database, broker: Broker, how: str, at: int) -> None:
    """A member of the group, until it dies, leaves after ``at`` batches, or is told to stop."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(1))
    vault = open_vault(database)
    reader = KafkaIn(database, vault, broker, topic=TOPIC, group="g", owner=f"{how} {os.getpid()}", session_seconds=2)
    if how not in {"", "leaves"}:
        plant(database, how, at)
    batches = 0
    while not told and not (how == "leaves" and batches >= at):
        try:
            batches += reader.step(0.05) > 0
        except BrokerAway:
            time.sleep(0.05)
    reader.close()


def woken(asleep: dict[int, float], members: dict[int, str]) -> None:
    """Wake who slept long enough, out of ``asleep``: others have its partitions by now, and it does not know."""
    for pid in [one for one, until in asleep.items() if time.monotonic() > until]:
        del asleep[pid]
        if pid in members:
            os.kill(pid, signal.SIGCONT)


def buried(members: dict[int, str]) -> Counter[str]:
    """The members that ended since the last look, out of ``members``, by how they ended; waits a moment."""
    time.sleep(0.05)
    found: Counter[str] = Counter()
    for pid in list(members):
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            found[f"{members.pop(pid)}, {ending(status)}"] += 1
    return found


def kept(database: Database) -> int:
    with database.connect() as connection:
        count = int(connection.execute(text("SELECT count(*) FROM signal_event")).scalar_one())
    database.engine.dispose()
    return count


if __name__ == "__main__":
    words = sys.argv
    print(json.dumps(main(words[1], Path(words[2]), Path(words[3]), int(words[4]), int(words[5]))))
