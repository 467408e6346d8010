from __future__ import annotations

import json
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "legal" / "case.json"


def test_fees_of_the_law_in_json(cli: Any) -> None:
    done = cli("legal", "fees", "--amount", "50000", "--procedure", "summary", "--on", "2026-06-15", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["fee"] == "525.00"


def test_pack_writes_the_files_of_the_example(cli: Any, tmp_path: Path) -> None:
    evidence = tmp_path / "receipt.txt"
    evidence.write_text("signed")
    done = cli("legal", "pack", EXAMPLE, "--out", tmp_path / "out", "--attach", evidence, "--json")
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)["files"]
    assert str(tmp_path / "out" / "pleading.pdf") in written
    assert (tmp_path / "out" / "evidence" / "01-receipt.txt").read_text() == "signed"
    assert not list((tmp_path / "out").rglob("*.part"))


def test_deadlines_name_article_and_whose_they_are(cli: Any) -> None:
    done = cli("legal", "deadlines", EXAMPLE)
    assert done.returncode == 0, done.stderr
    assert "last day to sue (3 years)" in done.stdout
    assert "Civil Code, art. 188" in done.stdout


def test_bad_input_ends_with_two_and_a_refusal_with_one(cli: Any, tmp_path: Path) -> None:
    assert cli("legal", "pack", tmp_path / "absent.json", "--out", tmp_path).returncode == 2
    broken = tmp_path / "broken.json"
    broken.write_text('{"case_id": "x",}')
    done = cli("legal", "deadlines", broken)
    assert (done.returncode, "line 1 column" in done.stderr) == (2, True)
    refused = cli("legal", "fees", "--amount", "50000", "--on", "2026-06-15", "--lender", "other", "--json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["error"] == "Refused"
