"""A small lender's book in a real database, and the application on a real port.

The book: seven loans drawn from January to April 2026 through the flow's own functions, two of them left unpaid,
photographed at each month's end until 30 June; around them one row of everything the console shows.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI

from jiehuan.api.accounts import add_account
from jiehuan.api.app import create_app
from jiehuan.flow.activity import note
from jiehuan.flow.apply import apply
from jiehuan.flow.day_end import day_end
from jiehuan.flow.disburse import book_loan
from jiehuan.flow.repay import repay
from jiehuan.loan import make_schedule, read_terms
from jiehuan.store import tables
from jiehuan.store.database import Database, open_database
from jiehuan.store.embedded import EmbeddedServer
from jiehuan.store.files import put_file
from jiehuan.store.rows import insert_missing
from jiehuan.store.vault import open_vault
from jiehuan.units.days import CHINA

BOOK_DAY = date(2026, 6, 30)
PASSWORD = "a long sentence of mine"
ROLES = ("risk", "collector", "legal", "auditor", "admin")
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""An empty one: reading the machine's certificates for each client would take longer than most tests."""

NOON = datetime(2026, 6, 30, 12, tzinfo=CHINA)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs this room, so that the book is made once."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("api"))


def fill(database: Database) -> None:
    """The book of the tests."""
    vault = open_vault(database)
    draws = []
    with database.begin() as connection:
        for role in ROLES:
            add_account(connection, datetime.now(UTC), role, role, f"{PASSWORD}, {len(role)}", name=role.title())
        for n in range(8):
            drawn_on = date(2026, 1 + n // 2, 10 + n)
            at = datetime(drawn_on.year, drawn_on.month, drawn_on.day, 9, tzinfo=CHINA)
            application_id = apply(
                connection,
                vault,
                {
                    "application_id": f"ap-{n}",
                    "lender_type": "micro_lender",
                    "product": "cash",
                    "channel": "app" if n % 2 else "web",
                    "amount": "10000.00",
                    "months": 12,
                    "features": {"income": 8000 + n, "earlier_loans": n},
                    "borrower": {
                        "borrower_id": f"bo-{n}",
                        "name": f"王小{'一二三四五六七八'[n]}",
                        "id_number": f"11010119900101{n:03d}X",
                        "phone": f"1380013800{n}",
                        "email": f"person{n}@example.com",
                        "region": "浙江" if n % 3 else "江苏",
                    },
                },
                at,
            )
            insert_missing(connection, tables.decision, [decision(f"de-{n}", application_id, at)])
            if n == 7:
                continue  # decided, not yet drawn
            terms = read_terms(
                {
                    "lender_type": "micro_lender",
                    "principal": "10000.00",
                    "rate": "0.18",
                    "months": 12,
                    "method": "equal_instalment",
                    "drawn_on": drawn_on.isoformat(),
                    "penalty_uplift": "0.3",
                }
            )
            facts = {
                "application_id": application_id,
                "borrower_id": f"bo-{n}",
                "product": "cash",
                "region": "浙江" if n % 3 else "江苏",
                "channel": "app" if n % 2 else "web",
            }
            draws.append((drawn_on, f"ln-{n}", terms, facts))
    for on in (date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31), BOOK_DAY):
        with database.begin() as connection:
            live_a_month(connection, draws, on)
            day_end(connection, on)
    with database.begin() as connection:
        surround(connection)


def live_a_month(connection, draws, on: date) -> None:
    """Draw what is drawn in the month, and pay what falls due in it; ln-1 and ln-2 never pay, ln-4 not since June."""
    for drawn_on, loan_id, terms, facts in draws:
        if (drawn_on.year, drawn_on.month) == (on.year, on.month):
            book_loan(connection, loan_id, terms, facts)
        if loan_id in {"ln-1", "ln-2"} or (loan_id == "ln-4" and on == BOOK_DAY):
            continue
        for row in make_schedule(terms).instalments:
            if (row.due.year, row.due.month) == (on.year, on.month):
                repay(connection, loan_id, row.principal_fen + row.interest_fen, row.due, f"{loan_id}-{row.due}")


def decision(decision_id: str, application_id: str, at: datetime) -> dict[str, object]:
    return {
        "decision_id": decision_id,
        "application_id": application_id,
        "outcome": "approve",
        "limit_fen": 1_000_000,
        "rate_ppm": 180_000,
        "months": 12,
        "method": "equal_instalment",
        "points": 612,
        "pd": 0.0312,
        "reasons": [{"code": "R01", "zh": "收入稳定", "en": "steady income", "feature": "income", "value": 8000}],
        "law_checks": [{"rule": "cost_cap", "ok": True, "citation": "2025-9", "zh": "不超过24%", "en": "at most 24 %"}],
        "offers": [
            {
                "product": "cash",
                "zh": "现金贷",
                "en": "cash loan",
                "method": "equal_instalment",
                "amount": "10000.00",
                "months": 12,
                "rate": "0.180000",
                "first_due": "2026-03-01",
                "largest_instalment": "916.81",
                "total_interest": "1001.61",
                "total_fees": "0.00",
                "apr": "0.180000",
                "eff": "0.195618",
                "reasons": [],
                "terms": {},
            }
        ],
        "inputs": {"income": 8000},
        "policy_version": "pv-1",
        "model_id": "mo-1",
        "law_version": "abc",
        "decided_at": at,
    }


def surround(connection) -> None:
    """One or two rows of all that people do about loans."""
    contract = put_file(
        connection, b"%PDF-1.7 contract", kind="contract", name="合同.pdf", media_type="application/pdf", subject="ln-1"
    )
    pleading = put_file(
        connection,
        b"%PDF-1.7 pleading",
        kind="pleading",
        name="起诉状.pdf",
        media_type="application/pdf",
        subject="ca-1",
    )
    pdf = put_file(
        connection, b"%PDF-1.7 report", kind="report", name="report.pdf", media_type="application/pdf", subject="re-1"
    )
    html = put_file(
        connection,
        b"<h1>report</h1><script>1</script>",
        kind="report",
        name="report.html",
        media_type="text/html",
        subject="re-1",
    )
    rows = {
        tables.model: [
            {
                "model_id": f"mo-{n}",
                "name": "application",
                "kind": "scorecard",
                "fitted_at": NOON - timedelta(days=n),
                "metrics": {"auc": 0.7 + n / 100},
                "body": {"bins": [1, 2]},
                "status": "champion" if n == 1 else "challenger",
            }
            for n in (1, 2)
        ],
        tables.policy_version: [
            {
                "version": "pv-1",
                "name": "collection",
                "graph": {"nodes": [], "edges": []},
                "status": "active",
                "effective_from": date(2026, 1, 1),
                "author": "risk",
                "approved_by": "admin",
            }
        ],
        tables.alert: [
            {
                "alert_id": f"al-{n}",
                "account_id": "bo-1",
                "loan_id": "ln-1",
                "at": NOON - timedelta(hours=n),
                "rule": "missed_payment",
                "severity": "warning" if n % 2 else "critical",
                "evidence": {"days": n},
                "event_id": None,
            }
            for n in range(60)
        ],
        tables.credit_line: [{"borrower_id": "bo-1", "limit_fen": 500_000, "rate_ppm": 180_000}],
        tables.line_change: [
            {
                "change_id": "lc-1",
                "borrower_id": "bo-1",
                "on": BOOK_DAY,
                "old_limit_fen": 1_000_000,
                "new_limit_fen": 500_000,
                "old_rate_ppm": 180_000,
                "new_rate_ppm": 180_000,
                "reasons": [{"code": "overdue", "zh": "逾期", "en": "overdue"}],
                "arm": "treated",
            }
        ],
        tables.work_item: [
            {
                "item_id": f"wi-{n}",
                "plan_id": "pl-1",
                "loan_id": "ln-1" if n % 2 else "ln-2",
                "borrower_id": "bo-1" if n % 2 else "bo-2",
                "action": ["call", "sms", "mail", "letter"][n % 4],
                "at": NOON - timedelta(hours=n % 3),
                "expected_gain_fen": 1000 * n,
                "arm": "holdout" if n == 39 else "treated",
                "segment": "unwilling",
                "reason": {"zh": "逾期", "en": "overdue"},
            }
            for n in range(40)
        ],
        tables.contact: [
            {
                "contact_id": "co-1",
                "loan_id": "ln-1",
                "borrower_id": "bo-1",
                "channel": "call",
                "at": NOON,
                "status": "blocked",
                "detail": {"reason": "quiet hours", "citation": "art. 9"},
                "idempotency_key": "co-1",
            }
        ],
        tables.promise: [
            {
                "promise_id": "pr-1",
                "loan_id": "ln-1",
                "amount_fen": 91680,
                "due_on": BOOK_DAY,
                "status": "open",
                "made_at": NOON,
            }
        ],
        tables.legal_case: [
            {
                "case_id": f"ca-{n}",
                "loan_id": f"ln-{n}",
                "borrower_id": f"bo-{n}",
                "kind": "litigation",
                "procedure": "small_claims",
                "court": "杭州互联网法院",
                "amounts": {"principal": "10000.00"},
                "claim_fen": 1_000_000,
                "fee_fen": 5_000,
                "stage": "filed",
                "opened_on": date(2026, 5, 20),
                "pleading_file": pleading if n == 1 else None,
            }
            for n in (1, 2)
        ],
        tables.deadline: [
            {
                "deadline_id": f"dl-{case}-{n}",
                "case_id": f"ca-{case}",
                "kind": "evidence",
                "due_on": BOOK_DAY + timedelta(days=20 * n - 15 * (case == 2)),
                "zh": "举证",
                "en": "evidence",
                "citation": "art. 99",
            }
            for case in (1, 2)
            for n in (0, 1)
        ],
        tables.disposal: [
            {
                "disposal_id": "di-1",
                "loan_id": "ln-2",
                "kind": "sale",
                "on": BOOK_DAY,
                "balance_fen": 1_000_000,
                "value_fen": 200_000,
                "low_fen": 150_000,
                "high_fen": 260_000,
                "tape_id": "ta-1",
                "detail": {},
                "status": "proposed",
            }
        ],
        tables.report: [
            {"report_id": "re-1", "on": BOOK_DAY, "figures": {"npl": "0.1"}, "pdf_file": pdf, "html_file": html}
        ],
        tables.contract: [
            {
                "contract_id": "ct-1",
                "application_id": "ap-1",
                "terms": {"rate": "0.18"},
                "contract_file": contract,
                "cost_sheet_file": contract,
                "signed_at": NOON,
            }
        ],
        tables.import_run: [
            {"run_id": "im-1", "mapping": "m.yaml", "path": "tape.csv", "counts": {"loans": {"kept": 7, "refused": 3}}}
        ],
        tables.import_refusal: [
            {
                "run_id": "im-1",
                "n": n,
                "file": "tape.csv",
                "row": n + 2,
                "column": "rate",
                "value": "x",
                "reason": "not a rate",
            }
            for n in range(3)
        ],
    }
    for table, these in rows.items():
        insert_missing(connection, table, these)
    note(connection, NOON, "system", "planned", "pl-1", {"items": 40})


@dataclass
class Server:
    """The application on a port of its own."""

    url: str
    database: Database
    tokens: dict[str, str]
    app: FastAPI
    _clients: dict[str | None, httpx.Client] = field(default_factory=dict)

    def client(self, role: str | None = None) -> httpx.Client:
        """A client of its own."""
        headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, verify=PLAIN)

    def kept(self, role: str | None) -> httpx.Client:
        """The role's client that stays open; safe for threads."""
        return self._clients.setdefault(role, self.client(role))

    def get(self, role: str | None, path: str, **options) -> httpx.Response:
        return self.kept(role).get(path, **options)

    def send(
        self, role: str | None, method: str, path: str, body: object = None, key: str | None = "", **options
    ) -> httpx.Response:
        """A write with a fresh key, unless one is given (None: without)."""
        headers = {} if key is None else {"Idempotency-Key": key or uuid4().hex}
        return self.kept(role).request(method, path, json=body, headers=headers, **options)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@dataclass(frozen=True)
class Filled:
    """The filled database to copy: its name, its home (with the vault's key), and a session's token for each role."""

    name: str
    home: Path
    tokens: dict[str, str]


@pytest.fixture(scope="session")
def copy_of(postgres: EmbeddedServer) -> Callable[[str, Path], AbstractContextManager[Database]]:
    """``with copy_of(name, home) as database``: a database of the caller's own, dropped at the end."""

    @contextmanager
    def copied(name: str, home: Path) -> Iterator[Database]:
        own = f"api_{uuid4().hex}"
        with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {own} TEMPLATE {name} STRATEGY file_copy")
        with open_database(home=home, dsn=postgres.dsn(own)) as database:
            yield database
        with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {own} WITH (FORCE)")

    return copied


@pytest.fixture(scope="session")
def make_database(copy_of, _template: str, tmp_path_factory: pytest.TempPathFactory):
    """``with make_database() as database``: migrated and empty."""
    return lambda: copy_of(_template, tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="session")
def filled(postgres: EmbeddedServer, _template: str, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """The book of the tests, made once a test session."""
    home = tmp_path_factory.mktemp("api-home")
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE filled_book TEMPLATE {_template} STRATEGY file_copy")
    with open_database(home=home, dsn=postgres.dsn("filled_book")) as database:
        fill(database)
        with serving(database) as url:
            logins = {role: {"login": role, "password": f"{PASSWORD}, {len(role)}"} for role in ROLES}
            tokens = {
                role: httpx.post(f"{url}/api/session", json=login).json()["token"] for role, login in logins.items()
            }
    return Filled("filled_book", home, tokens)


@pytest.fixture(scope="module")
def book(filled: Filled, copy_of) -> Iterator[Database]:
    """A filled database of the test module's own."""
    with copy_of(filled.name, filled.home) as database:
        yield database


@pytest.fixture(scope="module")
def server(book: Database, filled: Filled) -> Iterator[Server]:
    """The application over the module's book, with a session for each role."""
    context = serving(book)
    with context as url:
        running = Server(url, book, filled.tokens, context.server.config.app)
        yield running
        running.close()


@pytest.fixture(scope="session")
def serve() -> type[serving]:
    """``with serve(database) as url``."""
    return serving


class serving:  # noqa: N801 - reads as a word
    """``with serving(database) as url``: the application on a free port, in a thread."""

    def __init__(self, database: Database) -> None:
        config = uvicorn.Config(
            create_app(database), port=0, log_config=None, lifespan="on", ws="none", timeout_graceful_shutdown=2
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> str:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
            assert self.thread.is_alive()
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def __exit__(self, *_: object) -> None:
        self.server.config.app.state.hub.close()
        self.server.should_exit = True
        self.thread.join(10)
