"""Rights: an explanation that comes from the stored decision, a review with a deadline that nobody misses in silence."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import Connection, select, update
from tests.flow.conftest import application, at

from jiehuan.flow.apply import apply
from jiehuan.flow.closing import close_day
from jiehuan.flow.day_end import day_end
from jiehuan.flow.decide import decide, review
from jiehuan.flow.demo.people import Crowd
from jiehuan.flow.explanation import explain_decision
from jiehuan.flow.review_checks import check_reviews
from jiehuan.flow.reviews import ask_review, deadline_of, open_review, raise_missed
from jiehuan.store import tables
from jiehuan.store.audit.tally import Audit
from jiehuan.store.database import Database
from jiehuan.store.files import get_file
from jiehuan.store.vault import Vault
from jiehuan.units.errors import Refused

ON = date(2026, 1, 12)  # a Monday


def made(connection: Connection, vault: Vault, crowd: Crowd, number: int, outcome: str) -> dict[str, Any]:
    """An application that the policy decides so, by what it says of the applicant."""
    asked = application(crowd, number, ON)
    asked["application_id"] = f"ap-{number}"
    asked["features"] |= {
        "refuse": {"on_block_list": True, "bureau_overdue_fen": 0},
        "review": {"identity_verified": True, "on_block_list": False},
    }.get(outcome, {})
    apply(connection, vault, asked, at(ON))
    decided = decide(connection, asked["application_id"], at(ON))
    assert decided["outcome"] == outcome, decided["reasons"]
    return decided


def test_a_refused_borrower_is_told_what_was_used_why_and_what_would_change_it(lender: Database, vault: Vault, crowd: Crowd) -> None:
    with lender.begin() as connection:
        asked = application(crowd, 1, ON)
        asked["features"] |= {"bureau_overdue_fen": 250_000, "identity_verified": True}
        asked["application_id"] = "ap-told"
        apply(connection, vault, asked, at(ON))
        decided = decide(connection, "ap-told", at(ON))
        assert decided["outcome"] == "refuse"
        told = explain_decision(connection, vault, decided["decision_id"], "ana", at(ON))
        document = told["document"]
        assert [reason["zh"] for reason in document["reasons"]][: len(decided["reasons"])] == [one["zh"] for one in decided["reasons"]]
        facts = {fact["en"]: fact["value_en"] for source in document["sources"] for fact in source["facts"]}
        assert "2500.00 yuan" in facts.values()
        assert all(source["zh"] and source["en"] for source in document["sources"])
        assert {source["basis_en"] for source in document["sources"]} >= {"needed for the contract", "your consent"}
        assert "个人信息保护法" in document["review"]["citation"]
        assert document["review"]["days"] == 15
        again = explain_decision(connection, vault, decided["decision_id"], "ben", at(ON + timedelta(days=3)))
        assert again["file_id"] == told["file_id"] and again["asked_by"] == "ana"
        paper = get_file(connection, told["file_id"])
        text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(paper.content)).pages)
        assert "2500.00" in text
        assert "ask for a person to look again" in " ".join(text.split())
        assert asked["borrower"]["name"] not in str(document), "the person's name stays in the paper"
        with pytest.raises(Refused, match="no such decision"):
            explain_decision(connection, vault, "de-none", "ana", at(ON))


def test_what_would_change_it_comes_out_as_approved_by_the_same_policy(lender: Database, vault: Vault, crowd: Crowd) -> None:
    from jiehuan.flow.policies import policy_version
    from jiehuan.policy import run

    with lender.begin() as connection:
        asked = application(crowd, 1, ON)
        asked["features"] |= {"bureau_overdue_fen": 250_000, "identity_verified": True}
        asked["application_id"] = "ap-turn"
        apply(connection, vault, asked, at(ON))
        decided = decide(connection, "ap-turn", at(ON))
        changes = explain_decision(connection, vault, decided["decision_id"], "ana", at(ON))["document"]["changes"]
        from jiehuan.flow.evaluate import change_of

        policy = policy_version(connection, decided["versions"]["policy"])
        ways = change_of(decided, policy)
        assert len(changes) == len(ways)
        for way in ways:
            values = decided["inputs"]["policy"] | {one["feature"]: one["wanted"] for one in way["changes"]}
            assert run(policy, values).outcome == "approve"


def test_a_request_opens_one_review_with_its_day_and_the_law(lender: Database, vault: Vault, crowd: Crowd) -> None:
    with lender.begin() as connection:
        made(connection, vault, crowd, 2, "refuse")
        first = ask_review(connection, "ap-2", "ana", at(ON), "the overdue sum was paid in December")
        assert (first["due_on"], first["status"], first["kind"]) == (ON + timedelta(days=15), "open", "request")
        assert all(law in first["basis"]["citation"] for law in ("个人信息保护法", "消费投诉处理管理办法"))
        assert ask_review(connection, "ap-2", "ana", at(ON))["review_id"] == first["review_id"]
        decision_id = review(connection, "ap-2", False, "the entry is still there", "ben", at(ON + timedelta(days=2)))
        done = connection.execute(select(tables.review)).one()
        assert (done.status, done.decided_by, done.reason, done.outcome_id) == ("refused", "ben", "the entry is still there", decision_id)
        with pytest.raises(Refused, match="a person decided on it already"):
            ask_review(connection, "ap-2", "ana", at(ON + timedelta(days=3)))


@pytest.mark.parametrize(("lender_type", "own", "days"), [("bank", 20, 15), ("bank", 7, 7), ("micro_lender", 20, 20)])
def test_the_term_for_complaints_can_only_be_shortened(lender_type: str, own: int, days: int) -> None:
    due, basis = deadline_of("request", ON, {"request": own}, lender_type)
    assert (due, basis["days"]) == (ON + timedelta(days=days), days)
    assert ("消费投诉" in basis["citation"]) == (lender_type == "bank")


def test_what_the_policy_leaves_to_people_has_a_day_too(lender: Database, vault: Vault, crowd: Crowd) -> None:
    with lender.begin() as connection:
        for number in range(40):
            asked = application(crowd, number, ON)
            asked["application_id"] = f"ap-{number}"
            apply(connection, vault, asked, at(ON))
            if decide(connection, f"ap-{number}", at(ON))["outcome"] == "review":
                break
        else:
            pytest.fail("nobody among 40 was left to a person")
        waiting = open_review(connection, f"ap-{number}")
        assert waiting is not None
        assert (waiting["kind"], waiting["due_on"]) == ("policy", date(2026, 1, 15))
        with pytest.raises(Refused, match="no refusal"):
            connection.execute(update(tables.review).values(status="superseded"))
            ask_review(connection, f"ap-{number}", "ana", at(ON))


def test_a_missed_day_is_raised_once_by_the_day_end_and_by_the_audit_before_that(lender: Database, vault: Vault, crowd: Crowd) -> None:
    with lender.begin() as connection:
        made(connection, vault, crowd, 3, "refuse")
        due = ask_review(connection, "ap-3", "ana", at(ON))["due_on"]
        day_end(connection, due - timedelta(days=1))
        assert alerts(connection) == []
        day_end(connection, due)
        assert alerts(connection) == [("review_overdue", "critical")]
        day_end(connection, due + timedelta(days=1))
        assert alerts(connection) == [("review_overdue", "critical")]
        noted = select(tables.activity.c.verb).where(tables.activity.c.subject == "ap-3", tables.activity.c.verb == "review_missed")
        assert connection.execute(noted).scalars().all() == ["review_missed"]
        assert not any(one.problems for one in check_reviews(Audit(connection, lender.home)))
        connection.execute(update(tables.review).values(missed_on=None))
        (silent,) = check_reviews(Audit(connection, lender.home))
        assert "nobody was told" in silent.problems[0].reason


def test_the_durable_day_end_raises_it_too(lender: Database, vault: Vault, crowd: Crowd) -> None:
    with lender.begin() as connection:
        made(connection, vault, crowd, 3, "refuse")
        due = ask_review(connection, "ap-3", "ana", at(ON))["due_on"]
    close_day(lender, due)
    with lender.begin() as connection:
        assert alerts(connection) == [("review_overdue", "critical")]
        assert raise_missed(connection, due) == 0


def alerts(connection: Connection) -> list[tuple[str, str]]:
    found = select(tables.alert.c.rule, tables.alert.c.severity).where(tables.alert.c.rule == "review_overdue")
    return [tuple(row) for row in connection.execute(found)]
