"""Gateways: a signed message is taken once; whatever is not signed gets in nowhere; the bank and the gateway tell of one payment."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from tests.api.conftest import serving

from jiehuan.flow.gateway_events import TOLERANCE_SECONDS, add_gateway, is_signed, signature
from jiehuan.flow.receipts import suspense
from jiehuan.flow.settle import reverse
from jiehuan.flow.statements import import_statements, read_statements
from jiehuan.store.database import Database

from .conftest import MAPPING, TODAY, WriteCsv, cash_in, everything, faults

PAYMENT = {"event_id": "g-1", "amount": "916.80", "paid_on": "2026-02-05", "reference": "P-1", "loan_id": "ln_1"}

Send = Callable[..., Any]


@pytest.fixture
def send(lender: Database) -> Iterator[Send]:
    """``send(payment, **changed)`` signs and posts it; ``secret``, ``timestamp``, ``signature``, ``name`` may be changed."""
    _, secret = add_gateway(lender.home, "alpha")
    with serving(lender) as url, httpx.Client(base_url=url, timeout=60) as client:

        def post(payment: dict[str, Any] | bytes, **changed: str) -> Any:
            body = payment if isinstance(payment, bytes) else json.dumps(payment).encode()
            timestamp = changed.get("timestamp", str(int(time.time())))
            signed = changed.get("signature", signature(changed.get("secret", secret).encode(), timestamp, body))
            headers = {"X-Timestamp": timestamp, "X-Signature": signed, "Content-Type": "application/json"}
            return client.post(f"/api/gateway/{changed.get('name', 'alpha')}/payments", content=body, headers=headers)

        yield post


def test_a_payment_is_booked_once_however_often_it_is_told(lender: Database, send: Send) -> None:
    first = send(PAYMENT)
    assert first.status_code == 201 and first.json()["outcome"] == "posted"
    before = everything(lender)
    again = send(PAYMENT)
    assert again.status_code == 200 and again.json() == {**first.json(), "repeated": True}
    assert everything(lender) == before and cash_in(lender) == 91680


def test_same_event_other_content_is_a_conflict(lender: Database, send: Send) -> None:
    send(PAYMENT)
    answer = send({**PAYMENT, "amount": "916.81"})
    assert answer.status_code == 409 and "other content" in answer.text
    assert cash_in(lender) == 91680


def test_unknown_loan_is_held_never_lost(lender: Database, send: Send) -> None:
    answer = send({**PAYMENT, "loan_id": "ln_404"})
    assert answer.status_code == 201 and answer.json()["outcome"] == "suspense"
    with lender.connect() as connection:
        assert [row["amount"] for row in suspense(connection)] == ["916.80"]


@pytest.mark.parametrize(
    "changed",
    [
        {"secret": "x" * 43},
        {"name": "beta"},
        {"signature": ""},
        {"signature": "0" * 64},
        {"seconds": -TOLERANCE_SECONDS - 60},
        {"seconds": TOLERANCE_SECONDS + 60},
        {"timestamp": "now"},
        {"timestamp": ""},
    ],
)
def test_what_is_not_signed_gets_nowhere(lender: Database, send: Send, changed: dict[str, Any]) -> None:
    before = everything(lender)
    if "seconds" in changed:  # from now: the list above is made long before its last test runs
        changed = {"timestamp": str(int(time.time()) + changed["seconds"])}
    answer = send(PAYMENT, **changed)
    assert answer.status_code == 401 and answer.json()["error"] == "not_logged_in"
    assert everything(lender) == before


def test_a_changed_body_does_not_fit_its_signature(send: Send) -> None:
    body = json.dumps(PAYMENT).encode()
    timestamp = str(int(time.time()))
    told = is_signed(
        [b"a" * 32], timestamp, body.replace(b"916", b"917"), signature(b"a" * 32, timestamp, body), time.time()
    )
    assert not told
    assert is_signed([b"b" * 32, b"a" * 32], timestamp, body, signature(b"a" * 32, timestamp, body), time.time())


def test_a_new_secret_stands_beside_the_old_one(lender: Database, send: Send) -> None:
    path, secret = add_gateway(lender.home, "alpha")
    assert path.stat().st_mode & 0o777 == 0o600
    assert send(PAYMENT).status_code == 201  # by the old secret
    assert send({**PAYMENT, "event_id": "g-2", "reference": "P-2"}, secret=secret).status_code == 201


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"event_id": "x"}', json.dumps({**PAYMENT, "amount": "1.005"}).encode(),
     json.dumps({**PAYMENT, "amount": "0.00"}).encode(), json.dumps({**PAYMENT, "paid_on": "2999-01-01"}).encode(),
     json.dumps({**PAYMENT, "currency": "EUR"}).encode(), json.dumps({**PAYMENT, "event_id": "a\u0000b"}).encode(),
     json.dumps({**PAYMENT, "more": 1}).encode(), b'{"event_id": "\\ud800", "amount": "1.00", "paid_on": "2026-02-05"}', b"[" * 5000],
)  # fmt: skip
def test_a_signed_message_that_says_nothing_is_refused(lender: Database, send: Send, body: bytes) -> None:
    answer = send(body)
    assert answer.status_code == 422 and answer.json()["problems"]
    assert cash_in(lender) == 0


def test_gateway_then_bank_is_one_payment(lender: Database, send: Send, write_csv: WriteCsv) -> None:
    send(PAYMENT)
    path = write_csv([("2026-02-06", "916.80", "e1", "P-1", "ln_1")])
    [report] = import_statements(lender, read_statements(path, MAPPING, "lending"), TODAY)
    assert (
        report["lines"] == {"posted": 0, "matched": 1, "charge": 0, "suspense": 0, "refused": 0}
        and report["reconciled"]
    )
    assert cash_in(lender) == 91680


def test_bank_then_gateway_is_one_payment(lender: Database, send: Send, write_csv: WriteCsv) -> None:
    path = write_csv([("2026-02-06", "916.80", "e1", "P-1", "ln_1")])
    import_statements(lender, read_statements(path, MAPPING, "lending"), TODAY)
    assert send(PAYMENT).json()["outcome"] == "matched"
    assert cash_in(lender) == 91680


def test_one_reference_on_two_entries_is_not_booked_twice_and_not_lost(
    lender: Database, send: Send, write_csv: WriteCsv
) -> None:
    send(PAYMENT)
    path = write_csv(
        [
            ("2026-02-06", "916.80", "e1", "P-1", ""),
            ("2026-02-06", "916.80", "e2", "P-1", "ln_1"),
            ("2026-02-06", "1.00", "e3", "P-1", "ln_1"),
        ]
    )
    [report] = import_statements(lender, read_statements(path, MAPPING, "lending"), TODAY)
    assert report["lines"] == {"posted": 0, "matched": 1, "charge": 0, "suspense": 2, "refused": 0}
    assert cash_in(lender) == 91680


def test_a_reversed_booking_puts_the_money_back_in_suspense(lender: Database, send: Send) -> None:
    send(PAYMENT)
    with lender.begin() as connection:
        event = connection.exec_driver_sql("SELECT event_id FROM receipt").scalar_one()
        reverse(connection, "ln_1", event, TODAY, "undo")
        assert [row["reason"] for row in suspense(connection)] == ["its booking was reversed"]
    assert cash_in(lender) == 0 and faults(lender) == []
