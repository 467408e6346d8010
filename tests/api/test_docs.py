"""The reference page: its program runs, its tables are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from jiehuan.api.errors import WORDS
from jiehuan.api.rules import rules

QUESTIONS = {
    "POST /api/applications/{application_id}/what-if",
    "POST /api/borrowers/search",
    "POST /api/intake/preview",
    "POST /api/loans/{loan_id}/quote",
    "POST /api/line-queue/try",
    *(f"POST /api/policies/{asked}" for asked in ("check", "diff", "simulate")),
    *(f"POST /api/signals/{asked}" for asked in ("check", "preview")),
}
"""Posts that change nothing."""

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")


def test_the_program_of_the_page_runs(server, capsys):
    program = re.search(r"```python\n(.*?)```", PAGE, re.S).group(1)
    names = {"ADDRESS": server.url, "LOGIN": "risk", "PASSWORD": "a long sentence of mine, 4"}
    exec(compile(program, "api.md", "exec"), names)
    assert any(line.startswith("201 ") for line in capsys.readouterr().out.splitlines())


def test_the_table_of_errors_has_the_words_of_the_code():
    told = {int(status): word for status, word in re.findall(r"^\| (\d{3}) \| `(\w+)` \|", PAGE, re.M)}
    assert told == {status: WORDS[status] for status in told}
    assert set(told) >= {400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503}


def test_the_figures_of_the_page_are_those_of_the_rules():
    wanted = rules()
    assert (
        f"after {wanted.idle_minutes} minutes without a request, and after {wanted.longest_hours} hours"
        in PAGE.replace("\n", " ")
    )
    failures, window = wanted.throttle["per_login_and_address"], wanted.throttle["window_minutes"]
    assert f"After {failures} failures in {window} minutes" in PAGE.replace("\n", " ")
    assert f"A stream ends after {wanted.live['minutes']} minutes" in PAGE.replace("\n", " ")
    told = set(re.findall(r"^\| (\w+) \| ", PAGE, re.M)) & set(wanted.roles)
    assert told == set(wanted.roles)


def test_the_writes_of_the_role_table_are_those_of_the_rules():
    rooms = {
        role: {
            door.split("/")[2]
            for door, roles in rules().routes.items()
            if role in roles and not door.startswith("GET") and door not in QUESTIONS
        }
        - {"session"}
        for role in rules().roles
    }
    assert rooms == {
        "risk": {
            "alert-cases", "alerts", "applications", "disposals", "events", "line-queue", "lines", "loans", "money",
            "policy-drafts", "policy-releases", "reports", "signals",
        },
        "collector": {"work"},
        "legal": {"cases"},
        "auditor": set(),
        "admin": {"policy-releases", "signals", "users"},
    }  # fmt: skip
