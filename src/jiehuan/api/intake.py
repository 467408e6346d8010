"""Intake: what an officer may choose from when writing an application, and what the application would show, before it is kept.

``GET /api/intake`` is about the lender: its type, products, purposes, and the paid sources with the consent that each
needs. ``POST /api/intake/preview`` reads an application as ``POST /api/applications`` does and keeps nothing.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection

from jiehuan.api.access import Keys, Store
from jiehuan.api.application_acts import ApplicationIn, WouldBe
from jiehuan.api.clock import moment
from jiehuan.api.shapes import ProblemOut, Record, Words, Yuan, yuan
from jiehuan.flow.lender import lender_of
from jiehuan.law import law_on
from jiehuan.product import load_catalogue
from jiehuan.profile.declare import declared_features
from jiehuan.units.days import CHINA
from jiehuan.units.errors import JiehuanError

router = APIRouter(prefix="/api/intake", tags=["applications"])


class ProductChoice(Record):
    """A product of the catalogue which this kind of lender may offer."""

    id: str
    name: Words
    about: Words
    method: str
    months: list[int]
    least: Yuan | None
    most: Yuan | None
    purposes: list[str]


class SourceChoice(Record):
    """A declared paid source. ``purpose`` is that to which the person must have consented; an answer is free for ``days``."""

    name: str
    data: str
    says: Words
    purpose: str
    cost: Yuan | None
    days: int


class IntakeOut(Record):
    """What can be chosen; ``problems`` tell why the paid sources cannot be used (the law forbids one, say)."""

    lender_type: str
    products: list[ProductChoice]
    purposes: list[str]
    sources: list[SourceChoice]
    problems: list[ProblemOut]


class Preview(WouldBe):
    """What would be decided now, without the paid sources; ``income`` and ``affordability`` as a decision keeps them."""

    known_borrower: bool
    income: dict[str, Any] | None
    affordability: dict[str, Any] | None


@router.get("")
def intake_choices(database: Store) -> IntakeOut:
    """The lender's type, products, purposes and paid sources."""
    with database.connect() as connection:
        lender_type = str(lender_of(connection)["lender_type"])
        sources, problems = _sources(connection, lender_type)
    products = [one for one in load_catalogue().products if not one.lenders or lender_type in one.lenders]
    purposes = dict.fromkeys(purpose for product in products for purpose in product.purposes)
    return IntakeOut(
        lender_type=lender_type,
        products=[
            ProductChoice(
                id=one.id,
                name=Words(zh=one.zh, en=one.en),
                about=Words(zh=one.about_zh, en=one.about_en),
                method=one.method,
                months=list(one.months),
                least=yuan(one.least_fen),
                most=yuan(one.most_fen),
                purposes=list(one.purposes),
            )
            for one in products
        ],
        purposes=list(purposes),
        sources=sources,
        problems=problems,
    )


@router.post("/preview")
def preview_application(database: Store, vault: Keys, body: ApplicationIn) -> Preview:
    """What this application would show of income and affordability, and what would be decided. Nothing is kept, so no key."""
    from jiehuan.flow.intake import preview

    with database.connect() as connection:
        request = body.model_dump(mode="json", exclude_none=True)
        return Preview(**preview(connection, vault, request, moment(connection)))


def _sources(connection: Connection, lender_type: str) -> tuple[list[SourceChoice], list[ProblemOut]]:
    from jiehuan.flow.sources import sources_of

    try:
        found = sources_of(connection, law_on(moment(connection).astimezone(CHINA).date(), lender_type))
    except JiehuanError as error:
        return [], [ProblemOut(**problem.as_dict()) for problem in error.problems]
    said = {source.data: Words(zh=source.zh, en=source.en) for source in declared_features().sources.values()}
    choices = [
        SourceChoice(
            name=one.name,
            data=one.data,
            says=said.get(one.data, Words(zh=one.name, en=one.name)),
            purpose=one.consent,
            cost=yuan(one.cost_fen),
            days=one.cache_days,
        )
        for one in found
    ]
    return choices, []
