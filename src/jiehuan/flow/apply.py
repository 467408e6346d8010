"""Apply: a person asks for a loan. What they said is checked, their identity is sealed, the application is kept.

The same application sent twice is kept once: the caller's ``application_id`` (or the idempotency key at the door) decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from jiehuan.flow.activity import note
from jiehuan.store import tables
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA, parse_date
from jiehuan.units.errors import Conflict, InputError, JiehuanError, Problem
from jiehuan.units.ids import new_id
from jiehuan.units.money import parse_yuan

LENDER_TYPES = ("bank", "consumer_finance_company", "micro_lender", "other")
_ID_NUMBER = re.compile(r"\d{17}[\dX]\Z", re.ASCII)
_PHONE = re.compile(r"\+?\d{5,15}\Z", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")


def apply(connection: Connection, vault: Vault, request: Mapping[str, Any], at: datetime) -> str:
    """Keep an application; return its id. Raises InputError naming every field that is wrong.

    ``request``: ``{application_id?, lender_type, product, channel?, purpose?, amount, months, features?, borrower: {borrower_id?,
    name?, id_number?, phone?, email?, region, birth_date?, sex?, language?}}``, amount in yuan.
    """
    values = read_application(request, at)
    borrower_id = keep_borrower(connection, vault, values.pop("borrower"), at)
    application_id = values.pop("application_id") or new_id("ap")
    row = {"application_id": application_id, "borrower_id": borrower_id, "applied_at": at, "status": "new", **values}
    done = connection.execute(
        insert(tables.application).values(row).on_conflict_do_nothing().returning(tables.application.c.application_id)
    ).first()
    if done is None:
        _same_or_conflict(connection, row)
        return application_id
    note(connection, at, "borrower", "applied", application_id, {"product": row["product"], "channel": row["channel"]})
    return application_id


def keep_borrower(connection: Connection, vault: Vault, person: Mapping[str, Any], at: datetime) -> str:
    """Seal a person's identity and return their id; a known id number is the same person."""
    index = vault.blind_index(person["id_number"]) if person.get("id_number") else None
    if index is not None:
        known = connection.execute(
            select(tables.borrower.c.borrower_id).where(tables.borrower.c.id_number_index == index)
        ).scalar_one_or_none()
        if known is not None:
            return str(known)
    borrower_id = person.get("borrower_id") or new_id("bo")
    sealed = {
        f"{name}_sealed": vault.seal(str(person[name]), borrower_id) if person.get(name) else None
        for name in ("name", "id_number", "phone", "email")
    }
    birth: date | None = person.get("birth_date")
    connection.execute(
        insert(tables.borrower)
        .values(
            borrower_id=borrower_id,
            id_number_index=index,
            region=person.get("region") or "unknown",
            birth_year=birth.year if birth else None,
            sex=person.get("sex"),
            language=person.get("language") or "zh",
            created_at=at,
            **sealed,
        )
        .on_conflict_do_nothing()
    )
    return str(borrower_id)


def read_application(request: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The application's fields, read; ``borrower`` as its own fields. Raises InputError naming every field that is wrong."""
    problems: list[Problem] = []

    def take(name: str, read: Any) -> Any:
        try:
            return read(request.get(name))
        except JiehuanError as error:
            problems.extend(error.problems)
            return None

    lender_type = str(request.get("lender_type", ""))
    if lender_type not in LENDER_TYPES:
        problems.append(Problem("lender_type", lender_type, "not a lender type", "one of " + ", ".join(LENDER_TYPES)))
    product = request.get("product")
    if not isinstance(product, str) or not product:
        problems.append(Problem("product", str(product or ""), "missing", "name a product of the catalogue"))
    features = request.get("features", {})
    if not isinstance(features, dict):
        problems.append(Problem("features", str(features)[:80], "not an object", "send names and values"))
    months = request.get("months")
    if not isinstance(months, int) or isinstance(months, bool) or not 1 <= months <= 360:
        problems.append(Problem("months", str(months), "not a whole number from 1 to 360", "write a number like 12"))
    values = {
        "application_id": request.get("application_id"),
        "lender_type": lender_type,
        "product": product,
        "channel": str(request.get("channel") or "api"),
        "purpose": str(request.get("purpose") or ""),
        "amount_fen": take("amount", lambda cell: parse_yuan(cell, "amount", minimum=1)),
        "months": months,
        "features": features,
        "source": str(request.get("source") or "api"),
        "borrower": _read_person(request.get("borrower"), at.astimezone(CHINA).date(), problems),
    }
    if problems:
        raise InputError(problems)
    return values


def _read_person(person: Any, today: date, problems: list[Problem]) -> dict[str, Any]:
    if not isinstance(person, dict):
        problems.append(
            Problem("borrower", str(person)[:80], "missing", "send at least region, and id_number or borrower_id")
        )
        return {}
    read: dict[str, Any] = {name: person.get(name) for name in ("borrower_id", "region", "sex", "language", "name")}
    for name, shape, example in (
        ("id_number", _ID_NUMBER, "18 characters, the last a digit or X"),
        ("phone", _PHONE, "digits only, like 13800000000"),
        ("email", _EMAIL, "name@host"),
    ):
        value = person.get(name)
        if value is not None and not (isinstance(value, str) and shape.match(value)):
            problems.append(
                Problem(f"borrower.{name}", "", "not well formed", example)
            )  # the value is personal: not repeated
        read[name] = value
    if not read["borrower_id"] and not read["id_number"]:
        problems.append(Problem("borrower", "", "nobody to lend to", "send id_number or borrower_id"))
    if person.get("birth_date") is not None:
        try:
            read["birth_date"] = parse_date(person["birth_date"], "borrower.birth_date")
            if read["birth_date"] > today:
                problems.append(
                    Problem("borrower.birth_date", str(read["birth_date"]), "in the future", "check the year")
                )
        except InputError as error:
            problems.extend(error.problems)
    return read


def _same_or_conflict(connection: Connection, row: Mapping[str, Any]) -> None:
    kept = connection.execute(
        select(tables.application).where(tables.application.c.application_id == row["application_id"])
    ).one()
    compared = ("borrower_id", "lender_type", "product", "amount_fen", "months")
    differing = [name for name in compared if kept._mapping[name] != row[name]]
    if differing:
        raise Conflict(
            Problem(
                "application_id",
                str(row["application_id"]),
                f"exists with other {', '.join(differing)}",
                "use a new id",
            )
        )
