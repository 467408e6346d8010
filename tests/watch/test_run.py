"""``watch run`` over files: the same alerts whatever stops it, dead letters with reasons, every format, the printed contract."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from jiehuan.cli.main import main
from jiehuan.units.errors import InputError, Refused
from jiehuan.watch import load_signals
from jiehuan.watch.run import run_file, tabulate_file

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "watch" / "events.csv"
HEADER = "event_id,account_id,at,kind,amount_fen,counterparty,channel\n"


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("whole") / "alerts.jsonl"
    summary = run_file(EXAMPLE, load_signals(), out)
    assert summary.alerts == len(out.read_bytes().splitlines()) == 12
    return out.read_bytes()


@pytest.mark.parametrize("every", [11, 100, 371, 1000])
def test_the_alerts_do_not_depend_on_how_often_the_state_is_saved(tmp_path: Path, expected: bytes, every: int) -> None:
    out, state = tmp_path / "alerts.jsonl", tmp_path / "state"
    run_file(EXAMPLE, load_signals(), out, state=state, every=every)
    assert out.read_bytes() == expected
    again = run_file(EXAMPLE, load_signals(), out, state=state, every=every)
    assert (again.skipped, again.rows) == (371, 0)
    assert out.read_bytes() == expected


class Stopped(BaseException):
    """A stop in the middle, as a kill would be."""


@pytest.mark.parametrize("moment", ["before alerts", "half an alert", "after alerts", "before rename"])
@pytest.mark.parametrize("at", [2, 5])
def test_stopped_at_any_moment_nothing_is_lost_or_doubled(
    tmp_path: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch, moment: str, at: int
) -> None:
    from jiehuan.watch import run
    from jiehuan.watch.engine import Engine

    out, state = tmp_path / "alerts.jsonl", tmp_path / "state"
    count = 0

    def stop_at(here: str) -> None:
        nonlocal count
        if here == moment:
            count += 1
            if count == at:
                raise Stopped

    take, save, replace = run._take, Engine.save, Path.replace

    def stopping_take(*arguments: object) -> None:
        stop_at("before alerts")
        take(*arguments)  # type: ignore[arg-type]
        if moment == "half an alert" and count + 1 == at:
            arguments[4].write(b'{"alert_id": "al_cut')  # type: ignore[attr-defined]
            arguments[4].flush()  # type: ignore[attr-defined]
        stop_at("half an alert")

    def stopping_save(engine: Engine, *arguments: object) -> None:
        stop_at("after alerts")
        save(engine, *arguments)  # type: ignore[arg-type]

    def stopping_replace(path: Path, target: Path) -> Path:
        stop_at("before rename")
        return replace(path, target)

    monkeypatch.setattr(run, "_take", stopping_take)
    monkeypatch.setattr(Engine, "save", stopping_save)
    monkeypatch.setattr(Path, "replace", stopping_replace)
    with pytest.raises(Stopped):
        run_file(EXAMPLE, load_signals(), out, state=state, every=40)
    assert out.read_bytes() != expected
    monkeypatch.undo()
    run_file(EXAMPLE, load_signals(), out, state=state, every=40)
    assert out.read_bytes() == expected


def test_a_killed_process_resumes_to_the_same_file(tmp_path: Path, expected: bytes) -> None:
    out, state = tmp_path / "alerts.jsonl", tmp_path / "state"
    words = [
        sys.executable,
        "-m",
        "jiehuan",
        "watch",
        "run",
        str(EXAMPLE),
        "--out",
        str(out),
        "--state",
        str(state),
        "--every",
        "3",
    ]
    kills = 0
    for wait in (0.75, 0.8, 0.9, 30):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    assert process.returncode == 0
    assert out.read_bytes() == expected


def test_a_file_that_grew_goes_on_where_it_was_and_another_file_starts_anew(tmp_path: Path, expected: bytes) -> None:
    lines = EXAMPLE.read_text().splitlines(keepends=True)
    events, out, state = tmp_path / "events.csv", tmp_path / "alerts.jsonl", tmp_path / "state"
    for upto in (150, 151, len(lines)):
        events.write_text("".join(lines[:upto]))
        summary = run_file(events, load_signals(), out, state=state)
    assert summary.skipped == 150
    assert out.read_bytes() == expected
    other = tmp_path / "other.csv"
    other.write_text("".join([lines[0], *lines[300:]]))
    summary = run_file(other, load_signals(), out, state=state)
    assert (summary.skipped, summary.duplicates, summary.alerts) == (0, 72, 0)
    assert out.read_bytes() == expected


def test_alerts_that_were_cut_short_behind_the_state_are_noticed(tmp_path: Path) -> None:
    out, state = tmp_path / "alerts.jsonl", tmp_path / "state"
    run_file(EXAMPLE, load_signals(), out, state=state)
    out.write_bytes(out.read_bytes()[:100])
    with pytest.raises(InputError, match="shorter than"):
        run_file(EXAMPLE, load_signals(), out, state=state)


def test_two_runs_cannot_hold_one_state(tmp_path: Path) -> None:
    import fcntl

    state = tmp_path / "state"
    with (tmp_path / "state.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="another run holds this state"):
            run_file(EXAMPLE, load_signals(), tmp_path / "alerts.jsonl", state=state)


POISON = """\
e01,a,2026-11-01T10:00:00+08:00,debit_failed,91680,,
,a,2026-11-01T10:01:00+08:00,debit_failed,91680,,
e03,a,2026-11-01T10:02:00,debit_failed,91680,,
e04,a,yesterday,debit_failed,91680,,
e05,a,2026-11-01T10:04:00+08:00,debit_fialed,91680,,
e06,a,2026-11-01T10:05:00+08:00,debit_failed,-5,,
e07,a,2026-11-01T10:06:00+08:00,debit_failed,12.5,,
e08,a,2026-11-01T10:07:00+08:00,debit_failed,91680
e09,a,2026-10-01T10:08:00+08:00,debit_failed,91680,,
e10,a,1970-01-01T10:08:00+08:00,debit_failed,91680,,
e01,a,2026-11-01T10:09:00+08:00,debit_failed,1,,
e01,a,2026-11-01T10:00:00+08:00,debit_failed,91680,,
e12,a,2026-11-01T02:10:00Z,debit_failed,"91680",,
e13,a,2026-11-01T10:11+08:00,debit_failed,91680.00,,
"""
REASONS = [
    (2, "missing"), (3, "time zone missing"), (4, "not an instant"), (5, "unknown kind"), (6, "negative amount"), (7, "not a whole number of fen"),
    (8, "5 fields, the header has 7"), (9, "later than the lateness allows"), (10, "outside 1980 to 2200"),
    (11, "the same id came before with other content"),
]  # fmt: skip


def letters(out: Path) -> list[dict[str, str]]:
    dead = out.with_name(out.name + ".dead.jsonl")
    return [json.loads(line) for line in dead.read_text().splitlines()] if dead.exists() else []


@pytest.mark.parametrize("form", ["csv", "jsonl", "json"])
@pytest.mark.parametrize("every", [3, 1000])
def test_poison_rows_go_to_the_dead_letters_and_the_stream_goes_on(tmp_path: Path, form: str, every: int) -> None:
    names = HEADER.strip().split(",")
    events, out = tmp_path / f"events.{form}", tmp_path / "alerts.jsonl"
    rows = [line.replace('"', "").split(",") for line in POISON.splitlines()]
    objects = [dict(zip(names, row, strict=False)) for row in rows]
    reasons = dict(REASONS)
    if form == "csv":
        events.write_text(HEADER + POISON)
    else:
        # A missing optional field is no fault of an object, so row 8 is broken in JSON's own way.
        reasons[8] = "malformed JSON" if form == "jsonl" else "not an object"
        text = [json.dumps(row) for row in objects]
        text[7] = text[7][:-5] if form == "jsonl" else "[1]"
        events.write_text("\n".join(text) if form == "jsonl" else f"[{','.join(text)}]")
    summary = run_file(events, load_signals(), out, every=every)
    assert (summary.rows, summary.taken, summary.duplicates, summary.refused) == (14, 3, 1, 10)
    found = letters(out)
    assert [letter["row"] for letter in found] == sorted(reasons)
    for letter in found:
        assert letter["reason"].startswith(reasons[int(letter["row"])])
        assert letter["mend"]
    assert [json.loads(line)["rule"] for line in out.read_text().splitlines()] == [
        "debit_failed",
        "debit_failed_repeatedly",
    ]


def test_poison_messages_of_json_lines(tmp_path: Path) -> None:
    good = '{"event_id": "e%d", "account_id": "a", "at": "2026-11-01T10:00:0%d+08:00", "kind": "debit_failed", "amount_fen": 5}'
    poison = [
        "", "null", "[]", '"text"', "{", good % (1, 1) + "x", '{"event_id": "\\ud800"}', '{"event_id": {"a": 1}}', "NaN", "[" * 5000,
        '{"event_id": "e", "account_id": "a", "at": 1761962400, "kind": "debit_failed"}', "\x00", '{"amount_fen": 1e400}',
        '{"event_id": "e9", "account_id": "a", "at": "2026-11-01T10:00:00+08:00", "kind": "debit_failed", "amount_fen": 99999999999999999999}',
    ]  # fmt: skip
    lines = [good % (0, 0), *poison, good % (2, 2)]
    events = tmp_path / "events.jsonl"
    events.write_bytes(b"\n".join(line.encode() for line in lines) + b"\n\xff\xfe\n" + (good % (3, 3)).encode())
    for every in (1, 4, 1000):
        summary = run_file(events, load_signals(), tmp_path / "alerts.jsonl", every=every)
        assert (summary.taken, summary.refused) == (3, len(poison) + 1)
        assert [letter["row"] for letter in letters(tmp_path / "alerts.jsonl")] == [
            *range(2, len(poison) + 2),
            len(poison) + 3,
        ]


def test_parquet_and_a_stated_zone(tmp_path: Path, expected: bytes) -> None:
    frame = pl.read_csv(EXAMPLE).with_columns(
        pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%S%:z", time_unit="ms", time_zone="Asia/Shanghai")
    )
    frame.write_parquet(tmp_path / "zoned.parquet")
    frame.with_columns(pl.col("at").dt.replace_time_zone(None)).write_parquet(tmp_path / "bare.parquet")
    out = tmp_path / "alerts.jsonl"
    run_file(tmp_path / "zoned.parquet", load_signals(), out)
    assert out.read_bytes() == expected
    assert run_file(tmp_path / "bare.parquet", load_signals(), out).refused == 371
    assert {letter["reason"] for letter in letters(out)} == {"time zone missing"}
    run_file(tmp_path / "bare.parquet", load_signals(), out, zone="Asia/Shanghai")
    assert out.read_bytes() == expected
    assert not letters(out)


def test_alerts_as_tables(tmp_path: Path, expected: bytes) -> None:
    rows = [json.loads(line) for line in expected.splitlines()]
    for form in ("csv", "parquet", "json"):
        out = tmp_path / f"alerts.{form}"
        run_file(EXAMPLE, load_signals(), out)
        table = (
            pl.DataFrame(json.loads(out.read_text()))
            if form == "json"
            else (pl.read_csv if form == "csv" else pl.read_parquet)(out)
        )
        assert table.columns == ["alert_id", "account_id", "at", "rule", "severity", "evidence", "event_id"]
        assert table["alert_id"].to_list() == [row["alert_id"] for row in rows]
        if form != "json":
            assert [json.loads(text) for text in table["evidence"]] == [row["evidence"] for row in rows]
        assert sorted(path.name for path in tmp_path.glob(f"*{form}*")) == [out.name]


def test_what_is_no_table_of_events_is_refused(tmp_path: Path) -> None:
    cases = {
        "empty.csv": "", "columns.csv": "event_id,account_id\n1,2\n", "broken.json": "[{", "object.json": "{}", "odd.txt": "x",
        "broken.parquet": "PAR1 not really",
    }  # fmt: skip
    for name, text in cases.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            run_file(tmp_path / name, load_signals(), tmp_path / "out.jsonl")
    (tmp_path / "headed.csv").write_text(HEADER)
    assert run_file(tmp_path / "headed.csv", load_signals(), tmp_path / "out.jsonl").rows == 0


def test_the_feature_table_is_what_the_rules_saw(tmp_path: Path, expected: bytes) -> None:
    rows, refused = tabulate_file(EXAMPLE, load_signals(), tmp_path / "features.parquet")
    assert (rows, refused) == (371, [])
    table = pl.read_parquet(tmp_path / "features.parquet")
    for line in expected.splitlines():
        alert = json.loads(line)
        row = table.row(by_predicate=pl.col("event_id") == alert["event_id"], named=True)
        for name, shown in alert["evidence"]["values"].items():
            value = row[name]
            assert ("unknown" if value is None else f"{value:,.2f}".removesuffix(".00")) == shown.removesuffix(".00")


def code_of(*words: object) -> int:
    """The exit code of a command, run in this process."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return int(stop.value.code or 0)


def test_the_command_prints_its_contract(cli, tmp_path: Path) -> None:
    out = tmp_path / "alerts.csv"
    done = cli("watch", "run", EXAMPLE, "--out", out, "--state", tmp_path / "state", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["rows"], said["alerts"], said["dead"]) == (371, 12, None)
    assert said["by_rule"]["debit_failed"] == 4
    assert code_of("watch", "run", tmp_path / "absent.csv", "--out", out) == 2
    assert code_of("watch", "run", EXAMPLE, "--out", out, "--zone", "Mars") == 2
    assert code_of("watch", "run", "--help") == 0
    assert json.loads(cli("watch", "check", "--json").stdout)["rules"]
    begun = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    assert cli("watch", "--help").returncode == 0
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begun < 5
