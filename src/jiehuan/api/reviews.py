"""A person's decision on an application: what the policy leaves to people, and the review that every refused person may ask.

A reviewer can approve only what was offered by the policy under the law of the day: a refusal without offers stands.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy import Connection, insert, select, update

from jiehuan.api.applications import DecisionOut, decisions_of
from jiehuan.api.clock import moment
from jiehuan.api.errors import NotFound
from jiehuan.api.shapes import Body, Id, Remark
from jiehuan.api.writes import Write
from jiehuan.flow.activity import note
from jiehuan.store.outbox import publish
from jiehuan.store.tables import application, decision
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import new_id

router = APIRouter(prefix="/api/applications", tags=["applications"])


class Review(Body):
    """What the reviewer decides, and the reason, which is kept with the decision and told to the applicant."""

    outcome: Literal["approve", "refuse"]
    reason: Annotated[Remark, Field(min_length=5)]


@router.post("/{application_id}/review")
def review_application(write: Write, application_id: Annotated[Id, Path()], body: Review) -> DecisionOut:
    """Decide as a person on an application in review, or on one that was refused."""

    def act(connection: Connection) -> DecisionOut:
        asked = connection.execute(
            select(application.c.status).where(application.c.application_id == application_id).with_for_update()
        ).scalar_one_or_none()
        if asked is None:
            raise NotFound(
                Problem("application_id", application_id, "no such application", "look in GET /api/applications")
            )
        if asked not in {"review", "refused"}:
            mend = "only one in review or refused is decided by a person"
            raise Refused(Problem("application", application_id, f"is {asked}", mend))
        last = connection.execute(
            select(decision)
            .where(decision.c.application_id == application_id)
            .order_by(decision.c.decided_at.desc(), decision.c.decision_id.desc())
            .limit(1)
        ).mappings().one()  # fmt: skip
        if body.outcome == "approve" and not last["offers"]:
            mend = "what the law or the policy rules out for all is not approved by one"
            raise Refused(Problem("application", application_id, "was offered nothing that could be approved", mend))
        now, decision_id = moment(connection), new_id("de")
        said = {"code": "reviewed", "zh": f"人工复核：{body.reason}", "en": f"Reviewed by a person: {body.reason}"}
        kept = {
            **last,
            "decision_id": decision_id,
            "outcome": body.outcome,
            "reasons": [said, *last["reasons"]],
            "decided_by": write.actor.login,
            "decided_at": now,
        }
        connection.execute(insert(decision).values(kept))
        status = "approved" if body.outcome == "approve" else "refused"
        connection.execute(
            update(application).where(application.c.application_id == application_id).values(status=status)
        )
        told = {"application_id": application_id, "outcome": body.outcome, "of": last["decision_id"]}
        publish(connection, "application.decided", application_id, told)
        note(connection, now, write.actor.login, "reviewed", application_id, told)
        return next(each for each in decisions_of(connection, application_id) if each.decision_id == decision_id)

    return write.once(DecisionOut, act)
