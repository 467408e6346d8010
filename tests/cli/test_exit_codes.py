"""One rule for every command that takes rows (docs/decisions/exit-codes.md): a refused row costs itself and makes the exit code 1."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from jiehuan.cli.main import main

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

Words = Callable[[Path, Path], list[object]]
COMMANDS: dict[str, tuple[str, Words, str]] = {
    "npl fit": ("npl/recoveries.csv", lambda file, out: ["npl", "fit", file, "--out", out / "p.json"], "recovered_fen"),
    "npl value": ("npl/claims.csv", lambda file, out: ["npl", "value", file, "--out", out / "v.csv"], "balance_fen"),
    "npl tape": (
        "npl/claims.csv",
        lambda file, out: ["npl", "tape", file, "--on", "2026-06-30", "--out", out / "t.csv"],
        "outstanding_fen",
    ),
    "watch run": ("watch/events.csv", lambda file, out: ["watch", "run", file, "--out", out / "a.jsonl"], "amount_fen"),
    "watch features": (
        "watch/events.csv",
        lambda file, out: ["watch", "features", file, "--out", out / "f.csv"],
        "amount_fen",
    ),
    "line review": (
        "line/accounts.csv",
        lambda file, out: ["line", "review", file, "--on", "2026-11-24", "--out", out / "l.csv"],
        "limit_fen",
    ),
    "line evaluate": ("line/log.csv", lambda file, out: ["line", "evaluate", file], "limit_fen"),
    "collect plan": (
        "collect/accounts.csv",
        lambda file, out: ["collect", "plan", file, "--on", "2026-11-24", "--out", out / "plan.csv"],
        "balance_fen",
    ),
    "collect learn": ("collect/log.csv", lambda file, out: ["collect", "learn", file, "--out", out], "recovered_fen"),
    "policy batch": ("book.csv", lambda file, out: ["policy", "batch", file, "--out", out / "d.csv"], "amount_fen"),
    "policy diff": (
        "book.csv",
        lambda file, out: ["policy", "diff", EXAMPLES / "policy.json", EXAMPLES / "policy_tighter.json", file],
        "amount_fen",
    ),
    "book metrics": ("book/june.csv", lambda file, out: ["book", "metrics", file], "outstanding_fen"),
    "book vintage": ("book/stack.csv", lambda file, out: ["book", "vintage", file], "outstanding_fen"),
    "book roll": (
        "book/may.csv",
        lambda file, out: ["book", "roll", file, EXAMPLES / "book" / "june.csv"],
        "outstanding_fen",
    ),
    "book decompose": (
        "book/may.csv",
        lambda file, out: ["book", "decompose", file, EXAMPLES / "book" / "june.csv"],
        "outstanding_fen",
    ),
    "profile income": ("bank_flow.csv", lambda file, out: ["profile", "income", file], "amount"),
    "loan day-end": (
        "loan_book.csv",
        lambda file, out: ["loan", "day-end", file, "--on", "2026-06-30", "--out", out / "lines.csv"],
        "principal",
    ),
}
TELLS_BY_FILE = {"watch run", "loan day-end"}
"""These list the refused in a file beside the output and their number in the answer."""
ABOUT_THE_RUN = {
    "refused", "refused_rows", "left_out", "problems", "rows", "out", "file", "dead", "refused_file", "memory", "written to",
}  # fmt: skip
ODD = ("abc", "NaN", "inf", "1e400", "9" * 30, "1.234", "2026-02-30", "13812345678\x00")


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Callable[[list[object]], tuple[int, dict[str, Any]]]:
    def run(words: list[object]) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*map(str, words), "--json"])
        return int(ended.value.code or 0), json.loads(capsys.readouterr().out)

    return run


def rows_of(name: str) -> list[list[str]]:
    return list(csv.reader((EXAMPLES / name).read_text(encoding="utf-8").splitlines()))


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return path


def told(name: str, answer: dict[str, Any]) -> list[dict[str, str]]:
    for key in ("refused_rows", "left_out", "problems", "refused"):
        if isinstance(answer.get(key), list):
            return [one for one in answer[key] if not one["zh"]]
    assert name in TELLS_BY_FILE
    return []


@pytest.mark.parametrize("name", COMMANDS)
def test_refused_rows_cost_only_themselves_and_end_with_1(name: str, answer: Any, tmp_path: Path) -> None:
    """The same figures as of a file without them, in a folder that is made."""
    example, words, column = COMMANDS[name]
    rows = rows_of(example)
    place = rows[0].index(column)
    named = rows[0][0] if rows[0][0].endswith("_id") else None
    planted = [list(rows[1]) for _ in ODD]
    for n, (row, odd) in enumerate(zip(planted, ODD, strict=True)):
        row[place] = odd
        if named and name != "npl fit":  # a borrower's or loan's second row would be refused for that alone
            row[0] = f"odd-{n}"
    cut = list(rows[1][:-1])
    code, alone = answer(words(EXAMPLES / example, tmp_path / "new" / "good"))
    assert code == 0 and not told(name, alone)
    code, found = answer(words(write(tmp_path / "odd.csv", [*rows, *planted, cut]), tmp_path / "new" / "odd"))
    assert code == 1
    refused = told(name, found)
    if name in TELLS_BY_FILE:
        assert found["refused"] == len(ODD) + 1
    else:
        assert len(refused) == len(ODD) + 1
        assert all(one["where"] and one["reason"] and one["mend"] for one in refused)
        assert "13812345678" not in json.dumps(refused)
    for key in set(alone) - ABOUT_THE_RUN:
        assert found[key] == alone[key], key


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("odd", ["list", "struct", "boolean", "day", "span", "nothing"])
def test_a_column_of_another_kind_is_told_and_never_a_fault_of_the_program(
    name: str, odd: str, answer: Any, tmp_path: Path
) -> None:
    example, words, column = COMMANDS[name]
    kinds = {
        "list": pl.concat_list(pl.col(column)),
        "struct": pl.struct(column),
        "boolean": pl.lit(True),
        "day": pl.lit("2026-01-05").str.to_date(),
        "span": pl.duration(days=1),
        "nothing": pl.lit(None),
    }
    path = tmp_path / "odd.parquet"
    pl.read_csv(EXAMPLES / example, infer_schema_length=None).with_columns(kinds[odd].alias(column)).write_parquet(path)
    code, found = answer(words(path, tmp_path / "out"))
    may_be_nothing = odd == "nothing" and name in {"policy batch", "policy diff", "watch run", "watch features"}
    assert code in ((0, 1) if may_be_nothing else (1, 2))
    if code == 2:
        assert all(one["where"] and one["reason"] and one["mend"] for one in found["problems"])
