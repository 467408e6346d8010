"""What a model may see: ids, constants, free text and later dates stay out, dates become ages and parts, all with a word why."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from jiehuan.score.columns import plan_columns
from jiehuan.score.settings import read_settings
from jiehuan.score.words import sounds_like

HOW = read_settings()
ROWS = 400


def looked_at(columns: dict[str, Any], time: str | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """(feature to reading, column to the first finding's code and text)."""
    frame = pl.DataFrame(columns)
    plan = plan_columns(frame, [name for name in frame.columns if name != time], time, HOW)
    found: dict[str, str] = {}
    for one in plan.findings:
        found.setdefault(one.column, f"{one.code}: {one.en}")
    return {one.name: one.reading for one in plan.inputs}, found


def test_a_real_lenders_table(lender: pl.DataFrame) -> None:
    plan = plan_columns(
        lender, [name for name in lender.columns if name not in ("good_bad_flag", "creationdate")], "creationdate", HOW
    )
    assert [one.name for one in plan.inputs] == ["loannumber", "loanamount", "totaldue", "termdays", "referredby.known"]
    assert plan.borrower == "customerid"
    codes = {one.column: one.code for one in plan.findings}
    assert codes == {
        "customerid": "excluded",
        "systemloanid": "excluded",
        "approveddate": "leak",
        "referredby": "excluded",
    }


def test_ids_constants_empties_and_odd_types_are_left_out() -> None:
    random = np.random.default_rng(1)
    kept, found = looked_at({
        "loan_id": np.arange(1000, 1000 + ROWS), "serial": np.arange(ROWS)[::-1], "uuid": [f"{value:x}" for value in random.integers(0, 2**60, ROWS)],
        "comment": [f"text {place}" for place in range(ROWS)], "same": ["x"] * ROWS, "one": [1.0] * ROWS, "nothing": [None] * ROWS,
        "list": [[1]] * ROWS, "income": random.integers(1000, 10**7, ROWS), "shop_id": random.integers(0, 5, ROWS), "flag": random.random(ROWS) < 0.5,
        "amount_text": [f"{value:.2f}" for value in np.repeat(random.random(ROWS // 4), 4)],
    })  # fmt: skip
    assert kept == {"income": "number", "shop_id": "number", "flag": "number"}
    assert set(found) == {"loan_id", "serial", "uuid", "comment", "same", "one", "nothing", "list", "amount_text"}
    assert all(text.startswith("excluded") for text in found.values())
    assert "numbers written as text" in found["amount_text"]


def test_a_constant_beside_missing_values_still_tells_something() -> None:
    kept, _ = looked_at(
        {"seen": [1.0] * (ROWS // 2) + [None] * (ROWS // 2), "told": ["yes"] * (ROWS // 2) + [None] * (ROWS // 2)}
    )
    assert kept == {"seen": "number", "told": "category"}


def test_dates_with_the_applications_date() -> None:
    start = date(2025, 1, 1)
    applied = [start + timedelta(days=place % 300) for place in range(ROWS)]
    kept, found = looked_at({
        "applied": applied,
        "born": [date(1970 + place % 30, 5, 5) for place in range(ROWS)],
        "last_login": [day - timedelta(days=place % 40) for place, day in enumerate(applied)],
        "closed_on": [day + timedelta(days=30) for day in applied],
        "sometimes_later": [day + timedelta(days=5 if place % 20 == 0 else -5) for place, day in enumerate(applied)],
    }, "applied")  # fmt: skip
    assert kept["born.years_before"] == "years_before"
    assert kept["last_login.days_before"] == "days_before"
    assert not [name for name in kept if name.startswith(("closed_on", "sometimes_later"))]
    assert found["closed_on"].startswith("leak: lies after applied in 100.0%")
    assert found["sometimes_later"].startswith("leak: lies after applied in 5.0%")


def test_dates_without_the_applications_date() -> None:
    kept, found = looked_at({
        "born": [f"{1960 + place % 40}-05-{1 + place % 28:02d}" for place in range(ROWS)],
        "seen_at": [f"2025-{1 + place % 12:02d}-01 {place % 24:02d}:00:00" for place in range(ROWS)],
    })  # fmt: skip
    assert kept == {
        "born.years_before": "years_before",
        "seen_at.hour": "hour",
        "seen_at.weekday": "weekday",
        "seen_at.month_day": "month_day",
    }
    assert "2025-12-01" in found["born"]
    assert found["seen_at"].startswith("date")


def test_dates_written_as_whole_numbers_are_dates() -> None:
    days = [20250101 + place % 28 for place in range(ROWS)]
    kept, _ = looked_at({"applied": days, "opened": [19990101 + place % 28 for place in range(ROWS)]}, "applied")
    assert kept["opened.years_before"] == "years_before"
    kept, _ = looked_at({"amount": [20_250_199 + place % 50 for place in range(ROWS)]})  # 32 January: amounts after all
    assert kept == {"amount": "number"}


def test_repeated_ids_are_counted() -> None:
    _, found = looked_at(
        {
            "customer_id": [f"c{place}" for place in range(ROWS - 10)] + [f"c{place}" for place in range(10)],
            "x": np.arange(ROWS) % 7,
        }
    )
    assert found["customer_id"].startswith("excluded: names the borrower")
    frame = pl.DataFrame({"loan_id": [*range(ROWS - 10), *range(10)]})
    plan = plan_columns(frame, ["loan_id"], None, HOW)
    assert [one.figure for one in plan.findings if one.code == "duplicate"] == [10.0]


def test_many_categories_are_kept_with_a_warning() -> None:
    values = [f"k{place % 150}" for place in range(3000)] + [f"r{place}" for place in range(300)]
    kept, found = looked_at({"shop": values})
    assert kept == {"shop": "category"}
    assert found["shop"].startswith("categories: 450 categories; the 200 most frequent")


@pytest.mark.parametrize(
    ("name", "topic", "yes"),
    [
        ("customerid", "borrower", True), ("loanNo", "id", True), ("身份证号", "id", True), ("idle", "id", False),
        ("grid", "id", False), ("closeddate", "outcome", True), ("max_dpd", "outcome", True), ("prev_max_dpd", "outcome", False),
        ("poutcome", "outcome", False), ("实际还款日", "outcome", True), ("历史逾期天数", "outcome", False), ("SEX", "protected", True),
        ("sextant", "protected", False), ("民族", "protected", True), ("pay_0", "outcome", False),
    ],
)  # fmt: skip
def test_names(name: str, topic: str, yes: bool) -> None:
    assert sounds_like(name, topic) is yes
