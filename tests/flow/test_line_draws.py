"""New draws keep to the borrower's credit line: limit, price, reasons, the same again, and what a draw may do to the line."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update
from tests.flow.conftest import application, at

import jiehuan.flow.audit_checks  # noqa: F401 - adds the checks
from jiehuan.flow.apply import apply
from jiehuan.flow.decide import again, decide
from jiehuan.flow.demo.people import Crowd
from jiehuan.flow.disburse import disburse
from jiehuan.flow.learn import learn
from jiehuan.flow.line_draws import line_of, open_line
from jiehuan.flow.sign import sign
from jiehuan.store import tables
from jiehuan.store.audit import audit
from jiehuan.store.database import Database
from jiehuan.store.rows import upsert
from jiehuan.store.vault import Vault
from jiehuan.units.errors import InputError, Refused
from jiehuan.units.money import parse_yuan
from jiehuan.units.rates import parse_rate

ON = date(2026, 1, 12)
CHANGE = tables.line_change


@pytest.fixture
def taught(lender: Database) -> Database:
    with lender.begin() as connection:
        learn(connection, at(date(2025, 11, 30)))
    return lender


def approved(connection: Connection, vault: Vault, crowd: Crowd) -> tuple[str, dict[str, Any], int]:
    """An application that is approved without a line: its id, the decision, the applicant's number."""
    for number in range(60):
        application_id = apply(connection, vault, application(crowd, number, ON), at(ON))
        found = decide(connection, application_id, at(ON))
        if found["outcome"] == "approve":
            return application_id, found, number
    raise AssertionError("nobody among 60 was approved")


def owner(connection: Connection, application_id: str) -> str:
    found = select(tables.application.c.borrower_id).where(tables.application.c.application_id == application_id)
    return str(connection.execute(found).scalar_one())


def set_line(connection: Connection, borrower_id: str, limit_fen: int, rate_ppm: int) -> None:
    upsert(connection, tables.credit_line, [{"borrower_id": borrower_id, "limit_fen": limit_fen, "rate_ppm": rate_ppm}])


def line_row(connection: Connection, borrower_id: str) -> Any:
    return connection.execute(select(tables.credit_line).where(tables.credit_line.c.borrower_id == borrower_id)).one()


def test_a_line_bounds_amount_and_price_with_a_reason_and_comes_out_again(taught: Database, vault: Vault, crowd: Crowd) -> None:
    with taught.begin() as connection:
        application_id, free, _ = approved(connection, vault, crowd)
        assert "credit_line" not in free
        set_line(connection, owner(connection, application_id), 200_000, 50_000)
        bound = decide(connection, application_id, at(ON, 13))
        row = connection.execute(select(tables.decision).where(tables.decision.c.decision_id == bound["decision_id"])).one()
        stored, today = again(connection, bound["decision_id"])
    assert parse_yuan(free["amount"]) > 200_000 and parse_rate(free["rate"]) > 50_000, "else the line would bound nothing"
    assert bound["outcome"] == "approve" and bound["limit"] == "2000.00" and bound["rate"] == "0.050000"
    assert all(parse_yuan(offer["amount"]) <= 200_000 and parse_rate(offer["rate"]) <= 50_000 for offer in bound["offers"])
    reason = next(reason for reason in row.reasons if reason["code"] == "credit_line")
    assert "可用 2000.00 元" in reason["zh"] and "2000.00 free" in reason["en"] and "5%" in reason["en"]
    assert row.inputs["document"]["credit_line"] == {"limit": "2000.00", "rate": "0.050000", "outstanding": "0.00"}
    assert stored == today and stored["credit_line"]["outstanding"] == "0.00"
    (checked,) = [found for found in audit(taught, only=["decisions"]) if found.check == "decisions_again"]
    assert checked.counted > 1 and checked.faults == 0


def test_a_line_never_lends_or_costs_more_than_the_policy(taught: Database, vault: Vault, crowd: Crowd) -> None:
    with taught.begin() as connection:
        application_id, free, _ = approved(connection, vault, crowd)
        set_line(connection, owner(connection, application_id), 900_000_000, 990_000)
        wide = decide(connection, application_id, at(ON, 13))
    assert [wide[name] for name in ("limit", "rate", "amount", "offers")] == [free[name] for name in ("limit", "rate", "amount", "offers")]


def test_a_second_draw_has_what_the_first_left_and_leaves_the_line_as_it_is(taught: Database, vault: Vault, crowd: Crowd) -> None:
    with taught.begin() as connection:
        first, granted, number = approved(connection, vault, crowd)
        who = owner(connection, first)
        sign(connection, vault, first, at(ON, 15))
        drawn = disburse(connection, first)
        opened = line_row(connection, who)
        assert (opened.limit_fen, opened.rate_ppm) == (parse_yuan(granted["limit"]), parse_rate(granted["rate"]))
        later = ON + timedelta(days=40)
        lent = connection.execute(select(tables.loan.c.principal_fen).where(tables.loan.c.loan_id == drawn)).scalar_one()
        set_line(connection, who, lent + 100_000, 60_000)  # as a review may have left it
        second = apply(connection, vault, application(crowd, number, later, application_id="ap-second"), at(later))
        assert owner(connection, second) == who
        bound = decide(connection, second, at(later))
        assert bound["credit_line"]["outstanding"] == f"{lent // 100}.{lent % 100:02d}"
        assert bound["outcome"] == "approve" and bound["limit"] == "1000.00" and parse_rate(bound["rate"]) <= 60_000
        before = connection.execute(select(tables.loan.c.terms).where(tables.loan.c.loan_id == drawn)).scalar_one()
        sign(connection, vault, second, at(later, 15))
        line = line_of(connection, who)
        assert line is not None and line.free_fen < 100_000, "what is signed is no longer free"
        disburse(connection, second)
        stands = line_row(connection, who)
        assert (stands.limit_fen, stands.rate_ppm) == (lent + 100_000, 60_000)
        assert connection.execute(select(tables.loan.c.terms).where(tables.loan.c.loan_id == drawn)).scalar_one() == before
        assert connection.execute(select(CHANGE).where(CHANGE.c.borrower_id == who)).all() == []
    assert [check for check in audit(taught, only=["decisions", "draws", "line_notices"]) if check.faults] == []


def test_a_full_line_lends_nothing_and_says_why(taught: Database, vault: Vault, crowd: Crowd) -> None:
    with taught.begin() as connection:
        application_id, _, _ = approved(connection, vault, crowd)
        set_line(connection, owner(connection, application_id), 0, 180_000)
        bound = decide(connection, application_id, at(ON, 13))
    assert bound["outcome"] == "refuse" and bound["offers"] == [] and bound["limit"] is None
    assert [reason["code"] for reason in bound["reasons"]][:2] == ["credit_line", "no_offer"]


def test_an_offer_that_the_line_no_longer_carries_is_not_signed(taught: Database, vault: Vault, crowd: Crowd) -> None:
    with taught.begin() as connection:
        application_id, _, _ = approved(connection, vault, crowd)
        set_line(connection, owner(connection, application_id), 100_000, 40_000)
        with pytest.raises(Refused, match="free of the credit line") as refused:
            sign(connection, vault, application_id, at(ON, 14))
        assert len(refused.value.problems) == 2 and all(problem.mend for problem in refused.value.problems)
        assert decide(connection, application_id, at(ON, 15))["outcome"] == "approve"
        assert sign(connection, vault, application_id, at(ON, 16))["contract_id"]


def test_a_draw_raises_no_limit_and_makes_new_draws_cheaper_by_a_change(taught: Database, vault: Vault, crowd: Crowd) -> None:
    with taught.begin() as connection:
        application_id, free, _ = approved(connection, vault, crowd)
        who = owner(connection, application_id)
        set_line(connection, who, 400_000, 235_000)
        bound = decide(connection, application_id, at(ON, 13))
        policy = parse_rate(bound["credit_line"]["policy_rate"])
        assert policy < 235_000 and parse_yuan(free["limit"]) > 400_000
        sign(connection, vault, application_id, at(ON, 14))
        set_line(connection, who, 300_000, 235_000)  # a review cut it meanwhile
        disburse(connection, application_id)
        assert (line_row(connection, who).limit_fen, line_row(connection, who).rate_ppm) == (300_000, policy)
        (change,) = connection.execute(select(CHANGE).where(CHANGE.c.borrower_id == who)).all()
        assert (change.old_rate_ppm, change.new_rate_ppm, change.status, change.on) == (235_000, policy, "in_force", ON)
        assert change.old_limit_fen == change.new_limit_fen == 300_000 and change.decided_by == "policy"
        assert bound["decision_id"] in change.reasons[0]["zh"] and bound["decision_id"] in change.reasons[0]["en"]
        told = connection.execute(select(tables.line_notice).where(tables.line_notice.c.change_id == change.change_id)).one()
        assert told.status == "waiting" and change.notified_at is not None
        noted = select(tables.activity.c.detail).where(tables.activity.c.subject == who, tables.activity.c.verb == "adjusted")
        assert connection.execute(noted).scalar_one()["kind"] == "price_down"
        connection.execute(update(tables.credit_line).where(tables.credit_line.c.borrower_id == who).values(rate_ppm=235_000))
        connection.execute(
            CHANGE.insert().values(
                change_id="lc-waits", borrower_id=who, on=ON, old_limit_fen=300_000, new_limit_fen=300_000, old_rate_ppm=235_000,
                new_rate_ppm=240_000, reasons=[], arm="treated", status="proposed", rate_from=ON,
            )
        )  # fmt: skip
        open_line(connection, who, application_id, at(ON, 18))
        assert line_row(connection, who).rate_ppm == 235_000, "a price that waits for a person is theirs to settle"


def test_a_wrong_line_in_a_document_is_refused_naming_each_field() -> None:
    from jiehuan.flow.line_terms import read_line

    assert read_line({}) is None
    with pytest.raises(InputError, match="not an object"):
        read_line({"credit_line": 5})
    with pytest.raises(InputError) as wrong:
        read_line({"credit_line": {"limit": "-1", "rate": "x"}})
    assert [problem.where for problem in wrong.value.problems] == ["credit_line, limit", "credit_line, rate", "credit_line, outstanding"]
