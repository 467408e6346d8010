"""Killed in the middle of a day's end, of a payment, of a statement: done again, nothing is lost and nothing is doubled.

``JIEHUAN_FAULTS`` is the number of kills (default 24; the figure of the benchmarks page is from 2,000), ``JIEHUAN_SEED`` the seed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

from jiehuan.store.database import Database

from .conftest import book, cash_in, faults
from .test_closing import SHAPES, folded_book, whole_book

FAULTS = int(os.environ.get("JIEHUAN_FAULTS", "24"))
SEED = int(os.environ.get("JIEHUAN_SEED", "1"))


def test_nothing_is_lost_or_doubled(database: Database) -> None:
    for n, shape in enumerate(SHAPES[:7]):
        book(database, f"ln_{n}", f"bo_{n}", **{"months": 24, **shape})
    database.engine.dispose()
    script = Path(__file__).with_name("killed.py")
    words = [sys.executable, str(script), database.dsn, str(database.home), str(SEED), str(FAULTS)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60 + 4 * FAULTS)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-500:]
    told = json.loads(done.stdout)
    print(told)
    killed = sum(times for what, times in told["done"].items() if what.endswith("killed"))
    assert killed > FAULTS // 4, told
    with database.connect() as connection:
        held = connection.exec_driver_sql(
            "SELECT coalesce(sum(amount_fen), 0) FROM receipt WHERE status = 'suspense'"
        ).scalar_one()
        lines = connection.exec_driver_sql("SELECT count(*) FROM statement_line WHERE receipt_id IS NULL").scalar_one()
    assert cash_in(database) + held == told["received"] and lines == 0
    assert faults(database) == []
    # Once the next day is closed, every state is the fold of its events, whatever was killed before.
    from jiehuan.flow.closing import catch_up

    last = date.fromisoformat(told["today"]).toordinal() + 2
    catch_up(database, date.fromordinal(last))
    assert whole_book(database) == folded_book(database, date.fromordinal(last))
    assert faults(database) == []
