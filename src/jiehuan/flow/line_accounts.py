"""What a line review needs of borrowers, gathered from the book: balance, lateness, alerts, conduct, income, earlier changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from jiehuan.flow.outcomes import rule_records
from jiehuan.line import LineAccount, LineParams, default_params, read_params
from jiehuan.store import tables
from jiehuan.store.rows import insert_missing
from jiehuan.units.days import CHINA

ALERTS_COUNT_DAYS = 30
UNKNOWN_PD = 0.05
"""Of a borrower whom no model has judged: neither raised nor lowered."""
RANK = {"info": 1, "warning": 2, "critical": 3}

Borrowers = Sequence[str] | None
"""Whose rows are wanted; None: everyone's."""


def params_in_force(connection: Connection) -> LineParams:
    """The parameters of reviews: the setting ``line_params``, else those that ship."""
    kept = connection.execute(
        select(tables.setting.c.value).where(tables.setting.c.key == "line_params")
    ).scalar_one_or_none()
    return read_params(kept, "setting line_params") if kept is not None else default_params()


def remember_params(connection: Connection, params: LineParams) -> None:
    """Keep the parameters under their version, so that a decision can be made again."""
    insert_missing(
        connection, tables.setting, [{"key": f"line_params/{params.version}", "value": params.as_document()}]
    )


def remembered_params(connection: Connection, version: str) -> LineParams | None:
    """The parameters of a version; None when no review was made with it."""
    found = select(tables.setting.c.value).where(tables.setting.c.key == f"line_params/{version}")
    kept = connection.execute(found).scalar_one_or_none()
    return None if kept is None else read_params(kept, f"line_params {version}")


def line_accounts(
    connection: Connection, on: date, borrower_ids: Borrowers = None, params: LineParams | None = None
) -> list[LineAccount]:
    """What the review needs of each borrower with a line: balance, dpd, alerts, conduct, income, earlier changes."""
    least = (params or params_in_force(connection)).least_confirmed
    loans = _of(
        select(
            tables.loan.c.borrower_id,
            func.sum(tables.loan_state.c.principal_outstanding_fen).label("balance"),
            func.max(tables.loan_state.c.dpd).label("dpd"),
            func.min(tables.loan.c.drawn_on).label("first_drawn"),
        )
        .join(tables.loan_state, tables.loan_state.c.loan_id == tables.loan.c.loan_id)
        .group_by(tables.loan.c.borrower_id),
        tables.loan.c.borrower_id,
        borrower_ids,
    ).subquery()
    rows = select(tables.credit_line, loans.c.balance, loans.c.dpd, loans.c.first_drawn).join(
        loans, loans.c.borrower_id == tables.credit_line.c.borrower_id
    )
    alerts = _alerts(connection, on, borrower_ids, least)
    changes = _last_changes(connection, on, borrower_ids)
    asked = _asked(connection, borrower_ids)
    late = _last_late(connection, on, borrower_ids)
    accounts = []
    for row in connection.execute(rows.order_by(tables.credit_line.c.borrower_id)).mappings():
        borrower = row["borrower_id"]
        severity, words = alerts.get(borrower, ("", {}))
        limit_change, direction, rate_change = changes.get(borrower, (None, "", None))
        features, pd = asked.get(borrower, ({}, UNKNOWN_PD))
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


def _of(rows: Select[Any], column: ColumnElement[Any], borrower_ids: Borrowers) -> Select[Any]:
    return rows if borrower_ids is None else rows.where(column.in_(borrower_ids))


def _alerts(
    connection: Connection, on: date, borrower_ids: Borrowers, least: float
) -> dict[str, tuple[str, dict[str, str]]]:
    """The gravest alert of each account in a window that nobody dismissed, with its words.

    What people said of a signal's alerts counts here: a signal that was surely right in less than ``least`` of them moves no line,
    unless a person confirmed this very alert.
    """
    since = datetime.combine(on - timedelta(days=ALERTS_COUNT_DAYS), time(), CHINA)
    until = datetime.combine(on + timedelta(days=1), time(), CHINA)
    poor = {record.rule for record in rule_records(connection, until) if record.high < least}
    rows = connection.execute(
        _of(
            select(
                tables.alert.c.account_id, tables.alert.c.severity, tables.alert.c.evidence, tables.alert.c.rule, tables.alert.c.status
            )
            .where(tables.alert.c.at >= since, tables.alert.c.at < until, tables.alert.c.status != "dismissed")
            .order_by(tables.alert.c.at, tables.alert.c.alert_id),
            tables.alert.c.account_id,
            borrower_ids,
        )
    )  # fmt: skip
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for account, severity, evidence, rule, status in rows:
        if rule in poor and status != "confirmed":
            continue
        if RANK[severity] >= RANK.get(found.get(account, ("", {}))[0], 0):
            found[account] = (severity, {"zh": evidence.get("zh", ""), "en": evidence.get("en", "")})
    return found


def _last_changes(
    connection: Connection, on: date, borrower_ids: Borrowers
) -> dict[str, tuple[date | None, str, date | None]]:
    """For each borrower: when the limit last changed (or will, as they were told) and which way, and when the price did."""
    found: dict[str, tuple[date | None, str, date | None]] = {}
    rows = connection.execute(
        _of(
            select(tables.line_change)
            .where(tables.line_change.c.on <= on, tables.line_change.c.status.in_(("approved", "in_force")))
            .order_by(tables.line_change.c.on),
            tables.line_change.c.borrower_id,
            borrower_ids,
        )
    )
    for row in rows.mappings():
        limit_on, direction, rate_on = found.get(row["borrower_id"], (None, "", None))
        if row["new_limit_fen"] != row["old_limit_fen"]:
            limit_on, direction = row["on"], "raise" if row["new_limit_fen"] > row["old_limit_fen"] else "lower"
        if row["new_rate_ppm"] != row["old_rate_ppm"]:
            rate_on = row["on"]
        found[row["borrower_id"]] = (limit_on, direction, rate_on)
    return found


def _asked(connection: Connection, borrower_ids: Borrowers) -> dict[str, tuple[Mapping[str, Any], float]]:
    """The features and the probability of default of each borrower's last decided application."""
    rows = connection.execute(
        _of(
            select(tables.application.c.borrower_id, tables.application.c.features, tables.decision.c.pd)
            .join(tables.decision, tables.decision.c.application_id == tables.application.c.application_id)
            .order_by(tables.decision.c.decided_at),
            tables.application.c.borrower_id,
            borrower_ids,
        )
    )
    return {row.borrower_id: (row.features, row.pd if row.pd is not None else UNKNOWN_PD) for row in rows}


def _last_late(connection: Connection, on: date, borrower_ids: Borrowers) -> dict[str, date]:
    """The last month end on which a borrower was late."""
    rows = connection.execute(
        _of(
            select(tables.loan.c.borrower_id, func.max(tables.book_snapshot.c.as_of))
            .join(tables.book_snapshot, tables.book_snapshot.c.loan_id == tables.loan.c.loan_id)
            .where(tables.book_snapshot.c.dpd > 0, tables.book_snapshot.c.as_of <= on)
            .group_by(tables.loan.c.borrower_id),
            tables.loan.c.borrower_id,
            borrower_ids,
        )
    )
    return {borrower: day for borrower, day in rows}  # noqa: C416 - a result is no mapping


def _months(since: date, on: date) -> int:
    return max(0, (on.year - since.year) * 12 + on.month - since.month - (on.day < since.day))
