"""What an act on a loan would do is what it then does; a question keeps nothing and is refused as the act would be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

STORY = [
    {"kind": "repayment", "amount": "500.00"},
    {"kind": "prepayment", "amount": "2000.00", "mode": "shorten"},
    {"kind": "prepayment", "amount": "300.00", "mode": "reduce"},
    {"kind": "waiver", "amount": "100.00", "part": "principal"},
    {"kind": "settlement", "amount": "20000.00"},
    {"kind": "refund", "amount": "100.00"},
]
"""On a loan that is late by now, one after another."""


def ask(server, role, loan_id, body):
    return server.send(role, "POST", f"/api/loans/{loan_id}/quote", body, key=None)


def test_each_act_comes_to_what_its_quote_told(server):
    for act in STORY:
        told = ask(server, "risk", "ln-5", act)
        assert told.status_code == 200, told.text
        quote = told.json()
        before = server.get("risk", f"/api/loans/ln-5?on={quote['known_on']}").json()["state"]
        assert quote["before"]["payoff"] == before["payoff"], "asking kept nothing"
        path = "repayments" if act["kind"] == "repayment" else "events"
        body = {name: value for name, value in act.items() if name != "kind" or path == "events"}
        done = server.send("risk", "POST", f"/api/loans/ln-5/{path}", body)
        assert done.status_code == 201, done.text
        state = server.get("risk", f"/api/loans/ln-5?on={quote['known_on']}").json()["state"]
        after = quote["after"]
        assert {name: after[name] for name in state if name in after and name != "next_due"} == {
            name: value for name, value in state.items() if name in after and name != "next_due"
        }, act
        assert done.json()["principal_outstanding"] == after["principal_outstanding"]


def test_shortening_ends_earlier_and_reducing_asks_less(server):
    settled = ask(server, "collector", "ln-6", {"kind": "settlement"}).json()
    late = settled["before"]["overdue"]
    amount = f"{float(late) + 3000:.2f}"
    shorter = ask(server, "risk", "ln-6", {"kind": "prepayment", "amount": amount, "mode": "shorten"}).json()["after"]
    smaller = ask(server, "risk", "ln-6", {"kind": "prepayment", "amount": amount, "mode": "reduce"}).json()["after"]
    assert shorter["last_due"] < smaller["last_due"] == settled["before"]["last_due"]
    assert float(smaller["next_amount"]) < float(settled["before"]["next_amount"])
    assert float(shorter["interest_left"]) < float(smaller["interest_left"]) < float(settled["before"]["interest_left"])
    assert settled["moved"]["cash"] == settled["before"]["payoff"]
    owed = ("penalty", "interest", "principal")
    paid = round(sum(-float(settled["moved"].get(part, 0)) for part in owed), 2)
    assert paid == float(settled["moved"]["cash"]), "a part is told as it was paid, not less what only then was stated"
    assert settled["after"]["status"] == "settled" and settled["after"]["left"] == 0
    assert "五百六十一条" in settled["basis"][0]["citation"]["zh"]


def test_a_settlement_costs_more_on_a_later_day(server):
    today = ask(server, "collector", "ln-3", {"kind": "settlement"}).json()
    later = ask(server, "legal", "ln-3", {"kind": "settlement", "on": f"{today['on'][:4]}-12-31"}).json()
    assert float(later["moved"]["cash"]) > float(today["moved"]["cash"])


def test_a_case_calls_in_what_is_not_due_yet_and_nothing_where_all_is(server):
    running = ask(server, "legal", "ln-4", {"kind": "accelerate", "on": "2026-07-15"}).json()
    assert running["before"] != running["after"]
    over = (datetime.now(UTC).date() + timedelta(days=200)).isoformat()
    due = ask(server, "legal", "ln-1", {"kind": "accelerate", "on": over})
    assert due.status_code == 200, due.text
    assert due.json()["before"] == due.json()["after"]


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"kind": "refund", "amount": "1.00"}, 409, "多还"),
        ({"kind": "recovery", "amount": "1.00"}, 409, "核销"),
        ({"kind": "waiver", "amount": "99999.00", "part": "penalty"}, 409, "减免"),
        ({"kind": "reversal", "of": "ev-none"}, 409, "冲正"),
        ({"kind": "prepayment", "amount": "1.00"}, 422, ""),
        ({"kind": "writeoff"}, 422, ""),
        ({"kind": "settlement", "on": "2099-01-01"}, 422, ""),
    ],
)
def test_what_would_be_refused_is_refused_in_the_same_words(server, body, status, word):
    told = ask(server, "risk", "ln-1", body)
    assert told.status_code == status, told.text
    assert word in told.json()["problems"][0]["zh"]
    if status == 409:
        assert (
            server.send("risk", "POST", "/api/loans/ln-1/events", body).json()["problems"][0]["zh"]
            == told.json()["problems"][0]["zh"]
        )


def test_a_loan_that_is_not_there_has_no_quote(server):
    assert ask(server, "risk", "ln-none", {"kind": "settlement"}).status_code == 404
