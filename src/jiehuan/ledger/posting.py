"""What each movement of a loan's money does to the accounts.

The loan says what the borrower owes by part; the books say what each part is worth to the lender. A part of the debt
stands in one of three places: on the balance sheet; in memo as non-accrual (interest and penalty of a loan over 90 days
past due); in memo as written off. Money that comes in meets them in the reverse order, oldest treatment first: written
off, non-accrual, on balance. So a claim that left income comes back into income when, and only when, it is paid.

==============  ==========================================================================================
draw            loan_principal to cash
interest        interest_receivable to interest_income; non-accrual or written off: memo only
penalty         the same with penalty accounts
fee             costs_receivable to fee_income, or to costs_advanced when it passes on a court's or agent's cost
repayment …     cash (or borrower_credit) to the parts paid; a memo part paid is income; the rest is borrower_credit
waiver          waiver_loss to the part; a memo part just ends
(90 days past)  interest_income to interest_receivable, and the claim goes into memo: kind ``non_accrual``
writeoff        loss_allowance to all that is on balance, and the claim goes into memo
recovery        cash to recovery_income; the memo claim falls
refund          borrower_credit to cash; beyond what was overpaid the borrower owes it back: costs_receivable
==============  ==========================================================================================

Of a joint loan the books hold the lender's own share; the partners' share of each claim is in memo, and their share of
cash goes through ``partner_settlement:NAME``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from jiehuan.ledger.chart import PARTS, non_accrual_above_dpd
from jiehuan.ledger.entry import Entry, Line, entry_id
from jiehuan.ledger.funding import Funding, apportion
from jiehuan.loan import Fee, LoanState, Movement
from jiehuan.loan.terms import ENFORCEMENT_KINDS

ON_BALANCE = {
    "principal": "loan_principal",
    "interest": "interest_receivable",
    "penalty": "penalty_receivable",
    "costs": "costs_receivable",
}
SUSPENDED = {"interest": "suspended_interest", "penalty": "suspended_penalty"}
WRITTEN_OFF = {part: f"written_off_{part}" for part in PARTS}
PARTNERS = {part: f"partner_{part}" for part in ("principal", "interest", "penalty")}
INCOME = {"interest": "interest_income", "penalty": "penalty_income"}
CONTRA = "memo_contra"
NON_ACCRUAL = "non_accrual"

_CHARGES = frozenset({"interest", "penalty", "fee"})


def post(
    state: LoanState, loan_id: str, *, fees: Sequence[Fee] = (), funding: Funding | None = None
) -> tuple[Entry, ...]:
    """The entries that the movements of a replay come to, in their order, as if nothing had ever become known late.

    ``fees`` are the loan's, by whose kind a fee is income or passed on. ``known`` of each entry is its movement's.
    """
    books = _Books(loan_id, fees, funding)
    for movement in state.movements:
        books.look(movement.dpd, movement.effective)
        books.post(movement)
    books.look(state.dpd, state.on)
    return tuple(books.entries)


def post_interest(loan_id: str, on: date, fen: int, funding: Funding | None = None) -> Entry:
    """The entry of interest that falls due on a loan that owes none, as ``post`` makes it."""
    books = _Books(loan_id, (), funding)
    books.post(Movement(f"interest:{on.isoformat()}", "", "interest", on, on, {"interest": fen}))
    return books.entries[0]


class _Books:
    """One loan's accounts while its movements are posted."""

    def __init__(self, loan_id: str, fees: Sequence[Fee], funding: Funding | None) -> None:
        self.loan_id = loan_id
        self.fees = list(fees)
        self.funding = funding
        self.limit = non_accrual_above_dpd()
        self.entries: list[Entry] = []
        self.on = dict.fromkeys(PARTS, 0)  # the lender's own claims by place, fen
        self.memo = dict.fromkeys(PARTS, 0)
        self.off = dict.fromkeys(PARTS, 0)
        self.total = dict.fromkeys(PARTS, 0)  # what the borrower owes, partners' share included
        self.held = [dict.fromkeys(PARTS, 0) for _ in (funding.partners if funding else ())]
        self.suspended = False
        self.written_off = False

    def look(self, dpd: int, on: date) -> None:
        """Stop accruing when the loan has passed the limit, from the day it did; accrue again once all that is paid."""
        if self.written_off:
            return
        if not self.suspended and dpd > self.limit:
            self.suspend(on - timedelta(days=dpd - self.limit - 1))
        elif self.suspended and dpd <= self.limit:
            self.suspended = any(self.memo.values())

    def post(self, movement: Movement) -> None:
        """Post one movement; a movement that moves nothing makes no entry."""
        net: dict[str, int] = {}
        for part, change in movement.amounts.items():
            if part == "cash":
                _add(net, "cash", change)
            elif part == "credit":
                _add(net, "borrower_credit", -change)
            else:
                own = change if self.funding is None else self.share(net, movement, part, change)
                if own > 0:
                    self.grow(net, movement, part, own)
                elif own < 0:
                    self.shrink(net, movement, part, -own)
        if movement.kind == "writeoff":
            self.write_off(net)
        self.keep(movement.movement_id, movement.event_id, movement.kind, movement.effective, movement.known, net)

    def grow(self, net: dict[str, int], movement: Movement, part: str, amount: int) -> None:
        """The borrower owes more."""
        other = INCOME.get(part) or (self.fee_account(movement) if movement.kind == "fee" else "")
        if movement.kind not in _CHARGES:
            self.on[part] += amount  # lent, or paid back too much: the cash is the other side
            _add(net, ON_BALANCE[part], amount)
        elif self.written_off and other != "costs_advanced":  # what was advanced in cash is an asset still
            self.off[part] += amount
            _add(net, WRITTEN_OFF[part], amount)
            _add(net, CONTRA, -amount)
        elif self.suspended and part in SUSPENDED:
            self.memo[part] += amount
            _add(net, SUSPENDED[part], amount)
            _add(net, CONTRA, -amount)
        else:
            self.on[part] += amount
            _add(net, ON_BALANCE[part], amount)
            _add(net, other, -amount)

    def shrink(self, net: dict[str, int], movement: Movement, part: str, amount: int) -> None:
        """The borrower owes less: paid, or waived."""
        paid = movement.kind != "waiver"
        taken = min(amount, self.off[part])
        if taken:
            self.off[part] -= taken
            _add(net, WRITTEN_OFF[part], -taken)
            _add(net, CONTRA, taken)
            if paid:
                _add(net, "recovery_income", -taken)
            amount -= taken
        taken = min(amount, self.memo[part])
        if taken:
            self.memo[part] -= taken
            _add(net, SUSPENDED[part], -taken)
            _add(net, CONTRA, taken)
            if paid:
                _add(net, INCOME[part], -taken)
            amount -= taken
        if amount:
            self.on[part] -= amount
            _add(net, ON_BALANCE[part], -amount)
            if not paid:
                _add(net, "waiver_loss", amount)

    def share(self, net: dict[str, int], movement: Movement, part: str, change: int) -> int:
        """Keep the partners' share of a change in memo and settle its cash with them; the lender's own share."""
        funding = self.funding
        if funding is None or part not in PARTNERS:
            return change
        before = self.total[part]
        self.total[part] = after = before + change
        own_before, own_after = funding.own_of(before), funding.own_of(after)
        moved = change - (own_after - own_before)
        if moved:
            _add(net, PARTNERS[part], moved)
            _add(net, CONTRA, -moved)
        now = apportion(after - own_after, funding.shares_ppm)
        for place, partner in enumerate(funding.partners):
            theirs = now[place] - self.held[place][part]
            self.held[place][part] = now[place]
            if theirs and movement.kind != "waiver" and movement.kind not in _CHARGES:
                _add(net, f"partner_settlement:{partner}", theirs)
        return own_after - own_before

    def suspend(self, effective: date) -> None:
        """The loan stops accruing: interest and penalty that are owed leave income and go into memo."""
        self.suspended = True
        net: dict[str, int] = {}
        for part, memo in SUSPENDED.items():
            owed = self.on[part]
            if owed:
                self.on[part] = 0
                self.memo[part] += owed
                _add(net, INCOME[part], owed)
                _add(net, ON_BALANCE[part], -owed)
                _add(net, memo, owed)
                _add(net, CONTRA, -owed)
        self.keep(f"{NON_ACCRUAL}:{effective.isoformat()}", "", NON_ACCRUAL, effective, effective, net)

    def write_off(self, net: dict[str, int]) -> None:
        """All claims leave the balance sheet against the allowance; the borrower still owes them."""
        self.written_off = True
        for part in PARTS:
            gone, kept = self.on[part], self.memo[part]
            if gone:
                _add(net, "loss_allowance", gone)
                _add(net, ON_BALANCE[part], -gone)
                _add(net, CONTRA, -gone)
            if kept:
                _add(net, SUSPENDED[part], -kept)
            if gone or kept:
                _add(net, WRITTEN_OFF[part], gone + kept)
            self.off[part] += gone + kept
            self.on[part] = self.memo[part] = 0

    def fee_account(self, movement: Movement) -> str:
        """Income, or the advance that a passed-on cost repays: by the kind of the fee that falls due that day."""
        for place, fee in enumerate(self.fees):
            if fee.on == movement.effective and fee.amount_fen == movement.amounts["costs"]:
                del self.fees[place]
                return "costs_advanced" if fee.kind in ENFORCEMENT_KINDS else "fee_income"
        return "fee_income"

    def keep(
        self, movement_id: str, event_id: str, kind: str, effective: date, known: date, net: dict[str, int]
    ) -> None:
        lines = [Line(name, amount, 0) for name, amount in net.items() if amount > 0]
        lines += [Line(name, 0, -amount) for name, amount in net.items() if amount < 0]
        if lines:
            identity = entry_id(self.loan_id, movement_id, 0)
            self.entries.append(
                Entry(identity, self.loan_id, movement_id, event_id, kind, effective, known, tuple(lines))
            )


def _add(net: dict[str, int], account: str, amount: int) -> None:
    net[account] = net.get(account, 0) + amount
