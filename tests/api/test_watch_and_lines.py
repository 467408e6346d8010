"""Alerts, their cases, signals, the queue of lines and an account's timeline over HTTP: shapes, refusals, keys, masks."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.api.conftest import BOOK_DAY

from jiehuan.flow.adjust import adjust
from jiehuan.store.rows import upsert
from jiehuan.store.tables import credit_line


@pytest.fixture(scope="module")
def reviewed(server):
    """Two good borrowers with cheap lines: their prices are proposed to rise."""
    with server.database.begin() as connection:
        rows = [{"borrower_id": f"bo-{n}", "limit_fen": 1_500_000, "rate_ppm": 120_000} for n in (3, 5)]
        upsert(connection, credit_line, rows)
        adjust(connection, BOOK_DAY)
    return server


def test_one_alert_tells_its_days_the_account_and_the_signals_record(server):
    told = server.get("risk", "/api/alerts/al-1").json()
    assert len(told["days"]) == 45 and told["days"][-1]["on"] == told["at"][:10]
    assert told["dpd"] > 0 and float(told["outstanding"]) > 0 and told["line_limit"] == "5000.00"
    assert len(told["others"]) == 10 and told["record"]["rule"] == "missed_payment" and told["record"]["share"] is None
    assert server.get("risk", "/api/alerts/none").status_code == 404


def test_an_alert_is_acknowledged_once_and_made_a_case_which_is_closed_once(server):
    first = server.send("risk", "POST", "/api/alerts/al-2/acknowledge").json()
    assert first["acknowledged_by"] == "risk"
    key = uuid4().hex
    made = server.send("risk", "POST", "/api/alert-cases", {"alert_ids": ["al-2"]}, key=key).json()
    again = server.send("risk", "POST", "/api/alert-cases", {"alert_ids": ["al-2"]}, key=key).json()
    assert again == made and made["borrower"]["name"].endswith("*") and made["alerts"] == len(made["members"]) > 1
    assert server.send("risk", "POST", "/api/alert-cases", {"alert_ids": ["none"]}).status_code == 409
    assert server.send("risk", "POST", "/api/alert-cases", {"alert_ids": []}).status_code == 422
    body = {"verdict": "dismissed", "measure": "none", "remark": "called 13812345678"}
    assert server.send("risk", "POST", f"/api/alert-cases/{made['case_id']}/close", body).status_code == 422, (
        "personal data"
    )
    closed = server.send(
        "risk", "POST", f"/api/alert-cases/{made['case_id']}/close", {**body, "remark": "all well"}
    ).json()
    assert (closed["status"], closed["verdict"], {one["status"] for one in closed["members"]}) == (
        "closed",
        "dismissed",
        {"dismissed"},
    )
    assert (
        server.send("risk", "POST", f"/api/alert-cases/{made['case_id']}/close", {**body, "remark": ""}).status_code
        == 409
    )
    listed = server.get("auditor", "/api/alert-cases?status=closed").json()
    assert [one["case_id"] for one in listed["items"]] == [made["case_id"]]
    record = {one["rule"]: one for one in server.get("risk", "/api/signals").json()["records"]}["missed_payment"]
    assert record["dismissed"] == closed["alerts"] and record["share"] == "0.000000"


def test_signals_are_checked_kept_and_released_by_two(server):
    shipped = server.get("risk", "/api/signals/in_force").json()
    assert shipped["version"] == "shipped" and shipped["rules"] and shipped["body"].startswith("#")
    wrong = shipped["body"].replace("failed_7d >= 3", "faild_7d >= 3")
    found = server.send("auditor", "POST", "/api/signals/check", {"body": wrong}, key=None).json()
    (fault,) = found["faults"]
    assert "faild_7d" in wrong.splitlines()[fault["line"] - 1] and fault["problem"]["mend"] == "did you mean failed_7d?"
    assert server.send("risk", "POST", "/api/signals", {"body": wrong}).status_code == 422
    assert server.send("risk", "POST", "/api/signals/preview", {"body": wrong}, key=None).status_code == 422
    assert (
        server.send(
            "risk", "POST", "/api/signals/preview", {"body": shipped["body"], "days": 999}, key=None
        ).status_code
        == 422
    )
    told = server.send("risk", "POST", "/api/signals/preview", {"body": shipped["body"], "days": 7}, key=None).json()
    assert told["new"] == told["live"] and len(told["new"]["by_day"]) == 7
    changed = shipped["body"].replace("failed_7d >= 3", "failed_7d >= 2")
    kept = server.send("risk", "POST", "/api/signals", {"body": changed, "remark": "sooner"}).json()
    assert kept["standing"] == "draft" and kept["author"] == "risk" and kept["body"] == changed
    own = server.send("risk", "POST", f"/api/signals/{kept['version']}/approve", {})
    assert own.status_code == 409 and "same person" in own.json()["problems"][0]["reason"]
    past = server.send(
        "admin", "POST", f"/api/signals/{kept['version']}/approve", {"effective_at": "2020-01-01T00:00:00+08:00"}
    )
    assert past.status_code == 409
    done = server.send("admin", "POST", f"/api/signals/{kept['version']}/approve", {}).json()
    assert done["standing"] == "in_force" and done["approved_by"] == "admin"
    assert server.get("risk", "/api/signals/in_force").json()["version"] == kept["version"]
    assert server.get("risk", "/api/signals/sv-none").status_code == 404


def test_the_queue_is_decided_singly_and_together_with_its_notices(reviewed):
    server = reviewed
    told = server.get("risk", "/api/line-queue").json()
    assert told["waiting"] == 2 and told["reviews"] >= 2 and told["unfair"] == []
    assert sum(grade["lines"] + grade["closed"] for grade in told["prices"]) == 3
    queue = server.get("risk", "/api/lines?status=proposed&what=price").json()["items"]
    assert len(queue) == 2 and all(change["propensity"] in {"0.900000", "0.100000"} for change in queue)
    notice = server.get("risk", f"/api/line-queue/{queue[0]['change_id']}/notice").json()
    assert (
        notice["kind"] == "price_up"
        and notice["status"] == "none"
        and "15%" in notice["zh"]["text"] + notice["en"]["text"]
    )
    ids = [change["change_id"] for change in queue]
    assert (
        server.send("collector", "POST", "/api/line-queue/decide", {"change_ids": ids, "approve": True}).status_code
        == 403
    )
    done = server.send(
        "risk", "POST", "/api/line-queue/decide", {"change_ids": [*ids, "lc-none"], "approve": True}
    ).json()
    assert done["done"] == 2 and [problem["value"] for problem in done["refused"]] == ["lc-none"]
    assert server.get("risk", f"/api/line-queue/{ids[0]}/notice").json()["status"] == "waiting"
    line = server.get("risk", f"/api/lines/{queue[0]['borrower_id']}").json()
    assert line["rate"] == "0.120000", "it waits for its notice and its day"
    assert server.get("risk", "/api/line-queue/none/notice").status_code == 404


def test_of_a_large_book_a_part_is_looked_at(reviewed, monkeypatch):
    whole = reviewed.get("risk", "/api/line-queue").json()
    monkeypatch.setattr("jiehuan.api.line_queue.MOST_LINES", 1)
    part = reviewed.get("risk", "/api/line-queue").json()
    assert whole["prices_of"] == "1.000000" and 0.3 < float(part["prices_of"]) < 0.4
    looked_at = [sum(grade["lines"] + grade["closed"] for grade in told["prices"]) for told in (whole, part)]
    assert looked_at[1] < looked_at[0] and part["reviews"] == whole["reviews"], "what was logged is counted whole"
    assert whole["spread"][0]["low"] == "-1.000000" and len(whole["spread"]) == 10
    tried = reviewed.send("auditor", "POST", "/api/line-queue/try", {"params": {}}, key=None).json()
    assert tried["sampled"] == part["prices_of"] and tried["now"] == tried["then"]


def test_other_parameters_are_tried_without_keeping_anything(reviewed):
    params = reviewed.get("auditor", "/api/line-queue/params").json()["params"]
    assert params["holdout"] == 0.1
    told = reviewed.send("auditor", "POST", "/api/line-queue/try", {"params": {"lower_pd": 0.031}}, key=None).json()
    assert told["then"]["lowers"] >= told["now"]["lowers"] and told["estimates"] == [] and told["why_not"]
    wrong = reviewed.send("auditor", "POST", "/api/line-queue/try", {"params": {"lower_pd": 7, "colour": 1}}, key=None)
    assert wrong.status_code == 422 and len(wrong.json()["problems"]) == 2


def test_an_account_in_time_hides_transactions_from_those_who_need_none(server):
    told = server.get("risk", "/api/accounts/bo-1/timeline?months=6").json()
    assert told["on"] == BOOK_DAY.isoformat() and told["loans"][0]["loan_id"] == "ln-1"
    assert [one["status"] for one in told["instalments"][:2]] == ["overdue", "overdue"]
    assert (
        told["alerts"]
        and told["contacts"]
        and {"application", "legal_case"} <= {span["what"] for span in told["spans"]}
    )
    assert told["borrower"]["name"].endswith("*") and not told["transactions_hidden"]
    assert server.get("legal", "/api/accounts/bo-1/timeline").json()["transactions_hidden"]
    paid = server.get("risk", "/api/accounts/bo-3/timeline").json()
    assert paid["payments"] and paid["instalments"][0]["status"] == "paid"
    assert server.get("risk", "/api/accounts/none/timeline").status_code == 404
