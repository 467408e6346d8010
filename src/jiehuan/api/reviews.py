"""Rights: the explanation of a decision, the review that a refused person may ask for, the queue of reviews, a person's decision.

A reviewer can approve only what was offered by the policy under the law of the day: a refusal without offers stands.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlalchemy import Connection, func, select

from jiehuan.api.access import Keys, Store
from jiehuan.api.applications import DecisionOut, decisions_of
from jiehuan.api.clock import act_day, moment
from jiehuan.api.errors import NotFound
from jiehuan.api.masking import masked_names
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Body, Id, Page, Record, Remark, instant, spoken
from jiehuan.api.writes import Write
from jiehuan.flow.decide import review
from jiehuan.flow.reviews import ask_review
from jiehuan.store import tables
from jiehuan.store.tables import application
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api", tags=["applications"])


class Review(Body):
    """What the reviewer decides, and the reason, which is kept with the decision and told to the applicant."""

    outcome: Literal["approve", "refuse"]
    reason: Annotated[Remark, Field(min_length=5)]


class ReviewAsked(Body):
    """What the borrower says about the decision."""

    words: Remark = ""


class ReviewBasis(Record):
    """On what the deadline rests: days, calendar or working, with the law that gives the right."""

    days: int
    unit: str
    citation: str
    zh: str
    en: str


class ReviewRow(Record):
    """A review. ``kind`` is request (the borrower asked) or policy (it left the decision to a person).

    ``status`` is open, approved, refused or superseded; ``overdue`` when it is open and its day is over; ``missed_on`` is
    the evening on which that was raised.
    """

    review_id: str
    application_id: str
    decision_id: str
    borrower_id: str
    name: str | None
    product: str
    kind: str
    words: str
    asked_by: str
    asked_at: datetime
    due_on: date
    basis: ReviewBasis
    status: str
    overdue: bool
    days_left: int
    outcome_id: str | None
    reason: str
    decided_by: str | None
    decided_at: datetime | None
    missed_on: date | None


class ReviewList(Page):
    """A page of reviews, what is due first on top; ``open`` and ``overdue`` count all that wait, and those whose day is over."""

    day: date
    open: int
    overdue: int
    items: list[ReviewRow]


class ExplanationOut(Record):
    """The explanation of a decision: what was looked at, the reasons, what would change it, rights.

    ``file_id`` is the paper that was handed over; none while nobody asked for it.
    """

    decision_id: str
    document: dict[str, Any]
    file_id: str | None
    asked_by: str | None
    made_at: datetime | None


@router.get("/reviews")
def list_reviews(
    database: Store,
    vault: Keys,
    paging: Paging,
    status: Annotated[Literal["open", "done", "all"], Query()] = "open",
    application_id: Annotated[Id | None, Query()] = None,
) -> ReviewList:
    """The queue of reviews: the open ones by their deadline, overdue on top; those done, the latest first."""
    row = tables.review.c
    wanted = select(tables.review, application.c.borrower_id, application.c.product).join(
        application, application.c.application_id == row.application_id
    )
    if status == "open":
        wanted = wanted.where(row.status == "open")
    elif status == "done":
        wanted = wanted.where(row.status != "open")
    if application_id is not None:
        wanted = wanted.where(row.application_id == application_id)
    sortable = {name: row[name] for name in ("due_on", "asked_at", "decided_at")}
    order = {"open": "due_on", "done": "-decided_at", "all": "-asked_at"}[status]
    with database.connect() as connection:
        day = act_day(connection)
        found, total = page_of(connection, wanted, paging, sortable, order, row.review_id)
        counts = connection.execute(
            select(func.count(), func.count().filter(row.due_on < day)).where(row.status == "open")
        ).one()
        names = masked_names(connection, vault, [each["borrower_id"] for each in found])
    items = [_row(each, day, names.get(each["borrower_id"])) for each in found]
    return ReviewList(
        day=day, open=counts[0], overdue=counts[1], items=items, total=total, page=paging.page, size=paging.size
    )


@router.post("/applications/{application_id}/review-request")
def request_review(write: Write, vault: Keys, application_id: Annotated[Id, Path()], body: ReviewAsked) -> ReviewRow:
    """Open a review of a refused application at the borrower's wish; one that is open is answered again."""

    def act(connection: Connection) -> ReviewRow:
        asked = _application(connection, application_id)
        made = ask_review(connection, application_id, write.actor.login, moment(connection), body.words)
        name = masked_names(connection, vault, [asked["borrower_id"]]).get(asked["borrower_id"])
        return _row({**made, **asked}, act_day(connection), name)

    return write.once(ReviewRow, act)


@router.post("/applications/{application_id}/review")
def review_application(write: Write, application_id: Annotated[Id, Path()], body: Review) -> DecisionOut:
    """Decide as a person on an application in review, or on one that was refused; ends its open review."""

    def act(connection: Connection) -> DecisionOut:
        _application(connection, application_id)
        decision_id = review(
            connection, application_id, body.outcome == "approve", body.reason, write.actor.login, moment(connection)
        )
        return next(each for each in decisions_of(connection, application_id) if each.decision_id == decision_id)

    return write.once(DecisionOut, act)


@router.post("/applications/{application_id}/decisions/{decision_id}/explanation")
def explain(
    write: Write, vault: Keys, application_id: Annotated[Id, Path()], decision_id: Annotated[Id, Path()]
) -> ExplanationOut:
    """Explain a decision to the person it is about; made once, kept with the decision, with a paper to hand over."""
    from jiehuan.flow.explanation import explain_decision

    def act(connection: Connection) -> ExplanationOut:
        _decision(connection, application_id, decision_id)
        made = explain_decision(connection, vault, decision_id, write.actor.login, moment(connection))
        return ExplanationOut(**{**made, "made_at": instant(made["made_at"])})

    return write.once(ExplanationOut, act)


@router.get("/applications/{application_id}/decisions/{decision_id}/explanation")
def show_explanation(
    database: Store, application_id: Annotated[Id, Path()], decision_id: Annotated[Id, Path()]
) -> ExplanationOut:
    """The explanation of a decision as it would be handed over, with the paper when it was made. Nothing is kept."""
    from jiehuan.flow.explanation import shown_explanation

    with database.connect() as connection:
        _decision(connection, application_id, decision_id)
        found = shown_explanation(connection, decision_id)
    return ExplanationOut(**{**found, "made_at": instant(found["made_at"])})


def _decision(connection: Connection, application_id: str, decision_id: str) -> None:
    _application(connection, application_id)
    there = select(tables.decision.c.decision_id).where(
        tables.decision.c.decision_id == decision_id, tables.decision.c.application_id == application_id
    )
    if connection.execute(there).first() is None:
        mend = "look in GET /api/applications/{application_id}"
        raise NotFound(Problem("decision_id", decision_id, "no such decision on this application", mend))


def _row(found: Any, day: date, name: str | None) -> ReviewRow:
    said = spoken({**found})
    left = (found["due_on"] - day).days
    return ReviewRow(**said, name=name, overdue=found["status"] == "open" and left < 0, days_left=left)


def _application(connection: Connection, application_id: str) -> dict[str, Any]:
    asked = select(application.c.borrower_id, application.c.product)
    found = connection.execute(asked.where(application.c.application_id == application_id)).mappings().one_or_none()
    if found is None:
        mend = "look in GET /api/applications"
        raise NotFound(Problem("application_id", application_id, "no such application", mend))
    return dict(found)
