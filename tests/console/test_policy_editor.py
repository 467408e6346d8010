"""A policy edited in the browser: a planted gap is found beside its node, mended, proposed by one and approved by another."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import expect

from jiehuan.policy import default_policy
from jiehuan.units.days import CHINA


@pytest.fixture
def risk(house):
    """Requests as the analyst, past the console."""
    house.get("risk", "/api/overview")
    with httpx.Client(base_url=house.url, timeout=20) as client:
        client.headers["Authorization"] = f"Bearer {house._tokens['risk']}"
        yield client


def begin(client, graph):
    """A draft of a graph, as if an analyst had saved it."""
    made = client.post("/api/policy-drafts", json={"graph": graph}, headers={"Idempotency-Key": uuid4().hex})
    made.raise_for_status()
    return made.json()["draft_id"]


def cell(page, text):
    """A cell of the open table by its text."""
    return page.locator(".grl-dt .cm-content").filter(has_text=text).first


def fill(page, old, new):
    """Write over a cell of the open table."""
    cell(page, old).click()
    page.keyboard.press("Control+A")
    page.keyboard.type(new) if new else page.keyboard.press("Delete")
    page.keyboard.press("Escape")


def test_a_threshold_is_changed_checked_mended_proposed_and_approved_by_another(enter, house, risk):
    live = default_policy().version
    draft = begin(risk, copy.deepcopy(dict(default_policy().document)))
    page = enter("risk", path=f"/policies/{draft}", width=1500)
    expect(page.get_by_text("可以发布")).to_be_visible()

    page.get_by_text("编辑决策表").first.click()
    fill(page, "<= 20000", "<= 10000")
    fill(page, "5000000", "4000000")
    page.get_by_role("tab", name="决策图").click()
    expect(page.get_by_text("有未保存的修改")).to_be_visible()
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_text("第 2 次保存")).to_be_visible()
    rules = house.get("risk", f"/api/policy-drafts/{draft}")["graph"]["nodes"]
    band = next(node for node in rules if node["id"] == "band")["content"]["rules"]
    assert (band[1]["band-pd_ppm"], band[1]["band-band_limit_fen"]) == ("<= 10000", "4000000")

    expect(page.get_by_role("button", name="提交发布")).to_be_enabled()
    page.get_by_role("button", name="比较", exact=True).click()
    expect(page.get_by_text("决定的分布")).to_be_visible()
    page.get_by_role("button", name="提交发布").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("说明").fill("好客群额度略降")
    later = (max(house.day, datetime.now(CHINA).date()) + timedelta(days=2)).isoformat()
    dialog.get_by_label("生效日").fill(later)
    dialog.get_by_label("生效日").press("Tab")
    dialog.get_by_role("button", name="提交发布").click()
    expect(page.get_by_text("待批准").first).to_be_visible()
    release = page.url.rsplit("/", 1)[1]

    expect(page.get_by_text("您是提出人或起草人")).to_be_visible()
    expect(page.get_by_role("button", name="批准发布")).to_have_count(0)

    other = enter("admin", path=f"/policies/{release}")
    expect(other.get_by_text("好客群额度略降")).to_be_visible()
    changed = other.get_by_role("region", name="分档 Band")
    expect(changed.locator("tr").filter(has_text="50,000")).to_contain_text("40,000")
    expect(changed.locator("tr").filter(has_text="<= 2%")).to_contain_text("<= 1%")
    expect(changed.locator("tbody tr.ant-table-row")).to_have_count(2)
    other.get_by_role("button", name="驳回").click()
    answer = other.get_by_role("dialog")
    answer.get_by_role("button", name="驳回").click()
    expect(answer.get_by_text("请写明驳回理由，至少五个字")).to_be_visible()
    expect(answer.get_by_label("批准或驳回的理由")).to_be_focused()
    answer.get_by_role("button", name="取消").click()
    other.get_by_role("button", name="批准发布").click()
    expect(answer).to_contain_text(f"自 {later} 起按新版本决定")
    answer.get_by_label("理由（可不填）").fill("看过影响")
    answer.get_by_role("button", name="批准发布").click()
    expect(other.get_by_text("已批准").first).to_be_visible()
    kept = house.get("auditor", f"/api/policy-releases/{release}")
    assert (kept["stands"], kept["proposed_by"], kept["decided_by"], kept["effective_from"]) == ("scheduled", "risk", "admin", later)
    assert kept["reason"] == "看过影响"
    assert kept["version"] != live
    other.goto(f"{house.url}/policies")
    expect(other.get_by_text("待生效")).to_be_visible()


def test_what_was_typed_a_moment_ago_is_kept_when_the_table_is_closed_or_saved_at_once(enter, house, risk):
    def limits():
        nodes = house.get("risk", f"/api/policy-drafts/{draft}")["graph"]["nodes"]
        return [rule["band-band_limit_fen"] for rule in next(node for node in nodes if node["id"] == "band")["content"]["rules"]]

    def at_once(button):
        """Press a button in the same moment, without the browser tool's wait for it to stand still."""
        page.evaluate("button => button.click()", button.element_handle())

    draft = begin(risk, copy.deepcopy(dict(default_policy().document)))
    page = enter("risk", path=f"/policies/{draft}", width=1500)
    expect(page.get_by_text("可以发布")).to_be_visible()
    save = page.get_by_role("button", name="保存草稿")
    page.get_by_text("编辑决策表").first.click()
    fill(page, "5000000", "4000000")
    at_once(page.locator(".grl-graph-tabs__closeIcon"))
    expect(page.get_by_text("有未保存的修改")).to_be_visible()
    page.get_by_text("编辑决策表").first.click()
    fill(page, "4000000", "4100000")
    at_once(save)
    expect(page.get_by_text("第 2 次保存")).to_be_visible()
    assert limits()[1] == "4100000"
    expect(page.get_by_text("有未保存的修改")).to_be_hidden()


def test_a_gap_is_told_beside_its_node_and_bars_the_proposal_until_it_is_mended(enter, house, risk):
    graph = copy.deepcopy(dict(default_policy().document))
    band = next(node for node in graph["nodes"] if node["id"] == "band")["content"]
    band["rules"][-1]["band-pd_ppm"] = "<= 400000"
    page = enter("risk", path=f"/policies/{begin(risk, graph)}", width=1500)
    expect(page.get_by_text("不能发布")).to_be_visible()
    finding = page.get_by_role("region", name="分档 Band")
    expect(finding.get_by_text("有些输入没有任何一行接住")).to_be_visible()
    expect(finding.get_by_text("在末尾加一行空条件作为默认")).to_be_visible()
    expect(page.get_by_role("button", name="提交发布")).to_be_disabled()
    page.get_by_text("编辑决策表").first.click()
    fill(page, "<= 400000", "")
    page.get_by_role("tab", name="决策图").click()
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_text("可以发布")).to_be_visible()
    expect(page.get_by_role("button", name="提交发布")).to_be_enabled()


def test_an_application_is_tried_on_the_draft_with_the_servers_engine(enter, house, risk):
    draft = begin(risk, copy.deepcopy(dict(default_policy().document)))
    page = enter("risk", language="en", path=f"/policies/{draft}", width=1500)
    page.get_by_role("tab", name="Try it").click()
    page.get_by_label("Application", exact=True).click()
    page.locator(".ant-select-item-option").filter(has_text="ap-6").click()
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("refuse", exact=False).first).to_be_visible()
    graph = house.get("risk", f"/api/policy-drafts/{draft}")["graph"]
    told = risk.post("/api/policies/simulate", json={"graph": graph, "application_id": "ap-6"}).json()
    expect(page.get_by_text(told["reasons"][0]["en"]).first).to_be_visible()


def test_a_switch_is_edited_and_saved_as_the_policy_reads_it(enter, house, risk):
    graph = copy.deepcopy(dict(default_policy().document))
    edge = next(each for each in graph["edges"] if each["targetId"] == "derive")
    graph["edges"].remove(edge)
    graph["edges"] += [
        {**edge, "id": "w0", "targetId": "way"},
        *({"id": f"w{n}", "type": "edge", "sourceId": "way", "targetId": "derive", "sourceHandle": f"s{n}"} for n in (1, 2)),
    ]
    statements = [{"id": "s1", "condition": "months > 24", "isDefault": False}, {"id": "s2", "condition": "", "isDefault": True}]
    content = {"hitPolicy": "first", "statements": statements}
    graph["nodes"].append({"id": "way", "type": "switchNode", "name": "长期 Long", "position": {"x": 40, "y": 320}, "content": content})
    draft = begin(risk, graph)
    page = enter("risk", path=f"/policies/{draft}", width=1500)
    expect(page.get_by_text("可以发布")).to_be_visible()
    statement = page.locator(".react-flow__node").filter(has_text="长期 Long").locator(".cm-content").first
    statement.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("months > 36")
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_text("第 2 次保存")).to_be_visible()
    saved = house.get("risk", f"/api/policy-drafts/{draft}")["graph"]["nodes"]
    way = next(node for node in saved if node["id"] == "way")
    assert way["content"]["statements"][0]["condition"] == "months > 36"
    expect(page.get_by_text("可以发布")).to_be_visible()
