"""A policy from draft to release over HTTP: check beside nodes, difference, simulation, four eyes."""

from __future__ import annotations

import copy
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from jiehuan.policy import default_policy
from jiehuan.store import tables

LATER = "2027-06-01"


@pytest.fixture
def graph():
    return copy.deepcopy(dict(default_policy().document))


def table(graph, node):
    return next(each for each in graph["nodes"] if each["id"] == node)["content"]


def test_a_gap_is_found_beside_its_node_and_bars_the_proposal(server, graph):
    table(graph, "band")["rules"].pop()
    checked = server.kept("risk").post("/api/policies/check", json={"graph": graph}).json()
    assert checked["ok"] is False
    gap = next(each for each in checked["findings"] if each["code"] == "gap")
    assert gap["nodes"] == ["band"] and gap["mend"] and gap["example"]
    draft = server.send("risk", "POST", "/api/policy-drafts", {"graph": graph})
    assert draft.status_code == 201, draft.text
    refused = server.send("risk", "POST", f"/api/policy-drafts/{draft.json()['draft_id']}/propose", {"effective_from": LATER})
    assert refused.status_code == 409
    assert "no row" in refused.json()["problems"][0]["reason"]


@pytest.mark.parametrize(
    ("spoil", "said", "nodes"),
    [
        (lambda graph: graph["edges"].append({"id": "x", "type": "edge", "sourceId": "count", "targetId": "band"}), "circular", {"band", "count"}),
        (lambda graph: table(graph, "derive")["expressions"][0].update(value="max([1,"), "", {"derive"}),
        (lambda graph: table(graph, "outcome")["rules"].pop(), "no row", {"outcome"}),
        (lambda graph: graph["nodes"].append({"id": "js", "type": "functionNode", "name": "code", "content": {}}), "may not use", {"js"}),
    ],
)
def test_a_broken_graph_is_answered_with_place_and_mend(server, graph, spoil, said, nodes):
    spoil(graph)
    answer = server.kept("risk").post("/api/policies/check", json={"graph": graph})
    assert answer.status_code == 200
    found = [each for each in answer.json()["findings"] if each["level"] == "error"]
    assert any(said in each["reason"] and nodes <= set(each["nodes"]) and each["mend"] for each in found), found


def test_a_draft_is_simulated_on_an_application_and_on_values(server, graph):
    told = server.kept("risk").post("/api/policies/simulate", json={"graph": graph, "application_id": "ap-7"})
    assert told.status_code == 200, told.text
    assert told.json()["outcome"] == told.json()["decision"]["outcome"] or told.json()["outcome"] != "refuse"
    assert {"band", "outcome"} <= set(told.json()["trace"])
    values = {"amount_fen": 500_000, "months": 6, "pd_ppm": 15_000, "age": 30, "identity_verified": True}
    sound = server.kept("risk").post("/api/policies/simulate", json={"graph": graph, "values": values}).json()
    table(graph, "band")["rules"][1]["band-band_limit_fen"] = "100000"
    less = server.kept("risk").post("/api/policies/simulate", json={"graph": graph, "values": values}).json()
    assert less["limit_fen"] < sound["limit_fen"]
    neither = server.kept("risk").post("/api/policies/simulate", json={"graph": graph})
    assert neither.status_code == 422
    wrong = server.kept("risk").post("/api/policies/simulate", json={"graph": graph, "values": {"amount_fen": "x", "months": 6}})
    assert wrong.status_code == 422 and "amount_fen" in wrong.text


def test_two_people_release_and_the_new_version_decides_from_its_day(server, graph):
    table(graph, "band")["rules"][0]["band-band_limit_fen"] = "100000"
    keep = server.send("risk", "POST", "/api/policy-drafts", {"graph": graph, "remark": "less without a score"})
    draft = keep.json()
    stale = server.send("risk", "PUT", f"/api/policy-drafts/{draft['draft_id']}", {"graph": graph, "revision": 7})
    assert stale.status_code == 409
    saved = server.send("risk", "PUT", f"/api/policy-drafts/{draft['draft_id']}", {"graph": graph, "revision": 1})
    assert saved.json()["revision"] == 2
    compared = server.kept("risk").post("/api/policies/diff", json={"graph": graph}).json()
    assert compared["live"] == default_policy().version
    proposed = server.send("risk", "POST", f"/api/policy-drafts/{draft['draft_id']}/propose", {"effective_from": LATER}).json()
    path = f"/api/policy-releases/{proposed['release_id']}"
    assert (proposed["author"], proposed["replaces"]) == ("risk", compared["live"]), "who may not decide, and what it is held against"
    open_ones = server.get("admin", "/api/policy-releases?stands=proposed").json()
    assert [each["release_id"] for each in open_ones["items"]] == [proposed["release_id"]] and open_ones["total"] == 1
    alone = server.send("risk", "POST", f"{path}/approve", {})
    assert alone.status_code == 409
    assert "may not decide on it alone" in alone.json()["problems"][0]["reason"]
    assert "他人" in alone.json()["problems"][0]["zh"]
    assert server.send("collector", "POST", f"{path}/approve", {}).status_code == 403
    approved = server.send("admin", "POST", f"{path}/approve", {"reason": "agreed"})
    assert approved.status_code == 200, approved.text
    assert (approved.json()["stands"], approved.json()["decided_by"]) == ("scheduled", "admin")
    assert server.send("admin", "POST", f"{path}/refuse", {"reason": "changed my mind"}).status_code == 409
    listed = server.get("auditor", "/api/policy-releases").json()
    assert listed["items"][0]["release_id"] == proposed["release_id"]
    second = server.get("auditor", "/api/policy-releases?page=2&size=1").json()
    assert (second["items"], second["total"]) == (listed["items"][1:2], listed["total"])
    version = server.get("risk", f"/api/policies/{proposed['version']}").json()
    assert (version["status"], version["approved_by"], version["effective_from"]) == ("active", "admin", LATER)
    with server.database.connect() as connection:
        verbs = connection.execute(select(tables.activity.c.verb).where(tables.activity.c.subject == proposed["release_id"])).scalars().all()
    assert verbs == ["policy_proposed", "policy_approved"]
    assert date.fromisoformat(LATER) - timedelta(days=1) > date(2026, 7, 1)
