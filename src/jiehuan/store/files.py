"""Documents in the database, by content: the same bytes for the same subject are kept once, and checked when read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, select

from jiehuan.store.rows import insert_missing
from jiehuan.store.tables import file
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import derived_id


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A document with its bytes."""

    file_id: str
    kind: str
    name: str
    media_type: str
    subject: str
    content: bytes
    created_at: datetime


def put_file(connection: Connection, content: bytes, *, kind: str, name: str, media_type: str, subject: str) -> str:
    """Keep a document and return its id, which is made of content, kind and subject: keeping it twice keeps it once."""
    digest = sha256(content).hexdigest()
    file_id = derived_id("fi", digest, kind, subject)
    row = {
        "kind": kind,
        "name": name,
        "media_type": media_type,
        "subject": subject,
        "sha256": digest,
        "content": content,
    }
    insert_missing(connection, file, [{"file_id": file_id, **row}])
    return file_id


def get_file(connection: Connection, file_id: str) -> StoredFile:
    """Read a document. Raises Refused when there is none or its bytes are not those that were kept."""
    row = connection.execute(select(file).where(file.c.file_id == file_id)).one_or_none()
    if row is None:
        raise Refused(Problem("file", file_id, "no such file", "check the id"))
    content = bytes(row.content)
    if sha256(content).hexdigest() != row.sha256:
        raise Refused(Problem("file", file_id, "its bytes were altered", "restore it from a backup"))
    return StoredFile(row.file_id, row.kind, row.name, row.media_type, row.subject, content, row.created_at)


def files_of(connection: Connection, subject: str) -> list[tuple[str, str, str]]:
    """The documents of a loan, case or report, oldest first: (file id, kind, name)."""
    columns = (file.c.file_id, file.c.kind, file.c.name)
    rows = connection.execute(
        select(*columns).where(file.c.subject == subject).order_by(file.c.created_at, file.c.file_id)
    )
    return [(row.file_id, row.kind, row.name) for row in rows]
