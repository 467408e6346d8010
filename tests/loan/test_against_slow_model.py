"""The kernel against a second, independent loan in rational numbers, walked day by day (``slow_model.py``).

Random lives, and a state machine that lives one loan and looks at both after every step.
"""

import random
from datetime import timedelta
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from loan_strategies import METHODS, lives, terms
from slow_model import Refusal, SlowLoan

from jiehuan.loan import AMOUNTS, Event, replay
from jiehuan.loan.lawful import cost_cap_ppm, loaded_rate_ppm
from jiehuan.units.errors import InputError, Refused

QUIET = settings(deadline=None, suppress_health_check=list(HealthCheck))


def penalty_cap(loan):
    """The highest penalty rate, or a refusal when the price itself is above the cap."""
    cap = cost_cap_ppm(loan.lender_type, loan.drawn_on)
    loaded = loaded_rate_ppm(loan)
    if cap is not None and loan.rate_ppm + loaded > cap[0]:
        raise Refusal("cap")
    return None if cap is None else Fraction(cap[0] - loaded, 10**6)


def slow(loan, events, on):
    try:
        return SlowLoan(loan, events, on, penalty_cap=penalty_cap(loan))
    except (Refusal, InputError):
        return None


def fast(loan, events, on):
    try:
        return replay(loan, events, on)
    except (Refused, InputError):
        return None


def agree(loan, events, on):
    told, found = slow(loan, events, on), fast(loan, events, on)
    assert (told is None) == (found is None), (told and told.answer(), found)
    if found is None:
        return None
    answer = told.answer()
    assert {name: getattr(found, name) for name in answer} == answer
    holds(loan, found)
    # What the slow loan counted apart: cash, income and loss.
    sums = totals(found)
    assert sums["cash"] == told.cash
    change = sum(sums[part] for part in ("cash", "principal", "interest", "penalty", "costs")) - sums["credit"]
    unstated = found.penalty_unstated_fen
    assert change == told.income - told.loss and unstated >= 0
    return found


def totals(found):
    return {name: sum(move.amounts.get(name, 0) for move in found.movements) for name in AMOUNTS}


def holds(loan, found):
    """What must hold of every state: the algebra of ``state.py``, non-negative balances, principal found exactly
    once."""
    sums = totals(found)
    assert sums["principal"] == found.principal_outstanding_fen >= 0
    assert sums["interest"] == found.interest_due_fen >= 0
    assert sums["costs"] == found.costs_due_fen >= 0
    assert sums["credit"] == found.credit_balance_fen >= 0
    assert sums["penalty"] + found.penalty_unstated_fen == found.penalty_due_fen >= 0
    for move in found.movements:
        change = sum(move.amounts.get(part, 0) for part in AMOUNTS) - 2 * move.amounts.get("credit", 0)
        if move.kind in ("fee", "interest", "penalty", "waiver"):
            assert change == sum(move.amounts.values()) and not move.amounts.get("cash")
        else:
            assert change == 0, move
    running = dict.fromkeys(AMOUNTS, 0)
    for move in found.movements:
        for name in AMOUNTS:
            running[name] += move.amounts.get(name, 0)
        assert all(move.after[name] == running[name] for name in AMOUNTS[1:])
    assert len({move.movement_id for move in found.movements}) == len(found.movements)
    assert sum(row.principal_fen for row in found.schedule) == loan.principal_fen
    assert sum(row.principal_fen - row.paid_principal_fen - row.waived_principal_fen for row in found.schedule) == (
        found.principal_outstanding_fen
    )
    stated = sum(move.amounts["penalty"] for move in found.movements if move.kind == "penalty")
    assert sum(row.penalty_fen for row in found.schedule) == stated + found.penalty_unstated_fen
    assert found.overdue_fen == sum(
        row.principal_fen + row.interest_fen - row.paid_principal_fen - row.paid_interest_fen - row.waived_principal_fen
        - row.waived_interest_fen
        for row in found.schedule
        if row.status == "overdue"
    )  # fmt: skip
    if found.credit_balance_fen:
        owed = found.penalty_due_fen + found.interest_due_fen + found.costs_due_fen + found.overdue_fen
        assert owed == 0, "a credit balance is used as soon as anything is due"


@given(lives())
@settings(QUIET, max_examples=400)
def test_random_lives_agree(life):
    agree(*life)


@given(lives(), st.randoms(use_true_random=False))
@settings(QUIET, max_examples=100)
def test_the_order_in_which_events_are_listed_does_not_matter(life, shuffler: random.Random):
    """Only for events of one effective day and one day of knowledge does the list's order count."""
    loan, events, on = life
    keys = [(event.on, event.known_on) for event in events]
    events = [event for event, key in zip(events, keys, strict=True) if keys.count(key) == 1]
    found = fast(loan, events, on)
    shuffler.shuffle(events)
    assert fast(loan, events, on) == found


@given(lives(st.integers(0, 5)), st.integers(0, 200))
@settings(QUIET, max_examples=60)
def test_looking_at_a_loan_changes_nothing_and_time_alone_moves_no_money(life, days):
    loan, events, on = life
    now, again = fast(loan, events, on), fast(loan, events, on)
    assert now == again
    if now is None:
        return
    later = fast(
        loan, [event for event in events if event.on <= on and event.known_on <= on], on + timedelta(days=days)
    )
    assert totals(later)["cash"] == totals(now)["cash"]
    assert later.movements[: len(now.movements)] == now.movements


class LifeOfALoan(RuleBasedStateMachine):
    """One loan lived step by step; what the slow loan refuses, the kernel must refuse, and is not recorded."""

    @initialize(loan=terms())
    def draw(self, loan):
        self.loan, self.events, self.on = loan, [], loan.drawn_on
        self.dead = slow(loan, [], loan.drawn_on) is None
        self.unit = max(loan.principal_fen // loan.months, 1)

    def try_event(self, kind, back=0, **fields):
        if self.dead:
            return
        on = max(self.on - timedelta(days=back), self.loan.drawn_on)
        event = Event(f"e{len(self.events)}", on, kind, self.on, **fields)
        if agree(self.loan, [*self.events, event], self.on) is not None:
            self.events.append(event)

    @rule(days=st.sampled_from([1, 3, 10, 28, 31, 95]))
    def wait(self, days):
        if not self.dead and (self.on - self.loan.drawn_on).days < 700:
            self.on += timedelta(days=days)

    @rule(tenths=st.sampled_from([1, 3, 10, 11, 12, 25]), back=st.sampled_from([0, 0, 0, 5, 40]))
    def repay(self, tenths, back):
        self.try_event("repayment", back, amount_fen=self.unit * tenths // 10 + 1)

    @rule(times=st.sampled_from([1, 3]), mode=st.sampled_from(["shorten", "reduce"]))
    def prepay(self, times, mode):
        self.try_event("prepayment", amount_fen=self.unit * times, mode=mode)

    @rule(back=st.sampled_from([0, 0, 10]))
    def settle(self, back):
        self.try_event("settlement", back)

    @rule(part=st.sampled_from(["costs", "penalty", "interest", "principal"]), amount=st.sampled_from([1, 50, 5_000]))
    def waive(self, part, amount):
        self.try_event("waiver", amount_fen=amount, part=part)

    @rule(months=st.integers(1, 24), method=st.sampled_from(METHODS[:4]), rate=st.sampled_from(["0", "0.06", "0.18"]))
    def restructure(self, months, method, rate):
        self.try_event("restructure", terms={"months": months, "method": method, "rate": rate})

    @rule()
    def accelerate(self):
        self.try_event("accelerate")

    @rule()
    def write_off(self):
        self.try_event("writeoff")

    @rule(amount=st.sampled_from([1, 1_000, 100_000]))
    def recover(self, amount):
        self.try_event("recovery", amount_fen=amount)

    @rule(amount=st.sampled_from([1, 1_000]))
    def refund(self, amount):
        self.try_event("refund", amount_fen=amount)

    @rule(pick=st.integers(0, 30))
    def reverse(self, pick):
        if not self.dead and self.events:
            self.try_event("reversal", of=self.events[pick % len(self.events)].id)

    @invariant()
    def both_loans_are_one(self):
        if hasattr(self, "loan") and not self.dead:
            assert agree(self.loan, self.events, self.on) is not None


def test_a_loan_lived_step_by_step():
    run_state_machine_as_test(LifeOfALoan, settings=settings(QUIET, max_examples=60, stateful_step_count=25))
