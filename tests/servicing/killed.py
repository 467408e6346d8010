"""Closes days and takes payments and is killed in the middle, again and again; run by ``test_killed.py`` in a process of its own.

``python killed.py DSN HOME SEED FAULTS``. Each fault forks a child that does one piece of work (a repayment, a file of repayments
in several chunks, a gateway's message, a statement, a day's end) and is killed with SIGKILL at a statement drawn at random, before
or after a commit, or between the file of positions and the database. Then the work is done again as one would who never got an
answer. One JSON line.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from dying import in_child, plant
from jiehuan.flow import many
from jiehuan.flow.closing import catch_up, close_day, fold, run, write
from jiehuan.flow.gateway_events import Payment, take_payment
from jiehuan.flow.repay import Payment as Repayment
from jiehuan.flow.repay import repay
from jiehuan.flow.statements import Line, Statement, import_statements
from jiehuan.loan.book_cells import shift_table
from jiehuan.loan.compiled import compiled
from jiehuan.store import bulk
from jiehuan.store import many as rows
from jiehuan.store.database import open_database
from jiehuan.store.vault import open_vault

FIRST_DAY = date(2026, 1, 20)
LAST_DAY = date(2027, 6, 30)
COMPILED = ("sweep_day", "receive_day", "catch_up", "show_some", "lines_of_positions", "fold_book", "fold_moves")


def main(dsn: str, home: Path, seed: int, faults: int) -> dict[str, object]:
    """Run the faults; what was done how often, the fen that came in, and the day that is closed."""
    chance = random.Random(seed)
    database = open_database(home, dsn)
    vault = open_vault(database)
    fold.AT_ONCE, write.CHANGED_AT_ONCE, run.CHANGED_AT_ONCE = (
        3,
        3,
        3,
    )  # many small batches, so that kills fall between them
    many.WORTH_COLUMNS, many.AT_ONCE = 1, 1
    with database.connect() as connection:
        loans = list(connection.exec_driver_sql("SELECT loan_id FROM loan ORDER BY loan_id").scalars())
    for name in COMPILED:  # the children inherit what is compiled; threads they must start themselves
        compiled(name)
    shift_table()
    database.engine.dispose()
    if in_child(lambda: close_day(database, FIRST_DAY)) != "finished":
        raise SystemExit("the first day end failed")
    done: Counter[str] = Counter()
    received, today = 0, FIRST_DAY
    for number in range(faults):
        kind = chance.choices(("repay", "file", "gateway", "statement", "close"), (4, 3, 2, 2, 5))[0]
        loan_id, amount, key = chance.choice(loans), chance.randint(1, 400), f"k{seed}-{number}"
        on, steps = today + timedelta(days=1), chance.choice((1, 1, 1, 2))
        if kind == "close" and on + timedelta(days=steps) < LAST_DAY:
            today += timedelta(days=steps)
        closed = today
        told = [Line(n, f"{key}-{n}", on, amount + n, f"{key}-e{n}", (chance.choice(loans),)) for n in range(3)]
        total = sum(line.amount_fen for line in told)
        file = [Repayment(one, amount + n, on, f"{key}-f{n}") for n, one in enumerate(loans)]
        statement = Statement("lending", key, "csv", "CNY", on, 0, total, tuple(told), ())

        def work() -> None:
            if kind == "close":  # noqa: B023 - done at once
                catch_up(database, closed)  # noqa: B023
            elif kind == "statement":  # noqa: B023
                import_statements(database, [statement], on)  # noqa: B023
            elif kind == "file":  # noqa: B023
                found = many.repay_many(database, file)  # noqa: B023
                assert len(found.answers) == len(file), found.refused  # noqa: B023
            elif kind == "gateway":  # noqa: B023
                payment = Payment(key, amount, on, f"{key}-e", loan_id)  # noqa: B023
                database.transact(lambda c: take_payment(c, vault, "alpha", payment, on))  # noqa: B023
            else:
                database.transact(lambda c: repay(c, loan_id, amount, on, key))  # noqa: B023

        how = chance.choices(
            ("statement", "before commit", "after commit", "file"), (8, 3, 3, 2 if kind == "close" else 0)
        )[0]
        at = chance.randint(1, 60 if kind == "close" else 14)
        if "commit" in how:
            at = max(1, at // 6)

        def die_at_it() -> None:
            if how == "file":  # noqa: B023
                plant_file()
            else:
                plant(database, how, at)  # noqa: B023
            plant_copies(how, at)  # noqa: B023
            work()

        ended = in_child(die_at_it)
        done[f"{kind}, {ended}"] += 1
        if ended != "finished" or chance.random() < 0.2:
            again = in_child(work)
            if again != "finished":
                raise SystemExit(f"fault {number} ({kind}, {how} {at}): doing it again {again}")
        came = {"statement": total, "close": 0, "file": sum(one.amount_fen for one in file)}
        received += came.get(kind, amount)
    return {"done": done, "received": received, "today": today.isoformat(), "faults": faults}


def plant_copies(how: str, at: int) -> None:
    """Arrange for this process to be killed at the ``at``-th COPY of ready rows, which is no statement to those who count these."""
    if how != "statement":
        return
    seen, copy_text = 0, bulk.copy_text

    def count(*told: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)
        copy_text(*told)

    bulk.copy_text = rows.copy_text = count


def plant_file() -> None:
    """Arrange for this process to be killed between the file of positions and the database."""
    save = run.Positions.save

    def save_and_die(self: run.Positions, folder: Path) -> str:
        save(self, folder)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it lives")

    run.Positions.save = save_and_die  # type: ignore[method-assign]


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))))
