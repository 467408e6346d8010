"""What must always hold of a journal; each fault is a Problem, none is raised.

The checks are separate functions from entries to problems, so that ``audit`` can name and count each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from jiehuan.ledger.chart import PARTS, account
from jiehuan.ledger.entry import Entry, balances
from jiehuan.loan import Event, LoanState
from jiehuan.units.errors import Problem
from jiehuan.units.money import format_yuan

RECEIPTS = frozenset({"repayment", "prepayment", "settlement", "recovery"})
"""Events by which the lender receives money."""

HOLDERS: Mapping[str, tuple[str, ...]] = {
    "principal": ("loan_principal", "written_off_principal", "partner_principal"),
    "interest": ("interest_receivable", "suspended_interest", "written_off_interest", "partner_interest"),
    "penalty": ("penalty_receivable", "suspended_penalty", "written_off_penalty", "partner_penalty"),
    "costs": ("costs_receivable", "written_off_costs"),
}
"""The accounts that together hold what the borrower owes by part."""


def trial_balance(entries: Iterable[Entry]) -> dict[str, tuple[int, int]]:
    """Debits and credits by account, fen; their sums are equal."""
    found: dict[str, list[int]] = {}
    for entry in entries:
        for name, debit, credit in entry.lines:
            sums = found.setdefault(name, [0, 0])
            sums[0] += debit
            sums[1] += credit
    return {name: (debit, credit) for name, (debit, credit) in sorted(found.items())}


def check_journal(
    entries: Sequence[Entry], *, state: LoanState | None = None, events: Sequence[Event] | None = None
) -> list[Problem]:
    """All checks on one loan's journal, in order of knowledge.

    ``state``: the loan's replay on the journal's last day, whose balances the books must equal. ``events``: what was
    known by then; every fen received must be found exactly once.
    """
    problems = [*check_balance(entries), *check_growth(entries), *check_principal(entries)]
    if events is not None:
        problems += check_cash(entries, events)
    if state is not None:
        problems += check_state(entries, state)
    return problems


def check_balance(entries: Iterable[Entry]) -> list[Problem]:
    """Debits equal credits in every entry, balance sheet and memo apart; every line has one side and an account."""
    problems: list[Problem] = []
    for entry in entries:
        place = f"entry {entry.entry_id}"
        sheet = memo = 0
        for name, debit, credit in entry.lines:
            if debit < 0 or credit < 0 or (debit == 0) == (credit == 0):
                shown = f"{format_yuan(debit)} / {format_yuan(credit)}"
                problems.append(Problem(f"{place}, {name}", shown, "not one side above zero"))
            try:
                kind = account(name).type
            except KeyError:
                problems.append(Problem(place, name, "no such account", "see the chart of accounts"))
                continue
            if kind == "memo":
                memo += debit - credit
            else:
                sheet += debit - credit
        if sheet or memo or not entry.lines:
            over = format_yuan(sheet or memo)
            problems.append(Problem(place, over, "debits and credits differ" if entry.lines else "has no lines"))
    return problems


def check_growth(entries: Iterable[Entry]) -> list[Problem]:
    """The journal only grows: in order of knowledge, no id twice, every reversal the mirror of one earlier entry."""
    problems: list[Problem] = []
    seen: dict[str, Entry] = {}
    undone: set[str] = set()
    last = date.min
    for entry in entries:
        place = f"entry {entry.entry_id}"
        if entry.known < last:
            problems.append(Problem(place, str(entry.known), f"known before the entry ahead of it ({last})"))
        last = max(last, entry.known)
        if entry.known < entry.effective:
            problems.append(Problem(place, str(entry.known), f"known before it took effect ({entry.effective})"))
        if entry.entry_id in seen:
            problems.append(Problem(place, "", "posted twice"))
        seen[entry.entry_id] = entry
        if entry.reverses:
            other = seen.get(entry.reverses)
            if other is None:
                problems.append(Problem(place, entry.reverses, "undoes an entry that is not before it"))
            elif entry.reverses in undone:
                problems.append(Problem(place, entry.reverses, "undoes an entry a second time"))
            elif sorted((line.account, line.credit, line.debit) for line in entry.lines) != sorted(other.lines):
                problems.append(Problem(place, entry.reverses, "does not mirror the entry that it undoes"))
            undone.add(entry.reverses)
    return problems


def check_principal(entries: Sequence[Entry]) -> list[Problem]:
    """No claim is below zero on the evening of any day of knowledge."""
    problems: list[Problem] = []
    running: dict[str, int] = {}
    never = {name for names in HOLDERS.values() for name in names} | {"borrower_credit"}
    for place, entry in enumerate(entries):
        for name, debit, credit in entry.lines:
            if name in never:
                running[name] = running.get(name, 0) + (credit - debit if name == "borrower_credit" else debit - credit)
        if place + 1 == len(entries) or entries[place + 1].known != entry.known:
            for name, balance in running.items():
                if balance < 0:
                    where = f"loan {entry.loan_id} on {entry.known}, {name}"
                    problems.append(Problem(where, format_yuan(balance), "below zero"))
                    running[name] = 0  # say it once
    return problems


def check_cash(entries: Iterable[Entry], events: Sequence[Event]) -> list[Problem]:
    """Every fen received is found exactly once: the cash of each event's standing entries is the event's amount.

    A reversed event has none. A settlement that states no amount was for what the loan asked: any one receipt will do.
    """
    problems: list[Problem] = []
    cash: dict[str, int] = {}
    receipts: dict[str, set[str]] = {}
    for entry in entries:
        for name, debit, credit in entry.lines:
            if name == "cash" and entry.event_id:
                cash[entry.event_id] = cash.get(entry.event_id, 0) + debit - credit
                receipts.setdefault(entry.event_id, set()).symmetric_difference_update(
                    {entry.reverses or entry.entry_id}
                )
    reversed_ids = {event.of for event in events if event.kind == "reversal"}
    for event in events:
        found = cash.pop(event.id, 0)
        if event.id in reversed_ids:
            wanted = 0
        elif event.kind == "refund":
            wanted = -(event.amount_fen or 0)
        elif event.kind in RECEIPTS:
            wanted = found if event.amount_fen is None else event.amount_fen
        else:
            wanted = 0
        if found != wanted or len(receipts.get(event.id, ())) > 1:
            where = f"event {event.id}, {event.kind}"
            reason = f"received {format_yuan(wanted)}, but the journal holds this much cash for it"
            problems.append(Problem(where, format_yuan(found), reason))
    problems += [
        Problem(f"event {event_id}", format_yuan(found), "cash in the journal, but no such event")
        for event_id, found in cash.items()
        if found
    ]
    return problems


def check_state(entries: Iterable[Entry], state: LoanState) -> list[Problem]:
    """The books hold what the loan says the borrower owes, part by part, and what the lender owes the borrower."""
    held = balances(entries)
    said = {
        "principal": state.principal_outstanding_fen,
        "interest": state.interest_due_fen,
        "penalty": state.penalty_due_fen - state.penalty_unstated_fen,
        "costs": state.costs_due_fen,
    }
    problems: list[Problem] = []
    for part in PARTS:
        in_books = sum(held.get(name, 0) for name in HOLDERS[part])
        if in_books != said[part]:
            reason = f"the loan's state says {format_yuan(said[part])}"
            problems.append(Problem(f"books, {part}", format_yuan(in_books), reason))
    credit = -held.get("borrower_credit", 0)
    if credit != state.credit_balance_fen:
        reason = f"the loan's state says {format_yuan(state.credit_balance_fen)}"
        problems.append(Problem("books, credit of the borrower", format_yuan(credit), reason))
    return problems
