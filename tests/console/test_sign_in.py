"""Signing in and out, the language, and who sees which room."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


def test_a_person_signs_in_is_told_a_mistake_in_words_and_signs_out(browser, house):
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(house.url)
    page.get_by_label("用户名").fill("risk")
    page.get_by_label("密码").fill("not this one")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_text("用户名或密码不正确")).to_be_visible()
    page.get_by_label("密码").fill(house.password("risk"))
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", name="总览")).to_be_visible()
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_label("密码")).to_be_visible()
    page.reload()
    expect(page.get_by_label("密码")).to_be_visible()
    context.close()


def test_the_language_changes_every_word_and_is_remembered(enter):
    page = enter("risk")
    expect(page.locator("aside .ant-menu-title-content").first).to_have_text("总览")
    page.get_by_text("EN", exact=True).click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert page.locator("aside .ant-menu-title-content").all_inner_texts() == [
        "Overview", "Applications", "Reviews", "Loans", "Accounts", "Alerts", "Signals", "Lines", "Money", "Collections", "Cases", "Disposals",
        "Models", "Policies", "Law", "Imports", "Reports",
    ]  # fmt: skip
    assert page.evaluate("localStorage.getItem('jiehuan.language')") == "en"
    words = page.locator("main").inner_text()
    assert not re.findall(r"[\u4e00-\u9fff]+", words), "Chinese words on an English page"


@pytest.mark.parametrize(
    ("role", "rooms"),
    [
        ("collector", ["总览", "贷款", "账户", "催收", "法规", "报告"]),
        ("legal", ["总览", "贷款", "账户", "案件", "不良处置", "法规", "报告"]),
    ],
)
def test_a_role_sees_only_the_rooms_it_may_enter(enter, role, rooms):
    page = enter(role)
    assert page.locator("aside .ant-menu-title-content").all_inner_texts() == rooms
    page.goto(page.url.replace("/overview", "/models"))
    expect(page.get_by_text("没有这个页面，或您的角色不能进入")).to_be_visible()


def test_an_auditor_reads_and_finds_no_button_to_act(enter):
    page = enter("auditor", path="/applications/ap-6")
    expect(page.locator("h1").get_by_text("已拒绝")).to_be_visible()
    assert page.get_by_role("button", name="人工复核").count() == 0
    page.goto(page.url.replace("/applications/ap-6", "/alerts"))
    expect(page.get_by_text("扣款失败").first).to_be_visible()
    assert page.get_by_role("button", name="属实").count() == 0
