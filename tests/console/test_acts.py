"""What people do in the console: alerts that come while they look, the outcome of a call, a deadline that was met."""

from __future__ import annotations

from datetime import date, timedelta

from playwright.sync_api import expect


def test_an_alert_appears_on_the_open_page_and_is_judged(enter, house):
    page = enter("risk", path="/alerts?status=open")
    expect(page.get_by_text("实时")).to_be_visible()
    rows = page.locator("tbody tr.ant-table-row")
    expect(rows).to_have_count(house.get("risk", "/api/overview")["totals"]["alerts_open"])
    before = rows.count()
    assert house.fail_a_debit("bo-3", "se-live") == 1
    expect(page.locator(".ant-notification").get_by_text("新预警: 扣款失败")).to_be_visible()
    expect(rows).to_have_count(before + 1)
    rows.first.get_by_role("button", name="属实").click()
    expect(rows).to_have_count(before)
    assert house.get("risk", "/api/alerts?status=confirmed")["total"] == 1


def test_a_collector_keeps_a_promise_to_pay(enter, house):
    page = enter("collector", path="/work?status=open")
    told = house.get("collector", "/api/work?status=open")
    assert told["total"] >= 1
    gains = [float(item["expected_gain"]) for item in told["items"]]
    assert gains == sorted(gains, reverse=True)
    item = next(each for each in told["items"] if each["action"] == "call")
    row = page.locator(f"tr[data-row-key='{item['item_id']}']")
    expect(row).to_contain_text(item["reason"]["zh"])
    row.get_by_role("button", name="登记结果").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("结果").click()
    page.locator(".ant-select-item-option").get_by_text("承诺还款").click()
    dialog.get_by_label("承诺金额").fill("500.00")
    dialog.get_by_role("button", name="保存").click()
    expect(page.get_by_text("已登记")).to_be_visible()
    kept = house.get("collector", f"/api/work/{item['item_id']}")
    assert kept["status"] == "done" and kept["outcome"]["result"] == "promise"
    promises = house.get("collector", f"/api/loans/{item['loan_id']}")["promises"]
    due = date.fromisoformat(item["at"][:10]) + timedelta(days=7)
    assert [(each["amount"], each["due_on"]) for each in promises] == [("500.00", due.isoformat())]


def test_a_missed_deadline_stands_first_and_is_met(enter, house):
    told = house.get("legal", "/api/cases?missed=true")["items"]
    assert len(told) == 1
    page = enter("legal", path="/cases")
    first = page.locator("tbody tr.ant-table-row").first
    expect(first).to_contain_text("已过期限")
    first.get_by_role("link").first.click()
    expect(page.locator(".citation").first).to_contain_text("民事诉讼法")
    page.locator("li").filter(has_text="已过期限").get_by_role("button", name="标记完成").click()
    expect(page.get_by_text("完成（legal）")).to_be_visible()
    assert house.get("legal", "/api/cases?missed=true")["items"] == []


def test_a_pleading_is_saved_by_those_who_may(enter, house):
    case = house.get("legal", "/api/cases")["items"][0]["case_id"]
    page = enter("legal", path=f"/cases/{case}")
    with page.expect_download() as waited:
        page.get_by_role("button", name="起诉文书 PDF").click()
    assert waited.value.path().read_bytes().startswith(b"%PDF")


def test_a_repayment_is_taken_and_the_figures_follow(enter, house):
    loan = house.get("risk", "/api/loans?bucket=M3%2B")["items"][-1]
    page = enter("risk", path=f"/loans/{loan['loan_id']}")
    page.get_by_role("button", name="登记还款").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("金额").fill("12.345")
    dialog.get_by_role("button", name="登记还款").click()
    expect(dialog.get_by_text("请输入金额，最多两位小数")).to_be_visible()
    dialog.get_by_label("金额").fill("100.00")
    dialog.get_by_role("button", name="登记还款").click()
    expect(page.get_by_text("登记还款：已登记")).to_be_visible()
    events = house.get("risk", f"/api/loans/{loan['loan_id']}")["events"]
    assert [each["amount"] for each in events if each["kind"] == "repayment"] == ["100.00"]


def test_a_refusal_of_the_server_is_a_sentence(enter, house):
    page = enter("risk", path="/loans?status=nonsense")
    expect(page.get_by_text("填写的内容不能接受")).to_be_visible()


def test_a_statement_is_brought_in_and_money_of_nobody_finds_its_loan(enter, house, tmp_path):
    loan = next(row for row in house.get("risk", "/api/loans?size=100")["items"] if float(row["overdue"]) > 0)
    asked = house.get("risk", f"/api/loans/{loan['loan_id']}")["state"]["overdue"]
    path = tmp_path / "july.csv"
    path.write_text(
        f"交易日期,金额,流水号,附言,余额\n2026-07-30,{asked},m1,谢谢,{asked}\n2026-07-30,-3.00,m2,手续费,{float(asked) - 3:.2f}\n",
        "gb18030",
    )
    page = enter("risk", path="/money")
    page.get_by_role("button", name="导入对账单").click()
    page.set_input_files("input[type=file]", str(path))
    page.get_by_label("账户名称（自定）").fill("清算户")
    page.get_by_role("button", name="导入", exact=True).click()
    expect(page.get_by_text("已平")).to_be_visible()
    page.get_by_role("button", name="完成").click()
    held = page.locator(".ant-card", has_text="待认领来款")
    held.get_by_role("button", name="认领").click()
    candidate = page.locator(".ant-modal").get_by_role("button", name=loan["loan_id"])
    expect(candidate).to_be_visible()
    expect(page.locator(".ant-zoom-enter, .ant-zoom-appear")).to_have_count(0)  # a click on what still moves may miss it
    candidate.click()
    page.locator(".ant-modal-footer").get_by_role("button", name="认领").click()
    expect(held.get_by_text("没有待处理的款项")).to_be_visible()
    out = page.locator(".ant-card", has_text="待说明出款")
    out.get_by_role("button", name="手续费").click()
    page.get_by_label("是什么费用（勿填个人信息）").fill("账户管理费")
    page.locator(".ant-modal-footer").get_by_role("button", name="手续费").click()
    expect(out.get_by_text("没有待处理的款项")).to_be_visible()
    assert house.get("risk", f"/api/loans/{loan['loan_id']}")["state"]["overdue"] != asked
