"""The short ways of a decision against the long ones: terms from values, one present value in place of a search."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jiehuan.loan import METHODS, make_schedule, plain_terms, read_terms
from jiehuan.units.errors import InputError
from jiehuan.units.money import format_yuan
from jiehuan.units.rates import format_rate

VALUES = st.fixed_dictionaries({
    "lender_type": st.sampled_from(["bank", "micro_lender", "other"]),
    "principal_fen": st.one_of(st.integers(10_000, 10_000_000), st.sampled_from([0, 1, 10**12, 10**12 + 1])),
    "rate_ppm": st.integers(0, 400_000),
    "months": st.sampled_from([1, 2, 3, 6, 12, 24, 36, 600, 601]),
    "method": st.sampled_from(METHODS),
    "drawn_on": st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    "wait": st.sampled_from([None, 0, 1, 20, 31, 45, 365, 366, 400]),
    "flow": st.integers(0, 5_000_000),
})  # fmt: skip


def both(values: dict[str, Any]) -> tuple[Any, Any]:
    """The terms, or the reasons of the refusal, by the short way and by the document."""
    rest = {name: value for name, value in values.items() if name not in {"wait", "flow"}}
    due = None if values["wait"] is None else values["drawn_on"] + timedelta(days=values["wait"])
    flows = (
        (values["flow"], *[values["flow"] // 2 + 1] * (values["months"] - 1)) if values["method"] == "sculpted" else ()
    )
    document: dict[str, Any] = {
        "lender_type": values["lender_type"],
        "principal": format_yuan(values["principal_fen"]),
        "rate": format_rate(values["rate_ppm"]),
        "months": values["months"],
        "method": values["method"],
        "drawn_on": values["drawn_on"].isoformat(),
    }
    if due:
        document["first_due"] = due.isoformat()
    if flows:
        document["cashflow"] = [format_yuan(flow) for flow in flows]

    def said(make: Any) -> Any:
        try:
            return make()
        except InputError as error:
            return [problem.reason for problem in error.problems]

    return said(lambda: plain_terms(**rest, first_due=due, cashflow=flows)), said(lambda: read_terms(document))


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_terms_from_values_are_those_of_the_document(values: dict[str, Any]) -> None:
    short, long = both(values)
    assert short == long


@settings(max_examples=150, deadline=None)
@given(VALUES, st.integers(-30_000, 30_000))
def test_what_is_surely_within_is_within_and_little_else_is_left_open(values: dict[str, Any], off: int) -> None:
    short, _ = both(values)
    assume(not isinstance(short, list) and short.months <= 36)
    try:
        plan = make_schedule(short)
    except InputError:
        assume(False)
    cap = max(round(plan.apr * 1_000_000) + off, 0)
    within = plan.apr * 1_000_000 <= cap
    if plan.surely_within(cap):
        assert within
    elif within and values["wait"] != 1:
        assert cap - plan.apr * 1_000_000 < 100, "only near the cap is the rate looked for"
