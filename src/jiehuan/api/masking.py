"""Personal data at the door: masked by default (``王**``, ``138****5678``), opened only where a route says so.

The database keeps it sealed (``store.vault``); what is masked is opened, cut and forgotten within one request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from jiehuan.api.errors import NotFound
from jiehuan.api.shapes import Record
from jiehuan.store.tables import borrower
from jiehuan.units.errors import Problem


class BorrowerOut(Record):
    """A borrower as shown by default. ``name`` and ``phone`` are masked; null when the platform does not know them."""

    borrower_id: str
    name: str | None
    phone: str | None
    region: str
    birth_year: int | None
    sex: str | None
    language: str


def mask_name(name: str) -> str:
    """The first character and stars: enough to recognise a file, not a person.

    >>> mask_name("王小明"), mask_name("Ada Lovelace"), mask_name("")
    ('王**', 'A**', '')
    """
    return f"{name[0]}**" if name else ""


def mask_phone(phone: str) -> str:
    """Three digits, stars, the last two.

    >>> mask_phone("13812345678"), mask_phone("123")
    ('138******78', '***')
    """
    return f"{phone[:3]}{'*' * (len(phone) - 5)}{phone[-2:]}" if len(phone) >= 8 else "*" * len(phone)


def unsealed(row: Mapping[str, Any], field: str) -> str | None:
    """One sealed field of a borrower's row in clear; none when the platform does not hold it."""
    raise NotImplementedError


def borrower_of(connection: Connection, borrower_id: str) -> BorrowerOut:
    """The borrower, masked. Raises NotFound."""
    row = connection.execute(select(borrower).where(borrower.c.borrower_id == borrower_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(Problem("borrower_id", borrower_id, "no such borrower"))
    name, phone = unsealed(row, "name"), unsealed(row, "phone")
    return BorrowerOut(
        borrower_id=borrower_id,
        name=None if name is None else mask_name(name),
        phone=None if phone is None else mask_phone(phone),
        **{key: row[key] for key in ("region", "birth_year", "sex", "language")},
    )


def masked_names(connection: Connection, borrower_ids: Sequence[str]) -> dict[str, str]:
    """Masked names of the borrowers whose names are known, by id."""
    rows = connection.execute(select(borrower).where(borrower.c.borrower_id.in_(set(borrower_ids)))).mappings()
    names = {row["borrower_id"]: unsealed(row, "name") for row in rows}
    return {borrower_id: mask_name(name) for borrower_id, name in names.items() if name is not None}
