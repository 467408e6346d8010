"""Litigate: debts that are late beyond the lender's threshold become cases, with pleading, fee, court and every date.

What is claimed is the replayed loan's own state, so a pleading never differs from the book. Opening a case accelerates the
loan (the contract allows it) and costs nothing yet; ``file_case`` records the filing and the fee paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from jiehuan.flow.activity import note
from jiehuan.flow.lender import lender_of
from jiehuan.flow.person import identity_of
from jiehuan.flow.servicing import Held, books_day, load_loan, record
from jiehuan.law import law_on
from jiehuan.ledger import advance_entry, journal
from jiehuan.legal import Case, Deadline, case, deadlines, pack
from jiehuan.legal.deadlines import CaseEvent
from jiehuan.loan import LoanState
from jiehuan.store import tables
from jiehuan.store.files import put_file
from jiehuan.store.journal import append_many
from jiehuan.store.rows import insert_missing
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA
from jiehuan.units.errors import JiehuanError, Problem, Refused
from jiehuan.units.ids import derived_id
from jiehuan.units.money import format_yuan

MEDIA = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "json": "application/json",
}
WRITTEN = {"mail": "电子邮件", "sms": "短信", "letter": "书面催收函", "call": "电话"}
PROVINCES = {"浙江": "zhejiang"}


def litigate(
    connection: Connection, vault: Vault, on: date, limit: int | None = None
) -> tuple[list[str], list[Problem]]:
    """Open a case for every loan late enough that has none; (case ids, what could not be opened and why).

    ``limit``: at most so many, the largest first, as courts and lawyers take only so many a day.
    """
    lender = lender_of(connection)
    if not law_on(on, lender["lender_type"]).rule("court_fee"):
        return [], []
    candidates = connection.execute(
        select(tables.loan.c.loan_id)
        .join(tables.loan_state, tables.loan_state.c.loan_id == tables.loan.c.loan_id)
        .outerjoin(tables.legal_case, tables.legal_case.c.loan_id == tables.loan.c.loan_id)
        .where(
            tables.loan_state.c.oldest_due.is_not(None),
            tables.loan_state.c.dpd >= lender["litigate_from_dpd"],
            tables.loan_state.c.status.in_(("active", "restructured")),
            tables.loan_state.c.principal_outstanding_fen >= lender["litigate_min_fen"],
            tables.legal_case.c.case_id.is_(None),
        )
        .order_by(tables.loan_state.c.principal_outstanding_fen.desc(), tables.loan.c.loan_id)
        .limit(limit)
    ).scalars()
    opened: list[str] = []
    problems: list[Problem] = []
    for loan_id in candidates.all():
        try:
            with connection.begin_nested():
                opened.append(open_case(connection, vault, loan_id, on))
        except JiehuanError as error:
            problems.extend(error.problems)
    return opened, problems


def open_case(connection: Connection, vault: Vault, loan_id: str, on: date) -> str:
    """Open the case of one loan: accelerate it, work the case out, make its documents. Opening twice opens once."""
    case_id = derived_id("ca", loan_id)
    there = select(tables.legal_case.c.case_id).where(tables.legal_case.c.case_id == case_id)
    if connection.execute(there).first():
        return case_id
    held = load_loan(connection, loan_id, lock=True)
    if not due_whole(held.state(on)):
        event = {"id": derived_id("ev", loan_id, "accelerate"), "on": on.isoformat(), "kind": "accelerate"}
        record(connection, loan_id, event, f"accelerate/{loan_id}", on)
        held = load_loan(connection, loan_id)
    worked = case(_case_document(connection, vault, held, case_id, on))
    files = {
        name: put_file(
            connection, content, kind="pleading" if name.endswith(("pdf", "docx")) else "case", name=f"{case_id}-{name}",
            media_type=MEDIA[name.rpartition(".")[2]], subject=case_id,
        )
        for name, content in pack(worked).items()
    }  # fmt: skip
    connection.execute(insert(tables.legal_case).values(_case_row(worked, held, files, lender_of(connection))))
    insert_missing(connection, tables.deadline, [_deadline_row(case_id, found) for found in worked.deadlines])
    detail = {"loan": loan_id, "claim": format_yuan(worked.claim.total_fen), "procedure": worked.road.procedure}
    note(connection, datetime.combine(on, time(15), CHINA), "system", "litigated", case_id, detail)
    return case_id


def due_whole(state: LoanState) -> bool:
    """Whether a loan was called in, or its last instalment is due: a case need not accelerate it."""
    return state.accelerated or state.next_due is None


def file_case(connection: Connection, case_id: str, on: date, actor: str) -> None:
    """The case went to court and its fee was paid: stage, fee in the books, and the dates that run from the filing."""
    row = connection.execute(
        select(tables.legal_case).where(tables.legal_case.c.case_id == case_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise Refused(Problem("case_id", case_id, "no such case", "check the id"))
    if row.stage != "prepared":
        raise Refused(Problem("case", case_id, f"is {row.stage}", "only a prepared case can be filed"))
    held = load_loan(connection, row.loan_id, lock=True)
    kind = "order_filed" if row.kind == "payment_order" else "filed"
    demands = [CaseEvent(date.fromisoformat(one["on"]), "demand") for one in _demands(connection, row.loan_id, on)]
    found = deadlines(
        [*demands, CaseEvent(on, kind)],
        last_due=_last_due(held.state(on)),
        lender_type=held.terms.lender_type,
        procedure=row.procedure,
    )
    insert_missing(connection, tables.deadline, [_deadline_row(case_id, one) for one in found])
    if row.fee_fen:
        told = journal(held.terms, held.events, books_day(connection, held, on), held.loan_id)
        append_many(connection, [(held.loan_id, [*told, advance_entry(held.loan_id, on, row.fee_fen, case_id)])])
    connection.execute(
        update(tables.legal_case).where(tables.legal_case.c.case_id == case_id).values(stage="filed")
    )
    note(connection, datetime.combine(on, time(16), CHINA), actor, "filed", case_id, {"fee": format_yuan(row.fee_fen)})


def _last_due(state: LoanState) -> date:
    """From when limitation runs: the last due date, or the day on which the loan was called in."""
    called_in = [row.due for row in state.schedule if row.kind == "accelerated"]
    return min([state.schedule[-1].due, *called_in]) if state.accelerated else state.schedule[-1].due


def meet_deadline(connection: Connection, deadline_id: str, on: date, actor: str) -> None:
    """Say that a deadline was met. A deadline is met once."""
    done = connection.execute(
        update(tables.deadline)
        .where(tables.deadline.c.deadline_id == deadline_id, tables.deadline.c.done_on.is_(None))
        .values(done_on=on, done_by=actor)
        .returning(tables.deadline.c.case_id)
    ).first()
    if done is None:
        raise Refused(Problem("deadline_id", deadline_id, "no such open deadline", "it may have been met already"))
    note(connection, datetime.combine(on, time(16), CHINA), actor, "met", deadline_id, {"case": done.case_id})


def _case_document(connection: Connection, vault: Vault, held: Held, case_id: str, on: date) -> dict[str, Any]:
    lender, person = lender_of(connection), identity_of(connection, vault, held.row["borrower_id"])
    signed = connection.execute(
        select(tables.contract.c.contract_id, tables.contract.c.signed_at).where(
            tables.contract.c.application_id == held.row["application_id"]
        )
    ).one_or_none()
    return {
        "case_id": case_id,
        "on": on.isoformat(),
        "lender_type": held.terms.lender_type,
        "province": PROVINCES.get(lender["region"], ""),
        "court": "",
        "lender": {
            "name": lender["name_zh"], "code": lender["registration_number"], "address": lender["address_zh"],
            "phone": lender["phone"], "representative": lender["representative_zh"], "title": "法定代表人",
            "agent": {"name": lender["law_firm"], "firm": lender["law_firm"], "phone": lender["phone"], "powers": "特别授权"},
        },
        "borrower": {
            "name": person["name"], "id_number": person["id_number"], "phone": person["phone"], "email": person["email"],
            "address": person["region"],
        },
        "contract": {
            "contract_no": signed.contract_id if signed else held.loan_id,
            "signed_on": (signed.signed_at.astimezone(CHINA).date() if signed else held.terms.drawn_on).isoformat(),
            "court": lender["court_zh"],
        },
        "loan": {**held.terms.as_document(), "events": [event.as_document() for event in held.events]},
        "demands": _demands(connection, held.loan_id, on),
    }  # fmt: skip


def _demands(connection: Connection, loan_id: str, on: date) -> list[dict[str, str]]:
    """The written demands that were really sent, one a channel: the last before the case."""
    rows = connection.execute(
        select(tables.contact.c.channel, func.max(tables.contact.c.at))
        .where(tables.contact.c.loan_id == loan_id, tables.contact.c.status.in_(("sent", "answered")))
        .group_by(tables.contact.c.channel)
        .order_by(tables.contact.c.channel)
    )
    demands = []
    for channel, at in rows:
        day = at.astimezone(CHINA).date()
        if channel in WRITTEN and day <= on:
            demands.append({"on": day.isoformat(), "channel": WRITTEN[channel]})
    return demands


def _case_row(worked: Case, held: Held, files: Mapping[str, str], lender: Mapping[str, Any]) -> dict[str, Any]:
    pleading = next(file for name, file in files.items() if name.endswith(".pdf") and name.startswith(("pleading", "payment")))
    return {
        "case_id": worked.case_id,
        "loan_id": held.loan_id,
        "borrower_id": held.row["borrower_id"],
        "kind": worked.kind,
        "procedure": worked.road.procedure,
        "court": worked.court,
        "amounts": worked.claim.as_document(),
        "claim_fen": worked.claim.total_fen,
        "fee_fen": worked.fee.fee_fen,
        "stage": "prepared",
        "law_firm": lender["law_firm"],
        "opened_on": worked.on,
        "pleading_file": pleading,
    }


def _deadline_row(case_id: str, found: Deadline) -> dict[str, Any]:
    return {
        "deadline_id": derived_id("dl", case_id, found.kind, found.after, found.since),
        "case_id": case_id,
        "kind": found.kind,
        "due_on": found.due_on,
        "zh": found.zh,
        "en": found.en,
        "citation": found.citation,
        "done_on": found.done_on,
        "done_by": "system" if found.done_on else None,
    }
