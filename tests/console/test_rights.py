"""What a decision rested on, what the cash flow carries, the paper for the borrower, a person's review, in the browser."""

from __future__ import annotations

from playwright.sync_api import expect


def test_a_refusal_is_explained_and_reviewed_by_a_person(enter, house):
    page = enter("risk", path="/applications/ap-6")
    expect(page.get_by_text("现金流与可负担能力")).to_be_visible()
    expect(page.get_by_label("逐月现金与月供").locator("canvas")).to_be_visible()
    expect(page.get_by_text("压力下最高月供")).to_be_visible()
    expect(page.get_by_text("使用的资料及依据")).to_be_visible()
    page.get_by_role("button", name="出具说明书").click()
    expect(page.get_by_role("button", name="说明书（PDF）")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="说明书（PDF）").click()
    assert saved.value.suggested_filename == "explanation-ap-6.pdf"
    page.get_by_role("button", name="申请人工复核").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("借款人的陈述").fill("同名不同人，请核对")
    dialog.get_by_role("button", name="申请人工复核").click()
    expect(page.get_by_text("前办结")).to_be_visible()

    queue = enter("risk", path="/reviews")
    expect(queue.get_by_text("同名不同人，请核对")).to_be_visible()
    queue.get_by_role("link", name="ap-6").click()
    queue.get_by_role("button", name="人工复核", exact=True).click()
    decide = queue.get_by_role("dialog")
    decide.get_by_label("理由").fill("核对后确为本人，维持原决定")
    decide.get_by_role("button", name="拒绝").click()
    expect(queue.get_by_text("维持拒绝")).to_be_visible()
    kept = house.get("risk", "/api/reviews?status=done")["items"]
    assert [(one["status"], one["decided_by"]) for one in kept if one["application_id"] == "ap-6"] == [("refused", "risk")]


def test_the_same_in_english(enter):
    page = enter("auditor", language="en", path="/applications/ap-0")
    expect(page.get_by_text("Cash flow and what it carries")).to_be_visible()
    expect(page.get_by_text("What was looked at, and on what basis")).to_be_visible()
