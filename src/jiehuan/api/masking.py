"""Personal data at the door: masked by default (``王**``, ``138****5678``), opened only where a route says so.

The database keeps it sealed (``store.vault``); what is masked is opened, cut and forgotten within one request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import Connection, RowMapping, select

from jiehuan.api.errors import NotFound
from jiehuan.api.shapes import Record
from jiehuan.store.masks import mask_name, mask_phone
from jiehuan.store.tables import borrower
from jiehuan.store.vault import Vault
from jiehuan.units.errors import Problem, Refused

log = structlog.get_logger("jiehuan.api")


class BorrowerOut(Record):
    """A borrower as shown by default. ``name`` and ``phone`` are masked; null when the platform does not know them."""

    borrower_id: str
    name: str | None
    phone: str | None
    region: str
    birth_year: int | None
    sex: str | None
    language: str


def unsealed(vault: Vault, row: RowMapping, field: str) -> str | None:
    """One sealed field of a borrower's row in clear; none when it is not known. Raises Refused when it was altered."""
    sealed = row[f"{field}_sealed"]
    return None if sealed is None else vault.open(bytes(sealed), row["borrower_id"])


def borrower_of(connection: Connection, vault: Vault, borrower_id: str) -> BorrowerOut:
    """The borrower, masked. Raises NotFound."""
    row = borrower_row(connection, borrower_id)
    return BorrowerOut(
        borrower_id=borrower_id,
        name=_masked(vault, row, "name", mask_name),
        phone=_masked(vault, row, "phone", mask_phone),
        region=row["region"],
        birth_year=row["birth_year"],
        sex=row["sex"],
        language=row["language"],
    )


def borrower_row(connection: Connection, borrower_id: str) -> RowMapping:
    """The borrower's row, sealed as it is kept. Raises NotFound."""
    row = connection.execute(select(borrower).where(borrower.c.borrower_id == borrower_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(Problem("borrower_id", borrower_id, "no such borrower"))
    return row


def masked_names(connection: Connection, vault: Vault, borrower_ids: Sequence[str]) -> dict[str, str]:
    """Masked names of the borrowers whose names are known, by id."""
    wanted = (borrower.c.borrower_id, borrower.c.name_sealed)
    rows = connection.execute(select(*wanted).where(borrower.c.borrower_id.in_(set(borrower_ids)))).mappings()
    names = {row["borrower_id"]: _masked(vault, row, "name", mask_name) for row in rows}
    return {borrower_id: name for borrower_id, name in names.items() if name is not None}


def _masked(vault: Vault, row: RowMapping, field: str, mask: Callable[[str], str]) -> str | None:
    """A field masked; a value that was altered is logged and left out, so that one bad row does not hide a list."""
    try:
        plain = unsealed(vault, row, field)
    except Refused:
        log.error("a sealed value does not open", borrower=row["borrower_id"], field=field)
        return None
    return None if plain is None else mask(plain)
