"""Decide: one application through profile, score, affordability, policy, offers and law; the decision is kept whole.

What decides is ``evaluate``, a pure function; the stored inputs and versions give the same decision again (``again``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from jiehuan.flow.activity import note
from jiehuan.flow.evaluate import evaluate
from jiehuan.flow.line_draws import line_of
from jiehuan.flow.line_terms import CODE
from jiehuan.flow.outcomes import earlier_loans
from jiehuan.flow.policies import NAME, day_of, policy_in_force, policy_version
from jiehuan.flow.reviews import close_review, leave_to_people, open_review
from jiehuan.score import Model
from jiehuan.store import tables
from jiehuan.store.act import Deed, Message
from jiehuan.store.decisions import Asked, champion_of, keep, last_decision, look
from jiehuan.store.outbox import publish
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import new_id
from jiehuan.units.money import format_yuan, parse_yuan
from jiehuan.units.rates import PPM, parse_rate

STATUS = {"approve": "approved", "refuse": "refused", "review": "review"}


def decide(connection: Connection, application_id: str, at: datetime, actor: str = "policy") -> dict[str, Any]:
    """Decide an application that waits for it, and keep the decision; the decision document with its id, model and time.

    An application that was signed or booked is Refused: its decision stands.
    """
    application = look(connection, application_id, day_of(at), NAME)
    if application.status in {"signed", "booked", "imported", "withdrawn"}:
        raise Refused(Problem("application", application_id, f"is {application.status}", "its decision stands"))
    document = document_of(connection, application)
    model_id = application.champion_id
    model = load_model(connection, model_id) if model_id else None
    version = application.policy_in_force
    policy = policy_version(connection, version) if version else policy_in_force(connection, at)
    decided = evaluate(document, model=model, policy=policy)
    decision_id = new_id("de")
    row = {
        "decision_id": decision_id,
        "application_id": application_id,
        "outcome": decided["outcome"],
        "limit_fen": parse_yuan(decided["limit"]) if decided["limit"] else None,
        "rate_ppm": parse_rate(decided["rate"]) if decided["rate"] else None,
        "months": decided["months"],
        "method": decided["method"],
        "points": decided["points"],
        "pd": parse_rate(decided["pd"]) / PPM if decided["pd"] else None,
        "reasons": [*decided["reasons"], *told_of_score(decided["score_reasons"])],
        "law_checks": decided["law_checks"],
        "offers": decided["offers"],
        "seen": decided["inputs"]["policy"],
        "inputs": {"document": document, "decided": decided},
        "policy_version": decided["versions"]["policy"],
        "model_id": model_id,
        "law_version": decided["versions"]["law"],
        "decided_by": actor,
        "decided_at": at,
    }
    told = {"application_id": application_id, "outcome": decided["outcome"], "limit": decided["limit"]}
    message = Message("application.decided", application_id, told)
    keep(connection, row, STATUS[decided["outcome"]], message, Deed(at, actor, "decided", application_id, told))
    _reviews_follow(connection, application, decided["outcome"], decision_id, at)
    facts = {name: row[name] for name in ("decision_id", "application_id", "model_id", "decided_by", "decided_at")}
    return {**decided, **facts}


def review(connection: Connection, application_id: str, approve: bool, why: str, actor: str, at: datetime) -> str:
    """A person decides an application that is in review, or that was refused and is looked at again; the decision's id.

    Limit, price and offers stay as the policy computed them; the person's reason stands first. Raises Refused when the
    application waits for no person, or when nothing was offered that could be approved: what law or policy rules out for
    all is not approved by one.
    """
    application = connection.execute(
        select(tables.application).where(tables.application.c.application_id == application_id).with_for_update()
    ).one_or_none()
    if application is None:
        raise Refused(Problem("application_id", application_id, "no such application", "check the id"))
    if application.status not in {"review", "refused"}:
        mend = "only one in review or refused is decided by a person"
        raise Refused(Problem("application", application_id, f"is {application.status}", mend))
    last = connection.execute(last_decision(application_id)).one()
    if approve and not last.offers:
        mend = "what the law or the policy rules out for all is not approved by one"
        raise Refused(Problem("application", application_id, "was offered nothing that could be approved", mend))
    decision_id = new_id("de")
    said = {"code": "reviewed", "zh": f"人工复核：{why}", "en": f"Reviewed by a person: {why}"}
    row = {name: value for name, value in last._mapping.items() if name not in {"decision_id", "reasons", "outcome"}}
    row |= {"decided_by": actor, "decided_at": at, "reasons": [said, *last.reasons]}
    outcome = "approve" if approve else "refuse"
    connection.execute(insert(tables.decision).values(decision_id=decision_id, outcome=outcome, **row))
    connection.execute(
        update(tables.application)
        .where(tables.application.c.application_id == application_id)
        .values(status=STATUS[outcome])
    )
    close_review(connection, application_id, STATUS[outcome], decision_id, actor, at, why)
    told = {"application_id": application_id, "outcome": outcome, "of": last.decision_id}
    publish(connection, "application.decided", application_id, told)
    note(connection, at, actor, "reviewed", application_id, told)
    return decision_id


def _reviews_follow(connection: Connection, application: Asked, outcome: str, decision_id: str, at: datetime) -> None:
    """What the policy leaves to people waits for one; what it decided anew on its own ends a review that was open."""
    if outcome == "review":
        leave_to_people(connection, application.application_id, decision_id, application.lender_type, at)
    elif application.status != "new":
        waiting = open_review(connection, application.application_id)
        if waiting is not None and (outcome == "approve" or waiting["kind"] == "policy"):
            reason = "decided anew by the policy"
            close_review(connection, application.application_id, "superseded", decision_id, "policy", at, reason)


def document_of(connection: Connection, application: Any) -> dict[str, Any]:
    """The application as the document that ``evaluate`` takes: what was asked, features, earlier loans with us, the credit line."""
    features = dict(application.features)
    features.pop("consents", None)  # to what the person agreed is asked of sources, not a fact to decide by
    document: dict[str, Any] = {
        "applied_at": application.applied_at.isoformat(),
        "lender_type": application.lender_type,
        "product": application.product,
        "purpose": application.purpose,
        "amount": format_yuan(application.amount_fen),
        "months": application.months,
        "features": features,
        "borrower": {
            name: features[name] for name in ("is_student", "identity_verified", "on_block_list") if name in features
        },
    }
    for name in ("bank_flow", "bureau", "device", "pay_day", "living_costs"):
        if name in features:
            document[name] = features.pop(name)
    declared = features.pop("declared_income_fen", None)
    if declared is not None:
        document["declared_income"] = format_yuan(declared)
    if application.birth_year and "age" not in features:
        document["borrower"]["birth_year"] = application.birth_year
    if "earlier_loans" not in features and getattr(application, "has_borrowed", True):
        earlier = earlier_loans(connection, application.borrower_id, application.applied_at)
        if earlier:
            document["earlier_loans"] = earlier
    line = line_of(connection, application.borrower_id) if getattr(application, "has_line", True) else None
    if line is not None:
        document[CODE] = line.as_document()
    return document


def again(connection: Connection, decision_id: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The decision as stored, and as it comes out today from the stored inputs and versions."""
    row = connection.execute(select(tables.decision).where(tables.decision.c.decision_id == decision_id)).one()
    model = load_model(connection, row.model_id) if row.model_id else None
    policy = policy_version(connection, row.policy_version)
    return row.inputs["decided"], evaluate(row.inputs["document"], model=model, policy=policy)


def champion(connection: Connection) -> tuple[str | None, Model | None]:
    """The admission model in force, with its id; (None, None) before the first was fitted."""
    model_id = champion_of(connection, NAME)
    return (model_id, load_model(connection, model_id)) if model_id else (None, None)


def load_model(connection: Connection, model_id: str) -> Model:
    """A stored model. Models never change, so each process reads one once."""
    if model_id not in _MODELS:
        body = connection.execute(select(tables.model.c.body).where(tables.model.c.model_id == model_id)).scalar_one()
        if len(_MODELS) > 20:
            _MODELS.clear()
        _MODELS[model_id] = Model.from_document(body)
    return _MODELS[model_id]


_MODELS: dict[str, Model] = {}


def told_of_score(score_reasons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The score's reasons as a decision keeps them, after the policy's."""
    return [{**reason, "source": "score"} for reason in score_reasons]
