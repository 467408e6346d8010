"""The way of an application to a loan: apply, decide, sign, disburse; and what would be decided if it were otherwise.

Each act is a verb of ``jiehuan.flow``, in one transaction with its Idempotency-Key.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy import Connection, select

from jiehuan.api.access import Keys, Store
from jiehuan.api.applications import DecisionMade, LawCheck, Offer, Reason, decision_made
from jiehuan.api.clock import moment
from jiehuan.api.errors import NotFound
from jiehuan.api.shapes import (
    Body,
    Facts,
    Id,
    NewId,
    Plain,
    ProblemOut,
    Rate,
    Record,
    Remark,
    Stored,
    Yuan,
    YuanIn,
    instant,
)
from jiehuan.api.writes import Write
from jiehuan.store.tables import application, borrower
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.money import format_yuan

router = APIRouter(prefix="/api/applications", tags=["applications"])

Lender = Literal["bank", "consumer_finance_company", "micro_lender", "other"]


class PersonIn(Body):
    """Who asks. ``id_number`` or ``borrower_id`` is needed; what is personal is sealed before it is kept."""

    borrower_id: NewId | None = None
    name: Annotated[Plain, Field(max_length=100)] | None = None
    id_number: Annotated[str, Field(pattern=r"^[0-9]{17}[0-9X]$")] | None = None
    phone: Annotated[str, Field(pattern=r"^\+?[0-9]{5,15}$")] | None = None
    email: Annotated[str, Field(max_length=200, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    region: Annotated[Remark, Field(min_length=1, max_length=50)]
    birth_date: date | None = None
    sex: Literal["male", "female"] | None = None
    language: Literal["zh", "en"] = "zh"


class ApplicationIn(Body):
    """What is asked for. ``features`` are facts by name (``docs/reference/formats.md``); amounts in them as declared there."""

    application_id: NewId | None = None
    lender_type: Lender
    product: Annotated[Remark, Field(min_length=1, max_length=100)]
    channel: Annotated[Remark, Field(max_length=100)] = "api"
    purpose: Remark = ""
    amount: YuanIn
    months: Annotated[int, Field(ge=1, le=360)]
    features: Facts = Field(default_factory=dict)
    borrower: PersonIn


class ApplicationBrief(Record):
    """An application and where it stands."""

    application_id: str
    borrower_id: str
    status: str


class SignIn(Body):
    """Which offer of the last decision is signed, counted from 0."""

    offer: Annotated[int, Field(ge=0, le=100)] = 0


class Signed(Record):
    """The contract and its papers."""

    contract_id: str
    contract_file: str
    cost_sheet_file: str


class Disbursed(Record):
    """The loan that was booked."""

    loan_id: str


class SourceAnswer(Record):
    """What one source said; ``cached`` when it was known, which costs nothing."""

    source: str
    cost: Yuan
    cached: bool
    asked_at: datetime | None
    fields: dict[str, Any]


class GatheredOut(Record):
    """What the sources said and cost; ``problems`` tell which gave no answer and why (no consent, not reachable)."""

    answers: list[SourceAnswer]
    cost: Yuan
    problems: list[ProblemOut]


class WhatIf(Body):
    """What to change of the application; what is absent stays. ``features`` replace those of the same name."""

    amount: YuanIn | None = None
    months: Annotated[int, Field(ge=1, le=60)] | None = None
    product: Annotated[Remark, Field(max_length=100)] | None = None
    features: Facts = Field(default_factory=dict)


class WouldBe(Stored):
    """The decision that would be taken; nothing is kept."""

    outcome: str
    limit: Yuan | None
    rate: Rate | None
    amount: Yuan | None
    months: int | None
    method: str | None
    product: str | None
    pd: str | None
    points: int | None
    reasons: list[Reason]
    law_checks: list[LawCheck]
    offers: list[Offer]


@router.post("", status_code=201)
def apply_for_loan(write: Write, vault: Keys, body: ApplicationIn) -> ApplicationBrief:
    """Keep an application."""
    from jiehuan.flow.apply import apply

    def act(connection: Connection) -> ApplicationBrief:
        request = body.model_dump(mode="json", exclude_none=True)
        return _brief(connection, apply(connection, vault, request, moment(connection)))

    return write.once(ApplicationBrief, act, 201)


@router.post("/{application_id}/gather")
def gather_sources(write: Write, vault: Keys, application_id: Annotated[Id, Path()]) -> GatheredOut:
    """Ask the lender's declared sources about the applicant, with consent, before a decision; a known answer costs nothing."""
    from jiehuan.flow.sources import gather, sources_of
    from jiehuan.law import law_on

    def act(connection: Connection) -> GatheredOut:
        _brief(connection, application_id)
        at = moment(connection)
        lender = connection.execute(
            select(application.c.lender_type).where(application.c.application_id == application_id)
        ).scalar_one()
        sources = sources_of(connection, law_on(at.astimezone(CHINA).date(), lender))
        found = gather(connection, vault, application_id, sources, at, write.actor.login)
        answers = [
            SourceAnswer(
                source=name,
                cost=format_yuan(one.cost_fen),
                cached=one.cached,
                asked_at=instant(one.asked_at),
                fields=dict(one.fields),
            )
            for name, one in found.answers.items()
        ]
        problems = [ProblemOut(**problem.as_dict()) for problem in found.problems]
        return GatheredOut(answers=answers, cost=format_yuan(found.cost_fen), problems=problems)

    return write.once(GatheredOut, act)


@router.post("/{application_id}/decide")
async def decide_application(write: Write, application_id: Annotated[Id, Path()]) -> DecisionMade:
    """Decide by the policy and the model in force; deciding again keeps a further decision.

    The answer leaves out the inputs, which ``GET /api/applications/{application_id}`` tells.
    """
    from jiehuan.flow.decide import decide

    def act(connection: Connection) -> DecisionMade:
        try:
            kept = decide(connection, application_id, moment(connection), write.actor.login)
        except Refused:
            _brief(connection, application_id)  # not found is another answer than not now
            raise
        return decision_made(kept)

    return await write.in_turn(DecisionMade, act)


@router.post("/{application_id}/sign")
def sign_application(write: Write, vault: Keys, application_id: Annotated[Id, Path()], body: SignIn) -> Signed:
    """Make contract and cost sheet of an approved application's offer."""
    from jiehuan.flow.sign import sign

    def act(connection: Connection) -> Signed:
        _brief(connection, application_id)
        return Signed(**sign(connection, vault, application_id, moment(connection), body.offer))

    return write.once(Signed, act)


@router.post("/{application_id}/disburse")
def disburse_application(write: Write, application_id: Annotated[Id, Path()]) -> Disbursed:
    """Book the signed loan and pay out, unless the law of the day forbids the draw (409 with the article)."""
    from jiehuan.flow.disburse import disburse

    def act(connection: Connection) -> Disbursed:
        _brief(connection, application_id)
        return Disbursed(loan_id=disburse(connection, application_id))

    return write.once(Disbursed, act)


@router.post("/{application_id}/what-if")
def what_if(database: Store, application_id: Annotated[Id, Path()], body: WhatIf) -> WouldBe:
    """What the policy in force would decide if the application were otherwise. Nothing is kept, so no key is needed."""
    from jiehuan.flow.decide import champion, document_of
    from jiehuan.flow.evaluate import evaluate
    from jiehuan.flow.policies import policy_in_force

    with database.connect() as connection:
        row = connection.execute(
            select(application, borrower.c.birth_year)
            .join(borrower, borrower.c.borrower_id == application.c.borrower_id)
            .where(application.c.application_id == application_id)
        ).one_or_none()
        if row is None:
            raise NotFound(
                Problem("application_id", application_id, "no such application", "look in GET /api/applications")
            )
        document = document_of(connection, row)
        model, policy = champion(connection)[1], policy_in_force(connection, moment(connection))
    changes = body.model_dump(exclude_none=True, exclude={"features"})
    changed = {**document, **changes, "features": {**document["features"], **body.features}}
    return WouldBe(**evaluate(changed, model=model, policy=policy))


def _brief(connection: Connection, application_id: str) -> ApplicationBrief:
    wanted = (application.c.application_id, application.c.borrower_id, application.c.status)
    row = (
        connection.execute(select(*wanted).where(application.c.application_id == application_id))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound(
            Problem("application_id", application_id, "no such application", "look in GET /api/applications")
        )
    return ApplicationBrief(**row)
