"""The books of the lender: double entry, append-only, in integer fen.

>>> from datetime import date
>>> from jiehuan.loan import read_terms
>>> terms = read_terms({"lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12,
...                     "method": "equal_instalment", "drawn_on": "2026-01-15"})
>>> for entry in journal(terms, (), date(2026, 3, 1), "ln_1"):
...     print(entry.kind, entry.effective, *(f"{line.account} {line.debit - line.credit:+d}" for line in entry.lines))
draw 2026-01-15 loan_principal +1000000 cash -1000000
interest 2026-02-15 interest_receivable +15000 interest_income -15000
"""

from jiehuan.ledger.chart import PARTS, Account, account, chart, non_accrual_above_dpd
from jiehuan.ledger.check import (
    check_balance,
    check_cash,
    check_growth,
    check_journal,
    check_principal,
    check_state,
    trial_balance,
)
from jiehuan.ledger.entry import Entry, Line, balances, entry_id, reversal
from jiehuan.ledger.funding import Funding, apportion, read_funding
from jiehuan.ledger.journal import amended, journal, late, standing_entries
from jiehuan.ledger.posting import post, post_interest
from jiehuan.ledger.suspense import bank_charge_entry, held_entry, held_fen, returned_entry
from jiehuan.ledger.valuation import accrual_entry, advance_entry, provision_entry, sale_entry

__all__ = [
    "PARTS",
    "Account",
    "Entry",
    "Funding",
    "Line",
    "account",
    "accrual_entry",
    "advance_entry",
    "amended",
    "apportion",
    "balances",
    "bank_charge_entry",
    "chart",
    "check_balance",
    "check_cash",
    "check_growth",
    "check_journal",
    "check_principal",
    "check_state",
    "entry_id",
    "held_entry",
    "held_fen",
    "journal",
    "late",
    "non_accrual_above_dpd",
    "post",
    "post_interest",
    "provision_entry",
    "read_funding",
    "returned_entry",
    "reversal",
    "sale_entry",
    "standing_entries",
    "trial_balance",
]
