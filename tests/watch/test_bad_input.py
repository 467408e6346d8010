"""Bad input by the command line: each kind becomes a dead letter with its reason and mend, the rest goes on, the exit code is 0."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from jiehuan.cli.main import main
from jiehuan.units.errors import InputError
from jiehuan.watch import Engine, Event, read_event

GOOD = {
    "event_id": "e%d",
    "account_id": "a",
    "at": "2026-11-0%dT10:00:00+08:00",
    "kind": "debit_failed",
    "amount_fen": 91_680,
}


def good(n: int, **changes: object) -> str:
    row = {name: value % n if isinstance(value, str) and "%d" in value else value for name, value in GOOD.items()}
    return json.dumps({**row, **changes})


def run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[str], *more: str
) -> tuple[int, dict[str, object], list[dict[str, object]]]:
    events, out = tmp_path / "events.jsonl", tmp_path / "alerts.jsonl"
    events.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        main(["watch", "run", str(events), "--out", str(out), "--json", *more])
    said = json.loads(capsys.readouterr().out) if stop.value.code != 2 else {}
    dead = tmp_path / "alerts.jsonl.dead.jsonl"
    letters = [json.loads(line) for line in dead.read_text().splitlines()] if dead.exists() else []
    return int(stop.value.code or 0), said, letters


@pytest.mark.parametrize(
    ("bad", "reason", "mend"),
    [
        (good(9, event_id="old", at="2026-10-01T10:00:00+08:00"), "later than the lateness allows", "lateness"),
        (good(9, account_id="stranger"), "unknown account", "check the id"),
        (good(9, at="2026-11-03T10:00:00"), "time zone missing", "+08:00"),
        (good(9, amount_fen=-5), "negative amount", "kind tells its direction"),
        ('{"event_id": "cut', "malformed JSON", "one object a line"),
        (good(9, kind="debit_fialed"), "unknown kind", "did you mean debit_failed?"),
        (good(9).replace('"amount_fen"', '"amount"'), "looks like amount_fen, which is missing: the schema changed", "call it amount_fen"),
        (good(9).replace('"at"', '"time"'), "missing", "write the at"),
        (good(9, amount_fen="916.80"), "not a whole number of fen", "12000"),
        (good(1, amount_fen=1), "the same id came before with other content", "id of its own"),
    ],
)  # fmt: skip
def test_it_is_put_aside_with_its_reason_and_the_stream_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: str, reason: str, mend: str
) -> None:
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("account_id\na\nb\n")
    code, said, letters = run(tmp_path, capsys, [good(1), good(2), bad, good(3)], "--accounts", str(accounts))
    assert code == 1
    assert (said["taken"], said["refused"]) == (3, 1)
    assert [letter["row"] for letter in letters] == [3]
    assert str(letters[0]["reason"]).startswith(reason)
    assert mend in str(letters[0]["mend"]) or reason == "missing"
    assert said["by_rule"] == {"debit_failed": 1, "debit_failed_repeatedly": 1}, (
        "the third good event still makes three"
    )


def test_a_table_whose_schema_changed_is_refused_as_a_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame([json.loads(good(n)) for n in (1, 2)])
    renamed, fewer = frame.rename({"amount_fen": "amount"}), frame.drop("kind")
    for table, said in ((renamed, "looks like amount_fen"), (fewer, "missing column")):
        for form in ("parquet", "csv"):
            path = tmp_path / f"events.{form}"
            (table.write_parquet if form == "parquet" else table.write_csv)(path)
            with pytest.raises(SystemExit) as stop:
                main(["watch", "run", str(path), "--out", str(tmp_path / "alerts.jsonl")])
            assert stop.value.code == 2
            assert said in capsys.readouterr().err
    # A column more is nobody's harm.
    frame.with_columns(pl.lit("x").alias("device")).write_parquet(tmp_path / "more.parquet")
    with pytest.raises(SystemExit) as stop:
        main(["watch", "run", str(tmp_path / "more.parquet"), "--out", str(tmp_path / "alerts.jsonl"), "--json"])
    assert not stop.value.code
    assert json.loads(capsys.readouterr().out)["taken"] == 2


def test_the_same_refusals_live() -> None:
    engine = Engine(known_accounts=["a"])
    at = datetime(2026, 11, 1, tzinfo=UTC)
    assert engine.process(Event("e1", "a", at, "debit_failed", 1))
    with pytest.raises(InputError, match="unknown account"):
        engine.process(Event("e2", "b", at, "debit_failed", 1))
    with pytest.raises(InputError, match="the schema changed"):
        read_event({**json.loads(good(1)), "amount": 3, "amount_fen": 3} | {"conterparty": "x"})
    row = json.loads(good(1))
    row["amount"] = row.pop("amount_fen")
    with pytest.raises(InputError, match="call it amount_fen"):
        read_event(row)
    assert read_event({**json.loads(good(1)), "device": "x"}).amount_fen == 91_680


def test_a_list_of_accounts_must_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("id\na\n")
    code, _, _ = run(tmp_path, capsys, [good(1)], "--accounts", str(accounts))
    assert code == 2
