"""The documents of a case as PDF: pleading or payment order, evidence list, letter of demand, cost and date sheet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from jiehuan.law import law_on
from jiehuan.legal.case import Case
from jiehuan.legal.documents.form import case_fields, form_texts, pleading_form
from jiehuan.legal.reading import grouped
from jiehuan.legal.typeset import typeset

HERE = Path(__file__).parent


def pleading_pdf(case: Case) -> bytes:
    """The statement of claim, or the application for a payment order, by the case's road."""
    return typeset(HERE / "pleading.typ", pleading_form(case).as_values(), case.on)


def evidence_list_pdf(case: Case, digests: Mapping[str, str] | None = None) -> bytes:
    """The list of evidence: name, source, what it proves; with the SHA-256 of attached files (name to digest)."""
    values = {
        "case_id": case.case_id,
        "plaintiff": case.parties["lender"]["name"],
        "defendant": case.parties["borrower"]["name"],
        "on": case.on,
        "evidence": [
            {"name": piece.name, "source": piece.source, "proves": piece.proves, "original": piece.original}
            for piece in case.evidence
        ],
        "files": [{"name": name, "sha256": digest} for name, digest in (digests or {}).items()],
    }
    return typeset(HERE / "evidence_list.typ", values, case.on)


def demand_letter_pdf(case: Case, *, days_to_pay: int = 15) -> bytes:
    """A letter of demand to the borrower's agreed address, which interrupts limitation when it arrives.

    ``days_to_pay``: the time it gives, at least the fifteen days that the contract's acceleration clause asks for.
    """
    texts = form_texts()["demand"]
    interrupts = law_on(case.on, case.law.lender_type).rule("limitation_interruption")
    claim = case.claim
    due = case.state.overdue_fen + case.state.penalty_due_fen + case.state.costs_due_fen
    account = case.parties["contract"]["repayment_account"] or "约定的还款账户"
    fields = case_fields(case) | {
        "pay_until": _after(case.on, days_to_pay),
        "overdue_total": grouped(min(due, claim.total_fen)),
        "repayment_account": account,
        "interruption_law": interrupts.law_zh if interrupts else "",
        "interruption_law_en": interrupts.law_en if interrupts else "",
    }
    values = {
        "zh": texts["title"]["zh"],
        "en": texts["title"]["en"],
        "number": case.case_id,
        "paragraphs": [text.format(**fields) for text in texts["paragraphs"]],
        "english": [text.format(**fields) for text in texts["english"]],
        "sender": case.parties["lender"]["name"],
        "to": {name: case.parties["borrower"][name] for name in ("name", "address", "phone")},
        "on": case.on,
    }
    return typeset(HERE / "demand.typ", values, case.on)


def date_sheet_pdf(case: Case) -> bytes:
    """For our own desk: the roads weighed, the fee, every date with its article."""
    values: dict[str, Any] = {
        "case_id": case.case_id,
        "defendant": case.parties["borrower"]["name"],
        "court": case.court,
        "court_law": case.court_law,
        "claim": {
            "principal": grouped(case.claim.principal_fen),
            "interest": grouped(case.claim.interest_fen),
            "penalty": grouped(case.claim.penalty_fen),
            "costs": grouped(case.claim.costs_fen),
            "total": grouped(case.claim.total_fen),
        },
        "roads": [road.as_document() | {"chosen": road is case.road} for road in case.roads],
        "deadlines": [deadline.as_document() for deadline in case.deadlines],
        "law_version": case.law.version,
        "on": case.on,
    }
    return typeset(HERE / "date_sheet.typ", values, case.on)


def _after(on: date, days: int) -> str:
    return (on + timedelta(days=days)).isoformat()
