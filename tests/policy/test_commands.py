"""``jiehuan policy``: the examples run as documented; exit codes and errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from tests.policy.commands import Run

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_check_run_and_show(command: Run) -> None:
    done = command("policy", "check", EXAMPLES / "policy.json", "--on", "2026-09-01", "--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["ok"]
    done = command("policy", "run", EXAMPLES / "policy_input.json", "--json")
    assert json.loads(done.stdout)["outcome"] == "review"
    assert "复核" in command("policy", "run", EXAMPLES / "policy_input.json").stdout
    assert "def decide(row" in command("policy", "show", "--source").stdout


def test_check_bars_a_policy_with_a_gap_and_names_place_and_mend(command: Run, tmp_path: Path) -> None:
    document = json.loads((EXAMPLES / "policy.json").read_text(encoding="utf-8"))
    band = next(node for node in document["nodes"] if node["id"] == "band")
    band["content"]["rules"].pop()
    path = tmp_path / "gap.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    done = command("policy", "check", path)
    assert done.returncode == 1
    assert "no row takes some inputs" in done.stdout
    assert "default" in done.stdout
    path.write_text('{"nodes": []}', encoding="utf-8")
    assert command("policy", "check", path).returncode == 2


def test_batch_writes_outcomes_beside_the_ids(command: Run, tmp_path: Path) -> None:
    out = tmp_path / "decided.parquet"
    done = command("policy", "batch", EXAMPLES / "book.csv", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    table = pl.read_parquet(out)
    assert told["decided"] == table.height == 400
    assert table.columns[0] == "application_id"
    assert set(table.get_column("outcome")) == {"approve", "review", "refuse"}
    csv = tmp_path / "decided.csv"
    assert command("policy", "batch", EXAMPLES / "book.csv", "--out", csv).returncode == 0
    assert pl.read_csv(csv).height == 400
    broken = tmp_path / "broken.csv"
    broken.write_text("amount_fen,months\nmuch,3\n", encoding="utf-8")
    done = command("policy", "batch", broken, "--out", out)
    assert done.returncode == 2
    assert "column amount_fen" in done.stderr


def test_diff_and_change(command: Run, tmp_path: Path) -> None:
    out = tmp_path / "changed.csv"
    words = ["policy", "diff", EXAMPLES / "policy.json", EXAMPLES / "policy_tighter.json", EXAMPLES / "book.csv"]
    done = command(*words, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["changed"] == pl.read_csv(out).height > 0
    assert told["expected_loss_change"].startswith("-")
    assert command(*words, "--lgd", "60%").returncode == 2
    done = command("policy", "change", EXAMPLES / "policy_input.json", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["ways"][0]["changes"]
    child = {**json.loads((EXAMPLES / "policy_input.json").read_text(encoding="utf-8")), "age": 15}
    assert command("policy", "change", "-", stdin=json.dumps(child)).returncode == 1


def test_a_circle_and_a_broken_expression_are_refused_by_name_with_their_mend(command: Run, tmp_path: Path) -> None:
    def written(spoil: Callable[[dict[str, Any]], Any]) -> Path:
        document = json.loads((EXAMPLES / "policy.json").read_text(encoding="utf-8"))
        spoil(document)
        path = tmp_path / "spoilt.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    circle = written(
        lambda graph: graph["edges"].append({"id": "x", "type": "edge", "sourceId": "count", "targetId": "band"})
    )
    for words in (("check", circle), ("run", EXAMPLES / "policy_input.json", "--policy", circle)):
        done = command("policy", *words)
        assert done.returncode == 2
        assert "分档 Band → " in done.stderr and "remove one of these edges" in done.stderr
    derive = written(
        lambda graph: next(n for n in graph["nodes"] if n["id"] == "derive")["content"]["expressions"][0].update(
            value="max([1, "
        )
    )
    done = command("policy", "check", derive)
    assert done.returncode == 1
    assert "node '推算 Derive', room_fen" in done.stdout
    done = command("policy", "run", EXAMPLES / "policy_input.json", "--policy", derive)
    assert done.returncode == 1 and "node '推算 Derive'" in done.stderr


def test_an_odd_cell_loses_its_row_and_no_other(command: Run, tmp_path: Path) -> None:
    """One word among numbers makes a CSV column text; the other rows are decided as if it stood alone. Two of the three
    draw 10,000.00 at a probability of 2 %, with six tenths lost: 2 x 120.00."""
    head, good, odd = (
        "application_id,amount_fen,months,pd_ppm,is_student",
        "1000000,12,20000,false",
        "n/a,12,20000,false",
    )
    rows = [f"a1,{good}", f"a2,{odd}", f"a3,{good}", "a4,1000000,12,20000,perhaps"]
    (tmp_path / "book.csv").write_text("\n".join([head, *rows]) + "\n")
    done = command("policy", "batch", tmp_path / "book.csv", "--out", tmp_path / "out.csv", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["decided"], told["refused"]) == (1, 2, 2)
    assert [(one["where"], one["value"]) for one in told["refused_rows"]] == [
        ("row 2, amount_fen", "n/a"),
        ("row 4, is_student", "perhaps"),
    ]
    assert pl.read_csv(tmp_path / "out.csv")["application_id"].to_list() == ["a1", "a3"]
    sides = (EXAMPLES / "policy.json", EXAMPLES / "policy_tighter.json")
    diff = command("policy", "diff", *sides, tmp_path / "book.csv", "--json")
    assert json.loads(diff.stdout)["before"]["expected_loss"] == "240.00"
    (tmp_path / "nobody.csv").write_text(head + "\n")
    assert command("policy", "diff", *sides, tmp_path / "nobody.csv").returncode == 0
    (tmp_path / "words.csv").write_text("amount_fen,months\nmuch,12\nmore,12\n")
    refused = command("policy", "batch", tmp_path / "words.csv", "--out", tmp_path / "out.csv")
    assert refused.returncode == 2 and "column amount_fen" in refused.stderr
