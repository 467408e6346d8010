"""Draws on a credit line: what the line of a borrower says now, that an offer still fits it, and the line after a draw.

Reviews alone move a limit (``adjust``). A draw opens the line of who has none; on a line that stands it can only make new draws cheaper,
which is a change like any other: kept with who, when and why, and told to the borrower.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from jiehuan.flow.activity import note
from jiehuan.flow.line_changes import CHANGE, carry_out, kind_of
from jiehuan.flow.line_terms import CODE, LineTerms
from jiehuan.store import tables
from jiehuan.store.decisions import last_decision
from jiehuan.store.rows import insert_missing
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import derived_id
from jiehuan.units.money import format_yuan, parse_yuan
from jiehuan.units.rates import format_rate, parse_rate

_ONE_BORROWER = text("SELECT pg_advisory_xact_lock(hashtextextended('line of ' || :borrower, 0))")


def line_of(connection: Connection, borrower_id: str) -> LineTerms | None:
    """The borrower's line for new draws; None when they have none. What is signed and not yet paid out counts as drawn."""
    kept = connection.execute(
        select(tables.credit_line).where(tables.credit_line.c.borrower_id == borrower_id)
    ).one_or_none()
    if kept is None:
        return None
    owed = connection.execute(
        select(func.coalesce(func.sum(tables.loan_state.c.principal_outstanding_fen), 0))
        .join(tables.loan, tables.loan.c.loan_id == tables.loan_state.c.loan_id)
        .where(tables.loan.c.borrower_id == borrower_id)
    ).scalar_one()
    signed = connection.execute(
        select(tables.contract.c.terms["principal"].astext)
        .join(tables.application, tables.application.c.application_id == tables.contract.c.application_id)
        .where(tables.application.c.borrower_id == borrower_id, tables.application.c.status == "signed")
    ).scalars()
    return LineTerms(kept.limit_fen, kept.rate_ppm, int(owed) + sum(parse_yuan(amount) for amount in signed))


def must_fit_line(connection: Connection, borrower_id: str, offer: Mapping[str, Any]) -> None:
    """Raise Refused when the line changed since the decision, so that the offer is no longer free or costs more than new draws do.

    Holds off other signings of the same borrower until the transaction ends.
    """
    connection.execute(_ONE_BORROWER, {"borrower": borrower_id})
    line = line_of(connection, borrower_id)
    if line is None:
        return
    mend = "decide the application anew: the line changed since"
    amount, rate = parse_yuan(offer["amount"]), parse_rate(offer["rate"])
    problems = []
    if amount > line.free_fen:
        reason = f"above what is free of the credit line, {format_yuan(line.free_fen)}"
        zh = f"超过授信额度的可用部分 {format_yuan(line.free_fen)} 元，请重新审批"
        problems.append(Problem("offer, amount", str(offer["amount"]), reason, mend, "", zh))
    if rate > line.rate_ppm:
        reason = f"above the credit line's price of new draws, {format_rate(line.rate_ppm)}"
        zh = f"高于授信额度的新提款利率 {format_rate(line.rate_ppm)}，请重新审批"
        problems.append(Problem("offer, rate", str(offer["rate"]), reason, mend, "", zh))
    if problems:
        raise Refused(problems)


def open_line(connection: Connection, borrower_id: str, application_id: str, at: datetime) -> None:
    """A first draw opens the borrower's line: limit and price of new draws are what the decision granted.

    A line that stands keeps its limit, whatever was granted: reviews raise and cut it. Its price falls to the policy's when
    that was lower at the decision and no change of price waits for its day or for a person.
    """
    granted = connection.execute(last_decision(application_id)).one_or_none()
    if granted is None or granted.limit_fen is None:
        return
    row = {"borrower_id": borrower_id, "limit_fen": granted.limit_fen, "rate_ppm": granted.rate_ppm}
    if insert_missing(connection, tables.credit_line, [row]):
        return
    facts = granted.inputs["decided"].get(CODE)
    if facts is not None and facts.get("policy_rate") is not None:
        _cheaper(connection, borrower_id, granted, parse_rate(facts["policy_rate"]), at)


def _cheaper(connection: Connection, borrower_id: str, granted: Any, rate_ppm: int, at: datetime) -> None:
    line = connection.execute(
        select(tables.credit_line).where(tables.credit_line.c.borrower_id == borrower_id).with_for_update()
    ).one()
    waits = select(CHANGE.c.change_id).where(
        CHANGE.c.borrower_id == borrower_id,
        CHANGE.c.status.in_(("proposed", "approved")),
        CHANGE.c.rate_from.is_not(None),
    )
    if rate_ppm >= line.rate_ppm or connection.execute(waits.limit(1)).first() is not None:
        return
    on = at.astimezone(CHINA).date()
    why = {
        "code": "price",
        "zh": f"新申请审批定价更低（决策 {granted.decision_id}）",
        "en": f"a new application was priced lower (decision {granted.decision_id})",
    }
    change = {
        "change_id": derived_id("lc", granted.application_id, "draw"), "borrower_id": borrower_id, "on": on, "arm": "treated",
        "old_limit_fen": line.limit_fen, "new_limit_fen": line.limit_fen, "old_rate_ppm": line.rate_ppm, "new_rate_ppm": rate_ppm,
        "reasons": [why], "status": "approved", "rate_from": on, "decided_by": granted.decided_by, "decided_at": at,
    }  # fmt: skip
    connection.execute(insert(CHANGE).values(change))
    detail = {
        "kind": kind_of(change),
        "why": why["code"],
        "from": format_rate(line.rate_ppm),
        "to": format_rate(rate_ppm),
    }
    note(connection, at, granted.decided_by, "adjusted", borrower_id, {**detail, "decision": granted.decision_id})
    kept = connection.execute(select(CHANGE).where(CHANGE.c.change_id == change["change_id"])).mappings().one()
    carry_out(connection, dict(kept), at)
