"""Each check of the journal catches the fault that it is for; a sound journal passes all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from jiehuan.ledger import Entry, Line, check_journal, journal, reversal
from jiehuan.loan import read_events, read_terms, replay

TERMS = read_terms({
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": "2025-12-01",
})  # fmt: skip
EVENTS = read_events([
    {"id": "e1", "on": "2026-01-01", "kind": "repayment", "amount": "916.80"},
    {"id": "e2", "on": "2026-02-01", "kind": "repayment", "amount": "916.80"},
])  # fmt: skip
ON = date(2026, 2, 10)
SOUND = list(journal(TERMS, EVENTS, ON, "ln_1"))

TOO_MUCH = (Line("cash", 10**7, 0), Line("loan_principal", 0, 10**7))


def problems(entries: list[Entry], **changed: Any) -> str:
    known = {"state": replay(TERMS, EVENTS, ON), "events": EVENTS, **changed}
    return "\n".join(str(problem) for problem in check_journal(entries, **known))


def changed(place: int, **values: Any) -> list[Entry]:
    return [entry._replace(**values) if n == place else entry for n, entry in enumerate(SOUND)]


def interest(account: str, debit: int, income: int) -> list[Entry]:
    """The second entry with other lines."""
    return changed(1, lines=(Line(account, debit, 0), Line("interest_income", 0, income)))


def test_a_sound_journal_passes() -> None:
    assert problems(SOUND) == ""
    assert [entry.kind for entry in SOUND] == ["draw", "interest", "repayment", "interest", "repayment"]


FAULTS: dict[str, Callable[[], tuple[list[Entry], str]]] = {
    "unbalanced": lambda: (interest("interest_receivable", 15_000, 14_999), "debits and credits differ"),
    "memo against balance sheet": lambda: (interest("suspended_interest", 15_000, 15_000), "debits and credits differ"),
    "no lines": lambda: (changed(1, lines=()), "has no lines"),
    "two sides": lambda: (changed(1, lines=(Line("interest_receivable", 5, 5),)), "not one side"),
    "negative": lambda: (interest("interest_receivable", -5, -5), "not one side"),
    "unknown account": lambda: (interest("interest_recievable", 15_000, 15_000), "no such account"),
    "posted twice": lambda: ([*SOUND, SOUND[-1]], "posted twice"),
    "an entry is missing": lambda: (SOUND[:2] + SOUND[3:], "received 916.80"),
    "cash doubled under another id": lambda: ([*SOUND, SOUND[-1]._replace(entry_id="en_x")], "received 916.80"),
    "cash of nobody": lambda: ([*SOUND, SOUND[-1]._replace(entry_id="en_x", event_id="e9", movement_id="repayment:e9")], "no such event"),
    "known out of order": lambda: (changed(0, known=date(2026, 2, 9)), "known before the entry ahead"),
    "known too early": lambda: (changed(0, effective=date(2025, 12, 2), known=date(2025, 12, 1)), "before it took effect"),
    "undoes nothing": lambda: ([*SOUND, reversal(SOUND[-1]._replace(entry_id="en_none"), ON)], "not before it"),
    "undone twice": lambda: ([*SOUND, reversal(SOUND[-1], ON), reversal(SOUND[-1], ON)._replace(entry_id="en_y")], "a second time"),
    "not a mirror": lambda: ([*SOUND, reversal(SOUND[-1], ON)._replace(lines=SOUND[-1].lines)], "does not mirror"),
    "principal below zero": lambda: ([*SOUND, SOUND[2]._replace(entry_id="en_z", known=ON, lines=TOO_MUCH)], "loan_principal '-"),
    "books and loan differ": lambda: (SOUND[:-1], "the loan's state says"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_planted_fault_is_caught(fault: str) -> None:
    entries, words = FAULTS[fault]()
    assert words in problems(entries)


def test_a_reversed_receipt_must_be_gone() -> None:
    reversing = read_events(
        [*(event.as_document() for event in EVENTS), {"id": "e3", "on": "2026-02-09", "kind": "reversal", "of": "e2"}]
    )
    state = replay(TERMS, reversing, ON)
    assert "received 0.00" in problems(SOUND, events=reversing, state=state)
    assert problems(list(journal(TERMS, reversing, ON, "ln_1")), events=reversing, state=state) == ""
