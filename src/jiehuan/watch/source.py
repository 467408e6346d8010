"""Events from a file, in pieces, in order of arrival: what is malformed is handed on as a problem, and the rest goes on.

CSV and JSON Lines are read row by row, so that one broken line costs one line. Parquet is read in batches. Rows count from 1.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jiehuan.units.errors import InputError, Problem
from jiehuan.watch.event import OPTIONAL, REQUIRED, renamed

if TYPE_CHECKING:
    import polars as pl

_COLUMNS = (*REQUIRED, *OPTIONAL)
_LINE_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows ``first_row`` to ``first_row + rows - 1`` of a file: those that were read as a frame with its row numbers, and a
    Problem for each that was not."""

    first_row: int
    rows: int
    frame: pl.DataFrame
    numbers: list[int]
    problems: list[tuple[int, Problem]]


def read_pieces(path: Path, rows: int) -> Iterator[Piece]:
    """The file in pieces of at most ``rows`` rows. Raises InputError when it is no table of events at all."""
    suffix = path.suffix.lower()
    if not path.is_file():
        reason = "is a folder, not a file" if path.is_dir() else "no such file"
        raise InputError(Problem(str(path), "", reason, "name a Parquet, CSV or JSON file of events"))
    if suffix in {".parquet", ".pq"}:
        yield from _parquet(path, rows)
    elif suffix == ".csv":
        yield from _gather(_csv_rows(path), rows)
    elif suffix in {".jsonl", ".ndjson"}:
        yield from _gather(_json_lines(path), rows)
    elif suffix == ".json":
        yield from _gather(_json_array(path), rows)
    else:
        raise InputError(
            Problem(str(path), suffix, "not a kind of file that is read here", "use .parquet, .csv, .jsonl or .json")
        )


def _parquet(path: Path, rows: int) -> Iterator[Piece]:
    from jiehuan.units.tables import read_batches

    first = 1
    for frame in read_batches(path, rows):
        _same_schema(frame.columns, path)
        kept = frame.select([name for name in _COLUMNS if name in frame.columns])
        yield Piece(first, frame.height, kept, list(range(first, first + frame.height)), [])
        first += frame.height


def _gather(source: Iterator[tuple[int, dict[str, Any] | Problem]], rows: int) -> Iterator[Piece]:
    import polars as pl

    first, last = 1, 0
    numbers: list[int] = []
    columns: dict[str, list[str | None]] = {name: [] for name in _COLUMNS}
    problems: list[tuple[int, Problem]] = []

    def piece() -> Piece:
        frame = pl.DataFrame(columns, schema=dict.fromkeys(_COLUMNS, pl.String))
        return Piece(first, last - first + 1, frame, numbers, problems)

    for last, row in source:
        if isinstance(row, Problem):
            problems.append((last, row))
        else:
            numbers.append(last)
            for name in _COLUMNS:
                value = row.get(name)
                columns[name].append(value if value is None or isinstance(value, str) else _plain(value))
        if last - first + 1 >= rows:
            yield piece()
            first, numbers, columns, problems = last + 1, [], {name: [] for name in _COLUMNS}, []
    if last >= first or first == 1:
        yield piece()


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = csv.reader(file, strict=True)
        header = next((names for names in lines if names), None)
        if header is None:
            raise InputError(Problem(str(path), "", "empty", f"write a header: {','.join(_COLUMNS)}"))
        if any(_broken(name) for name in header):
            raise InputError(Problem(f"{path} line 1", "", "not UTF-8 text", "save the file as UTF-8"))
        missing = [name for name in REQUIRED if name not in header]
        if missing:
            found = ", ".join(header)[:200]
            raise InputError(
                [Problem(f"{path}, {name}", "", "missing column", f"the columns are {found}") for name in missing]
            )
        _same_schema(header, path)
        n = 0
        while True:
            n += 1
            place = f"{path} row {n}"
            try:
                row = next(lines)
            except StopIteration:
                return
            except csv.Error as error:
                yield n, Problem(place, "", f"malformed CSV: {error}", "mend the quotes of the row")
                continue
            if len(row) != len(header):
                reason = f"{len(row)} fields, the header has {len(header)}"
                yield n, Problem(place, "", reason, "write one field for each column")
            elif any(_broken(value) for value in row):
                yield n, Problem(place, "", "not UTF-8 text", "save the file as UTF-8")
            else:
                yield n, dict(zip(header, row, strict=True))


def _same_schema(names: Sequence[str], path: Path) -> None:
    changed = renamed(names, str(path))
    if changed:
        raise InputError(changed)


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    with path.open("rb") as file:
        for n, line in enumerate(file, 1):
            place = f"{path} row {n}"
            if len(line) > _LINE_LIMIT:
                yield n, Problem(place, "", f"a line of {len(line)} bytes", f"keep an event under {_LINE_LIMIT} bytes")
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield n, Problem(place, "", f"malformed JSON: {error}"[:160], "write one object a line")
                continue
            yield n, _object(row, place)


def _json_array(path: Path) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    try:
        rows = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(Problem(str(path), "", f"malformed JSON: {error}"[:200], "mend the file there")) from None
    if not isinstance(rows, list):
        raise InputError(Problem(str(path), "", "not a list of events", "write an array of objects"))
    for n, row in enumerate(rows, 1):
        yield n, _object(row, f"{path} row {n}")


def _object(row: Any, place: str) -> dict[str, Any] | Problem:
    """A row of JSON as it stands, or what is wrong with it."""
    if not isinstance(row, dict):
        return Problem(place, "", "not an object", "write one object for each event")
    changed = renamed(row.keys(), place)
    if changed:
        return changed
    for name in _COLUMNS:
        value = row.get(name)
        if isinstance(value, (dict, list)):
            return Problem(f"{place}, {name}", ascii(value)[:80], "neither text nor number", "write plain values")
        if isinstance(value, str) and _broken(value):
            return Problem(f"{place}, {name}", ascii(value)[:80], "not Unicode text", "write whole characters")
    return row


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _broken(text: str) -> bool:
    """Whether the text holds half characters (surrogates), as undecodable bytes leave them."""
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)
