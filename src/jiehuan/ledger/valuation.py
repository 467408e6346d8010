"""Entries that no movement of the loan causes: provisions, accrued interest, costs paid in advance, the sale of the claim.

A provision or an accrual is the difference between what the books hold and what they should hold, so that posting it twice posts it once,
and a day that was skipped is made good by the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from jiehuan.ledger.chart import account
from jiehuan.ledger.entry import Entry, Line, entry_id
from jiehuan.ledger.funding import Funding, apportion
from jiehuan.ledger.posting import PARTNERS


def provision_entry(loan_id: str, on: date, old_fen: int, new_fen: int) -> Entry | None:
    """Bring a loan's allowance from ``old_fen`` (what the books hold) to ``new_fen``; None when it is there already.

    After a write-off the books may hold less than zero, where the allowance did not cover the loss: old is negative
    then, and the entry makes the shortfall a loss.
    """
    return _change("provision", loan_id, on, old_fen, new_fen, debit="impairment_loss", credit="loss_allowance")


def accrual_entry(loan_id: str, on: date, old_fen: int, new_fen: int) -> Entry | None:
    """Bring interest accrued but not yet due from what the books hold to what the loan says; None when it is there.

    When the interest falls due the loan's accrued interest drops, and the next day end takes the accrual back.
    """
    return _change("accrual", loan_id, on, old_fen, new_fen, debit="accrued_interest", credit="interest_income")


def advance_entry(loan_id: str, on: date, amount_fen: int, reference: str) -> Entry:
    """A court's or agent's fee that the lender paid for a loan; ``reference`` is the receipt, once each."""
    if amount_fen <= 0:
        raise ValueError(f"an advance must be above zero, got {amount_fen} fen")
    lines = (Line("costs_advanced", amount_fen, 0), Line("cash", 0, amount_fen))
    return Entry(entry_id(loan_id, "advance", reference), loan_id, "", "", "advance", on, on, lines)


def sale_entry(
    loan_id: str, on: date, price_fen: int, held: Mapping[str, int], reference: str, funding: Funding | None = None
) -> Entry:
    """The loan is sold: its claims leave the books for the price, its allowance is used, the rest is gain or loss.

    ``held``: what the books hold of the loan, debit less credit by account (``balances``). The price of a claim that was
    written off is a recovery. Of a joint loan the whole claim is sold: the price is shared as the claims stand, and the
    partners' part of it is owed to them. The borrower's credit stays. Raises ValueError for a price below zero, a loan of
    which the books hold no claim, or partners' claims without ``funding``.
    """
    if price_fen < 0:
        raise ValueError(f"a price must not be below zero, got {price_fen} fen")
    claims = {name: fen for name, fen in held.items() if fen and _own_claim(name)}
    theirs = {name: fen for name, fen in held.items() if fen and name in PARTNERS.values()}
    if not claims and not theirs:
        raise ValueError(f"the books hold no claim on loan {loan_id}")
    if theirs and funding is None:
        raise ValueError(f"the books hold partners' claims on loan {loan_id}: its funding is missing")
    owed = sum(fen for name, fen in claims.items() if name != "loss_allowance")
    own_price, their_price = apportion(price_fen, [owed, sum(theirs.values())])
    net = {name: -fen for name, fen in (claims | theirs).items()}
    memo = sum(fen for name, fen in claims.items() if account(name).type == "memo")
    sheet = sum(claims.values()) - memo
    off_balance = all(account(name).type == "memo" for name in claims)
    net["memo_contra"] = memo + sum(theirs.values())
    net["cash"] = price_fen
    net["recovery_income" if off_balance else "disposal_result"] = sheet - own_price
    if funding is not None:
        for partner, share in zip(funding.partners, apportion(their_price, funding.shares_ppm), strict=True):
            net[f"partner_settlement:{partner}"] = -share
    lines = [Line(name, fen, 0) for name, fen in net.items() if fen > 0]
    lines += [Line(name, 0, -fen) for name, fen in net.items() if fen < 0]
    return Entry(entry_id(loan_id, "sale", reference), loan_id, "", "", "sale", on, on, tuple(lines))


def _own_claim(name: str) -> bool:
    kind = account(name)
    if kind.type == "memo":
        return name.startswith(("suspended_", "written_off_"))
    return kind.type == "asset" and name not in {"cash", "costs_advanced"}


def _change(kind: str, loan_id: str, on: date, old: int, new: int, *, debit: str, credit: str) -> Entry | None:
    if new == old:
        return None
    amount = abs(new - old)
    up, down = (debit, credit) if new > old else (credit, debit)
    identity = entry_id(loan_id, kind, on.isoformat(), old, new)
    return Entry(identity, loan_id, "", "", kind, on, on, (Line(up, amount, 0), Line(down, 0, amount)))
