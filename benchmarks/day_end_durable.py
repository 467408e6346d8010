"""The durable day end: loans a second, from yesterday's evening to today's, changed rows and entries in PostgreSQL included.

    python benchmarks/day_end_durable.py [--loans 500000] [--days 5] [--overdue 0.03] [--fsync on]

A book of equal-instalment loans drawn over the 28 days before, none of them due yet, and ``--overdue`` of them drawn over the 28
days before those, which fell due and never pay. It is written with its first entries and standings, then day after day is closed by
``flow.closing``: on each a 28th of the book falls due and the 28th of the day before falls behind; all that were behind before get
one more day past due. The server is the
embedded one, with its own settings (fsync as told), after a checkpoint. One JSON line a day.

The first day is closed by a process of its own, as a nightly job is: ``process_s`` is from its start to its end, imports and the
loading of machine code included, ``seconds`` the close alone. ``loans_a_second`` is by the close, ``loans_a_second_of_process`` by
the process. The first changes after a checkpoint also write whole pages to the log (``wal_mb``), which later days do not.

``rows`` are the standings written, ``entries`` the entries. ``cpu_s`` is the processor time of the close, ours and the server's
together; ``at_full_cores`` what the cores of the machine would close a second if they did nothing else and shared it evenly.
``copy_s`` is the limit that PostgreSQL itself sets: the very rows of the day copied into tables without index, key or trigger.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy import insert, text

sys.path.insert(0, str(Path(__file__).parent))

from jiehuan.flow.closing import close_day
from jiehuan.flow.closing.positions import Positions
from jiehuan.flow.closing.write import tab_text
from jiehuan.flow.disburse import loan_row
from jiehuan.law import law_on
from jiehuan.loan import read_terms
from jiehuan.loan.book_cells import fold_part, read_book
from jiehuan.loan.civil import day_number
from jiehuan.loan.cores import cores
from jiehuan.loan.lawful import law_cells
from jiehuan.loan.position import POSITION
from jiehuan.store import tables
from jiehuan.store.bulk import Slim, added, chained_rows, copy_entries, copy_text, slim_id, tell_two, uncollected
from jiehuan.store.database import Database, open_database
from jiehuan.store.rows import copy_rows
from jiehuan.store.straight import driver_of
from servicing import server_cpu

EVENING = date(2026, 3, 2)
TERMS = {
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "penalty_uplift": "0.5",
}  # fmt: skip


def make_book(database: Database, count: int, overdue: float) -> None:
    """Loans, first entries, standings, and the finished run of ``EVENING`` with its positions."""
    late = int(count * overdue)
    drawn = [EVENING - timedelta(days=n % 28 + (32 if n < late else 1)) for n in range(count)]
    ids = [f"ln_{n:08d}" for n in range(count)]
    frame = pl.DataFrame({
        "loan_id": ids, "lender_type": "bank", "principal_fen": 1_000_000, "rate_ppm": 180_000, "months": 12,
        "method": "equal_instalment", "drawn_on": drawn, "penalty_uplift_ppm": 500_000,
    })  # fmt: skip
    parts, refused = read_book(frame, None, EVENING, EVENING)
    day, law, cells = day_number(EVENING), np.array(law_cells(EVENING, law_on), dtype=np.int64), []
    for part in parts:
        _, verdicts, p = fold_part(part, day, day, law, positions=True)
        assert not verdicts.any()
        cells.append(p.reshape(-1, POSITION))
    assert not refused
    positions = Positions(ids, np.concatenate(cells), EVENING)
    lines = positions.standing(np.arange(count))
    with database.begin() as connection, uncollected():
        driver = driver_of(connection)
        connection.execute(insert(tables.borrower).values(borrower_id="bo_1", region="浙江"))
        _loans(connection, frame)
        copy_text(driver, f"loan_standing ({chr(44).join(lines.columns)})", tab_text(lines))
        for at in range(0, count, 50_000):
            provisions = lines["provision_fen"][at : at + 50_000].to_list()
            some = zip(ids[at : at + 50_000], drawn[at : at + 50_000], provisions, strict=True)
            first = added((loan_id, _first(loan_id, on, fen)) for loan_id, on, fen in some)
            copy_entries(driver, chained_rows(first, {}))
        name = positions.save(database.home / "positions")
        connection.execute(insert(tables.day_end_run).values(on=EVENING, finished_at=datetime.now(UTC), positions=name))
        connection.execute(text("DELETE FROM loan_touched"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


def _loans(connection: Any, frame: pl.DataFrame) -> None:
    """One row of ``loan`` for each day of drawing is made as the flow makes it; the others are its copies under their own ids."""
    facts = {"application_id": None, "borrower_id": "bo_1", "product": "micro", "region": "浙江", "channel": "api"}
    shapes = [
        loan_row(on.isoformat(), read_terms({**TERMS, "drawn_on": on.isoformat()}), facts)
        for on in frame["drawn_on"].unique()
    ]
    copy_rows(connection, tables.loan, shapes)
    connection.execute(text("CREATE TEMP TABLE drawn (loan_id text, drawn_on text) ON COMMIT DROP"))
    copy_text(driver_of(connection), "drawn (loan_id, drawn_on)", tab_text(frame.select("loan_id", "drawn_on")))
    names = ", ".join(f'"{name}"' for name in shapes[0] if name != "loan_id")
    taken = names.replace('"drawn_on"', 'l."drawn_on"')
    asked = f"INSERT INTO loan (loan_id, {names}) SELECT d.loan_id, {taken}"
    connection.execute(text(f"{asked} FROM drawn d JOIN loan l ON l.loan_id = d.drawn_on ORDER BY d.loan_id"))
    connection.execute(text("DELETE FROM loan WHERE loan_id NOT LIKE 'ln%'"))


def _first(loan_id: str, on: date, provision: int) -> list[Slim]:
    drawn, day = on.isoformat(), EVENING.isoformat()
    out, loss = tell_two("loan_principal", "cash", 1_000_000), tell_two("impairment_loss", "loss_allowance", provision)
    return [
        Slim(slim_id(loan_id, "draw", 0), "draw", "", "draw", drawn, drawn, out),
        Slim(slim_id(loan_id, "provision", 0), "", "", "provision", day, day, loss),
    ]


def bare_copy(database: Database, on: date) -> float:
    """Seconds that COPY takes for the rows that a day wrote, into bare tables of the same columns."""
    asked = {
        "loan_standing": "SELECT * FROM loan_standing WHERE as_of = {on}", "entry": "SELECT * FROM entry WHERE known = {on}",
    }  # fmt: skip
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


def measured(database: Database, on: date) -> dict[str, Any]:
    """Close a day: what it came to."""
    before = _log_bytes(database)
    start, own, server = time.perf_counter(), time.process_time(), server_cpu(database)
    told = close_day(database, on)
    seconds, own = time.perf_counter() - start, time.process_time() - own
    cpu = own + server_cpu(database) - server
    return {
        "on": told["on"], "seconds": round(seconds, 2), "loans_a_second": round(told["loans"] / seconds),
        "rows": told["changed"], "entries": told["entries"], "folded": told["folded"], "overdue": told["overdue"],
        "own_cpu_s": round(own, 2), "cpu_s": round(cpu, 2), "at_full_cores": round(told["loans"] * cores() / cpu),
        "wal_mb": round((_log_bytes(database) - before) / 1e6), "load": round(os.getloadavg()[0], 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip


def _log_bytes(database: Database) -> int:
    with database.connect() as connection:
        return int(connection.execute(text("SELECT pg_current_wal_insert_lsn() - '0/0'")).scalar_one())


def _in_its_own_process(home: Path, on: date, count: int) -> dict[str, Any]:
    start = time.perf_counter()
    words = [sys.executable, "-W", "ignore", __file__, "--close", on.isoformat(), "--home", str(home)]
    told = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    spent = time.perf_counter() - start
    return {
        "first_day_of": "a process",
        "process_s": round(spent, 2),
        "loans_a_second_of_process": round(count / spent),
        **told,
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--loans", type=int, default=500_000)
    words.add_argument("--days", type=int, default=5)
    words.add_argument("--overdue", type=float, default=0.03)
    words.add_argument("--fsync", choices=("on", "off"), default="on")
    words.add_argument("--close", type=date.fromisoformat, help=argparse.SUPPRESS)  # the child's
    words.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.close:
        with open_database(given.home) as database:
            print(json.dumps(measured(database, given.close)))
        return
    with (
        tempfile.TemporaryDirectory(prefix="jiehuan-bench-") as folder,
        open_database(Path(folder) / "home", settings={"fsync": given.fsync}) as database,
    ):
        start = time.perf_counter()
        make_book(database, given.loans, given.overdue)
        spent = round(time.perf_counter() - start, 1)
        print(json.dumps({"loans": given.loans, "machine": platform.machine(), "made_in_s": spent}), flush=True)
        for n in range(1, given.days + 1):
            on = EVENING + timedelta(days=n)
            told = _in_its_own_process(database.home, on, given.loans) if n == 1 else measured(database, on)
            print(json.dumps({**told, "copy_s": round(bare_copy(database, on), 2)}), flush=True)


if __name__ == "__main__":
    main()
