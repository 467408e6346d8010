"""Who a borrower is, opened from the vault for the few uses that need it: contracts, reminders, pleadings."""

from __future__ import annotations

from sqlalchemy import Connection, select

from jiehuan.store import tables
from jiehuan.store.vault import Vault
from jiehuan.units.errors import Problem, Refused

NOT_GIVEN = "—"


def identity_of(connection: Connection, vault: Vault, borrower_id: str) -> dict[str, str]:
    """Name, id number, phone, email (opened), region and language of a borrower; what was never given is a dash."""
    row = connection.execute(
        select(tables.borrower).where(tables.borrower.c.borrower_id == borrower_id)
    ).mappings().one_or_none()  # fmt: skip
    if row is None:
        raise Refused(Problem("borrower_id", borrower_id, "no such borrower", "check the id"))
    opened = {
        name: vault.open(row[f"{name}_sealed"], borrower_id) if row[f"{name}_sealed"] else NOT_GIVEN
        for name in ("name", "id_number", "phone", "email")
    }
    return {**opened, "region": row["region"], "language": row["language"]}
