"""The declared table of doors: complete, closed by default, and true to the brief of each role."""

from __future__ import annotations

import copy
from importlib.resources import files

import pytest
import yaml

from jiehuan.api import app
from jiehuan.api.rules import PUBLIC, read, rules

QUESTIONS = {
    "POST /api/applications/{application_id}/what-if",
    "POST /api/borrowers/search",
    "POST /api/intake/preview",
    "POST /api/loans/{loan_id}/quote",
    "POST /api/line-queue/try",
    "POST /api/policies/check",
    "POST /api/policies/diff",
    "POST /api/policies/simulate",
    "POST /api/signals/check",
    "POST /api/signals/preview",
}
"""They change nothing: a POST for the body's sake only."""


def test_every_route_is_declared_and_every_declaration_is_a_route():
    assert app.doors((*app.OPEN, *app.GUARDED)) == set(rules().routes)


@pytest.fixture(scope="module")
def document():
    return app.describe()


def test_the_document_shows_exactly_the_declared_doors(document):
    shown = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert shown == set(rules().routes)


def test_an_undeclared_route_stops_the_start(monkeypatch):
    table = copy.copy(dict(rules().routes))
    table.pop("GET /api/loans")
    monkeypatch.setattr(app, "rules", lambda: read_with(table))
    with pytest.raises(RuntimeError, match="GET /api/loans"):
        app.describe()


def read_with(table):
    document = yaml.safe_load(files("jiehuan.api").joinpath("access.yaml").read_text(encoding="utf-8"))
    document["routes"] = {door: "public" if who == PUBLIC else sorted(who) for door, who in table.items()}
    return read(document)


def test_a_misspelt_role_is_a_fault_of_the_table():
    document = yaml.safe_load(files("jiehuan.api").joinpath("access.yaml").read_text(encoding="utf-8"))
    document["routes"]["GET /api/loans"] = ["risk", "colector"]
    with pytest.raises(ValueError, match="GET /api/loans"):
        read(document)


def test_only_login_health_and_signed_messages_are_public():
    assert {door for door, who in rules().routes.items() if who == PUBLIC} == {
        "POST /api/session",
        "POST /api/gateway/{name}/events",
        "POST /api/gateway/{name}/payments",
        "GET /api/health",
        "GET /api/ready",
    }


def test_the_auditor_reads_everything_and_writes_only_his_own_password_and_logout():
    for door, who in rules().routes.items():
        if who == PUBLIC:
            continue
        allowed = door in {"POST /api/session/password", "DELETE /api/session", *QUESTIONS}
        assert ("auditor" in who) == (door.startswith("GET ") or allowed), door


def test_the_collector_writes_only_in_the_work_room():
    writes = {door for door, who in rules().routes.items() if "collector" in who and not door.startswith("GET ")}
    own = {"POST /api/session/password", "DELETE /api/session"}
    assert writes - QUESTIONS - own == {"POST /api/work/{item_id}/outcome"}


def test_the_admin_sees_no_personal_data():
    assert rules().personal["admin"] == frozenset()


def test_every_write_takes_an_idempotency_key_but_login_and_logout(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names = {
                each["name"] for each in operation.get("parameters", ()) if each["in"] == "header" and each["required"]
            }
            signed = {"/api/gateway/{name}/events", "/api/gateway/{name}/payments"}  # once by their event ids
            once_by_itself = path == "/api/session" or path in signed
            writes = method != "get" and not once_by_itself and f"{method.upper()} {path}" not in QUESTIONS
            assert ("Idempotency-Key" in names) == writes, (method, path)
