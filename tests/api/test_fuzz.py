"""Requests that nobody would write, thousands of them: never a 5xx, never a shape that the document does not promise.

``JIEHUAN_FUZZ`` is the number of requests to each door with well-formed and with ill-formed content each (default 3; 200 gives
more than 20,000). Ids are random, or those of the book, so that what lies behind an id is reached too.
"""

from __future__ import annotations

import os
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from jiehuan.api.app import describe
from jiehuan.api.rules import PUBLIC, rules

EACH = int(os.environ.get("JIEHUAN_FUZZ", "3"))

NOT_HERE = {
    "GET /api/alerts/live",  # never ends
    "DELETE /api/session",  # would end the session that the others use
}

KNOWN = {
    "application_id": [f"ap-{n}" for n in range(8)],
    "borrower_id": [f"bo-{n}" for n in range(8)],
    "loan_id": [f"ln-{n}" for n in range(7)],
    "alert_id": [f"al-{n}" for n in range(60)],
    "item_id": [f"wi-{n}" for n in range(40)],
    "case_id": ["ca-1", "ca-2"],
    "deadline_id": ["dl-1-0", "dl-1-1", "dl-2-0", "dl-2-1"],
    "rule_id": ["cost_cap", "classification"],
    "run_id": ["im-1"],
    "report_id": ["re-1"],
    "model_id": ["mo-1"],
    "version": ["pv-1"],
}

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

DESCRIBED = describe()
SCHEMA = schemathesis.openapi.from_dict(DESCRIBED)
OPERATIONS = {
    f"{operation.method.upper()} {operation.path}": operation
    for found in SCHEMA.get_all_operations()
    for operation in [found.ok()]
}


def test_every_door_is_fuzzed_or_named():
    assert set(OPERATIONS) == set(rules().routes)


def cases():
    """Each door with well-formed requests, and with ill-formed ones where there is anything to get wrong."""
    for door in sorted(set(OPERATIONS) - NOT_HERE):
        method, path = door.split(" ")
        told = DESCRIBED["paths"][path][method.lower()]
        yield door, GenerationMode.POSITIVE
        if told.get("parameters") or told.get("requestBody"):
            yield door, GenerationMode.NEGATIVE


@pytest.mark.parametrize(("door", "mode"), [pytest.param(*each, id=f"{each[0]} {each[1].value}") for each in cases()])
def test_door(server, door, mode):
    operation = OPERATIONS[door]
    roles = rules().routes[door]
    role = None if roles == PUBLIC else next(each for each in ("risk", "legal", "collector", "admin") if each in roles)

    @settings(
        max_examples=EACH,
        deadline=None,
        database=None,
        derandomize=EACH <= 3,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def requests(case, data):
        for name in case.path_parameters or {}:
            if name in KNOWN and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(KNOWN[name]))
        if "Idempotency-Key" in (case.headers or {}) and data.draw(st.booleans()):
            case.headers["Idempotency-Key"] = uuid4().hex
        if isinstance(case.body, dict) and mode is GenerationMode.POSITIVE:
            for name in ("on", "known_on", "done_on", "at"):  # a day picked at random is nearly always refused
                if name in case.body and data.draw(st.booleans()):
                    case.body[name] = data.draw(st.sampled_from(["2026-06-30", "2026-06-29", None]))
        headers = {"Authorization": f"Bearer {server.tokens[role]}"} if role else {}
        response = case.call(base_url=server.url, headers=headers)
        case.validate_response(response, checks=CHECKS)

    requests()
