"""Run the engine over a file of events, resumably: kill it anywhere, start it again, and the alerts are the same.

After each stretch of rows the alerts and dead letters are appended and flushed to the disk, then the state is replaced in
one step; it says how many rows it has seen and how long those files were. A run that starts from a state cuts both files
back to that length and goes on behind the rows it has seen (recognised by a digest of their ids, so that a file may grow
between runs). Another file of events is read from its start; what it repeats is dropped as duplicate.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.watch.columns import to_columns
from jiehuan.watch.declare import Declaration
from jiehuan.watch.engine import Engine
from jiehuan.watch.source import Piece, read_pieces

if TYPE_CHECKING:
    from jiehuan.watch.hazard import Hazard

EVERY = 500_000
"""Rows between two states, unless told."""


@dataclass(slots=True)
class Summary:
    """What a run came to. ``skipped``: rows that an earlier run had seen."""

    rows: int = 0
    skipped: int = 0
    taken: int = 0
    late: int = 0
    duplicates: int = 0
    refused: int = 0
    alerts: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    memory: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        names = ("rows", "skipped", "taken", "late", "duplicates", "refused", "alerts")
        return {name: getattr(self, name) for name in names} | {"by_rule": dict(self.by_rule), "memory": self.memory}


def run_file(
    events: Path,
    declaration: Declaration,
    out: Path,
    *,
    state: Path | None = None,
    dead: Path | None = None,
    zone: str | None = None,
    every: int = EVERY,
    model: Hazard | None = None,
    known_accounts: Collection[str] | None = None,
    advance: Callable[[int], object] = lambda rows: None,
) -> Summary:
    """Judge the events of a file and write the alerts to ``out`` (by suffix; ``.jsonl`` is written as the run goes on).

    ``dead``: where refused rows go as JSON Lines (default: ``out`` with ``.dead.jsonl``). ``zone``: how to read instants without
    one. ``model``: a hazard of `watch fit` that alerts too. ``known_accounts``: events of others are refused. Raises InputError for a
    file that is no table of events or a state of other signals, Refused when another run holds the state.
    """
    if every < 1:
        raise InputError(Problem("every", str(every), "not a number of rows", "write 1 or more"))
    dead = dead if dead is not None else out.with_name(out.name + ".dead.jsonl")
    live = out.suffix.lower() in {".jsonl", ".ndjson"}
    journal = out if live else out.with_name(out.name + ".journal.jsonl")
    summary = Summary()
    with _sole_run(state):
        engine, note = (
            Engine.load_with_note(state, declaration, model, known_accounts)
            if state is not None and state.exists()
            else (Engine(declaration, model, known_accounts), {})
        )
        kept = note.get("files", {})
        pieces = _after_seen(events, every, note.get("seen", {}), summary)
        digest = hashlib.blake2b(digest_size=16)
        seen = 0
        with _open_at(journal, kept.get(journal.name)) as alerts_file, _open_at(dead, kept.get(dead.name)) as dead_file:
            for piece, fresh in pieces:
                digest.update(_ids(piece))
                seen += piece.rows
                if fresh:
                    _take(engine, piece, zone, str(events), alerts_file, dead_file, summary)
                    files = {journal.name: _settle(alerts_file), dead.name: _settle(dead_file)}
                    if state is not None:
                        engine.save(state, {"seen": {"rows": seen, "digest": digest.hexdigest()}, "files": files})
                advance(piece.rows)
        if not live:
            _write_alerts(journal, out)
            if state is None:
                journal.unlink()
    if dead.stat().st_size == 0:
        dead.unlink()
    summary.memory = engine.memory()
    return summary


def _take(
    engine: Engine, piece: Piece, zone: str | None, where: str, alerts_file: Any, dead_file: Any, summary: Summary
) -> None:
    columns, problems = to_columns(piece.frame, engine, zone=zone, rows=piece.numbers, where=where)
    answer = engine.replay(columns)
    for alert in answer.alerts:
        alerts_file.write(json.dumps(alert.as_row(), ensure_ascii=False).encode() + b"\n")
        summary.by_rule[alert.rule] += 1
    letters = sorted([*piece.problems, *problems, *answer.problems], key=lambda found: found[0])
    for n, problem in letters:
        dead_file.write(json.dumps({"row": n, **problem.as_dict()}, ensure_ascii=False).encode() + b"\n")
    summary.rows += piece.rows
    summary.taken += answer.taken
    summary.late += answer.late
    summary.duplicates += answer.duplicates
    summary.refused += len(letters)
    summary.alerts += len(answer.alerts)


def _after_seen(events: Path, every: int, seen: dict[str, Any], summary: Summary) -> Iterator[tuple[Piece, bool]]:
    """The file's pieces, each with whether it is new. Rows that the state has seen come first, marked as not new."""
    rows = int(seen.get("rows", 0))
    if rows and _digest_of(events, rows) == seen.get("digest"):
        left = rows
        for piece in read_pieces(events, every):
            if left >= piece.rows:
                left -= piece.rows
                summary.skipped += piece.rows
                yield piece, False
            elif left:
                before, after = _split(piece, left)
                summary.skipped += left
                left = 0
                yield before, False
                yield after, True
            else:
                yield piece, True
        return
    for piece in read_pieces(events, every):
        yield piece, True


def _digest_of(events: Path, rows: int) -> str | None:
    """The digest of the first rows of a file, None when it has fewer."""
    digest = hashlib.blake2b(digest_size=16)
    for piece in read_pieces(events, min(rows, EVERY)):
        part = piece if piece.rows <= rows else _split(piece, rows)[0]
        digest.update(_ids(part))
        rows -= part.rows
        if rows == 0:
            return digest.hexdigest()
    return None


def _ids(piece: Piece) -> bytes:
    import polars as pl

    if "event_id" not in piece.frame.columns:
        return b""
    texts: Iterable[str] = piece.frame["event_id"].cast(pl.String).fill_null("")
    return "".join(f"{text}\n" for text in texts).encode(errors="replace")


def _split(piece: Piece, rows: int) -> tuple[Piece, Piece]:
    last = piece.first_row + rows - 1
    cut = sum(1 for n in piece.numbers if n <= last)
    return (
        Piece(
            piece.first_row, rows, piece.frame[:cut], piece.numbers[:cut], [p for p in piece.problems if p[0] <= last]
        ),
        Piece(
            last + 1,
            piece.rows - rows,
            piece.frame[cut:],
            piece.numbers[cut:],
            [p for p in piece.problems if p[0] > last],
        ),
    )


@contextmanager
def _open_at(path: Path, length: int | None) -> Iterator[Any]:
    """The file open for appending at ``length`` (None: from its start), cut back to it."""
    if length and path.exists() and path.stat().st_size < length:
        mend = "restore it, or name another place for the alerts"
        raise InputError(
            Problem(str(path), f"{path.stat().st_size} bytes", f"shorter than the {length} bytes the state knows", mend)
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = path.open("r+b" if path.exists() else "w+b")
    except OSError as error:
        raise InputError(Problem(str(path), "", f"can't be written: {error.strerror}", "name another place")) from None
    with opened as file:
        file.truncate(length if length and path.exists() else 0)
        file.seek(0, os.SEEK_END)
        yield file


def _settle(file: Any) -> int:
    """Flush the file to the disk and return its length."""
    file.flush()
    os.fsync(file.fileno())
    return int(file.tell())


@contextmanager
def _sole_run(state: Path | None) -> Iterator[None]:
    """Hold the state for this run alone; the lock goes with the process, however it ends."""
    if state is None:
        yield
        return
    import fcntl

    state.parent.mkdir(parents=True, exist_ok=True)
    lock = state.with_name(state.name + ".lock")
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                Problem(str(state), "", "another run holds this state", "wait for it, or name another state")
            ) from None
        yield


def _write_alerts(journal: Path, out: Path) -> None:
    """The journal of alerts as a table in the format of ``out``, evidence as JSON text."""
    import polars as pl

    from jiehuan.units.tables import write_table

    rows = [json.loads(line) for line in journal.read_bytes().splitlines()]
    if out.suffix.lower() == ".json":
        text = json.dumps(rows, ensure_ascii=False, indent=1)
        beside = out.with_name(out.name + ".part")
        beside.write_text(text, encoding="utf-8")
        beside.replace(out)
        return
    columns = {
        name: [json.dumps(row[name], ensure_ascii=False) if name == "evidence" else row[name] for row in rows]
        for name in ("alert_id", "account_id", "at", "rule", "severity", "evidence", "event_id")
    }
    write_table(pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)), out)


def tabulate_file(
    events: Path, declaration: Declaration, out: Path, *, zone: str | None = None, threads: int = 1
) -> tuple[int, list[Problem]]:
    """Write every feature at every event of a file, one row for each event taken. Returns rows written and what was refused.

    ``threads``: accounts are spread over that many; the table is the same.
    """
    import numpy as np
    import polars as pl

    from jiehuan.units.tables import write_batches
    from jiehuan.watch.shards import Shards

    shards = Shards(declaration, threads)
    engine = shards.engines[0]
    refused: list[Problem] = []

    def frames() -> Iterator[pl.DataFrame]:
        for piece in read_pieces(events, EVERY):
            columns, problems = to_columns(piece.frame, engine, zone=zone, rows=piece.numbers, where=str(events))
            answer = shards.replay(columns, features=True)
            refused.extend(problem for _, problem in sorted([*piece.problems, *problems, *answer.problems], key=lambda one: one[0]))
            table = answer.features
            if table is None:
                continue
            lost = {n for n, _ in answer.problems}
            kept = np.array([n not in lost for n in columns.row], bool) & ~answer.repeated
            at = pl.Series(columns.at).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(declaration.zone)
            values = {name: table[:, place] for place, name in enumerate(engine.feature_names)}
            accounts = [columns.accounts[code] for code in columns.account]
            frame = pl.DataFrame({"event_id": columns.event_ids, "account_id": accounts, "at": at, **values})
            yield (
                frame.filter(pl.Series(kept)).with_columns(pl.col(*values).fill_nan(None))
                if values
                else frame.filter(pl.Series(kept))
            )

    rows = write_batches(frames(), out)
    return rows, refused
