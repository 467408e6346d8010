"""The journal of a loan: what each movement posts, and what always holds whatever happens to the loan."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from jiehuan.ledger import Entry, balances, check_journal, journal, post
from jiehuan.loan import read_events, read_terms, replay

TERMS: dict[str, Any] = {
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": "2025-12-01", "penalty_uplift": "0.5",
}  # fmt: skip


def book(events: list[dict[str, Any]], on: str, **changed: Any) -> tuple[Entry, ...]:
    """The journal of the loan of these tests; it has passed every check."""
    terms, read, day = read_terms({**TERMS, **changed}), read_events(events), date.fromisoformat(on)
    entries = journal(terms, read, day, "ln_1")
    known = [event for event in read if event.known_on <= day]
    assert check_journal(entries, state=replay(terms, read, day), events=known) == []
    return entries


def said(entry: Entry) -> dict[str, int]:
    """Debit less credit by account."""
    return {line.account: line.debit - line.credit for line in entry.lines}


def last(entries: tuple[Entry, ...], kind: str) -> dict[str, int]:
    return said([entry for entry in entries if entry.kind == kind][-1])


def test_draw_interest_and_repayment() -> None:
    """First instalment of 10,000 at 18 %: interest 150.00, principal 916.80 - 150.00 = 766.80."""
    entries = book([{"id": "e1", "on": "2026-01-01", "kind": "repayment", "amount": "916.80"}], "2026-01-01")
    assert [entry.kind for entry in entries] == ["draw", "interest", "repayment"]
    assert said(entries[0]) == {"loan_principal": 1_000_000, "cash": -1_000_000}
    assert said(entries[1]) == {"interest_receivable": 15_000, "interest_income": -15_000}
    assert said(entries[2]) == {"cash": 91_680, "loan_principal": -76_680, "interest_receivable": -15_000}
    assert entries[2].event_id == "e1"


def test_overpayment_is_a_debt_to_the_borrower_and_is_used_or_refunded() -> None:
    paid = {"id": "e1", "on": "2026-01-01", "kind": "repayment", "amount": "2000.00"}
    entries = book([paid], "2026-01-01")
    assert last(entries, "repayment")["borrower_credit"] == -(200_000 - 91_680)
    later = book([paid], "2026-02-01")  # the second instalment takes 916.80 of the credit; no cash moves
    assert last(later, "repayment") == {
        "borrower_credit": 91_680,
        "loan_principal": -77_830,
        "interest_receivable": -13_850,
    }
    back = book([paid, {"id": "e2", "on": "2026-02-03", "kind": "refund", "amount": "166.40"}], "2026-02-03")
    assert last(back, "refund") == {"borrower_credit": 16_640, "cash": -16_640}
    assert balances(back).get("borrower_credit", 0) == 0


def test_interest_leaves_income_after_ninety_days_and_comes_back_when_paid() -> None:
    """Nothing was paid: due since 2026-01-01, 91 days past due on 2026-04-02; 150.00 × 4 months of interest by April."""
    before = book([], "2026-04-01")
    owed = balances(before)["interest_receivable"]
    assert owed == -balances(before)["interest_income"] > 0
    after = book([], "2026-04-02")
    stopped = after[len(before) :]
    assert [(entry.kind, entry.effective) for entry in stopped] == [("non_accrual", date(2026, 4, 2))]
    assert said(stopped[0]) == {
        "interest_income": owed, "suspended_interest": owed, "interest_receivable": -owed, "memo_contra": -owed,
    }  # fmt: skip
    assert last(book([], "2026-05-01"), "interest").keys() == {"suspended_interest", "memo_contra"}
    paid = book([{"id": "e1", "on": "2026-05-01", "kind": "repayment", "amount": "9000.00"}], "2026-05-01")
    received = last(paid, "repayment")
    assert received["interest_income"] < 0
    assert received["penalty_income"] < 0
    assert balances(paid).get("suspended_interest", 0) == balances(paid).get("memo_contra", 0) == 0
    accrues_again = book([{"id": "e1", "on": "2026-05-01", "kind": "repayment", "amount": "9000.00"}], "2026-06-01")
    assert last(accrues_again, "interest").keys() == {"interest_receivable", "interest_income"}


def test_write_off_uses_the_allowance_and_a_recovery_is_income() -> None:
    off = {"id": "e1", "on": "2026-09-01", "kind": "writeoff"}
    entries = book([off], "2026-09-01")
    gone = last(entries, "writeoff")
    assert gone["loss_allowance"] == 1_000_000  # interest had left the balance sheet before
    assert gone["loan_principal"] == -1_000_000
    assert gone["written_off_principal"] == 1_000_000
    held = balances(entries)
    assert held.get("loan_principal", 0) == held.get("suspended_interest", 0) == 0
    back = book([off, {"id": "e2", "on": "2026-10-01", "kind": "recovery", "amount": "500.00"}], "2026-10-01")
    assert last(back, "recovery")["recovery_income"] == -50_000
    assert last(back, "interest").keys() == {"written_off_interest", "memo_contra"}


def test_waiver_is_a_loss_on_balance_and_none_in_memo() -> None:
    waived = {"id": "e1", "kind": "waiver", "part": "interest", "amount": "100.00"}
    assert last(book([{**waived, "on": "2026-01-02"}], "2026-01-02"), "waiver") == {
        "waiver_loss": 10_000, "interest_receivable": -10_000,
    }  # fmt: skip
    assert last(book([{**waived, "on": "2026-05-02"}], "2026-05-02"), "waiver") == {
        "memo_contra": 10_000, "suspended_interest": -10_000,
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "account"), [("service", "fee_income"), ("court_fee", "costs_advanced")])
def test_a_fee_is_income_and_a_court_fee_only_passes_through(kind: str, account: str) -> None:
    fees = [{"on": "2026-01-05", "amount": "30.00", "kind": kind}]
    assert last(book([], "2026-01-05", fees=fees), "fee") == {"costs_receivable": 3_000, account: -3_000}


def test_a_court_fee_after_the_write_off_is_still_an_asset() -> None:
    fees = [{"on": "2026-09-05", "amount": "30.00", "kind": "court_fee"}]
    entries = book([{"id": "e1", "on": "2026-09-01", "kind": "writeoff"}], "2026-09-05", fees=fees)
    assert last(entries, "fee") == {"costs_receivable": 3_000, "costs_advanced": -3_000}


def test_a_payment_found_late_reverses_and_posts_anew() -> None:
    late = {"id": "e1", "on": "2026-01-01", "known_on": "2026-02-20", "kind": "repayment", "amount": "916.80"}
    before = book([late], "2026-02-19")
    after = book([late], "2026-02-20")
    assert after[: len(before)] == before
    assert {entry.known for entry in after[len(before) :]} == {date(2026, 2, 20)}
    assert after[-1].effective == date(2026, 1, 1)


def test_a_reversed_payment_leaves_no_trace_in_the_balances() -> None:
    paid = {"id": "e1", "on": "2026-01-01", "kind": "repayment", "amount": "916.80"}
    undone = book([paid, {"id": "e2", "on": "2026-01-20", "kind": "reversal", "of": "e1"}], "2026-02-10")
    never = book([], "2026-02-10")
    assert {name: sum for name, sum in balances(undone).items() if sum} == balances(never)
    reversing = [entry for entry in undone if entry.reverses]
    assert [(entry.kind, entry.effective, entry.known) for entry in reversing] == [
        ("repayment", date(2026, 1, 1), date(2026, 1, 20))
    ]


def test_ids_are_stable_and_a_movement_posted_again_has_another_id() -> None:
    paid = {"id": "e1", "on": "2026-01-01", "kind": "repayment", "amount": "916.80"}
    early = {"id": "e2", "on": "2025-12-20", "known_on": "2026-01-10", "kind": "repayment", "amount": "10.00"}
    entries = book([paid, early], "2026-01-10")
    assert entries == book([paid, early], "2026-01-10")
    assert len({entry.entry_id for entry in entries}) == len(entries)
    assert [bool(entry.reverses) for entry in entries if entry.movement_id == "repayment:e1"] == [False, True, False]


def test_a_common_loan_posts_quickly() -> None:
    """The bound is ten times what was measured alone (0.1 ms), so that only a change of order fails."""
    import time

    paid = [{"id": f"e{n}", "on": f"2026-{n:02d}-01", "kind": "repayment", "amount": "916.80"} for n in range(1, 13)]
    terms, events = read_terms(TERMS), read_events(paid)
    state = replay(terms, events, date(2026, 12, 1))
    best = min(_timed(lambda: post(state, "ln_1"), time.perf_counter) for _ in range(20))
    assert best < 0.001


def _timed(work: Any, clock: Any) -> float:
    began = clock()
    work()
    return float(clock() - began)


def test_what_is_known_on_one_day_may_stand_in_any_order() -> None:
    """90.00 of 1 March, found on the 7th, less 35.00 due (2 instalments of 17.45 and 0.10 penalty at most) covers a refund of 5.00."""
    loan = {"principal": "100.00", "rate": "0.16", "months": 6, "drawn_on": "2025-12-20"}
    found = {"id": "e1", "on": "2026-03-01", "known_on": "2026-03-07", "kind": "repayment", "amount": "90.00"}
    refund = {"id": "e2", "on": "2026-03-07", "kind": "refund", "amount": "5.00"}
    assert last(book([refund, found], "2026-03-07", **loan), "refund") == {"borrower_credit": 500, "cash": -500}
    assert book([refund, found], "2026-03-07", **loan) == book([found, refund], "2026-03-07", **loan)

    paid = {"id": "e1", "on": "2026-03-07", "kind": "repayment", "amount": "20.00"}
    undone = {"id": "e2", "on": "2026-03-07", "kind": "reversal", "of": "e1"}
    assert sum(said(entry).get("cash", 0) for entry in book([undone, paid], "2026-03-07", **loan)) == -10_000
