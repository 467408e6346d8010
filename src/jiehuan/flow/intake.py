"""Intake: what an application being written would look like, before it is kept: mistakes, income, affordability.

Nothing is stored. An officer sees what a bank flow shows of income, and what the cash flow carries, while the applicant
is still there; the decision itself waits until the application is kept and the paid sources were asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, select

from jiehuan.flow.apply import read_application
from jiehuan.flow.decide import champion, document_of
from jiehuan.flow.evaluate import evaluate
from jiehuan.flow.policies import policy_in_force
from jiehuan.store import tables
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA


def preview(connection: Connection, vault: Vault, request: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The decision document of ``request`` (as ``apply`` takes it) as of ``at``, with ``known_borrower``; nothing is kept.

    A borrower who is known by id or id number brings earlier loans and the credit line. Raises InputError naming every
    field that is wrong.
    """
    values = read_application(request, at)
    person = values.pop("borrower")
    known = _known(connection, vault, person)
    born = person.get("birth_date")
    asked = SimpleNamespace(
        **values,
        applied_at=at.astimezone(CHINA),
        borrower_id=known,
        birth_year=born.year if born else None,
        has_borrowed=known is not None,
        has_line=known is not None,
    )
    model, policy = champion(connection)[1], policy_in_force(connection, at)
    told = evaluate(document_of(connection, asked), model=model, policy=policy)
    return {**told, "known_borrower": known is not None}


def _known(connection: Connection, vault: Vault, person: Mapping[str, Any]) -> str | None:
    """The id under which the person is already known; None for a new one."""
    borrower = tables.borrower.c
    if person.get("id_number"):
        same = borrower.id_number_index == vault.blind_index(person["id_number"])
    else:
        same = borrower.borrower_id == person["borrower_id"]
    return connection.execute(select(borrower.borrower_id).where(same)).scalar_one_or_none()
