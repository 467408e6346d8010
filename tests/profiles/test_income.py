"""Income from bank flow against planted truth: error, interval, and what must never count as income."""

from __future__ import annotations

import statistics
from datetime import date, timedelta
from itertools import pairwise

import pytest
from tests.profiles.flows import Person, mixed, rider, salaried

from jiehuan.profile.income import IncomeReport, read_flow, verify_income
from jiehuan.units.errors import InputError


def report(person: Person, declared: int | None = None, holder: str = "") -> IncomeReport:
    return verify_income(read_flow(person.flow()), declared, holder)


@pytest.mark.parametrize(("people", "median_error", "covered"), [(salaried, 0.02, 0.8), (rider, 0.06, 0.8), (mixed, 0.03, 0.8)])
def test_verified_income_is_near_the_planted_one(people, median_error, covered) -> None:  # type: ignore[no-untyped-def]
    errors, inside = [], []
    for seed in range(40):
        person = people(seed)
        found = report(person)
        errors.append(abs(found.verified_fen - person.truth) / person.truth)
        inside.append(found.low_fen <= person.truth <= found.high_fen)
    assert statistics.median(errors) < median_error, errors
    assert max(errors) < 0.25, errors
    assert sum(inside) / len(inside) >= covered


def test_the_pay_day_is_found_though_weekends_move_it() -> None:
    for day in (5, 10, 25, 31):
        found = report(Person(day, months=9).salary(800_000, day).spending())
        assert found.pay_day is not None
        assert min(abs(found.pay_day - day), 31 - abs(found.pay_day - day)) <= 2, (day, found.pay_day)


def test_a_salary_paid_before_a_holiday_leaves_no_month_empty() -> None:
    rows = [("2026-01-31", 1), ("2026-02-28", 1), ("2026-03-31", 1), ("2026-04-30", 1), ("2026-05-31", 1), ("2026-07-01", 1), ("2026-07-30", 1)]
    flow = [{"date": day, "amount": "7000", "counterparty": "甲公司", "description": "工资"} for day, _ in rows]
    source = verify_income(read_flow(flow)).sources[0]
    assert [fen for _, fen in source.periods] == [700_000] * 7


def test_loans_refunds_redemptions_and_own_transfers_are_no_income() -> None:
    person = Person(3).loan(800_000).refund().own_transfers()
    day = person.start + timedelta(days=30)
    person.add(person.at(day), 5_000_000, "某某基金", "货币基金赎回")
    found = report(person)
    assert found.verified_fen == 0
    assert set(found.excluded_fen) == {"loan", "refund", "own", "investment"}


def test_a_transfer_from_the_holders_own_name_is_an_own_transfer() -> None:
    person = Person(4, months=6).salary(900_000, party="张三", text="工资", counts=False)
    assert report(person).verified_fen > 0
    assert report(person, holder="张三").verified_fen == 0


def test_a_salary_that_goes_back_to_its_payer_is_a_circle_whatever_it_is_called() -> None:
    person = Person(5).circle(800_000, party="某某科技有限公司", text="工资", times=1).spending()
    found = report(person)
    assert found.verified_fen == 0
    assert found.circular_share_ppm > 900_000
    assert any(one.code == "circular" for one in found.warnings)


def test_a_ring_over_two_strangers_is_found_and_a_swept_salary_is_not() -> None:
    found = report(Person(6).ring(500_000))
    assert found.excluded_fen["circular"] > 0
    assert found.verified_fen == 0
    swept = Person(7).salary(700_000, noise=0.0)
    for at, fen, *_ in list(swept.rows):
        swept.add(at + timedelta(hours=2), -fen, "另一银行", "转账")
    assert report(swept).verified_fen == pytest.approx(700_000, rel=0.01)


def test_family_support_and_gifts_do_not_count() -> None:
    found = report(Person(8, months=9).family().gifts())
    assert found.verified_fen == 0
    assert found.excluded_fen["irregular"] > 0


def test_an_unlabelled_salary_from_a_company_counts_from_the_third_month_on() -> None:
    assert report(Person(9, months=6).salary(650_000, text="转账")).verified_fen == pytest.approx(650_000, rel=0.05)
    assert report(Person(9, months=2).salary(650_000, text="转账")).verified_fen == 0


def test_a_bonus_is_told_and_not_counted_on() -> None:
    person = Person(10, months=9).salary(800_000, bonus=2.0, noise=0.01)
    found = report(person)
    assert found.verified_fen < 800_000 * 1.1
    assert found.sources[0].bonus_fen > 500_000


def test_a_stopped_salary_is_no_income_and_a_new_job_is() -> None:
    change = date(2026, 5, 1)
    stopped = report(Person(11, months=6).salary(800_000, until=change).spending())
    assert stopped.verified_fen == 0
    assert [one.code for one in stopped.warnings if one.code == "stopped"]
    moved = report(Person(11, months=6).salary(800_000, until=change).salary(950_000, since=change, party="乙公司"))
    assert moved.verified_fen == pytest.approx(950_000, rel=0.05)


def test_declared_income_beyond_the_flow_is_told() -> None:
    person = Person(12).salary(600_000)
    assert not [one for one in report(person, 620_000).warnings if one.code == "overstated"]
    assert [one for one in report(person, 1_500_000).warnings if one.code == "overstated"]
    assert report(person, 1_200_000).shown_ppm == pytest.approx(500_000, rel=0.05)


def test_debts_are_named_once_by_lender_and_their_service_is_a_month() -> None:
    person = Person(13, months=6).salary(900_000).loan(600_000, 6).loan(1_200_000, 12, "深圳前海微众银行股份有限公司", "微粒贷")
    debts = report(person).obligations
    assert debts.open_lenders == ("微众", "蚂蚁")
    assert debts.monthly_fen == pytest.approx(600_000 / 6 * 1.1 + 1_200_000 / 12 * 1.1, rel=0.05)


def test_debts_paid_by_new_debts_are_told() -> None:
    person = Person(14, months=4).salary(500_000)
    for n, (party, word) in enumerate([("甲消费金融", "借款"), ("乙小额贷款", "借款"), ("丙小贷", "借款")]):
        for month in person.each_month(6 + n):
            person.add(person.at(month), 300_000, party, f"{word}放款")
            person.add(person.at(month + timedelta(days=9)), -310_000, party, f"{word}还款")
    assert "debt_by_debt" in [one.code for one in report(person).warnings]


def test_an_edited_flow_shows_where_the_balance_breaks() -> None:
    rows = Person(15).salary(700_000).spending().flow()
    assert read_flow(rows).balance_breaks == ()
    assert read_flow(list(reversed(rows))).balance_breaks == (), "newest first is as good"
    rows[20]["amount_fen"] += 100_000
    assert len(read_flow(rows).balance_breaks) == 1
    assert "balance_breaks" in [one.code for one in verify_income(read_flow(rows)).warnings]


def test_more_months_never_widen_the_interval_much() -> None:
    widths = [report(Person(16, months=n).salary(800_000)).high_fen - report(Person(16, months=n).salary(800_000)).low_fen for n in (3, 6, 12)]
    assert all(later < earlier * 1.5 for earlier, later in pairwise(widths))


def test_seasons_are_seen_only_with_a_year_of_flow() -> None:
    assert report(Person(17, months=9).salary(800_000)).seasons == {}
    person = Person(18, start=date(2025, 1, 1), months=14)
    for pay in person.each_month(10):
        person.add(person.at(pay), 400_000 if pay.month == 2 else 800_000, "农产品公司", "工资")
    seasons = report(person).seasons
    assert set(seasons) == set(range(1, 13))
    assert seasons[2] < 800_000 < seasons[6]


def test_bad_rows_are_told_and_the_good_ones_kept() -> None:
    rows = Person(19).salary(700_000).flow()
    rows[1]["amount_fen"] = "abc"
    rows[2] = {"at": "2026-02-30", "amount": "1.234"}
    rows.append({"at": "2026-03-01", "amount": "5", "direction": "sideways"})
    rows.append("not a row")
    flow = read_flow(rows)
    assert len(flow.transactions) == len(rows) - 4
    told = [problem.where for problem in flow.refused]
    assert told == [
        "bank_flow row 2, amount_fen", "bank_flow row 3, at", "bank_flow row 3, amount", "bank_flow row 7, direction", "bank_flow row 8",
    ] or len(told) == 5  # fmt: skip
    assert all(problem.mend for problem in flow.refused)


def test_signs_and_directions_of_banks_are_understood() -> None:
    rows = [
        {"date": "2026-01-10", "amount": "+7,000.00", "counterparty": "甲公司", "description": "工资"},
        {"date": "2026-01-11", "amount": "¥100", "direction": "支", "counterparty": "商店"},
        {"date": "2026/01/12 08:00:00", "amount": -5, "counterparty": "商店"},
    ]
    flow = read_flow(rows)
    assert [one.amount_fen for one in flow.transactions] == [700_000, -10_000, -500]
    assert flow.refused == ()


def test_a_flow_without_a_good_row_is_refused() -> None:
    with pytest.raises(InputError, match="no transactions"):
        read_flow([])
    with pytest.raises(InputError, match="row 1"):
        read_flow([{"at": "x", "amount": "y"}])


def test_nothing_at_or_after_the_moment_is_known() -> None:
    person = Person(20, months=9).salary(700_000)
    flow = read_flow(person.flow())
    cut = date(2026, 5, 1)
    from jiehuan.profile.history import moment_of

    before = flow.before(moment_of(cut))
    assert max(one.at.date() for one in before.transactions) < cut
    again = verify_income(before)
    longer = read_flow([*person.flow(), {"date": "2026-09-01", "amount": "99999", "counterparty": "杭州云帆网络科技有限公司", "description": "工资"}])
    assert verify_income(longer.before(moment_of(cut))) == again
