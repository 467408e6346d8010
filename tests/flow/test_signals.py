"""Signals that people write: checked line by line, tried on the past, released by two, used by the watcher; and cases of alerts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests.flow.conftest import at

from jiehuan.flow.alert_cases import acknowledge, close_case, open_case
from jiehuan.flow.respond import Responder, respond
from jiehuan.flow.signal_preview import preview
from jiehuan.flow.signals import (
    SHIPPED,
    approve_signals,
    body_of,
    examine,
    refuse_signals,
    save_signals,
    shipped_body,
    versions,
)
from jiehuan.flow.watch import Watcher, judge_alert, signals_in_force
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.units.errors import InputError, Refused
from jiehuan.watch import load_signals

DAY = date(2026, 3, 10)


def event(account: str, n: int, on: date, kind: str = "debit_failed", amount: int = 91_680) -> dict[str, Any]:
    return {"event_id": f"{account}/{n}/{kind}", "account_id": account, "at": at(on, 9).isoformat(), "kind": kind, "amount_fen": amount}


def with_rule_changed(old: str, new: str) -> str:
    body = shipped_body()
    assert body.count(old) == 1
    return body.replace(old, new)


STRICTER = with_rule_changed("when: failed_7d >= 3", "when: failed_7d >= 2")
QUIETER = with_rule_changed("when: failed_30d >= 1", "when: failed_30d >= 2")


def test_what_is_wrong_is_told_with_its_line() -> None:
    assert examine(shipped_body())[1] == []
    wrong = with_rule_changed("when: failed_7d >= 3", "when: faild_7d >= 3").replace("severity: info", "severity: loud")
    declaration, faults = examine(wrong)
    assert declaration is None
    lines = wrong.splitlines()
    said = {fault.problem.where: lines[fault.line - 1] for fault in faults}
    assert "faild_7d" in said["signals, rules, debit_failed_repeatedly, when"]
    assert "loud" in said["signals, rules, night_activity, severity"]
    assert all(fault.problem.mend for fault in faults)
    _, (broken,) = examine("kinds:\n  a: {zh: x\n")
    assert broken.line >= 2 and "malformed YAML" in broken.problem.reason
    assert examine("- 1")[1][0].line == 1 and examine("x" * 300_000)[1][0].problem.reason == "too long"


def test_two_people_release_signals_and_the_watcher_uses_them_from_their_moment(database: Database) -> None:
    with database.begin() as connection:
        version = save_signals(connection, STRICTER, "two are enough", "ann", at(DAY, 8))
        with pytest.raises(Refused, match="same person"):
            approve_signals(connection, version, None, "ann", at(DAY, 9))
        with pytest.raises(Refused, match="past"):
            approve_signals(connection, version, at(DAY, 7), "bob", at(DAY, 9))
        approve_signals(connection, version, at(DAY, 12), "bob", at(DAY, 9))
        with pytest.raises(Refused, match="is approved"):
            approve_signals(connection, version, None, "cem", at(DAY, 10))
        assert [row["standing"] for row in versions(connection, at(DAY, 10))] == ["waiting", "in_force"]
        assert [row["standing"] for row in versions(connection, at(DAY, 13))] == ["in_force", "past"]
        assert signals_in_force(connection, at(DAY, 11)).version == load_signals().version
        new = signals_in_force(connection, at(DAY, 13))
        assert new.version != load_signals().version and body_of(connection, version) == STRICTER
        watcher = Watcher(new)
        told = watcher.watch(connection, [event("b1", n, DAY + timedelta(days=n)) for n in range(2)], at(DAY))
        assert "debit_failed_repeatedly" in {alert.rule for alert in told.alerts}
        refused = save_signals(connection, QUIETER, "", "ann", at(DAY, 14))
        refuse_signals(connection, refused, "ann", at(DAY, 15))
        with pytest.raises(InputError, match="line "):
            save_signals(connection, STRICTER.replace("severity: info", "severity: loud"), "", "ann", at(DAY, 15))
        with pytest.raises(Refused, match="no such version"):
            body_of(connection, "sv-none")


def test_a_preview_is_what_the_engine_would_have_raised_and_knows_the_verdicts(database: Database) -> None:
    with database.begin() as connection:
        events = [event(f"b{n}", k, DAY + timedelta(days=k)) for n in range(6) for k in range(1 + n % 3)]
        live = Watcher().watch(connection, events, at(DAY)).alerts
        for alert in live[:2]:
            judge_alert(connection, alert.alert_id, "confirmed", "risk", at(DAY, 20))
        judge_alert(connection, live[2].alert_id, "dismissed", "risk", at(DAY, 20))
        until = at(DAY + timedelta(days=5), 23)
        same = preview(connection, load_signals(), load_signals(), until, 10)
        assert same.new.alerts == same.live.alerts == len(live) and (same.only_new, same.only_live) == (0, 0)
        assert {alert.alert_id for alert in same.samples} == {alert.alert_id for alert in live}
        assert (same.new.confirmed, same.new.dismissed, same.share) == (2, 1, 1.0)
        assert sum(same.new.by_day.values()) == len(live) and len(same.new.by_day) == 10
        quieter, stricter = examine(QUIETER)[0], examine(STRICTER)[0]
        assert quieter is not None and stricter is not None
        less = preview(connection, quieter, load_signals(), until, 10)
        assert less.new.by_rule["debit_failed"] == 4 and less.live.by_rule["debit_failed"] == 6
        assert less.only_live > 0 and less.lost_confirmed + less.lost_dismissed >= 1
        more = preview(connection, stricter, load_signals(), until, 10)
        assert (more.only_new, more.only_live) == (4, 2), "four accounts at their second failure; two no more at their third"
        assert more.samples[0].alert_id not in {alert.alert_id for alert in live}, "what is new is shown first"
        no_kind = examine(shipped_body().replace("  login: {zh: 登录, en: login}\n", ""))[0]
        assert no_kind is not None
        Watcher().watch(connection, [event("b9", 1, DAY, "login")], at(DAY))
        assert preview(connection, no_kind, load_signals(), until, 10).unknown_kinds == {"login": 1}
        assert preview(connection, no_kind, load_signals(), at(DAY - timedelta(days=400)), 10).events == 0
        assert versions(connection, until)[0]["version"] == SHIPPED


def test_a_critical_alert_opens_a_case_that_others_join_and_a_person_closes(database: Database) -> None:
    with database.begin() as connection:
        first = Watcher().watch(connection, [event("b1", n, DAY + timedelta(days=n)) for n in range(3)], at(DAY)).alerts
        other = Watcher().watch(connection, [event("b2", 0, DAY)], at(DAY)).alerts
    assert Responder(database).step() > 0 and Responder(database).step() == 0
    with database.begin() as connection:
        (case,) = connection.execute(select(tables.alert_case)).mappings().all()
        assert (case["account_id"], case["severity"], case["status"], case["opened_by"]) == ("b1", "critical", "open", "system")
        mine = connection.execute(select(tables.alert).where(tables.alert.c.case_id == case["case_id"])).mappings().all()
        assert {row["alert_id"] for row in mine} == {alert.alert_id for alert in first}
        assert respond(connection, [alert.alert_id for alert in first]).cases == 0, "again is no more"
        acknowledge(connection, other[0].alert_id, "ann", at(DAY, 18))
        acknowledge(connection, other[0].alert_id, "bob", at(DAY, 19))
        seen = connection.execute(select(tables.alert.c.acknowledged_by).where(tables.alert.c.alert_id == other[0].alert_id)).scalar_one()
        assert seen == "ann"
        by_hand = open_case(connection, [other[0].alert_id], "ann", at(DAY, 20))
        assert open_case(connection, [other[0].alert_id], "bob", at(DAY, 21)) == by_hand
        with pytest.raises(Refused, match="several accounts"):
            open_case(connection, [other[0].alert_id, first[0].alert_id], "ann", at(DAY, 20))
        with pytest.raises(InputError) as wrong:
            close_case(connection, case["case_id"], "perhaps", "prayer", "", "ann", at(DAY, 20))
        assert len(wrong.value.problems) == 2
        judge_alert(connection, first[0].alert_id, "dismissed", "ann", at(DAY, 20))
        close_case(connection, case["case_id"], "confirmed", "contact", "called", "ann", at(DAY, 22))
        with pytest.raises(Refused, match="closed by ann"):
            close_case(connection, case["case_id"], "confirmed", "none", "", "bob", at(DAY, 23))
        verdicts = {row.alert_id: row.status for row in connection.execute(select(tables.alert.c.alert_id, tables.alert.c.status))}
    assert verdicts[first[0].alert_id] == "dismissed", "what a person said of an alert stays"
    assert {verdicts[alert.alert_id] for alert in first[1:]} == {"confirmed"}
