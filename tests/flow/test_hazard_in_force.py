"""A fitted hazard in force: put there by a person, asked by the worker that runs, the same after a restart, at rest under other signals."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select
from tests.watch.test_hazard import history

from jiehuan.api.accounts import add_account
from jiehuan.cli.main import main
from jiehuan.flow.hazards import hazard_in_force, standing, stop_hazard, use_hazard
from jiehuan.flow.signals import approve_signals, save_signals, shipped_body
from jiehuan.flow.watch import Watcher, judged_by
from jiehuan.scale.feed import InboxFeed
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.store.vault import open_vault
from jiehuan.units.errors import InputError, Refused
from jiehuan.watch import load_signals
from jiehuan.watch.fit import fit_hazard
from jiehuan.watch.hazard import Hazard
from jiehuan.watch.landmark import landmarks

LIKELY = "overdue_likely"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `watch fit` writes, learnt on the signals that ship from accounts of which failing debits foretell the worst."""
    signals = load_signals()
    rows, problems = landmarks(history(240)[0], signals, on=("tick", "debit_failed"))
    assert not problems
    fitted = fit_hazard(rows, signals, on=("tick", "debit_failed"), daily_budget=1.0)
    place = tmp_path_factory.mktemp("hazard")
    fitted.model.save(place)
    return place


@pytest.fixture
def staffed(database: Database) -> Database:
    with database.begin() as connection:
        for login, role in (("ana", "risk"), ("dan", "collector")):
            add_account(connection, datetime.now(UTC), login, role, "a long sentence of mine", name=login)
    return database


def put(connection: Connection, account: str, name: str, at: datetime) -> None:
    content = {"event_id": name, "account_id": account, "at": at.isoformat(), "kind": "debit_failed", "amount_fen": 90_000}
    connection.execute(insert(tables.signal_inbox).values(event_id=name, content=content, sender="test"))


def likely(database: Database) -> list[Any]:
    with database.connect() as connection:
        found = select(tables.alert).where(tables.alert.c.rule == LIKELY).order_by(tables.alert.c.at)
        return list(connection.execute(found).all())


def test_a_running_worker_takes_a_hazard_over_and_a_restart_says_nothing_twice(
    staffed: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, now = open_vault(staffed), datetime.now(UTC)
    running = InboxFeed(staffed, vault, owner="one")
    with staffed.begin() as connection:
        for n in range(6):
            put(connection, "acc-1", f"e{n}", now - timedelta(days=12 - 2 * n))
    while running.step():
        pass
    assert likely(staffed) == [], "no hazard is in force"
    with staffed.begin() as connection:
        version = use_hazard(connection, Hazard.load(folder), load_signals(), "ana", now, now - timedelta(hours=1))
    monkeypatch.setattr("jiehuan.scale.feed.RENEW", -1.0)  # the half minute is over
    with staffed.begin() as connection:
        put(connection, "acc-1", "late", now - timedelta(hours=2))  # before its moment
        put(connection, "acc-1", "now", now - timedelta(minutes=5))
    assert running.step() == 2
    (alert,) = likely(staffed)
    assert alert.event_id == "now" and alert.severity in {"warning", "critical"}
    assert "90 天内逾期达 30 天的概率" in alert.evidence["zh"] and "within 90 days" in alert.evidence["en"]
    assert {"chance_30d", "chance_60d", "chance_90d"} < set(alert.evidence["values"])
    with staffed.connect() as connection:
        noted = select(tables.activity).where(tables.activity.c.verb == "hazard_used")
        (note,) = connection.execute(noted).all()
        assert (note.actor, note.subject) == ("ana", version)
    with staffed.begin() as connection:  # a process that never saw this account, while the first is gone
        watcher = Watcher()
        assert watcher.use(*judged_by(connection, now)) and not watcher.use(*judged_by(connection, now))
        again = {"event_id": "next", "account_id": "acc-1", "at": now.isoformat(), "kind": "debit_failed", "amount_fen": 90_000}
        told = watcher.watch(connection, [again], now)
        assert told.taken == 1 and LIKELY not in {one.rule for one in told.alerts}, "told five minutes ago: silent for thirty days"
        far = {**again, "event_id": "far", "account_id": "acc-3"}
        rows = [{**far, "event_id": f"far{n}", "at": (now - timedelta(minutes=9 - n)).isoformat()} for n in range(8)]
        assert LIKELY in {one.rule for one in watcher.watch(connection, rows, now).alerts}, "another account is told"
    with staffed.begin() as connection:
        assert stop_hazard(connection, "ana", now) == version and stop_hazard(connection, "ana", now) is None
        put(connection, "acc-2", "a2", now - timedelta(minutes=3))
        for n in range(5):
            put(connection, "acc-2", f"b{n}", now - timedelta(minutes=2 - n / 10))
    before = len(likely(staffed))
    while running.step():
        pass
    assert len(likely(staffed)) == before and running.watcher.hazard is None


def test_who_may_and_on_which_signals(staffed: Database, folder: Path) -> None:
    now, model = datetime.now(UTC), Hazard.load(folder)
    other = shipped_body().replace("severity: info", "severity: warning", 1)
    with staffed.begin() as connection:
        for login in ("dan", "nobody"):
            with pytest.raises(Refused, match="may not put a model in force"):
                use_hazard(connection, model, load_signals(), login, now)
        version = use_hazard(connection, model, load_signals(), "ana", now)
        assert use_hazard(connection, model, load_signals(), "ana", now + timedelta(days=1)) == version
        held = standing(connection)
        assert held is not None and datetime.fromisoformat(held["since"]) == now + timedelta(minutes=1), "the first time stands"
        kept = hazard_in_force(connection, load_signals())
        assert kept is not None and kept.model.texts() == model.texts(), "the files as they were"
        approve_signals(connection, save_signals(connection, other, "", "ben", now), None, "ana", now)
        declaration, hazard = judged_by(connection, now)
        assert declaration.version != load_signals().version and hazard is None, "it rests while other signals hold"
        with pytest.raises(Refused, match="was fitted on signals"):
            use_hazard(connection, model, declaration, "ana", now)


def test_the_command_puts_a_hazard_in_force_shows_and_stops_it(
    staffed: Database, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JIEHUAN_DSN", staffed.dsn)

    def run(*words: str) -> tuple[int, Any]:
        with pytest.raises(SystemExit) as stop:
            main(["watch", "use", *words, "--json"])
        said = capsys.readouterr()
        return int(stop.value.code or 0), json.loads(said.out or said.err)

    assert run() == (0, {"version": None, "since": None, "by": None, "asked": False})
    assert run(str(folder), "--by", "dan")[0] == 1
    code, held = run(str(folder), "--by", "ana", "--since", "2026-01-01T00:00:00+08:00")
    assert code == 0 and held["by"] == "ana" and held["asked"] is True and run()[1] == held
    assert run(str(tmp_path), "--by", "ana")[0] == 2 and run("--stop", "--since", "2026-01-01", "--by", "ana")[0] == 2
    assert run(str(folder), "--by", "ana", "--since", "2026-01-01")[0] == 2
    assert run("--stop", "--by", "ana")[1]["version"] is None


def test_texts_that_are_no_model_are_refused_by_their_name() -> None:
    with pytest.raises(InputError, match="somewhere"):
        Hazard.read({"model.json": "{}", "trees.txt": ""}, "somewhere")
