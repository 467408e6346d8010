"""Entries of money that came in or went out and belongs to no loan yet.

The clearing account's cash is a fact of the bank; whose it is may be learned later. Until then the other side stands on ``suspense``,
by receipt or statement line (``held_id``, in the entry's place for the loan). When the money finds its loan, the hold is undone by a
reversal, known that day, effective as it was, and the loan's own entry takes the cash.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from jiehuan.ledger.entry import Entry, Line, entry_id


def held_entry(held_id: str, n: int, amount_fen: int, effective: date, known: date) -> Entry:
    """Hold money: above zero it came in, below zero it went out. ``n``: how many entries ``held_id`` has already."""
    if not amount_fen:
        raise ValueError("nothing cannot be held")
    fen = abs(amount_fen)
    up, down = ("cash", "suspense") if amount_fen > 0 else ("suspense", "cash")
    lines = (Line(up, fen, 0), Line(down, 0, fen))
    return Entry(entry_id(held_id, "held", n), held_id, "", "", "held", effective, max(known, effective), lines)


def returned_entry(held_id: str, n: int, amount_fen: int, on: date) -> Entry:
    """Money in suspense goes back to who sent it."""
    lines = (Line("suspense", amount_fen, 0), Line("cash", 0, amount_fen))
    return Entry(entry_id(held_id, "returned", n), held_id, "", "", "returned", on, on, lines)


def bank_charge_entry(held_id: str, n: int, amount_fen: int, on: date) -> Entry:
    """Money that went out was the bank's charge: an expense."""
    lines = (Line("bank_charges", amount_fen, 0), Line("suspense", 0, amount_fen))
    return Entry(entry_id(held_id, "bank_charge", n), held_id, "", "", "bank_charge", on, on, lines)


def held_fen(entries: Iterable[Entry]) -> int:
    """What is in suspense, fen: above zero money that came in, below zero money that went out."""
    return sum(line.credit - line.debit for entry in entries for line in entry.lines if line.account == "suspense")
