"""Every loan told again from its events: the stored state, the books and each fen received must be what the events say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from zlib import crc32

from sqlalchemy import bindparam, select, text

from jiehuan.ledger import (
    Entry,
    balances,
    check_balance,
    check_cash,
    check_growth,
    check_principal,
    check_state,
    post,
    read_funding,
    standing_entries,
)
from jiehuan.loan import Event, LoanState, Terms, make_schedule, read_event, read_terms, replay
from jiehuan.store.audit.tally import Audit, Finding, Tally, finding
from jiehuan.store.journal import read_entries
from jiehuan.store.tables import loan, loan_event, loan_state
from jiehuan.units.errors import JiehuanError, Problem
from jiehuan.units.money import format_yuan

LOANS_AT_ONCE = 500

STATED = {
    "principal_outstanding_fen": "principal_outstanding_fen",
    "interest_due_fen": "interest_due_fen",
    "penalty_due_fen": "penalty_due_fen",
    "costs_due_fen": "costs_due_fen",
    "overdue_fen": "overdue_fen",
    "credit_balance_fen": "credit_balance_fen",
    "dpd": "dpd",
    "bucket": "bucket",
    "class": "loan_class",
    "provision_fen": "provision_fen",
    "status": "status",
    "next_due": "next_due",
}
"""Columns of ``loan_state`` and the fields of a replay that they hold."""

CHECKS = {
    "state_is_fold": ("贷款状态等于事件重放", "a loan's state is the fold of its events"),
    "schedule_sums": ("还款计划本金合计等于本金", "the principal of every schedule sums to the loan's"),
    "journal_is_derived": ("分录等于事件应有的分录", "the journal is what the events come to"),
    "journal_grows": ("分录只增且冲销成对", "the journal only grows, and every reversal mirrors one entry"),
    "cash_once": ("每分收款恰好入账一次", "every fen received is found exactly once"),
    "books_equal_state": ("账面余额等于贷款状态", "the books hold what the loan owes, and nothing below zero"),
}


def check_loans(audit: Audit) -> Iterator[Finding]:
    """All checks that need a loan's replay, in one pass over the loans."""
    tallies = {name: Tally() for name in CHECKS}
    for part in _parts(audit):
        rows = audit.connection.execute(_LOANS, {"loans": part}).mappings().all()
        events: dict[str, list[Event]] = {loan_id: [] for loan_id in part}
        unread: dict[str, list[Problem]] = {}
        for said in audit.connection.execute(_EVENTS, {"loans": part}):
            try:
                events[said.loan_id].append(read_event(said.body, f"loan {said.loan_id}"))
            except JiehuanError as error:
                unread.setdefault(said.loan_id, []).extend(error.problems)
        journals = read_entries(audit.connection, part)
        for row in rows:
            loan_id = row["loan_id"]
            if loan_id in unread:
                tallies["state_is_fold"].look(unread[loan_id])
            else:
                _check_loan(row, events[loan_id], journals[loan_id], tallies)
        audit.advance(len(part))
    for name, (zh, en) in CHECKS.items():
        yield finding(name, zh, en, tallies[name])


def _check_loan(row: Any, events: Sequence[Event], entries: Sequence[Entry], tallies: dict[str, Tally]) -> None:
    loan_id, on = row["loan_id"], row["as_of"]
    place = f"loan {loan_id}"
    if on is None:
        tallies["state_is_fold"].look([Problem(place, "", "has no state", "run the day end")])
        return
    try:
        terms = read_terms(row["terms"], place)
        funding = read_funding(row["terms"], place)
        state = replay(terms, events, on)
    except JiehuanError as error:
        tallies["state_is_fold"].look(_at(place, error.problems))
        return
    sold = row["status"] == "sold"
    tallies["state_is_fold"].look(_state(place, row, state, terms, sold))
    tallies["schedule_sums"].look(_schedule(place, terms, state))
    truth = post(state, loan_id, fees=terms.fees, funding=funding)
    tallies["journal_is_derived"].look(_derived(place, entries, truth))
    tallies["journal_grows"].look(_at(place, [*check_balance(entries), *check_growth(entries)]), things=len(entries))
    known = [event for event in events if event.known_on <= on]
    tallies["cash_once"].look(_at(place, check_cash(entries, known)), things=len(known))
    held = check_principal(entries) + (_sold(entries) if sold else check_state(entries, state))
    tallies["books_equal_state"].look(_at(place, held))


def _state(place: str, row: Any, state: LoanState, terms: Terms, sold: bool) -> Iterator[Problem]:
    for column, name in STATED.items():
        kept, said = row[column], getattr(state, name)
        if kept != said and not (column == "status" and sold):
            yield Problem(f"{place}, {column}", str(kept), f"its events come to {said}", "run the day end again")
    for column, said in (
        ("principal_fen", terms.principal_fen),
        ("rate_ppm", terms.rate_ppm),
        ("months", terms.months),
        ("drawn_on", terms.drawn_on),
    ):
        if row[column] != said:
            yield Problem(f"{place}, {column}", str(row[column]), f"its terms say {said}")


def _schedule(place: str, terms: Terms, state: LoanState) -> Iterator[Problem]:
    planned = sum(row.principal_fen for row in make_schedule(terms).instalments)
    running = sum(row.principal_fen for row in state.schedule)
    for name, found in (("schedule as drawn", planned), ("schedule as it stands", running)):
        if found != terms.principal_fen:
            yield Problem(f"{place}, {name}", format_yuan(found), f"principal is {format_yuan(terms.principal_fen)}")


def _derived(place: str, entries: Sequence[Entry], truth: Sequence[Entry]) -> Iterator[Problem]:
    standing, _ = standing_entries(entries)
    for entry in truth:
        kept = standing.pop(entry.movement_id, None)
        if kept is None:
            yield Problem(f"{place}, {entry.movement_id}", "", "was never posted", "run the day end again")
        elif sorted(kept.lines) != sorted(entry.lines) or kept.effective != entry.effective:
            yield Problem(f"{place}, {entry.movement_id}", kept.entry_id, "was posted otherwise than its events say")
    for movement_id, kept in standing.items():
        yield Problem(f"{place}, {movement_id}", kept.entry_id, "is posted, but no event says so")


def _sold(entries: Sequence[Entry]) -> list[Problem]:
    """A sold claim is on nobody's books here."""
    return [
        Problem(f"books, {name}", format_yuan(fen), "the loan is sold, but the books still hold this", "post the sale")
        for name, fen in balances(entries).items()
        if fen and name in {"loan_principal", "interest_receivable", "penalty_receivable", "loss_allowance"}
    ]


def _at(place: str, problems: Sequence[Problem]) -> list[Problem]:
    return [
        Problem(f"{place}, {problem.where}", problem.value, problem.reason, problem.mend)
        if not problem.where.startswith(place)
        else problem
        for problem in problems
    ]


def _parts(audit: Audit) -> Iterator[list[str]]:
    """The loans to replay, some at a time: all, or the share whose ids hash low (the same ones every time)."""
    most = audit.share * 2**32
    last = ""
    while True:
        page = list(audit.connection.execute(_IDS, {"after": last, "most": LOANS_AT_ONCE}).scalars())
        if not page:
            return
        last = page[-1]
        chosen = page if audit.share >= 1 else [loan_id for loan_id in page if crc32(loan_id.encode()) < most]
        if chosen:
            yield chosen


_IDS = text("SELECT loan_id FROM loan WHERE loan_id > :after ORDER BY loan_id LIMIT :most")
_LOANS = (
    select(loan, *(loan_state.c[name] for name in ("as_of", *STATED)))
    .outerjoin(loan_state, loan_state.c.loan_id == loan.c.loan_id)
    .where(loan.c.loan_id.in_(bindparam("loans", expanding=True)))
    .order_by(loan.c.loan_id)
)
_EVENTS = (
    select(loan_event.c.loan_id, loan_event.c.body)
    .where(loan_event.c.loan_id.in_(bindparam("loans", expanding=True)))
    .order_by(loan_event.c.seq)
)
