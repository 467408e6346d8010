"""The end of a day over a Parquet book on Spark: the same kernel as ``jiehuan loan day-end``, a part of the book a task.

    python -m jiehuan.scale.spark_day_end BOOK --on 2026-06-30 --out LINES [--events EVENTS] [--shards 200] [--master local[4]]

BOOK and EVENTS are Parquet files or folders of them (columns: docs/reference/formats.md). LINES becomes a folder with
``outcome=closed`` (one line a loan) and ``outcome=refused`` (loan_id and its problems as JSON). Without events the book is
mapped part by part as it lies (``mapInArrow``); with events, or where a loan_id comes twice, book and events are brought
together by the hash of the loan's id (``cogroup``). ``spark-submit`` takes this file, with jiehuan installed on the executors.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from jiehuan.loan.day_end import day_end, require_book
from jiehuan.scale.spark_session import parser, read_parquet, run_job, spark_session
from jiehuan.units.days import parse_date
from jiehuan.units.errors import Problem, Refused

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    from pyspark.sql import SparkSession

PIECE = 200_000
"""Loans folded at once in a task."""

COLUMNS = {
    "loan_id": "string", "principal_outstanding_fen": "bigint", "interest_due_fen": "bigint", "penalty_due_fen": "bigint",
    "costs_due_fen": "bigint", "overdue_fen": "bigint", "credit_balance_fen": "bigint", "dpd": "int", "bucket": "string",
    "class": "string", "provision_fen": "bigint", "status": "string", "next_due": "date", "problems": "string", "outcome": "string",
}  # fmt: skip
"""The lines of ``loan day-end``, and for a refused loan its problems."""

SCHEMA = ", ".join(f"`{name}` {kind}" for name, kind in COLUMNS.items())


def close_book(
    session: SparkSession, book: str, on: date, out: str, events: str | None = None, shards: int = 200
) -> dict[str, Any]:
    """Write the lines of a book on the evening of ``on``; ``{on, loans, refused, principal_fen, overdue_fen, provision_fen}``.

    Raises InputError for files or columns that are missing, Refused when ``out`` is there already.
    """
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as f

    loans = read_parquet(session, book, "book")
    happened = None if events is None else read_parquet(session, events, "events")
    require_book(_empty(loans), None if happened is None else _empty(happened))
    loans = loans.withColumn("loan_id", f.col("loan_id").cast("string"))
    hashed = loans.where("loan_id IS NOT NULL").select(
        f.xxhash64("loan_id").alias("h")
    )  # a collision only takes the longer way
    twice = hashed.groupBy("h").count().where("count > 1").limit(1).count() > 0
    if happened is None and not twice:
        lines = loans.mapInArrow(_map_parts(on), SCHEMA)
    else:
        if happened is None:
            happened = session.createDataFrame([], "loan_id string, id string, `on` string, kind string")
        happened = happened.withColumn("loan_id", f.col("loan_id").cast("string"))
        shard = f.pmod(f.hash("loan_id"), f.lit(shards))
        mine = (
            loans.withColumn("__row", f.monotonically_increasing_id()).withColumn("__shard", shard).groupBy("__shard")
        )
        theirs = happened.withColumn("__row", f.monotonically_increasing_id()).withColumn("__shard", shard)
        lines = mine.cogroup(theirs.groupBy("__shard")).applyInArrow(_shard_lines(on), SCHEMA)
    try:
        lines.write.partitionBy("outcome").parquet(out, mode="error")
    except AnalysisException as error:
        if "PATH_ALREADY_EXISTS" not in str(error):
            raise
        raise Refused(Problem("--out", out, "is there already", "name another folder, or remove it")) from None
    totals = (
        session.read.schema(SCHEMA)
        .parquet(out)
        .agg(
            f.count_if(f.col("outcome") == "closed").alias("loans"),
            f.count_if(f.col("outcome") == "refused").alias("refused"),
            *(f.coalesce(f.sum(name), f.lit(0)).alias(told) for name, told in _TOTALS.items()),
        )
    )
    (row,) = totals.collect()
    return {"on": on.isoformat(), **row.asDict()}


_TOTALS = {
    "principal_outstanding_fen": "principal_fen", "overdue_fen": "overdue_fen", "provision_fen": "provision_fen",
}  # fmt: skip


def _map_parts(on: date) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def fold(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        held: list[pa.RecordBatch] = []
        rows = 0
        for batch in batches:
            held.append(batch)
            rows += batch.num_rows
            if rows >= PIECE:
                yield from _lines(pa.Table.from_batches(held), None, on).to_batches()
                held, rows = [], 0
        if rows:
            yield from _lines(pa.Table.from_batches(held), None, on).to_batches()

    return fold


def _shard_lines(on: date) -> Callable[[pa.Table, pa.Table], pa.Table]:
    def fold(book: pa.Table, events: pa.Table) -> pa.Table:
        return _lines(book.sort_by("__row"), events.sort_by("__row"), on)

    return fold


def _lines(book: pa.Table, events: pa.Table | None, on: date) -> pa.Table:
    """The lines and the refused loans of a part, in the columns of ``COLUMNS``."""
    import polars as pl

    loans = _frame(book)
    happened = None if events is None or events.num_rows == 0 else _frame(events)
    own = loans["loan_id"].is_first_distinct() | loans["loan_id"].is_null()
    refused: list[tuple[str, Sequence[Problem]]] = [
        (name, (Problem("loan_id", name, "used twice", "give each loan its own id"),))
        for name in loans["loan_id"].filter(~own).to_list()
    ]
    lines: list[pl.DataFrame] = []
    if len(loans):
        closed = day_end(loans.filter(own), on, happened)
        lines.append(closed.lines)
        refused += [(loan.loan_id, loan.problems) for loan in closed.refused]
    if happened is not None:
        known = loans["loan_id"].implode()
        mend = "add the loan to the book, or correct the event's loan_id"
        for name in (
            happened["loan_id"].filter(~happened["loan_id"].is_in(known).fill_null(value=False)).unique().to_list()
        ):
            refused.append((str(name), (Problem("events, loan_id", str(name), "not a loan of the book", mend),)))
    told = pl.DataFrame(
        {
            "loan_id": [name for name, _ in refused],
            "problems": [json.dumps([p.as_dict() for p in problems], ensure_ascii=False) for _, problems in refused],
        },
        schema={"loan_id": pl.String, "problems": pl.String},
    )
    frames = [
        *(frame.with_columns(problems=pl.lit(None, pl.String), outcome=pl.lit("closed")) for frame in lines),
        told.with_columns(outcome=pl.lit("refused")),
    ]
    whole = pl.concat(frames, how="diagonal") if lines else frames[0]
    missing = [name for name in COLUMNS if name not in whole.columns]
    whole = whole.with_columns(pl.lit(None).alias(name) for name in missing)
    return whole.select(*COLUMNS).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(_arrow_schema())


def _frame(table: pa.Table) -> pl.DataFrame:
    import polars as pl

    found = pl.DataFrame(table)
    return found.drop([name for name in ("__row", "__shard") if name in found.columns])


def _arrow_schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {"string": pa.string(), "bigint": pa.int64(), "int": pa.int32(), "date": pa.date32()}
    return pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])


def _empty(frame: Any) -> pl.DataFrame:
    """A table without rows and with the same column names, for the check of columns."""
    import polars as pl

    return pl.DataFrame(schema=dict.fromkeys(frame.columns, pl.String))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of the job."""
    words = parser(str(__doc__))
    words.add_argument("book")
    words.add_argument("--on", required=True, help="the evening, YYYY-MM-DD")
    words.add_argument("--out", required=True, help="folder of the lines")
    words.add_argument("--events", default=None)
    words.add_argument("--shards", type=int, default=200, help="parts that book and events are brought together in")
    said = words.parse_args(arguments)

    def job() -> dict[str, Any]:
        on = parse_date(said.on, "--on")
        session = spark_session("jiehuan day end", said.master)
        return close_book(session, said.book, on, said.out, said.events, said.shards)

    return run_job(job, as_json=said.as_json)


if __name__ == "__main__":
    sys.exit(main())
