"""Words of the interface: money, rates, shares; and what an error may repeat."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from jiehuan.api.logs import cleaned
from jiehuan.api.shapes import Share, Yuan, YuanIn, share, spoken
from jiehuan.units.money import parse_yuan

YUAN_IN, YUAN, SHARE = TypeAdapter(YuanIn), TypeAdapter(Yuan), TypeAdapter(Share)


@given(st.integers(min_value=-(10**15), max_value=10**15))
@settings(max_examples=100)
def test_every_amount_of_the_database_is_told_exactly(fen):
    told = spoken({"amount_fen": fen})["amount"]
    assert parse_yuan(YUAN.validate_python(told), minimum=None) == fen


@pytest.mark.parametrize("text", ["-1", "1.234", "abc", "", "1e5", "NaN", "٣", "1,000", "9" * 18])
def test_a_bad_amount_is_refused(text):
    with pytest.raises(ValidationError):
        YUAN_IN.validate_python(text)


@given(st.integers(min_value=0, max_value=10**15), st.integers(min_value=0, max_value=10**15))
@settings(max_examples=100)
def test_a_share_is_exact_to_six_places(part, whole):
    told = SHARE.validate_python(share(part, whole))
    exact = Fraction(part, whole) if whole else Fraction(0)
    assert abs(Fraction(told) - exact) <= Fraction(5, 10**7)


def test_instants_are_told_in_the_zone_of_the_people():
    assert spoken({"at": datetime(2026, 1, 1, 16, tzinfo=UTC)})["at"].isoformat() == "2026-01-02T00:00:00+08:00"


@pytest.mark.parametrize(
    "secret", ["13812345678", "+86 13812345678", "11010519491231002X", "110105194912310021", "li.lei@example.com"]
)
def test_the_logs_cleaner_stars_what_looks_personal(secret):
    assert secret not in str(cleaned({"event": f"about {secret}.", "list": [f"x {secret}"], "deep": {"er": secret}}))


def test_the_logs_cleaner_leaves_figures_and_ids():
    told = {"event": "request", "ms": 12.5, "loan": "ln_01j9zk3x", "count": 12345678901, "at": "2026-06-30T12:00:00"}
    assert cleaned(told) == told
