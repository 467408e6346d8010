"""Decisions by two processes behind one address: what changes at run time acts on the next decision of each of them."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select, update
from tests.api.test_serve import workers_of

from jiehuan.api.accounts import add_account
from jiehuan.flow.apply import apply
from jiehuan.flow.drafts import save_draft
from jiehuan.flow.policies import policy_in_force
from jiehuan.flow.release import approve, propose
from jiehuan.policy import default_policy
from jiehuan.store import tables
from jiehuan.store.vault import open_vault

PASSWORD = "a long sentence of mine"
APPLICATIONS = 24


def asked(n: int) -> dict:
    features = {
        "declared_income_fen": 1_500_000,
        "identity_verified": True,
        "is_student": False,
        "on_block_list": False,
        "pay_day": 10,
    }
    features["bureau"] = {"bureau_overdue_fen": 0, "bureau_worst_24m": 0, "bureau_queries_3m": 1, "bureau_lenders": 0}
    borrower = {"borrower_id": f"bo-{n}", "region": "浙江", "birth_date": date(1985, 5, 5).isoformat(), "sex": "female"}
    return {
        "application_id": f"ap-{n}", "lender_type": "micro_lender", "product": "instalment", "purpose": "appliance",
        "amount": "5000.00", "months": 6, "features": features, "borrower": borrower,
    }  # fmt: skip


@pytest.fixture
def two_workers(database):
    """``jiehuan serve --workers 2`` on a lender with applications and three people: (address, pids)."""
    now = datetime.now(UTC)
    with database.begin() as connection:
        for login in ("ana", "ben", "cai"):
            add_account(connection, now, login, "risk", PASSWORD, name=login)
        vault = open_vault(database)
        for n in range(APPLICATIONS):
            apply(connection, vault, asked(n), now)
        policy_in_force(connection, now)
    command = [sys.executable, "-m", "jiehuan", "serve", "--port", "0", "--json", "--workers", "2"]
    env = {**os.environ, "JIEHUAN_DSN": database.dsn, "JIEHUAN_HOME": str(database.home), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
    told = ""
    while "}" not in told:
        line = process.stdout.readline()
        assert line
        told += line
    yield json.loads(told)["address"], workers_of(process.pid)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)


def log_in(address: str, login: str) -> str:
    return httpx.post(f"{address}/api/session", json={"login": login, "password": PASSWORD}, timeout=60).json()["token"]


def decide(client: httpx.Client, token: str, n: int) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex}
    return client.post(f"/api/applications/ap-{n}/decide", headers=headers)


class Both:
    """A kept-open connection to each of the two processes, told apart by who answers while the other one is stopped."""

    def __init__(self, address: str, pids: list[int]) -> None:
        self.clients: list[httpx.Client] = []
        for pid in pids:
            other = next(one for one in pids if one != pid)
            os.kill(other, signal.SIGSTOP)
            try:
                self.clients.append(self._connected(address))
            finally:
                os.kill(other, signal.SIGCONT)

    @staticmethod
    def _connected(address: str) -> httpx.Client:
        until = time.monotonic() + 60
        while True:  # a connection that waits for the stopped one is given up; the next is taken by the other
            client = httpx.Client(base_url=address, timeout=2)
            try:
                assert client.get("/api/ready").status_code == 200
            except httpx.TimeoutException:
                client.close()
                assert time.monotonic() < until
                continue
            client.timeout = 60
            return client


def test_a_release_and_a_locked_account_act_at_once_in_every_process(two_workers, database):
    address, pids = two_workers
    both, token = Both(address, pids), log_in(address, "ana")
    with database.connect() as connection:
        old = policy_in_force(connection, datetime.now(UTC)).version
    numbers = iter(range(APPLICATIONS))
    for client in both.clients * 2:
        answer = decide(client, token, next(numbers))
        assert answer.status_code == 200, answer.text
        assert answer.json()["policy_version"] == old

    new = copy.deepcopy(dict(default_policy().document))
    band = next(node for node in new["nodes"] if node["id"] == "band")
    for row, limit in ((1, "3000000"), (2, "1000000"), (3, "200000")):
        band["content"]["rules"][row]["band-band_limit_fen"] = limit
    now = datetime.now(UTC)
    with database.begin() as connection:
        draft = save_draft(connection, new, "ana", now, base_version=old, remark="tighter")
        proposed = propose(connection, draft.draft_id, now.date() + timedelta(days=1), "ana", now, "tighter")
        approve(connection, proposed["release_id"], "ben", now)
        today = update(tables.policy_release).where(tables.policy_release.c.release_id == proposed["release_id"])
        connection.execute(today.values(effective_from=now.date() - timedelta(days=1)))  # its day has come
        latest = connection.execute(
            select(tables.policy_release.c.version).where(tables.policy_release.c.release_id == proposed["release_id"])
        ).scalar_one()
        connection.execute(
            update(tables.policy_release)
            .where(tables.policy_release.c.version == old)
            .values(effective_from=now.date() - timedelta(days=2))
        )
    assert latest != old
    for client in both.clients * 2:
        answer = decide(client, token, next(numbers))
        assert answer.status_code == 200, answer.text
        assert answer.json()["policy_version"] == latest

    with database.begin() as connection:
        locked = update(tables.user_account).where(tables.user_account.c.login == "ana").values(active=False)
        connection.execute(locked)
    for client in both.clients * 2:
        assert decide(client, token, next(numbers)).status_code == 401
    with database.connect() as connection:
        waiting = select(tables.application.c.application_id).where(tables.application.c.status == "new")
        assert len(connection.execute(waiting).all()) == APPLICATIONS - 8
