"""What everybody needs to read and use the console: names for every control, contrast, headings in order, the keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

GO = "place => { history.pushState({}, '', place); dispatchEvent(new PopStateEvent('popstate')) }"

ASKED = (Path(__file__).parent / "reading.js").read_text(encoding="utf-8")

PLACES = [
    "/overview", "/applications", "/applications/new", "/applications/ap-0", "/reviews", "/loans", "/accounts", "/alerts", "/signals", "/lines",
    "/money", "/disposals", "/models", "/policies", "/law", "/imports", "/reports",
]


@pytest.fixture
def page(enter):
    """The head of risk at a desk."""
    return enter("risk", width=1280)


def see(page, place):
    page.evaluate(GO, place)
    page.wait_for_url("**" + place)
    expect(page.locator(".ant-spin-spinning")).to_have_count(0)
    expect(page.locator("h1")).to_have_count(1)
    expect(page.locator(".ant-spin-spinning")).to_have_count(0)


def test_every_control_has_a_name_and_every_text_can_be_read(page):
    wrong = {}
    for place in PLACES:
        see(page, place)
        asked = page.evaluate_handle(ASKED)
        found = [*asked.evaluate("one => one.nameless()"), *asked.evaluate("one => one.faint()")]
        if found:
            wrong[place] = found
    assert wrong == {}


def test_a_form_can_be_filled_and_sent_by_the_keyboard_alone(page, house):
    see(page, "/applications/new")
    page.get_by_label("姓名", exact=True).focus()
    visited = []
    for _ in range(40):
        visited.append(page.evaluate("document.activeElement.id || document.activeElement.innerText || document.activeElement.type"))
        page.keyboard.press("Tab")
    order = [visited.index(name) for name in ("name", "id_number", "phone", "region", "amount", "declared_income", "提交申请")]
    assert order == sorted(order), visited
    page.get_by_label("姓名", exact=True).focus()
    shown = page.evaluate("(({ outlineStyle, boxShadow }) => [outlineStyle, boxShadow])(getComputedStyle(document.activeElement))")
    assert shown != ["none", "none"], "the focus can be seen"


def test_back_and_forward_keep_filters_pages_and_order(page, house):
    see(page, "/loans")
    page.get_by_role("columnheader", name="逾期天数").click()
    page.wait_for_url("**/loans?sort=-dpd")
    worst = house.get("risk", "/api/loans?sort=-dpd&size=20")["items"][0]
    first = page.locator("tbody tr.ant-table-row").first
    expect(first).to_contain_text(str(worst["dpd"]))
    first.get_by_role("link").first.click()
    page.wait_for_url(f"**/loans/{worst['loan_id']}")
    page.go_back()
    page.wait_for_url("**/loans?sort=-dpd")
    expect(page.locator("tbody tr.ant-table-row").first).to_contain_text(str(worst["dpd"]))
    see(page, "/reviews?status=done")
    expect(page.get_by_text("已办", exact=True)).to_be_visible()
    page.get_by_text("待办", exact=True).click()
    page.wait_for_url("**/reviews")
