"""``jiehuan policy propose | approve | refuse | versions`` on a database of their own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.policy.commands import Run
from tests.policy.commands import command as command

from jiehuan.api.accounts import add_account

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def told(command: Run, new_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    with new_database(tmp_path) as database:
        with database.begin() as connection:
            for login, role in (("ana", "risk"), ("ben", "risk"), ("dan", "collector")):
                add_account(connection, datetime.now(UTC), login, role, "a long sentence of mine", name=login)

        monkeypatch.setenv("JIEHUAN_DSN", database.dsn)
        monkeypatch.setenv("JIEHUAN_HOME", str(tmp_path))

        def run(*words: str, code: int = 0) -> Any:
            done = command("policy", *words, "--json")
            assert done.returncode == code, done.stdout + done.stderr
            return json.loads(done.stdout or done.stderr)

        yield run


def test_a_release_from_the_command_line(told: Any) -> None:
    graph = str(EXAMPLES / "policy_tighter.json")
    assert "may not propose" in str(told("propose", graph, "--effective-from", "2099-01-01", "--by", "dan", code=1))
    made = told("propose", graph, "--effective-from", "2099-01-01", "--by", "ana")
    assert made["status"] == "proposed"
    assert "backwards" in str(told("propose", graph, "--effective-from", "2020-01-01", "--by", "ana", code=1))
    assert "alone" in str(told("approve", made["release_id"], "--by", "ana", code=1))
    assert told("refuse", made["release_id"], "--by", "ben", "--reason", "not yet")["status"] == "refused"
    again = told("propose", graph, "--effective-from", "2099-01-01", "--by", "ana")
    assert told("approve", again["release_id"], "--by", "ben")["decided_by"] == "ben"
    now = told("versions")["releases"]
    assert [one["stands"] for one in now] == ["scheduled", "refused", "in_force"]
    assert told("versions", "--on", "2099-01-01")["releases"][0]["stands"] == "in_force"
