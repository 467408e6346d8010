"""Events by HTTP: into the inbox once, bad ones told by their place; a worker's feed raises the alerts."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from sqlalchemy import select, text, update
from streams import replayed, some_events

from jiehuan.api.accounts import add_account
from jiehuan.api.app import create_app
from jiehuan.api.server import address_of, listen
from jiehuan.flow.gateway_events import add_gateway, signature
from jiehuan.scale.feed import LEASE, InboxFeed
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault
from jiehuan.watch import Event

PASSWORD = "a long sentence of mine"


@pytest.fixture
def client(database: Database, vault: Vault) -> Iterator[httpx.Client]:
    """A person of the risk department at the application on a real port."""
    with database.begin() as connection:
        add_account(connection, datetime.now(UTC), "risk", "risk", PASSWORD)
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(create_app(database), log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    with httpx.Client(base_url=address_of(listener), timeout=30, verify=False) as opened:
        token = opened.post("/api/session", json={"login": "risk", "password": PASSWORD}).json()["token"]
        opened.headers["Authorization"] = f"Bearer {token}"
        yield opened
    server.should_exit = True
    thread.join()


def row(event: Event) -> dict[str, Any]:
    return asdict(event) | {"at": event.at.isoformat()}


def post(client: httpx.Client, rows: list[dict[str, Any]], key: str | None = None) -> Any:
    return client.post("/api/events", json={"events": rows}, headers={"Idempotency-Key": key or uuid4().hex})


def waiting(database: Database) -> int:
    with database.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM signal_inbox")).scalar_one())


def kept_alerts(database: Database) -> Counter[str]:
    with database.connect() as connection:
        return Counter(connection.execute(select(tables.alert.c.alert_id)).scalars())


def test_a_batch_is_taken_once_and_a_bad_event_never_loses_the_good(client: httpx.Client, database: Database) -> None:
    events = some_events(60, accounts=6)
    rows = [row(event) for event in events]
    bad = [
        {**rows[0], "event_id": "b1", "at": "2026-09-01T08:00:00"},
        {**rows[0], "event_id": "b2", "kind": "debit_faild"},
        {**rows[0], "amount_fen": 7},
        {**rows[0], "event_id": "b4", "counterparty": "13812345678"},
        {**rows[0], "event_id": "b5", "account_id": "a\0"},
        {**rows[0], "event_id": "b6", "at": "2199-01-01T00:00:00+08:00"},
        {},
    ]
    key = uuid4().hex
    body = json.dumps({"events": rows + bad})
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    answer = client.post("/api/events", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["taken"], told["repeated"]) == (60, 0)
    assert [one["index"] for one in told["refused"]] == list(range(60, 67))
    reasons = [one["problems"][0]["reason"] for one in told["refused"]]
    assert reasons[0] == "time zone missing" and "other content" in reasons[2] and reasons[5] == "in the future"
    assert told["refused"][1]["problems"][0]["mend"] == "did you mean debit_failed?"
    again = client.post("/api/events", content=body, headers=headers)
    assert again.json() == told and again.headers["Idempotent-Replay"] == "true"
    other_key = post(client, rows).json()
    assert (other_key["taken"], other_key["repeated"], waiting(database)) == (0, 60, 60)


def test_the_feed_raises_what_a_replay_raises(client: httpx.Client, database: Database, vault: Vault) -> None:
    events = some_events(200, accounts=10)
    rows = [row(event) for event in events]
    feed = InboxFeed(database, vault, owner="one")
    for at in range(0, len(rows), 50):
        assert post(client, rows[at : at + 50]).status_code == 202
        while feed.step(20):
            pass
    assert waiting(database) == 0
    assert post(client, rows).json() == {"taken": 0, "repeated": 200, "refused": []}
    assert kept_alerts(database) == Counter(replayed(events))


def test_a_signed_batch_is_taken_without_a_login(client: httpx.Client, database: Database) -> None:
    _, secret = add_gateway(database.home, "cards")
    body = json.dumps({"events": [row(event) for event in some_events(3)]}).encode()
    stamp = str(int(time.time()))
    signed = {"X-Timestamp": stamp, "X-Signature": signature(secret.encode(), stamp, body), "Authorization": ""}
    answer = client.post("/api/gateway/cards/events", content=body, headers=signed)
    assert answer.status_code == 202 and answer.json()["taken"] == 3, answer.text
    assert client.post("/api/gateway/cards/events", content=body, headers=signed).json()["repeated"] == 3
    odd = json.dumps({"events": [{**row(some_events(1, seed=2)[0]), "event_id": "\ud800"}]}).encode()
    signed["X-Signature"] = signature(secret.encode(), stamp, odd)
    answer = client.post("/api/gateway/cards/events", content=odd, headers=signed)
    assert answer.json()["taken"] == 0 and answer.json()["refused"][0]["problems"][0]["reason"] == "not Unicode text"
    forged = client.post("/api/gateway/cards/events", content=body + b" ", headers=signed)
    assert forged.status_code == 401
    for bad in (b"no", b"[]", b'{"events": []}', b'{"events": [1]}', b"[" * 50_000):
        signed["X-Signature"] = signature(secret.encode(), stamp, bad)
        assert client.post("/api/gateway/cards/events", content=bad, headers=signed).status_code == 422


def test_one_worker_reads_the_inbox_and_another_takes_over(
    client: httpx.Client, database: Database, vault: Vault
) -> None:
    events = some_events(120, accounts=6)
    rows = [row(event) for event in events]
    one, two = InboxFeed(database, vault, owner="one"), InboxFeed(database, vault, owner="two")
    post(client, rows[:40])
    assert one.step() == 40
    post(client, rows[40:80])
    assert two.step() == 0  # the lease is the other's
    with database.begin() as connection:  # the other was not heard of for long
        place = tables.stream_place
        connection.execute(update(place).values(updated_at=place.c.updated_at - timedelta(seconds=LEASE + 1)))
    assert two.step() == 40
    post(client, rows[80:])
    assert one.step() == 0
    with database.begin() as connection:
        connection.execute(update(place).values(updated_at=place.c.updated_at - timedelta(seconds=LEASE + 1)))
    assert one.step() == 40  # its memory was out of date, and was dropped
    assert kept_alerts(database) == Counter(replayed(events))


def test_what_the_feed_cannot_take_is_parked(database: Database, vault: Vault) -> None:
    event = some_events(1)[0]
    bad = {**row(event), "event_id": "k", "kind": "flying"}
    late = row(replace(event, event_id="l", at=event.at - timedelta(days=90)))
    with database.begin() as connection:
        for one in (row(event), bad, late, {"event_id": "x"}):
            connection.execute(
                tables.signal_inbox.insert().values(event_id=one["event_id"], content=one, sender="test")
            )
    feed = InboxFeed(database, vault, owner="one")
    assert feed.step() == 4 and waiting(database) == 0
    with database.connect() as connection:
        reasons = set(connection.execute(select(tables.dead_letter.c.reason)).scalars())
    assert reasons == {"unknown kind", "later than the lateness allows", "missing"}
