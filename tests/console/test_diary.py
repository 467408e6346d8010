"""The diary says every act in words: each verb that the code notes has its word and its sentence in both languages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
WORDS = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "web" / "src" / "i18n").glob("*.ts"))


def noted():
    """The verbs that calls of `note`, `note_many` and `Deed` write, as they stand in the code; a part that varies is a dot-star."""
    places = {"note": 3, "note_many": 2, "Deed": 2}
    found = set()
    for path in (ROOT / "src" / "jiehuan").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(call.func, "id", "") if isinstance(call, ast.Call) else ""
            if name not in places or len(call.args) <= places[name] or path.parent.name in {"score", "watch"}:
                continue
            verb = call.args[places[name]]
            if isinstance(verb, ast.Constant):
                found.add(re.escape(verb.value))
            elif isinstance(verb, ast.JoinedStr):
                found.add("".join(re.escape(part.value) if isinstance(part, ast.Constant) else r"\w+" for part in verb.values))
            elif isinstance(verb, ast.IfExp):
                found |= {re.escape(each.value) for each in (verb.body, verb.orelse)}
    return found


def test_every_verb_of_the_code_has_its_word_and_its_sentence():
    verbs = noted()
    assert len(verbs) > 50, "the code was read"
    told = set(re.findall(r'"told\.(\w+)"', WORDS))
    named = set(re.findall(r'"verb\.(\w+)"', WORDS))
    assert told == named, "a verb is named and told"
    assert {verb for verb in verbs if not any(re.fullmatch(verb, each) for each in told)} == set()


def test_an_auditor_reads_sentences_and_opens_the_thing(enter, house):
    page = enter("auditor", path="/diary")
    rows = page.locator("tbody tr.ant-table-row")
    expect(rows.first).to_be_visible()
    shown = page.locator("main").inner_text()
    assert "{" not in shown and '"' not in shown, shown
    assert "尝试登录" not in shown, "the throttle's counters are told when asked for"
    row = rows.filter(has_text="准备起诉").first
    case = house.get("auditor", "/api/activity?verb=litigated&size=1")["items"][0]
    page.goto(f"{house.url}/diary?verb=litigated")
    claim = f"{float(case['detail']['claim']):,.2f}"
    expect(row).to_contain_text(f"请求金额 {claim} 元")
    row.get_by_role("link").first.click()
    page.wait_for_url(f"**/cases/{case['subject']}")
    page.goto(f"{house.url}/diary?verb=login_attempt")
    expect(rows.first).to_contain_text("尝试登录")


def test_every_act_of_the_book_is_told_without_codes(enter, house):
    verbs = sorted({each["verb"] for n in range(1, 4) for each in house.get("admin", f"/api/activity?size=200&page={n}")["items"]})
    assert len(verbs) > 8, verbs
    page = enter("admin", language="en", width=400)
    for verb in verbs:
        page.goto(f"{house.url}/diary?verb={verb}")
        row = page.locator("tbody tr.ant-table-row").first
        expect(row).to_be_visible()
        shown = re.sub(r"\b[a-z]{2}[_-][0-9a-z…]+", "", row.inner_text())
        assert not re.findall(r"[a-z]+_[a-z_]+|[{}\[\]]|undefined|NaN", shown), f"{verb}: {shown}"
