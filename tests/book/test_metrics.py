from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from book_tapes import MAY, loan, tape

from jiehuan import book
from jiehuan.units.errors import InputError

LOANS = (
    loan("fine", 10_000),
    loan("late", 4_000, dpd=20),
    loan("bad by days", 3_000, dpd=100),
    # Restructured: 10 days late, but held at substandard in its observation period.
    loan("bad by class", 2_000, dpd=10, status="restructured") | {"class": "substandard"},
    loan("lost", 1_000, dpd=400, region="Sichuan"),
    loan("written off", 5_000, dpd=500, status="written_off"),
    loan("settled", 0, status="settled"),
)


def test_a_small_book_by_hand() -> None:
    found = book.metrics(tape(*LOANS), MAY).to_dicts()[0]
    assert found["outstanding_fen"] == 20_000  # without written off and settled
    assert (found["loans"], found["borrowers"], found["overdue_loans"]) == (5, 5, 4)
    assert found["overdue_fen"] == 400
    assert found["overdue_balance_fen"] == 10_000
    assert found["npl_fen"] == 6_000  # 3,000 + 2,000 + 1,000: classes
    assert found["npl90_fen"] == 4_000  # 3,000 + 1,000: days
    assert found["npl_ratio"] == pytest.approx(0.30)
    assert found["npl90_ratio"] == pytest.approx(0.20)
    assert [found[f"{name}_fen"] for name in ("m0", "m1", "m2", "m3", "m3_plus")] == [10_000, 6_000, 0, 0, 4_000]
    assert found["restructured_fen"] == 2_000
    assert found["written_off_fen"] == 5_000
    # 10,000 x 1 % + 4,000 x 2 % + 5,000 x 25 % + 1,000 x 100 %
    assert found["provision_fen"] == 100 + 80 + 1_250 + 1_000
    assert found["coverage_ratio"] == pytest.approx(2_430 / 6_000)
    assert found["provision_ratio"] == pytest.approx(2_430 / 20_000)
    assert found["average_rate"] == pytest.approx(0.18)


def test_groups_add_up_to_the_whole() -> None:
    whole = book.metrics(tape(*LOANS), MAY)
    parts = book.metrics(tape(*LOANS), MAY, by="region")
    assert parts["region"].to_list() == ["Sichuan", "Zhejiang"]
    for name in (column for column in whole.columns if column.endswith("_fen")):
        assert parts[name].sum() == whole[name].item(), name


def test_ratios_of_nothing_are_null_not_nan() -> None:
    found = book.metrics(tape(loan("settled", 0, status="settled", rate=None)), MAY).to_dicts()[0]
    assert found["npl_ratio"] is None
    assert found["coverage_ratio"] is None
    assert found["average_rate"] is None


def test_a_stated_provision_is_not_computed_again() -> None:
    stated = tape(*LOANS).with_columns(provision_fen=pl.lit(7, pl.Int64))
    assert book.metrics(stated, MAY)["provision_fen"].item() == 7 * 5


def test_a_foreign_book_is_provisioned_by_the_house_default() -> None:
    assert book.metrics(tape(loan("a", 10_000, lender_type="other")), MAY)["provision_fen"].item() == 100


def test_first_payment_default_is_an_unpaid_first_instalment() -> None:
    # As of 31 May: drawn 15 April, first due 15 May, 16 days ago.
    drawn = date(2026, 4, 15)
    loans = (
        loan("paid", 900, drawn_on=drawn),
        loan("unpaid", 900, dpd=16, drawn_on=drawn),
        loan("not due yet", 900, drawn_on=date(2026, 5, 15)),
        loan("old", 900, dpd=16, drawn_on=date(2025, 5, 15)),
    )
    found = book.metrics(tape(*loans), MAY).to_dicts()[0]
    assert (found["fpd_due_loans"], found["fpd_loans"], found["fpd_rate"]) == (2, 1, 0.5)


def test_an_unknown_column_to_group_by_is_refused() -> None:
    with pytest.raises(InputError, match="the tape has no such column"):
        book.metrics(tape(*LOANS), MAY, by="county")


def test_entry_rate_and_first_payment_default_from_instalments() -> None:
    instalments = pl.DataFrame(
        {
            "loan_id": ["a", "b", "b", "c", "d"],
            "n": [1, 1, 2, 3, 1],
            "due": [date(2026, 5, 1), date(2026, 5, 2), date(2026, 6, 2), date(2026, 5, 20), date(2026, 4, 30)],
            "amount_fen": [100, 200, 200, 100, 999],
            "on_time_fen": [100, 150, 0, 0, 0],
        }
    )
    first, last = date(2026, 5, 1), date(2026, 5, 31)
    # Due in May: 100 + 200 + 100; missed: 50 of b, 100 of c.
    assert book.entry_rate(instalments, first, last) == pytest.approx(150 / 400)
    assert book.first_payment_default(instalments, first, last) == pytest.approx(1 / 2)
    assert book.entry_rate(instalments, date(2027, 1, 1), date(2027, 1, 31)) is None
