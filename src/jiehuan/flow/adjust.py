"""Adjust: every credit line is reviewed against what is known of its borrower today; changes carry their reasons.

Only what is not yet drawn changes: the limit, and the price of new draws. A random share of lines is left alone, so that the
effect of the rest is known. Reviewing a day again changes nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, select, update

from jiehuan.flow.activity import note
from jiehuan.flow.lender import lender_of
from jiehuan.law import law_on
from jiehuan.line import LineAccount, LineDecision, review
from jiehuan.store import tables
from jiehuan.store.outbox import publish
from jiehuan.store.rows import insert_missing
from jiehuan.units.days import CHINA
from jiehuan.units.ids import derived_id
from jiehuan.units.money import format_yuan

ALERTS_COUNT_DAYS = 30
RANK = {"info": 1, "warning": 2, "critical": 3}


def adjust(connection: Connection, on: date, borrower_ids: Sequence[str] | None = None) -> list[LineDecision]:
    """Review the lines of ``borrower_ids`` (all when None) on a day; the decisions that changed something or were held out."""
    law = law_on(on, lender_of(connection)["lender_type"])
    changed: list[LineDecision] = []
    for account in line_accounts(connection, on, borrower_ids):
        decision = review(account, law)
        wanted = decision.proposed_limit_fen != decision.old_limit_fen or decision.new_rate_ppm != decision.old_rate_ppm
        if wanted and _keep(connection, decision):
            changed.append(decision)
    return changed


def line_accounts(connection: Connection, on: date, borrower_ids: Sequence[str] | None = None) -> list[LineAccount]:
    """What the review needs of each borrower with a line: balance, dpd, alerts, conduct, income, earlier changes."""
    since = datetime.combine(on - timedelta(days=ALERTS_COUNT_DAYS), time(), CHINA)
    until = datetime.combine(on + timedelta(days=1), time(), CHINA)
    loans = (
        select(
            tables.loan.c.borrower_id,
            func.sum(tables.loan_state.c.principal_outstanding_fen).label("balance"),
            func.max(tables.loan_state.c.dpd).label("dpd"),
            func.min(tables.loan.c.drawn_on).label("first_drawn"),
        )
        .join(tables.loan_state, tables.loan_state.c.loan_id == tables.loan.c.loan_id)
        .group_by(tables.loan.c.borrower_id)
        .subquery()
    )
    rows = select(tables.credit_line, loans.c.balance, loans.c.dpd, loans.c.first_drawn).join(
        loans, loans.c.borrower_id == tables.credit_line.c.borrower_id
    )
    if borrower_ids is not None:
        rows = rows.where(tables.credit_line.c.borrower_id.in_(borrower_ids))
    alerts = _alerts(connection, since, until)
    changes = _last_changes(connection, on)
    asked = _asked(connection)
    late = _last_late(connection, on)
    accounts = []
    for row in connection.execute(rows.order_by(tables.credit_line.c.borrower_id)).mappings():
        borrower = row["borrower_id"]
        severity, words = alerts.get(borrower, ("", {}))
        limit_change, direction, rate_change = changes.get(borrower, (None, "", None))
        features, pd = asked.get(borrower, ({}, 0.05))
        months = _months(row["first_drawn"], on)
        clean = months if borrower not in late else _months(late[borrower], on)
        accounts.append(
            LineAccount(
                borrower_id=borrower,
                limit_fen=row["limit_fen"],
                rate_ppm=row["rate_ppm"],
                balance_fen=int(row["balance"]),
                pd=pd,
                dpd=row["dpd"],
                months_on_book=months,
                months_clean=0 if row["dpd"] else clean,
                last_limit_change=limit_change,
                last_direction=direction,
                last_rate_change=rate_change,
                income_fen=features.get("verified_income_fen"),
                obligations_fen=features.get("obligations_fen") or 0,
                alert=severity,
                alert_reason=words,
            )
        )
    return accounts


def _keep(connection: Connection, decision: LineDecision) -> bool:
    """Write a decision, change the line, tell the borrower; False when this day's decision is there already."""
    change_id = derived_id("lc", decision.borrower_id, decision.on)
    at = datetime.combine(decision.on, time(10), CHINA)
    row = {
        "change_id": change_id, "borrower_id": decision.borrower_id, "on": decision.on,
        "old_limit_fen": decision.old_limit_fen, "new_limit_fen": decision.new_limit_fen,
        "old_rate_ppm": decision.old_rate_ppm, "new_rate_ppm": decision.new_rate_ppm,
        "reasons": [dict(reason) for reason in decision.reasons], "arm": decision.arm,
        "notified_at": at if decision.notify else None,
    }  # fmt: skip
    if decision.arm == "holdout" and not decision.notify and _held_already(connection, decision.borrower_id, decision.on):
        return False
    if not insert_missing(connection, tables.line_change, [row]):
        return False
    if decision.notify:
        connection.execute(
            update(tables.credit_line)
            .where(tables.credit_line.c.borrower_id == decision.borrower_id)
            .values(limit_fen=decision.new_limit_fen, rate_ppm=decision.new_rate_ppm, updated_at=at)
        )
        publish(connection, "line.changed", decision.borrower_id, {"change_id": change_id})
    detail = {
        "from": format_yuan(decision.old_limit_fen), "to": format_yuan(decision.new_limit_fen), "arm": decision.arm,
        "why": decision.reasons[0]["code"],
    }  # fmt: skip
    note(connection, at, "system", "adjusted", decision.borrower_id, detail)
    return True


def _held_already(connection: Connection, borrower_id: str, on: date) -> bool:
    """Whether this borrower's line was noted as held out within the last month: one note a month is enough."""
    found = select(tables.line_change.c.change_id).where(
        tables.line_change.c.borrower_id == borrower_id,
        tables.line_change.c.arm == "holdout",
        tables.line_change.c.on > on - timedelta(days=30),
    )
    return connection.execute(found.limit(1)).first() is not None


def _alerts(connection: Connection, since: datetime, until: datetime) -> dict[str, tuple[str, dict[str, str]]]:
    """The gravest alert of each account in a window that nobody dismissed, with its words."""
    rows = connection.execute(
        select(tables.alert.c.account_id, tables.alert.c.severity, tables.alert.c.evidence)
        .where(tables.alert.c.at >= since, tables.alert.c.at < until, tables.alert.c.status != "dismissed")
        .order_by(tables.alert.c.at, tables.alert.c.alert_id)
    )
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for account, severity, evidence in rows:
        if RANK[severity] >= RANK.get(found.get(account, ("", {}))[0], 0):
            found[account] = (severity, {"zh": evidence.get("zh", ""), "en": evidence.get("en", "")})
    return found


def _last_changes(connection: Connection, on: date) -> dict[str, tuple[date | None, str, date | None]]:
    """For each borrower: when the limit last changed and which way, and when the price did."""
    found: dict[str, tuple[date | None, str, date | None]] = {}
    rows = connection.execute(
        select(tables.line_change)
        .where(and_(tables.line_change.c.on < on, tables.line_change.c.arm == "treated"))
        .order_by(tables.line_change.c.on)
    )
    for row in rows.mappings():
        limit_on, direction, rate_on = found.get(row["borrower_id"], (None, "", None))
        if row["new_limit_fen"] != row["old_limit_fen"]:
            limit_on, direction = row["on"], "raise" if row["new_limit_fen"] > row["old_limit_fen"] else "lower"
        if row["new_rate_ppm"] != row["old_rate_ppm"]:
            rate_on = row["on"]
        found[row["borrower_id"]] = (limit_on, direction, rate_on)
    return found


def _asked(connection: Connection) -> dict[str, tuple[dict[str, Any], float]]:
    """The features and the probability of default of each borrower's last decided application."""
    rows = connection.execute(
        select(tables.application.c.borrower_id, tables.application.c.features, tables.decision.c.pd)
        .join(tables.decision, tables.decision.c.application_id == tables.application.c.application_id)
        .order_by(tables.decision.c.decided_at)
    )
    return {row.borrower_id: (row.features, row.pd if row.pd is not None else 0.05) for row in rows}


def _last_late(connection: Connection, on: date) -> dict[str, date]:
    """The last month end on which a borrower was late."""
    rows = connection.execute(
        select(tables.loan.c.borrower_id, func.max(tables.book_snapshot.c.as_of))
        .join(tables.book_snapshot, tables.book_snapshot.c.loan_id == tables.loan.c.loan_id)
        .where(tables.book_snapshot.c.dpd > 0, tables.book_snapshot.c.as_of <= on)
        .group_by(tables.loan.c.borrower_id)
    )
    return {borrower: day for borrower, day in rows}  # noqa: C416 - a result is no mapping


def _months(since: date, on: date) -> int:
    return max(0, (on.year - since.year) * 12 + on.month - since.month - (on.day < since.day))
