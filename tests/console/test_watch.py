"""Early warning and lines in the console: an alert judged on its evidence, a case, an account in time, signals edited and released, the queue."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect
from tests.console.conftest import BOOK_DAY, failed_debit
from tests.console.conftest import at as moment
from tests.watch.test_hazard import history

from jiehuan.flow.adjust import adjust
from jiehuan.flow.hazards import HazardInForce
from jiehuan.flow.watch import Watcher
from jiehuan.store import tables
from jiehuan.store.rows import upsert
from jiehuan.watch import load_signals
from jiehuan.watch.fit import fit_hazard
from jiehuan.watch.landmark import landmarks


@pytest.fixture(scope="module")
def watched(house):
    """Three debits of one borrower fail, which is grave; two lines are reviewed and wait for a person."""
    day = BOOK_DAY - timedelta(days=3)
    with house.database.begin() as connection:
        upsert(connection, tables.credit_line, [{"borrower_id": f"bo-{n}", "limit_fen": 2_000_000, "rate_ppm": 100_000} for n in (0, 1)])
        Watcher().watch(connection, [failed_debit("bo-4", f"se-w{n}", day, 8 + n) for n in range(3)], moment(day, 20))
        adjust(connection, BOOK_DAY)
    return house


def rows(page):
    return page.locator("tbody tr.ant-table-row")


def test_an_alert_shows_its_evidence_and_becomes_a_case_which_is_closed(enter, watched):
    page = enter("risk", path="/alerts?status=open&severity=critical")
    row = rows(page).filter(has_text="7 天内扣款失败 3 次").first
    row.locator(".ant-table-row-expand-icon").click()
    detail = page.locator(".alert-detail")
    expect(detail.get_by_text("failed_7d")).to_be_visible()
    expect(detail.locator("canvas")).to_be_visible()
    detail.get_by_role("button", name="我来跟进").click()
    expect(detail.get_by_text("risk 跟进中")).to_be_visible()
    detail.get_by_role("button", name="建立案件").click()
    detail.get_by_role("link", name="查看案件").click()
    expect(page.locator("h1")).to_contain_text("预警案件")
    case_id = page.url.rpartition("/")[2]
    told = watched.get("risk", f"/api/alert-cases/{case_id}")
    assert (told["account_id"], told["severity"]) == ("bo-4", "critical") and len(told["members"]) >= 2
    page.get_by_label("结论").click()
    page.locator(".ant-select-item-option").get_by_text("属实").click()
    page.get_by_label("措施").click()
    page.locator(".ant-select-item-option").get_by_text("已联系借款人").click()
    page.get_by_role("button", name="结案").click()
    expect(page.locator("h1").get_by_text("已结案")).to_be_visible()
    told = watched.get("risk", f"/api/alert-cases/{case_id}")
    assert (told["verdict"], told["measure"]) == ("confirmed", "contact")
    assert {alert["status"] for alert in told["members"]} == {"confirmed"}, "the verdict went to its alerts"
    records = {one["rule"]: one for one in watched.get("risk", "/api/signals")["records"]}
    assert records["debit_failed_repeatedly"]["confirmed"] == 1


@pytest.fixture(scope="module")
def foretold(watched):
    """A hazard, fitted on made-up accounts, is asked as a debit of one borrower fails; the id of its alert."""
    signals = load_signals()
    learnt, _ = landmarks(history(160)[0], signals, on=("tick", "debit_failed"))
    model = fit_hazard(learnt, signals, on=("tick", "debit_failed"), daily_budget=1.0).model
    day = BOOK_DAY - timedelta(days=2)
    watcher = Watcher(hazard=HazardInForce("hz", moment(day - timedelta(days=9), 0), model))
    with watched.database.begin() as connection:
        told = watcher.watch(connection, [failed_debit("bo-5", "se-h", day, 8)], moment(day, 20))
    (alert,) = [one for one in told.alerts if one.rule == "overdue_likely"]
    return alert.alert_id


def test_an_alert_of_a_hazard_says_its_chances_and_reasons_in_words(enter, watched, foretold):
    for language, title, chance, reason, name in (
        ("zh", "预计 90 天内逾期达 30 天的概率", "60 天内的概率", "扣款失败", "预计逾期"),
        ("en", "Chance of reaching 30 days past due within 90 days", "Chance within 60 days", "failed debit, ", "overdue likely"),
    ):
        page = enter("risk", language=language, path=f"/alerts/{foretold}")
        detail = page.locator(".alert-detail")
        expect(detail.get_by_text(title)).to_be_visible()
        expect(detail.get_by_text(chance, exact=True)).to_be_visible()
        expect(detail.get_by_text(reason).first).to_be_visible()
        expect(detail.get_by_text("chance_60d")).to_have_count(0)
        page.goto(f"{watched.url}/alerts?rule=overdue_likely")
        expect(rows(page).get_by_text(name).first).to_be_visible()


def test_an_account_is_told_on_one_axis_and_reached_from_a_loan(enter, watched):
    told = watched.get("risk", "/api/accounts/bo-4/timeline?months=6")
    assert told["alerts"] and told["instalments"] and told["transactions"] and told["contacts"] is not None
    page = enter("risk", path=f"/loans/{told['loans'][0]['loan_id']}")
    page.get_by_role("link", name="王**").click()
    expect(page.locator("h1")).to_contain_text("账户")
    picture = page.get_by_role("img", name="时间线")
    expect(picture.locator("canvas")).to_be_visible()
    page.get_by_text("近 12 个月").click()
    expect(page.get_by_role("tab", name=f"预警 ({len(told['alerts'])})")).to_be_visible()
    collector = watched.get("collector", "/api/accounts/bo-4/timeline")
    assert collector["transactions"] == [] and collector["transactions_hidden"], "single transactions are for those who judge alerts"


def test_an_account_is_found_by_identity_number(enter, watched):
    page = enter("risk", path="/accounts")
    page.get_by_label("身份证号").fill("11010119900101004X")
    page.get_by_role("button", name="查找").first.click()
    expect(page.locator("h1")).to_contain_text("bo-4")


def test_signals_are_edited_checked_replayed_saved_and_released_by_another(enter, watched, sure):
    page = enter("risk", path="/signals")
    page.get_by_role("button", name="编辑生效版本").click()
    box = page.get_by_label("声明（YAML）")
    body = box.input_value()
    box.fill(body.replace("when: failed_7d >= 3", "when: faild_7d >= 3"))
    expect(page.get_by_text("1 处错误")).to_be_visible()
    expect(page.get_by_text("did you mean failed_7d?")).to_be_visible()
    expect(page.locator(".yaml-gutter .fault")).to_have_count(1)
    expect(page.get_by_role("button", name="保存为草稿")).to_be_disabled()
    box.fill(body.replace("when: failed_7d >= 3", "when: failed_7d >= 2"))
    expect(page.get_by_text("没有错误")).to_be_visible()
    page.get_by_role("button", name="回放", exact=True).click()
    expect(page.get_by_text("新增 1 条")).to_be_visible()
    expect(page.locator("main canvas")).to_have_count(2)
    expect(rows(page).first.get_by_text("新增")).to_be_visible()
    page.get_by_label("说明").fill("两次即为严重")
    page.get_by_role("button", name="保存为草稿").click()
    expect(page.get_by_text("草稿须由另一人批准")).to_be_visible()
    version = page.url.rpartition("/")[2]
    second = enter("admin", path=f"/signals/{version}")
    second.get_by_role("button", name="批准").click()
    sure(second, "使这一版信号生效")
    expect(second.locator("h1").get_by_text("生效中")).to_be_visible()
    told = watched.get("risk", "/api/signals")
    assert told["in_force"] == version
    first = told["versions"][0]
    assert (first["author"], first["approved_by"], first["remark"]) == ("risk", "admin", "两次即为严重")


def test_proposals_are_read_with_their_notice_and_decided_together(enter, watched, sure):
    told = watched.get("risk", "/api/lines?status=proposed")["items"]
    assert len(told) >= 2 and all(change["new_rate"] > change["old_rate"] for change in told)
    page = enter("risk", path="/lines")
    expect(rows(page)).to_have_count(len(told))
    rows(page).first.get_by_role("button", name="通知").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("此前已提取的借款利率不变")).to_be_visible()
    dialog.get_by_text("English").click()
    expect(dialog.get_by_text("keep their rate")).to_be_visible()
    dialog.get_by_role("button", name="关闭").click()
    rows(page).first.get_by_role("checkbox").check()
    page.get_by_role("button", name="同意所选 1").click()
    sure(page, "同意 1 项调整")
    expect(page.get_by_text("已决定 1 项")).to_be_visible()
    rows(page).first.get_by_role("button", name="拒绝").click()
    sure(page, "拒绝 1 项调整")
    expect(rows(page)).to_have_count(len(told) - 2)
    statuses = {change["change_id"]: change for change in watched.get("risk", "/api/lines?size=200")["items"]}
    now = [statuses[change["change_id"]] for change in told]
    assert sorted(change["status"] for change in now)[:2] == ["approved", "refused"]
    assert {change["decided_by"] for change in now if change["status"] in {"approved", "refused"}} == {"risk"}


def test_other_parameters_are_tried_and_prices_are_seen_by_grade(enter, watched):
    page = enter("auditor", language="en", path="/lines?tab=picture")
    expect(page.get_by_text("No unreasonable price differences were found")).to_be_visible()
    page.get_by_label("Lower: PD from").fill("50")
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_text("Would propose today")).to_be_visible()
    expect(page.get_by_text("No estimate yet")).to_be_visible()
    page.goto(page.url.replace("tab=picture", "tab=changes"))
    expect(rows(page).first).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)


PAGES = ("/alerts", "/alerts?tab=cases", "/accounts", "/accounts/bo-4", "/signals", "/signals/shipped", "/lines", "/lines?tab=picture")


@pytest.mark.parametrize(("language", "width"), [("zh", 390), ("en", 1280)])
def test_the_pages_stand_in_both_languages_and_widths(enter, watched, language, width):
    page = enter("risk", language=language, width=width, path=PAGES[0])
    for path in PAGES:
        page.goto(watched.url + path)
        expect(page.locator("h1").first).to_be_visible()
        page.wait_for_timeout(100)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} scrolls sideways by {wide}"


def test_empty_rooms_say_so(enter, watched):
    page = enter("auditor", path="/alerts?rule=takeover_pattern")
    expect(page.locator(".ant-empty, .ant-table-placeholder").first).to_be_visible()
