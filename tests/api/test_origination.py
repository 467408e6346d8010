"""From application to repayment over HTTP, through the flow's own verbs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from sqlalchemy import delete, update

from jiehuan.store import tables
from jiehuan.store.rows import insert_missing


@pytest.fixture(scope="module", autouse=True)
def champion(book):
    """A small scorecard in force: risk falls with age."""
    import polars as pl

    from jiehuan.score import fit

    ages = [20 + n % 40 for n in range(400)]
    bad = [int((n * 7919) % 100 < (21 if age < 30 else 3)) for n, age in enumerate(ages)]
    model = fit(pl.DataFrame({"age": ages, "bad": bad}), "bad", features=["age"])
    row = {
        "model_id": "mo-admission", "name": "admission", "kind": "scorecard", "fitted_at": datetime(2026, 1, 1, tzinfo=UTC),
        "metrics": {}, "body": model.as_document(), "status": "champion",
    }  # fmt: skip
    with book.begin() as connection:
        insert_missing(connection, tables.model, [row])
    yield
    with book.begin() as connection:
        connection.execute(delete(tables.model).where(tables.model.c.model_id == "mo-admission"))


def ask(server, **changes):
    body = {
        "lender_type": "micro_lender", "product": "instalment", "amount": "5000.00", "months": 6, "purpose": "a bicycle",
        "features": {"declared_income_fen": 1_500_000, "age": 33, "is_student": False, "identity_verified": True},
        "borrower": {"region": "浙江", "name": "李雷", "id_number": f"1101011985{uuid4().int % 10**7:07d}X", "phone": "13900139000"},
    }  # fmt: skip
    return {**body, **changes}


def test_a_loan_from_application_to_repayment(server):
    made = server.send("risk", "POST", "/api/applications", ask(server))
    assert made.status_code == 201, made.text
    path = f"/api/applications/{made.json()['application_id']}"
    assert server.send("risk", "POST", f"{path}/sign", {}).status_code == 409, "not decided yet"
    assert server.send("risk", "POST", f"{path}/disburse").status_code == 409, "not signed yet"
    decided = server.send("risk", "POST", f"{path}/decide")
    assert decided.status_code == 200, decided.text
    told = decided.json()
    assert told["outcome"] in {"approve", "review", "refuse"}
    assert all(reason["zh"] and reason["en"] for reason in told["reasons"])
    whole = server.get("risk", path).json()
    kept = whole["decisions"][0]
    assert kept.pop("inputs")["document"]["amount"] == "5000.00"
    assert kept == told and whole["borrower"]["name"] == "李*"
    if told["outcome"] != "approve":
        pytest.fail(f"the applicant of this story should be approved: {told['reasons']}")
    signed = server.send("risk", "POST", f"{path}/sign", {"offer": 0})
    assert signed.status_code == 200, signed.text
    paper = server.get("risk", f"/api/files/{signed.json()['contract_file']}")
    assert paper.content.startswith(b"%PDF")
    key = uuid4().hex
    booked = server.send("risk", "POST", f"{path}/disburse", key=key)
    assert booked.status_code == 200, booked.text
    assert server.send("risk", "POST", f"{path}/disburse", key=key).json() == booked.json()
    loan_path = f"/api/loans/{booked.json()['loan_id']}"
    loan = server.get("risk", loan_path).json()
    due = loan["schedule"][0]
    assert loan["journal"] and loan["application_id"] == made.json()["application_id"]

    key, body = uuid4().hex, {"amount": "100.00"}
    paid = server.send("risk", "POST", f"{loan_path}/repayments", body, key)
    assert paid.status_code == 201, paid.text
    again = server.send("risk", "POST", f"{loan_path}/repayments", body, key)
    assert again.json() == paid.json() and again.headers["idempotent-replay"] == "true"
    assert server.send("risk", "POST", f"{loan_path}/repayments", {"amount": "200.00"}, key).status_code == 409
    events = server.get("risk", loan_path).json()["events"]
    assert [(event["kind"], event["amount"]) for event in events] == [("repayment", "100.00")]
    undone = server.send("risk", "POST", f"{loan_path}/events", {"kind": "reversal", "of": events[0]["event_id"]})
    assert undone.status_code == 201, undone.text
    after = server.get("risk", loan_path).json()
    assert after["state"]["credit_balance"] == "0.00"
    assert after["schedule"][0]["due"] == due["due"]
    debits = sum(round(float(line["debit"]) * 100) for entry in after["journal"] for line in entry["lines"])
    credits = sum(round(float(line["credit"]) * 100) for entry in after["journal"] for line in entry["lines"])
    assert debits == credits


def test_what_if_changes_nothing(server):
    made = server.send("risk", "POST", "/api/applications", ask(server)).json()
    path = f"/api/applications/{made['application_id']}"
    base = server.send("auditor", "POST", f"{path}/what-if", {}, key=None)
    assert base.status_code == 200, base.text
    poor = server.send("risk", "POST", f"{path}/what-if", {"features": {"on_block_list": True}}, key=None).json()
    assert poor["outcome"] == "refuse" and poor["reasons"]
    assert server.get("risk", path).json()["decisions"] == []


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"amount": "-5"}, "amount"),
        ({"amount": "5.001"}, "amount"),
        ({"months": 0}, "months"),
        ({"lender_type": "pawnshop"}, "lender_type"),
        ({"borrower": {"region": "浙江"}}, "borrower"),
        ({"borrower": {"region": "浙江", "id_number": "123"}}, "id_number"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_application_is_refused_by_field(server, changes, where):
    answer = server.send("risk", "POST", "/api/applications", ask(server, **changes))
    assert answer.status_code == 422
    assert any(where in problem["where"] for problem in answer.json()["problems"]), answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"amount": "0"}, 422),
        ({"amount": "10", "on": "2026-01-01"}, 422),
        ({"amount": "10", "on": "2099-01-01"}, 422),
        ({"amount": "10", "on": "2026-06-01", "known_on": "2026-05-01"}, 422),
        ({"amount": 10}, 422),
    ],
)
def test_a_bad_repayment_is_refused(server, body, status):
    before = server.get("risk", "/api/loans/ln-3").json()["events"]
    assert server.send("risk", "POST", "/api/loans/ln-3/repayments", body).status_code == status
    assert server.get("risk", "/api/loans/ln-3").json()["events"] == before


def test_an_event_that_does_not_fit_is_refused_with_the_reason(server):
    answer = server.send("risk", "POST", "/api/loans/ln-3/events", {"kind": "reversal", "of": "ev-none"})
    assert answer.status_code in {409, 422}
    assert answer.json()["problems"][0]["reason"]
    for body in ({"kind": "prepayment", "amount": "10"}, {"kind": "waiver", "amount": "1"}, {"kind": "refund"}):
        assert server.send("risk", "POST", "/api/loans/ln-3/events", body).status_code == 422
    assert server.send("risk", "POST", "/api/loans/none/events", {"kind": "settlement"}).status_code == 404


def test_repayments_at_once_are_all_kept(server):
    """Ten writers on one loan: each event once, one state, a balanced journal."""
    import threading

    answers = []

    def pay(n: int) -> None:
        body = {"amount": f"{n + 1}.00", "on": "2026-06-30", "known_on": "2026-06-30"}
        answers.append(server.send("risk", "POST", "/api/loans/ln-5/repayments", body))

    before = len(server.get("risk", "/api/loans/ln-5").json()["events"])
    threads = [threading.Thread(target=pay, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 10, [answer.text for answer in answers]
    events = server.get("risk", "/api/loans/ln-5").json()["events"]
    assert len(events) == before + 10
    assert sorted(event["amount"] for event in events[before:]) == sorted(f"{n + 1}.00" for n in range(10))


def test_what_the_policy_leaves_to_people_is_decided_by_a_person(server):
    """A borderline score goes to review; a person approves what was offered, with a reason that is kept."""
    body = ask(server)
    body["features"]["age"] = 22
    path = f"/api/applications/{server.send('risk', 'POST', '/api/applications', body).json()['application_id']}"
    review = {"outcome": "approve", "reason": "seen in person"}
    early = server.send("risk", "POST", f"{path}/review", review)
    assert early.status_code == 409 and "is new" in early.text
    decided = server.send("risk", "POST", f"{path}/decide").json()
    assert decided["outcome"] == "review", decided["reasons"]
    assert server.send("risk", "POST", f"{path}/sign", {}).status_code == 409
    assert server.send("risk", "POST", f"{path}/review", {"outcome": "approve", "reason": ""}).status_code == 422
    reviewed = server.send("risk", "POST", f"{path}/review", review).json()
    assert (reviewed["outcome"], reviewed["decided_by"]) == ("approve", "risk")
    assert reviewed["reasons"][0]["zh"] == "人工复核：seen in person"
    assert server.get("risk", path).json()["status"] == "approved"
    assert server.send("risk", "POST", f"{path}/review", review).status_code == 409, "decided once"
    assert server.send("risk", "POST", f"{path}/sign", {}).status_code == 200


def test_a_refusal_without_offers_is_not_approved_by_a_person(server):
    body = ask(server)
    body["features"]["on_block_list"] = True
    path = f"/api/applications/{server.send('risk', 'POST', '/api/applications', body).json()['application_id']}"
    assert server.send("risk", "POST", f"{path}/decide").json()["outcome"] == "refuse"
    refused = server.send("risk", "POST", f"{path}/review", {"outcome": "approve", "reason": "a friend of mine"})
    assert refused.status_code == 409 and "offered nothing" in refused.text


def test_a_late_loan_becomes_a_case_and_is_filed(server):
    assert server.send("risk", "POST", "/api/cases", {"loan_id": "ln-2"}).status_code == 403
    assert server.send("legal", "POST", "/api/cases", {"loan_id": "none"}).status_code == 404
    early = server.send("legal", "POST", "/api/cases", {"loan_id": "ln-4", "on": "2020-01-01"})
    assert early.status_code == 422
    opened = server.send("legal", "POST", "/api/cases", {"loan_id": "ln-4", "on": "2026-06-30"})
    assert opened.status_code == 201, opened.text
    case = opened.json()
    assert case["stage"] == "prepared" and float(case["claim"]) > 0 and case["deadlines"]
    assert {paper["kind"] for paper in case["files"]} >= {"pleading"}
    paper = server.get("legal", f"/api/files/{case['pleading_file']}")
    assert paper.content.startswith(b"%PDF")
    filed = server.send("legal", "POST", f"/api/cases/{case['case_id']}/file", {"on": "2026-06-30"})
    assert filed.status_code == 200, filed.text
    assert filed.json()["stage"] == "filed"
    assert server.send("legal", "POST", f"/api/cases/{case['case_id']}/file", {}).status_code == 409


def test_a_refused_borrower_gets_an_explanation_and_a_person(server):
    made = server.send("risk", "POST", "/api/applications", ask(server, features={**ask(server)["features"], "on_block_list": True}))
    path = f"/api/applications/{made.json()['application_id']}"
    early = server.send("risk", "POST", f"{path}/review-request", {})
    assert early.status_code == 409, "nothing was refused yet"
    decided = server.send("risk", "POST", f"{path}/decide").json()
    assert decided["outcome"] == "refuse"
    shown = server.get("auditor", f"{path}/decisions/{decided['decision_id']}/explanation").json()
    assert shown["file_id"] is None and shown["document"]["reasons"]
    told = server.send("risk", "POST", f"{path}/decisions/{decided['decision_id']}/explanation")
    assert told.json()["document"] == shown["document"]
    assert told.status_code == 200, told.text
    document = told.json()["document"]
    assert document["reasons"][0]["zh"] and document["review"]["citation"]
    paper = server.get("risk", f"/api/files/{told.json()['file_id']}")
    assert paper.status_code == 200 and paper.content.startswith(b"%PDF")
    assert server.get("collector", f"/api/files/{told.json()['file_id']}").status_code == 403
    assert server.send("risk", "POST", f"{path}/decisions/de-none/explanation").status_code == 404
    asked = server.send("risk", "POST", f"{path}/review-request", {"words": "there is another person of my name"})
    assert asked.status_code == 200, asked.text
    assert (asked.json()["kind"], asked.json()["status"], asked.json()["days_left"]) == ("request", "open", 15)
    before = server.get("risk", "/api/overview").json()["totals"]
    queue = server.get("auditor", "/api/reviews").json()
    assert queue["items"][-1]["words"] == "there is another person of my name"
    assert queue["open"] == before["reviews_open"] >= 1
    with server.database.begin() as connection:
        connection.execute(update(tables.review).where(tables.review.c.review_id == asked.json()["review_id"]).values(due_on=date(2026, 1, 2)))
    late = server.get("risk", "/api/reviews").json()
    assert late["items"][0]["overdue"] and late["overdue"] == 1
    assert server.get("risk", "/api/overview").json()["totals"]["reviews_overdue"] == 1
    refused = server.send("risk", "POST", f"{path}/review", {"outcome": "refuse", "reason": "the same person after all"})
    assert refused.status_code == 200, refused.text
    done = server.get("risk", "/api/reviews?status=done").json()["items"]
    assert (done[0]["status"], done[0]["decided_by"], done[0]["reason"]) == ("refused", "risk", "the same person after all")
    assert server.get("risk", "/api/overview").json()["totals"]["reviews_open"] == before["reviews_open"] - 1


def test_declared_sources_are_asked_once_and_cost_once(server):
    from pathlib import Path

    import yaml

    from jiehuan.flow.sandbox import bureau_sandbox
    from jiehuan.flow.sources import keep_sources

    declared = yaml.safe_load((Path(__file__).parents[2] / "examples" / "bureau_source.yaml").read_text(encoding="utf-8"))
    consents = [{"purpose": "credit_report", "given_at": "2026-01-10T10:00:00+08:00"}]
    with bureau_sandbox() as url:
        with server.database.begin() as connection:
            keep_sources(connection, [{**declared, "url": url}], datetime.now(UTC), "micro_lender")
        made = server.send("risk", "POST", "/api/applications", ask(server, features={**ask(server)["features"], "consents": consents}))
        path = f"/api/applications/{made.json()['application_id']}"
        first = server.send("risk", "POST", f"{path}/gather")
        assert first.status_code == 200, first.text
        assert (first.json()["cost"], first.json()["answers"][0]["cached"]) == ("1.50", False)
        again = server.send("risk", "POST", f"{path}/gather").json()
        assert (again["cost"], again["answers"][0]["cached"]) == ("0.00", True)
        alone = server.send("risk", "POST", "/api/applications", ask(server)).json()["application_id"]
        refused = server.send("risk", "POST", f"/api/applications/{alone}/gather").json()
        assert refused["answers"] == [] and "个人信息保护法" in refused["problems"][0]["citation"]
        assert server.send("risk", "POST", f"{path}/decide").status_code == 200
