"""Writes happen once, say why they are refused, and leave a trace."""

from __future__ import annotations

import threading
from datetime import date
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from jiehuan.store.tables import activity, contact, idempotency, promise


def test_feedback_on_an_alert_once(server):
    path, body, key = "/api/alerts/al-50/feedback", {"status": "dismissed", "note": "he had paid"}, uuid4().hex
    first = server.send("risk", "POST", path, body, key)
    assert first.status_code == 200
    assert first.json()["status"] == "dismissed" and first.json()["handled_by"] == "risk"
    again = server.send("risk", "POST", path, {"note": "he had paid", "status": "dismissed"}, key)
    assert again.json() == first.json() and again.headers["idempotent-replay"] == "true"
    other = server.send("risk", "POST", path, {"status": "confirmed"}, key)
    assert other.status_code == 409 and other.json()["problems"][0]["where"] == "Idempotency-Key"
    elsewhere = server.send("risk", "POST", "/api/alerts/al-51/feedback", body, key)
    assert elsewhere.status_code == 409, "the same key for another thing"
    late = server.send("risk", "POST", path, body)
    assert late.status_code == 409 and "already dismissed" in late.text
    with server.database.connect() as connection:
        traces = connection.execute(select(activity).where(activity.c.subject == "al-50")).all()
    assert {(trace.verb, trace.actor) for trace in traces} == {("judged", "risk"), ("commented", "risk")}


def test_a_refused_write_keeps_nothing_and_may_be_tried_again(server):
    key = uuid4().hex
    assert server.send("risk", "POST", "/api/alerts/none/feedback", {"status": "confirmed"}, key).status_code == 404
    with server.database.connect() as connection:
        assert connection.execute(select(idempotency).where(idempotency.c.key == key)).all() == []


@pytest.mark.parametrize("key", [None, "short", "x" * 201, "schlüssel-nummer"])
def test_a_write_without_a_proper_key_is_refused(server, key):
    headers = {} if key is None else {"Idempotency-Key": key.encode()}
    with server.client("risk") as client:
        answer = client.post("/api/alerts/al-52/feedback", json={"status": "confirmed"}, headers=headers)
    assert answer.status_code == 422
    assert "dempotency" in answer.json()["problems"][0]["where"]


def test_twenty_at_once_with_one_key_act_once(server):
    key, answers = uuid4().hex, []

    def send():
        answers.append(server.send("risk", "POST", "/api/alerts/al-53/feedback", {"status": "confirmed"}, key))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replay" not in answer.headers for answer in answers) == 1
    with server.database.connect() as connection:
        count = select(func.count()).select_from(activity).where(activity.c.subject == "al-53")
        assert connection.execute(count).scalar_one() == 1


def test_an_outcome_closes_the_item_keeps_the_contact_and_opens_the_promise(server):
    body = {"result": "promise", "promise": {"amount": "916.8", "due_on": "2026-07-05"}, "note": "pays on pay day"}
    body["at"] = "2026-06-30T15:00:00+08:00"
    done = server.send("collector", "POST", "/api/work/wi-4/outcome", body)
    assert done.status_code == 200, done.text
    assert (done.json()["status"], done.json()["done_by"]) == ("done", "collector")
    assert done.json()["outcome"]["promise"] == {"amount": "916.80", "due_on": "2026-07-05"}
    with server.database.connect() as connection:
        kept = connection.execute(select(contact).where(contact.c.item_id == "wi-4")).one()
        said = connection.execute(
            select(promise).where(promise.c.loan_id == kept.loan_id, promise.c.status == "open")
        ).all()
    assert (kept.channel, kept.status) == ("call", "answered")
    assert (91680, date(2026, 7, 5)) in [(each.amount_fen, each.due_on) for each in said]
    assert server.send("collector", "POST", "/api/work/wi-4/outcome", body).status_code == 409


@pytest.mark.parametrize(
    ("item", "body", "status", "reason"),
    [
        ("wi-8", {"result": "promise"}, 422, "promise"),
        ("wi-8", {"result": "answered", "promise": {"amount": "1", "due_on": "2026-07-01"}}, 422, "promise"),
        ("wi-8", {"result": "promise", "promise": {"amount": "0", "due_on": "2026-07-01"}}, 422, "0.01"),
        ("wi-8", {"result": "promise", "promise": {"amount": "5", "due_on": "2099-07-01"}}, 422, "60 days"),
        ("wi-8", {"result": "flown"}, 422, "result"),
        ("wi-8", {"result": "answered", "at": "2020-01-01T00:00:00+08:00"}, 422, "the day before the item"),
        ("wi-8", {"result": "answered", "at": "2026-06-30T23:30:00+08:00"}, 409, '"citation":"'),
        ("wi-39", {"result": "answered"}, 409, "held out"),
        ("none", {"result": "answered"}, 404, "no such"),
    ],
)
def test_an_outcome_that_cannot_be_is_refused_with_its_reason(server, item, body, status, reason):
    answer = server.send("collector", "POST", f"/api/work/{item}/outcome", body)
    assert answer.status_code == status, answer.text
    assert reason in answer.text
    assert server.get("collector", "/api/work/wi-8").json()["status"] == "open"


def test_a_deadline_is_met_once_and_not_in_the_future(server):
    path = "/api/cases/ca-1/deadlines/dl-1-0/done"
    assert server.send("legal", "POST", path, {"done_on": "2090-01-01"}).status_code == 409
    assert server.send("legal", "POST", path, {"done_on": "2026-01-01"}).status_code == 409, (
        "before the case was opened"
    )
    done = server.send("legal", "POST", path, {"done_on": "2026-06-29"})
    assert done.status_code == 200 and done.json()["done_by"] == "legal" and done.json()["missed"] is False
    assert server.send("legal", "POST", path, {}).status_code == 409
    assert server.send("legal", "POST", "/api/cases/ca-2/deadlines/dl-1-1/done", {}).status_code == 404, (
        "another case's"
    )


@pytest.mark.parametrize("note", ["call 13812345678", "his id is 11010519491231002X"])
def test_a_remark_with_personal_data_is_refused(server, note):
    answer = server.send("risk", "POST", "/api/alerts/al-55/feedback", {"status": "confirmed", "note": note})
    assert answer.status_code == 422 and "personal data" in answer.text
    assert note.split()[-1] not in answer.text
    told = server.send(
        "risk", "POST", "/api/alerts/al-55/feedback", {"status": "confirmed"}, key=f"tel:{note.split()[-1]}"
    )
    assert told.status_code == 422 and "fresh random text" in told.text
