"""Own-history features: point in time, and one borrower equal to the batch, on made-up and on real loans."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.profile.batch import history_frame
from jiehuan.profile.declare import declared_features
from jiehuan.profile.history import history_features, read_history
from jiehuan.units.errors import InputError

FEATURES = declared_features().of_source("history")
LOANS = [
    {"drawn_on": "2025-01-01", "due_on": "2025-02-01", "settled_on": "2025-01-30", "principal_fen": 100_000},
    {"drawn_on": "2025-03-01", "due_on": "2025-04-01", "settled_on": "2025-04-11", "principal_fen": 200_000},
    {"drawn_on": "2025-06-01", "due_on": "2025-07-01", "settled_on": "2025-07-01", "principal_fen": 300_000},
    {"drawn_on": "2025-09-01", "due_on": "2025-10-01", "principal_fen": 400_000, "outstanding_fen": 150_000},
]


def told(on: date | datetime, loans: list[dict[str, Any]] = LOANS) -> dict[str, Any]:
    return history_features(read_history(loans), on, FEATURES)


def test_features_of_a_small_history_by_hand() -> None:
    found = told(date(2025, 10, 6))
    assert found["earlier_loans"] == 4
    assert found["settled_loans"] == 3
    assert found["on_time_share_ppm"] == 666_667
    assert found["on_time_share_last3_ppm"] == 666_667
    assert found["on_time_streak"] == 1  # the newest settled one was on time, the one before was not
    assert found["worst_days_late"] == 10
    assert found["mean_lateness"] == pytest.approx((-2 + 10 + 0) / 3)
    assert found["latest_lateness"] == 0
    assert found["days_late_now"] == 5
    assert found["outstanding_fen"] == 150_000
    assert found["largest_settled_fen"] == 300_000
    assert found["latest_principal_fen"] == 400_000
    assert found["days_since_last_loan"] == 35
    assert found["days_since_settled"] == 97
    assert found["earlier_loans_90d"] == 1


def test_what_happened_later_is_not_known() -> None:
    found = told(date(2025, 4, 5))
    assert found["earlier_loans"] == 2
    assert found["settled_loans"] == 1
    assert found["days_late_now"] == 4, "due on the 1st and, as far as known on the 5th, unpaid"
    assert found["outstanding_fen"] == 200_000


def test_a_bare_date_is_known_from_the_next_day_an_instant_at_once() -> None:
    assert told(date(2025, 4, 11))["settled_loans"] == 1
    assert told(date(2025, 4, 12))["settled_loans"] == 2
    exact = [{**LOANS[1], "settled_on": "2025-04-11T09:00:00+08:00"}]
    assert told(datetime.fromisoformat("2025-04-11T09:00:01+08:00"), exact)["settled_loans"] == 1
    assert told(datetime.fromisoformat("2025-04-11T08:59:00+08:00"), exact)["settled_loans"] == 0


def test_a_newcomer_has_counts_of_nothing_and_no_shares() -> None:
    found = told(date(2025, 1, 1))
    assert (found["earlier_loans"], found["outstanding_fen"], found["on_time_streak"]) == (0, 0, 0)
    assert found["on_time_share_ppm"] is None
    assert found["worst_days_late"] is None
    assert found["days_late_now"] == 0


def test_every_mistake_in_the_records_is_told() -> None:
    with pytest.raises(InputError) as error:
        read_history([
            {"drawn_on": "2025-01-01", "due_on": "2024-01-01", "principal_fen": -5},
            {"drawn_on": "x", "due_on": "2025-02-01", "principal_fen": 1, "settled_on": "2025-13-01"},
        ])
    text = str(error.value)
    for part in ("row 1, principal_fen", "row 1, due_on", "row 2, drawn_on", "row 2, settled_on"):
        assert part in text


days = st.dates(date(2024, 1, 1), date(2026, 6, 30))


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    drawn = draw(days)
    due = drawn + timedelta(days=draw(st.integers(0, 120)))
    first = due - timedelta(days=draw(st.integers(0, (due - drawn).days)))
    settled = draw(st.one_of(st.none(), st.integers(0, 200).map(lambda n: drawn + timedelta(days=n))))
    repaid = draw(st.one_of(st.none(), st.integers(0, 100).map(lambda n: drawn + timedelta(days=n))))
    return {
        "drawn_on": drawn, "due_on": due, "first_due_on": first, "settled_on": settled, "first_repaid_on": repaid,
        "principal_fen": draw(st.integers(0, 10**7)), "outstanding_fen": draw(st.one_of(st.none(), st.integers(0, 10**6))),
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), records()), max_size=12),
    st.lists(st.tuples(st.sampled_from("abcd"), days), min_size=1, max_size=4),
)
def test_one_borrower_equals_the_batch(loans: list[tuple[str, dict[str, Any]]], asked: list[tuple[str, date]]) -> None:
    schema = {
        "borrower_id": pl.String, "drawn_on": pl.Date, "due_on": pl.Date, "first_due_on": pl.Date, "settled_on": pl.Date,
        "first_repaid_on": pl.Date, "principal_fen": pl.Int64, "outstanding_fen": pl.Int64,
    }  # fmt: skip
    frame = pl.DataFrame([{"borrower_id": who, **one} for who, one in loans], schema=schema)
    applications = pl.DataFrame(
        [{"application_id": str(n), "borrower_id": who, "at": day} for n, (who, day) in enumerate(asked)],
        schema={"application_id": pl.String, "borrower_id": pl.String, "at": pl.Date},
    )
    table = history_frame(applications, frame, FEATURES)
    for (who, day), row in zip(asked, table.iter_rows(named=True), strict=True):
        mine = [{name: value for name, value in one.items() if value is not None} for owner, one in loans if owner == who]
        assert history_features(read_history(mine), day, FEATURES) == {feature.name: row[feature.name] for feature in FEATURES}


def test_one_borrower_equals_the_batch_on_real_loans(data: Path) -> None:
    """The public micro-loans: every tenth applicant with the earlier loans, instants as recorded."""
    moment = "%Y-%m-%d %H:%M:%S%.f"
    previous = pl.read_parquet(data / "superlender" / "previous_loans.parquet")
    now = pl.read_parquet(data / "superlender" / "loans.parquet")
    loans = previous.select(
        borrower_id="customerid",
        principal_fen=(pl.col("loanamount") * 100).cast(pl.Int64),
        **{
            name: pl.col(column).str.to_datetime(moment)
            for name, column in (
                ("drawn_on", "approveddate"), ("due_on", "firstduedate"), ("settled_on", "closeddate"),
                ("first_repaid_on", "firstrepaiddate"),
            )
        },
    )  # fmt: skip
    asked = now.select(
        application_id=pl.col("systemloanid").cast(pl.String), borrower_id="customerid", at=pl.col("creationdate").str.to_datetime(moment)
    )
    table = history_frame(asked, loans, FEATURES)
    assert table.height == now.height
    by_borrower: dict[str, list[dict[str, Any]]] = {}
    for row in loans.iter_rows(named=True):
        by_borrower.setdefault(row["borrower_id"], []).append(row)
    for number in range(0, now.height, 10):
        ask, row = asked.row(number, named=True), table.row(number, named=True)
        mine = read_history(by_borrower.get(ask["borrower_id"], []))
        assert history_features(mine, ask["at"], FEATURES) == {feature.name: row[feature.name] for feature in FEATURES}


def test_the_batch_refuses_missing_columns_and_text_for_dates() -> None:
    loans = pl.DataFrame({"borrower_id": ["a"], "drawn_on": ["2025-01-01"], "due_on": ["2025-02-01"], "principal_fen": [1]})
    asked = pl.DataFrame({"application_id": ["1"], "borrower_id": ["a"], "at": [date(2025, 3, 1)]})
    with pytest.raises(InputError, match="parse it to Date"):
        history_frame(asked, loans, FEATURES)
    with pytest.raises(InputError, match="principal_fen"):
        history_frame(asked, loans.drop("principal_fen"), FEATURES)
