"""Collect: the day's work list of whom to contact, how and when; and the sending of what can be sent by a machine.

The plan knows capacity, contact rules and the holdout. What it plans is kept as work items; calls and letters wait for people,
mail and SMS are sent by ``send``, which asks the contact rules once more before each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from jiehuan.collect.contact import Contact, check_next_contact
from jiehuan.collect.message import render
from jiehuan.collect.plan import Plan, plan
from jiehuan.flow.activity import note
from jiehuan.flow.gateway import Mailer, Unsent
from jiehuan.flow.lender import lender_of
from jiehuan.flow.person import NOT_GIVEN, identity_of
from jiehuan.law import Law, law_on
from jiehuan.store import tables
from jiehuan.store.outbox import publish
from jiehuan.store.rows import insert_missing
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import derived_id
from jiehuan.units.money import format_yuan

EXPERIMENT = 1
"""The seed of the running holdout: the same debtors stay untreated as long as it stands."""

SENT_BY_MACHINE = ("mail", "sms")


def collect(connection: Connection, at: datetime) -> tuple[str, Plan]:
    """Plan the day's contacts as of ``at`` and keep them as work items; (plan id, plan). Planning a day again adds nothing."""
    lender = lender_of(connection)
    day = at.astimezone(CHINA).date()
    law = law_on(day, lender["lender_type"])
    accounts = list(_accounts(connection, at))
    made = plan(accounts, {**lender["capacity"], "holdout": lender["holdout"]}, at, EXPERIMENT, law)
    plan_id = derived_id("pl", day)
    connection.execute(
        update(tables.work_item)
        .where(tables.work_item.c.status == "open", tables.work_item.c.plan_id != plan_id)
        .values(status="expired")
    )
    rows = [
        {
            "item_id": derived_id("wi", plan_id, item.account_id),
            "plan_id": plan_id,
            "loan_id": item.account_id,
            "borrower_id": item.debtor_id,
            "action": item.action,
            "at": item.at or at,
            "expected_gain_fen": item.expected_gain_fen,
            "arm": item.arm,
            "segment": item.segment,
            "reason": {**item.reason, "template": item.template, "intended": item.intended},
            "status": "open" if item.at is not None else "done",
        }
        for item in made
    ]
    new = insert_missing(connection, tables.work_item, rows)
    note(
        connection,
        at,
        "system",
        "planned",
        plan_id,
        {"items": new, "gap": made.gap, "value": format_yuan(made.value_fen)},
    )
    return plan_id, made


def send(connection: Connection, vault: Vault, mailer: Mailer, until: datetime) -> dict[str, int]:
    """Send the planned mail and SMS whose hour has come; counts of sent, blocked by rule, and failed.

    Each item is sent at most once: its contact is written in the caller's transaction with the item's own key. A contact that a
    rule forbids is kept as blocked, with the citation.
    """
    counts = {"sent": 0, "blocked": 0, "failed": 0}
    lender = lender_of(connection)
    items = connection.execute(
        select(
            tables.work_item,
            tables.loan_state.c.dpd,
            tables.loan_state.c.overdue_fen,
            tables.loan_state.c.penalty_due_fen,
        )
        .join(tables.loan_state, tables.loan_state.c.loan_id == tables.work_item.c.loan_id)
        .where(
            tables.work_item.c.status == "open",
            tables.work_item.c.action.in_(SENT_BY_MACHINE),
            tables.work_item.c.at <= until,
        )
        .order_by(tables.work_item.c.at, tables.work_item.c.item_id)
        .with_for_update(of=tables.work_item)
    ).mappings()
    for item in items.all():
        counts[_send_one(connection, vault, mailer, lender, dict(item))] += 1
    return counts


def record_outcome(connection: Connection, item_id: str, outcome: dict[str, Any], actor: str, at: datetime) -> None:
    """What a collector says of a work item: ``{result, note?, promise?: {amount_fen, due_on}}``; a call counts as a contact.

    Raises Refused when the rules forbid the contact at this hour: it must not be made.
    """
    item = connection.execute(
        select(tables.work_item).where(tables.work_item.c.item_id == item_id).with_for_update()
    ).one_or_none()
    if item is None:
        raise Refused(Problem("item_id", item_id, "no such work item", "check the id"))
    if item.status != "open":
        raise Refused(Problem("work item", item_id, f"is {item.status}", "take an open one"))
    if item.action in {"call", "letter"}:
        answered = outcome.get("result") not in {"unanswered", "failed"}
        contact = Contact(item_id, item.borrower_id, at, item.action, number="main", answered=answered)
        breaches = check_next_contact(contact, _earlier(connection, item.borrower_id, at), _law(connection, at))
        if breaches:
            raise Refused([Problem(item_id, str(at), breach.en, "", breach.citation, breach.zh) for breach in breaches])
        _keep_contact(connection, item._mapping, at, "answered" if answered else "unanswered", {"by": actor})
    promised = outcome.get("promise")
    if promised:
        connection.execute(
            insert(tables.promise).values(
                promise_id=derived_id("pr", item_id), loan_id=item.loan_id, amount_fen=promised["amount_fen"],
                due_on=promised["due_on"], status="open", made_at=at,
            )
        )  # fmt: skip
    connection.execute(
        update(tables.work_item)
        .where(tables.work_item.c.item_id == item_id)
        .values(status="done", outcome=outcome, done_by=actor, done_at=at)
    )
    note(connection, at, actor, "worked", item_id, {"action": item.action, "result": outcome.get("result", "")})


def _accounts(connection: Connection, at: datetime) -> Iterable[dict[str, Any]]:
    """The overdue loans as the plan's accounts: ability from income and dues, willingness from what was paid on time."""
    day = at.astimezone(CHINA).date()
    history = _history(connection, at)
    rows = connection.execute(
        select(
            tables.loan.c.loan_id, tables.loan.c.borrower_id, tables.loan.c.region, tables.loan.c.months,
            tables.loan.c.principal_fen, tables.loan_state.c.dpd, tables.loan_state.c.principal_outstanding_fen,
            tables.loan_state.c.overdue_fen, tables.loan_state.c.interest_due_fen, tables.loan_state.c.penalty_due_fen,
            tables.borrower.c.language, tables.application.c.features,
        )
        .join(tables.loan_state, tables.loan_state.c.loan_id == tables.loan.c.loan_id)
        .join(tables.borrower, tables.borrower.c.borrower_id == tables.loan.c.borrower_id)
        .outerjoin(tables.application, tables.application.c.application_id == tables.loan.c.application_id)
        .where(tables.loan_state.c.oldest_due.is_not(None), tables.loan_state.c.status.in_(("active", "restructured")))
        .order_by(tables.loan.c.loan_id)
    )  # fmt: skip
    for row in rows.mappings():
        features = row["features"] or {}
        income = features.get("verified_income_fen") or features.get("declared_income_fen")
        instalment = max(1, row["principal_fen"] // max(1, row["months"]))
        spare = (income * 6 // 10 - (features.get("obligations_fen") or 0)) if income else None
        seen = history[row["borrower_id"]]
        yield {
            "account_id": row["loan_id"],
            "debtor_id": row["borrower_id"],
            "dpd": row["dpd"],
            "balance_fen": row["principal_outstanding_fen"] + row["interest_due_fen"] + row["penalty_due_fen"],
            "overdue_fen": row["overdue_fen"],
            "region": row["region"],
            "language": row["language"],
            "ability": None if spare is None else max(0.0, min(1.0, 1 - 1 / (1 + max(0.0, spare / instalment) ** 2))),
            "willingness": seen["willingness"],
            "last_contact": seen["last_contact"],
            "answered_today": seen["answered_today"],
            "dials_today": seen["dials_today"],
            "promise_until": seen["promise_until"] if seen["promise_until"] and seen["promise_until"] >= day else None,
        }


def _history(connection: Connection, at: datetime) -> dict[str, dict[str, Any]]:
    """What is known of each debtor's conduct: contacts answered, promises kept, the last contact, calls today."""
    day = at.astimezone(CHINA).date()
    found: dict[str, dict[str, Any]] = defaultdict(
        lambda: {
            "willingness": None,
            "last_contact": None,
            "answered_today": 0,
            "dials_today": 0,
            "promise_until": None,
        }
    )
    calls: dict[str, list[int]] = defaultdict(list)
    contacts = connection.execute(
        select(tables.contact.c.borrower_id, tables.contact.c.at, tables.contact.c.channel, tables.contact.c.status)
        .where(tables.contact.c.status != "blocked", tables.contact.c.at <= at)
        .order_by(tables.contact.c.at)
    )
    for borrower_id, moment, channel, status in contacts:
        seen = found[borrower_id]
        seen["last_contact"] = moment
        if channel == "call":
            calls[borrower_id].append(int(status == "answered"))
            if moment.astimezone(CHINA).date() == day:
                seen["dials_today"] += 1
                seen["answered_today"] += status == "answered"
    promises = connection.execute(
        select(tables.loan.c.borrower_id, tables.promise.c.status, tables.promise.c.due_on)
        .join(tables.loan, tables.loan.c.loan_id == tables.promise.c.loan_id)
    )  # fmt: skip
    kept: dict[str, list[int]] = defaultdict(list)
    for borrower_id, status, due_on in promises:
        if status == "open":
            found[borrower_id]["promise_until"] = due_on
        else:
            kept[borrower_id].append(int(status == "kept"))
    for borrower_id in {*calls, *kept}:
        parts = [sum(values) / len(values) for values in (calls.get(borrower_id), kept.get(borrower_id)) if values]
        found[borrower_id]["willingness"] = sum(parts) / len(parts)
    return found


def _send_one(
    connection: Connection, vault: Vault, mailer: Mailer, lender: dict[str, Any], item: dict[str, Any]
) -> str:
    at: datetime = item["at"]
    contact = Contact(item["item_id"], item["borrower_id"], at, item["action"])
    breaches = check_next_contact(contact, _earlier(connection, item["borrower_id"], at), _law(connection, at))
    if breaches:
        told = [
            {"rule": breach.rule, "citation": breach.citation, "zh": breach.zh, "en": breach.en} for breach in breaches
        ]
        return _done(connection, item, "blocked", {"breaches": told})
    person = identity_of(connection, vault, item["borrower_id"])
    message = render(item["reason"]["template"], person["language"], _values(lender, person, item))
    if item["action"] == "sms":
        key = derived_id("co", item["item_id"])
        publish(connection, "sms.out", item["borrower_id"], {"contact_id": key, "template": message.template})
        return _done(connection, item, "sent", {"template": message.template, "by": "gateway"})
    if person["email"] == NOT_GIVEN:
        return _done(connection, item, "failed", {"why": "no address"})
    try:
        message_id = mailer.send(person["email"], message.subject, message.text, item["item_id"])
    except Unsent as error:
        return _done(connection, item, "failed", {"why": str(error)[:300]})
    return _done(connection, item, "sent", {"template": message.template, "message_id": message_id})


def _values(lender: dict[str, Any], person: dict[str, str], item: dict[str, Any]) -> dict[str, str]:
    chinese = person["language"] == "zh"
    due_on: date = item["at"].astimezone(CHINA).date() - timedelta(days=item["dpd"])
    return {
        "lender": lender["name_zh" if chinese else "name_en"],
        "name": person["name"],
        "amount": format_yuan(item["overdue_fen"] + item["penalty_due_fen"]),
        "days": str(item["dpd"]),
        "due_on": due_on.isoformat(),
        "pay_how": "借还 App" if chinese else "the app",
        "phone": lender["phone"],
        "complaints": lender["phone"],
    }


def _done(connection: Connection, item: dict[str, Any], status: str, detail: dict[str, Any]) -> str:
    _keep_contact(connection, item, item["at"], status, detail)
    connection.execute(
        update(tables.work_item)
        .where(tables.work_item.c.item_id == item["item_id"])
        .values(status="done", outcome={"result": status}, done_by="system", done_at=item["at"])
    )
    return status


def _keep_contact(connection: Connection, item: Any, at: datetime, status: str, detail: dict[str, Any]) -> None:
    row = {
        "contact_id": derived_id("co", item["item_id"]),
        "loan_id": item["loan_id"],
        "borrower_id": item["borrower_id"],
        "item_id": item["item_id"],
        "channel": item["action"],
        "at": at,
        "template": detail.get("template", ""),
        "status": status,
        "detail": detail,
        "idempotency_key": f"work/{item['item_id']}",
    }
    insert_missing(connection, tables.contact, [row])


def _earlier(connection: Connection, borrower_id: str, at: datetime) -> list[Contact]:
    rows = connection.execute(
        select(tables.contact.c.contact_id, tables.contact.c.at, tables.contact.c.channel, tables.contact.c.status)
        .where(
            tables.contact.c.borrower_id == borrower_id,
            tables.contact.c.status != "blocked",
            tables.contact.c.at > at - timedelta(days=2),
            tables.contact.c.at <= at,
        )
        .order_by(tables.contact.c.at)
    )
    return [
        Contact(row.contact_id, borrower_id, row.at, row.channel, number="main", answered=row.status == "answered")
        for row in rows
    ]


def _law(connection: Connection, at: datetime) -> Law:
    return law_on(at.astimezone(CHINA).date(), lender_of(connection)["lender_type"])
