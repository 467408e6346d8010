"""Dispose: what can't be had any more in the ordinary way is valued, the best road out proposed, and carried out once approved.

Proposals are the platform's; carrying one out is a person's (``carry_out``): a restructuring and a write-off become events
of the loan, a sale leaves with the tape. A loan is proposed again only when its last proposal is a month old.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from jiehuan.flow.activity import note
from jiehuan.flow.lender import lender_of
from jiehuan.flow.servicing import Held, books_day, keep_state, load_loan, load_loans, mark_sold, record
from jiehuan.law import law_on
from jiehuan.ledger import balances, sale_entry
from jiehuan.loan import LoanState
from jiehuan.npl import Claim, Offer, restructure, tape
from jiehuan.npl import dispose as best_road
from jiehuan.store import tables
from jiehuan.store.files import put_file
from jiehuan.store.journal import append_many, read_entries
from jiehuan.store.outbox import publish
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.ids import derived_id
from jiehuan.units.money import format_yuan

KINDS = {"hold": "hold", "restructure": "restructure", "sell": "sale", "write_off": "writeoff", "litigate": "litigate"}
AGAIN_AFTER = timedelta(days=28)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def dispose(connection: Connection, on: date) -> list[str]:
    """Value every loan late enough and propose its best road; ids of the proposals. Twice a day proposes once."""
    lender = lender_of(connection)
    law = law_on(on, lender["lender_type"])
    latest = (
        select(tables.disposal.c.loan_id, func.max(tables.disposal.c.on).label("on"))
        .group_by(tables.disposal.c.loan_id)
        .subquery()
    )
    due = connection.execute(
        select(tables.loan_state.c.loan_id)
        .outerjoin(latest, latest.c.loan_id == tables.loan_state.c.loan_id)
        .where(
            tables.loan_state.c.oldest_due.is_not(None),
            tables.loan_state.c.dpd >= lender["dispose_from_dpd"],
            tables.loan_state.c.status.in_(("active", "restructured")),
            (latest.c.on.is_(None)) | (latest.c.on <= on - AGAIN_AFTER),
        )
    ).scalars()
    made: list[str] = []
    features = _features(connection, on)
    fees = {
        row.loan_id: row.fee_fen
        for row in connection.execute(select(tables.legal_case.c.loan_id, tables.legal_case.c.fee_fen))
    }
    for held in load_loans(connection, due.all()):
        state = held.state(on)
        known = features.get(held.loan_id, {})
        offer = _offer(held, state, known, on)
        claim = Claim(_claim(state), state.dpd, state.loan_class, _named(known), offer, fees.get(held.loan_id, 0))
        found = best_road(claim, law)
        road = found.recommended
        disposal_id = derived_id("di", held.loan_id, on)
        connection.execute(
            update(tables.disposal)
            .where(tables.disposal.c.loan_id == held.loan_id, tables.disposal.c.status == "proposed")
            .values(status="superseded")
        )
        detail = found.as_document() | ({"offer": offer.as_document()} if offer else {})
        connection.execute(
            insert(tables.disposal).values(
                disposal_id=disposal_id, loan_id=held.loan_id, kind=KINDS[road.name], on=on, balance_fen=claim.balance_fen,
                value_fen=road.value_fen, low_fen=road.low_fen, high_fen=road.high_fen, detail=detail, status="proposed",
            )
        )  # fmt: skip
        made.append(disposal_id)
    if made:
        note(connection, _at(on), "system", "valued", on.isoformat(), {"claims": len(made)})
    return made


def carry_out(connection: Connection, disposal_id: str, on: date, actor: str) -> str:
    """Do what a proposal says, on a person's word; what was done. A proposal is carried out once."""
    row = connection.execute(
        select(tables.disposal).where(tables.disposal.c.disposal_id == disposal_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise Refused(Problem("disposal_id", disposal_id, "no such proposal", "check the id"))
    if row.status == "done":
        raise Refused(Problem("disposal", disposal_id, "is done", "each is carried out once"))
    if row.kind == "sale":
        raise Refused(Problem("disposal", disposal_id, "a sale leaves with a tape", "make the tape with `sell`"))
    deed = deed_of(row.kind, row.detail)
    if deed is not None:
        event = {"id": derived_id("ev", disposal_id), "on": on.isoformat()} | deed
        record(connection, row.loan_id, event, f"dispose/{disposal_id}", on)
    connection.execute(
        update(tables.disposal).where(tables.disposal.c.disposal_id == disposal_id).values(status="done")
    )
    publish(connection, "loan.disposed", row.loan_id, {"disposal_id": disposal_id, "kind": row.kind})
    note(connection, _at(on), actor, "disposed", disposal_id, {"kind": row.kind, "loan": row.loan_id})
    return str(row.kind)


def deed_of(kind: str, detail: Mapping[str, Any]) -> dict[str, Any] | None:
    """What carrying out a proposal adds to the loan's events, without id and day; None where it adds nothing."""
    if kind == "writeoff":
        return {"kind": "writeoff"}
    if kind != "restructure":
        return None
    terms = detail["offer"]["terms"]
    plan = {name: terms[name] for name in ("rate", "months", "method", "penalty_uplift", "cashflow") if name in terms}
    return {"kind": "restructure", "terms": plan}


def sale_tape(connection: Connection, on: date, actor: str) -> dict[str, Any]:
    """The tape of every claim proposed for sale, checked against the law of the day; its file and totals.

    Making a tape offers the claims; they are sold when the buyer's price has come (``sold``). Raises Refused with the
    article where this lender may not sell on this day.
    """
    lender = lender_of(connection)
    proposed = connection.execute(
        select(tables.disposal.c.disposal_id, tables.disposal.c.loan_id)
        .where(tables.disposal.c.kind == "sale", tables.disposal.c.status == "proposed", tables.disposal.c.on <= on)
        .order_by(tables.disposal.c.loan_id, tables.disposal.c.on)
    ).all()
    if not proposed:
        raise Refused(Problem("tape", "", "no claim is proposed for sale", "run dispose first"))
    rows = [_tape_row(held, held.state(on)) for held in load_loans(connection, [row.loan_id for row in proposed])]
    made = tape(rows, on, lender["lender_type"])
    offered = [row.disposal_id for row in proposed if row.loan_id in set(made.loan_ids)]
    tape_id = derived_id("ta", on, *offered)
    file_id = put_file(connection, made.xlsx(), kind="tape", name=f"tape-{on}.xlsx", media_type=XLSX, subject=tape_id)
    connection.execute(
        update(tables.disposal)
        .where(tables.disposal.c.disposal_id.in_(offered))
        .values(tape_id=tape_id, status="approved")
    )
    note(connection, _at(on), actor, "offered", tape_id, {"claims": len(made.rows), "balance": format_yuan(made.balance_fen)})
    return {"tape_id": tape_id, "file_id": file_id, **made.as_document()}


def sold(connection: Connection, tape_id: str, price_fen: int, on: date, actor: str) -> int:
    """The buyer's price came for a tape: its claims leave the book, the price is shared by balance; how many were sold.

    Each claim leaves the books for its share of the price. Assignment binds the debtor on notice (Civil Code 546), which is
    published for sending.
    """
    rows = connection.execute(
        select(tables.disposal)
        .where(tables.disposal.c.tape_id == tape_id, tables.disposal.c.status == "approved")
        .order_by(tables.disposal.c.loan_id)
        .with_for_update()
    ).all()
    if not rows:
        raise Refused(Problem("tape_id", tape_id, "no such tape, or it is sold", "check the id"))
    total, left, rest = sum(row.balance_fen for row in rows), price_fen, sum(row.balance_fen for row in rows)
    for row in rows:
        share = left * row.balance_fen // rest if rest else 0
        left, rest = left - share, rest - row.balance_fen
        held = load_loan(connection, row.loan_id, lock=True)
        day = books_day(connection, held, on)
        state = held.state(day)
        keep_state(connection, held, state)
        books = balances(read_entries(connection, [row.loan_id])[row.loan_id])
        sale = sale_entry(row.loan_id, day, share, books, row.disposal_id, held.funding)
        append_many(connection, [(row.loan_id, [*held.journal(state), sale])])
        mark_sold(connection, row.loan_id)
        publish(connection, "claim.assigned", row.loan_id, {"loan_id": row.loan_id, "tape_id": tape_id})
    connection.execute(update(tables.disposal).where(tables.disposal.c.tape_id == tape_id).values(status="done"))
    detail = {"claims": len(rows), "balance": format_yuan(total), "price": format_yuan(price_fen)}
    note(connection, _at(on), actor, "sold", tape_id, detail)
    return len(rows)


def _claim(state: LoanState) -> int:
    return state.principal_outstanding_fen + state.interest_due_fen + state.penalty_due_fen + state.costs_due_fen


def _features(connection: Connection, on: date) -> dict[str, dict[str, Any]]:
    """What is known of each overdue borrower: verified income and obligations, whether reached, whether paying."""
    since = datetime.combine(on - timedelta(days=90), time(), CHINA)
    reached = set(
        connection.execute(
            select(tables.contact.c.loan_id).where(tables.contact.c.status == "answered", tables.contact.c.at >= since)
        ).scalars()
    )
    paid = set(
        connection.execute(
            select(tables.loan_event.c.loan_id).where(
                tables.loan_event.c.kind == "repayment", tables.loan_event.c.effective_on >= since.date()
            )
        ).scalars()
    )
    rows = connection.execute(
        select(tables.loan.c.loan_id, tables.application.c.features)
        .join(tables.application, tables.application.c.application_id == tables.loan.c.application_id)
        .join(tables.loan_state, tables.loan_state.c.loan_id == tables.loan.c.loan_id)
        .where(tables.loan_state.c.oldest_due.is_not(None))
    )
    return {
        row.loan_id: {
            "income": row.features.get("verified_income_fen"),
            "obligations": row.features.get("obligations_fen") or 0,
            "reached": row.loan_id in reached,
            "paid": row.loan_id in paid,
        }
        for row in rows
    }


def _capacity(known: Mapping[str, Any]) -> int:
    """What the borrower can pay a month: a third of verified income, less what they owe others each month."""
    income = known.get("income")
    return max(0, income // 3 - known["obligations"]) if income else 0


def _offer(held: Held, state: LoanState, known: Mapping[str, Any], on: date) -> Offer | None:
    capacity = _capacity(known)
    if capacity <= 0 or not known.get("paid"):
        return None  # a plan is for those who show that they will pay
    try:
        return restructure(_claim(state), held.terms.rate_ppm, capacity, on, held.terms.lender_type)[0]
    except (Refused, InputError):
        return None


def _named(known: Mapping[str, Any]) -> dict[str, Any]:
    """The features as the valuation's parameters name them."""
    capacity = _capacity(known) if known else 0
    ability = "unknown" if not known.get("income") else "high" if capacity > 100_000 else "middle" if capacity else "low"
    return {
        "contactable": "true" if known.get("reached") else "false",
        "paid_last_90_days": "true" if known.get("paid") else "false",
        "ability": ability,
    }


def _tape_row(held: Held, state: LoanState) -> dict[str, Any]:
    return {
        "loan_id": held.loan_id,
        "class": state.loan_class,
        "status": state.status,
        "dpd": state.dpd,
        "outstanding_fen": state.principal_outstanding_fen,
        "interest_fen": state.interest_due_fen,
        "penalty_fen": state.penalty_due_fen,
        "drawn_on": held.terms.drawn_on,
        "principal_fen": held.terms.principal_fen,
        "region": held.row["region"],
        "product": held.row["product"],
        "rate": str(held.terms.rate_ppm / 1e6),
        "months": held.terms.months,
    }


def _at(on: date) -> datetime:
    return datetime.combine(on, time(17), CHINA)
