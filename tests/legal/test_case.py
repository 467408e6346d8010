from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from jiehuan import legal
from jiehuan.law import law_on
from jiehuan.legal.documents.form import form_texts, pleading_form
from jiehuan.loan import read_events, read_terms, replay
from jiehuan.units.errors import InputError, Refused


def test_the_claim_is_the_loans_own_state(document: dict[str, Any]) -> None:
    case = legal.case(document)
    loan = document["loan"]
    state = replay(read_terms(loan), read_events(loan["events"]), case.on)
    claim = case.claim
    assert claim.principal_fen == state.principal_outstanding_fen == 2_294_092
    assert claim.interest_fen == state.interest_due_fen + state.accrued_interest_fen
    assert claim.penalty_fen == state.penalty_due_fen
    assert claim.total_fen == sum((claim.principal_fen, claim.interest_fen, claim.penalty_fen, claim.costs_fen))
    assert claim.since and claim.since.isoformat() == "2026-01-15"
    assert case.court_named is False


def test_what_is_due_alone_is_claimed_when_nothing_is_called_in(document: dict[str, Any]) -> None:
    case = legal.case(document | {"accelerate": False})
    # Instalments of 15 January to 15 May are past due; that of 15 June is due today and may still be paid.
    unpaid = [row for row in case.state.schedule if row.status == "overdue"]
    assert len(unpaid) == 5
    assert case.claim.principal_fen == sum(row.principal_fen for row in unpaid)
    assert case.kind == "payment_order"


def test_an_overpaid_balance_is_taken_off_in_the_loans_own_order(document: dict[str, Any]) -> None:
    case = legal.case(document)
    credit = case.claim.penalty_fen + 10_000
    claim = legal.claim_of(replace(case.state, credit_balance_fen=credit), case.terms, case.law)
    assert claim.penalty_fen == 0
    assert claim.interest_fen == case.claim.interest_fen - 10_000
    assert claim.principal_fen == case.claim.principal_fen


def test_a_payment_order_is_closed_while_the_loan_was_not_called_in(document: dict[str, Any]) -> None:
    case = legal.case(document)
    assert case.road.procedure == "small_claims"
    assert "not called in" in case.roads[0].en
    with pytest.raises(Refused, match="use small_claims") as refused:
        legal.case(document | {"procedure": "payment_order"})
    assert refused.value.problems[0].zh
    called = document | {"loan": document["loan"] | {"events": [*document["loan"]["events"],
              {"id": "a", "on": "2026-06-01", "kind": "accelerate"}]}}  # fmt: skip
    assert legal.case(called).kind == "payment_order"


def test_a_loan_that_is_kept_is_no_case(document: dict[str, Any]) -> None:
    """The second instalment falls due on Saturday, 15 November 2025, and is paid by Monday: only from Tuesday on is it late."""
    document["loan"]["events"] = document["loan"]["events"][:1]
    for day in ("2025-10-20", "2025-11-17"):
        with pytest.raises(Refused, match="no instalment is past due on"):
            legal.case(document | {"on": day, "demands": []})
    assert legal.case(document | {"on": "2025-11-18", "demands": []}).claim.total_fen > 0


def test_nothing_owed_is_no_case(document: dict[str, Any]) -> None:
    document["loan"]["events"] = [{"id": "s", "on": "2025-10-01", "kind": "settlement"}]
    with pytest.raises(Refused, match="nothing is owed"):
        legal.case(document)


def test_every_fault_of_a_case_is_named_at_once(document: dict[str, Any]) -> None:
    del document["lender"]["code"], document["borrower"]["name"]
    document["contract"]["signed_on"] = "15/09/2025"
    document["loan"]["rate"] = "16 %"
    document["events"] = [{"kind": "fled", "on": "2026-01-01"}]
    document["disputed"] = "maybe"
    with pytest.raises(InputError) as refused:
        legal.case(document)
    places = {problem.where for problem in refused.value.problems}
    for place in (
        "case: lender.code",
        "case: borrower.name",
        "case: contract.signed_on",
        "case, events 1, kind",
        "case: disputed",
    ):
        assert place in places
    assert any("loan" in place for place in places)


def test_the_pleading_holds_every_element_that_the_law_book_asks_for(document: dict[str, Any]) -> None:
    case = legal.case(document)
    texts = form_texts()
    present = {element for section in texts["sections"] for element in section.get("elements", [])}
    present |= {
        element for section in texts["sections"] for row in section["rows"] for element in row.get("elements", [])
    }
    wanted = law_on(case.on, case.law.lender_type).value("pleading_elements")
    assert wanted and set(wanted) <= present
    text = "\n".join(row.text for section in pleading_form(case).sections for row in section.rows)
    for word in (
        "22,940.92",
        "贰万贰仟玖佰肆拾元玖角贰分",
        "2026-01-15",
        "2026-05-20 书面催收函",
        "330102199001010000",
        "212.75",
    ):
        assert word in text
    assert "{" not in text


def test_a_penalty_rate_above_what_courts_support_is_claimed_up_to_it_only(document: dict[str, Any]) -> None:
    document["loan"] |= {"rate": "0.20"}
    document["loan"]["events"] = []
    case = legal.case(document)
    assert case.claim.penalty_ppm == 300_000
    assert case.claim.forward_ppm == 240_000
    text = "\n".join(row.text for section in pleading_form(case).sections for row in section.rows)
    assert "以不超过年利率 24.00% 为限" in text


def test_a_case_is_the_same_document_each_time_and_json(document: dict[str, Any]) -> None:
    first, second = legal.case(document).as_document(), legal.case(document).as_document()
    assert json.dumps(first) == json.dumps(second)
    assert first["claim"] == "25020.20"
    assert first["fee"] == "212.75"
