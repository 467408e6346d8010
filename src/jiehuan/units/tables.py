"""Tables in files: Parquet, CSV (and TSV), JSON and NDJSON by suffix, read strictly and written whole or not at all.

What a reader promises: an error names the file, the line and the mend; a row with too few or too many fields, a
doubled header or text that is not UTF-8 is refused and never padded or guessed (a reader that takes the good rows of a
file hands in a list for the others). Large files can be read batch by batch
in bounded memory (CSV and NDJSON are then read twice: once for the columns' types, once for the rows). Polars is
imported on first use, so that importing this module costs nothing.

Types of CSV columns are told from all rows (``text_columns.py``): a column of zero-padded or very long numbers stays
text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = {
    ".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "tsv",
    ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson",
}  # fmt: skip
ROWS = 100_000
"""Rows in a batch, unless told: some tens of megabytes for a wide table."""


def read_table(
    path: Path | str, columns: Sequence[str] | None = None, refused: list[Problem] | None = None
) -> pl.DataFrame:
    """The whole table in a file, with all or only the named columns.

    ``refused``: gets a Problem for each row that is no row (another number of fields than the header, no JSON object),
    and the others are read; without it such a row refuses the file.

    Parquet keeps its types; CSV columns become Int64, Float64, Boolean, Date, Datetime (UTC when zoned) or String;
    empty fields are null. JSON is an array of objects, NDJSON one object a line. Raises InputError as the module says.
    """
    import polars as pl

    path = _existing(path)
    frames = list(_batches(path, ROWS, columns, refused))
    if len(frames) == 1:
        return frames[0]
    return pl.concat(frames, how="vertical", rechunk=True)


def read_batches(
    path: Path | str,
    rows: int = ROWS,
    columns: Sequence[str] | None = None,
    refused: list[Problem] | None = None,
) -> Iterator[pl.DataFrame]:
    """The table in pieces of at most ``rows`` rows with the same types throughout; at least one piece, maybe empty.

    ``refused`` as for ``read_table``.
    Memory is bounded by the batch for Parquet, CSV and NDJSON; a JSON array is read whole. Raises InputError as
    ``read_table`` does, at the batch where the fault stands.
    """
    if rows < 1:
        raise InputError(Problem("rows", str(rows), "not a number of rows", "use 1 or more"))
    return _batches(_existing(path), rows, columns, refused)


def scan(path: Path | str) -> pl.LazyFrame:
    """The table as a lazy frame: Parquet is read as the query needs it, other formats are read whole first."""
    import polars as pl

    path = _existing(path)
    if _kind(path) != "parquet":
        return read_table(path).lazy()
    with _as_input_error(path):
        frame = pl.scan_parquet(path, glob=False)
        frame.collect_schema()
    return frame


def write_table(frame: pl.DataFrame, path: Path | str) -> None:
    """Write the table by suffix, through a temporary file beside it, so that a crash leaves the old file or the new.

    A missing folder is made. Raises InputError for an unknown suffix, a file that may not be written, and lists in a CSV.
    """
    write_batches([frame], path)


def write_batches(frames: Iterable[pl.DataFrame], path: Path | str) -> int:
    """Write pieces of one table as they come, in bounded memory; returns the rows written. All pieces have one schema.

    Raises InputError as ``write_table``, when there is no piece at all, or when a piece's columns differ.
    """
    from jiehuan.units.table_writing import write

    path = Path(path)
    kind = _kind(path)
    pieces = iter(frames)
    first = next(pieces, None)
    if first is None:
        raise InputError(Problem(str(path), "", "nothing to write", "give at least one table, with no rows if need be"))
    if path.is_dir():
        raise InputError(Problem(str(path), "", "is a folder, not a file", "name a file"))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = write(chain([first], pieces), part, kind, path)
        part.replace(path)
    except OSError as error:
        reason = f"may not be written: {error.strerror or error}"
        raise InputError(Problem(str(path), "", reason, "check permissions and free space")) from None
    finally:
        with suppress(OSError):  # nothing is there where the folder could not be made
            part.unlink(missing_ok=True)
    return rows


def require_columns(present: Sequence[str], needed: Sequence[str], where: str) -> None:
    """Raise one InputError that names every needed column that is not present, with the near names.

    >>> require_columns(["loan_id", "rate"], ["loan_id"], "tape.csv")
    """
    faults = []
    for name in needed:
        if name not in present:
            near = get_close_matches(name, present, n=2, cutoff=0.6)
            mend = f"did you mean {' or '.join(near)}?" if near else f"present are {', '.join(present[:20])}"
            faults.append(Problem(f"{where}, column {name}", "", "missing", mend))
    if faults:
        raise InputError(faults)


def _existing(path: Path | str) -> Path:
    path = Path(path)
    if path.is_dir():
        raise InputError(Problem(str(path), "", "is a folder, not a file", "name a file"))
    _kind(path)
    if not path.exists():
        near = get_close_matches(path.name, _neighbours(path), n=1)
        mend = f"did you mean {near[0]}?" if near else "check the path"
        raise InputError(Problem(str(path), "", "no such file", mend))
    if not os.access(path, os.R_OK):
        raise InputError(Problem(str(path), "", "may not be read", "check its permissions"))
    if path.stat().st_size == 0:
        raise InputError(Problem(str(path), "", "empty file", "a table has at least a header"))
    return path


def _neighbours(path: Path) -> list[str]:
    return [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []


def _kind(path: Path) -> str:
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise InputError(Problem(str(path), path.suffix, "not a table's suffix", f"use {', '.join(SUFFIXES)}"))
    return kind


def _batches(
    path: Path, rows: int, columns: Sequence[str] | None, refused: list[Problem] | None
) -> Iterator[pl.DataFrame]:
    from jiehuan.units import table_reading

    readers: dict[
        str,
        Callable[
            [Path, int, list[Problem] | None], tuple[list[str], Callable[[Sequence[str]], Iterator[pl.DataFrame]]]
        ],
    ] = {
        "parquet": table_reading.parquet,
        "csv": table_reading.csv,
        "tsv": table_reading.tsv,
        "json": table_reading.json_array,
        "ndjson": table_reading.ndjson,
    }
    with _as_input_error(path):
        names, batches = readers[_kind(path)](path, rows, refused)
        if columns is not None:
            require_columns(names, columns, str(path))
        yield from batches(columns if columns is not None else names)


@contextmanager
def _as_input_error(path: Path) -> Iterator[None]:
    """What the libraries raise about a broken file, said as an InputError that names the file."""
    try:
        yield
    except (GeneratorExit, InputError):
        raise
    except Exception as error:
        if not _is_about_the_file(error):
            raise
        said = " ".join(str(error).split())[:300]
        reason = f"broken or not of its suffix: {said}"
        raise InputError(Problem(str(path), "", reason, "write the file again")) from None


def _is_about_the_file(error: Exception) -> bool:
    import polars as pl
    import pyarrow as pa

    kinds: tuple[Any, ...] = (pl.exceptions.PolarsError, pa.ArrowException, OSError, UnicodeDecodeError)
    return isinstance(error, kinds)
