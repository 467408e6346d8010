"""The evening of a day over ten million loans, against copying the same columns and against the same in Polars expressions.

    python benchmarks/day_end.py [--loans 10000000] [--quick]

All figures are of one run, the best of a few repetitions on each side; what the sweep and Polars find is compared column by
column before anything is believed. Also: the money of the day, a saved state, the fold of a whole book from Parquet, the cold
start of one loan, and peak memory against the columns.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))

from loan_books import ON, law_of, machine, open_book

from jiehuan.loan.book_cells import shift_table
from jiehuan.loan.civil import day_number
from jiehuan.loan.compiled import compiled
from jiehuan.loan.cores import on_all_cores
from jiehuan.loan.position import (
    POSITION,
    Q_DUE_P,
    Q_FALLEN,
    Q_GRACE_BY,
    Q_GRACE_P,
    Q_LEFT,
    Q_LENDER,
    Q_LEVEL,
    Q_METHOD,
    Q_NEXT_DUE,
    Q_NEXT_I,
    Q_NEXT_P,
    Q_RATE,
    Q_UNDUE,
)
from jiehuan.loan.sweep import Hot

DAY = day_number(ON) + 1


def best(times: int, prepare: Callable[[], object], work: Callable[[], object]) -> float:
    found = []
    for _ in range(times):
        prepare()
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def copy_of(hot: Hot) -> Hot:
    return Hot(*(column.copy() for column in hot))


def restore(hot: Hot, p: np.ndarray, hot_before: Hot, p_before: np.ndarray) -> None:
    for column, before in zip(hot, hot_before, strict=True):
        column[:] = before
    on_all_cores(lambda low, high: np.copyto(p[low:high], p_before[low:high]), len(p), 1 << 20)


def sweep(hot: Hot, p: np.ndarray, law: np.ndarray, again: np.ndarray, changed: np.ndarray) -> None:
    run, shift = compiled("sweep_day"), shift_table()
    on_all_cores(lambda low, high: run(low, high, hot, p, DAY, law, shift, again, changed), len(hot.tick))


def as_frame(hot: Hot, p: np.ndarray) -> pl.DataFrame:
    """What the day needs of each loan as ordinary columns, in the smallest types that hold them, as Polars would have it."""
    cells = p.reshape(-1, POSITION)
    narrow = {
        "next_due": Q_NEXT_DUE, "grace_by": Q_GRACE_BY, "fallen": Q_FALLEN, "rate": Q_RATE, "left": Q_LEFT,
        "method": Q_METHOD, "lender": Q_LENDER,
    }  # fmt: skip
    wide = {
        "next_p": Q_NEXT_P,
        "next_i": Q_NEXT_I,
        "undue": Q_UNDUE,
        "due_p": Q_DUE_P,
        "grace_p": Q_GRACE_P,
        "level": Q_LEVEL,
    }
    frame = {name: np.minimum(cells[:, cell], 2_000_000_000).astype(np.int32) for name, cell in narrow.items()}
    frame |= {name: np.ascontiguousarray(cells[:, cell]) for name, cell in wide.items()}
    frame |= {name: getattr(hot, name) for name in ("oldest", "grade", "base", "fen_days", "provision")}
    return pl.DataFrame(frame)


def in_polars(frame: pl.DataFrame, law: np.ndarray, grace: int) -> pl.DataFrame:
    """The same evening as expressions: pay_by passed, instalment due, next instalment, penalty, dpd, class, provision."""
    far = 2_000_000_000
    passed, due = pl.col("grace_by") < DAY, pl.col("next_due") == DAY
    thresholds, provisions = law[:4].tolist(), law[4:9].tolist()
    step = frame.lazy().with_columns(
        oldest=pl.when(passed & (pl.col("oldest") == 0)).then("fallen").otherwise("oldest"),
        fen_days=pl.col("fen_days")
        + pl.col("base")
        + pl.when(passed).then(pl.col("grace_p") * (DAY - pl.col("fallen"))).otherwise(0),
        base=pl.col("base") + pl.when(passed).then("grace_p").otherwise(0),
        undue=pl.col("undue") - pl.when(due).then("next_p").otherwise(0),
        due_p=pl.col("due_p") + pl.when(due).then("next_p").otherwise(0),
        left=pl.col("left") - due.cast(pl.Int32),
        grace_by=pl.when(due).then(DAY + grace).when(passed).then(far).otherwise("grace_by").cast(pl.Int32),
        grace_p=pl.when(due).then("next_p").when(passed).then(0).otherwise("grace_p"),
        fallen=pl.when(due).then(DAY).otherwise("fallen").cast(pl.Int32),
    )
    interest = (pl.col("undue") * pl.col("rate") * 2 + 12_000_000) // 24_000_000
    planned = pl.when(pl.col("method") == 0).then(pl.max_horizontal(pl.col("level") - interest, 0)).otherwise("level")
    principal = pl.when((pl.col("left") == 1) | (planned > pl.col("undue"))).then("undue").otherwise(planned)
    month_on = pl.col("next_due").cast(pl.Date).dt.offset_by("1mo").cast(pl.Int32)
    step = step.with_columns(
        next_i=pl.when(due).then(pl.when(pl.col("left") > 0).then(interest).otherwise(0)).otherwise("next_i"),
        next_p=pl.when(due).then(pl.when(pl.col("left") > 0).then(principal).otherwise(0)).otherwise("next_p"),
        next_due=pl.when(due)
        .then(pl.when(pl.col("left") > 0).then(month_on).otherwise(far))
        .otherwise("next_due")
        .cast(pl.Int32),
        dpd=pl.when(pl.col("oldest") != 0).then(DAY - pl.col("oldest")).otherwise(0).cast(pl.Int32),
        principal=pl.col("undue") + pl.col("due_p"),
    )
    grade = pl.sum_horizontal([(pl.col("dpd") >= least).cast(pl.Int8) for least in thresholds])
    share = pl.lit(provisions[0])
    for place, least in enumerate(thresholds):
        share = pl.when(pl.col("dpd") >= least).then(provisions[place + 1]).otherwise(share)
    return step.with_columns(
        grade=grade.cast(pl.Int8), provision=(pl.col("principal") * share * 2 + 1_000_000) // 2_000_000
    ).collect()


def same(hot: Hot, p: np.ndarray, frame: pl.DataFrame) -> None:
    found = as_frame(hot, p)
    for name in ("dpd", "principal"):
        found = found.with_columns(pl.Series(name, getattr(hot, name)))
    for name in found.columns:
        assert (found[name] == frame[name]).all(), f"column {name} differs"


def payments(hot: Hot, p: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """What the loans due today pay, and a few of the late ones: one instalment each."""
    rng = np.random.default_rng(2)
    cells = p.reshape(-1, POSITION)
    loans = np.flatnonzero((cells[:, Q_NEXT_DUE] == DAY) | (rng.random(len(hot.tick)) < share))
    return loans.astype(np.int64), (cells[loans, Q_NEXT_P] + cells[loans, Q_NEXT_I] + 1).astype(np.int64)


def figures(count: int) -> dict[str, object]:
    law = law_of(ON)
    start = time.perf_counter()
    hot, p = open_book(count)
    opened = time.perf_counter() - start
    again, changed = np.zeros(count, dtype=np.int8), np.zeros(count, dtype=np.int8)
    grace = int(shift_table()[DAY])
    frame = as_frame(hot, p)
    result = in_polars(frame, law, grace)
    hot_before, p_before = copy_of(hot), p.copy()
    sweep(hot, p, law, again, changed)
    assert not again.any()
    same(hot, p, result)
    columns = sum(column.nbytes for column in hot)

    def back() -> None:
        restore(hot, p, hot_before, p_before)

    swept = best(5, back, lambda: sweep(hot, p, law, again, changed))
    loans, cash = payments(Hot(*hot_before), p_before, 0.002)
    receive, shift = compiled("receive_day"), shift_table()
    paid = best(
        3,
        lambda: (back(), sweep(hot, p, law, again, changed), again.fill(0)),
        lambda: on_all_cores(
            lambda low, high: receive(low, high, hot, p, DAY, law, shift, loans, cash, again, changed),
            len(loans),
            4_096,
        ),
    )
    back()
    target = copy_of(hot)
    copied = best(7, lambda: None, lambda: [np.copyto(into, column) for into, column in zip(target, hot, strict=True)])
    copied_all = best(3, lambda: None, lambda: np.copyto(p, p_before))
    polars = best(3, lambda: None, lambda: in_polars(frame, law, grace))
    return {
        "loans": count,
        "opened by the fold, s": round(opened, 2),
        "sweep, ms": round(swept * 1e3, 1),
        "money of the day, ms": round(paid * 1e3, 1),
        "payments": len(loans),
        "copy of the hot columns, ms": round(copied * 1e3, 1),
        "copy of the positions, ms": round(copied_all * 1e3, 1),
        "polars, ms": round(polars * 1e3, 1),
        "bytes a loan, hot": columns // count,
        "bytes a loan, position": POSITION * 8,
        "loans that ticked": int((hot_before.tick <= DAY).sum()),
        "overdue": int((hot_before.oldest != 0).sum()),
        "sweep / copy": round(swept / copied, 2),
        "sweep and money / copy": round((swept + paid) / copied, 2),
        "polars / sweep": round(polars / swept, 2),
    }


def memory(count: int) -> float:
    """Peak memory of a process that opens a book and closes three days, over its columns; measured in a process of its own."""
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy as np
from loan_books import open_book, law_of, ON
from jiehuan.loan.compiled import compiled
from jiehuan.loan.book_cells import shift_table
from jiehuan.loan.civil import day_number
from jiehuan.loan.cores import on_all_cores
compiled("fold_book"), compiled("sweep_day"), compiled("show_some"), shift_table()
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

idle = peak()
hot, p = open_book({count})
law, run, shift = law_of(ON), compiled("sweep_day"), shift_table()
again, changed = np.zeros({count}, dtype=np.int8), np.zeros({count}, dtype=np.int8)
for day in range(day_number(ON) + 1, day_number(ON) + 4):
    on_all_cores(lambda low, high: run(low, high, hot, p, day, law, shift, again, changed), {count})
print((peak() - idle) / (sum(column.nbytes for column in hot) + p.nbytes))
"""
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def whole_book(count: int) -> tuple[float, float]:
    """Loans a second of ``loan day-end`` on Parquet in its own process, and its peak memory in GiB."""
    rng = np.random.default_rng(3)
    with tempfile.TemporaryDirectory() as folder:
        drawn = np.datetime64("2025-09-01") + rng.integers(0, 280, size=count)
        book = pl.DataFrame(
            {
                "loan_id": [f"L{k}" for k in range(count)], "lender_type": ["bank"] * count, "months": rng.choice([6, 12, 24], size=count),
                "principal_fen": rng.integers(5_000, 200_000, size=count) * 100, "rate_ppm": rng.choice([120_000, 180_000], size=count),
                "method": ["equal_instalment"] * count, "drawn_on": drawn, "penalty_uplift": ["0.5"] * count,
            }
        )  # fmt: skip
        paying = rng.integers(0, count, size=2 * count)
        events = pl.DataFrame(
            {
                "loan_id": book["loan_id"].gather(paying), "id": [f"e{k}" for k in range(2 * count)], "kind": ["repayment"] * (2 * count),
                "on": drawn[paying] + rng.integers(20, 200, size=2 * count),
                "amount_fen": rng.integers(100_00, 20_000_00, size=2 * count),
            }
        )  # fmt: skip
        places = [str(Path(folder) / name) for name in ("book.parquet", "events.parquet", "out.parquet")]
        book.write_parquet(places[0])
        events.write_parquet(places[1])
        words = [
            "loan",
            "day-end",
            places[0],
            "--events",
            places[1],
            "--on",
            "2026-06-14",
            "--out",
            places[2],
            "--json",
        ]
        code = (
            f"from jiehuan.cli.main import main\ntry:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
            "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
        )
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        took = time.perf_counter() - start
        told, _, peak = done.stdout.rstrip().rpartition("\n")
        counted = json.loads(told)
        return (counted["loans"] + counted["refused"]) / took, int(peak) / 2**20


def cold_start() -> float:
    """Seconds of ``jiehuan loan replay`` on one loan, from nothing to the end of the process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "loan.json"
        events = [{"id": "e1", "on": "2026-02-20", "kind": "repayment", "amount": "900"}]
        terms = {
            "lender_type": "bank",
            "principal": "10000",
            "rate": "0.18",
            "months": 12,
            "method": "equal_instalment",
        }
        file.write_text(json.dumps({**terms, "drawn_on": "2026-01-15", "events": events}))
        command = [sys.executable, "-m", "jiehuan", "loan", "replay", str(file), "--on", "2026-06-14", "--json"]
        return best(7, lambda: None, lambda: subprocess.run(command, check=True, capture_output=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loans", type=int, default=10_000_000)
    parser.add_argument("--quick", action="store_true", help="A tenth of the loans, no other processes.")
    chosen = parser.parse_args()
    count = chosen.loans // 10 if chosen.quick else chosen.loans
    print(machine())
    say(figures(count))
    if not chosen.quick:
        say({"peak memory / columns": round(memory(count), 2)})
        speed, peak = whole_book(1_000_000)
        say(
            {
                "loan day-end on Parquet, 1 M loans and 2 M events: loans/s": round(speed),
                "its peak memory, GiB": round(peak, 2),
            }
        )
        say({"loan replay, cold, ms": round(cold_start() * 1e3)})


def say(found: dict[str, object]) -> None:
    for name, value in found.items():
        print(f"{name:<62}{value:>14}", flush=True)


if __name__ == "__main__":
    main()
