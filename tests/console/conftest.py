"""A small lender lived through the flow's own functions, served by a real server process, looked at in a real browser.

Eight people apply in January 2026. One is on the block list and is refused; one still waits; the others are approved and
drawn, two of them pay, four never do. At the end of July the book has overdue loans, alerts, a day's work, cases with one
missed deadline, disposals and a report.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zlib import crc32

import httpx
import psycopg
import pytest

from jiehuan.api import console
from jiehuan.api.accounts import add_account
from jiehuan.flow.apply import apply
from jiehuan.flow.collect import collect
from jiehuan.flow.day_end import day_end
from jiehuan.flow.decide import decide
from jiehuan.flow.disburse import disburse
from jiehuan.flow.dispose import dispose
from jiehuan.flow.litigate import file_case, litigate
from jiehuan.flow.repay import repay
from jiehuan.flow.report import report
from jiehuan.flow.servicing import load_loan
from jiehuan.flow.sign import sign
from jiehuan.flow.watch import Watcher
from jiehuan.loan import make_schedule
from jiehuan.score import fit
from jiehuan.store import tables
from jiehuan.store.database import Database, open_database
from jiehuan.store.embedded import EmbeddedServer
from jiehuan.store.rows import insert_missing
from jiehuan.store.vault import open_vault
from jiehuan.units.days import CHINA

PASSWORD = "a long sentence of mine"
ROLES = ("risk", "collector", "legal", "auditor", "admin")
BOOK_DAY = date(2026, 7, 31)
ANSWER_LATE = date(2026, 7, 10)
"""When cases were opened and filed: the court's answer (five days) was due before the book's day."""

BROWSER = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs this room, so that the lender is made and the browser started once."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("console"))


def at(on: date, hour: int = 10) -> datetime:
    return datetime(on.year, on.month, on.day, hour, tzinfo=CHINA)


def live(database: Database) -> None:
    """The lender's seven months."""
    vault, loans = open_vault(database), {}
    with database.begin() as connection:
        for role in ROLES:
            add_account(connection, datetime.now(UTC), role, role, f"{PASSWORD}, {len(role)}", name=role.title())
        insert_missing(connection, tables.model, [admission_model()])
        for n in range(8):
            day = date(2026, 1, 5 + n)
            asked = apply(connection, vault, application(n), at(day))
            if n == 7:
                continue  # still waits
            if decide(connection, asked, at(day, 11))["outcome"] == "approve":
                sign(connection, vault, asked, at(day, 12))
                loans[n] = disburse(connection, asked)
    assert sorted(loans) == [0, 1, 2, 3, 4, 5], loans
    watcher = Watcher()
    for month in range(1, 8):
        end = date(2026, month + 1, 1) - timedelta(days=1)
        with database.begin() as connection:
            for n, loan_id in loans.items():
                pay(connection, loan_id, n, end)
            if month == 7:
                cases, problems = litigate(connection, vault, ANSWER_LATE, limit=2)
                assert len(cases) == 2, problems
                file_case(connection, cases[0], ANSWER_LATE, "legal")
            day_end(connection, end)
    with database.begin() as connection:
        watcher.watch(connection, [failed_debit("bo-2", "se-1", BOOK_DAY, 9)], at(BOOK_DAY, 12))
        dispose(connection, BOOK_DAY)
        collect(connection, at(BOOK_DAY, 8))
        report(connection, BOOK_DAY)


def application(n: int) -> dict[str, Any]:
    return {
        "application_id": f"ap-{n}",
        "lender_type": "consumer_finance_company",
        "product": "flexible_instalment",
        "channel": "app" if n % 2 else "web",
        "purpose": "appliance",
        "amount": "6000.00",
        "months": 6,
        "features": {
            "age": 30 + n, "is_student": False, "identity_verified": True, "on_block_list": n == 6, "declared_income_fen": 1_200_000,
            "verified_income_fen": 1_150_000, "income_low_fen": 1_000_000, "obligations_fen": 50_000, "lenders_now": 1,
            "bureau_queries_3m": 1, "bureau_overdue_fen": 0, "bureau_worst_24m": 0, "device_borrowers": 0,
        },
        "borrower": {
            "borrower_id": f"bo-{n}", "name": f"王小{'一二三四五六七八'[n]}", "id_number": f"11010119900101{n:03d}X",
            "phone": f"1380013800{n}", "region": "浙江" if n % 3 else "江苏",
        },
    }  # fmt: skip


def admission_model() -> dict[str, Any]:
    """A scorecard really fitted, on 400 made-up people of whom the poorer default more often."""
    import polars as pl

    income = [300_000 + 20_000 * (n // 5) for n in range(400)]
    bad = [int((n * 7919) % 400 > 300 + n * 0.25) for n in range(400)]
    model = fit(pl.DataFrame({"verified_income_fen": income, "bad": bad}), "bad", kind="scorecard")
    return {
        "model_id": "mo-1", "name": "admission", "kind": "scorecard", "fitted_at": at(date(2026, 1, 1)), "status": "champion",
        "metrics": dict(model.metrics), "body": model.as_document(), "note": "",
    }  # fmt: skip


def pay(connection: Any, loan_id: str, n: int, end: date) -> None:
    """The first two pay each instalment on its day; the others never."""
    held = load_loan(connection, loan_id)
    for line in make_schedule(held.terms).instalments if n < 2 else ():
        if (line.due.year, line.due.month) == (end.year, end.month):
            repay(connection, loan_id, line.total_fen, line.due, f"{loan_id}/{line.due}", "debit")


def failed_debit(borrower_id: str, event_id: str, on: date, hour: int) -> dict[str, Any]:
    """A row of the events format: the bank refused to debit the borrower's account."""
    return {
        "event_id": event_id, "account_id": borrower_id, "at": at(on, hour).isoformat(), "kind": "debit_failed", "amount_fen": 100_000,
        "counterparty": "", "channel": "debit",
    }  # fmt: skip


@dataclass
class House:
    """The lender's database and the address at which it is served."""

    database: Database
    url: str
    day: date = BOOK_DAY
    _tokens: dict[str, str] = field(default_factory=dict)

    def password(self, role: str) -> str:
        """With which a role signs in."""
        return f"{PASSWORD}, {len(role)}"

    def fail_a_debit(self, borrower_id: str, event_id: str) -> int:
        """A debit of the borrower's account fails while people look; how many alerts it raised."""
        event = failed_debit(borrower_id, event_id, self.day, 13)
        with self.database.begin() as connection:
            return len(Watcher().watch(connection, [event], at(self.day, 14)).alerts)

    def get(self, role: str, path: str) -> Any:
        """What the interface answers a role, past the console."""
        if role not in self._tokens:
            login = {"login": role, "password": self.password(role)}
            self._tokens[role] = httpx.post(f"{self.url}/api/session", json=login, timeout=20).json()["token"]
        answer = httpx.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {self._tokens[role]}"}, timeout=20)
        answer.raise_for_status()
        return answer.json()

    def ask(self, role: str, path: str, question: dict[str, Any]) -> Any:
        """What the interface answers a role to a question that is posted and changes nothing."""
        self.get(role, "/api/session")
        answer = httpx.post(f"{self.url}{path}", json=question, headers={"Authorization": f"Bearer {self._tokens[role]}"}, timeout=20)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="session")
def house(postgres: EmbeddedServer, _template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The lender, served by `jiehuan serve` in a process of its own."""
    if not (console.FOLDER / "index.html").is_file():
        pytest.fail(
            "the console is not built: run ./test or ./run, which build it, or `npm ci && npm run build` in web/"
        )
    name, home = f"console_{uuid4().hex}", tmp_path_factory.mktemp("console-home")
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {_template} STRATEGY file_copy")
    with open_database(home=home, dsn=postgres.dsn(name)) as database:
        live(database)
        with serving(database) as url:
            yield House(database, url)
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def lend(house: House) -> Callable[[str], str]:
    """``loan_id = lend("name")``: a loan of six months drawn today by a borrower of its own, who owes nothing yet."""

    def drawn(name: str) -> str:
        asked = application(0)
        borrower = {**asked["borrower"], "borrower_id": f"bo-{name}", "id_number": f"11010119900102{crc32(name.encode()) % 1000:03d}X"}
        now = max(datetime.now(CHINA), at(house.day, 19))
        with house.database.begin() as connection:
            vault = open_vault(house.database)
            application_id = apply(connection, vault, {**asked, "application_id": f"ap-{name}", "borrower": borrower}, now)
            assert decide(connection, application_id, now)["outcome"] == "approve"
            sign(connection, vault, application_id, now)
            return disburse(connection, application_id)

    return drawn


@contextmanager
def serving(database: Database) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "JIEHUAN_DSN": database.dsn, "JIEHUAN_HOME": str(database.home)}
    command = [sys.executable, "-m", "jiehuan", "serve", "--port", str(port)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as server:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + 60
        try:
            while not answers(url):
                assert server.poll() is None, server.stderr.read() if server.stderr else ""
                assert time.monotonic() < until, "the server did not answer within a minute"
                time.sleep(0.1)
            yield url
        finally:
            server.terminate()
            server.wait(20)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    """The machine's Chromium, started once."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=BROWSER)
        yield started
        started.close()


@pytest.fixture
def sure() -> Callable[[Any, str], None]:
    """``sure(page, "question")``: says yes to what the console asks before a deed that cannot be taken back."""

    def say_yes(page: Any, question: str) -> None:
        page.locator(".ant-popconfirm").filter(has_text=question).locator(".ant-btn-primary").click()

    return say_yes


@pytest.fixture
def enter(browser: Any, house: House) -> Iterator[Callable[..., Any]]:
    """``page = enter("risk")``: a window in which a role has signed in. What the console complains of fails the test."""
    complaints: list[str] = []
    contexts = []

    def signed_in(role: str, language: str = "zh", width: int = 1280, path: str = "/") -> Any:
        # without movement: a click on a window that is still growing can miss its button on a busy machine
        context = browser.new_context(
            viewport={"width": width, "height": 860}, locale="zh-CN", timezone_id="Asia/Shanghai", reduced_motion="reduce"
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        context.add_init_script(f"try {{ localStorage.setItem('jiehuan.language', '{language}') }} catch {{}}")
        login = {"login": role, "password": house.password(role)}
        assert context.request.post(f"{house.url}/api/session", data=login).ok
        page = context.new_page()
        listen(page, complaints, house.url)
        page.goto(house.url + path)
        page.locator("h1").first.wait_for()
        return page

    yield signed_in
    for context in contexts:
        context.close()
    assert not complaints, complaints


def listen(page: Any, complaints: list[str], url: str) -> None:
    """Keep what the page complains of: errors, warnings (such as a code without a word), requests to elsewhere."""
    page.on("response", lambda answer: answer.status >= 500 and complaints.append(f"{answer.status} {answer.url}"))
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("console", lambda said: complains(said) and complaints.append(f"{said.type}: {said.text}"))
    page.on(
        "request", lambda asked: asked.url.startswith((url, "data:", "blob:")) or complaints.append(f"asks {asked.url}")
    )


def complains(said: Any) -> bool:
    """Whether a line of the browser's console is a fault; a refusal of the server (403, 409, 422) is told there too."""
    refusal = re.search(r"Failed to load resource.* status of (403|409|422)", said.text)
    return said.type in {"error", "warning"} and refusal is None
