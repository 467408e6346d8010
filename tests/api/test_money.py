"""The clearing account over HTTP: a statement comes in, what is held is worked off, and twice changes nothing."""

from __future__ import annotations

from uuid import uuid4

import pytest

from jiehuan.store.audit import audit

MAPPING = {"columns": {"value_date": "day", "amount": "amount", "entry_reference": "entry", "texts": ["text"], "balance": "balance"}}


@pytest.fixture
def statement():
    """``statement((amount, text), …)`` is the body of a request whose entries no other test has."""

    def make(*lines: tuple[str, str]) -> dict:
        mark, balance = uuid4().hex[:8], 100_000
        rows = ["day,amount,entry,text,balance"]
        for n, (amount, text) in enumerate(lines):
            balance += round(float(amount) * 100)
            rows.append(f"2026-06-29,{amount},{mark}-{n},{text},{balance / 100:.2f}")
        return {"file_name": "june.csv", "content": "\n".join(rows), "account": mark, "mapping": MAPPING}

    return make


def held(server, receipt_id: str) -> dict:
    items = server.get("risk", "/api/money/suspense", params={"size": 100}).json()["items"]
    return next((row for row in items if row["receipt_id"] == receipt_id), {})


def test_money_of_nobody_finds_its_loan(server, book, statement):
    overdue = server.get("risk", "/api/loans/ln-2").json()["state"]["overdue"]
    body = statement((overdue, "thank you"), ("-10000.00", "payout"), ("-3.00", "fee"))
    assert server.send("collector", "POST", "/api/money/statements", body).status_code == 403
    came = server.send("risk", "POST", "/api/money/statements", body)
    assert came.status_code == 201, came.text
    [report] = came.json()["items"]
    assert report["reconciled"] and report["lines"] == {"posted": 0, "matched": 0, "charge": 0, "suspense": 3, "refused": 0}
    again = server.send("risk", "POST", "/api/money/statements", body).json()["items"][0]
    assert again["known"] == 3 and again["lines"] == report["lines"]
    kept = server.get("auditor", f"/api/money/statements/{report['statement_id']}").json()
    assert kept["amounts"] == report["amounts"]
    [row] = [
        one for one in server.get("risk", "/api/money/statements").json()["items"] if one["statement_id"] == report["statement_id"]
    ]
    assert (row["lines"], row["open"], row["refused"]) == (3, 3, 0)

    receipt_id = report["suspense"][0]["receipt_id"]
    assert held(server, receipt_id)["days"] == 1
    found = server.get("risk", f"/api/money/suspense/{receipt_id}/candidates").json()["items"]
    assert "ln-2" in [one["loan_id"] for one in found]
    wrong = server.send("risk", "POST", f"/api/money/suspense/{receipt_id}/assign", {"loan_id": "ln-none"})
    assert wrong.status_code in {404, 409} and held(server, receipt_id)
    done = server.send("risk", "POST", f"/api/money/suspense/{receipt_id}/assign", {"loan_id": "ln-2"})
    assert done.status_code == 200 and done.json() == {"id": receipt_id, "outcome": "posted", "loan_id": "ln-2"}
    assert not held(server, receipt_id)
    back = server.send("risk", "POST", f"/api/money/receipts/{receipt_id}/unassign", {"reason": "wrong loan"})
    assert back.status_code == 200 and held(server, receipt_id)["amount"] == overdue
    gone = server.send("risk", "POST", f"/api/money/suspense/{receipt_id}/return", {"reason": "sent back"})
    assert gone.json()["outcome"] == "returned" and not held(server, receipt_id)

    waiting = server.get("risk", "/api/money/outgoing", params={"size": 100}).json()
    mine = {row["amount"]: row["line_id"] for row in waiting["items"] if row["statement_id"] == report["statement_id"]}
    journal = server.get("risk", "/api/loans/ln-2").json()["journal"]
    draw = next(entry["entry_id"] for entry in journal if entry["kind"] == "draw")
    matched = server.send("risk", "POST", f"/api/money/outgoing/{mine['-10000.00']}/match", {"entry_id": draw})
    assert matched.status_code == 200, matched.text
    fee = server.send("risk", "POST", f"/api/money/outgoing/{mine['-3.00']}/charge", {"reason": "account fee"})
    assert fee.json()["outcome"] == "charge"
    twice = server.send("risk", "POST", f"/api/money/outgoing/{mine['-3.00']}/match", {"entry_id": draw})
    assert twice.status_code == 409 and "not outgoing money in suspense" in twice.text
    assert [found for found in audit(book, only=["suspense", "entries", "chain"]) if found.faults] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"file_name": "june.pdf"}, "neither .csv nor .xml"),
        ({"content": ""}, "june.csv"),
        ({"mapping": None}, "mapping"),
        ({"mapping": {"columns": {"amount": "nothing"}}}, "lacks value_date"),
        ({"file_name": "june.xml"}, "june.xml"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_by_its_own_name(server, statement, change, words):
    answer = server.send("risk", "POST", "/api/money/statements", {**statement(("1.00", "x")), **change})
    assert answer.status_code == 422 and words in answer.text and "/tmp" not in answer.text
