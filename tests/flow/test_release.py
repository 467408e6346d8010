"""A policy is released by two people with an effective date, and earlier decisions keep theirs."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, exc, select, text
from tests.flow.conftest import application, at

from jiehuan.api.accounts import add_account
from jiehuan.flow.apply import apply
from jiehuan.flow.audit_checks import check_decisions
from jiehuan.flow.decide import again, decide
from jiehuan.flow.demo.people import Crowd
from jiehuan.flow.drafts import difference_on_past, discard_draft, draft_of, examine_graph, save_draft
from jiehuan.flow.policies import policy_in_force, version_in_force
from jiehuan.flow.release import approve, propose, refuse, releases, withdraw
from jiehuan.policy import default_policy, load_policy
from jiehuan.store import tables
from jiehuan.store.audit.tally import Audit
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault
from jiehuan.units.errors import Conflict, InputError, Refused

ON = date(2026, 1, 12)
LATER = date(2026, 2, 1)


def graph(**changes: Any) -> dict[str, Any]:
    """The shipped graph with a table changed: ``band={2: {"band-pd_ppm": "<= 10000"}}`` sets cells by row."""
    made = copy.deepcopy(dict(default_policy().document))
    for node_id, rows in changes.items():
        node = next(node for node in made["nodes"] if node["id"] == node_id)
        for row, cells in rows.items():
            if cells is None:
                del node["content"]["rules"][row]
            else:
                node["content"]["rules"][row] |= cells
    return made


TIGHTER = {"band": {1: {"band-band_limit_fen": "3000000"}, 2: {"band-band_limit_fen": "1000000"}, 3: {"band-band_limit_fen": "200000"}}}


@pytest.fixture
def desk(lender: Database) -> Database:
    """A lender with an analyst, a colleague of risk, an admin and a collector."""
    with lender.begin() as connection:
        for login, role in (("ana", "risk"), ("ben", "risk"), ("cai", "admin"), ("dan", "collector")):
            add_account(connection, datetime.now(UTC), login, role, "a long sentence of mine", name=login)
    return lender


def decided(connection: Connection, vault: Vault, crowd: Crowd, number: int, on: date) -> dict[str, Any]:
    asked = application(crowd, number, on)
    asked["application_id"] = f"ap-{number}-{on}"
    apply(connection, vault, asked, at(on))
    return decide(connection, asked["application_id"], at(on))


def test_a_release_takes_two_people_and_decides_from_its_day_on(desk: Database, vault: Vault, crowd: Crowd) -> None:
    with desk.begin() as connection:
        before = [decided(connection, vault, crowd, number, ON) for number in range(6)]
        old = policy_in_force(connection, at(ON)).version
        draft = save_draft(connection, graph(**TIGHTER), "ana", at(ON), base_version=old, remark="tighter in the good bands")
        proposed = propose(connection, draft.draft_id, LATER, "ana", at(ON), "less for new customers")
        with pytest.raises(Refused, match="may not decide on it alone"):
            approve(connection, proposed["release_id"], "ana", at(ON))
        with pytest.raises(Refused, match="has not the right"):
            approve(connection, proposed["release_id"], "dan", at(ON))
        with pytest.raises(Refused, match="has not the right"):
            approve(connection, proposed["release_id"], "nobody", at(ON))
        assert version_in_force(connection, at(LATER)) == old
        released = approve(connection, proposed["release_id"], "cai", at(ON), "seen the effect")
        assert (released["status"], released["decided_by"]) == ("approved", "cai")
        assert released["version"] != old
        on_the_eve = decided(connection, vault, crowd, 7, LATER - timedelta(days=1))
        on_the_day = decided(connection, vault, crowd, 7, LATER)
        assert on_the_eve["versions"]["policy"] == old
        assert on_the_day["versions"]["policy"] == released["version"]
        for decision in (*before, on_the_eve, on_the_day):
            stored, today = again(connection, decision["decision_id"])
            assert stored == today
        audited = [one for one in check_decisions(Audit(connection, desk.home)) if one.problems]
        assert audited == []
        assert [one["stands"] for one in releases(connection, at(LATER))] == ["in_force", "past"]
        assert [one["stands"] for one in releases(connection, at(ON))] == ["scheduled", "in_force"]


def test_midnight_in_china_is_when_a_release_begins(desk: Database) -> None:
    with desk.begin() as connection:
        old = policy_in_force(connection, at(ON)).version
        draft = save_draft(connection, graph(**TIGHTER), "ana", at(ON))
        new = approve(connection, propose(connection, draft.draft_id, LATER, "ana", at(ON))["release_id"], "ben", at(ON))["version"]
        assert version_in_force(connection, datetime(2026, 1, 31, 15, 59, 59, tzinfo=UTC)) == old
        assert version_in_force(connection, datetime(2026, 1, 31, 16, 0, 0, tzinfo=UTC)) == new


def test_a_draft_with_a_gap_or_above_the_cap_is_not_proposed(desk: Database) -> None:
    with desk.begin() as connection:
        policy_in_force(connection, at(ON))
        gap = save_draft(connection, graph(band={6: None}), "ana", at(ON))
        with pytest.raises(Refused, match="no row"):
            propose(connection, gap.draft_id, LATER, "ana", at(ON))
        dear = graph()
        limit = next(node for node in dear["nodes"] if node["id"] == "limit")
        for expression in limit["content"]["expressions"]:
            if expression["key"] == "rate_ppm":
                expression["value"] = "band_rate_ppm + 300000"
        above = save_draft(connection, dear, "ana", at(ON))
        with pytest.raises(Refused, match="above the cap"):
            propose(connection, above.draft_id, LATER, "ana", at(ON))
        same = save_draft(connection, graph(), "ana", at(ON))
        with pytest.raises(Refused, match="decides as the policy in force"):
            propose(connection, same.draft_id, LATER, "ana", at(ON))
        fine = save_draft(connection, graph(**TIGHTER), "ana", at(ON))
        with pytest.raises(Refused, match="does not work backwards"):
            propose(connection, fine.draft_id, ON - timedelta(days=1), "ana", at(ON))


def test_findings_name_their_nodes_also_in_a_broken_graph() -> None:
    gap = examine_graph(graph(band={6: None}), LATER)
    assert gap.barred
    assert any("band" in nodes for finding, nodes in gap.findings if finding.code == "gap")
    circle = graph()
    circle["edges"] = [*circle["edges"], {"id": "x", "sourceId": "count", "targetId": "band", "type": "edge"}]
    found = examine_graph(circle, LATER)
    assert found.policy is None
    ((finding, nodes),) = found.findings
    assert "circular" in finding.problem.reason
    assert finding.problem.mend == "remove one of these edges"
    assert {"band", "count"} <= set(nodes)


def test_the_effect_on_past_decisions_is_told_with_the_proposal(desk: Database, vault: Vault, crowd: Crowd) -> None:
    with desk.begin() as connection:
        for number in range(12):
            decided(connection, vault, crowd, number, ON)
        draft = save_draft(connection, graph(band={0: {"band-band_limit_fen": "100000"}}), "ana", at(ON))
        told = propose(connection, draft.draft_id, LATER, "ana", at(ON))["difference"]
        assert told["rows"] == 12
        assert told["changed"] > 0
        assert told["before"]["version"] != told["after"]["version"]
        assert {"application_id", "limit_change_fen"} <= set(told["who"][0])
        same = difference_on_past(connection, load_policy(graph(), "admission"), at(ON))
        assert same is not None
        assert same.changed.height == 0


def test_refused_and_withdrawn_proposals_open_the_draft_again(desk: Database) -> None:
    with desk.begin() as connection:
        policy_in_force(connection, at(ON))
        draft = save_draft(connection, graph(**TIGHTER), "ana", at(ON))
        first = propose(connection, draft.draft_id, LATER, "ana", at(ON))
        with pytest.raises(Refused, match="is proposed"):
            save_draft(connection, graph(), "ana", at(ON), draft_id=draft.draft_id, revision=1)
        assert refuse(connection, first["release_id"], "ben", at(ON), "too tight for autumn")["reason"] == "too tight for autumn"
        assert draft_of(connection, draft.draft_id).status == "open"
        second = propose(connection, draft.draft_id, LATER, "ana", at(ON))
        withdraw(connection, second["release_id"], "ana", at(ON))
        with pytest.raises(Refused, match="only a proposed one"):
            approve(connection, second["release_id"], "ben", at(ON))
        assert version_in_force(connection, at(LATER)) == default_policy().version


def test_two_people_on_one_draft_lose_nothing(desk: Database) -> None:
    with desk.begin() as connection:
        draft = save_draft(connection, graph(), "ana", at(ON))
        second = save_draft(connection, graph(**TIGHTER), "ben", at(ON), draft_id=draft.draft_id, revision=1)
        assert (second.revision, second.author) == (2, "ben")
        with pytest.raises(Conflict, match="saved by ben meanwhile"):
            save_draft(connection, graph(), "ana", at(ON), draft_id=draft.draft_id, revision=1)
        with pytest.raises(InputError, match="too large"):
            save_draft(connection, {"nodes": [], "edges": [], "x": "y" * 900_001}, "ana", at(ON))
        proposed = propose(connection, draft.draft_id, LATER, "ana", at(ON))
        with pytest.raises(Refused, match="may not decide on it alone"):
            approve(connection, proposed["release_id"], "ben", at(ON))  # wrote it last
        withdraw(connection, proposed["release_id"], "ana", at(ON))
        assert discard_draft(connection, draft.draft_id, "ana", at(ON)).status == "discarded"


def test_the_database_itself_refuses_two_eyes(desk: Database) -> None:
    with desk.begin() as connection:
        draft = save_draft(connection, graph(**TIGHTER), "ana", at(ON))
        proposed = propose(connection, draft.draft_id, LATER, "ana", at(ON))
    with pytest.raises(exc.IntegrityError, match="four_eyes"), desk.begin() as connection:
        connection.execute(text("UPDATE policy_release SET status = 'approved', decided_by = proposed_by"))
    with desk.connect() as connection:
        release = tables.policy_release.c
        assert connection.execute(select(release.status).where(release.release_id == proposed["release_id"])).scalar_one() == "proposed"


def test_an_older_version_can_be_released_again(desk: Database) -> None:
    with desk.begin() as connection:
        old = policy_in_force(connection, at(ON)).version
        draft = save_draft(connection, graph(**TIGHTER), "ana", at(ON))
        approve(connection, propose(connection, draft.draft_id, LATER, "ana", at(ON))["release_id"], "ben", at(ON))
        back = save_draft(connection, graph(), "ben", at(LATER))
        month = LATER + timedelta(days=28)
        approve(connection, propose(connection, back.draft_id, month, "ben", at(LATER))["release_id"], "ana", at(LATER))
        assert version_in_force(connection, at(month)) == old
        assert version_in_force(connection, at(month - timedelta(days=1))) != old
