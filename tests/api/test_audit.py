"""The audit over HTTP: clean on books that the flow made, and it sees a planted fault."""

from __future__ import annotations

from sqlalchemy import update

from jiehuan.api import audit
from jiehuan.store.outbox import publish
from jiehuan.store.tables import loan_standing


def test_the_books_of_the_flow_pass_and_planted_faults_are_seen(server):
    assert server.get("risk", "/api/audit").status_code == 403
    told = server.get("auditor", "/api/audit", params={"share": 1}).json()
    found = {each["check"]: each for each in told["findings"]}
    assert len(found) >= 9 and all(each["zh"] and each["en"] for each in told["findings"])
    by_hand = {"decisions_again", "draws_keep_price"}  # decisions and loans of this book were written by hand: nothing was signed
    assert [each for each in found.values() if each["faults"] and each["check"] not in by_hand] == []
    with server.database.begin() as connection:
        publish(connection, "planted", "x", {"called": "13812345678"})
        connection.execute(update(loan_standing).where(loan_standing.c.loan_id == "ln-3").values(overdue_fen=1))
    after = server.get("auditor", "/api/audit", params={"share": 1}).json()
    assert after["ok"] is False
    faulty = {each["check"] for each in after["findings"] if each["faults"]} - {
        each["check"] for each in told["findings"] if each["faults"]
    }
    assert "personal_data" in faulty and len(faulty) == 2, faulty
    assert "13812345678" not in str(after)


def test_one_audit_at_a_time(server):
    with audit._ONE_AT_A_TIME:
        refused = server.get("auditor", "/api/audit")
    assert refused.status_code == 429 and refused.headers["retry-after"] == "10"
    assert server.get("auditor", "/api/audit", params={"share": 0}).status_code == 200
