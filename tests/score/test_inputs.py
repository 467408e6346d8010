"""A row and a column are read alike: numbers, categories, dates and what is missing; wrong types are refused by name."""

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.score.dates import written_format
from jiehuan.score.inputs import Input
from jiehuan.units.errors import InputError

dates = st.dates(date(1930, 1, 1), date(2090, 12, 31))
moments = st.builds(
    lambda day, second: datetime.combine(day, time.min) + timedelta(seconds=second), dates, st.integers(0, 86_399)
)


def both(one: Input, frame: pl.DataFrame) -> tuple[list[Any], list[Any]]:
    """The feature of every row, read as a column and row by row; NaN as None so that they compare."""
    column = one.read_texts(frame).to_list() if one.is_category else one.read_numbers(frame).tolist()
    rows = [one.row_reader()(row) for row in frame.iter_rows(named=True)]
    return [[None if value != value else value for value in side] for side in (column, rows)]  # type: ignore[return-value]


def column(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.one_of(st.none(), values))


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(
        column(st.floats()),
        column(st.integers(-(2**53), 2**53)),
        column(st.booleans()),
        column(st.decimals(-1000, 1000, places=2)),
    )
)
def test_numbers(values: list[Any]) -> None:
    column, rows = both(Input("x", "x", "number"), pl.DataFrame({"x": values}))
    assert column == rows


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(
        st.lists(st.one_of(st.none(), st.text(max_size=4))),
        st.lists(st.one_of(st.none(), st.booleans())),
        st.lists(st.one_of(st.none(), st.integers(-99, 99))),
    )
)
def test_categories(values: list[Any]) -> None:
    column, rows = both(Input("x", "x", "category"), pl.DataFrame({"x": values}))
    assert column == rows
    known = Input("x.known", "x", "known")
    column, rows = both(known, pl.DataFrame({"x": values}))
    assert column == rows


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.one_of(st.none(), moments), st.one_of(st.none(), moments)), min_size=1, max_size=8),
    st.sampled_from(["", "%Y-%m-%d %H:%M:%S%.f"]),
)
def test_dates_and_the_days_before(values: list[tuple[datetime | None, datetime | None]], written: str) -> None:
    frame = pl.DataFrame(
        {"born": [pair[0] for pair in values], "at": [pair[1] for pair in values]},
        schema={"born": pl.Datetime("us"), "at": pl.Datetime("us")},
    )
    if written:
        frame = frame.with_columns(pl.col("born", "at").dt.strftime("%Y-%m-%d %H:%M:%S.000000"))
    for reading in ("hour", "weekday", "month_day"):
        column, rows = both(Input(f"born.{reading}", "born", reading, written), frame)
        assert column == rows
    for reading in ("days_before", "years_before"):
        column, rows = both(Input(f"born.{reading}", "born", reading, written, "at", written), frame)
        assert column == rows
        column, rows = both(Input(f"born.{reading}", "born", reading, written, reference="2026-01-01T00:00:00"), frame)
        assert column == rows


def test_age_by_hand() -> None:
    one = Input("born.years_before", "born", "years_before", "%Y-%m-%d", "applied")
    row = {"born": "1990-07-01", "applied": date(2026, 7, 1)}
    assert one.row_reader()(row) == pytest.approx(36.0, abs=0.01)
    assert math.isnan(one.row_reader()({"born": None, "applied": date(2026, 7, 1)}))  # type: ignore[arg-type]


def test_iso_texts_are_read_where_the_fit_had_real_dates() -> None:
    one = Input("at.hour", "at", "hour")
    assert one.row_reader()({"at": "2026-07-01T13:30:00+08:00"}) == 13.0
    assert one.read_numbers(pl.DataFrame({"at": ["2026-07-01 13:30:00"]})).tolist() == [13.0]


@pytest.mark.parametrize(
    ("reading", "value"),
    [
        ("number", "12"),
        ("number", date(2026, 1, 1)),
        ("number", [1]),
        ("category", 1.5),
        ("category", [1]),
        ("hour", "not a date"),
        ("hour", 5),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(reading: str, value: Any) -> None:
    with pytest.raises(InputError, match="salary"):
        Input("salary", "salary", reading).row_reader()({"salary": value})


def test_whole_numbers_are_read_as_dates_where_the_fit_did() -> None:
    one = Input("at.weekday", "at", "weekday", "%Y%m%d")
    assert both(one, pl.DataFrame({"at": [20260701, None]})) == [[3.0, None], [3.0, None]]


def test_a_decimal_is_a_number() -> None:
    assert Input("x", "x", "number").row_reader()({"x": Decimal("3.50")}) == 3.5
    assert Input("x", "x", "number").row_reader()({"x": np.int32(3)}) == 3.0


def test_a_bad_date_in_a_column_is_refused_with_its_row() -> None:
    with pytest.raises(InputError, match=r"row 2 '2026-13-01'.*%Y-%m-%d"):
        Input("at.hour", "at", "hour", "%Y-%m-%d").read_numbers(pl.DataFrame({"at": ["2026-01-01", "2026-13-01"]}))


@pytest.mark.parametrize(
    ("texts", "written"),
    [
        (["2026-01-31", None, "2025-12-01"], "%Y-%m-%d"),
        (["2017-07-25 08:22:56.000000", "2017-07-05 17:04:41.123456"], "%Y-%m-%d %H:%M:%S%.f"),
        (["2026/01/31"], "%Y/%m/%d"),
        (["20260131"], "%Y%m%d"),
        (["99999999"], ""),  # a number, no date
        (["12345678", "20260131"], ""),
        (["2026-01-31", "soon"], ""),
        ([None, ""], ""),
        (["clerk"], ""),
    ],
)
def test_written_dates_are_recognised(texts: list[str | None], written: str) -> None:
    assert written_format(pl.Series("x", texts, pl.String)) == written


def test_an_input_survives_json_and_unknown_readings_are_refused() -> None:
    one = Input("born.years_before", "born", "years_before", "%Y-%m-%d", "applied", "%Y-%m-%d")
    assert Input.from_document(one.as_document()) == one
    with pytest.raises(InputError, match="reading"):
        Input.from_document({"name": "x", "column": "x", "reading": "eval"})
    with pytest.raises(InputError, match="reading"):
        Input.from_document({"name": "x", "column": "x", "reading": "number", "code": "1"})
