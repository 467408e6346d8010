"""The writers behind ``tables.py``, one a format: pieces of one table go to an open file as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl


def write(frames: Iterator[pl.DataFrame], part: Path, kind: str, path: Path) -> int:
    """Write all pieces to ``part``; ``path`` is the name that errors say. Returns the number of rows.

    Raises InputError when a piece's schema is not the first one's, or a CSV would hold lists or structures.
    """
    same = _checked(frames, kind, path)
    if kind == "parquet":
        return _parquet(same, part)
    with part.open("wb") as file:
        return _WRITERS[kind](same, file)


def _checked(frames: Iterator[pl.DataFrame], kind: str, path: Path) -> Iterator[pl.DataFrame]:
    schema = None
    for frame in frames:
        if schema is None:
            schema = frame.schema
            nested = [name for name, dtype in schema.items() if dtype.is_nested()] if kind in {"csv", "tsv"} else []
            if nested:
                mend = "turn them to text, or write Parquet or JSON"
                raise InputError(Problem(str(path), ", ".join(nested), "holds lists or structures", mend))
        elif frame.schema != schema:
            differs = ", ".join(sorted(str(pair[0]) for pair in set(schema.items()) ^ set(frame.schema.items())))
            reason = "a later piece has other columns"
            raise InputError(Problem(str(path), differs, reason, "write pieces of one table"))
        yield frame


def _parquet(frames: Iterator[pl.DataFrame], part: Path) -> int:
    import pyarrow.parquet as pq

    first = next(frames)
    table = first.to_arrow()
    rows = len(first)
    # Floats seldom repeat: to look for a dictionary of them takes as long as all the rest, and makes the file larger.
    repeat = [name for name, dtype in first.schema.items() if not dtype.is_float()]
    with pq.ParquetWriter(part, table.schema, compression="zstd", use_dictionary=repeat) as writer:
        writer.write_table(table)
        for frame in frames:
            writer.write_table(frame.to_arrow())
            rows += len(frame)
    return rows


def _csv(frames: Iterator[pl.DataFrame], file: IO[bytes], separator: str = ",") -> int:
    rows = 0
    for place, frame in enumerate(frames):
        _instants_as_text(frame).write_csv(file, include_header=place == 0, separator=separator)
        rows += len(frame)
    return rows


def _tsv(frames: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    return _csv(frames, file, "\t")


def _ndjson(frames: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    rows = 0
    for frame in frames:
        _instants_as_text(frame).write_ndjson(file)
        rows += len(frame)
    return rows


def _json(frames: Iterator[pl.DataFrame], file: IO[bytes]) -> int:
    """An array with one object a line, so that a person can read it and a line tool can cut it."""
    rows = 0
    file.write(b"[")
    for frame in frames:
        for line in _instants_as_text(frame).write_ndjson().splitlines():
            file.write((b",\n" if rows else b"\n") + line.encode())
            rows += 1
    file.write(b"\n]\n")
    return rows


def _instants_as_text(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    columns = [
        pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.6f%:z" if dtype.time_zone else "%Y-%m-%dT%H:%M:%S%.6f")
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Datetime)
    ]
    return frame.with_columns(columns)


_WRITERS: dict[str, Callable[[Iterator[pl.DataFrame], IO[bytes]], int]] = {
    "csv": _csv, "tsv": _tsv, "json": _json, "ndjson": _ndjson,
}  # fmt: skip
