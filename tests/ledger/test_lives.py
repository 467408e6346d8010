"""What holds of the books whatever happens to a loan: loans with random lives, late events and reversals included.

Events are drawn at random; those that the kernel refuses are left out.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.ledger import (
    Entry,
    Funding,
    amended,
    apportion,
    balances,
    check_balance,
    check_cash,
    check_growth,
    check_journal,
    journal,
    post,
    trial_balance,
)
from jiehuan.ledger.check import HOLDERS
from jiehuan.loan import Event, Terms, read_events, read_terms, replay
from jiehuan.units.errors import JiehuanError
from jiehuan.units.money import format_yuan

Life = tuple[Terms, tuple[Event, ...], date]
DRAWN = date(2025, 1, 31)


@st.composite
def lives(draw: st.DrawFn, *, late: bool = True) -> tuple[Terms, tuple[Event, ...], date]:
    """Terms, events in the order in which they became known, and a day to look at."""
    terms = read_terms({
        "lender_type": "bank",
        "principal": format_yuan(draw(st.integers(100, 2_000_000))),
        "rate": draw(st.sampled_from(["0", "0.07", "0.18", "0.24"])),
        "months": draw(st.integers(1, 12)),
        "method": draw(st.sampled_from(["equal_instalment", "equal_principal", "interest_only", "bullet"])),
        "drawn_on": DRAWN.isoformat(),
        "penalty_uplift": draw(st.sampled_from(["0.3", "0.5"])),
        "fees": [{"on": "2025-05-06", "amount": "30.00", "kind": "court_fee"}] if draw(st.booleans()) else [],
    })  # fmt: skip
    documents: list[dict[str, Any]] = []
    today = DRAWN
    for number in range(draw(st.integers(0, 7))):
        today += timedelta(days=draw(st.sampled_from([0, 1, 3, 28, 31, 45, 100])))
        kinds = ["repayment"] * 5 + [
            "prepayment",
            "settlement",
            "waiver",
            "restructure",
            "accelerate",
            "writeoff",
            "refund",
        ]
        kind = draw(st.sampled_from(kinds + (["reversal"] * 3 if late and documents else [])))
        document: dict[str, Any] = {"id": f"e{number}", "on": today.isoformat(), "kind": kind}
        share = draw(st.sampled_from([1, 3, 12, 40]))
        document["amount"] = format_yuan(max(1, terms.principal_fen // share + draw(st.integers(-9, 9))))
        if kind == "prepayment":
            document["mode"] = draw(st.sampled_from(["shorten", "reduce"]))
        elif kind == "waiver":
            document["part"] = draw(st.sampled_from(["interest", "penalty", "principal", "costs"]))
        elif kind == "restructure":
            document["terms"] = {"months": draw(st.integers(1, 12)), "rate": "0.10"}
        elif kind == "reversal":
            document["of"] = draw(st.sampled_from([one["id"] for one in documents]))
        if kind in {"settlement", "accelerate", "writeoff", "restructure", "reversal"}:
            del document["amount"]
        if late and draw(st.integers(0, 3)) == 0:
            found = today + timedelta(days=draw(st.sampled_from([1, 9, 40, 130])))
            document["known_on"] = found.isoformat()
            today = found
        try:
            replay(terms, read_events([*documents, document]), today)
        except JiehuanError:
            continue
        documents.append(document)
    return terms, read_events(documents), today + timedelta(days=draw(st.sampled_from([0, 1, 60, 200])))


@settings(max_examples=150, deadline=None)
@given(lives())
def test_every_check_holds_for_every_life(life: Life) -> None:
    terms, events, on = life
    entries = journal(terms, events, on, "ln_1")
    assert check_journal(entries, state=replay(terms, events, on), events=events) == []
    sums = trial_balance(entries).values()
    assert sum(debit for debit, _ in sums) == sum(credit for _, credit in sums)


@settings(max_examples=100, deadline=None)
@given(lives())
def test_the_journal_only_grows(life: Life) -> None:
    """What was in the books on a day is their beginning on every later day."""
    terms, events, on = life
    earlier: tuple[Entry, ...] = ()
    for day in sorted({event.known_on for event in events} | {on}):
        now = journal(terms, events, day, "ln_1")
        if all(event.known_on != day for event in events) or day == on:
            assert now[: len(earlier)] == earlier
        earlier = journal(terms, events, day, "ln_1")
        if day < on:
            tomorrow = journal(terms, [e for e in events if e.known_on <= day], day + timedelta(days=1), "ln_1")
            assert tomorrow[: len(earlier)] == earlier


@settings(max_examples=100, deadline=None)
@given(lives())
def test_the_journal_is_true_to_its_last_replay(life: Life) -> None:
    terms, events, on = life
    entries = journal(terms, events, on, "ln_1")
    truth = post(replay(terms, events, on), "ln_1", fees=terms.fees)
    assert amended(entries, truth, on) == []


@st.composite
def fundings(draw: st.DrawFn) -> Funding:
    shares = draw(
        st.lists(st.integers(1, 400_000), min_size=1, max_size=3).filter(lambda shares: sum(shares) <= 1_000_000)
    )
    return Funding(tuple(f"BANK_{n}" for n in range(len(shares))), tuple(shares))


@settings(max_examples=100, deadline=None)
@given(lives(), fundings())
def test_a_joint_loan_is_shared_to_the_fen(life: Life, funding: Funding) -> None:
    """Own and partners' claims sum to the debt; each holds its share of it; partners' cash is what their claims gave up."""
    terms, events, on = life
    entries = journal(terms, events, on, "ln_1", funding=funding)
    assert check_balance(entries) == check_growth(entries) == check_cash(entries, events) == []
    assert check_journal(entries, state=replay(terms, events, on)) == []
    held = balances(entries)
    for part in ("principal", "interest", "penalty"):
        owed = sum(held.get(name, 0) for name in HOLDERS[part])
        assert abs(held.get(f"partner_{part}", 0) * 1_000_000 - owed * sum(funding.shares_ppm)) <= 500_000


@settings(max_examples=100, deadline=None)
@given(lives(late=False), fundings())
def test_a_joint_loan_repaid_in_full_returns_each_partner_what_it_lent(life: Life, funding: Funding) -> None:
    terms, events, on = life
    state = replay(terms, events, on)
    if state.status != "settled" or any(event.kind in {"waiver", "writeoff"} for event in events):
        return
    held = balances(journal(terms, events, on, "ln_1", funding=funding))
    income = sum(-held.get(name, 0) for name in ("interest_income", "penalty_income"))
    charged = sum(
        m.amounts.get("interest", 0) + m.amounts.get("penalty", 0)
        for m in state.movements
        if m.kind in {"interest", "penalty"}
    )
    settled = sum(-sum for name, sum in held.items() if name.startswith("partner_settlement"))
    assert settled == charged - income  # what partners are paid beyond what they lent is their part of the price
    assert all(held.get(name, 0) == 0 for names in HOLDERS.values() for name in names)


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=6).filter(any))
def test_apportioning_is_exact_and_fair(amount: int, weights: list[int]) -> None:
    parts = apportion(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)
