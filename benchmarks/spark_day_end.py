"""The day end by Spark against the same kernel on one machine, over one Parquet book; lines compared, start of Spark apart.

    python benchmarks/spark_day_end.py [--loans 400000] [--cores 2]

Both read the Parquet book and write Parquet lines. Spark runs as ``local[CORES]``; its first run also starts its Python workers,
the second is the one to compare. What Spark adds on a cluster is cores and memory of other machines: here it only costs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from jiehuan.loan.book_files import write_day_end
from jiehuan.scale.spark_day_end import close_book
from jiehuan.scale.spark_session import spark_session

ON = date(2026, 6, 30)


def plain_book(count: int) -> pl.DataFrame:
    """Loans of the common kinds, drawn through a year, none of them paid: a Parquet book as a lender has it."""
    chance = np.random.default_rng(1)
    drawn = np.datetime64("2025-07-01") + chance.integers(0, 360, count)
    return pl.DataFrame(
        {
            "loan_id": [f"ln{n:09d}" for n in range(count)],
            "lender_type": "consumer_finance_company",
            "principal_fen": chance.integers(50_000, 5_000_000, count),
            "rate_ppm": chance.choice([72_000, 120_000, 180_000, 236_000], count),
            "months": chance.choice([6, 12, 24], count),
            "method": chance.choice(["equal_instalment", "equal_instalment", "equal_principal"], count),
            "drawn_on": drawn.astype("datetime64[D]"),
            "penalty_uplift": "0.5",
        }
    )


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--loans", type=int, default=1_000_000)
    words.add_argument("--cores", type=int, default=2)
    said = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="jiehuan-bench-") as name:
        folder = Path(name)
        book = plain_book(said.loans)
        book.write_parquet(folder / "book.parquet", row_group_size=max(1, said.loans // (4 * said.cores)))
        write_day_end(folder / "book.parquet", ON, folder / "warm.parquet")
        began = time.perf_counter()
        write_day_end(folder / "book.parquet", ON, folder / "local.parquet")
        local = time.perf_counter() - began
        began = time.perf_counter()
        session = spark_session("bench", f"local[{said.cores}]", {"spark.driver.memory": "2g"})
        session.range(1).count()
        started = time.perf_counter() - began
        runs = []
        for n in range(2):
            began = time.perf_counter()
            close_book(session, str(folder / "book.parquet"), ON, str(folder / f"spark{n}"))
            runs.append(time.perf_counter() - began)
        session.stop()
        files = sorted((folder / "spark1" / "outcome=closed").glob("*.parquet"))
        lines = pl.read_parquet(folder / "local.parquet").sort("loan_id")
        same = pl.concat([pl.read_parquet(file) for file in files]).select(lines.columns).sort("loan_id").equals(lines)
        assert same, "the lines differ"
        print(f"load average {os.getloadavg()[0]:.1f}; {said.loans} loans, {len(lines)} lines, equal")
        print(f"one machine {local:.2f} s ({said.loans / local:,.0f} loans/s)")
        print(
            f"Spark local[{said.cores}]: start {started:.1f} s, first {runs[0]:.2f} s, second {runs[1]:.2f} s ({said.loans / runs[1]:,.0f} loans/s)"
        )


if __name__ == "__main__":
    main()
