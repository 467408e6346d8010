"""Every door against every role, over HTTP: what the table allows passes the guard, all else is 403, without login 401."""

from __future__ import annotations

from uuid import uuid4

import pytest

from jiehuan.api.rules import PUBLIC, rules

ROLES = ("risk", "collector", "legal", "auditor", "admin")
DOORS = sorted(door for door, who in rules().routes.items() if who != PUBLIC and door != "DELETE /api/session")


@pytest.mark.parametrize("door", DOORS)
def test_door(server, door):
    method, pattern = door.split(" ")
    path = "/".join("none" if part.startswith("{") else part for part in pattern.split("/"))
    headers = {"Idempotency-Key": uuid4().hex}
    answer = server.kept(None).request(method, path, headers=headers)
    assert answer.status_code == 401 and answer.json()["error"] == "not_logged_in"
    bad = server.kept(None).request(method, path, headers={**headers, "Authorization": "Bearer forged"})
    assert bad.status_code == 401
    for role in ROLES:
        if path.endswith("/live") and role in rules().routes[door]:
            with server.client(role) as client, client.stream(method, path) as stream:
                assert stream.status_code == 200
            continue
        answer = server.kept(role).request(method, path, headers=headers)
        if role in rules().routes[door]:
            assert answer.status_code in {200, 404, 422}, (role, answer.text)
        else:
            assert answer.status_code == 403, (role, answer.text)
            assert answer.json()["problems"][0]["value"] == role
