"""Lists of loans past due as the console asks for them, in a book of 200,000 loans and in one of a million.

    python benchmarks/late_lists.py [--loans 200000 1000000] [--late 0.05]

A book of equal-instalment loans, ``--late`` of them past due, since an exponential number of days (mean 60). Each list is asked of the
function behind the interface: count, page of fifty, masked names. Milliseconds, the median of eleven; ``by_view`` is the same page where
days past due are asked of the view for every loan, as it was before the index. What the index costs the end of a day and a repayment is
in ``write_us``: server time for each row of a batch of 5,000 that falls behind, and that stays as it is, without it and with it.
One JSON line a book. The book is made on an embedded server of its own with fsync off.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

sys.path.insert(0, str(Path(__file__).parent))

from day_end_durable import EVENING, make_book

from jiehuan.api.book_figures import book_day
from jiehuan.api.loans import list_loans
from jiehuan.api.paging import Slice
from jiehuan.store.database import Database, open_database
from jiehuan.store.vault import open_vault

LISTS: dict[str, tuple[str, dict[str, Any]]] = {
    "all, latest drawn first": ("", {}),
    "all, longest past due first": ("-dpd", {}),
    "past due": ("", {"overdue": True}),
    "past due, longest first": ("-dpd", {"overdue": True}),
    "past due, page 100": ("-dpd 100", {"overdue": True}),
    "M1": ("", {"bucket": "M1"}),
    "M3+": ("", {"bucket": "M3+"}),
    "M3+, longest first": ("-dpd", {"bucket": "M3+"}),
    "M3+, most overdue first": ("-overdue", {"bucket": "M3+"}),
}
FILTERS = ("status", "bucket", "grade", "overdue", "product", "region", "channel", "borrower_id", "search")
BY_VIEW = (
    "SELECT l.loan_id, s.dpd FROM loan l JOIN loan_state s ON s.loan_id = l.loan_id WHERE s.dpd > 90"
    " ORDER BY s.dpd DESC, l.loan_id LIMIT 50"
)
INDEX = "CREATE INDEX ix_loan_standing_late ON loan_standing (oldest_due) WHERE oldest_due IS NOT NULL"
FALLS = "UPDATE loan_standing SET oldest_due = '2026-03-02', overdue_fen = 5, as_of = '2026-03-02' WHERE loan_id = ANY(:ids)"
STAYS = "UPDATE loan_standing SET overdue_fen = 6, as_of = '2026-03-02' WHERE loan_id = ANY(:ids)"


def fall_behind(connection: Connection, share: float) -> None:
    """Some loans are past due since some day."""
    connection.execute(text("SELECT setseed(0.5)"))
    connection.execute(
        text(
            "UPDATE loan_standing s SET oldest_due = :on - x.days, overdue_fen = 100000 + x.fen, class = 'special_mention'"
            " FROM (SELECT loan_id, (1 - ln(1 - random()) * 60)::int AS days, (random() * 500000)::int AS fen"
            "       FROM loan_standing WHERE random() < :share) x WHERE x.loan_id = s.loan_id"
        ),
        {"on": EVENING, "share": share},
    )


def milliseconds(ask: Callable[[], object]) -> float:
    """The median of eleven."""
    spent = []
    for _ in range(11):
        start = time.perf_counter()
        ask()
        spent.append(time.perf_counter() - start)
    return round(statistics.median(spent) * 1000, 2)


def lists(database: Database) -> dict[str, float]:
    """Each list, and the book's day, which every act on a loan asks for."""
    vault = open_vault(database)

    def asked(sort: str, given: dict[str, Any]) -> Callable[[], object]:
        column, _, page = sort.partition(" ")
        paging = Slice(int(page or 1), 50, column)
        filters = {name: given.get(name) for name in FILTERS}
        return lambda: list_loans(database, vault, paging, **filters)

    found = {name: milliseconds(asked(sort, given)) for name, (sort, given) in LISTS.items()}
    with database.connect() as connection:
        found["the book's day"] = milliseconds(lambda: book_day(connection))
        found["by_view"] = milliseconds(lambda: connection.execute(text(BY_VIEW)).all())
    return found


def write_us(database: Database, count: int) -> dict[str, float]:
    """Microseconds a row, the best of five batches: falls behind and stays, without the index and with it."""
    found = {}
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name, index in (("without", None), ("with", INDEX)):
            connection.execute(text("DROP INDEX IF EXISTS ix_loan_standing_late"))
            if index:
                connection.execute(text(index))
            for kind, said in (("falls", FALLS), ("stays", STAYS)):
                spent = []
                for turn in range(5):
                    ids = [f"ln_{at:08d}" for at in range(turn, count, count // 5_000)]
                    connection.execute(text("BEGIN"))
                    start = time.perf_counter()
                    connection.execute(text(said), {"ids": ids})
                    spent.append((time.perf_counter() - start) / len(ids))
                    connection.execute(text("ROLLBACK"))
                connection.execute(text("VACUUM loan_standing"))
                found[f"{kind} {name}"] = round(min(spent) * 1e6, 1)
    return found


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--loans", type=int, nargs="+", default=[200_000, 1_000_000])
    words.add_argument("--late", type=float, default=0.05)
    given = words.parse_args()
    for count in given.loans:
        with (
            tempfile.TemporaryDirectory(prefix="jiehuan-bench-") as folder,
            open_database(Path(folder) / "home", settings={"fsync": "off"}) as database,
        ):
            make_book(database, count, 0.0)
            with database.begin() as connection:
                fall_behind(connection, given.late)
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM (FULL, ANALYZE) loan_standing"))
                connection.execute(text("VACUUM ANALYZE"))
                late = connection.execute(text("SELECT count(oldest_due) FROM loan_standing")).scalar_one()
            told = {"loans": count, "late": late, "ms": lists(database), "write_us": write_us(database, count)}
            print(json.dumps({**told, "load": round(os.getloadavg()[0], 1)}), flush=True)


if __name__ == "__main__":
    main()
