"""The ledger and its store: postings, bulk append, seal; and a repayment request against pgbench on the same server.

    python benchmarks/ledger.py [--loans 20000] [--seconds 5]

The server is an embedded one in a temporary folder, with durable commits. Rates are of one client. The machine is named with the
figures; where it is shared, the processor time beside each figure is what to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from loan_books import machine
from sqlalchemy import insert

from jiehuan.flow.disburse import book_loan
from jiehuan.flow.repay import repay
from jiehuan.ledger import journal, post
from jiehuan.loan import read_events, read_terms, replay
from jiehuan.store import tables
from jiehuan.store.database import Database, open_database
from jiehuan.store.embedded import start_server
from jiehuan.store.journal import append_many
from jiehuan.store.places import binaries
from jiehuan.store.seal import seal_journal

ON = date(2026, 5, 2)
TERMS = read_terms({
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": "2025-12-01",
})  # fmt: skip
PAID = [{"id": f"e{n}", "on": f"2026-{n:02d}-01", "kind": "repayment", "amount": "916.80"} for n in range(1, 5)]


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--loans", type=int, default=20_000)
    words.add_argument("--seconds", type=float, default=5)
    given = words.parse_args()
    found: dict[str, object] = {"machine": machine()}
    events = read_events(PAID)
    state = replay(TERMS, events, ON)
    found["post_us"] = round(min(timed(lambda: post(state, "ln")) for _ in range(200)) * 1e6, 1)
    found["movements"] = len(state.movements)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        began = time.perf_counter()
        with open_database(home) as database:
            found["first_open_s"] = round(time.perf_counter() - began, 2)
            put_loans(database, given.loans)
            books = [(f"ln_{n}", journal(TERMS, events, ON, f"ln_{n}", state=state)) for n in range(given.loans)]
            with database.begin() as connection, measured(found, "append"):
                found["entries"] = append_many(connection, books)
            with measured(found, "seal"):
                seal_journal(database, ON)
            found["repay_per_s"] = round(repayments(database, given.seconds), 1)
        began = time.perf_counter()
        with start_server(home) as server:
            found["warm_start_s"] = round(time.perf_counter() - began, 2)
            found["pgbench_per_s"] = round(pgbench(server.socket_dir, given.seconds), 1)
    found["repay_against_pgbench"] = round(float(str(found["repay_per_s"])) / float(str(found["pgbench_per_s"])), 2)
    print(json.dumps(found, indent=2, ensure_ascii=False))


def put_loans(database: Database, loans: int) -> None:
    """The loans of the bulk append, and one for the repayments."""
    row = {
        "borrower_id": "bo", "lender_type": "bank", "product": "p", "region": "r", "channel": "c",
        "principal_fen": TERMS.principal_fen, "rate_ppm": TERMS.rate_ppm, "months": TERMS.months, "method": TERMS.method,
        "drawn_on": TERMS.drawn_on, "first_due": TERMS.first_due, "terms": TERMS.as_document(),
    }  # fmt: skip
    with database.begin() as connection:
        connection.execute(insert(tables.borrower).values(borrower_id="bo", region="r"))
    database.copy_rows(tables.loan, ({"loan_id": f"ln_{n}", **row} for n in range(loans)))


def repayments(database: Database, seconds: float) -> float:
    """Requests a second: each a repayment of 917 yuan on its own loan, committed."""
    loans = iter(range(10**9))
    facts = {"borrower_id": "bo", "product": "p", "region": "r", "channel": "c"}
    spent, done = 0.0, 0
    while spent < seconds:
        batch = [f"re_{next(loans)}" for _ in range(20)]
        with database.begin() as connection:
            for loan_id in batch:
                book_loan(connection, loan_id, TERMS, facts)
        began = time.perf_counter()
        for loan_id in batch:
            with database.begin() as connection:
                repay(connection, loan_id, 91_700, date(2026, 1, 1), f"k{loan_id}")
        spent += time.perf_counter() - began
        done += len(batch)
    return done / spent


def pgbench(socket_dir: Path, seconds: float) -> float:
    """TPC-B-like transactions a second of one client, prepared, on the same server."""
    environment = {**os.environ, "PGHOST": str(socket_dir), "PGUSER": "jiehuan", "PGDATABASE": "jiehuan"}
    command = [str(binaries() / "pgbench")]
    subprocess.run([*command, "-i", "-q"], env=environment, check=True, capture_output=True)
    said = subprocess.run(
        [*command, "-T", str(max(1, round(seconds))), "-M", "prepared", "-n"],
        env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    rate = re.search(r"tps = ([\d.]+)", said)
    if not rate:
        raise SystemExit(said)
    return float(rate.group(1))


def timed(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began


@contextmanager
def measured(found: dict[str, object], name: str) -> Iterator[None]:
    began, cpu = time.perf_counter(), time.process_time()
    yield
    found[f"{name}_s"] = round(time.perf_counter() - began, 2)
    found[f"{name}_client_cpu_s"] = round(time.process_time() - cpu, 2)


if __name__ == "__main__":
    main()
