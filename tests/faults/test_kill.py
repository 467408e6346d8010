"""A process that is killed with SIGKILL at any point of repaying, closing the day or sealing loses nothing and doubles nothing.

``JIEHUAN_FAULTS`` sets the number of faults (default 100), ``JIEHUAN_SEED`` the seed; a failure is replayed by its seed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from jiehuan.flow.disburse import book_loan
from jiehuan.loan import read_terms
from jiehuan.store import tables
from jiehuan.store.audit import audit
from jiehuan.store.database import Database, open_database
from jiehuan.store.seal import seal_journal

FAULTS = int(os.environ.get("JIEHUAN_FAULTS", "100"))
SEED = int(os.environ.get("JIEHUAN_SEED", "20261124"))
TERMS = {
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 24, "method": "equal_instalment",
    "drawn_on": "2025-12-01", "penalty_uplift": "0.5",
}  # fmt: skip


@pytest.fixture
def own_server() -> Iterator[Database]:
    """A server of the test's own: its processes are killed too. Killing processes does not lose what the kernel holds."""
    with (
        tempfile.TemporaryDirectory(prefix="jiehuan-test-") as folder,
        open_database(Path(folder) / "home", settings={"fsync": "off", "restart_after_crash": "on"}) as database,
    ):
        yield database


def book_two_loans(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(insert(tables.borrower).values(borrower_id="bo_1", region="浙江"))
        for loan_id in ("ln_1", "ln_2"):
            facts = {"borrower_id": "bo_1", "product": "micro", "region": "浙江", "channel": "api"}
            book_loan(connection, loan_id, read_terms(TERMS), facts)


def test_nothing_is_lost_or_doubled(own_server: Database) -> None:
    book_two_loans(own_server)
    own_server.engine.dispose()
    words = [
        sys.executable,
        str(Path(__file__).with_name("killed.py")),
        own_server.dsn,
        str(own_server.home),
        str(SEED),
        str(FAULTS),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60 + 3 * FAULTS)
    assert done.returncode == 0, f"seed {SEED}: {done.stderr[-2000:]}"
    said = json.loads(done.stdout)
    ended = Counter(said["done"])
    killed = sum(count for key, count in ended.items() if key.endswith(("killed", "server")))
    assert killed > FAULTS // 4, f"the faults hardly struck: {ended}"

    own_server.engine.dispose()
    seal_journal(own_server, date.fromisoformat(said["today"]))
    assert {found.check: found.problems for found in audit(own_server) if found.faults} == {}, f"seed {SEED}"
    with own_server.connect() as connection:
        cash, events, told = connection.execute(text(FOUND)).one()
    assert int(cash) == said["received"], f"seed {SEED}"
    wanted = 1 + sum(count for key, count in ended.items() if key.startswith(("repay", "late")))
    assert (events, told) == (wanted, wanted), f"seed {SEED}"


FOUND = """
    SELECT (SELECT sum(debit_fen - credit_fen) FROM line
            WHERE account = 'cash' AND event_id IS NOT NULL),
           (SELECT count(*) FROM loan_event),
           (SELECT count(DISTINCT payload->>'event_id') FROM outbox WHERE topic = 'loan.repaid')
"""
