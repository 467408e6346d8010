"""The explanation of a decision for the person it is about: what was looked at, why it fell so, what would change it, and rights.

Made from the stored decision alone: its inputs, its policy's version, its reasons. Kept with the decision, once, with the
paper that is handed over (Chinese and English); asking again gives the same paper. Personal Information Protection Law art. 24.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from jiehuan.flow.activity import note
from jiehuan.flow.evaluate import change_of
from jiehuan.flow.lender import lender_of
from jiehuan.flow.person import identity_of
from jiehuan.flow.policies import policy_version
from jiehuan.flow.reviews import deadline_of
from jiehuan.legal.typeset import typeset
from jiehuan.policy import Policy
from jiehuan.profile.declare import Feature, declared_features
from jiehuan.store import tables
from jiehuan.store.files import put_file
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.money import format_yuan

KIND = "explanation"

OUTCOMES = {
    "approve": ("同意", "approved"),
    "refuse": ("不予通过", "refused"),
    "review": ("转人工复核", "left to a person"),
}


def explain_decision(
    connection: Connection, vault: Vault, decision_id: str, actor: str, at: datetime
) -> dict[str, Any]:
    """The explanation of a stored decision: ``{decision_id, document, file_id, asked_by, made_at}``; made once.

    Raises Refused when there is no such decision, or its policy is not stored here.
    """
    kept = _kept(connection, decision_id)
    if kept is not None:
        return kept
    row = _decision(connection, decision_id)
    policy = policy_version(connection, row.policy_version)
    document = explanation_of(row, policy, lender_of(connection))
    person = identity_of(connection, vault, row.borrower_id)
    paper = typeset(
        Path(__file__).with_name("explanation.typ"),
        {**document, "name": person["name"]},
        row.decided_at.astimezone(CHINA).date(),
    )
    file_id = put_file(
        connection, paper, kind=KIND, name=f"explanation-{decision_id}.pdf", media_type="application/pdf",
        subject=row.application_id,
    )  # fmt: skip
    made = {"decision_id": decision_id, "document": document, "file_id": file_id, "asked_by": actor, "made_at": at}
    connection.execute(insert(tables.explanation).values(made))
    note(connection, at, actor, "explained", row.application_id, {"decision_id": decision_id})
    return made


def shown_explanation(connection: Connection, decision_id: str) -> dict[str, Any]:
    """The explanation as it was made, or as it would be: then without file, asker and time. Nothing is kept."""
    kept = _kept(connection, decision_id)
    if kept is not None:
        return kept
    row = _decision(connection, decision_id)
    document = explanation_of(row, policy_version(connection, row.policy_version), lender_of(connection))
    return {"decision_id": decision_id, "document": document, "file_id": None, "asked_by": None, "made_at": None}


def _kept(connection: Connection, decision_id: str) -> dict[str, Any] | None:
    found = connection.execute(
        select(tables.explanation).where(tables.explanation.c.decision_id == decision_id)
    ).mappings().one_or_none()  # fmt: skip
    return dict(found) if found is not None else None


def _decision(connection: Connection, decision_id: str) -> Any:
    row = connection.execute(
        select(tables.decision, tables.application.c.borrower_id, tables.application.c.lender_type)
        .join(tables.application, tables.application.c.application_id == tables.decision.c.application_id)
        .where(tables.decision.c.decision_id == decision_id)
    ).one_or_none()
    if row is None:
        raise Refused(Problem("decision_id", decision_id, "no such decision", "check the id"))
    return row


def explanation_of(decision: Any, policy: Policy, lender: Mapping[str, Any]) -> dict[str, Any]:
    """The explanation as a document, without the person's name: a pure function of the stored decision."""
    decided = decision.inputs.get("decided") or {}
    looked_at = (decided.get("inputs") or {}).get("policy") or {}
    decided_on = decision.decided_at.astimezone(CHINA).date()
    days = lender["review_days"]
    _, basis = deadline_of("request", decided_on, days, decision.lender_type)
    outcome_zh, outcome_en = OUTCOMES[decision.outcome]
    by_person = decision.decided_by != "policy" and any(reason["code"] == "reviewed" for reason in decision.reasons)
    ways = change_of({**decided, "outcome": decision.outcome}, policy) if looked_at else []
    return {
        "decision_id": decision.decision_id,
        "application_id": decision.application_id,
        "decided_at": decision.decided_at.astimezone(CHINA).isoformat(timespec="minutes"),
        "outcome": decision.outcome,
        "outcome_zh": outcome_zh,
        "outcome_en": outcome_en,
        "by_person": by_person,
        "lender_zh": lender["name_zh"],
        "lender_en": lender["name_en"],
        "phone": lender["phone"],
        "sources": _sources(looked_at, policy),
        "reasons": [{"zh": reason["zh"], "en": reason["en"]} for reason in decision.reasons],
        "changes": [
            [{"zh": change["zh"], "en": change["en"]} for change in way["changes"]] for way in ways
        ],
        "review": basis,
        "versions": {
            "policy": decision.policy_version, "model": decision.model_id or "", "law": decision.law_version,
        },
    }  # fmt: skip


def _sources(values: Mapping[str, Any], policy: Policy) -> list[dict[str, Any]]:
    """What the policy looked at, by source, with its lawful basis; what the law itself gave is left out."""
    declared = declared_features()
    found: dict[str, dict[str, Any]] = {}
    for name, field in policy.inputs.items():
        if name not in values or field.law:
            continue
        feature = declared.features.get(name)
        key, told = _source(feature)
        zh, en = (feature.zh, feature.en) if feature else (_bare(field.zh) or name, _bare(field.en) or name)
        value_zh, value_en = _said(name, values[name])
        found.setdefault(key, {**told, "facts": []})["facts"].append(
            {"zh": zh, "en": en, "value_zh": value_zh, "value_en": value_en}
        )
    return list(found.values())


def _source(feature: Feature | None) -> tuple[str, dict[str, Any]]:
    if feature is None:
        return "computed", {"zh": "由上述资料计算", "en": "computed from the above", "basis_zh": "", "basis_en": ""}
    source = feature.source
    zh, en = _BASES[source.basis]
    return source.name, {"zh": source.zh, "en": source.en, "basis_zh": zh, "basis_en": en}


_BASES = {
    "contract": ("订立合同所必需", "needed for the contract"),
    "consent": ("您的同意", "your consent"),
    "legal_duty": ("法定义务", "a duty by law"),
}


def _bare(words: str) -> str:
    """A field's name without its unit in brackets."""
    return words.split("（")[0].split(" (")[0]


def _said(name: str, value: Any) -> tuple[str, str]:
    if isinstance(value, bool):
        return ("是", "yes") if value else ("否", "no")
    if name.endswith("_fen"):
        return f"{format_yuan(int(value))} 元", f"{format_yuan(int(value))} yuan"
    if name.endswith("_ppm"):
        return f"{value / 10_000:.2f}%", f"{value / 10_000:.2f}%"
    return str(value), str(value)
