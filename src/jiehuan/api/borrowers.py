"""A borrower as people see one: masked, unless the role may see more and says what for, which is recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field
from sqlalchemy import select

from jiehuan.api.access import Acting, Keys, Store
from jiehuan.api.errors import NotAllowed
from jiehuan.api.masking import BorrowerOut, borrower_of, borrower_row, unsealed
from jiehuan.api.rules import rules
from jiehuan.api.shapes import Body, Id, Record
from jiehuan.flow.activity import note
from jiehuan.store.tables import borrower
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/borrowers", tags=["borrowers"])

Purpose = Literal["contact", "case", "review", "complaint", "audit"]


class Identity(Record):
    """The personal data that the role may see, unmasked; fields that it may not see are null."""

    borrower_id: str
    name: str | None
    phone: str | None
    email: str | None
    id_number: str | None


class Search(Body):
    """The identity number of the person who is looked for; a body, as it must not stand in an address."""

    id_number: Annotated[str, Field(pattern=r"^[0-9]{17}[0-9X]$")]


class Found(Record):
    """The borrower, masked; null when there is none with this number."""

    borrower: BorrowerOut | None


@router.post("/search")
def search_borrower(database: Store, vault: Keys, actor: Acting, body: Search) -> Found:
    """Find a person by identity number (blind index; the number is neither kept nor logged). The search is recorded."""
    with database.begin() as connection:
        known = select(borrower.c.borrower_id).where(borrower.c.id_number_index == vault.blind_index(body.id_number))
        borrower_id = connection.execute(known).scalar_one_or_none()
        note(connection, datetime.now(UTC), actor.login, "borrower_searched", borrower_id or "nobody")
        return Found(borrower=borrower_of(connection, vault, borrower_id) if borrower_id else None)


@router.get("/{borrower_id}")
def get_borrower(database: Store, vault: Keys, borrower_id: Annotated[Id, Path()]) -> BorrowerOut:
    """The borrower, masked."""
    with database.connect() as connection:
        return borrower_of(connection, vault, borrower_id)


@router.get("/{borrower_id}/identity")
def get_identity(
    database: Store,
    vault: Keys,
    actor: Acting,
    response: Response,
    borrower_id: Annotated[Id, Path()],
    purpose: Annotated[Purpose, Query()],
) -> Identity:
    """Name, phone and the like, for a stated purpose; who saw what, when and what for goes into the diary first."""
    fields = rules().personal[actor.role]
    if not fields:
        raise NotAllowed(Problem("role", actor.role, "may not see personal data", "ask a colleague of that role"))
    with database.begin() as connection:
        row = borrower_row(connection, borrower_id)
        detail = {"purpose": purpose, "fields": sorted(fields)}
        note(connection, datetime.now(UTC), actor.login, "identity_viewed", borrower_id, detail)
    response.headers["Cache-Control"] = "no-store"
    shown = {
        name: unsealed(vault, row, name) if name in fields else None for name in ("name", "phone", "email", "id_number")
    }
    return Identity(borrower_id=borrower_id, **shown)
