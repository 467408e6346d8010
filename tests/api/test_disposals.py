"""Lines, disposals and reports through the flow: reviewed, carried out once, sold by a tape where the law lets."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from jiehuan.store.rows import insert_missing
from jiehuan.store.tables import disposal


@pytest.fixture
def proposal(book):
    """A proposal for an unpaid loan: ``proposal(kind, loan_id)`` gives its id."""

    def make(kind: str, loan_id: str = "ln-1") -> str:
        row = {
            "disposal_id": f"di-{uuid4().hex}",
            "loan_id": loan_id,
            "kind": kind,
            "on": date(2026, 6, 30),
            "balance_fen": 1_000_000,
            "value_fen": 100_000,
            "low_fen": 50_000,
            "high_fen": 150_000,
            "detail": {},
            "status": "proposed",
        }
        with book.begin() as connection:
            insert_missing(connection, disposal, [row])
        return row["disposal_id"]

    return make


def test_a_write_off_is_carried_out_once_and_the_claim_stays(server, proposal):
    path = f"/api/disposals/{proposal('writeoff')}/carry-out"
    assert server.send("risk", "POST", path, {"on": "2026-06-29"}).status_code == 422, "before it was proposed"
    assert server.send("legal", "POST", path, {}).status_code == 403
    done = server.send("risk", "POST", path, {"on": "2026-06-30"})
    assert done.status_code == 200, done.text
    assert done.json()["status"] == "done"
    assert server.send("risk", "POST", path, {"on": "2026-06-30"}).status_code == 409
    loan = server.get("risk", "/api/loans/ln-1").json()
    assert loan["state"]["status"] == "written_off"
    assert float(loan["state"]["principal_outstanding"]) == 10000
    assert server.send("risk", "POST", "/api/disposals/none/carry-out", {}).status_code == 404


def test_a_tape_leaves_with_the_claims_proposed_for_sale(server):
    assert server.send("risk", "POST", "/api/disposals/di-1/carry-out", {}).status_code == 409, "a sale needs a tape"
    early = server.send("risk", "POST", "/api/disposals/tapes", {"on": "2026-06-29"})
    assert early.status_code == 409 and "no claim is proposed" in early.text
    made = server.send("risk", "POST", "/api/disposals/tapes", {"on": "2026-06-30"})
    assert made.status_code == 201, made.text
    tape_id = made.json()["tape_id"]
    assert server.get("risk", f"/api/files/{made.json()['file_id']}").content.startswith(b"PK")
    listed = server.get("risk", "/api/disposals", params={"tape_id": tape_id}).json()
    assert {row["status"] for row in listed["items"]} == {"approved"}
    path = f"/api/disposals/tapes/{tape_id}/sold"
    assert server.send("risk", "POST", path, {"price": "0"}).status_code == 422
    sold = server.send("risk", "POST", path, {"price": "1500.00", "on": "2026-06-30"})
    assert sold.status_code == 200, sold.text
    assert sold.json()["claims"] == listed["total"]
    assert server.get("risk", "/api/loans/ln-2").json()["state"]["status"] == "sold"
    assert server.send("risk", "POST", path, {"price": "1500.00"}).status_code == 409, "sold once"
    assert server.send("risk", "POST", "/api/disposals/tapes/none/sold", {"price": "1"}).status_code == 404


def test_a_line_is_reviewed_with_reasons(server):
    reviewed = server.send("risk", "POST", "/api/lines/bo-1/review")
    assert reviewed.status_code == 200, reviewed.text
    told = reviewed.json()
    assert all(reason["zh"] and reason["en"] for change in told["changes"] for reason in change["reasons"])
    again = server.send("risk", "POST", "/api/lines/bo-1/review").json()
    assert len(again["changes"]) == len(told["changes"]), "a second review of the day changes nothing"
    assert server.send("risk", "POST", "/api/lines/bo-3/review").status_code == 404, "no line to review"


def test_a_report_is_made_of_the_last_photograph(server):
    made = server.send("risk", "POST", "/api/reports", {"on": "2026-05-31"})
    assert made.status_code == 201, made.text
    assert made.json()["on"] == "2026-05-31"
    paper = server.get("collector", f"/api/files/{made.json()['pdf_file']}")
    assert paper.content.startswith(b"%PDF")
    page = server.get("collector", f"/api/files/{made.json()['html_file']}", params={"inline": True})
    assert page.headers["content-type"].startswith("text/html") and "sandbox" in page.headers["content-security-policy"]
    assert server.send("risk", "POST", "/api/reports", {"on": "2020-01-01"}).status_code == 409
