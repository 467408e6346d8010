"""The whole loop through the command a newcomer runs first: a month of a small lender, then the audit of its books."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfReader

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def told(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], dict[str, str]]:
    home = tmp_path_factory.mktemp("demo") / "home"
    env = {"JIEHUAN_HOME": str(home), "JIEHUAN_DSN": ""}
    done = cli("demo", "--months", 1, "--no-serve", "--json", env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), env


def test_the_story_is_told_with_figures(told: tuple[dict[str, object], dict[str, str]]) -> None:
    story, _ = told
    chapters = story["chapters"]
    assert isinstance(chapters, list) and len(chapters) == 5
    assert all(chapter["sentences"] for chapter in chapters)
    counts = story["counts"]
    assert isinstance(counts, dict)
    assert counts["applications"] == counts["approve"] + counts["review"] + counts["refuse"]
    for deed in ("loans", "repayments", "alerts", "messages sent", "cases", "valued"):
        assert counts[deed] > 0, deed


def test_the_reminders_were_really_sent(told: tuple[dict[str, object], dict[str, str]]) -> None:
    story, env = told
    mails = list(Path(env["JIEHUAN_HOME"]).rglob("*.eml"))
    assert story["mails"] == len(mails) > 0


def test_the_report_lies_where_the_story_says(told: tuple[dict[str, object], dict[str, str]]) -> None:
    story, _ = told
    files = story["files"]
    assert isinstance(files, dict)
    text = "".join(page.extract_text() for page in PdfReader(files["pdf"]).pages)
    assert "Portfolio quality report" in text
    assert Path(files["html"]).read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")


def test_the_books_of_the_demo_pass_the_audit(cli: Cli, told: tuple[dict[str, object], dict[str, str]]) -> None:
    _, env = told
    done = cli("audit", "--json", env=env)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_lenders_own_data_is_never_touched(cli: Cli, tmp_path: Path) -> None:
    """The demo goes beside a database that holds something else, and says nothing is lost."""
    env = {"JIEHUAN_HOME": str(tmp_path / "home"), "JIEHUAN_DSN": ""}
    tape = Path(__file__).resolve().parents[2]
    from tests.flow.conftest import few

    folder = few(tmp_path, 5)
    first = cli("import", "--mapping", tape / "mappings" / "example.yaml", folder, "--refused", tmp_path / "r.csv", env=env)
    assert first.returncode == 0, first.stderr
    from jiehuan.flow.demo.house import open_demo_database
    from jiehuan.store.database import open_database

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JIEHUAN_HOME", env["JIEHUAN_HOME"])
        patch.delenv("JIEHUAN_DSN", raising=False)
        with open_demo_database() as demo:
            assert demo.home == tmp_path / "home" / "demo"
        with open_database() as own, own.connect() as connection:
            from sqlalchemy import func, select

            from jiehuan.store import tables

            assert connection.execute(select(func.count()).select_from(tables.loan)).scalar_one() == 5
