"""Adjust: credit lines are reviewed against what is known of their borrowers; each review is logged, each change carries its reasons.

Every month all lines, at an alert its account's, and one line when a person asks. Only what is not yet drawn changes: the limit, and the
price of new draws. A random share of limits is left alone, so that the effect of the rest is known. The log keeps, for every
review, what was known, what was wanted and by what chance it was done: ``line evaluate`` judges another rule on it. The same review
again changes nothing. What becomes of a change (a person's yes, the notice, its day) is told in ``line_changes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection, select, text

from jiehuan.flow.lender import lender_of
from jiehuan.flow.line_accounts import line_accounts, params_in_force, remember_params
from jiehuan.flow.line_changes import propose, put_in_force, waiting_borrowers
from jiehuan.law import law_on
from jiehuan.line import LineAccount, LineDecision, LineParams, review
from jiehuan.store import tables
from jiehuan.store.rows import insert_missing, upsert
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.ids import derived_id

__all__ = ["adjust", "adjust_at_alerts", "adjust_month", "line_accounts", "reviewed"]

TRIGGERS = ("monthly", "alert", "manual")

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('line reviews', 0))")
"""Two reviews of a line at once would each take the other's proposals for old ones; an alert waits while a month is reviewed."""


def adjust(
    connection: Connection,
    on: date,
    borrower_ids: Sequence[str] | None = None,
    trigger: str = "monthly",
    cause: str = "",
) -> list[dict[str, Any]]:
    """Review the lines of ``borrower_ids`` (all when None) on a day; the rows of ``line_change`` that came of it.

    ``trigger``: why now (monthly, alert, manual), ``cause`` the alert. One review a borrower, day, trigger and cause: again is none.
    """
    if trigger not in TRIGGERS:
        raise InputError(Problem("trigger", trigger[:80], "no reason for a review", f"one of {', '.join(TRIGGERS)}"))
    connection.execute(ONE_AT_A_TIME)
    put_in_force(connection, on)
    params = params_in_force(connection)
    remember_params(connection, params)
    at = datetime.combine(on, time(10), CHINA)
    found = reviewed(connection, on, borrower_ids, params)
    ids = {account.borrower_id: derived_id("lr", account.borrower_id, on, trigger, cause) for account, _ in found}
    known = _known(connection, list(ids.values()))
    fresh = [
        (ids[account.borrower_id], account, decision)
        for account, decision in found
        if ids[account.borrower_id] not in known
    ]
    insert_missing(
        connection, tables.line_review, [_row(review_id, account, decision, trigger, cause) for review_id, account, decision in fresh]
    )  # fmt: skip
    changes: list[dict[str, Any]] = []
    waiting = waiting_borrowers(connection)
    for review_id, _, decision in fresh:
        if decision.notify or decision.proposed_limit_fen != decision.old_limit_fen or decision.borrower_id in waiting:
            changes.extend(propose(connection, review_id, decision, at))
    return changes


def adjust_month(connection: Connection, on: date) -> list[dict[str, Any]] | None:
    """The monthly review of all lines, once a calendar month; None when this month's is done."""
    month = {"month": on.isoformat()[:7]}
    connection.execute(ONE_AT_A_TIME)
    done = select(tables.setting.c.value).where(tables.setting.c.key == "line_month")
    if connection.execute(done).scalar_one_or_none() == month:
        put_in_force(connection, on)
        return None
    changes = adjust(connection, on)
    upsert(connection, tables.setting, [{"key": "line_month", "value": month}])
    return changes


def adjust_at_alerts(connection: Connection, alert_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Review the lines of accounts on which grave alerts were raised, each alert once, on the alert's own day at the earliest.

    Alerts of mere information move no line; alerts on accounts without one are passed over.
    """
    rows = connection.execute(
        select(tables.alert.c.alert_id, tables.alert.c.account_id, tables.alert.c.at)
        .join(tables.credit_line, tables.credit_line.c.borrower_id == tables.alert.c.account_id)
        .where(tables.alert.c.alert_id.in_(alert_ids), tables.alert.c.severity.in_(("warning", "critical")))
        .order_by(tables.alert.c.at, tables.alert.c.alert_id)
    ).all()
    changes: list[dict[str, Any]] = []
    for row in rows:
        changes.extend(adjust(connection, row.at.astimezone(CHINA).date(), [row.account_id], "alert", row.alert_id))
    return changes


def reviewed(
    connection: Connection, on: date, borrower_ids: Sequence[str] | None = None, params: LineParams | None = None
) -> list[tuple[LineAccount, LineDecision]]:
    """What a review would decide for each line today, without doing it: the account as it is seen, and the decision."""
    params = params or params_in_force(connection)
    law = law_on(on, lender_of(connection)["lender_type"])
    return [(account, review(account, law, params)) for account in line_accounts(connection, on, borrower_ids, params)]


def _known(connection: Connection, review_ids: list[str]) -> set[str]:
    found: set[str] = set()
    for first in range(0, len(review_ids), 5000):
        part = select(tables.line_review.c.review_id).where(
            tables.line_review.c.review_id.in_(review_ids[first : first + 5000])
        )
        found.update(connection.execute(part).scalars())
    return found


def _row(review_id: str, account: LineAccount, d: LineDecision, trigger: str, cause: str) -> dict[str, Any]:
    return {
        "review_id": review_id, "borrower_id": d.borrower_id, "on": d.on, "trigger": trigger, "cause": cause or None,
        "context": account.as_document(), "old_limit_fen": d.old_limit_fen, "proposed_limit_fen": d.proposed_limit_fen,
        "new_limit_fen": d.new_limit_fen, "old_rate_ppm": d.old_rate_ppm, "proposed_rate_ppm": d.new_rate_ppm,
        "new_rate_ppm": d.new_rate_ppm, "arm": d.arm, "propensity": d.propensity, "profit_before_fen": d.profit_before_fen,
        "profit_after_fen": d.profit_after_fen, "reasons": [dict(reason) for reason in d.reasons], "params_version": d.params_version,
        "law_version": d.law_version,
    }  # fmt: skip
