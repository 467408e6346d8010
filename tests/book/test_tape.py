from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from book_tapes import JUNE, MAY, loan, tape

from jiehuan import book
from jiehuan.units.errors import InputError


def test_a_bad_row_is_named_and_left_out_and_the_good_ones_stay() -> None:
    rows = [
        loan("good", 500),
        loan("negative", -5) | {"principal_fen": 1000},
        loan("status", 5, status="actve"),
        loan("class", 5) | {"class": "fine"},
        loan("future", 5, drawn_on=date(2026, 6, 1)),
        loan("good", 700),
    ]
    good, problems = book.read_tape(pl.DataFrame(rows), "t.csv")
    assert good["loan_id"].to_list() == ["good"]
    assert good["outstanding_fen"].to_list() == [500]
    assert [problem.where for problem in problems] == [
        "t.csv row 2, outstanding_fen",
        "t.csv row 3, status",
        "t.csv row 4, class",
        "t.csv row 5, drawn_on",
        "t.csv row 6, loan_id",
    ]
    assert problems[1].value == "actve"


def test_the_first_good_row_of_a_doubled_loan_is_kept_not_a_broken_one() -> None:
    good, problems = book.read_tape(pl.DataFrame([loan("a", 5) | {"dpd": -1}, loan("a", 7)]))
    assert good["outstanding_fen"].to_list() == [7]
    assert [problem.where for problem in problems] == ["tape row 1, dpd"]


def test_text_columns_of_a_csv_are_read_and_wrong_dates_named() -> None:
    frame = pl.DataFrame([loan("a", 5), loan("b", 6)]).with_columns(pl.col("as_of", "drawn_on", "dpd").cast(pl.String))
    frame = frame.with_columns(as_of=pl.Series(["2026-05-31", "2026-02-30"]))
    good, problems = book.read_tape(frame)
    assert good["loan_id"].to_list() == ["a"]
    assert (problems[0].value, problems[0].reason) == ("2026-02-30", "is missing or not a date (YYYY-MM-DD)")


def test_missing_columns_are_all_named_with_the_near_ones() -> None:
    frame = pl.DataFrame([loan("a", 5)]).rename({"dpd": "dpds"}).drop("status")
    with pytest.raises(InputError) as refused:
        book.read_tape(frame)
    assert [str(problem) for problem in refused.value.problems] == [
        "tape, column dpd: is missing; is 'dpds' meant?",
        "tape, column status: is missing; add a column status",
    ]


def test_a_tape_without_one_good_row_is_refused() -> None:
    with pytest.raises(InputError, match="dpd"):
        book.read_tape(pl.DataFrame([loan("a", 5) | {"dpd": -1}]))


def test_at_takes_the_latest_snapshot_not_after_the_day() -> None:
    stack = tape(loan("a", 5), loan("a", 4, as_of=JUNE))
    assert book.at(stack, date(2026, 6, 29))["as_of"].to_list() == [MAY]
    assert book.at(stack, date(2027, 1, 1))["as_of"].to_list() == [JUNE]
    with pytest.raises(InputError, match="the tape begins on 2026-05-31"):
        book.at(stack, date(2026, 5, 30))


@pytest.mark.parametrize(
    ("dpd", "bucket"),
    [(0, "M0"), (1, "M1"), (30, "M1"), (31, "M2"), (60, "M2"), (61, "M3"), (90, "M3"), (91, "M3+"), (4000, "M3+")],
)
def test_buckets_change_at_their_days(dpd: int, bucket: str) -> None:
    assert pl.DataFrame({"dpd": [dpd]}).select(book.bucket()).item() == bucket


@pytest.mark.parametrize(
    ("dpd", "name"),
    [
        (0, "normal"),
        (1, "special_mention"),
        (90, "special_mention"),
        (91, "substandard"),
        (271, "doubtful"),
        (361, "loss"),
    ],
)
def test_classes_follow_the_law_book(dpd: int, name: str) -> None:
    assert pl.DataFrame({"dpd": [dpd]}).select(book.classify("dpd", MAY, "bank")).item() == name
