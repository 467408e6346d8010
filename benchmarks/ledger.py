"""The ledger and its store: postings, bulk append, the hash chain entry by entry and as texts, seal, start of the server.

    python benchmarks/ledger.py [--loans 20000]

The server is an embedded one in a temporary folder, with durable commits. The machine is named with the figures; where it is
shared, the processor time beside each figure is what to compare. Repayments against pgbench are in ``servicing.py``.
"""

from __future__ import annotations

import argparse
import json
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

from jiehuan.flow.closing.entries import slim as slim_of
from jiehuan.ledger import journal, post
from jiehuan.loan import read_events, read_terms, replay
from jiehuan.store import tables
from jiehuan.store.bulk import added, chained_rows
from jiehuan.store.chain import first_hash
from jiehuan.store.database import Database, open_database
from jiehuan.store.embedded import start_server
from jiehuan.store.journal import Head, append_many, chained
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
    given = words.parse_args()
    found: dict[str, object] = {"machine": machine()}
    events = read_events(PAID)
    state = replay(TERMS, events, ON)
    found["post_us"] = round(min(timed(lambda: post(state, "ln")) for _ in range(200)) * 1e6, 1)
    found["movements"] = len(state.movements)
    entries = journal(TERMS, events, ON, "ln", state=state)
    head = Head(-1, first_hash("ln"), date.min)
    many = [(f"ln_{n}", [slim_of(entry) for entry in entries]) for n in range(1_000)]
    found["chain_us_an_entry"] = round(
        min(timed(lambda: chained("ln", head, entries)) for _ in range(200)) * 1e6 / len(entries), 2
    )
    found["chain_text_us_an_entry"] = round(
        min(timed(lambda: chained_rows(added(many), {})) for _ in range(5)) * 1e3 / len(entries), 2
    )
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
        began = time.perf_counter()
        with start_server(home):
            found["warm_start_s"] = round(time.perf_counter() - began, 2)
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
