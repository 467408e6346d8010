"""The work list: rules inside, holdout by chance, one contact a person, times in lawful hours, reasons in both languages."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from jiehuan.cli.main import main
from jiehuan.collect import (
    Contact,
    check_contacts,
    contact_window,
    load_capacity,
    plan,
    read_accounts,
    read_capacity,
    render,
    segments,
    templates,
)
from jiehuan.collect.segment import SEGMENTS, ability_of, willingness_of
from jiehuan.law import law_on
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError

AT = datetime(2026, 11, 24, 9, 30, tzinfo=CHINA)
LAW = law_on(AT.date(), "micro_lender")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "collect"
PLENTY = {"sms": 10_000, "mail": 10_000, "call": 10_000, "letter": 10_000, "legal": 1000, "holdout": 0.0}


def account(n: int = 1, **changes: Any) -> dict[str, Any]:
    return {"account_id": f"a{n}", "debtor_id": f"d{n}", "dpd": 10, "balance_fen": 500_000, **changes}


def only(capacity: dict[str, Any] = PLENTY, at: datetime = AT, **changes: Any):
    (item,) = plan([account(**changes)], capacity, at, 1, LAW)
    return item


def crowd(n: int, seed: int = 1) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        account(
            i, debtor_id=f"d{rng.integers(0, n)}", dpd=int(rng.choice([1, 8, 20, 45, 70, 95, 200])), balance_fen=int(rng.lognormal(12, 1)),
            ability=float(rng.random()), willingness=float(rng.random()), answered_today=int(rng.integers(0, 5)),
            dials_today=int(rng.integers(0, 9)), hold="complaint" if rng.random() < 0.05 else "",
            last_contact=(AT - timedelta(hours=float(rng.uniform(1, 100)))).isoformat(),
        )
        for i in range(n)
    ]  # fmt: skip


def test_an_overdue_account_gets_the_action_that_brings_most() -> None:
    item = only()
    assert (item.action, item.arm, item.template) == ("call", "treated", "call_reminder")
    # 9 % of 5,000.00 less 4.00 of cost
    assert item.expected_gain_fen == 44_600
    assert "446.00" in item.reason["zh"]
    assert "446.00" in item.reason["en"]
    assert "assumed" in item.reason["en"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hold": "complaint"}, "contact is stopped"),
        ({"promise_until": date(2026, 11, 24)}, "promise to pay is still open"),
        ({"balance_fen": 5}, "does not pay the cost"),
    ],
)
def test_nobody_is_contacted_without_a_right_and_a_use(change: dict[str, Any], said: str) -> None:
    item = only(**change)
    assert (item.action, item.at, item.expected_gain_fen, item.template) == ("none", None, 0, "")
    assert said in item.reason["en"]


def test_a_promise_that_ran_out_yesterday_holds_nothing_back() -> None:
    assert only(promise_until=date(2026, 11, 23)).action == "call"


def test_rest_between_contacts_and_the_law_s_count_of_calls() -> None:
    assert only(last_contact=(AT - timedelta(hours=23)).isoformat()).action == "none"
    assert only(last_contact=(AT - timedelta(hours=25)).isoformat()).action == "call"
    assert only(answered_today=2).action == "call"
    assert only(answered_today=3).action == "sms"
    assert only(answered_today=3, dpd=20).action == "letter"
    assert only(dials_today=5).action == "call"
    assert only(dials_today=6).action == "sms"
    assert only({"call": 100, "holdout": 0.0}, answered_today=3).reason["en"].startswith("no more calls today")


def test_what_is_noted_at_one_account_of_a_person_holds_for_all() -> None:
    rows = [account(1, debtor_id="d"), account(2, debtor_id="d", balance_fen=900_000), account(3, debtor_id="e")]
    items = {item.account_id: item for item in plan(rows, PLENTY, AT, 1, LAW)}
    assert [items[f"a{n}"].action for n in (1, 2, 3)] == ["none", "call", "call"]
    assert "another account" in items["a1"].reason["en"]
    for change in ({"hold": "hardship"}, {"last_contact": (AT - timedelta(hours=1)).isoformat()}):
        items = {item.account_id: item for item in plan([{**rows[0], **change}, *rows[1:]], PLENTY, AT, 1, LAW)}
        assert [items[f"a{n}"].action for n in (1, 2, 3)] == ["none", "none", "call"]
    calls = plan([{**rows[0], "answered_today": 3}, *rows[1:]], {"call": 9, "holdout": 0.0}, AT, 1, LAW)
    assert [item.account_id for item in calls if item.action == "call"] == ["a3"]


def test_no_plan_ever_breaks_a_contact_rule() -> None:
    """The plan's own contacts, with those already made today, pass the check that senders ask."""
    rows = crowd(400)
    calls = {row["debtor_id"]: row["answered_today"] for row in rows}
    rows = [{**row, "answered_today": calls[row["debtor_id"]]} for row in rows]
    for hour in (0, 7, 9, 13, 19, 21, 23):
        at = AT.replace(hour=hour, minute=47)
        made = plan(rows, PLENTY, at, 1, LAW)
        contacts = [
            Contact(f"{i.account_id}", i.debtor_id, i.at, i.action, number=i.debtor_id, answered=True)
            for i in made
            if i.action in {"sms", "mail", "call", "letter"} and i.at
        ]
        already = [
            Contact(f"before {debtor} {k}", debtor, at.replace(hour=8, minute=1), "call", number=debtor, answered=True)
            for debtor, count in calls.items()
            for k in range(count)
            if at.hour >= 8
        ]
        by_plan = {c.contact_id for c in contacts}
        assert not [b for b in check_contacts([*already, *contacts], LAW) if b.contact_id in by_plan]
        assert len(contacts) == len({c.debtor_id for c in contacts}), "one contact a person"
        assert all(c.at >= at for c in contacts)


def test_the_window_is_the_lender_s_hours_without_quiet_hours() -> None:
    able = load_capacity()
    start, stop = contact_window(AT.replace(hour=21), able, LAW)
    assert (start, stop) == (datetime(2026, 11, 25, 9, tzinfo=CHINA), datetime(2026, 11, 25, 20, tzinfo=CHINA))
    wide = read_capacity(
        {"hours": {"from": "06:00", "to": "23:30"}, "pools": {"s": {"units": 1}}, "actions": {"sms": {"pool": "s"}}}
    )
    start, stop = contact_window(AT.replace(hour=3), wide, LAW)
    assert (start.hour, stop.hour) == (8, 22)
    night = read_capacity(
        {"hours": {"from": "22:00", "to": "23:30"}, "pools": {"s": {"units": 1}}, "actions": {"sms": {"pool": "s"}}}
    )
    with pytest.raises(InputError, match="nothing is left outside quiet hours"):
        contact_window(AT, night, LAW)
    with pytest.raises(InputError, match="time zone missing"):
        plan([], PLENTY, AT.replace(tzinfo=None), 1, LAW)


def test_capacity_binds_and_goes_to_those_who_gain_most() -> None:
    made = plan(
        [account(i, balance_fen=100_000 + 1000 * i) for i in range(50)],
        {"call": 10, "sms": 5, "holdout": 0.0},
        AT,
        1,
        LAW,
    )
    actions = Counter(item.action for item in made)
    assert actions == {"call": 10, "sms": 5, "none": 35}
    called = {item.account_id for item in made if item.action == "call"}
    assert called == {f"a{i}" for i in range(40, 50)}
    assert made.value_fen <= made.bound_fen
    assert 0 <= made.gap < 1e-3
    assert made.used == {"sms": (5, 5), "call": (10, 10)}
    assert made.prices["call"] > made.prices["sms"] > 0
    gains = [item.expected_gain_fen for item in made]
    assert gains == sorted(gains, reverse=True)
    assert "went to accounts that gain more" in next(i for i in made if i.action == "none").reason["en"]


def test_pools_by_language_serve_their_own() -> None:
    capacity = read_capacity(
        {
            "holdout": 0.0, "pools": {"zh": {"units": 30, "languages": ["zh"]}, "ug": {"units": 6, "languages": ["ug"]}},
            "actions": {"call": {"pool": ["zh", "ug"], "uses": 6}},
        }
    )  # fmt: skip
    rows = [account(i, language="ug" if i < 5 else "zh") for i in range(20)]
    made = plan(rows, capacity, AT, 1, LAW)
    assert made.used == {"zh": (30, 30), "ug": (6, 6)}


def test_the_holdout_is_by_chance_stable_and_left_alone() -> None:
    rows = [account(i) for i in range(4000)]
    made = plan(rows, {**PLENTY, "holdout": 0.2}, AT, 7, LAW)
    held = {item.debtor_id for item in made if item.arm == "holdout"}
    assert 700 < len(held) < 900
    assert all(item.action == "none" and item.intended == "call" for item in made if item.arm == "holdout")
    later = plan(rows[:1000], {**PLENTY, "holdout": 0.2}, AT + timedelta(days=3), 7, LAW)
    assert {i.debtor_id for i in later if i.arm == "holdout"} == held & {f"d{i}" for i in range(1000)}
    other = plan(rows, {**PLENTY, "holdout": 0.2}, AT, 8, LAW)
    assert {i.debtor_id for i in other if i.arm == "holdout"} != held


def test_the_treated_get_what_was_intended_but_for_the_last_units() -> None:
    made = plan(crowd(3000), {"sms": 300, "mail": 300, "call": 200, "letter": 80, "holdout": 0.1}, AT, 1, LAW)
    treated = [item for item in made if item.arm == "treated"]
    assert sum(item.action != item.intended for item in treated) <= 5


def test_segments_by_ability_and_willingness() -> None:
    x = np.array
    assert [SEGMENTS[s] for s in segments(x([0.9, 0.9, 0.1, 0.1, np.nan]), x([0.9, 0.1, 0.9, 0.1, 0.9]))] == [
        "self_cure", "firm", "plan", "escalate", "unknown",
    ]  # fmt: skip
    assert only(ability=0.1, willingness=0.9).template == "call_hardship"
    assert only(ability=0.9, willingness=0.1).template == "call_demand"
    cover = ability_of(x([0.0, 1.0, 2.0, 5.0, np.nan]), x([1.0, 1.0, 1.0, 0.5, np.nan]))
    assert cover[:2].tolist() == [0.0, 0.5]
    assert cover[2] == pytest.approx(0.8)
    assert cover[3] < 0.5
    assert np.isnan(cover[4])
    willing = willingness_of(x([1.0, np.nan, np.nan]), x([0.0, np.nan, 0.4]), x([np.nan, np.nan, 0.6]))
    assert willing[0] == 0.5
    assert np.isnan(willing[1])
    assert willing[2] == pytest.approx(0.5)


def test_a_bad_row_is_refused_with_its_reason_and_the_good_ones_stay() -> None:
    rows = [
        account(1),
        account(2, dpd=-3),
        account(3, balance_fen=1.5),
        account(4, dpd=None),
        account(1),
        account(5, debtor_id=""),
        account(6, ability=1.7),
        account(7, last_contact="2026-11-24 25:00"),
        account(8, promise_until="soon"),
        account(9, balance_fen=10**17),
    ]
    made = plan(rows, PLENTY, AT, 1, LAW)
    assert [item.account_id for item in made] == ["a1"]
    said = "\n".join(map(str, made.refused))
    for part in (
        "row 2, dpd '-3': outside", "row 3, balance_fen '1.5': not a whole", "row 4, dpd: not a whole",
        "row 5, account_id 'a1': the account stands here twice",
        "row 6, debtor_id: empty", "row 7, ability '1.7'", "row 8, last_contact", "row 9, promise_until 'soon'", "row 10, balance_fen",
    ):  # fmt: skip
        assert part in said, (part, said)
    with pytest.raises(InputError, match="missing column"):
        plan([{"account_id": "a"}], PLENTY, AT, 1, LAW)
    odd = {"dpd": date(2026, 1, 1), "balance_fen": [1], "ability": True, "overdue_fen": b"1"}
    for name, value in odd.items():
        row = pl.DataFrame([{"account_id": "a", "debtor_id": "d", "dpd": 1, "balance_fen": 1, name: value}])
        told = read_accounts(row)
        assert len(told) == 0 and told.refused[0].where == f"accounts row 1, {name}"
    assert plan([], PLENTY, AT, 1, LAW).items == ()


def test_capacity_files_tell_every_fault() -> None:
    with pytest.raises(InputError) as refusal:
        read_capacity(
            {
                "hours": {"from": "20:00", "to": "9am"}, "holdout": 1.0, "colour": 1, "pools": {"p": {"units": -1}},
                "actions": {"shout": {"pool": "p"}, "sms": {"pool": "q", "cost": "free", "uses": 0}},
            }
        )  # fmt: skip
    said = str(refusal.value)
    for part in (
        "unknown key",
        "not a time of day",
        "not a share",
        "unknown action",
        "no such pool",
        "not an amount",
        "uses",
        "units",
    ):
        assert part in said
    for bad in ({}, {"sms": -1}, {"sms": True}, {"call": 5, "holdout": -0.1}, []):
        with pytest.raises(InputError):
            read_capacity(bad)
    assert read_capacity({"call": 60, "sms": 400}).holdout == 0.1


def test_messages_name_lender_amount_way_and_help_and_never_threaten() -> None:
    values = {
        "lender": "某某公司", "name": "王某", "amount": "916.80", "days": "12", "due_on": "2026-11-12", "pay_how": "APP", "phone": "95000",
        "complaints": "95001",
    }  # fmt: skip
    for name, template in templates().items():
        for language in ("zh", "en"):
            message = render(name, language, values)
            words = message.subject + message.text
            assert message.language == language
            assert "{" not in words
            assert "95000" in words
            if template["channel"] == "third_person":
                for word in ("916.80", "逾期", "overdue", "past due"):
                    assert word not in words
            else:
                assert "916.80" in words
                assert any(word in words for word in ("困难", "协商", "plan", "hard"))
            for word in ("坐牢", "拘留", "上门抓", "通知家人", "曝光", "jail", "arrest", "your family", "employer"):
                assert word not in words
    with pytest.raises(InputError, match="no value for it"):
        render("sms_reminder", "zh", {**values, "phone": " "})
    with pytest.raises(InputError, match="no template of that name"):
        render("sms_threat", "zh", values)


def code_of(*words: object) -> int:
    """The exit code of a command, run in this process."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return int(stop.value.code or 0)


def test_the_commands_keep_their_contracts(cli, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "plan.csv"
    done = cli("collect", "plan", EXAMPLES / "accounts.csv", "--on", "2026-11-24", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    table = pl.read_csv(out)
    assert table.columns[:6] == ["account_id", "action", "at", "expected_gain_fen", "arm", "reason"]
    assert said["items"] == table.height == 60
    assert said["expected_gain_fen"] == table["expected_gain_fen"].sum() <= said["bound_fen"]
    assert set(table["arm"]) == {"treated", "holdout"}
    assert json.loads(table["reason"][0])["zh"]
    checked = cli("collect", "check", EXAMPLES / "contacts.csv", "--json")
    assert checked.returncode == 1
    rules = Counter(breach["rule"] for breach in json.loads(checked.stdout)["breaches"])
    assert rules == {
        "third_party_contact": 2,
        "answered_calls_per_day": 1,
        "dials_per_number_per_day": 1,
        "quiet_hours": 1,
    }
    for words in (
        ("plan", EXAMPLES / "accounts.csv", "--on", "today", "--out", out),
        ("plan", EXAMPLES / "accounts.csv", "--on", "2026-11-24T09:00:00", "--out", out),
        ("plan", EXAMPLES / "contacts.csv", "--on", "2026-11-24", "--out", out),
        ("plan", tmp_path / "absent.csv", "--on", "2026-11-24", "--out", out),
        ("learn", EXAMPLES / "contacts.csv", "--out", tmp_path / "m"),
    ):
        assert code_of("collect", *words) == 2, words
    for command in ("plan", "learn", "check"):
        assert code_of("collect", command, "--help") == 0
    assert "Example" in capsys.readouterr().out


def test_a_breach_names_its_own_contact_though_two_are_named_alike(cli, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "contact_id,debtor_id,at,channel\nc,d1,2026-03-02T07:59:00+08:00,call\nc,d2,2026-03-02T08:00:00+08:00,call\n"
    )
    told = json.loads(cli("collect", "check", log, "--json").stdout)["breaches"]
    assert [(one["debtor_id"], one["rule"]) for one in told] == [("d1", "quiet_hours")]
    log.write_text("id,when\n1,2\n")
    lacking = cli("collect", "check", log)
    assert lacking.returncode == 2 and "log.csv, debtor_id: missing column; add the column debtor_id" in lacking.stderr


def test_a_last_contact_without_an_offset_is_on_chinas_clock() -> None:
    clock = datetime(2026, 11, 24, 9)  # noqa: DTZ001 - without an offset, as a database's column often is
    for said in ("2026-11-24 09:00", "2026-11-24T09:00:00+08:00", "2026-11-24T01:00:00Z", clock):
        told = read_accounts([account(1, last_contact=said)])
        assert told.last_contact.tolist() == [datetime(2026, 11, 24, 1, tzinfo=UTC).timestamp()]
