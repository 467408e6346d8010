"""The life of a change of a line: proposed, decided by a person where it must be, told to the borrower, and in force on its day.

A change concerns the limit or the price of new draws, never both: each has its own notice and its own day. What is drawn is untouched.
A change that the borrower must be told of in advance waits until its notice has gone out; were that late, its day moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from jiehuan.flow.activity import note
from jiehuan.flow.gateway import Mailer, Unsent
from jiehuan.flow.lender import lender_of
from jiehuan.flow.person import NOT_GIVEN, identity_of
from jiehuan.line import LineDecision, Notice, notice
from jiehuan.store import tables
from jiehuan.store.outbox import publish
from jiehuan.store.rows import insert_missing
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import derived_id
from jiehuan.units.money import format_yuan
from jiehuan.units.rates import format_rate

CHANGE = tables.line_change


def waiting_borrowers(connection: Connection) -> set[str]:
    """Whose lines have a change that waits for a person or for its day."""
    return set(connection.execute(select(CHANGE.c.borrower_id).where(CHANGE.c.status.in_(("proposed", "approved")))).scalars())


def propose(connection: Connection, review_id: str, decision: LineDecision, at: datetime) -> list[dict[str, Any]]:
    """Keep what a review wants changed, as it needs: for a person to decide, or decided and told at once. The new rows.

    What is still proposed of the line gives way to it.
    """
    rows = _wanted(review_id, decision)
    _supersede(connection, decision, rows)
    kept = []
    for row in rows:
        if row["status"] == "held" and _held_already(connection, decision.borrower_id, decision.on):
            continue
        if not insert_missing(connection, CHANGE, [row]):
            continue
        detail = {"kind": kind_of(row), "arm": row["arm"], "why": row["reasons"][0]["code"], "status": row["status"]}
        note(connection, at, "system", "adjusted", decision.borrower_id, {**detail, **_said(row)})
        if row["status"] == "approved":
            carry_out(connection, row, at)
        kept.append(row)
    return kept


def decide_change(connection: Connection, change_id: str, approve: bool, actor: str, at: datetime) -> dict[str, Any]:
    """A person's yes or no to a proposed change; its days count from today. Raises Refused when it isn't proposed (any more)."""
    found = connection.execute(
        select(CHANGE).where(CHANGE.c.change_id == change_id).with_for_update()
    ).mappings().one_or_none()  # fmt: skip
    if found is None:
        raise Refused(Problem("change_id", change_id, "no such change", "check the id"))
    row: dict[str, Any] = dict(found)
    if row["status"] != "proposed":
        reason = f"is {row['status']}" + (f" by {row['decided_by']}" if row["decided_by"] else "")
        raise Refused(Problem("change", change_id, reason, "read the queue again"))
    late = max(timedelta(), at.astimezone(CHINA).date() - row["on"])
    decided = {**row, "decided_by": actor, "decided_at": at, "status": "approved" if approve else "refused"}
    for name in ("limit_from", "rate_from"):
        if decided[name] is not None:
            decided[name] += late
    _write(connection, change_id, decided, ("decided_by", "decided_at", "status", "limit_from", "rate_from"))
    note(
        connection,
        at,
        actor,
        "line_approved" if approve else "line_refused",
        row["borrower_id"],
        {"change": change_id, **_said(row)},
    )
    if approve:
        carry_out(connection, decided, at)
    return dict(connection.execute(select(CHANGE).where(CHANGE.c.change_id == change_id)).mappings().one())


def put_in_force(connection: Connection, on: date) -> int:
    """Changes whose day has come, and of which the borrower was told, hold from now on; how many."""
    rows = connection.execute(
        select(CHANGE).where(CHANGE.c.status == "approved", CHANGE.c.notified_at.is_not(None)).order_by(CHANGE.c.on).with_for_update()
    ).mappings()
    done = 0
    for row in [dict(found) for found in rows]:
        if day_of(row) <= on:
            _hold(connection, row, datetime.combine(on, time(10), CHINA))
            done += 1
    return done


def send_notices(connection: Connection, vault: Vault, mailer: Mailer, at: datetime) -> dict[str, int]:
    """Send the notices that wait, by mail; counts of sent, unreachable (no address: the message in the app counts) and failed.

    A failed one waits for the next try. A change that needs notice in advance counts its days from the day it went out.
    """
    counts = {"sent": 0, "unreachable": 0, "failed": 0}
    waiting = connection.execute(
        select(tables.line_notice)
        .where(tables.line_notice.c.status.in_(("waiting", "failed")), tables.line_notice.c.created_at <= at)
        .order_by(tables.line_notice.c.created_at, tables.line_notice.c.notice_id)
        .with_for_update(skip_locked=True)
    ).mappings()
    for row in waiting.all():
        address = identity_of(connection, vault, row["borrower_id"])["email"]
        status, detail = "sent", ""
        if address == NOT_GIVEN:
            status, detail = "unreachable", "no address"
        else:
            try:
                detail = mailer.send(address, row["subject"], row["text"], row["notice_id"])
            except Unsent as error:
                status, detail = "failed", str(error)[:300]
        counts[status] += 1
        connection.execute(
            update(tables.line_notice)
            .where(tables.line_notice.c.notice_id == row["notice_id"])
            .values(status=status, detail=detail, sent_at=at if status == "sent" else None)
        )
        if status != "failed":
            _told(connection, row["change_id"], at)
    return counts


def notice_of(connection: Connection, row: Mapping[str, Any], language: str) -> Notice:
    """The notice of a change in a language, as it would be sent."""
    kind = kind_of(row)
    name = "rate_ppm" if kind.startswith("price") else "limit_fen"
    return notice(
        kind, row[f"old_{name}"], row[f"new_{name}"], day_of(row), _reason_of(row), lender_of(connection), language
    )


def kind_of(row: Mapping[str, Any]) -> str:
    """Which change it is: raise or lower (of the limit), price_up or price_down; held when it is the holdout's."""
    if row["new_rate_ppm"] != row["old_rate_ppm"]:
        return "price_up" if row["new_rate_ppm"] > row["old_rate_ppm"] else "price_down"
    if row["new_limit_fen"] != row["old_limit_fen"]:
        return "raise" if row["new_limit_fen"] > row["old_limit_fen"] else "lower"
    return "held"


def day_of(row: Mapping[str, Any]) -> date:
    """The day from which the change holds."""
    day: date = row["rate_from"] if row["rate_from"] is not None else row["limit_from"] or row["on"]
    return day


def _wanted(review_id: str, d: LineDecision) -> list[dict[str, Any]]:
    common = {
        "borrower_id": d.borrower_id, "on": d.on, "arm": d.arm, "review_id": review_id, "proposed_limit_fen": d.proposed_limit_fen,
        "proposed_rate_ppm": d.new_rate_ppm, "propensity": d.propensity, "old_limit_fen": d.old_limit_fen, "old_rate_ppm": d.old_rate_ppm,
        "new_limit_fen": d.old_limit_fen, "new_rate_ppm": d.old_rate_ppm, "limit_from": None, "rate_from": None, "decided_by": None,
        "decided_at": None, "notified_at": None,
    }  # fmt: skip
    about_price = [dict(reason) for reason in d.reasons if reason["code"] in {"price", "cost_cap"}]
    about_limit = [dict(reason) for reason in d.reasons if reason["code"] not in {"price", "cost_cap"}]
    rows = []
    if d.proposed_limit_fen != d.old_limit_fen:
        held = d.new_limit_fen == d.old_limit_fen
        rows.append({
            **common, "change_id": derived_id("lc", review_id, "limit"), "new_limit_fen": d.new_limit_fen,
            "reasons": about_limit or about_price, "limit_from": None if held else d.limit_from,
            "status": "held" if held else "proposed" if d.limit_by_person else "approved",
        })  # fmt: skip
    if d.new_rate_ppm != d.old_rate_ppm:
        rows.append({
            **common, "change_id": derived_id("lc", review_id, "price"), "new_rate_ppm": d.new_rate_ppm,
            "reasons": about_price or about_limit, "rate_from": d.rate_from, "status": "proposed" if d.rate_by_person else "approved",
        })  # fmt: skip
    for row in rows:
        if row["status"] == "approved":
            row |= {"decided_by": "system", "decided_at": datetime.combine(d.on, time(10), CHINA)}
    return rows


def _supersede(connection: Connection, decision: LineDecision, rows: list[dict[str, Any]]) -> None:
    """A new review takes the place of what is still proposed; of what waits for its day only where it changes the same thing anew."""
    mine = CHANGE.c.borrower_id == decision.borrower_id
    connection.execute(update(CHANGE).where(mine, CHANGE.c.status == "proposed").values(status="superseded"))
    for row in rows:
        column = CHANGE.c.rate_from if row["rate_from"] is not None else CHANGE.c.limit_from
        if row["status"] == "approved":
            connection.execute(
                update(CHANGE)
                .where(mine, CHANGE.c.status == "approved", column.is_not(None))
                .values(status="superseded")
            )


def carry_out(connection: Connection, row: Mapping[str, Any], at: datetime) -> None:
    """A decided change is told to the borrower; what needs no notice in advance holds at once."""
    language = connection.execute(
        select(tables.borrower.c.language).where(tables.borrower.c.borrower_id == row["borrower_id"])
    ).scalar_one()
    told = notice_of(connection, row, language)
    notice_id = derived_id("ln", row["change_id"])
    connection.execute(
        insert(tables.line_notice).values(
            notice_id=notice_id, change_id=row["change_id"], borrower_id=row["borrower_id"], language=told.language,
            subject=told.subject, text=told.text, status="waiting", created_at=at,
        )
    )  # fmt: skip
    publish(connection, "line.notice", row["borrower_id"], {"notice_id": notice_id, "change_id": row["change_id"]})
    if day_of(row) <= at.astimezone(CHINA).date():
        connection.execute(update(CHANGE).where(CHANGE.c.change_id == row["change_id"]).values(notified_at=at))
        _hold(connection, row, at)


def _hold(connection: Connection, row: Mapping[str, Any], at: datetime) -> None:
    """The change is in force: the line is what it says, for new draws."""
    priced = row["rate_from"] is not None
    values: dict[str, Any] = {"rate_ppm": row["new_rate_ppm"]} if priced else {"limit_fen": row["new_limit_fen"]}
    connection.execute(
        update(tables.credit_line)
        .where(tables.credit_line.c.borrower_id == row["borrower_id"])
        .values(**values, updated_at=at)
    )
    connection.execute(update(CHANGE).where(CHANGE.c.change_id == row["change_id"]).values(status="in_force"))
    publish(connection, "line.changed", row["borrower_id"], {"change_id": row["change_id"]})


def _told(connection: Connection, change_id: str, at: datetime) -> None:
    """The borrower was told now: days of notice count from here."""
    row = connection.execute(select(CHANGE).where(CHANGE.c.change_id == change_id).with_for_update()).mappings().one()
    if row["notified_at"] is not None:
        return
    late = max(timedelta(), at.astimezone(CHINA).date() - row["decided_at"].astimezone(CHINA).date())
    values: dict[str, Any] = {"notified_at": at}
    for name in ("limit_from", "rate_from"):
        if row[name] is not None and late:
            values[name] = row[name] + late
    connection.execute(update(CHANGE).where(CHANGE.c.change_id == change_id).values(**values))


def _write(connection: Connection, change_id: str, row: Mapping[str, Any], names: tuple[str, ...]) -> None:
    connection.execute(
        update(CHANGE).where(CHANGE.c.change_id == change_id).values({name: row[name] for name in names})
    )


def _held_already(connection: Connection, borrower_id: str, on: date) -> bool:
    """Whether this borrower's line was noted as held out within the last month: one note a month is enough."""
    found = select(CHANGE.c.change_id).where(
        CHANGE.c.borrower_id == borrower_id, CHANGE.c.status == "held", CHANGE.c.on > on - timedelta(days=30)
    )
    return connection.execute(found.limit(1)).first() is not None


def _reason_of(row: Mapping[str, Any]) -> Mapping[str, str]:
    reasons = row["reasons"]
    return reasons[0] if reasons else {"zh": "综合评估", "en": "overall assessment"}


def _said(row: Mapping[str, Any]) -> dict[str, str]:
    if row["new_rate_ppm"] != row["old_rate_ppm"]:
        return {"from": format_rate(row["old_rate_ppm"]), "to": format_rate(row["new_rate_ppm"])}
    return {"from": format_yuan(row["old_limit_fen"]), "to": format_yuan(row["new_limit_fen"])}
