"""Cases of the early warning: what a person follows up on one account, with the alerts that belong together.

A grave alert opens a case or joins the account's open one; a person may open one for any alert. Closing says what was found (the alerts
were right, or not) and what was done; the verdict goes to the alerts that nobody judged, and from there back to the signals.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from jiehuan.flow.activity import note
from jiehuan.flow.line_accounts import RANK
from jiehuan.flow.watch import judge_alert
from jiehuan.store import tables
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.ids import new_id

MEASURES = ("none", "contact", "line", "plan", "legal")
"""What was done: nothing, the borrower was contacted, the line was changed, a payment plan was agreed, it went to legal."""

CASE, ALERT = tables.alert_case, tables.alert


def acknowledge(connection: Connection, alert_id: str, actor: str, at: datetime) -> None:
    """A person has seen the alert and looks into it; the first who says so is kept. Raises Refused for an unknown alert."""
    found = connection.execute(
        select(ALERT.c.acknowledged_by).where(ALERT.c.alert_id == alert_id).with_for_update()
    ).one_or_none()  # fmt: skip
    if found is None:
        raise Refused(Problem("alert_id", alert_id, "no such alert", "check the id"))
    if found.acknowledged_by is None:
        connection.execute(
            update(ALERT).where(ALERT.c.alert_id == alert_id).values(acknowledged_by=actor, acknowledged_at=at)
        )
        note(connection, at, actor, "alert_seen", alert_id)


def open_case(connection: Connection, alert_ids: Sequence[str], actor: str, at: datetime) -> str:
    """A case for alerts of one account, or the account's open one, which they join; with them come its other open alerts.

    Raises Refused for alerts that are not there or are of several accounts.
    """
    rows = connection.execute(
        select(ALERT.c.alert_id, ALERT.c.account_id, ALERT.c.severity, ALERT.c.loan_id).where(
            ALERT.c.alert_id.in_(alert_ids)
        )
    ).all()
    accounts = {row.account_id for row in rows}
    if len(rows) != len(set(alert_ids)) or not rows:
        raise Refused(Problem("alert_ids", ", ".join(alert_ids)[:80], "not all of them are alerts", "check the ids"))
    if len(accounts) > 1:
        raise Refused(
            Problem("alert_ids", str(len(accounts)), "are of several accounts", "open a case for each account")
        )
    account_id = rows[0].account_id
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"alert_case {account_id}", 0))))
    case_id = connection.execute(
        select(CASE.c.case_id).where(CASE.c.account_id == account_id, CASE.c.status == "open")
    ).scalar_one_or_none()
    gravest = max((row.severity for row in rows), key=RANK.__getitem__)
    if case_id is None:
        case_id = new_id("ac")
        loan_id = next((row.loan_id for row in rows if row.loan_id), None)
        connection.execute(
            insert(CASE).values(
                case_id=case_id, account_id=account_id, loan_id=loan_id, severity=gravest, status="open", opened_at=at,
                opened_by=actor,
            )
        )  # fmt: skip
        note(connection, at, actor, "alert_case_opened", case_id, {"severity": gravest})
    connection.execute(
        update(ALERT)
        .where(
            ALERT.c.account_id == account_id,
            ALERT.c.case_id.is_(None),
            (ALERT.c.status == "open") | ALERT.c.alert_id.in_(alert_ids),
        )
        .values(case_id=case_id)
    )
    held = connection.execute(select(ALERT.c.severity).where(ALERT.c.case_id == case_id)).scalars()
    connection.execute(
        update(CASE).where(CASE.c.case_id == case_id).values(severity=max(held, key=RANK.__getitem__, default=gravest))
    )
    return case_id


def close_case(
    connection: Connection, case_id: str, verdict: str, measure: str, remark: str, actor: str, at: datetime
) -> None:
    """Close a case: ``verdict`` confirmed or dismissed, ``measure`` one of MEASURES. Raises Refused when it is closed already."""
    problems = []
    if verdict not in {"confirmed", "dismissed"}:
        problems.append(Problem("verdict", verdict[:80], "not a verdict", "write confirmed or dismissed"))
    if measure not in MEASURES:
        problems.append(Problem("measure", measure[:80], "no measure of that name", f"one of {', '.join(MEASURES)}"))
    if problems:
        raise InputError(problems)
    found = connection.execute(select(CASE).where(CASE.c.case_id == case_id).with_for_update()).one_or_none()
    if found is None:
        raise Refused(Problem("case_id", case_id, "no such case", "check the id"))
    if found.status != "open":
        raise Refused(Problem("case", case_id, f"was closed by {found.closed_by}", "read it again"))
    connection.execute(
        update(CASE)
        .where(CASE.c.case_id == case_id)
        .values(status="closed", verdict=verdict, measure=measure, remark=remark, closed_at=at, closed_by=actor)
    )
    unjudged = (
        select(ALERT.c.alert_id).where(ALERT.c.case_id == case_id, ALERT.c.status == "open").order_by(ALERT.c.alert_id)
    )
    for alert_id in connection.execute(unjudged).scalars().all():
        judge_alert(connection, alert_id, verdict, actor, at)
    note(connection, at, actor, "alert_case_closed", case_id, {"verdict": verdict, "measure": measure})
