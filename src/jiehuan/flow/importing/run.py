"""One import: read every file, refuse the bad rows, make loans of the good ones, write all or nothing.

Ids of ours are made of the tape's ids, so the same tape brought twice finds everything already there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from jiehuan.flow.importing.gather import Gathered, gather
from jiehuan.flow.importing.mapping import Mapping
from jiehuan.flow.importing.result import ImportResult
from jiehuan.flow.importing.rows import Row, read_rows
from jiehuan.flow.importing.save import save
from jiehuan.store.database import Database
from jiehuan.store.vault import open_vault
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.ids import new_id
from jiehuan.units.tables import read_table

Progress = Callable[..., None]


def import_tape(
    database: Database, mapping: Mapping, folder: Path, on_progress: Progress | None = None
) -> ImportResult:
    """Bring the tape in ``folder`` into the database by its mapping; what was kept, known and refused.

    Raises InputError when a file cannot be read or lacks a mapped column: then nothing was written.
    """
    say = on_progress or (lambda *_, **__: None)
    result = ImportResult(new_id("im"))
    rows: dict[str, list[Row]] = {"borrower": [], "application": [], "loan": [], "repayment": [], "contact": []}
    for part in mapping.files:
        say(0, description=f"reading {part.file}")
        table = read_table(_checked(folder / part.file, mapping.max_bytes))
        rows[part.makes].extend(read_rows(part, table, result.refusals))
    say(0, description="making loans")
    gathered: Gathered = gather(mapping, rows, result.refusals, say)
    say(0, description="writing")
    started = datetime.now(UTC)
    vault = open_vault(database)
    with database.begin() as connection:
        save(connection, vault, mapping, gathered, result, started, folder, say)
    return result


def _checked(path: Path, max_bytes: int) -> Path:
    try:
        size = path.stat().st_size
    except OSError:
        return path  # read_table says what is wrong
    if size > max_bytes:
        reason = f"{size:,} bytes, more than the {max_bytes:,} that one file of a tape may have"
        raise InputError(
            Problem(str(path), "", reason, "split the file, write it as Parquet, or raise max_bytes in the mapping")
        )
    return path
