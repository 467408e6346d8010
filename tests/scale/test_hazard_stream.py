"""The hazard that people released, asked at events that come by Kafka: by the command, the worker as a process, and the broker."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from streams import send
from tests.watch.test_hazard import history

from jiehuan.api.accounts import add_account
from jiehuan.scale.broker import Broker
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.watch import Event, load_signals
from jiehuan.watch.fit import fit_hazard
from jiehuan.watch.landmark import landmarks

LIKELY = "overdue_likely"


@pytest.fixture(scope="module")
def hazard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `watch fit` writes, learnt from accounts of which failing debits foretell the worst."""
    signals = load_signals()
    rows, _ = landmarks(history(240)[0], signals, on=("tick", "debit_failed"))
    place = tmp_path_factory.mktemp("hazard")
    fit_hazard(rows, signals, on=("tick", "debit_failed"), daily_budget=1.0).model.save(place)
    return place


def failing(account: str, start: datetime, name: str, count: int = 6) -> list[Event]:
    return [
        Event(f"{account}-{name}{n}", account, start + n * timedelta(hours=5), "debit_failed", 90_000, "", "debit")
        for n in range(count)
    ]


def test_events_by_kafka_raise_what_the_released_hazard_foretells(
    database: Database, database_env: dict[str, str], broker: Broker, topic: str, hazard: Path, cli: Callable[..., Any]
) -> None:
    now = datetime.now(UTC)
    with database.begin() as connection:
        add_account(connection, now, "ana", "risk", "a long sentence of mine", name="ana")
    words = ("worker", "--kafka", broker.servers, "--events-topic", topic, "--group", topic, "--no-relay", "--no-day-end",
             "--no-respond", "--once", "--json")  # fmt: skip

    def likely() -> list[Any]:
        with database.connect() as connection:
            return list(connection.execute(select(tables.alert).where(tables.alert.c.rule == LIKELY)).all())

    accounts = [f"acc-{n}" for n in range(3)]
    send(broker, topic, [one for account in accounts for one in failing(account, now - timedelta(days=9), "a")])
    assert cli(*words, env=database_env).returncode == 0
    assert likely() == [], "no hazard was released yet"

    since = (now - timedelta(days=3)).isoformat()
    used = cli("watch", "use", hazard, "--by", "ana", "--since", since, "--json", env=database_env)
    assert used.returncode == 0, used.stderr
    calm = [Event(f"{accounts[2]}-paid", accounts[2], now - timedelta(days=2), "repayment", 90_000, "", "debit")]
    send(
        broker,
        topic,
        [
            *failing(accounts[0], now - timedelta(days=2), "b"),
            *failing(accounts[1], now - timedelta(days=2), "b"),
            *calm,
        ],
    )
    done = cli(*words, env=database_env)
    assert done.returncode == 0, done.stderr
    stopped = json.loads(done.stdout.splitlines()[-1])["stopped"]
    assert stopped["events_taken"] == 13 and stopped["dead_letters"] == 0

    found = {row.account_id: row for row in likely()}
    assert set(found) == set(accounts[:2]) and len(likely()) == 2, "each once: it is silent then for thirty days"
    for row in found.values():
        assert row.severity in {"warning", "critical"} and row.event_id.startswith(f"{row.account_id}-b")
        assert "90 天内逾期达 30 天的概率" in row.evidence["zh"] and "within 90 days" in row.evidence["en"]
        assert 0 < float(row.evidence["values"]["chance_90d"]) <= 1
        assert any("扣款失败" in said["zh"] for said in row.evidence["words"].values()), "reasons are named in words"
    with database.connect() as connection:
        told = select(tables.outbox.c.payload["rule"].astext).where(tables.outbox.c.topic == "alert.raised")
        assert connection.execute(told).scalars().all().count(LIKELY) == 2

    send(broker, topic, failing(accounts[0], now - timedelta(days=2), "b"))  # the sender was not sure
    assert cli(*words, env=database_env).returncode == 0 and len(likely()) == 2
