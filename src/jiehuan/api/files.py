"""Stored papers: contracts, cost sheets, pleadings, reports, tapes; ``access.yaml`` says who may fetch which kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import Connection, func, select

from jiehuan.api.access import Acting, Store
from jiehuan.api.errors import NotAllowed, NotFound
from jiehuan.api.rules import rules
from jiehuan.api.shapes import Id, Record, spoken
from jiehuan.flow.activity import note
from jiehuan.store import files as store_files
from jiehuan.store.tables import file
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/files", tags=["files"])


class FileRow(Record):
    """A stored paper; GET /api/files/{file_id} gives its bytes."""

    file_id: str
    kind: str
    name: str
    media_type: str
    subject: str
    sha256: str
    size: int
    created_at: datetime


def files_of(connection: Connection, subjects: Sequence[str]) -> list[FileRow]:
    """The papers of these subjects, newest first."""
    columns = [column for column in file.c if column.name != "content"]
    rows = connection.execute(
        select(*columns, func.octet_length(file.c.content).label("size"))
        .where(file.c.subject.in_(subjects))
        .order_by(file.c.created_at.desc(), file.c.file_id)
        .limit(200)
    ).mappings()
    return [FileRow(**spoken(row)) for row in rows]


@router.get(
    "/{file_id}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The file."}},
)
def get_file(
    database: Store,
    actor: Acting,
    file_id: Annotated[Id, Path()],
    inline: Annotated[bool, Query(description="To be shown in the browser rather than saved.")] = False,
) -> Response:
    """The bytes of a paper, if the role may fetch its kind. Papers name people: each fetch is recorded."""
    with database.begin() as connection:
        kind = connection.execute(select(file.c.kind).where(file.c.file_id == file_id)).scalar_one_or_none()
        if kind is None:
            raise NotFound(Problem("file_id", file_id, "no such file"))
        if actor.role not in rules().files.get(kind, frozenset()):
            raise NotAllowed(Problem("role", actor.role, f"may not fetch a {kind}", "ask a colleague of another role"))
        paper = store_files.get_file(connection, file_id)
        note(connection, datetime.now(UTC), actor.login, "file_fetched", file_id, {"kind": kind})
    disposition = "inline" if inline else "attachment"
    return Response(
        paper.content,
        media_type=paper.media_type,
        headers={
            "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(paper.name, safe='')}",
            "Cache-Control": "private, no-store",
            # A stored HTML report is shown without scripts and without the rights of this origin.
            "Content-Security-Policy": "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'",
        },
    )
