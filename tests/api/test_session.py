"""Login, its ends, its limits: sessions, throttling, passwords, accounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, update

from jiehuan.api.accounts import add_account, make_password
from jiehuan.api.rules import rules
from jiehuan.store.tables import activity, session, user_account
from jiehuan.units.errors import Conflict, InputError

PASSWORD = "a long sentence of mine"


@pytest.fixture
def account(server):
    """A collector of the test's own: (login, password)."""
    login = f"c{uuid4().hex[:10]}"
    with server.database.begin() as connection:
        add_account(connection, datetime.now(UTC), login, "collector", PASSWORD)
    return login, PASSWORD


def log_in(server, login, password):
    return httpx.post(f"{server.url}/api/session", json={"login": login, "password": password}, timeout=20)


def as_(server, token):
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=20)


def test_login_sets_a_strict_cookie_and_tells_the_token_once(server, account):
    answer = log_in(server, *account)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/api" in cookie
    told = answer.json()
    assert told["role"] == "collector"
    assert "POST /api/work/{item_id}/outcome" in told["doors"] and "POST /api/users" not in told["doors"]
    with httpx.Client(base_url=server.url, cookies=answer.cookies) as browser:
        assert browser.get("/api/session").json()["login"] == account[0]
    with server.database.connect() as connection:
        kept = connection.execute(select(session.c.token_hash)).scalars().all()
    assert told["token"].encode() not in [bytes(each) for each in kept], "the token itself is not kept"


def test_a_write_with_the_cookie_from_another_site_is_refused(server, account):
    answer = log_in(server, *account)
    body, key = {"status": "confirmed"}, {"Idempotency-Key": uuid4().hex}
    with httpx.Client(base_url=server.url, cookies=answer.cookies) as browser:
        path = "/api/work/wi-0/outcome"
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            told = browser.post(path, json=body, headers={**key, **headers})
            assert told.status_code == 403 and "another site" in told.text
        own = browser.post(path, json=body, headers={**key, "Origin": server.url})
        assert own.status_code == 422, "our own page passes the guard (and fails on its content)"


def test_wrong_password_unknown_login_and_locked_account_answer_alike(server, account):
    wrong = log_in(server, account[0], "not the password")
    unknown = log_in(server, "nobody-here", "not the password")
    with server.database.begin() as connection:
        connection.execute(update(user_account).where(user_account.c.login == account[0]).values(active=False))
    locked = log_in(server, *account)
    assert wrong.status_code == unknown.status_code == locked.status_code == 401
    assert wrong.json() == unknown.json() == locked.json()
    assert wrong.headers["www-authenticate"] == "Bearer"


def test_too_many_failures_are_slowed_down_and_a_good_login_forgives(server, account):
    login, password = account
    for _ in range(rules().throttle["per_login_and_address"] - 1):
        assert log_in(server, login, "wrong").status_code == 401
    assert log_in(server, login, password).status_code == 200
    for _ in range(rules().throttle["per_login_and_address"]):
        assert log_in(server, login, "wrong").status_code == 401
    refused = log_in(server, login, password)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= rules().throttle["window_minutes"] * 60 + 1
    with server.database.connect() as connection:
        written = str(connection.execute(select(activity).where(activity.c.verb == "login_attempt")).all())
    assert login not in written, "attempts are kept as digests"


def test_a_session_ends_by_time_by_logout_and_by_lock(server, account):
    tokens = [log_in(server, *account).json()["token"] for _ in range(3)]
    from jiehuan.api.access import hashed

    with server.database.begin() as connection:
        connection.execute(
            update(session)
            .where(session.c.token_hash == hashed(tokens[0]))
            .values(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        )
    with as_(server, tokens[0]) as client:
        assert client.get("/api/session").status_code == 401
    with as_(server, tokens[1]) as client:
        assert client.delete("/api/session").status_code == 204
        assert client.get("/api/session").status_code == 401
    with as_(server, tokens[2]) as client:
        user_id = client.get("/api/session").json()["user_id"]
        done = server.send("admin", "PATCH", f"/api/users/{user_id}", {"active": False})
        assert done.status_code == 200
        assert client.get("/api/session").status_code == 401


def test_a_used_session_is_extended_but_not_beyond_a_working_day(server, account):
    from jiehuan.api.access import hashed

    token = log_in(server, *account).json()["token"]
    mine = session.c.token_hash == hashed(token)
    now = datetime.now(UTC)
    with server.database.begin() as connection:
        connection.execute(update(session).where(mine).values(expires_at=now + timedelta(minutes=5)))
    with as_(server, token) as client:
        client.get("/api/session")
    with server.database.begin() as connection:
        ends = connection.execute(select(session.c.expires_at).where(mine)).scalar_one()
        assert ends > now + timedelta(minutes=rules().idle_minutes - 1)
        began = now - timedelta(hours=rules().longest_hours) + timedelta(minutes=3)
        connection.execute(update(session).where(mine).values(created_at=began, expires_at=now + timedelta(minutes=1)))
    with as_(server, token) as client:
        client.get("/api/session")
    with server.database.connect() as connection:
        ends = connection.execute(select(session.c.expires_at).where(mine)).scalar_one()
    assert ends == began + timedelta(hours=rules().longest_hours)


def test_changing_the_password_ends_the_other_sessions(server, account):
    first, second = (log_in(server, *account).json()["token"] for _ in range(2))
    new = "quite another long sentence"
    with as_(server, first) as client:
        key = {"Idempotency-Key": uuid4().hex}
        for wrong in ({"current": "no", "new": new}, {"current": PASSWORD, "new": PASSWORD}):
            assert client.post("/api/session/password", json=wrong, headers=key).status_code == 409
        short = client.post("/api/session/password", json={"current": PASSWORD, "new": "short"}, headers=key)
        assert short.status_code == 422 and "short" not in short.json()["problems"][0]["value"]
        body = {"current": PASSWORD, "new": new}
        assert client.post("/api/session/password", json=body, headers=key).status_code == 200
        again = client.post("/api/session/password", json=body, headers=key)
        assert again.status_code == 200 and again.headers["idempotent-replay"] == "true"
        assert client.get("/api/session").status_code == 200
    with as_(server, second) as client:
        assert client.get("/api/session").status_code == 401
    assert log_in(server, account[0], new).status_code == 200


def test_an_admin_makes_changes_and_locks_accounts(server):
    login = f"n{uuid4().hex[:8]}"
    body = {"login": login, "role": "risk", "password": "the first long password", "name": "New"}
    made = server.send("admin", "POST", "/api/users", body)
    assert made.status_code == 201, made.text
    assert "password" not in made.text
    assert server.send("admin", "POST", "/api/users", body).status_code == 409, "the login is taken"
    user_id = made.json()["user_id"]
    token = log_in(server, login, body["password"]).json()["token"]
    changed = server.send("admin", "PATCH", f"/api/users/{user_id}", {"role": "legal"})
    assert changed.json()["role"] == "legal"
    with as_(server, token) as client:
        assert client.get("/api/session").status_code == 401, "a new role asks for a new login"
    assert (
        server.send("admin", "PATCH", f"/api/users/{user_id}", {"password": "the second long one"}).status_code == 200
    )
    assert log_in(server, login, "the second long one").json()["role"] == "legal"
    assert server.send("admin", "PATCH", "/api/users/none", {"active": False}).status_code == 404
    for bad in ({"login": "A B"}, {"role": "king"}, {"password": "short"}, {"extra": 1}):
        assert server.send("admin", "POST", "/api/users", {**body, "login": "fresh", **bad}).status_code == 422


def test_the_last_admin_cannot_lock_himself_out(server):
    me = server.get("admin", "/api/session").json()
    for change in ({"active": False}, {"role": "risk"}):
        refused = server.send("admin", "PATCH", f"/api/users/{me['user_id']}", change)
        assert refused.status_code == 409 and "last active admin" in refused.text


def test_accounts_refuse_what_is_not_good(server):
    now = datetime.now(UTC)
    with server.database.begin() as connection, pytest.raises(InputError) as caught:
        add_account(connection, now, "Ä", "king", "aaaaaaaaaaaaaaa")
    assert len(caught.value.problems) == 3
    with server.database.begin() as connection, pytest.raises(InputError, match="contains the login"):
        add_account(connection, now, "li.lei", "risk", "my name is Li.Lei today")
    with server.database.begin() as connection, pytest.raises(Conflict):
        add_account(connection, now, "risk", "risk", "a long sentence of mine")


def test_made_passwords_are_good_and_never_twice():
    from jiehuan.api.passwords import must_be_good

    made = {make_password() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        must_be_good(password, "someone")
