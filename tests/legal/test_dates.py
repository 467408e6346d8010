from __future__ import annotations

from datetime import date

import pytest

from jiehuan.legal import deadlines, delayed_performance_interest, limitation, read_events
from jiehuan.units.calendar import is_working_day
from jiehuan.units.errors import InputError, Refused


def dates(events: list[tuple[str, str]], **how: object) -> dict[str, date]:
    read = read_events([{"kind": kind, "on": on} for kind, on in events])
    given = {"last_due": date(2026, 2, 1), "lender_type": "bank", "procedure": "summary"} | how
    return {deadline.kind: deadline.due_on for deadline in deadlines(read, **given)}  # type: ignore[arg-type]


def test_a_suit_from_filing_to_enforcement() -> None:
    found = dates(
        [("filed", "2026-09-20"), ("docketed", "2026-09-23"), ("served", "2026-09-28"), ("judged", "2026-12-01"),
         ("final", "2026-12-31")]
    )  # fmt: skip
    assert found == {
        "docket": date(2026, 9, 28),  # the 27th is a Sunday
        "serve": date(2026, 9, 28),
        "answer": date(2026, 10, 13),
        "judgment": date(2026, 12, 22),  # 90 days
        "appeal": date(2026, 12, 16),
        "enforcement": date(2029, 1, 1),  # two years from 31 December 2026 is a Sunday; later holidays are not known
        "limitation": date(2029, 9, 20),  # the suit starts the three years anew
    }


def test_a_last_day_in_the_national_holiday_moves_behind_it() -> None:
    # 15 days after 20 September is 5 October, within the holiday of 1 to 7 October 2026.
    assert dates([("served", "2026-09-20")])["answer"] == date(2026, 10, 8)


@pytest.mark.parametrize(
    ("procedure", "days"),
    [("small_claims", date(2026, 5, 6)), ("summary", date(2026, 6, 1)), ("ordinary", date(2026, 8, 31))],
)
def test_the_time_to_judgment_is_the_procedures(procedure: str, days: date) -> None:
    # From 3 March 2026: +60 = 2 May (holiday until the 5th), +90 = 1 June, +180 = 30 August, a Sunday.
    assert dates([("docketed", "2026-03-03")], procedure=procedure)["judgment"] == days


def test_small_claims_know_no_appeal() -> None:
    assert "appeal" in dates([("judged", "2026-03-03")], procedure="summary")
    assert "appeal" not in dates([("judged", "2026-03-03")], procedure="small_claims")


def test_a_payment_order_is_enforceable_unless_objected_to() -> None:
    steps = [("order_filed", "2026-03-02"), ("order_accepted", "2026-03-04"), ("order_served", "2026-03-17")]
    found = dates(steps)
    assert (found["order_accept"], found["order_issue"]) == (date(2026, 3, 9), date(2026, 3, 19))
    assert found["order_objection"] == date(2026, 4, 1)
    assert found["enforcement"] == date(2028, 4, 3)  # 1 April 2028 is a Saturday
    assert "enforcement" not in dates([*steps, ("order_objected", "2026-03-20")])


def test_public_notice_serves_by_its_thirty_days_and_by_sixty_before_2022() -> None:
    assert dates([("public_notice", "2026-03-03")])["notice"] == date(2026, 4, 2)
    assert dates([("public_notice", "2021-03-03")])["notice"] == date(2021, 5, 6)  # 2 May is in the holiday


def test_each_date_has_its_own_article_whose_it_is_and_when_it_was_met() -> None:
    events = read_events([{"kind": "filed", "on": "2026-09-20"}, {"kind": "docketed", "on": "2026-09-23"}])
    found = {d.kind: d for d in deadlines(events, last_due=date(2026, 2, 1), lender_type="bank")}
    assert found["docket"].citation.endswith("第一百二十六条; Civil Procedure Law (as amended 2023), art. 126")
    assert found["docket"].done_on == date(2026, 9, 23)
    assert not found["docket"].late(date(2027, 1, 1))
    assert found["judgment"].whose == "court"
    assert found["judgment"].late(date(2027, 1, 1))
    old = read_events([{"kind": "filed", "on": "2022-09-20"}])
    earlier = {d.kind: d for d in deadlines(old, last_due=date(2022, 2, 1), lender_type="bank")}
    assert "第九十五条、" in earlier["docket"].citation  # the book's own, as articles were numbered otherwise


def test_unknown_events_and_dates_are_all_named() -> None:
    with pytest.raises(InputError) as refused:
        read_events([{"kind": "filled", "on": "2026-13-01"}])
    assert [problem.where for problem in refused.value.problems] == ["events 1, kind", "events 1, on"]


def test_limitation_runs_from_the_last_instalment_and_anew_from_each_interruption() -> None:
    # 12 January 2029 is a Friday; the year's holidays are not known yet.
    assert limitation(date(2026, 1, 12), [], "bank").ends_on == date(2029, 1, 12)
    found = limitation(
        date(2026, 1, 12),
        [
            (date(2025, 12, 1), "demand"),
            (date(2028, 5, 8), "demand"),
            (date(2027, 5, 4), "rumour"),
            (date(2040, 1, 1), "demand"),
        ],
        "bank",
    )
    assert found.ends_on == date(2031, 5, 8)
    assert found.counted == ((date(2028, 5, 8), "demand"),)
    assert [kind for _, kind in found.ignored] == ["demand", "rumour", "demand"]
    assert found.expired(date(2031, 5, 9))
    assert not found.expired(date(2031, 5, 8))


def test_a_promise_after_expiry_revives_the_claim_but_a_demand_does_not() -> None:
    late = date(2030, 6, 3)
    assert limitation(date(2026, 1, 12), [(late, "demand")], "bank").ends_on == date(2029, 1, 12)
    assert limitation(date(2026, 1, 12), [(late, "promise")], "bank").ends_on == date(2033, 6, 3)


def test_a_period_still_running_when_the_law_lengthened_it_is_the_longer_one() -> None:
    # Two years before October 2017, three since; from 12 January 2016 the two years were still running.
    assert limitation(date(2016, 1, 12), [], "bank").ends_on == date(2019, 1, 14)  # the 12th is a Saturday
    assert limitation(date(2015, 1, 12), [], "bank").ends_on == date(2017, 1, 12)


def test_limitation_ends_on_a_working_day() -> None:
    assert is_working_day(limitation(date(2023, 10, 3), [], "bank").ends_on)
    assert limitation(date(2023, 10, 3), [], "bank").ends_on == date(2026, 10, 8)


def test_interest_for_delay_is_exact_and_rounded_once() -> None:
    day = date(2026, 1, 10)
    # 10,000.00 x 0.0175 % x 30 days
    assert delayed_performance_interest(1_000_000, day, [], date(2026, 2, 9), "bank") == 5_250
    # 333.33 for 1 day is 0.0583..., for 3 days 0.17499...: rounded once
    assert delayed_performance_interest(33_333, day, [], date(2026, 1, 13), "bank") == 17
    # Half is paid after ten days, the rest after twenty: 10,000 x 10 + 5,000 x 10 days
    payments = [(date(2026, 1, 30), 500_000), (date(2026, 1, 20), 500_000)]
    assert delayed_performance_interest(1_000_000, day, payments, date(2026, 6, 1), "bank") == 2_625
    assert delayed_performance_interest(1_000_000, day, [], day, "bank") == 0
    with pytest.raises(Refused):
        delayed_performance_interest(1, day, [], date(2026, 2, 9), "other")
