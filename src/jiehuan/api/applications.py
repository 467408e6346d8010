"""Applications and the decisions on them: the list, and one with its features, reasons, law checks and offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlalchemy import Connection, or_, select, true
from sqlalchemy.dialects.postgresql import distinct_on

from jiehuan.api.access import Keys, Store
from jiehuan.api.errors import NotFound
from jiehuan.api.files import FileRow, files_of
from jiehuan.api.masking import BorrowerOut, borrower_of, masked_names
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Id, Page, Plain, Rate, Record, Stored, Yuan, instant, probability, spoken
from jiehuan.flow.decide import told_of_score
from jiehuan.store.tables import application, borrower, contract, decision, loan
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/applications", tags=["applications"])


class Reason(Stored):
    """Why a decision fell so: a stable code, the sentence in both languages, and the feature and value behind it."""

    code: str
    zh: str
    en: str
    feature: str | None = None
    value: Any = None


class LawCheck(Stored):
    """One rule of law held against the offer."""

    rule: str
    ok: bool
    citation: str
    zh: str
    en: str


class Offer(Stored):
    """One offer, best fit first in its list: amounts in yuan, ``apr`` with all fees, ``terms`` as ``loan replay`` takes."""

    product: str
    zh: str
    en: str
    method: str
    amount: str
    months: int
    rate: str
    first_due: str
    largest_instalment: str
    total_interest: str
    total_fees: str
    apr: str
    eff: str
    dscr: str | None = None
    fit: str | None = None
    reasons: list[dict[str, Any]] = Field(default_factory=list)
    terms: dict[str, Any]


class DecisionMade(Record):
    """A decision as it was made, without its inputs. ``pd`` is a probability."""

    decision_id: str
    outcome: str
    limit: Yuan | None
    rate: Rate | None
    months: int | None
    method: str | None
    points: int | None
    pd: str | None
    reasons: list[Reason]
    law_checks: list[LawCheck]
    offers: list[Offer]
    policy_version: str
    model_id: str | None
    law_version: str
    decided_by: str
    decided_at: datetime


class DecisionOut(DecisionMade):
    """A decision with all that it rests on: ``inputs`` and the versions reproduce it."""

    inputs: dict[str, Any]


class ContractOut(Record):
    """A signed contract and its two papers."""

    contract_id: str
    signed_at: datetime
    terms: dict[str, Any]
    contract_file: str
    cost_sheet_file: str


class ApplicationRow(Record):
    """An application in the list, with the last decision's outcome. ``name`` is masked."""

    application_id: str
    borrower_id: str
    name: str | None
    region: str
    lender_type: str
    product: str
    channel: str
    amount: Yuan
    months: int
    applied_at: datetime
    status: str
    source: str
    outcome: str | None
    points: int | None
    pd: str | None
    policy_version: str | None


class ApplicationPage(Page):
    """A page of applications."""

    items: list[ApplicationRow]


class ApplicationOut(Record):
    """One application whole; ``decisions`` newest first."""

    application_id: str
    borrower: BorrowerOut
    lender_type: str
    product: str
    channel: str
    purpose: str
    amount: Yuan
    months: int
    applied_at: datetime
    status: str
    source: str
    features: dict[str, Any]
    decisions: list[DecisionOut]
    contract: ContractOut | None
    loan_id: str | None
    files: list[FileRow]


_LISTED = [column for column in application.c if column.name not in {"features", "purpose"}]
_UNDECIDED: dict[str, Any] = dict.fromkeys(("outcome", "points", "pd", "policy_version"))
_LAST = (
    select(decision.c.outcome, decision.c.points, decision.c.pd)
    .where(decision.c.application_id == application.c.application_id)
    .order_by(decision.c.decided_at.desc(), decision.c.decision_id.desc())
    .limit(1)
    .lateral("last")
)


@router.get("")
def list_applications(
    database: Store,
    vault: Keys,
    paging: Paging,
    status: Annotated[Id | None, Query()] = None,
    outcome: Annotated[Id | None, Query()] = None,
    product: Annotated[Id | None, Query()] = None,
    channel: Annotated[Id | None, Query()] = None,
    region: Annotated[Id | None, Query()] = None,
    borrower_id: Annotated[Id | None, Query()] = None,
    search: Annotated[Plain | None, Query(description="The start of an application's or borrower's id.")] = None,
) -> ApplicationPage:
    """Applications, newest first."""
    rows = select(*_LISTED, borrower.c.region).join(borrower, borrower.c.borrower_id == application.c.borrower_id)
    wanted = (
        (application.c.status, status), (application.c.product, product), (application.c.channel, channel),
        (borrower.c.region, region), (application.c.borrower_id, borrower_id),
    )  # fmt: skip
    for column, value in wanted:
        if value is not None:
            rows = rows.where(column == value)
    if search:
        start = search.strip()
        rows = rows.where(
            or_(*(application.c[name].startswith(start, autoescape=True) for name in ("application_id", "borrower_id")))
        )
    sortable = {name: application.c[name] for name in ("applied_at", "months", "status", "product", "channel")} | {
        "application_id": application.c.application_id, "amount": application.c.amount_fen, "region": borrower.c.region,
        "points": _LAST.c.points, "pd": _LAST.c.pd,
    }  # fmt: skip
    if outcome is not None or paging.sort.removeprefix("-") in {"points", "pd"}:  # else a million lookups for a count
        rows = rows.outerjoin(_LAST, true())
    if outcome is not None:
        rows = rows.where(_LAST.c.outcome == outcome)
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "-applied_at", application.c.application_id)
        names = masked_names(connection, vault, [row["borrower_id"] for row in found])
        decided = _last_decisions(connection, [row["application_id"] for row in found])
    items = [
        ApplicationRow(
            **spoken(row), name=names.get(row["borrower_id"]), **decided.get(row["application_id"], _UNDECIDED)
        )
        for row in found
    ]
    return ApplicationPage(total=total, page=paging.page, size=paging.size, items=items)


def _last_decisions(connection: Connection, application_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the list shows of the last decision on each application that has one."""
    rows = connection.execute(
        select(decision.c.application_id, *(decision.c[name] for name in _UNDECIDED))
        .ext(distinct_on(decision.c.application_id))
        .where(decision.c.application_id.in_(application_ids))
        .order_by(decision.c.application_id, decision.c.decided_at.desc(), decision.c.decision_id.desc())
    ).mappings()
    return {
        row["application_id"]: {**{name: row[name] for name in _UNDECIDED}, "pd": probability(row["pd"])}
        for row in rows
    }


@router.get("/{application_id}")
def get_application(database: Store, vault: Keys, application_id: Annotated[Id, Path()]) -> ApplicationOut:
    """One application with its decisions, contract and papers."""
    with database.connect() as connection:
        row = (
            connection.execute(select(application).where(application.c.application_id == application_id))
            .mappings()
            .one_or_none()
        )
        if row is None:
            raise NotFound(
                Problem("application_id", application_id, "no such application", "look in GET /api/applications")
            )
        said = spoken(row)
        borrower_id = said.pop("borrower_id")
        paper = (
            connection.execute(select(contract).where(contract.c.application_id == application_id))
            .mappings()
            .one_or_none()
        )
        loan_id = connection.execute(
            select(loan.c.loan_id).where(loan.c.application_id == application_id)
        ).scalar_one_or_none()
        subjects = [application_id, *([paper["contract_id"]] if paper else []), *([loan_id] if loan_id else [])]
        return ApplicationOut(
            **said,
            borrower=borrower_of(connection, vault, borrower_id),
            decisions=decisions_of(connection, application_id),
            contract=None
            if paper is None
            else ContractOut(**{k: v for k, v in spoken(paper).items() if k != "application_id"}),
            loan_id=loan_id,
            files=files_of(connection, subjects),
        )


def decisions_of(connection: Connection, application_id: str) -> list[DecisionOut]:
    """The decisions on an application, newest first."""
    rows = connection.execute(
        select(*[column for column in decision.c if column.name not in {"application_id", "seen"}])
        .where(decision.c.application_id == application_id)
        .order_by(decision.c.decided_at.desc(), decision.c.decision_id.desc())
    ).mappings()
    return [DecisionOut(**{**spoken(row), "pd": probability(row["pd"])}) for row in rows]


def decision_made(made: Mapping[str, Any]) -> DecisionMade:
    """A decision just made (``flow.decide.decide``) as it is answered."""
    same = (
        "decision_id",
        "outcome",
        "limit",
        "rate",
        "months",
        "method",
        "points",
        "pd",
        "law_checks",
        "offers",
        "model_id",
        "decided_by",
    )
    told = {
        **{name: made[name] for name in same},
        "reasons": [*made["reasons"], *told_of_score(made["score_reasons"])],
        "policy_version": made["versions"]["policy"],
        "law_version": made["versions"]["law"],
        "decided_at": instant(made["decided_at"]),
    }
    return DecisionMade.model_validate(told)
