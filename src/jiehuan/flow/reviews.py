"""A person looks again: reviews that a refused borrower asked for, or that the policy left to people, each with its day.

Nobody may be decided about by machine alone who asks for a person (Personal Information Protection Law art. 24). The days
are the lender's (``lender.yaml``), as the law sets none; what is still open on the evening of its last day is raised as an
alert by the day end, once, so that no review passes its day in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_not

from jiehuan.flow.activity import note
from jiehuan.flow.lender import lender_of
from jiehuan.law import law_on
from jiehuan.store import tables
from jiehuan.store.decisions import last_decision
from jiehuan.store.outbox import publish
from jiehuan.store.rows import to_json
from jiehuan.store.straight import ask
from jiehuan.units.calendar import add_working_days
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import derived_id, new_id

OVERDUE = "review_overdue"
"""The rule under which a missed review stands among the alerts."""


def ask_review(
    connection: Connection, application_id: str, actor: str, at: datetime, words: str = ""
) -> dict[str, Any]:
    """Open a review of the last decision on a refused application, at the borrower's wish; one that is open is returned.

    ``words`` are the borrower's own. Raises Refused when the application was not refused, or was reviewed already.
    """
    application = connection.execute(
        select(tables.application).where(tables.application.c.application_id == application_id).with_for_update()
    ).one_or_none()
    if application is None:
        raise Refused(Problem("application_id", application_id, "no such application", "check the id"))
    waiting = open_review(connection, application_id)
    if waiting is not None:
        return waiting
    if application.status != "refused":
        reason = f"is {application.status}: there is no refusal to look at again"
        raise Refused(Problem("application", application_id, reason, "a review is for refused applications"))
    last = connection.execute(last_decision(application_id, tables.decision.c.decision_id)).scalar_one()
    done = connection.execute(select(tables.review.c.review_id).where(tables.review.c.outcome_id == last)).first()
    if done is not None:
        mend = "a new application with new facts is decided anew"
        raise Refused(Problem("application", application_id, "a person decided on it already", mend))
    return _open(connection, application_id, last, "request", application.lender_type, actor, at, words)


def leave_to_people(
    connection: Connection, application_id: str, decision_id: str, lender_type: str, at: datetime
) -> None:
    """Open a review where the policy leaves the decision to a person; nothing when one is open."""
    if ask(connection, _IS_OPEN, (application_id,)) is None:
        _open(connection, application_id, decision_id, "policy", lender_type, "policy", at, "")


def open_review(connection: Connection, application_id: str) -> dict[str, Any] | None:
    """The open review of an application."""
    found = connection.execute(
        select(tables.review).where(tables.review.c.application_id == application_id, tables.review.c.status == "open")
    ).mappings().one_or_none()  # fmt: skip
    return dict(found) if found is not None else None


def close_review(
    connection: Connection, application_id: str, outcome: str, outcome_id: str, actor: str, at: datetime, reason: str
) -> None:
    """End the open review, when there is one, with what was decided: ``outcome`` approved, refused or superseded."""
    connection.execute(
        update(tables.review)
        .where(tables.review.c.application_id == application_id, tables.review.c.status == "open")
        .values(status=outcome, outcome_id=outcome_id, reason=reason, decided_by=actor, decided_at=at)
    )


def raise_missed(connection: Connection, on: date) -> int:
    """Raise every open review whose day is over on the evening of ``on`` and was not raised yet; how many.

    Each becomes a critical alert under the borrower's account and a line of the activity log.
    """
    review = tables.review.c
    rows = connection.execute(
        select(review.review_id, review.application_id, review.due_on, review.kind, tables.application.c.borrower_id)
        .join(tables.application, tables.application.c.application_id == review.application_id)
        .where(review.status == "open", review.due_on <= on, review.missed_on.is_(None))
        .order_by(review.due_on, review.review_id)
        .with_for_update(of=tables.review)
    ).all()
    evening = datetime.combine(on, time(23, 59), CHINA)
    for row in rows:
        told = {"application_id": row.application_id, "due_on": row.due_on.isoformat(), "kind": row.kind}
        alert = {
            "alert_id": derived_id("al", OVERDUE, row.review_id), "account_id": row.borrower_id, "at": evening,
            "rule": OVERDUE, "severity": "critical", "evidence": {**told, "review_id": row.review_id},
        }  # fmt: skip
        connection.execute(insert_or_not(tables.alert).values(alert).on_conflict_do_nothing())
        publish(connection, "review.missed", row.review_id, told)
        note(connection, evening, "system", "review_missed", row.application_id, told)
    if rows:
        missed = [row.review_id for row in rows]
        connection.execute(update(tables.review).where(review.review_id.in_(missed)).values(missed_on=on))
    return len(rows)


def deadline_of(kind: str, asked_on: date, days: Mapping[str, int], lender_type: str) -> tuple[date, dict[str, Any]]:
    """The last day of a review and what it rests on: calendar days for a request, working days for the policy's own.

    The law gives a borrower's right without a term; where it sets one for complaints, the lender's own may be shorter only.
    """
    law = law_on(asked_on, lender_type)
    rule, term = law.rule("automated_decision"), law.rule("complaint_days") if kind == "request" else None
    count = min(int(days[kind]), term.value["simple"]) if term else int(days[kind])
    due = asked_on + timedelta(days=count) if kind == "request" else add_working_days(asked_on, count)
    unit_zh, unit_en = ("日", "days") if kind == "request" else ("个工作日", "working days")
    basis: dict[str, Any] = {
        "days": count,
        "unit": "calendar" if kind == "request" else "working",
        "citation": "; ".join(one.citation for one in (rule, term) if one),
        "zh": f"依法可要求人工复核；本机构承诺{count}{unit_zh}内办结" if rule else f"本机构承诺{count}{unit_zh}内办结",
        "en": f"{'The law gives the right to a person; ' if rule else ''}the lender decides within {count} {unit_en}",
    }
    return due, basis


def _open(
    connection: Connection,
    application_id: str,
    decision_id: str,
    kind: str,
    lender_type: str,
    actor: str,
    at: datetime,
    words: str,
) -> dict[str, Any]:
    days = lender_of(connection)["review_days"]
    due, basis = deadline_of(kind, at.astimezone(CHINA).date(), days, lender_type)
    review_id = new_id("rv")
    row = (review_id, application_id, decision_id, kind, words, actor, at, due, to_json(basis))
    made = dict(zip(_COLUMNS, ask(connection, _OPEN, row) or (), strict=True))
    if kind == "request":
        told = {"review_id": review_id, "due_on": due.isoformat()}
        publish(connection, "review.asked", application_id, told)
        note(connection, at, actor, "review_asked", application_id, told)
    return made


_COLUMNS = tuple(column.name for column in tables.review.c)
_IS_OPEN = "SELECT 1 FROM review WHERE application_id = %s AND status = 'open'"
_OPEN = f"""
INSERT INTO review (review_id, application_id, decision_id, kind, words, asked_by, asked_at, due_on, basis, status)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, 'open') RETURNING {", ".join(_COLUMNS)}
"""  # noqa: S608 - the names are ours
"""Straight to the driver, as the policy leaves every fourth or fifth decision to people."""
