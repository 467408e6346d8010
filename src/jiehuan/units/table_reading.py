"""The readers behind ``tables.py``, one a format: each gives the columns' names and a function that yields the rows.

CSV is parsed by Arrow's strict parser (a row with another number of fields than the header is an error); where it
objects, the file is walked again in plain Python to say on which line. JSON is parsed by the standard library.
"""

from __future__ import annotations

import csv as csv_lines
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from jiehuan.units import text_columns
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

Batches = Callable[[Sequence[str]], Iterator["pl.DataFrame"]]
Objects = list[dict[str, Any]]
Refused = list[Problem] | None
"""Where rows that are no rows are told (another number of fields, no object); None: the first of them ends the reading."""

_BLOCK = 8 << 20
"""Bytes that Arrow parses at a time; a longer row is refused."""
_KEPT = 64 << 20
"""Files up to this size are parsed once and kept while types are told; larger ones are parsed twice."""
_LARGEST_ARRAY = 512 << 20
"""A JSON array must be parsed whole, at some ten times its size in memory."""


def parquet(path: Path, rows: int, refused: Refused = None) -> tuple[list[str], Batches]:
    """A Parquet file: its own types, read by row group; codes of words and bytes of UTF-8 are text."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    names = list(file.schema_arrow.names)
    _check_header(names, f"{path}, schema")

    def batches(columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        empty = True
        for batch in file.iter_batches(batch_size=rows, columns=list(columns)):
            empty = False
            yield _plain_text(_from_arrow(batch).select(columns))
        if empty:
            yield _plain_text(_from_arrow(file.schema_arrow.empty_table()).select(columns))

    return names, batches


def csv(path: Path, rows: int, refused: Refused = None) -> tuple[list[str], Batches]:
    """A comma-separated file with a header, in UTF-8 (a byte order mark is allowed), quoted by double quotes."""
    return _delimited(path, rows, ",", refused)


def tsv(path: Path, rows: int, refused: Refused = None) -> tuple[list[str], Batches]:
    """The same, separated by tabs."""
    return _delimited(path, rows, "\t", refused)


def json_array(path: Path, rows: int, refused: Refused = None) -> tuple[list[str], Batches]:
    """A JSON array of objects; keys may be missing (null), nested values are kept as JSON text."""
    if path.stat().st_size > _LARGEST_ARRAY:
        raise InputError(Problem(str(path), "", "a JSON array too large to parse whole", "use NDJSON, CSV or Parquet"))
    text = _utf8(path)
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"{path} line {error.lineno} column {error.colno}"
        raise InputError(Problem(place, "", f"malformed JSON: {error.msg}", "mend the file there")) from None
    except ValueError as error:
        raise InputError(Problem(str(path), "", str(error), "write null")) from None
    except RecursionError:
        raise InputError(Problem(str(path), "", "JSON nested too deeply", "flatten it")) from None
    if not isinstance(document, list):
        raise InputError(Problem(str(path), "", "not an array of rows", 'write [{"column": value, …}, …]'))
    odd = [number for number, row in enumerate(document, start=1) if not isinstance(row, dict)]
    for number in odd:
        _refuse(Problem(f"{path} row {number}", "", "not an object", 'write {"column": value, …}'), refused)
    if odd:
        document = [row for row in document if isinstance(row, dict)]
    return _from_objects(lambda: (document[k : k + rows] for k in range(0, len(document), rows)), str(path))


def ndjson(path: Path, rows: int, refused: Refused = None) -> tuple[list[str], Batches]:
    """One JSON object a line; empty lines are passed over; otherwise as a JSON array."""
    if path.stat().st_size <= _KEPT:
        kept = list(_object_lines(path, rows, refused))
        return _from_objects(lambda: iter(kept), str(path))
    return _from_objects(lambda: _object_lines(path, rows, refused), str(path))


def _refuse(problem: Problem, refused: Refused) -> None:
    """Tell of a row that is no row: among those left out, or, where none may be, as the end of the reading."""
    if refused is None:
        raise InputError(problem)
    if problem not in refused:  # a large file is read twice
        refused.append(problem)


def _delimited(path: Path, rows: int, delimiter: str, refused: Refused) -> tuple[list[str], Batches]:
    names = _header(path, delimiter)

    def batches(columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        def read() -> Iterator[pl.DataFrame]:
            return _text_batches(path, names, columns, delimiter, refused)

        kept = list(read()) if path.stat().st_size <= _KEPT else None
        kinds, seen = text_columns.start(columns), set[str]()
        for text in kept if kept is not None else read():
            kinds = text_columns.fitting(text, kinds)
            seen.update(name for name in columns if name not in seen and text.get_column(name).null_count() < len(text))
        for text in kept if kept is not None else read():
            table = text_columns.typed(text, kinds, seen)
            yield from (table.slice(start, rows) for start in range(0, max(len(table), 1), rows))

    return names, batches


def _header(path: Path, delimiter: str) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next((row for row in csv_lines.reader(file, delimiter=delimiter, strict=True) if row), None)
    except UnicodeDecodeError:
        _utf8_fault(path)
    except csv_lines.Error as error:
        raise InputError(Problem(f"{path} line 1", "", f"malformed header: {error}", "mend the first line")) from None
    if names is None:
        raise InputError(Problem(str(path), "", "empty file", "a table has at least a header"))
    _check_header(names, f"{path} line 1")
    if _has_open_quote(path):  # Arrow would take the rest of the file for one field
        _locate(path, len(names), delimiter, "a quote that is not closed")
    return names


def _has_open_quote(path: Path) -> bool:
    with path.open("rb") as file:
        return sum(block.count(b'"') for block in iter(lambda: file.read(_BLOCK), b"")) % 2 == 1


def _check_header(names: Sequence[str], where: str) -> None:
    faults = [
        Problem(f"{where}, column {place}", "", "has no name", "name every column")
        for place, name in enumerate(names, start=1)
        if not name.strip()
    ]
    doubled = dict.fromkeys(name for name in names if name.strip() and names.count(name) > 1)
    faults += [Problem(where, name, "a column's name appears twice", "give each its own name") for name in doubled]
    if faults:
        raise InputError(faults)


def _text_batches(
    path: Path, names: Sequence[str], columns: Sequence[str], delimiter: str, refused: Refused
) -> Iterator[pl.DataFrame]:
    """The rows as text, in Arrow's blocks; empty fields are null. At least one frame."""
    import polars as pl
    import pyarrow as pa
    from pyarrow import csv as arrow

    def left_out(row: Any) -> str:
        mend = "complete the row, or quote fields that hold the separator; rows after it are counted without it"
        reason = f"{row.actual_columns} fields where the header has {row.expected_columns}"
        _refuse(Problem(f"{path} row {row.number - 1}", "", reason, mend), refused)
        return "skip"

    empty = True
    try:
        reader = arrow.open_csv(
            path,
            read_options=arrow.ReadOptions(block_size=_BLOCK, use_threads=refused is None),
            parse_options=arrow.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                invalid_row_handler=None if refused is None else left_out,
            ),
            convert_options=arrow.ConvertOptions(
                column_types={name: pa.string() for name in names},
                include_columns=list(columns),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
        for batch in reader:
            if batch.num_rows:
                empty = False
                yield _from_arrow(batch)
    except pa.ArrowInvalid as error:
        if "Empty CSV file" not in str(error):
            _locate(path, len(names), delimiter, str(error))
    if empty:
        yield pl.DataFrame(schema=dict.fromkeys(columns, pl.String))


def _locate(path: Path, width: int, delimiter: str, said: str) -> NoReturn:
    """Say on which line the file is wrong; Arrow only knows that it is."""
    before = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv_lines.reader(file, delimiter=delimiter, strict=True)
            for row in reader:
                if row and len(row) != width:
                    reason = f"{len(row)} fields where the header has {width}"
                    mend = "complete the row, or quote fields that hold the separator"
                    raise InputError(Problem(f"{path} line {before}", "", reason, mend))
                before = reader.line_num + 1
    except UnicodeDecodeError:
        _utf8_fault(path)
    except csv_lines.Error as error:
        place = f"{path} line {before}"
        raise InputError(Problem(place, "", f"malformed CSV: {error}", "mend the quotes there")) from None
    raise InputError(Problem(str(path), "", f"malformed CSV: {' '.join(said.split())[:200]}", "mend the file"))


def _utf8(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        _utf8_fault(path)


def _utf8_fault(path: Path) -> NoReturn:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise InputError(_not_utf8(path, number, line, error.start)) from None
    raise InputError(Problem(str(path), "", "not UTF-8 text", "save the file as UTF-8"))


def _not_utf8(path: Path, number: int, line: bytes, start: int) -> Problem:
    """What is wrong with the line; what stands in it is not shown, as it may be somebody's name."""
    guess = ""
    with suppress(UnicodeDecodeError):
        line.decode("gb18030")
        guess = "; it reads as GB18030 (GBK)"
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        guess = "; it is UTF-16"
    return Problem(f"{path} line {number}", "", f"not UTF-8 text at byte {start + 1}{guess}", "save the file as UTF-8")


def _object_lines(path: Path, rows: int, refused: Refused = None) -> Iterator[Objects]:
    def good(lines: Iterable[tuple[int, bytes]]) -> Iterator[dict[str, Any]]:
        for number, line in lines:
            try:
                yield _object(path, number, line)
            except InputError as error:
                for problem in error.problems:
                    _refuse(problem, refused)

    with path.open("rb") as file:
        numbered = ((number, line) for number, line in enumerate(file, start=1) if line.strip())
        while chunk := list(islice(numbered, rows)):
            yield list(good(chunk))


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    where = f"{path} line {number}"
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise InputError(_not_utf8(path, number, line, error.start)) from None
    except json.JSONDecodeError as error:
        place = f"{where} column {error.colno}"
        raise InputError(Problem(place, "", f"malformed JSON: {error.msg}", "mend the file there")) from None
    except ValueError as error:
        raise InputError(Problem(where, "", str(error), "write null")) from None
    except RecursionError:
        raise InputError(Problem(where, "", "JSON nested too deeply", "flatten it")) from None
    if not isinstance(row, dict):
        raise InputError(Problem(where, "", "not an object", 'write {"column": value, …}'))
    return row


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON value")


def _from_objects(chunks: Callable[[], Iterable[Objects]], where: str) -> tuple[list[str], Batches]:
    """Columns and rows of JSON objects. All values of a column decide its type; mixed ones become text."""
    import polars as pl

    kinds: dict[str, set[str]] = {}
    fits: dict[str, tuple[str, ...]] = {}
    for chunk in chunks():
        for row in chunk:
            for name, value in row.items():
                kinds.setdefault(name, set()).add(_value_kind(value))
        texts = [name for name, seen in kinds.items() if seen <= {"text", "null"}]
        columns_of_text = {name: [row.get(name) for row in chunk] for name in texts}
        frame = pl.DataFrame(columns_of_text, dict.fromkeys(texts, pl.String))
        fits |= text_columns.fitting(frame, {name: fits.get(name, text_columns.DATES) for name in texts})
    names = list(kinds)
    _check_header(names, where)

    def batches(columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        empty = True
        for chunk in chunks():
            empty = False
            yield pl.DataFrame([_column(name, [row.get(name) for row in chunk], kinds[name], fits) for name in columns])
        if empty:
            yield pl.DataFrame(schema=dict.fromkeys(columns, pl.String))

    return names, batches


def _value_kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "large"
    if isinstance(value, float):
        return "float" if math.isfinite(value) else "large"
    return "nested"


def _column(name: str, values: list[Any], kinds: set[str], fits: dict[str, tuple[str, ...]]) -> pl.Series:
    import polars as pl

    kinds = kinds - {"null"}
    if kinds == {"int"}:
        return pl.Series(name, values, pl.Int64)
    if kinds and kinds <= {"int", "float"}:
        return pl.Series(name, [None if value is None else float(value) for value in values], pl.Float64)
    if kinds == {"bool"}:
        return pl.Series(name, values, pl.Boolean)
    if kinds == {"text"}:
        text = pl.DataFrame({name: values}, {name: pl.String})
        return text_columns.typed(text, {name: fits.get(name, ())}, {name}).get_column(name)
    return pl.Series(name, [_as_text(value) for value in values], pl.String)


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _from_arrow(batch: Any) -> pl.DataFrame:
    import polars as pl

    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a batch of columns is a frame; tells the type checker
    return frame


def _plain_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Codes of words, and bytes that are UTF-8 (as writers without a type for text leave them), as text."""
    import polars as pl

    coded = [name for name, kind in frame.schema.items() if isinstance(kind, (pl.Categorical, pl.Enum, pl.Binary))]
    return frame.with_columns(pl.col(name).cast(pl.String) for name in coded) if coded else frame
