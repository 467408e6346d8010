"""Each page shows what the interface says, whole, in both languages, at both widths."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


def test_the_overview_shows_the_figures_of_the_interface(enter, house):
    told = house.get("risk", "/api/overview")
    totals = told["totals"]
    page = enter("risk")
    shown = page.locator("main").inner_text()
    assert told["as_of"] in shown
    for ratio in ("overdue_balance_ratio", "npl_ratio_class", "npl_ratio_90"):
        assert float(totals[ratio]) > 0
        assert f"{float(totals[ratio]) * 100:.2f}%" in shown
    assert f"¥{float(totals['outstanding']) / 1e4:.2f} 万" in shown
    tiles = dict(
        zip(
            page.locator(".ant-statistic-title").all_inner_texts(),
            page.locator(".ant-statistic-content").all_inner_texts(),
            strict=True,
        )
    )
    assert (tiles["待处理预警"], tiles["在办案件"], tiles["已过期限"]) == tuple(
        str(totals[name]) for name in ("alerts_open", "cases_open", "deadlines_missed")
    )
    assert page.locator("main canvas").count() == 6


def test_an_application_tells_its_decision_reasons_law_and_offers(enter, house):
    told = house.get("risk", "/api/applications/ap-6")["decisions"][0]
    assert told["outcome"] == "refuse"
    page = enter("risk", path="/applications")
    page.get_by_role("link", name="ap-6").click()
    for reason in told["reasons"]:
        if reason["code"].islower():  # the score's own reasons get the feature's name and unit
            expect(page.get_by_text(reason["zh"], exact=True)).to_be_visible()
    assert not re.findall(r"[a-z]+_(?:fen|ppm)", page.locator("main").inner_text()), "a raw code is shown"
    page.goto(page.url.replace("ap-6", "ap-0"))
    lawful = house.get("risk", "/api/applications/ap-0")["decisions"][0]
    for check in lawful["law_checks"]:
        expect(page.get_by_text(check["zh"])).to_be_visible()
    expect(page.get_by_text("灵活分期").first).to_be_visible()


def test_what_if_asks_the_policy_again(enter):
    page = enter("risk", path="/applications/ap-0")
    page.get_by_label("金额").fill("3000")
    page.get_by_role("button", name="试算").click()
    expect(page.get_by_text("3,000.00").first).to_be_visible()


def test_an_application_goes_from_new_to_loan_by_buttons(enter, house, sure):
    page = enter("risk", path="/applications/ap-7")
    page.get_by_role("button", name="决定").click()
    page.get_by_role("button", name="按此方案签约").first.click()
    sure(page, "按此方案生成合同")
    page.get_by_role("button", name="放款").click()
    sure(page, "放款后立即计息")
    expect(page.locator("h1").get_by_text("已放款")).to_be_visible()
    assert house.get("risk", "/api/applications/ap-7")["loan_id"]
    assert {paper["kind"] for paper in house.get("risk", "/api/applications/ap-7")["files"]} == {
        "contract",
        "cost_sheet",
    }


def test_a_loan_shows_its_schedule_and_a_journal_that_balances(enter, house):
    loan = house.get("risk", "/api/loans?bucket=M3%2B")["items"][0]
    told = house.get("risk", f"/api/loans/{loan['loan_id']}")
    page = enter("risk", path=f"/loans/{loan['loan_id']}")
    expect(page.get_by_text(grouped(told["state"]["payoff"])).first).to_be_visible()
    rows = page.get_by_role("tabpanel").locator("tbody tr.ant-table-row")
    expect(rows).to_have_count(len(told["schedule"]))
    for row, line in zip(rows.all(), told["schedule"], strict=True):
        cells = row.inner_text()
        assert line["due"] in cells and grouped(line["principal"]) in cells
    page.get_by_role("tab", name="分录").click()
    sides = page.get_by_role("tabpanel").locator("tbody tr.ant-table-row")
    expect(sides).to_have_count(min(30, len(told["journal"])))
    debit = credit = 0
    for row in sides.all():
        cells = row.locator("td")
        debit += cents(cells.nth(4).inner_text())
        credit += cents(cells.nth(5).inner_text())
    assert debit == credit > 0
    assert len(told["journal"]) <= 30, "the test reads one page of the journal"
    page.get_by_role("tab", name="所采取的措施").click()
    expect(page.get_by_text("案件").last).to_be_visible()


GO = "place => { history.pushState({}, '', place); dispatchEvent(new PopStateEvent('popstate')) }"
"""As a click on a link of the console does: without loading the console again."""

INSIDE = {
    "applications": ("/api/applications", "application_id"), "loans": ("/api/loans", "loan_id"), "alerts": ("/api/alerts", "alert_id"),
    "cases": ("/api/cases", "case_id"), "models": ("/api/models", "model_id"), "policies": ("/api/policies", "version"),
    "imports": ("/api/imports", "run_id"), "accounts": ("/api/loans", "borrower_id"),
}  # fmt: skip
"""The rooms of which one thing is opened, and where its id stands."""


def places(house, role):
    """Every page that a role may open: the rooms, one thing in each, and what only few write."""
    rooms = [
        "overview", "applications", "reviews", "loans", "accounts", "alerts", "signals", "lines", "money", "work", "cases", "disposals",
        "models", "policies", "law", "imports", "reports", "users", "diary",
    ]  # fmt: skip
    doors = set(house.get(role, "/api/session")["doors"])
    mine = [room for room in rooms if ROOM_DOORS.get(room, f"GET /api/{room}") in doors]
    for room in mine:
        yield f"/{room}"
        path, key = INSIDE.get(room, ("", ""))
        found = house.get(role, f"{path}?size=1")["items"] if f"GET {path}" in doors else []
        if found:
            yield f"/{room}/{found[0][key]}"
    if "POST /api/applications" in doors:
        yield "/applications/new"


ROOM_DOORS = {"accounts": "GET /api/accounts/{borrower_id}/timeline", "money": "GET /api/money/suspense", "diary": "GET /api/activity"}


@pytest.mark.parametrize(
    ("role", "language", "width"),
    [("admin", "zh", 1280), ("risk", "en", 400), ("collector", "zh", 400), ("legal", "en", 1280), ("auditor", "en", 400)],
)
def test_every_page_stands_without_complaint_raw_code_or_overflow(enter, house, role, language, width):
    page = enter(role, language=language, width=width)
    failed = []
    page.on("response", lambda answer: answer.status >= 400 and failed.append(f"{answer.status} {answer.url}"))
    seen = list(places(house, role))
    assert len(seen) >= 6, seen
    for place in seen:
        page.evaluate(GO, place)
        page.wait_for_url(house.url + place)
        page.locator("h1").first.wait_for()
        expect(page.locator(".ant-spin-spinning")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is wider than the window"
        shown = page.locator("main").inner_text()
        formulas = place.startswith("/policies/")  # a policy's expressions name the features as the engine does
        assert formulas or not re.findall(r"\b[a-z]+_[a-z_]+\b(?![…\w])", strip_ids(shown)), f"{place}: {shown}"
        assert "undefined" not in shown and "NaN" not in shown and "[object" not in shown, place
        assert failed == [], place


def test_the_policy_page_reads_a_graph_as_tables(enter, house):
    from jiehuan.policy import default_policy
    from jiehuan.store import tables
    from jiehuan.store.rows import insert_missing

    policy = default_policy()
    row = {
        "version": policy.version,
        "name": "admission",
        "graph": dict(policy.document),
        "status": "draft",
        "effective_from": house.day,
        "author": "risk",
    }
    with house.database.begin() as connection:
        insert_missing(connection, tables.policy_version, [row])
    page = enter("risk", path=f"/policies/{policy.version}")
    expect(page.get_by_text("决策表").first).to_be_visible()
    expect(page.get_by_text("在本机构拒绝名单内")).to_be_visible()
    expect(page.get_by_text("申请人未满十八周岁")).to_be_visible()


def test_the_law_page_tells_the_rules_of_the_day_with_their_citations(enter, house):
    told = house.get("risk", "/api/law?lender=consumer_finance_company")
    page = enter("collector", path="/law")
    expect(page.locator("tbody tr.ant-table-row")).to_have_count(len(told["rules"]))
    page.get_by_label("查找规则").fill("抵充")
    order = next(rule for rule in told["rules"] if rule["id"] == "allocation_order")
    expect(page.get_by_text(order["sentence"]["zh"])).to_be_visible()
    expect(page.get_by_text(order["citation"]["zh"])).to_be_visible()


def test_the_report_is_shown_on_the_page_without_scripts(enter, house):
    page = enter("collector", path="/reports")
    frame = page.frame_locator("iframe.report")
    expect(frame.get_by_text("资产质量报告").first).to_be_visible()
    assert page.locator("iframe.report").get_attribute("sandbox") == ""
    with page.expect_download() as waited:
        page.get_by_role("button", name="PDF").click()
    assert waited.value.path().read_bytes().startswith(b"%PDF")


def grouped(amount: str) -> str:
    whole, cents_ = amount.split(".")
    return f"{int(whole):,}.{cents_}"


def cents(text: str) -> int:
    return sum(int(part.replace(",", "").replace(".", "")) for part in re.findall(r"[\d,]+\.\d\d", text))


def strip_ids(text: str) -> str:
    """The page's words without its ids (two letters, an underscore, the rest), which people do see, shortened."""
    return re.sub(r"\b[a-z]{2}_[0-9a-z…]+", "", text)
