"""A person's decision on an application: what the policy leaves to people, and the review that every refused person may ask.

A reviewer can approve only what was offered by the policy under the law of the day: a refusal without offers stands.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy import Connection, select

from jiehuan.api.applications import DecisionOut, decisions_of
from jiehuan.api.clock import moment
from jiehuan.api.errors import NotFound
from jiehuan.api.shapes import Body, Id, Remark
from jiehuan.api.writes import Write
from jiehuan.flow.decide import review
from jiehuan.store.tables import application
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/applications", tags=["applications"])


class Review(Body):
    """What the reviewer decides, and the reason, which is kept with the decision and told to the applicant."""

    outcome: Literal["approve", "refuse"]
    reason: Annotated[Remark, Field(min_length=5)]


@router.post("/{application_id}/review")
def review_application(write: Write, application_id: Annotated[Id, Path()], body: Review) -> DecisionOut:
    """Decide as a person on an application in review, or on one that was refused."""

    def act(connection: Connection) -> DecisionOut:
        there = select(application.c.application_id).where(application.c.application_id == application_id)
        if connection.execute(there).first() is None:
            raise NotFound(
                Problem("application_id", application_id, "no such application", "look in GET /api/applications")
            )
        decision_id = review(
            connection, application_id, body.outcome == "approve", body.reason, write.actor.login, moment(connection)
        )
        return next(each for each in decisions_of(connection, application_id) if each.decision_id == decision_id)

    return write.once(DecisionOut, act)
