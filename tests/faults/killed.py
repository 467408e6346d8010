"""Does work on a book and is killed in the middle of it, again and again; run by ``test_kill.py`` in a process of its own.

``python killed.py DSN HOME SEED FAULTS``. Each fault forks a child that does one piece of work (a repayment, a repayment found late, a
day end, a seal) and is killed with SIGKILL at a statement drawn at random, just before or just after a commit, or loses its server's
process instead. Then the same work is done again as a client would that never got an answer. Prints one JSON line.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dying import await_server, in_child, plant
from jiehuan.flow.day_end import day_end
from jiehuan.flow.repay import repay
from jiehuan.store.database import open_database
from jiehuan.store.seal import seal_journal

LOANS = ("ln_1", "ln_2")
FIRST_DAY = date(2026, 1, 1)


def main(dsn: str, home: Path, seed: int, faults: int) -> dict[str, object]:
    """Run the faults; what was done how often, and the fen that must have been received."""
    chance = random.Random(seed)
    database = open_database(home, dsn)
    with database.begin() as connection:
        day_end(connection, FIRST_DAY)
        repay(connection, LOANS[0], 1, FIRST_DAY, "first")
    database.engine.dispose()
    done: Counter[str] = Counter()
    received, today = 1, FIRST_DAY
    for number in range(faults):
        kind = chance.choices(("repay", "late", "day_end", "seal"), (6, 2, 2, 1))[0]
        loan_id, amount = chance.choice(LOANS), chance.randint(1, 400)
        if kind == "day_end":
            today += timedelta(days=chance.choice((1, 7, 31)))
        key, on = f"k{number}", today
        known = today
        if kind == "late":
            on -= timedelta(days=chance.randint(1, min(60, (today - date(2025, 12, 1)).days)))

        def work() -> None:
            if kind == "seal":  # noqa: B023 - done at once
                seal_journal(database, known)  # noqa: B023
                return
            with database.begin() as connection:
                if kind == "day_end":  # noqa: B023
                    day_end(connection, known)  # noqa: B023
                else:
                    repay(connection, loan_id, amount, on, key, known_on=known)  # noqa: B023

        how = chance.choices(("statement", "before commit", "after commit", "server"), (12, 2, 2, 1))[0]
        at = chance.randint(1, 14) if how in {"statement", "server"} else 1
        ended = in_child(lambda: (await_server(database), plant(database, how, at), work()))  # noqa: B023
        done[f"{kind}, {ended}"] += 1
        if ended != "finished" or chance.random() < 0.2:
            again = in_child(lambda: (await_server(database), work()))
            if again != "finished":
                raise SystemExit(f"fault {number} ({kind}, {how} {at}): doing it again {again}")
        if kind in {"repay", "late"}:
            received += amount
    return {"done": done, "received": received, "today": today.isoformat(), "faults": faults}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))))
