"""A new application, from the form beside the applicant to the money paid out, in a browser."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import expect

from jiehuan.flow.sandbox import bureau_sandbox, report_of
from jiehuan.flow.sources import keep_sources
from jiehuan.store.vault import open_vault
from jiehuan.units.personal import check_character

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FLOW = EXAMPLES / "bank_flow.csv"


@pytest.fixture
def bureau(house):
    """A declared credit bureau: the sandbox, on a port of its own."""
    declared = yaml.safe_load((EXAMPLES / "bureau_source.yaml").read_text(encoding="utf-8"))
    with bureau_sandbox() as url:
        with house.database.begin() as connection:
            keep_sources(connection, [{**declared, "url": url}], datetime.now(UTC), "consumer_finance_company")
        yield
    with house.database.begin() as connection:
        keep_sources(connection, [], datetime.now(UTC), "consumer_finance_company")


def number_with_a_sound_report(house):
    """Whom the sandbox reports sound: its reports hang on the house's own key, and one person in eight is overdue somewhere."""
    vault = open_vault(house.database)
    for serial in range(1, 999, 2):
        body = f"11010519920307{serial:03d}"
        number = body + check_character(body)
        report = report_of(vault.blind_index(number).hex())["report"]
        if (report["worst_24m"], report["queries"]["last_3_months"] < 3, report["lenders"]["open"] < 2) == (0, True, True):
            return number
    raise AssertionError("no sound report among 499 people")


def write(page, number="110105199203071233", amount="8000", consents=True):
    page.get_by_label("姓名", exact=True).fill("王小明")
    page.get_by_label("身份证号").fill(number)
    page.get_by_label("手机号").fill("13812345678")
    page.get_by_label("是否在校学生").get_by_text("否", exact=True).click()
    page.get_by_text("不在名单内").click()
    page.get_by_text("已核验身份证件原件与本人一致").click()
    page.get_by_text("已告知将由模型辅助决定").click()
    if consents:
        page.get_by_text("申请人同意使用其提供的银行流水").click()
    page.get_by_label("用途").click()
    page.locator(".ant-select-item-option:visible").get_by_text("家电", exact=True).click()
    page.get_by_label("金额", exact=True).fill(amount)
    page.get_by_label("期数").fill("12")
    page.get_by_label("自报月收入").fill("9000")
    page.set_input_files("input[type=file]", str(FLOW))
    expect(page.get_by_role("status").get_by_text("149 笔")).to_be_visible()


def test_an_officer_takes_an_application_from_the_form_to_the_loan(enter, house, bureau, sure):
    page = enter("risk", path="/applications")
    page.get_by_role("button", name="新建申请").click()
    write(page, number=number_with_a_sound_report(house))
    expect(page.get_by_text("1992-03-07 出生")).to_be_visible()
    expect(page.locator(".ant-select-content", has_text="北京")).to_be_visible()
    page.get_by_text("申请人同意向持牌征信机构报告查询").click()
    before = house.get("risk", "/api/applications")["total"]
    page.get_by_role("button", name="核实收入与负担能力").click()
    expect(page.get_by_text("8,544.21").first).to_be_visible()
    expect(page.get_by_label("逐月收入与核实结果").locator("canvas")).to_be_visible()
    expect(page.get_by_label("逐月现金与月供").locator("canvas")).to_be_visible()
    expect(page.get_by_text("循环转账占进账的 14%")).to_be_visible()
    expect(page.get_by_text("初步结果（未查询外部数据，不作为决定）")).to_be_visible()
    assert house.get("risk", "/api/applications")["total"] == before, "to look keeps nothing"

    page.get_by_label("金额", exact=True).fill("6000")
    expect(page.get_by_text("内容已修改，请重新核实")).to_be_visible()
    page.reload()
    expect(page.get_by_label("姓名", exact=True)).to_have_value("王小明")
    expect(page.get_by_label("金额", exact=True)).to_have_value("6000")
    expect(page.get_by_role("status").get_by_text("149 笔")).to_be_visible()
    page.get_by_role("button", name="提交申请").click()
    expect(page.locator("h1").get_by_text("新申请")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('jiehuan.draft.application')") is None
    made = page.url.rsplit("/", 1)[1]
    kept = house.get("risk", f"/api/applications/{made}")
    assert (kept["amount"], kept["months"], kept["channel"], len(kept["features"]["bank_flow"])) == ("6000.00", 12, "branch", 149)
    assert {one["purpose"] for one in kept["features"]["consents"]} == {"bank_statement", "credit_report"}

    page.get_by_role("button", name="查询外部数据").click()
    sure(page, "将向已取得同意的数据源查询")
    expect(page.get_by_text("已查询：bureau，花费 1.50 元")).to_be_visible()
    expect(page.get_by_text("已有回答")).to_be_visible()
    page.get_by_role("button", name="决定", exact=True).click()
    expect(page.locator("h1").get_by_text("新申请")).to_be_hidden()
    decided = house.get("risk", f"/api/applications/{made}")
    assert decided["decisions"][0]["inputs"]["decided"]["income"]["verified_income"] == "8544.21"
    if decided["status"] == "review":
        page.get_by_role("button", name="人工复核", exact=True).click()
        page.get_by_role("dialog").get_by_label("理由").fill("流水与自报收入相符")
        page.get_by_role("dialog").get_by_role("button", name="通过").click()
    offers = page.locator(".offers > li")
    expect(offers.first).to_contain_text("最适合")
    assert offers.count() == len(decided["decisions"][0]["offers"]) >= 1
    offers.first.get_by_role("button", name="按此方案签约").click()
    sure(page, "按此方案生成合同")
    page.get_by_role("button", name="放款").click()
    sure(page, "放款后立即计息")
    page.get_by_role("link", name="查看贷款").click()
    expect(page.get_by_role("heading", name="贷款")).to_be_visible()
    assert house.get("risk", f"/api/applications/{made}")["status"] == "booked"


def test_a_mistake_is_told_beside_its_field_and_nothing_is_sent(enter, house):
    page = enter("risk", path="/applications/new")
    asked = []
    page.on("request", lambda request: request.method == "POST" and asked.append(request.url))
    page.get_by_role("button", name="提交申请").click()
    expect(page.get_by_text("必填").first).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "name", "the first mistake has the focus"
    write(page, number="11010519491231002Y", amount="12.345", consents=False)
    page.get_by_role("button", name="提交申请").click()
    expect(page.get_by_text("身份证号不正确")).to_be_visible()
    expect(page.get_by_text("金额应大于 0，最多两位小数")).to_be_visible()
    expect(page.get_by_text("上传了流水，须取得申请人同意")).to_be_visible()
    assert asked == []


def test_what_the_server_refuses_of_a_flow_stands_on_the_page(enter, tmp_path):
    page = enter("risk", path="/applications/new")
    write(page)
    bad = tmp_path / "flow.csv"
    bad.write_text("户名：某某\n交易日期,交易金额,对方户名,摘要\n2026-13-01,100,甲,工资\n2026-03-02,一百,乙,工资\n", "gb18030")
    page.set_input_files("input[type=file]", str(bad))
    page.get_by_role("button", name="核实收入与负担能力").click()
    told = page.get_by_role("alert").filter(has_text="请先更正以下")
    expect(told).to_contain_text("bank_flow row 1, at")
    expect(told).to_contain_text("2026-13-01")
    expect(told).to_contain_text("写成 2026-03-04")
    expect(told).to_contain_text("bank_flow row 2, amount")


def test_numbers_of_people_in_a_flow_are_masked_before_they_are_sent(enter, tmp_path):
    page = enter("risk", path="/applications/new")
    write(page)
    flow = tmp_path / "flow.csv"
    rows = [f"2026-0{month}-10,,8000.00,某公司 13812345678,工资 6222021234567890123,{month}" for month in range(1, 7)]
    flow.write_text("\n".join(["日期,支出,收入,对方户名,摘要,流水号", *rows]), "utf-8")
    page.set_input_files("input[type=file]", str(flow))
    expect(page.get_by_text("已遮盖 12 处账号或电话号码")).to_be_visible()
    with page.expect_request("**/api/intake/preview") as sent:
        page.get_by_role("button", name="核实收入与负担能力").click()
    first = sent.value.post_data_json["features"]["bank_flow"][0]
    assert (first["counterparty"], first["description"], first["amount"], first["id"]) == ("某公司 *5678", "工资 *0123", "8000.00", "row1")
    expect(page.get_by_text("8,000.00").first).to_be_visible()


def test_signing_out_forgets_the_draft_and_no_other_role_may_write_one(enter):
    page = enter("risk", path="/applications/new")
    page.get_by_label("姓名", exact=True).fill("王小明")
    expect(page.get_by_text("草稿保存在本标签页")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('jiehuan.draft.application')")
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_label("密码")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('jiehuan.draft.application')") is None
    other = enter("auditor", path="/applications")
    assert other.get_by_role("button", name="新建申请").count() == 0
    other.goto(other.url + "/new")
    expect(other.get_by_text("没有这个页面，或您的角色不能进入")).to_be_visible()


def test_the_form_is_whole_in_english_on_a_telephone(enter):
    page = enter("risk", language="en", width=390, path="/applications/new")
    page.get_by_label("Identity number").fill("110105199203071233")
    expect(page.get_by_text("male", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Keep the application").click()
    expect(page.get_by_text("Needed").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
