"""Live alerts: told within seconds of their commit, in order, none twice, none missed; bounded; closed with the session."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import delete

from jiehuan.api import live
from jiehuan.api.access import hashed
from jiehuan.api.live import Place, after, present
from jiehuan.api.rules import rules
from jiehuan.store.outbox import publish
from jiehuan.store.rows import insert_missing
from jiehuan.store.tables import alert, session


def raise_alert(connection, name: str) -> None:
    row = {
        "alert_id": name, "account_id": "bo-1", "loan_id": "ln-1", "at": datetime.now(UTC), "rule": "live", "severity": "critical",
        "evidence": {"n": 1}, "event_id": None, "status": "dismissed",
    }  # fmt: skip
    insert_missing(connection, alert, [row])
    publish(connection, "alert.raised", "bo-1", {"alert_id": name, "rule": "live"})


class Reader(threading.Thread):
    """An EventSource: keeps the events, as (id, data), and how the stream ended."""

    def __init__(self, server, last: str = "") -> None:
        super().__init__(daemon=True)
        self.server, self.last = server, last
        self.events: list[tuple[str, dict]] = []
        self.comments = 0
        self.ended = False
        self.begun = threading.Event()
        self.client = server.client("risk")
        self.socket: socket.socket

    def run(self) -> None:
        headers = {"Last-Event-ID": self.last} if self.last else {}
        try:
            with self.client.stream("GET", "/api/alerts/live", headers=headers, timeout=30) as stream:
                assert stream.headers["content-type"].startswith("text/event-stream"), stream.status_code
                self.socket = stream.extensions["network_stream"].get_extra_info("socket")
                found: dict[str, str] = {}
                for line in stream.iter_lines():
                    self.begun.set()
                    if line.startswith(":"):
                        self.comments += 1
                    elif line:
                        name, _, value = line.partition(": ")
                        found[name] = value
                    elif found.get("event") == "alert":
                        self.events.append((found["id"], json.loads(found["data"])))
                        found = {}
        except httpx.HTTPError:
            pass
        self.ended = True

    def close(self) -> None:
        """Close the window: the connection ends under the reader."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join(5)

    def until(self, count: int, seconds: float = 60) -> list[str]:
        end = time.monotonic() + seconds
        while len(self.events) < count and time.monotonic() < end:
            time.sleep(0.02)
        return [data["alert_id"] for _, data in self.events]


@contextmanager
def listening(server, last: str = "") -> Iterator[Reader]:
    reader = Reader(server, last)
    reader.start()
    assert reader.begun.wait(60)
    yield reader
    reader.close()


@pytest.fixture
def hub_has_its_place(server, monkeypatch):
    """Set once a reader of the hub, begun in this test, knows from where on it tells."""
    hub, known = server.app.state.hub, threading.Event()
    assert patiently(lambda: hub._reader is None or hub._reader.done()), "readers of earlier tests have ended"

    def told(database):
        place = present(database)
        known.set()
        return place

    monkeypatch.setattr(live, "present", told)
    return known


def test_an_alert_is_told_within_seconds_and_resumed_after_a_cut(server, hub_has_its_place):
    first, second, third = (f"live-{uuid4().hex}" for _ in range(3))
    with listening(server) as reader:
        assert hub_has_its_place.wait(60)
        with server.database.begin() as connection:
            raise_alert(connection, first)
        committed = time.monotonic()
        assert reader.until(1) == [first]
        assert time.monotonic() - committed < 30
        last = reader.events[0][0]
        assert reader.events[0][1]["severity"] == "critical"
    for name in (second, third):
        with server.database.begin() as connection:
            raise_alert(connection, name)
    with listening(server, last) as reader:
        assert reader.until(2) == [second, third], "what came between is told once, in order"
        time.sleep(1.5)
        assert len(reader.events) == 2


def test_an_alert_committed_late_is_not_skipped(server):
    """The older transaction commits last: its row has the smaller number and must still be told."""
    early, late = f"live-{uuid4().hex}", f"live-{uuid4().hex}"
    place = present(server.database)
    with server.database.connect() as slow:
        raise_alert(slow, late)
        with server.database.begin() as connection:
            raise_alert(connection, early)
        found, place = after(server.database, place)
        assert found == [], "nothing is settled while the older transaction is open"
        slow.commit()
    found, place = after(server.database, place)
    assert [row.alert_id for _, row in found] == [late, early]
    assert after(server.database, place) == ([], place)


def opened(server) -> bool:
    with server.client("risk") as client, client.stream("GET", "/api/alerts/live") as stream:
        return stream.status_code == 200


def patiently(what, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def test_streams_are_bounded_for_a_person_and_closed_windows_do_not_count(server):
    most = rules().live["streams_per_user"]
    hub = server.app.state.hub
    assert patiently(lambda: hub.open_streams == 0), "streams of earlier tests have ended"
    readers = []
    try:
        for _ in range(most):
            reader = Reader(server)
            reader.start()
            assert reader.begun.wait(60)
            readers.append(reader)
        refused = server.get("risk", "/api/alerts/live")
        assert refused.status_code == 429 and refused.headers["retry-after"]
    finally:
        for reader in readers:
            reader.close()
    closed = time.monotonic()
    assert patiently(lambda: hub.open_streams == 0)
    assert time.monotonic() - closed < rules().live["heartbeat_seconds"], "noticed before the next beat"
    assert opened(server)


@pytest.mark.parametrize("last", ["x", "1", "1-", "-1", "1-2-3", "9" * 30 + "-1", "1-" + "9" * 30])
def test_a_forged_place_is_refused(server, last):
    answer = server.get("risk", "/api/alerts/live", headers={"Last-Event-ID": last})
    assert answer.status_code == 422 and answer.json()["problems"][0]["where"] == "header Last-Event-ID"


def test_a_stream_ends_with_its_session(server, monkeypatch):
    quick = {**rules().live, "heartbeat_seconds": 0.2, "poll_seconds": 0.1}

    class Quick:
        live = quick

    monkeypatch.setattr(live, "rules", Quick)
    answer = httpx.post(f"{server.url}/api/session", json={"login": "risk", "password": "a long sentence of mine, 4"})
    token = answer.json()["token"]
    own = type(server)(server.url, server.database, {"risk": token}, server.app)
    with listening(own) as reader:
        end = time.monotonic() + 60
        while reader.comments < 3 and time.monotonic() < end:
            time.sleep(0.05)
        assert reader.comments >= 3, "comments keep the line open"
        with server.database.begin() as connection:
            connection.execute(delete(session).where(session.c.token_hash == hashed(token)))
        end = time.monotonic() + 60
        while not reader.ended and time.monotonic() < end:
            time.sleep(0.05)
        assert reader.ended


def test_an_id_of_the_start_tells_the_whole_outbox(server):
    name = f"live-{uuid4().hex}"
    with server.database.begin() as connection:
        raise_alert(connection, name)
    found, _ = after(server.database, Place())
    assert name in [row.alert_id for _, row in found]
