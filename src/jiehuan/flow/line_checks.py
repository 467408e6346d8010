"""What the audit asks of credit lines: what is drawn keeps its price, reviews come out again, and borrowers were told in time.

``flow.audit_checks`` imports this module, which adds the checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from jiehuan.flow.lender import lender_of
from jiehuan.flow.line_accounts import remembered_params
from jiehuan.flow.line_changes import day_of, kind_of
from jiehuan.law import law_on
from jiehuan.line import LineParams, read_account, review
from jiehuan.store import tables
from jiehuan.store.audit import Audit, Finding, Tally, register
from jiehuan.store.audit.tally import finding
from jiehuan.units.days import CHINA
from jiehuan.units.errors import JiehuanError, Problem

COMPARED = (
    "old_limit_fen",
    "proposed_limit_fen",
    "new_limit_fen",
    "old_rate_ppm",
    "new_rate_ppm",
    "arm",
    "propensity",
    "law_version",
)
AGREED = ("principal", "rate", "months", "method", "drawn_on", "first_due", "penalty_uplift", "fees")
"""Of the terms of a draw, what was signed and never changes; a restructuring is an event of its own, with its own terms."""


def check_draws(audit: Audit) -> Iterator[Finding]:
    """The terms of each drawn loan against those that were signed: no review of a line may have touched them."""
    tally = Tally()
    rows = audit.connection.execute(
        select(
            tables.loan.c.loan_id, tables.loan.c.terms, tables.loan.c.rate_ppm, tables.contract.c.terms.label("signed")
        )
        .join(tables.contract, tables.contract.c.application_id == tables.loan.c.application_id)
        .order_by(tables.loan.c.loan_id)
    ).mappings()
    for row in rows:
        tally.look(_differs(dict(row)))
    yield finding(
        "draws_keep_price",
        "已提款的利率和条款与签约时一致",
        "what is drawn keeps the price and terms that were signed",
        tally,
    )


def _differs(row: Mapping[str, Any]) -> Iterator[Problem]:
    for name in AGREED:
        if row["terms"].get(name) != row["signed"].get(name):
            reason = f"{name} was signed as {str(row['signed'].get(name))[:60]}"
            yield Problem(
                f"loan {row['loan_id']}, terms",
                str(row["terms"].get(name))[:60],
                reason,
                "a line's price is for new draws only",
            )


def check_reviews(audit: Audit) -> Iterator[Finding]:
    """Each logged review against what its stored account, parameters and law give today."""
    tally = Tally()
    lender_type = lender_of(audit.connection)["lender_type"]
    params: dict[str, LineParams | None] = {}
    for row in audit.connection.execute(select(tables.line_review).order_by(tables.line_review.c.review_id)).mappings():
        version = row["params_version"]
        if version not in params:
            params[version] = remembered_params(audit.connection, version)
        tally.look(_decided_otherwise(dict(row), params[version], lender_type))
    yield finding(
        "reviews_again", "额度评估可由留存的输入重现", "line reviews come out again from what they saw", tally
    )


def _decided_otherwise(row: Mapping[str, Any], params: LineParams | None, lender_type: str) -> Iterator[Problem]:
    place = f"line review {row['review_id']}"
    if params is None:
        yield Problem(
            place, row["params_version"], "its parameters are not kept", "restore the setting line_params/VERSION"
        )
        return
    try:
        today = review(read_account(row["context"], place), law_on(row["on"], lender_type), params)
    except JiehuanError as error:
        yield from error.problems
        return
    for name in COMPARED:
        if row[name] != getattr(today, name):
            yield Problem(
                f"{place}, {name}",
                str(row[name]),
                f"comes out as {getattr(today, name)}",
                "find what changed: the log or the code",
            )


def check_notices(audit: Audit) -> Iterator[Finding]:
    """Every change in force has its notice, given as many days ahead as the parameters of its review promised."""
    tally = Tally()
    params: dict[str, LineParams | None] = {}
    rows = audit.connection.execute(
        select(
            tables.line_change,
            tables.line_notice.c.notice_id,
            tables.line_review.c.params_version,
            tables.line_review.c.reasons.label("why"),
        )
        .join(tables.line_review, tables.line_review.c.review_id == tables.line_change.c.review_id)
        .outerjoin(tables.line_notice, tables.line_notice.c.change_id == tables.line_change.c.change_id)
        .where(tables.line_change.c.status == "in_force")
        .order_by(tables.line_change.c.change_id)
    ).mappings()
    for row in rows:
        version = row["params_version"]
        if version not in params:
            params[version] = remembered_params(audit.connection, version)
        tally.look(_untold(dict(row), params[version]))
    yield finding(
        "line_changes_told",
        "额度和价格变更按约定提前通知",
        "changes of lines were told as long ahead as promised",
        tally,
    )


def _untold(row: Mapping[str, Any], params: LineParams | None) -> Iterator[Problem]:
    place = f"line change {row['change_id']}"
    if row["notice_id"] is None or row["notified_at"] is None:
        yield Problem(
            place, kind_of(row), "in force without a notice to the borrower", "tell them, and mend what put it in force"
        )
        return
    if params is None:
        return
    kind = kind_of(row)
    days = {"lower": params.notice_lower_days, "price_up": params.notice_price_up_days}.get(kind, 0)
    if kind == "lower" and row["why"] and row["why"][0]["code"] in {"freeze", "law_cap"}:
        days = 0
    told = row["notified_at"].astimezone(CHINA).date()
    if day_of(row) < told + timedelta(days=days):
        reason = f"held from {day_of(row)}, told on {told}: {days} days were promised"
        yield Problem(place, kind, reason, "let the change wait for its notice")


register("draws", check_draws)
register("line_reviews", check_reviews)
register("line_notices", check_notices)
