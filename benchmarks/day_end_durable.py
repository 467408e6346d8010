"""The durable day end: loans a second, from yesterday's evening to today's, changed rows and entries in PostgreSQL included.

    python benchmarks/day_end_durable.py [--loans 200000] [--days 5] [--fsync on]

A book of equal-instalment loans drawn over the 30 days before, none of them due yet, written by COPY with its first entries and
states; then day after day is closed by ``flow.closing``. ``--overdue`` of them fell due and never pay, so that their rows change
every day; each day a thirtieth of the book falls due. The first close after the book is made folds nothing: the positions are
made compiled. The server is the embedded one, with its own settings (fsync as told). One JSON line a day.

``cpu_s`` is the processor time of the close, ours and the server's together; ``at_full_cores`` what the cores of the machine would
close a second if they did nothing else and shared it evenly. ``copy_s`` is the limit that PostgreSQL itself sets: the very rows of
the day (states, entries, lines) copied into tables without index, key or trigger, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from sqlalchemy import insert, text

sys.path.insert(0, str(Path(__file__).parent))

from jiehuan.flow.closing import close_day
from jiehuan.flow.closing.positions import Positions
from jiehuan.flow.closing.write import _copy
from jiehuan.flow.disburse import loan_row
from jiehuan.law import law_on
from jiehuan.ledger import Entry, Line, entry_id
from jiehuan.loan import read_terms
from jiehuan.loan.book_cells import fold_part, read_book
from jiehuan.loan.civil import day_number
from jiehuan.loan.cores import cores
from jiehuan.loan.lawful import law_cells
from jiehuan.loan.position import POSITION
from jiehuan.store import tables
from jiehuan.store.bulk import copy_text
from jiehuan.store.database import Database, open_database
from jiehuan.store.journal import extend
from jiehuan.store.rows import copy_rows
from jiehuan.store.straight import driver_of
from servicing import server_cpu

EVENING = date(2026, 3, 2)
TERMS = {
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "penalty_uplift": "0.5",
}  # fmt: skip


def make_book(database: Database, count: int, overdue: float) -> None:
    """Loans, first entries, states, and the finished run of ``EVENING`` with its positions."""
    late = int(count * overdue)
    drawn = [EVENING - timedelta(days=50 if n < late else 1 + n % 28) for n in range(count)]
    terms = {on: read_terms({**TERMS, "drawn_on": on.isoformat()}) for on in set(drawn)}
    ids = [f"ln_{n:08d}" for n in range(count)]
    facts = {"application_id": None, "borrower_id": "bo_1", "product": "micro", "region": "浙江", "channel": "api"}
    rows = {on: loan_row("", one, facts) for on, one in terms.items()}
    frame = pl.DataFrame({
        "loan_id": ids, "lender_type": "bank", "principal_fen": 1_000_000, "rate_ppm": 180_000, "months": 12,
        "method": "equal_instalment", "drawn_on": drawn, "penalty_uplift_ppm": 500_000,
    })  # fmt: skip
    [part], refused = read_book(frame, None, EVENING, EVENING)
    assert not refused
    day = day_number(EVENING)
    _, verdicts, p = fold_part(part, day, day, np.array(law_cells(EVENING, law_on), dtype=np.int64), positions=True)
    assert not verdicts.any()
    positions = Positions(ids, p.reshape(-1, POSITION), EVENING)
    with database.begin() as connection:
        connection.execute(insert(tables.borrower).values(borrower_id="bo_1", region="浙江"))
        copy_rows(
            connection, tables.loan, ({**rows[on], "loan_id": loan_id} for loan_id, on in zip(ids, drawn, strict=True))
        )
        lines = positions.standing(np.arange(count))
        _copy(connection, f"loan_standing ({chr(44).join(lines.columns)})", lines)
        entries = {}
        provisions = dict(zip(lines["loan_id"], lines["provision_fen"], strict=True))
        for loan_id, on in zip(ids, drawn, strict=True):
            out = (Line("loan_principal", 1_000_000, 0), Line("cash", 0, 1_000_000))
            loss = (Line("impairment_loss", provisions[loan_id], 0), Line("loss_allowance", 0, provisions[loan_id]))
            entries[loan_id] = [
                Entry(entry_id(loan_id, "draw", 0), loan_id, "draw", "", "draw", on, on, out),
                Entry(entry_id(loan_id, "provision"), loan_id, "", "", "provision", EVENING, EVENING, loss),
            ]
        extend(connection, entries)
        name = positions.save(database.home / "positions")
        connection.execute(insert(tables.day_end_run).values(on=EVENING, finished_at=datetime.now(UTC), positions=name))
        connection.execute(text("DELETE FROM loan_touched"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


def bare_copy(database: Database, on: date) -> float:
    """Seconds that COPY takes for the rows that a day wrote, into bare tables of the same columns."""
    asked = {
        "loan_standing": "SELECT * FROM loan_standing WHERE as_of = {on}",
        "entry": "SELECT * FROM entry WHERE known = {on}",
    }
    spent = 0.0
    with database.begin() as connection:
        driver = driver_of(connection)
        for table, said in asked.items():
            driver.execute(f"CREATE TABLE bare_{table} AS SELECT * FROM {table} LIMIT 0")
            with (
                driver.cursor() as cursor,
                cursor.copy(f"COPY ({said.format(on=repr(on.isoformat()))}) TO STDOUT") as copy,
            ):
                rows = b"".join(bytes(part) for part in copy)
            start = time.perf_counter()
            copy_text(driver, f"bare_{table}", rows)
            spent += time.perf_counter() - start
            driver.execute(f"DROP TABLE bare_{table}")
    return spent


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--loans", type=int, default=200_000)
    words.add_argument("--days", type=int, default=5)
    words.add_argument("--overdue", type=float, default=0.03)
    words.add_argument("--fsync", choices=("on", "off"), default="on")
    given = words.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="jiehuan-bench-") as folder,
        open_database(Path(folder) / "home", settings={"fsync": given.fsync}) as database,
    ):
        start = time.perf_counter()
        make_book(database, given.loans, given.overdue)
        print(
            json.dumps(
                {
                    "loans": given.loans,
                    "machine": platform.machine(),
                    "made_in_s": round(time.perf_counter() - start, 1),
                }
            )
        )
        for n in range(1, given.days + 1):
            start, own, server = time.perf_counter(), time.process_time(), server_cpu(database)
            told = close_day(database, EVENING + timedelta(days=n))
            seconds, own = time.perf_counter() - start, time.process_time() - own
            cpu = own + server_cpu(database) - server
            print(json.dumps({
                "on": told["on"], "seconds": round(seconds, 2), "loans_a_second": round(given.loans / seconds),
                "own_cpu_s": round(own, 2), "cpu_s": round(cpu, 2), "at_full_cores": round(given.loans * cores() / cpu),
                "copy_s": round(bare_copy(database, EVENING + timedelta(days=n)), 2), "load": round(os.getloadavg()[0], 1),
                "changed": told["changed"], "entries": told["entries"], "folded": told["folded"],
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }))  # fmt: skip


if __name__ == "__main__":
    main()
