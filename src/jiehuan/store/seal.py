"""Sealing the journal: a root over all new entries, written into the database and into a file that is not in it.

A chain whose head is only in the same database proves little: whoever can rewrite the table can rewrite the chain. The
seal file (``HOME/seals/journal.seals``, or the place that JIEHUAN_SEAL_FILE names, such as a write-once share) holds
every root, each line chained to the line before. ``audit`` recomputes the roots from the entries and compares both.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, func, insert, select, text

from jiehuan.store.chain import merkle_root
from jiehuan.store.database import Database
from jiehuan.store.locks import waiting_in_vain
from jiehuan.store.tables import entry, journal_seal
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.ids import derived_id


@dataclass(frozen=True, slots=True)
class Seal:
    """A root over the entries numbered after the seal before it up to ``last_seq``."""

    seal_id: str
    on: date
    last_seq: int
    entries: int
    root: bytes


def seal_journal(database: Database, on: date) -> Seal | None:
    """Seal what was appended since the last seal; None when nothing was. To be called after each day end.

    Waits for writers to finish and holds them off for as long as the roots take (about 0.2 s for 100,000 entries). The
    file is written after the database; a crash between the two is made good by the next call.
    """
    with database.begin() as connection, waiting_in_vain(connection, "the journal"):
        connection.execute(text("LOCK TABLE entry IN SHARE ROW EXCLUSIVE MODE"))
        previous = connection.execute(select(func.coalesce(func.max(journal_seal.c.last_seq), 0))).scalar_one()
        rows = connection.execute(
            select(entry.c.seq, entry.c.hash).where(entry.c.seq > previous).order_by(entry.c.seq)
        ).all()
        seal = None
        if rows:
            last = rows[-1].seq
            root = merkle_root([bytes(row.hash) for row in rows])
            seal = Seal(derived_id("se", last, root.hex()), on, last, len(rows), root)
            connection.execute(
                insert(journal_seal).values(
                    seal_id=seal.seal_id, on=seal.on, last_seq=seal.last_seq, entries=seal.entries, root=seal.root
                )
            )
    with database.connect() as connection:
        _write_missing(seal_file(database.home), list(seals(connection)))
    return seal


def seals(connection: Connection) -> Iterator[Seal]:
    """The seals in the database, oldest first."""
    for row in connection.execute(select(journal_seal).order_by(journal_seal.c.last_seq)):
        yield Seal(row.seal_id, row.on, row.last_seq, row.entries, bytes(row.root))


def seal_file(home: Path) -> Path:
    """Where the roots are kept outside the database."""
    return Path(os.environ.get("JIEHUAN_SEAL_FILE") or home / "seals" / "journal.seals")


def read_seal_file(path: Path) -> tuple[list[Seal], list[Problem]]:
    """The seals in the file, and what is wrong with it: a line that cannot be read or does not follow the one before it."""
    if not path.exists():
        return [], []
    found: list[Seal] = []
    problems: list[Problem] = []
    previous = ""
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        where = f"{path} line {number}"
        try:
            said = json.loads(line)
            seal = Seal(
                said["seal_id"],
                date.fromisoformat(said["on"]),
                said["last_seq"],
                said["entries"],
                bytes.fromhex(said["root"]),
            )
            check = said["check"]
        except (ValueError, KeyError, TypeError):
            problems.append(Problem(where, line[:80], "cannot be read", "restore the file from its copy"))
            continue
        if check != _check(previous, seal):
            problems.append(
                Problem(where, seal.seal_id, "was altered, or a line before it", "restore the file from its copy")
            )
        previous = check
        found.append(seal)
    return found, problems


def _write_missing(path: Path, wanted: list[Seal]) -> None:
    there, _ = read_seal_file(path)
    known = {seal.seal_id for seal in there}
    missing = [seal for seal in wanted if seal.seal_id not in known]
    if not missing:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        previous = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])["check"] if there else ""
        with path.open("a", encoding="utf-8") as file:
            for seal in missing:
                previous = _check(previous, seal)
                file.write(json.dumps({**_said(seal), "check": previous}) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        mend = "name a place that can be written in JIEHUAN_SEAL_FILE"
        raise InputError(Problem(str(path), "", f"the seal cannot be written: {error.strerror}", mend)) from None


def _said(seal: Seal) -> dict[str, str | int]:
    return {
        "seal_id": seal.seal_id,
        "on": seal.on.isoformat(),
        "last_seq": seal.last_seq,
        "entries": seal.entries,
        "root": seal.root.hex(),
    }


def _check(previous: str, seal: Seal) -> str:
    return sha256(f"{previous}\n{json.dumps(_said(seal), sort_keys=True)}".encode()).hexdigest()
