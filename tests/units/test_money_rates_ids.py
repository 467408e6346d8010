"""Amounts, rates, dates and ids: exact where they are read, refused where they are not what they say."""

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.ids import canonical_json, derived_id, new_id
from jiehuan.units.money import MAX_FEN, format_yuan, half_up, parse_yuan
from jiehuan.units.rates import format_rate, parse_contract_rate, parse_rate


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**20))
def test_half_up_is_the_nearest_with_halves_away_from_zero(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    found = half_up(numerator, denominator)
    assert abs(found - exact) <= Fraction(1, 2)
    if abs(found - exact) == Fraction(1, 2):
        assert abs(found) > abs(exact)


def test_half_up_needs_a_positive_denominator() -> None:
    with pytest.raises(ValueError, match="positive"):
        half_up(1, 0)


@given(st.integers(-MAX_FEN, MAX_FEN))
def test_yuan_text_reads_back_to_the_fen(fen: int) -> None:
    assert parse_yuan(format_yuan(fen), minimum=None) == fen
    assert parse_yuan(Decimal(fen) / 100, minimum=None) == fen


@pytest.mark.parametrize("value", ["", "1,000", "1e3", "NaN", "0.001", "１２", True, None, float("nan"), [], "￥5", "--1"])
def test_what_is_not_an_amount_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(InputError, match="row 3, amount"):
        parse_yuan(value, "row 3, amount")


def test_floats_are_read_as_they_were_written() -> None:
    assert parse_yuan(916.8) == 91_680 and parse_yuan(0.29) == 29 and parse_yuan(1e3) == 100_000
    with pytest.raises(InputError):
        parse_yuan(0.1 + 0.2)


def test_amounts_out_of_bounds() -> None:
    with pytest.raises(InputError, match=r"below 0\.00"):
        parse_yuan("-0.01")
    with pytest.raises(InputError, match="larger than any amount"):
        parse_yuan("10000000000000.01")


@given(st.integers(0, 100_000_000))
def test_rate_text_reads_back_to_the_millionth(ppm: int) -> None:
    assert parse_rate(format_rate(ppm)) == ppm


@pytest.mark.parametrize("value", ["18%", "-0.1", "0.1234567", "nan", "", True, "1e-3", "101", None])
def test_what_is_not_a_rate_is_refused(value: object) -> None:
    with pytest.raises(InputError):
        parse_rate(value)


def test_dates_are_iso_only() -> None:
    assert parse_date(" 2024-02-29 ") == date(2024, 2, 29)
    assert parse_date(datetime(2024, 2, 29, 23, 59)) == date(2024, 2, 29)  # noqa: DTZ001 - a naive instant is a day here
    for wrong in ("2026-02-30", "20260101", "2026/01/01", "2026-1-1", "２０２６-01-01", "", None, 20260101):
        with pytest.raises(InputError, match="write YYYY-MM-DD"):
            parse_date(wrong)


def test_derived_ids_follow_their_parts_and_new_ids_their_time() -> None:
    assert derived_id("ev", "a", 1) == derived_id("ev", "a", 1) != derived_id("ev", "a", "1")
    assert derived_id("ev", "ab") != derived_id("ev", "a", "b")
    made = [new_id("ln") for _ in range(100)]
    assert len(set(made)) == 100 and all(one.startswith("ln_") and len(one) == 29 for one in made)
    assert canonical_json({"b": date(2026, 1, 1), "a": "二"}) == '{"a":"二","b":"2026-01-01"}'.encode()


def test_an_error_is_a_sentence_with_place_value_reason_and_mend() -> None:
    problem = Problem("loans.csv row 17, drawn_on", "2026-02-30", "not a date", "write YYYY-MM-DD")
    assert str(problem) == "loans.csv row 17, drawn_on '2026-02-30': not a date; write YYYY-MM-DD"
    both = InputError([problem, problem])
    assert len(both.problems) == 2 and both.exit_code == 2 and Refused("no").exit_code == 1
    assert str(Refused("no")) == "no"


@pytest.mark.parametrize("typed", ["18", "3.4", 24, 36.0])
def test_a_contract_rate_in_percent_is_refused_and_the_decimal_named(typed: object) -> None:
    with pytest.raises(InputError, match=r"above 200 %; write 0\.\d+ if [\d.]+ % is meant"):
        parse_contract_rate(typed, "rate")
    assert parse_contract_rate("2") == 2_000_000 and parse_rate("18") == 18_000_000


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("13812345678", "138****5678"),
        ("138 1234 5678,张三", "138******5678,张三"),
        ("+86 13812345678", "+86********5678"),
        ("11010519491231002X", "110*************2X"),
        ("6228 4800 0000 0000 018", "622******************18"),
        ("li.lei@example.com", "l***@example.com"),
        ("2026-02-30", "2026-02-30"),
        ("9999999999.999", "9999999999.999"),
        ("13812345678.00", "13812345678.00"),
        ("loan-001-13812345678x", "loan-001-13812345678x"),
    ],
)
def test_what_a_problem_shows_is_nobodys_number(value: str, shown: str) -> None:
    assert Problem("row 1", value, "no").value == shown == Problem("row 1", shown, "no").value
