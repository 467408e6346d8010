"""One loan told by hand: each figure with its derivation. Loan A: 10,000.00 at 18 % over 12, drawn 2025-12-15."""

from datetime import date

import pytest

from jiehuan.loan import read_events, read_terms, replay
from jiehuan.units.errors import InputError, Refused

A = {
    "lender_type": "other", "principal": "10000", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": "2025-12-15", "penalty_uplift": "0.5",
}  # fmt: skip


def state(events, on, **change):
    return replay(read_terms(A | change), read_events(events), date.fromisoformat(on))


def pay(on, amount, name="", **more):
    return {"id": name or f"p{on}", "on": on, "kind": "repayment", "amount": amount, **more}


def test_nothing_is_owed_before_the_first_due_date_and_everything_on_it():
    before = state([], "2026-01-14")
    assert (before.interest_due_fen, before.dpd, before.overdue_fen) == (0, 0, 0)
    due = state([], "2026-01-15")
    assert (due.interest_due_fen, due.dpd, due.overdue_fen, due.principal_outstanding_fen) == (150_00, 0, 0, 10_000_00)
    late = state([], "2026-01-16")
    assert (late.dpd, late.overdue_fen, late.bucket, late.loan_class) == (1, 916_80, "M1", "special_mention")


def test_penalty_total_is_rounded_once_not_daily():
    """333.33 overdue at 0.05 % a day: 333.33 × 0.0005 × 30 = 4.99995 → 5.00; rounding each day would say 0.17 × 30 =
    5.10."""
    terms = {**A, "principal": "333.33", "rate": "0.1825", "months": 1, "penalty_uplift": "0"}
    found = replay(read_terms(terms), (), date(2026, 2, 14))
    assert found.penalty_due_fen == 5_00
    assert found.schedule[0].penalty_fen == 5_00


def test_penalty_is_on_principal_only_unless_the_product_compounds():
    """30 days on 766.80 at 27 %: 766.80 × 0.27 × 30 / 365 = 17.0166; on 916.80: 20.3454."""
    assert state([], "2026-02-14").penalty_due_fen == 17_02
    assert state([], "2026-02-14", compound=True).penalty_due_fen == 20_35


def test_penalty_rate_is_limited_by_the_cap_of_the_day_of_drawing():
    """18 % × 1.5 = 27 % is above the cap of 24 %: 766.80 × 0.24 × 30 / 365 = 15.1259. Before the cap's day it is 27
    %."""
    capped = {"lender_type": "bank", "calendar": "none"}
    assert state([], "2026-02-14", **capped).penalty_due_fen == 15_13
    assert state([], "2025-10-30", drawn_on="2025-08-31", **capped).penalty_due_fen == 17_02


def test_fees_take_room_from_the_penalty_under_the_cap():
    fees = [{"on": "2025-12-15", "amount": "100"}]
    found = state([], "2026-02-14", lender_type="bank", calendar="none", fees=fees)
    assert 766_80 * 0.18 * 30 / 365 < found.penalty_due_fen < 15_13


def test_a_price_above_the_cap_is_refused_with_the_article():
    with pytest.raises(Refused) as told:
        state([], "2026-02-14", lender_type="bank", rate="0.240001")
    assert "金规〔2025〕9号" in told.value.problems[0].citation
    state([], "2026-02-14", lender_type="bank", rate="0.24")
    state([], "2025-11-14", lender_type="bank", rate="0.36", drawn_on="2025-09-30")
    with pytest.raises(Refused):
        state([], "2026-02-14", lender_type="bank", rate="0.23", fees=[{"on": "2025-12-15", "amount": "100"}])


def test_a_penalty_uplift_above_the_lawful_range_is_refused():
    with pytest.raises(Refused, match="penalty_uplift"):
        state([], "2026-02-14", lender_type="bank", penalty_uplift="0.51")


def test_paid_by_the_next_working_day_is_paid_in_time():
    """Due Sunday 2026-02-15 inside the Spring Festival: pay_by is Tuesday 2026-02-24. Unpaid on the 25th it is 10 days
    late."""
    bank = {"lender_type": "bank", "drawn_on": "2026-01-15"}
    for on in ("2026-02-15", "2026-02-24"):
        found = state([], on, **bank)
        assert (found.dpd, found.penalty_due_fen, found.overdue_fen) == (0, 0, 0)
    late = state([], "2026-02-25", **bank)
    assert late.dpd == 10 and late.schedule[0].due == date(2026, 2, 15)
    assert late.penalty_due_fen == round(766_80 * 0.24 * 10 / 365)
    paid = state([pay("2026-02-24", "916.80")], "2026-03-01", **bank)
    assert (paid.dpd, paid.penalty_due_fen, paid.principal_outstanding_fen) == (0, 0, 9_233_20)


def test_a_part_paid_in_the_days_of_grace_bears_no_penalty():
    """Of 766.80 principal 466.80 + all interest are paid on the 20th; the 300.00 left bear 10 days on the 25th."""
    found = state([pay("2026-02-20", "616.80")], "2026-02-25", lender_type="bank", drawn_on="2026-01-15")
    assert found.penalty_due_fen == round(300_00 * 0.24 * 10 / 365)


def test_a_partial_payment_does_not_reset_dpd():
    found = state([pay("2026-02-10", "900")], "2026-02-14")
    assert found.dpd == 30


def test_allocation_costs_penalty_interest_principal():
    """On 2026-02-14: fee 5.00, penalty 17.02, interest 150.00; of 200.00 the rest, 27.98, repays principal."""
    found = state([pay("2026-02-14", "200")], "2026-02-14", fees=[{"on": "2026-01-20", "amount": "5"}])
    last = found.movements[-1]
    assert dict(last.amounts) == {
        "cash": 200_00,
        "costs": -5_00,
        "penalty": -17_02,
        "interest": -150_00,
        "principal": -27_98,
    }


def test_interest_of_all_due_instalments_comes_before_principal_by_default():
    """Two instalments open (interest 150.00 and 138.50), 1,000.00 paid on 2026-02-15 with 31 days of penalty."""
    penalty = round(766_80 * 0.27 * 31 / 365)
    found = state([pay("2026-02-15", "1000")], "2026-02-15")
    assert found.movements[-1].amounts["interest"] == -288_50
    assert found.movements[-1].amounts["principal"] == -(1_000_00 - 288_50 - penalty)
    by_instalment = state([pay("2026-02-15", "1000")], "2026-02-15", allocate_by="instalment")
    assert by_instalment.schedule[0].status == "paid" and by_instalment.dpd == 0
    assert by_instalment.schedule[1].paid_interest_fen == 1_000_00 - penalty - 916_80


def test_another_lawful_order():
    order = ["principal", "interest", "penalty", "costs"]
    found = state([pay("2026-02-14", "800")], "2026-02-14", allocation=order)
    assert dict(found.movements[-1].amounts) == {"cash": 800_00, "principal": -766_80, "interest": -33_20}


def test_overpayment_is_owed_to_the_borrower_and_used_when_the_next_instalment_falls_due():
    found = state([pay("2026-01-15", "1000")], "2026-02-01")
    assert found.credit_balance_fen == 83_20 and found.principal_outstanding_fen == 9_233_20
    later = state([pay("2026-01-15", "1000")], "2026-02-15")
    assert later.credit_balance_fen == 0 and later.interest_due_fen == 138_50 - 83_20
    used = later.movements[-1]
    assert (used.kind, used.event_id, dict(used.amounts)) == ("repayment", "", {"interest": -83_20, "credit": -83_20})


def test_a_payment_before_the_due_date_waits_for_it():
    early = state([pay("2026-01-10", "916.80")], "2026-01-14")
    assert (early.credit_balance_fen, early.principal_outstanding_fen) == (916_80, 10_000_00)
    assert state([pay("2026-01-10", "916.80")], "2026-01-15").principal_outstanding_fen == 9_233_20


def test_refund_of_an_overpayment():
    paid = [pay("2026-01-15", "1000"), {"id": "r", "on": "2026-01-20", "kind": "refund", "amount": "83.20"}]
    assert state(paid, "2026-01-31").credit_balance_fen == 0
    with pytest.raises(Refused, match="more than the credit balance"):
        state([*paid, {"id": "r2", "on": "2026-01-21", "kind": "refund", "amount": "0.01"}], "2026-01-31")


def test_all_instalments_paid_in_time_settle_the_loan():
    events = [pay(f"2026-{month:02d}-15", "916.80") for month in range(1, 12)] + [pay("2026-12-15", "916.81")]
    found = state(events, "2027-01-01")
    assert (found.status, found.principal_outstanding_fen, found.next_due, found.provision_fen) == (
        "settled",
        0,
        None,
        0,
    )
    assert {row.status for row in found.schedule} == {"paid"}
    with pytest.raises(Refused, match="settled"):
        state([*events, pay("2026-12-20", "1")], "2027-01-01")


def test_settlement_accrues_by_days():
    """Five days after the first instalment: 9,233.20 × 0.18 × 5 / 365 = 22.7668."""
    events = [pay("2026-01-15", "916.80"), {"id": "s", "on": "2026-01-20", "kind": "settlement"}]
    found = state(events, "2026-01-20")
    assert found.status == "settled"
    assert dict(found.movements[-1].amounts) == {"cash": 9_255_97, "principal": -9_233_20, "interest": -22_77}
    assert state(events[:1], "2026-01-20").payoff_fen == 9_255_97


def test_settlement_on_the_day_of_drawing_costs_nothing():
    assert (
        state([{"id": "s", "on": "2025-12-15", "kind": "settlement"}], "2025-12-15").movements[-1].amounts["cash"]
        == 10_000_00
    )


def test_settlement_uses_the_credit_balance_first():
    events = [pay("2026-01-15", "1000"), {"id": "s", "on": "2026-01-20", "kind": "settlement"}]
    assert state(events, "2026-01-20").movements[-1].amounts["cash"] == 9_255_97 - 83_20


def test_settlement_with_too_little_money_is_refused_and_with_too_much_leaves_a_credit():
    settle = {"id": "s", "on": "2026-01-20", "kind": "settlement", "amount": "9300"}
    assert state([pay("2026-01-15", "916.80"), settle], "2026-01-20").credit_balance_fen == 9_300_00 - 9_255_97
    with pytest.raises(Refused, match="less than what settles"):
        state([pay("2026-01-15", "916.80"), settle | {"amount": "9255.96"}], "2026-01-20")


def prepay(on, amount, mode):
    return {"id": f"pre{on}", "on": on, "kind": "prepayment", "amount": amount, "mode": mode}


def test_prepayment_shorten_keeps_the_instalment_and_ends_sooner():
    """5,233.20 at 916.80 a month: -ln(1 - 78.498/916.80) / ln 1.015 = 6.012, so six instalments and a small seventh."""
    events = [pay("2026-01-15", "916.80"), prepay("2026-01-15", "4000", "shorten")]
    found = state(events, "2026-01-15")
    assert found.principal_outstanding_fen == 5_233_20
    coming = [row.principal_fen + row.interest_fen for row in found.schedule if row.status == "scheduled"]
    assert coming[:-1] == [916_80] * (len(coming) - 1) and 0 < coming[-1] <= 916_80
    assert len(coming) == 7 and coming[-1] < 20_00


def test_prepayment_reduce_keeps_the_end_and_lowers_the_instalment():
    """5,233.20 over the 11 months left at 1.5 %: 519.62 (A = P·i / (1 - 1.015^-11))."""
    found = state([pay("2026-01-15", "916.80"), prepay("2026-01-15", "4000", "reduce")], "2026-01-15")
    coming = [row.principal_fen + row.interest_fen for row in found.schedule if row.status == "scheduled"]
    assert len(coming) == 11 and set(coming[:-1]) == {519_62}
    assert found.schedule[-1].due == date(2026, 12, 15)


def test_interest_on_what_is_prepaid_between_due_dates_falls_due_with_the_next_instalment():
    """4,000 repaid 10 days into the month: 4,000 × 0.18 × 10 / 365 = 19.7260, beside 5,233.20 × 1.5 % = 78.498."""
    found = state([pay("2026-01-15", "916.80"), prepay("2026-01-25", "4000", "reduce")], "2026-01-25")
    assert (found.principal_outstanding_fen, found.interest_due_fen) == (5_233_20, 0)
    assert found.schedule[2].interest_fen == 78_50 + 19_73


def test_a_prepayment_pays_what_is_due_first():
    """On 2026-01-20 five days late: penalty 766.80 × 0.27 × 5 / 365 = 2.8361, then 916.80, then principal."""
    found = state([prepay("2026-01-20", "2000", "shorten")], "2026-01-20")
    assert found.principal_outstanding_fen == 9_233_20 - (2_000_00 - 916_80 - 2_84)


def test_a_prepayment_above_the_debt_is_refused():
    with pytest.raises(Refused, match="more than the loan owes"):
        state([prepay("2026-01-15", "10150.01", "shorten")], "2026-01-15")


def test_prepaying_all_principal_leaves_only_the_accrued_interest_to_come():
    found = state([pay("2026-01-15", "916.80"), prepay("2026-01-25", "9233.20", "shorten")], "2026-01-25")
    assert found.principal_outstanding_fen == 0 and found.status == "active"
    assert [row.interest_fen for row in found.schedule if row.status == "scheduled"] == [
        45_53
    ]  # 9,233.20 × 0.18 × 10 / 365


def test_waiver_of_each_part():
    fees = [{"on": "2026-01-16", "amount": "5"}]
    events = [
        {"id": f"w{part}", "on": "2026-02-14", "kind": "waiver", "part": part, "amount": amount}
        for part, amount in {"costs": "5", "penalty": "17.02", "interest": "150", "principal": "766.80"}.items()
    ]
    found = state(events, "2026-02-14", fees=fees)
    assert (found.costs_due_fen, found.penalty_due_fen, found.interest_due_fen, found.dpd) == (0, 0, 0, 0)
    assert found.principal_outstanding_fen == 9_233_20
    assert found.schedule[0].status == "waived" and found.schedule[0].paid_principal_fen == 0
    with pytest.raises(Refused, match="more than there is to waive"):
        state([events[1] | {"amount": "17.03"}], "2026-02-14", fees=fees)


def test_waiver_of_principal_not_yet_due_lowers_the_instalments():
    waiver = {"id": "w", "on": "2025-12-15", "kind": "waiver", "part": "principal", "amount": "5000"}
    found = state([waiver], "2025-12-15")
    assert found.principal_outstanding_fen == 5_000_00
    assert sum(row.principal_fen for row in found.schedule) == 10_000_00


def test_acceleration_makes_everything_due_with_interest_to_the_day():
    """Ten days after the first due date: 9,233.20 × 0.18 × 10 / 365 = 45.5336 beside the 150.00 of the first
    instalment."""
    events = [{"id": "a", "on": "2026-01-25", "kind": "accelerate"}]
    found = state(events, "2026-01-25")
    assert (found.interest_due_fen, found.next_due, found.accelerated) == (195_53, None, True)
    assert found.overdue_fen == 916_80
    later = state(events, "2026-02-04")
    assert later.overdue_fen == 10_195_53 and later.dpd == 20
    # 766.80 × 20 days + 9,233.20 × 10 days, at 27 %: penalty in place of interest on all of it.
    assert later.penalty_due_fen == round((766_80 * 20 + 9_233_20 * 10) * 0.27 / 365)
    with pytest.raises(Refused, match="all due"):
        state([*events, {"id": "a2", "on": "2026-01-26", "kind": "accelerate"}], "2026-02-04")


def test_writeoff_keeps_the_claim_and_recovery_follows():
    written = [{"id": "w", "on": "2026-03-01", "kind": "writeoff"}]
    found = state(written, "2026-03-01")
    assert (found.status, found.loan_class, found.provision_fen) == ("written_off", "loss", 0)
    assert found.principal_outstanding_fen == 10_000_00
    recovered = state([*written, {"id": "r", "on": "2026-03-05", "kind": "recovery", "amount": "1000"}], "2026-03-05")
    assert recovered.principal_outstanding_fen < 10_000_00 and recovered.status == "written_off"
    assert state([*written, pay("2026-03-05", "1000")], "2026-03-05").movements[-1].kind == "recovery"
    with pytest.raises(Refused, match="not written off"):
        state([{"id": "r", "on": "2026-03-05", "kind": "recovery", "amount": "1000"}], "2026-03-05")
    with pytest.raises(Refused, match="is written off"):
        state([*written, {"id": "w2", "on": "2026-03-02", "kind": "writeoff"}], "2026-03-05")


def test_a_written_off_loan_that_is_recovered_whole_is_settled():
    events = [
        {"id": "w", "on": "2026-03-01", "kind": "writeoff"},
        {"id": "s", "on": "2026-03-05", "kind": "settlement"},
    ]
    assert state(events, "2026-03-05").status == "settled"


def restructure(on, name="x", **terms):
    return {"id": name, "on": on, "kind": "restructure", "terms": terms}


def test_restructuring_spreads_all_principal_and_carries_interest_to_the_first_new_due_date():
    """On 2026-03-20, two months missed (a third in grace of nothing): interest 150.00 + 138.50 + 126.82 is owed, and
    8,xxx undue accrue 5 days since 2026-03-15."""
    found = state([restructure("2026-03-20", months=24, rate="0.12")], "2026-03-20")
    undue = 10_000_00 - 766_80 - 778_30 - 789_98
    accrued = round(undue * 0.18 * 5 / 365)
    assert found.dpd == 0 and found.overdue_fen == 0
    assert found.principal_outstanding_fen == 10_000_00
    assert found.interest_due_fen == 150_00 + 138_50 + 126_82 + accrued
    penalty = (766_80 * 64 + 778_30 * 33 + 789_98 * 5) * 0.27 / 365
    assert found.penalty_due_fen == round(penalty)
    assert [row.status for row in found.schedule[:3]] == ["restructured"] * 3
    assert sum(row.principal_fen for row in found.schedule) == 10_000_00
    assert found.schedule[3].kind == "carried" and found.schedule[3].due == date(2026, 4, 20)
    assert found.schedule[4].due == date(2026, 4, 20) and found.schedule[-1].due == date(2028, 3, 20)
    # No penalty on what was restructured.
    assert state([restructure("2026-03-20", months=24)], "2026-04-20").penalty_due_fen == round(penalty)


def test_a_restructured_loan_is_not_upgraded_before_its_observation_ends():
    """Restructured at 104 days past due (substandard). Paid in time: substandard for a year from the first new due
    date."""
    events = [restructure("2026-04-29", months=24, rate="0")]
    events.append(pay("2026-04-30", "20000"))
    found = state(events, "2026-05-01")
    assert (found.dpd, found.loan_class, found.status, found.under_observation) == (
        0,
        "substandard",
        "restructured",
        True,
    )
    assert state(events, "2027-05-28").loan_class == "substandard"
    ended = state(events, "2027-05-29")  # a year after 2026-05-29, with twelve instalments paid
    assert (ended.loan_class, ended.status, ended.under_observation) == ("normal", "active", False)


def test_a_current_loan_is_special_mention_when_restructured_and_substandard_when_again():
    once = [restructure("2025-12-20", months=24)]
    assert state(once, "2025-12-20").loan_class == "special_mention"
    again = [*once, restructure("2026-01-10", "y", months=36)]
    assert state(again, "2026-01-10").loan_class == "substandard"


def test_a_missed_instalment_under_observation_starts_it_anew():
    """First new due date 2026-01-20 (277.78 and 24.66 carried interest) paid, 2026-02-20 missed until March: the year
    of observation counts from 2026-02-20."""
    events = [restructure("2025-12-20", months=36, rate="0"), pay("2026-01-20", "302.44"), pay("2026-03-01", "30000")]
    assert state(events, "2027-02-19").loan_class == "special_mention"
    assert state(events, "2027-02-20").loan_class == "normal"
    in_time = [events[0], pay("2026-01-20", "30000")]
    assert state(in_time, "2027-01-19").loan_class == "special_mention"
    assert state(in_time, "2027-01-20").loan_class == "normal"


def test_five_classes_buckets_and_provisions_by_days():
    """Due 2026-01-15 and never paid: bank thresholds 1, 91, 271, 361; provisions 1, 2, 25, 50, 100 % of principal."""
    cases = {
        "2026-01-15": ("normal", "M0", 100_00), "2026-02-14": ("special_mention", "M1", 200_00),
        "2026-02-15": ("special_mention", "M2", 200_00), "2026-04-15": ("special_mention", "M3", 200_00),
        "2026-04-16": ("substandard", "M3+", 2_500_00), "2026-10-13": ("doubtful", "M3+", 5_000_00),
        "2027-01-11": ("loss", "M3+", 10_000_00),
    }  # fmt: skip
    for on, wanted in cases.items():
        found = state([], on)
        assert (found.loan_class, found.bucket, found.provision_fen) == wanted, on
    assert state([], "2026-10-12").loan_class == "substandard" and state([], "2027-01-10").loan_class == "doubtful"


def test_a_rest_within_the_tolerance_makes_nobody_overdue():
    assert state([pay("2026-01-15", "916.30")], "2026-02-14", tolerance="0.50").dpd == 0
    assert state([pay("2026-01-15", "916.29")], "2026-02-14", tolerance="0.50").dpd == 30
    assert state([pay("2026-01-15", "916.79")], "2026-02-14").dpd == 30


def test_a_backdated_payment_rebuilds_the_loan_from_its_day():
    """Found on 2026-03-01: paid on 2026-01-15. Until it is known the loan is late; then no penalty ever ran."""
    found_late = [pay("2026-01-15", "916.80", known_on="2026-02-10")]
    assert state(found_late, "2026-02-09").dpd == 25
    rebuilt = state(found_late, "2026-02-10")
    assert (rebuilt.dpd, rebuilt.penalty_due_fen, rebuilt.principal_outstanding_fen) == (0, 0, 9_233_20)


def test_a_reversed_payment_never_happened():
    events = [pay("2026-01-15", "916.80", "p"), {"id": "r", "on": "2026-01-20", "kind": "reversal", "of": "p"}]
    assert state(events, "2026-01-19").dpd == 0
    assert state(events, "2026-01-20").dpd == 5


def test_a_settled_loan_is_reopened_by_a_reversed_payment():
    events = [pay(f"2026-{month:02d}-15", "916.80") for month in range(1, 12)] + [pay("2026-12-15", "916.81")]
    reversal = {"id": "r", "on": "2027-01-10", "kind": "reversal", "of": "p2026-06-15"}
    found = state([*events, reversal], "2027-01-10")
    assert found.status == "active" and found.overdue_fen > 0
    # The six payments after it now pay older instalments and penalty first: what is short is one instalment and the
    # penalty.
    paid = sum(-m.amounts.get("penalty", 0) for m in found.movements if m.kind == "repayment")
    assert found.overdue_fen + found.penalty_due_fen == 916_80 + paid + found.penalty_due_fen


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ({"kind": "reversal", "of": "nothing"}, "does not exist"),
        ({"kind": "reversal", "of": "r1"}, "reverses a reversal"),
        ({"kind": "reversal", "of": "p1"}, "already reversed"),
        ({"kind": "reversal", "of": "p2", "on": "2026-02-01"}, "had not happened"),
        ({"kind": "repayment", "amount": "1", "on": "2025-12-14"}, "before the loan is drawn"),
    ],
)
def test_events_that_do_not_fit_are_refused(event, what):
    base = [
        pay("2026-01-15", "916.80", "p1"), {"id": "r1", "on": "2026-01-16", "kind": "reversal", "of": "p1"},
        pay("2026-02-15", "916.80", "p2"),
    ]  # fmt: skip
    with pytest.raises(Refused, match=what):
        state([*base, {"id": "e", "on": "2026-02-20", **event}], "2026-03-01")


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ({"kind": "repaymnt", "amount": "1"}, "did you mean repayment"),
        ({"kind": None}, "unknown event kind"),
        ({"kind": "repayment", "amount": "1.005"}, "not an amount"),
        ({"kind": "repayment", "amount": "NaN"}, "not an amount"),
        ({"kind": "repayment", "amount": float("nan")}, "not an amount"),
        ({"kind": "repayment", "amount": "0"}, "below"),
        ({"kind": "repayment", "amount": "-1"}, "below"),
        ({"kind": "repayment"}, "not an amount"),
        ({"kind": "prepayment", "amount": "1"}, "mode"),
        ({"kind": "waiver", "amount": "1", "part": "all"}, "part"),
        ({"kind": "reversal"}, "name the event"),
        ({"kind": "restructure"}, "new terms"),
        ({"kind": "restructure", "terms": {"months": 0}}, "not a number of months"),
        ({"kind": "repayment", "amount": "1", "on": "2026-13-01"}, "not a date"),
        ({"kind": "repayment", "amount": "1", "id": ""}, "own id"),
    ],
)
def test_events_that_cannot_be_read_are_input_errors(event, what):
    with pytest.raises(InputError, match=what):
        state([{"id": "e", "on": "2026-01-20", **event}], "2026-02-01")


def test_an_id_used_twice_is_an_input_error():
    with pytest.raises(InputError, match="used twice"):
        read_events([pay("2026-01-15", "1", "p"), pay("2026-01-16", "1", "p")])


def test_what_is_known_later_is_ignored_until_then():
    assert state([pay("2026-01-15", "916.80", known_on="2026-01-20")], "2026-01-19").dpd == 4


def test_a_day_before_the_drawing_is_refused():
    with pytest.raises(Refused, match="before the loan is drawn"):
        state([], "2025-12-14")


def test_hindsight_does_not_refuse_what_was_in_order_when_it_happened():
    """The last instalment is paid; then an older, forgotten payment is found: the last one becomes an overpayment."""
    events = [pay(f"2026-{month:02d}-15", "916.80") for month in range(1, 12)] + [pay("2026-12-15", "916.81")]
    found_late = pay("2026-11-20", "916.81", "lost", known_on="2027-01-05")
    found = state([*events, found_late], "2027-01-05")
    assert (found.status, found.credit_balance_fen) == ("settled", 916_81)


def test_the_cash_of_a_settlement_does_not_change_with_what_is_learnt_later():
    """Settled on 2026-03-20 for what was asked then; the February payment bounces on 2026-04-01: its 916.80 are owed
    again."""
    events = [
        pay("2026-01-15", "916.80"), pay("2026-02-15", "916.80", "feb"), pay("2026-03-15", "916.80"),
        {"id": "s", "on": "2026-03-20", "kind": "settlement"},
    ]  # fmt: skip
    cash = state(events, "2026-03-20").movements[-1].amounts["cash"]
    bounced = [*events, {"id": "r", "on": "2026-04-01", "kind": "reversal", "of": "feb"}]
    found = state(bounced, "2026-04-01")
    received = sum(m.amounts.get("cash", 0) for m in found.movements if m.event_id == "s")
    assert received == cash
    assert found.status == "active" and found.principal_outstanding_fen > 0


def test_a_refund_that_hindsight_leaves_uncovered_is_owed_back():
    events = [
        pay("2026-01-15", "1000", "p"), {"id": "f", "on": "2026-01-20", "kind": "refund", "amount": "83.20"},
        {"id": "r", "on": "2026-01-25", "kind": "reversal", "of": "p"},
    ]  # fmt: skip
    assert state(events, "2026-01-25").costs_due_fen == 83_20


def test_penalty_of_rows_sums_to_the_penalty_of_the_loan():
    found = state([pay("2026-03-01", "500"), pay("2026-04-20", "700")], "2026-07-03")
    stated = sum(m.amounts["penalty"] for m in found.movements if m.kind == "penalty")
    assert sum(row.penalty_fen for row in found.schedule) == stated + found.penalty_unstated_fen


def test_the_document_has_the_keys_of_the_contract():
    document = state([], "2026-01-20").as_document()
    wanted = {
        "on", "principal_outstanding", "interest_due", "penalty_due", "costs_due", "overdue", "credit_balance", "dpd", "bucket",
        "class", "provision", "schedule", "apr", "eff",
    }  # fmt: skip
    assert wanted <= document.keys()
    rows = {"n", "due", "pay_by", "principal", "interest", "paid_principal", "paid_interest", "penalty", "status"}
    assert rows <= document["schedule"][0].keys()
    assert document["penalty_due"] == "2.84" and document["apr"] == "0.180002"


def test_fees_after_a_settlement_are_not_charged():
    fees = [{"on": f"2026-{month:02d}-15", "amount": "10"} for month in range(1, 7)]
    events = [pay("2026-01-15", "926.80"), {"id": "s", "on": "2026-01-20", "kind": "settlement"}]
    found = state(events, "2026-08-01", fees=fees)
    assert (found.status, found.costs_due_fen) == ("settled", 0)
    assert [m.effective for m in found.movements if m.kind == "fee"] == [date(2026, 1, 15)]


def test_after_an_acceleration_only_the_costs_of_enforcement_are_added():
    fees = [{"on": "2026-02-15", "amount": "10"}, {"on": "2026-03-01", "amount": "50", "kind": "court_fee"}]
    found = state([{"id": "a", "on": "2026-01-25", "kind": "accelerate"}], "2026-03-02", fees=fees)
    assert found.costs_due_fen == 50_00


def test_interest_carried_by_a_restructuring_falls_due_at_once_when_the_loan_is_accelerated():
    """Restructured on 2026-03-20 with the first new due date a month later, called in on 2026-03-25: five days later all of
    it is overdue, the carried interest too."""
    events = [restructure("2026-03-20", months=24), {"id": "a", "on": "2026-03-25", "kind": "accelerate"}]
    found = state(events, "2026-03-30")
    assert found.dpd == 5
    assert found.overdue_fen == found.principal_outstanding_fen + found.interest_due_fen


def test_carried_interest_that_was_paid_ahead_does_not_hold_up_what_an_acceleration_makes_due():
    """The carried interest stood for 2025-11-11 and was paid with a prepayment; what is left is called in on 2025-10-11, a
    Saturday worked by notice, and is overdue on the day after."""
    loan = {"principal": "5000.00", "rate": "0.072", "months": 1, "drawn_on": "2025-10-01", "first_due": None}
    events = [
        restructure("2025-10-11", method="equal_instalment", months=1, rate="0"),
        {"id": "p", "on": "2025-10-11", "kind": "prepayment", "amount": "5000.00", "mode": "shorten"},
        {"id": "a", "on": "2025-10-11", "kind": "accelerate"},
    ]
    found = state(events, "2025-10-12", **loan)
    assert (found.principal_outstanding_fen + found.interest_due_fen, found.overdue_fen, found.dpd) == (986, 986, 1)
