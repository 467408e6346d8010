"""From application to money: apply, learn, decide, review, sign, disburse."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest
from pypdf import PdfReader
from sqlalchemy import Connection, func, select, update
from tests.flow.conftest import application, at

from jiehuan.flow.apply import apply
from jiehuan.flow.decide import again, decide, review
from jiehuan.flow.demo.people import Crowd
from jiehuan.flow.disburse import disburse
from jiehuan.flow.learn import learn
from jiehuan.flow.sign import sign
from jiehuan.store import tables
from jiehuan.store.audit import audit
from jiehuan.store.database import Database
from jiehuan.store.files import get_file
from jiehuan.store.vault import Vault
from jiehuan.units.errors import Conflict, InputError, Refused

ON = date(2026, 1, 12)


def decided(connection: Connection, vault: Vault, crowd: Crowd, outcome: str) -> str:
    """The id of an application that the policy decided so."""
    for number in range(60):
        application_id = apply(connection, vault, application(crowd, number, ON), at(ON))
        if decide(connection, application_id, at(ON))["outcome"] == outcome:
            return application_id
    raise AssertionError(f"nobody among 60 was decided {outcome}")


@pytest.fixture
def taught(lender: Database) -> Database:
    with lender.begin() as connection:
        learn(connection, at(date(2025, 11, 30)))
    return lender


def test_an_application_is_kept_once_and_identity_is_sealed(lender: Database, vault: Vault, crowd: Crowd) -> None:
    request = application(crowd, 1, ON)
    with lender.begin() as connection:
        first = apply(connection, vault, request, at(ON))
        assert apply(connection, vault, request, at(ON)) == first
        with pytest.raises(Conflict, match="amount_fen"):
            apply(connection, vault, {**request, "amount": "1.00"}, at(ON))
        row = connection.execute(
            select(tables.borrower)
            .join(tables.application, tables.application.c.borrower_id == tables.borrower.c.borrower_id)
            .where(tables.application.c.application_id == first)
        ).one()
    assert request["borrower"]["name"].encode() not in bytes(row.name_sealed)
    assert vault.open(row.name_sealed, row.borrower_id) == request["borrower"]["name"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amount": "12.345"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"months": 0}, "months"),
        ({"months": "12"}, "months"),
        ({"lender_type": "shop"}, "lender_type"),
        ({"product": ""}, "product"),
        ({"borrower": {}}, "nobody to lend to"),
        ({"borrower": {"id_number": "123", "region": "浙江"}}, "id_number"),
        ({"borrower": {"borrower_id": "b1", "region": "浙江", "birth_date": "2040-01-01"}}, "future"),
    ],
)
def test_a_wrong_application_is_refused_naming_the_field(
    lender: Database, vault: Vault, crowd: Crowd, change: dict[str, object], said: str
) -> None:
    with lender.begin() as connection, pytest.raises(InputError, match=said):
        apply(connection, vault, application(crowd, 1, ON, **change), at(ON))


def test_a_decision_has_reasons_in_both_languages_and_comes_out_again(taught: Database, vault: Vault, crowd: Crowd) -> None:
    with taught.begin() as connection:
        for outcome in ("approve", "refuse"):
            application_id = decided(connection, vault, crowd, outcome)
            row = connection.execute(
                select(tables.decision)
                .where(tables.decision.c.application_id == application_id)
                .order_by(tables.decision.c.decision_id.desc())
                .limit(1)
            ).one()
            assert outcome == "approve" or row.reasons
            assert all(reason["zh"] and reason["en"] for reason in row.reasons)
            stored, today = again(connection, row.decision_id)
            assert today == stored


def test_without_a_model_a_person_decides(lender: Database, vault: Vault, crowd: Crowd) -> None:
    with lender.begin() as connection:
        application_id = apply(connection, vault, application(crowd, 1, ON), at(ON))
        assert decide(connection, application_id, at(ON))["outcome"] in {"review", "refuse"}


def test_a_person_decides_what_went_to_review(taught: Database, vault: Vault, crowd: Crowd) -> None:
    with taught.begin() as connection:
        application_id = decided(connection, vault, crowd, "review")
        review(connection, application_id, approve=True, why="income seen on paper", actor="risk", at=at(ON, 14))
        status = select(tables.application.c.status).where(tables.application.c.application_id == application_id)
        assert connection.execute(status).scalar_one() == "approved"
        last = connection.execute(
            select(tables.decision).order_by(tables.decision.c.decided_at.desc()).limit(1)
        ).one()
        assert last.decided_by == "risk" and "income seen on paper" in last.reasons[0]["en"]
        with pytest.raises(Refused, match="is approved"):
            review(connection, application_id, approve=False, why="no", actor="risk", at=at(ON, 15))


def test_a_signed_loan_has_contract_and_cost_sheet_and_is_paid_out_once(taught: Database, vault: Vault, crowd: Crowd) -> None:
    with taught.begin() as connection:
        application_id = decided(connection, vault, crowd, "approve")
        made = sign(connection, vault, application_id, at(ON, 15))
        assert sign(connection, vault, application_id, at(ON, 16)) == made
        loan_id = disburse(connection, application_id)
        assert disburse(connection, application_id) == loan_id
        entries = connection.execute(
            select(func.count()).select_from(tables.entry).where(tables.entry.c.loan_id == loan_id)
        ).scalar_one()
        contract = get_file(connection, made["contract_file"]).content
        sheet = get_file(connection, made["cost_sheet_file"]).content
        loan = connection.execute(select(tables.loan).where(tables.loan.c.loan_id == loan_id)).one()
    assert entries == 1
    assert loan.drawn_on == ON
    assert "综合融资成本" in "".join(page.extract_text() for page in PdfReader(io.BytesIO(sheet)).pages)
    assert made["contract_id"] in "".join(page.extract_text() for page in PdfReader(io.BytesIO(contract)).pages)
    assert [check for check in audit(taught) if check.problems] == []


def test_only_an_approved_application_is_signed(taught: Database, vault: Vault, crowd: Crowd) -> None:
    with taught.begin() as connection:
        refused = decided(connection, vault, crowd, "refuse")
        with pytest.raises(Refused, match="is refused"):
            sign(connection, vault, refused, at(ON))
        with pytest.raises(Refused, match="no signed contract"):
            disburse(connection, refused)


def test_a_draw_above_the_cap_is_refused_with_the_article(taught: Database, vault: Vault, crowd: Crowd) -> None:
    with taught.begin() as connection:
        application_id = decided(connection, vault, crowd, "approve")
        sign(connection, vault, application_id, at(ON, 15))
        terms = connection.execute(
            select(tables.contract.c.terms).where(tables.contract.c.application_id == application_id)
        ).scalar_one()
        connection.execute(
            update(tables.contract)
            .where(tables.contract.c.application_id == application_id)
            .values(terms={**terms, "rate": "0.30"})
        )
        with pytest.raises(Refused) as refused:
            disburse(connection, application_id)
        assert any(problem.citation for problem in refused.value.problems)
        booked = select(func.count()).select_from(tables.loan).where(tables.loan.c.application_id == application_id)
        assert connection.execute(booked).scalar_one() == 0


def test_learning_keeps_the_champion_unless_the_new_one_is_as_good(taught: Database) -> None:
    with taught.begin() as connection:
        second = learn(connection, at(date(2025, 11, 30)))
        assert second["champion"] is not None
        champions = connection.execute(
            select(func.count()).select_from(tables.model).where(tables.model.c.status == "champion")
        ).scalar_one()
    assert champions == 1
    assert second["promoted"] == (second["holdout"]["auc"] >= second["champion"]["auc"] - 0.005)


def test_learning_needs_outcomes(database: Database) -> None:
    with database.begin() as connection, pytest.raises(Refused, match="too few to learn from"):
        learn(connection, at(ON + timedelta(days=1)))
