from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from book_tapes import JUNE, loan, tape

from jiehuan import book
from jiehuan.units.errors import InputError


def test_roll_cure_and_gone_by_hand() -> None:
    before = tape(
        loan("rolls", 4_000, dpd=20), loan("cures", 3_000, dpd=20),
        loan("settles", 1_000, dpd=20), loan("jumps", 2_000, dpd=20),
        loan("current", 9_000), loan("deep", 500, dpd=200), loan("lost", 700, dpd=50), loan("sold", 800, dpd=95),
    )  # fmt: skip
    after = tape(
        loan("rolls", 4_000, dpd=50), loan("cures", 2_900), loan("settles", 0, status="settled"),
        loan("jumps", 2_000, dpd=70),
        loan("current", 8_000, dpd=5), loan("deep", 500, dpd=230), loan("sold", 800, dpd=125, status="sold"),
        loan("new", 5_000), as_of=JUNE,
    )  # fmt: skip
    found = book.roll(before, after)
    rates = {row["bucket"]: row for row in found.rates.to_dicts()}
    assert rates["M1"]["opening_fen"] == 10_000
    assert rates["M1"]["roll_rate"] == pytest.approx(0.4)  # to M2 alone
    assert rates["M1"]["worse_rate"] == pytest.approx(0.6)  # M2 and M3
    assert rates["M1"]["cure_rate"] == pytest.approx(0.4)  # back to current, or settled
    assert rates["M0"]["roll_rate"] == pytest.approx(1.0)
    assert rates["M2"]["gone_rate"] == pytest.approx(1.0)
    assert rates["M3+"]["off_rate"] == pytest.approx(800 / 1_300)
    assert rates["M3"]["roll_rate"] is None
    assert rates["M3+"]["cure_rate"] == 0
    for row in found.matrix.to_dicts():
        ends = sum(value for name, value in row.items() if name not in {"bucket", "loans", "opening_fen"})
        assert ends == row["opening_fen"]


def test_vintage_counts_months_on_book_from_the_month_of_drawing() -> None:
    drawn = date(2026, 3, 31)
    stack = tape(
        loan("a", 1_000, drawn_on=drawn, principal_fen=1_000),
        loan("b", 900, dpd=40, drawn_on=drawn, principal_fen=1_000),
        loan("a", 950, drawn_on=drawn, principal_fen=1_000, as_of=JUNE),
        loan("b", 500, drawn_on=drawn, principal_fen=1_000, as_of=JUNE),
    )  # fmt: skip
    found = book.vintage(stack, threshold=31)
    assert found.select("vintage", "mob", "loans", "lent_fen", "bad_loans", "bad_fen").rows() == [
        (date(2026, 3, 1), 2, 2, 2_000, 1, 900),
        (date(2026, 3, 1), 3, 2, 2_000, 0, 0),
    ]
    assert found["rate"].to_list() == [pytest.approx(0.45), 0]
    # Ever: b stays bad with its balance of May after it has cured.
    assert book.vintage(stack, threshold=31, ever=True)["bad_fen"].to_list() == [900, 900]
    assert book.vintage(stack, by="count", ever=True)["rate"].to_list() == [0.5, 0.5]


def test_a_loan_written_off_stays_bad_and_one_that_leaves_the_stack_stays_in_the_base() -> None:
    drawn = date(2026, 3, 1)
    stack = tape(
        loan("a", 1_000, drawn_on=drawn), loan("b", 900, dpd=80, drawn_on=drawn),
        loan("b", 900, dpd=110, drawn_on=drawn, status="written_off", as_of=JUNE),
    )  # fmt: skip
    found = book.vintage(stack, by="count")
    assert found["bad_loans"].to_list() == [1, 1]
    assert found["loans"].to_list() == [2, 2]


def test_observed_divides_by_the_loans_seen_that_month() -> None:
    drawn = date(2026, 3, 1)
    stack = tape(loan("a", 1_000, drawn_on=drawn), loan("b", 900, dpd=80, drawn_on=drawn, as_of=JUNE))
    assert book.vintage(stack, by="count", base="observed")["rate"].to_list() == [0, 1]
    assert book.vintage(stack, by="count", base="all")["rate"].to_list() == [0, 0.5]


def test_another_base_is_refused() -> None:
    with pytest.raises(InputError, match="use amount or count"):
        book.vintage(tape(loan("a", 1)), by="weight")


CODES = {"X": None, "C": None, "0": 1, "1": 31, "2": 61, "3": 91, "4": 121, "5": 151}
"""The panel's codes: 0 already means 1 to 29 days late; C is paid off, X no loan."""


@pytest.fixture(scope="module")
def panel(data: Path) -> pl.DataFrame:
    return pl.read_parquet(data / "cc_monthly_panel" / "panel.parquet")


def _snapshots(panel: pl.DataFrame) -> pl.DataFrame:
    return book.read_panel(
        panel, account="ID", month="MONTHS_BALANCE", status="STATUS", extracted=date(2020, 1, 31), dpd=CODES
    )


def test_the_card_panel_rolls_as_counted_by_hand(panel: pl.DataFrame) -> None:
    # An independent count: pairs of neighbouring months by plain dictionaries.
    status = {(account, month): code for account, month, code in panel.iter_rows()}
    pairs = [
        (code, status[account, month + 1])
        for (account, month), code in status.items()
        if (account, month + 1) in status
    ]
    late = [after for before, after in pairs if before == "0"]
    rates = {row["bucket"]: row for row in book.roll_months(_snapshots(panel)).rates.to_dicts()}
    assert rates["M0"]["opening_fen"] == 0  # no code of this panel means current with a balance
    assert rates["M1"]["opening_fen"] == len(late)
    assert rates["M1"]["roll_rate"] == pytest.approx(late.count("1") / len(late))
    assert rates["M1"]["cure_rate"] == pytest.approx((late.count("C") + late.count("X")) / len(late))


def test_the_card_panel_ages_monotonically_once_bad_stays_bad(panel: pl.DataFrame) -> None:
    found = book.vintage(_snapshots(panel), threshold=31, by="count", ever=True)
    assert found["mob"].min() == 0
    assert (found["vintage"].dt.year() >= 2015).all()
    for _, curve in found.group_by("vintage"):
        bad = curve.sort("mob")["bad_loans"].to_list()
        assert bad == sorted(bad)
    assert found["bad_loans"].max() > 5


def test_a_panel_code_without_meaning_is_refused(panel: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="has no meaning"):
        book.read_panel(
            panel, account="ID", month="MONTHS_BALANCE", status="STATUS", extracted=date(2020, 1, 31), dpd={"X": None}
        )


def test_a_roll_goes_from_an_earlier_to_a_later_day() -> None:
    may, june = tape(loan("a", 100)), tape(loan("a", 90), as_of=JUNE)
    for pair, said in (((june, may), "give the earlier tape first"), ((may, may), "is not after"),
                       ((pl.concat([may, june]), june), "give one snapshot")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            book.roll(*pair)


def test_one_snapshot_alone_rolls_nowhere(cli) -> None:
    alone = cli("book", "roll", Path(__file__).parents[2] / "examples" / "book" / "may.csv")
    assert alone.returncode == 2 and "give the later tape too, or a stack of snapshots" in alone.stderr
