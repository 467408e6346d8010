"""Who did what, when, to which thing: one line a deed, appended; the console's live feed reads it. No personal data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from jiehuan.store import tables


def note(
    connection: Connection, at: datetime, actor: str, verb: str, subject: str, detail: Mapping[str, Any] | None = None
) -> None:
    """Append a deed to the activity log in the caller's transaction."""
    connection.execute(
        insert(tables.activity).values(at=at, actor=actor, verb=verb, subject=subject, detail=dict(detail or {}))
    )


def note_many(
    connection: Connection, actor: str, verb: str, deeds: Sequence[tuple[datetime, str, Mapping[str, Any]]]
) -> None:
    """Append several deeds of one kind, each with its moment, subject and detail."""
    if deeds:
        rows = [
            {"at": at, "actor": actor, "verb": verb, "subject": subject, "detail": dict(detail)}
            for at, subject, detail in deeds
        ]
        connection.execute(insert(tables.activity), rows)
