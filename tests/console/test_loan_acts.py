"""What is done to a loan from its page: each act tells in words and figures what will happen before it is confirmed."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from playwright.sync_api import expect

from jiehuan.units.days import CHINA


def money(amount):
    whole, cents = f"{float(amount):.2f}".split(".")
    return f"{int(whole):,}.{cents}"


def quoted(house, role, loan, **act):
    return house.ask(role, f"/api/loans/{loan}/quote", act)


def dialog_of(page, button):
    page.get_by_role("button", name=button, exact=True).click()
    return page.get_by_role("dialog")


def test_a_prepayment_shows_both_plans_before_it_is_taken(enter, house, lend):
    loan = lend("prepays")
    page = enter("risk", path=f"/loans/{loan}")
    dialog = dialog_of(page, "提前还款")
    dialog.get_by_role("button", name="提前还款").click()
    expect(dialog.get_by_text("请输入金额，最多两位小数")).to_be_visible()
    expect(dialog.get_by_label("金额")).to_be_focused()
    dialog.get_by_label("金额").fill("3000")
    shorter = quoted(house, "risk", loan, kind="prepayment", amount="3000.00", mode="shorten")
    assert shorter["after"]["left"] < shorter["before"]["left"]
    expect(dialog.get_by_text(f"此后还有 {shorter['after']['left']} 期")).to_be_visible()
    expect(dialog.get_by_text("第五百六十一条")).to_be_visible()
    dialog.get_by_label("期数不变，每期减少").check()
    smaller = quoted(house, "risk", loan, kind="prepayment", amount="3000.00", mode="reduce")
    expect(dialog.get_by_text(f"还 {money(smaller['after']['next_amount'])} 元")).to_be_visible()
    assert house.get("risk", f"/api/loans/{loan}")["events"] == [], "nothing is done before it is confirmed"
    dialog.get_by_role("button", name="提前还款").click()
    expect(page.get_by_text("提前还款：已登记")).to_be_visible()
    expect(dialog).to_be_hidden()
    kept = house.get("risk", f"/api/loans/{loan}")
    assert [(each["kind"], each["amount"], each["body"]["mode"]) for each in kept["events"]] == [("prepayment", "3000.00", "reduce")]
    assert kept["state"]["principal_outstanding"] == smaller["after"]["principal_outstanding"]

    page.get_by_role("tab", name="事件").click()
    row = page.get_by_role("tabpanel").locator("tr").filter(has_text="期数不变，每期减少")
    row.get_by_role("button", name="冲正").click()
    expect(dialog).to_contain_text("这笔记录作废")
    expect(dialog.locator("tr").filter(has_text="未还本金")).to_contain_text(money(smaller["before"]["principal_outstanding"]))
    dialog.get_by_role("button", name="冲正").click()
    expect(page.get_by_role("tabpanel").get_by_text("已冲正")).to_be_visible()
    assert house.get("risk", f"/api/loans/{loan}")["state"]["principal_outstanding"] == smaller["before"]["principal_outstanding"]


def test_what_cannot_be_done_is_told_in_place_and_nothing_is_sent(enter, house, lend):
    loan = lend("refuses")
    page = enter("risk", path=f"/loans/{loan}")
    dialog = dialog_of(page, "减免")
    dialog.get_by_label("金额").fill("999999")
    expect(dialog.get_by_role("alert")).to_contain_text("减免金额超过该项尚欠金额；不超过该项尚欠金额")
    expect(dialog.get_by_role("button", name="减免")).to_be_disabled()
    dialog.get_by_label("金额").fill("10")
    expect(dialog.get_by_text("借款人不必再还本金 10.00 元，计入损失")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="减免")).to_be_focused()
    assert house.get("risk", f"/api/loans/{loan}")["events"] == []


def test_a_loan_is_settled_for_more_than_it_asked_and_the_rest_goes_back(enter, house, lend):
    loan = lend("settles")
    page = enter("risk", language="en", width=400, path=f"/loans/{loan}")
    asked = quoted(house, "risk", loan, kind="settlement")["moved"]["cash"]
    dialog = dialog_of(page, "Settle")
    expect(dialog.get_by_text(f"With {money(asked)} yuan received, the loan is settled.")).to_be_visible()
    received = f"{float(asked) + 5:.2f}"
    dialog.get_by_label("Money received (empty: what is asked)").fill(received)
    expect(dialog.get_by_text("5.00 yuan more than was asked are kept as credit.")).to_be_visible()
    dialog.get_by_label("Money received (empty: what is asked)").press("Enter")
    expect(page.locator("h1").get_by_text("settled")).to_be_visible()
    expect(page.get_by_role("button", name="Prepay")).to_have_count(0)
    back = dialog_of(page, "Refund")
    expect(back.get_by_text("5.00 yuan of what was paid too much go back to the borrower", exact=False)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    back.get_by_role("button", name="Refund").click()
    expect(back).to_be_hidden()
    kept = house.get("risk", f"/api/loans/{loan}")
    assert [(each["kind"], each["amount"]) for each in kept["events"]] == [("settlement", received), ("refund", "5.00")]
    assert kept["state"]["credit_balance"] == "0.00"


def test_a_collector_may_ask_what_settles_a_loan_on_a_day_to_come_and_no_more(enter, house, lend):
    loan = lend("asks")
    page = enter("collector", path=f"/loans/{loan}")
    for act in ("登记还款", "提前还款", "结清", "减免"):
        expect(page.get_by_role("button", name=act, exact=True)).to_have_count(0)
    dialog = dialog_of(page, "结清试算")
    later = (max(datetime.now(CHINA).date(), house.day) + timedelta(days=20)).isoformat()
    dialog.get_by_label("结清日").fill(later)
    dialog.get_by_label("结清日").press("Enter")
    cash = quoted(house, "collector", loan, kind="settlement", on=later)["moved"]["cash"]
    expect(dialog.get_by_text(f"收到 {money(cash)} 元后，这笔贷款结清")).to_be_visible()
    expect(dialog.get_by_role("button", name="结清")).to_have_count(0)
    assert date.fromisoformat(later) > house.day and house.get("risk", f"/api/loans/{loan}")["events"] == []


def test_a_proposed_write_off_is_carried_out_from_the_loan_with_its_consequence(enter, house, lend):
    from jiehuan.store import tables
    from jiehuan.store.rows import insert_missing

    loan = lend("written off")
    proposal = {
        "disposal_id": "di-by-hand", "loan_id": loan, "kind": "writeoff", "on": house.day, "balance_fen": 600_000, "value_fen": 10_000,
        "low_fen": 5_000, "high_fen": 20_000, "detail": {}, "status": "proposed",
    }  # fmt: skip
    with house.database.begin() as connection:
        insert_missing(connection, tables.disposal, [proposal])
    page = enter("risk", path=f"/loans/{loan}")
    dialog = dialog_of(page, "按建议核销")
    expect(dialog.get_by_text("债权保留，可继续追偿")).to_be_visible()
    expect(dialog.locator("tr").filter(has_text="已核销")).to_be_visible()
    dialog.get_by_role("button", name="按建议核销").click()
    expect(page.locator("h1").get_by_text("已核销")).to_be_visible()
    recovery = dialog_of(page, "登记核销后收回")
    recovery.get_by_label("金额").fill("50")
    expect(recovery.get_by_text("已核销的贷款收回 50.00 元")).to_be_visible()
    recovery.get_by_role("button", name="登记核销后收回").click()
    expect(recovery).to_be_hidden()
    assert [each["kind"] for each in house.get("risk", f"/api/loans/{loan}")["events"]] == ["writeoff", "recovery"]
