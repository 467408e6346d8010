"""Errors have one shape, say the mend, and give nothing away."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import httpx
import structlog

from jiehuan.api import reports
from jiehuan.api.accounts import add_account

SHAPE = {"error", "problems"}


def shaped(answer, status, word):
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert set(told) == SHAPE and told["error"] == word and told["problems"]
    for problem in told["problems"]:
        assert set(problem) == {"where", "value", "reason", "mend", "citation", "zh"} and problem["reason"]
    return told["problems"]


def test_the_statuses_of_the_frame(server):
    key = {"Idempotency-Key": uuid4().hex}
    path = "/api/alerts/al-1/feedback"
    with server.client("risk") as client:
        shaped(client.delete("/api/loans"), 405, "method_not_allowed")
        shaped(
            client.post(path, content=b"{broken", headers={**key, "Content-Type": "application/json"}), 400, "malformed"
        )
        shaped(
            client.post(path, content=b"\xff\xfe", headers={**key, "Content-Type": "application/json"}),
            400,
            "malformed",
        )
        shaped(client.post(path, content=b"{}", headers={**key, "Content-Type": "text/plain"}), 422, "refused_input")
        shaped(client.post(path, json=[1], headers=key), 422, "refused_input")
        shaped(
            client.post(path, content=b"[" * 100_000, headers={**key, "Content-Type": "application/json"}),
            400,
            "malformed",
        )
        shaped(
            client.post(path, content=b"x" * (2 << 20), headers={**key, "Content-Type": "application/json"}),
            413,
            "too_large",
        )
        shaped(client.get("/api/loans", params={"page": 0}), 422, "refused_input")
        shaped(client.get("/api/loans", params={"sort": "colour"}), 422, "refused_input")
        shaped(client.get("/api/loans", params={"page": 100_000, "size": 200}), 422, "refused_input")
        shaped(client.get("/api/loans/a%00b"), 422, "refused_input")
        shaped(client.get("/api/loans", params={"search": "a\x00"}), 422, "refused_input")


def test_a_chunked_body_is_limited_too(server):
    def chunks():
        for _ in range(40):
            yield b"x" * 65536

    headers = {"Idempotency-Key": uuid4().hex, "Content-Type": "application/json"}
    with server.client("risk") as client:
        shaped(client.post("/api/alerts/al-1/feedback", content=chunks(), headers=headers), 413, "too_large")


def test_unknown_fields_are_named(server):
    answer = server.send("risk", "POST", "/api/alerts/al-1/feedback", {"status": "confirmed", "nota": "x"})
    problems = shaped(answer, 422, "refused_input")
    assert problems[0]["where"] == "body nota"


def test_a_secret_is_not_repeated(server):
    for body in (
        {"login": "risk", "password": {"deep": "hunter2hunter2"}},
        {"login": ["hunter2hunter2"], "password": "x"},
    ):
        answer = server.send(None, "POST", "/api/session", body, key=None)
        shaped(answer, 422, "refused_input")
        assert "hunter2" not in answer.text


def test_security_headers_everywhere(server):
    for path in ("/api/health", "/api/loans", "/api/nothing", "/docs", "/", "/openapi.json"):
        headers = server.get(None, path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "http" not in headers["content-security-policy"], "nothing comes from another host"
        assert headers["referrer-policy"] == "no-referrer"
        if path.startswith("/api"):
            assert headers["cache-control"] == "no-store"
    assert (
        "server" not in server.get(None, "/api/health").headers or "uvicorn" not in server.get(None, "/api/health").text
    )


def test_a_fault_is_told_without_detail_and_logged_without_data(make_database, serve, monkeypatch):
    """A planted fault in a route, whose message carries a phone number."""

    def broken(*_, **__):
        raise KeyError("13812345678")

    monkeypatch.setattr(reports, "page_of", broken)
    password = "a long sentence of mine"
    with make_database() as database:
        with database.begin() as connection:
            add_account(connection, datetime.now(UTC), "risk", "risk", password)
        with serve(database) as url, structlog.testing.capture_logs() as captured:
            token = httpx.post(f"{url}/api/session", json={"login": "risk", "password": password}).json()["token"]
            answer = httpx.get(f"{url}/api/reports", headers={"Authorization": f"Bearer {token}"})
    shaped(answer, 500, "fault")
    assert "13812345678" not in answer.text and "KeyError" not in answer.text and "Traceback" not in answer.text
    faults = [line for line in captured if line["event"] == "fault"]
    assert faults[0]["kind"] == "KeyError" and faults[0]["path"] == "/api/reports"
    assert "13812345678" not in str(captured)
    assert [line["route"] for line in captured if line["event"] == "request"] == ["/api/session", "/api/reports"]
