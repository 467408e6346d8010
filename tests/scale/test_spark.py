"""Spark says what one machine says: the end of a day, signals over a history, signals over a stream."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from streams import replayed, some_events

sys.path.insert(0, str(Path(__file__).parents[1] / "loan"))
from random_books import random_loan

from jiehuan.loan.day_end import day_end
from jiehuan.scale.spark_day_end import close_book
from jiehuan.scale.spark_watch import watch_history, watch_stream
from jiehuan.units.errors import InputError, Refused
from jiehuan.watch import Event

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ON = date(2026, 6, 30)


def as_tables(documents: list[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Loan documents as a book and its events, what is nested as JSON text."""
    nested = ("fees", "cashflow", "terms")
    rows = [{k: json.dumps(v) if k in nested else v for k, v in one.items() if k != "events"} for one in documents]
    events = [
        {"loan_id": one["loan_id"], **{k: json.dumps(v) if k in nested else v for k, v in event.items()}}
        for one in documents
        for event in one["events"]
    ]
    return pl.DataFrame(rows, infer_schema_length=None), pl.DataFrame(events, infer_schema_length=None)


def closed(out: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(file) for file in sorted((out / "outcome=closed").glob("*.parquet"))]).sort(
        "loan_id"
    )


def refused(out: Path) -> dict[str, str]:
    files = sorted((out / "outcome=refused").glob("*.parquet"))
    rows = (
        pl.concat([pl.read_parquet(file) for file in files]) if files else pl.DataFrame({"loan_id": [], "problems": []})
    )
    return {row["loan_id"]: json.loads(row["problems"])[0]["reason"] for row in rows.iter_rows(named=True)}


def test_a_book_with_its_events_closes_as_on_one_machine(spark: SparkSession, tmp_path: Path) -> None:
    chance = random.Random(7)
    book, events = as_tables([random_loan(chance, f"L{n}") for n in range(600)])
    stranger = pl.DataFrame(
        {"loan_id": ["nobody"], "id": ["e1"], "on": ["2026-01-05"], "kind": ["repayment"], "amount": ["1.00"]}
    )
    local = day_end(book, ON, events)
    book.write_parquet(tmp_path / "book.parquet")
    pl.concat([events, stranger], how="diagonal").write_parquet(tmp_path / "events.parquet")
    told = close_book(
        spark, str(tmp_path / "book.parquet"), ON, str(tmp_path / "out"), str(tmp_path / "events.parquet"), shards=3
    )
    lines = closed(tmp_path / "out").select(local.lines.columns)
    assert lines.equals(local.lines.sort("loan_id"))
    assert refused(tmp_path / "out") == {
        **{loan.loan_id: loan.problems[0].reason for loan in local.refused}, "nobody": "not a loan of the book",
    }  # fmt: skip
    assert len(local.lines) > 300 and len(local.refused) > 50
    assert told["loans"] == len(local.lines) and told["refused"] == len(local.refused) + 1
    assert told["principal_fen"] == local.lines["principal_outstanding_fen"].sum()


def test_a_book_alone_is_mapped_as_it_lies_and_a_loan_comes_once(spark: SparkSession, tmp_path: Path) -> None:
    chance = random.Random(8)
    book, _ = as_tables([random_loan(chance, f"L{n}") for n in range(300)])
    book = book.with_columns(
        pl.when(pl.col("loan_id") == "L5").then(pl.lit("lunar")).otherwise("method").alias("method")
    )
    local = day_end(book, ON)
    book.write_parquet(tmp_path / "book.parquet")
    close_book(spark, str(tmp_path / "book.parquet"), ON, str(tmp_path / "out"))
    assert closed(tmp_path / "out").select(local.lines.columns).equals(local.lines.sort("loan_id"))
    assert refused(tmp_path / "out") == {loan.loan_id: loan.problems[0].reason for loan in local.refused}
    with pytest.raises(Refused, match="is there already"):
        close_book(spark, str(tmp_path / "book.parquet"), ON, str(tmp_path / "out"))

    pl.concat([book, book.filter(loan_id="L7")]).write_parquet(tmp_path / "twice.parquet")
    close_book(spark, str(tmp_path / "twice.parquet"), ON, str(tmp_path / "twice"), shards=2)
    assert closed(tmp_path / "twice").select(local.lines.columns).equals(local.lines.sort("loan_id"))
    assert refused(tmp_path / "twice")["L7"] == "used twice"


def test_what_is_missing_is_said(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        close_book(spark, str(tmp_path / "none.parquet"), ON, str(tmp_path / "out"))
    pl.DataFrame({"loan_id": ["a"]}).write_parquet(tmp_path / "narrow.parquet")
    with pytest.raises(InputError, match="months"):
        close_book(spark, str(tmp_path / "narrow.parquet"), ON, str(tmp_path / "out"))
    with pytest.raises(InputError, match="missing column"):
        watch_history(spark, str(tmp_path / "narrow.parquet"), str(tmp_path / "out"))


def as_frame(events: list[Event]) -> pl.DataFrame:
    return pl.DataFrame([asdict(event) | {"at": event.at.isoformat()} for event in events])


def alert_ids(out: Path) -> list[str]:
    rows = pl.concat([pl.read_parquet(file) for file in out.glob("*.parquet")])
    return sorted(rows.filter(pl.col("outcome") == "alert")["alert_id"].to_list())


def test_a_history_raises_what_one_engine_raises(spark: SparkSession, tmp_path: Path) -> None:
    events = some_events(1500)
    bad = {**asdict(events[0]), "event_id": "bad", "at": "yesterday"}
    pl.concat([as_frame(events), pl.DataFrame([bad])]).write_parquet(tmp_path / "events.parquet")
    told = watch_history(spark, str(tmp_path / "events.parquet"), str(tmp_path / "out"), shards=3)
    wanted = replayed(events)
    assert alert_ids(tmp_path / "out") == sorted(wanted)
    assert told == {"events": 1501, "alerts": len(wanted), "refused": 1}
    rows = pl.concat([pl.read_parquet(file) for file in (tmp_path / "out").glob("*.parquet")])
    assert rows.filter(pl.col("outcome") == "refused").select("event_id", "reason").rows() == [
        ("bad", "not an instant")
    ]


def test_a_stream_that_is_stopped_and_started_raises_what_one_engine_raises(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Three files come one by one; the query ends after each and goes on from its checkpoint."""
    events = sorted(some_events(900), key=lambda event: (event.account_id, event.at))
    source, out, checkpoint = tmp_path / "source", tmp_path / "out", tmp_path / "checkpoint"
    source.mkdir()
    by_time = sorted(events, key=lambda event: event.at)
    for n in range(3):
        as_frame(by_time[n * 300 : (n + 1) * 300]).write_parquet(source / f"part{n}.parquet")
        query = watch_stream(spark, str(source), str(out), str(checkpoint), shards=2, available_now=True)
        query.awaitTermination(120)
        assert query.exception() is None and not query.isActive
    assert alert_ids(out) == sorted(replayed(by_time))
