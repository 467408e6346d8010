"""Errors have one shape, say the mend, and give nothing away."""

from __future__ import annotations

import contextlib
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import uuid4

import httpx
import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    "fact",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        '"\\ud800"',
        '"\\u0000"',
        "[" * 30 + "]" * 30,
        "9" * 30,
        "9" * 5000,
        '{"\\u0000": 1}',
    ],
)
def test_json_that_cannot_be_kept_is_refused(server, fact):
    """What a JSON reader takes and a database does not: never a fault of ours."""
    person = '"borrower": {"region": "浙江", "borrower_id": "bo-x"}'
    ask = f'{{"lender_type": "bank", "product": "p", "amount": "100", "months": 6, {person}, "features": {{"x": {fact}}}}}'
    headers = {"Idempotency-Key": uuid4().hex, "Content-Type": "application/json"}
    answer = server.kept("risk").post("/api/applications", content=ask.encode(), headers=headers)
    assert answer.status_code in {400, 422}, answer.text
    asked = f'{{"features": {{"x": {fact}}}}}'
    answer = server.kept("risk").post("/api/applications/ap-1/what-if", content=asked.encode(), headers=headers)
    assert answer.status_code in {400, 422}, answer.text


@given(path=st.text(min_size=1, max_size=40), api=st.booleans())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_address_is_a_fault(server, path, api):
    address = ("/api/" if api else "/") + quote(path.encode("utf-8", "replace"), safe="/%?&=")
    assert server.kept("risk").get(address).status_code < 500


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"GET /api/loans/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/loans?search=%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/session HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
        b"POST /api/session HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET /api/session HTTP/1.1\r\nHost: x\r\nCookie: jiehuan_session=\xe4\xf6\r\n\r\n",
        b"GET /api/session HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_raw_bytes_are_never_a_fault(server, raw):
    host, port = server.url.removeprefix("http://").split(":")
    told = b""
    with socket.create_connection((host, int(port)), timeout=60) as line, contextlib.suppress(ConnectionError):
        line.sendall(raw)  # the server may hang up before it has read all, and the answer be lost on the way
        told = line.recv(200)
    assert not told.startswith(b"HTTP/1.1 5"), told
    assert server.get(None, "/api/health").status_code == 200


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


def test_a_fault_is_told_without_detail_and_logged_without_data(make_database, serve, monkeypatch, caplog):
    """A planted fault in a route, whose message carries a phone number."""

    def broken(*_, **__):
        raise KeyError("13812345678")

    monkeypatch.setattr(reports, "page_of", broken)
    caplog.set_level(logging.INFO, "jiehuan.api")  # as with --verbose: each request has its line
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


def test_a_database_that_went_away_is_503_and_health_still_answers(make_database, postgres, serve):
    with make_database() as database, serve(database) as url:
        assert httpx.get(f"{url}/api/ready").status_code == 200
        name = database.engine.url.database
        with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        answer = httpx.get(f"{url}/api/ready")
        assert shaped(answer, 503, "not_ready")[0]["where"] == "database"
        assert answer.headers["retry-after"]
        login = httpx.post(f"{url}/api/session", json={"login": "risk", "password": "x"})
        shaped(login, 503, "not_ready")
        assert httpx.get(f"{url}/api/health").status_code == 200
        with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert httpx.get(f"{url}/api/ready").status_code == 200, "it recovers by itself"


def test_a_crowd_is_served(server):
    """More requests at once than threads and connections: each waits its turn, none fails, nothing locks up."""
    with ThreadPoolExecutor(80) as crowd:
        answers = list(
            crowd.map(lambda n: server.get("risk", "/api/loans" if n % 2 else "/api/alerts").status_code, range(160))
        )
    assert answers == [200] * 160
