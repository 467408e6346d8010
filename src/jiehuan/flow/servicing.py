"""A booked loan in the database: read it, add an event to it, keep its journal and state true to its events.

The events are the truth. ``record`` adds one under the loan's lock; journal and state are what the kernel and the ledger
make of all events, so a state that disagrees with its events cannot be written here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from jiehuan.ledger import Entry, Funding, journal, late, read_funding
from jiehuan.loan import Event, LoanState, Terms, read_event, read_terms, replay
from jiehuan.store import tables
from jiehuan.store.act import Deed, Message, Seen, keep, look
from jiehuan.store.journal import append_entries, missing
from jiehuan.store.locks import lock_loan
from jiehuan.store.rows import upsert
from jiehuan.units.errors import Conflict, Problem, Refused


@dataclass(frozen=True)
class Held:
    """A loan as stored: its row, its terms, its events in the order they were recorded, and who funds it beside the lender."""

    row: Mapping[str, Any]
    terms: Terms
    events: tuple[Event, ...]
    funding: Funding | None = None

    @property
    def loan_id(self) -> str:
        """The loan's id."""
        return str(self.row["loan_id"])

    def state(self, on: date) -> LoanState:
        """The loan on the evening of ``on``, by what was known then."""
        return replay(self.terms, self.events, on)

    def journal(self, state: LoanState) -> tuple[Entry, ...]:
        """All entries up to the day of a state of this loan."""
        return journal(self.terms, self.events, state.on, self.loan_id, funding=self.funding, state=state)

    def own_provision(self, state: LoanState) -> int:
        """The provision that the lender's books hold, fen: of a joint loan, on the lender's own share."""
        return state.provision_fen if self.funding is None else self.funding.own_of(state.provision_fen)


def load_loan(connection: Connection, loan_id: str, *, lock: bool = False) -> Held:
    """Read one loan. ``lock`` holds it until the transaction ends. Raises Refused when there is none."""
    if lock:
        lock_loan(connection, loan_id)
    found = list(load_loans(connection, [loan_id]))
    if not found:
        raise Refused(Problem("loan_id", loan_id, "no such loan", "check the id"))
    return found[0]


def load_loans(connection: Connection, loan_ids: Sequence[str] | None = None) -> Iterable[Held]:
    """Read loans with their events, by id (all when ``loan_ids`` is None), in order of id."""
    loans = select(tables.loan).order_by(tables.loan.c.loan_id)
    events = select(tables.loan_event.c.loan_id, tables.loan_event.c.body).order_by(tables.loan_event.c.seq)
    if loan_ids is not None:
        loans = loans.where(tables.loan.c.loan_id.in_(loan_ids))
        events = events.where(tables.loan_event.c.loan_id.in_(loan_ids))
    by_loan: dict[str, list[Event]] = {}
    for loan_id, body in connection.execute(events):
        by_loan.setdefault(loan_id, []).append(read_event(body, f"loan {loan_id}"))
    for row in connection.execute(loans).mappings():
        loan_id, said = row["loan_id"], row["terms"]
        yield Held(dict(row), read_terms(said, loan_id), tuple(by_loan.get(loan_id, ())), read_funding(said, loan_id))


@dataclass(frozen=True, slots=True)
class Taken:
    """What an event came to: the event as recorded, the loan's bare state after it (no schedule), and whether it came before."""

    event: Event
    state: LoanState
    repeated: bool


Tell = Callable[[Taken], tuple[Message, Deed]]
"""What to tell the world and the activity log of an event that was taken."""


def record(connection: Connection, loan_id: str, event: Mapping[str, Any], key: str, on: date) -> LoanState:
    """Add an event (a ``loan replay`` event document) to a loan and post what it moves; the bare state on the day it is known.

    The same ``key`` with the same event gives the same answer; with another event it is a Conflict. Raises Refused when
    the event does not fit the loan (the kernel's reasons). Knowledge never goes back: an event that comes after the books
    have gone on to a later day is known on that day.
    """
    return take(connection, loan_id, event, key, on).state


def take(
    connection: Connection,
    loan_id: str,
    event: Mapping[str, Any],
    key: str,
    on: date,
    *,
    tell: Tell | None = None,
    ours: bool = False,
) -> Taken:
    """The same, with what is told of it written beside it. ``ours``: refuse a loan that was sold.

    The journal is brought up to date from its end when the event comes in order; an event that became known late, or that
    undoes another, has every stored entry compared with what the events come to now.
    """
    seen = look(connection, loan_id, key)
    if ours:
        _must_be_ours(loan_id, seen.status)
    terms, funding = _terms(seen.terms)
    events = tuple(_event(body) for body in seen.events)
    booked = (day for day in (seen.as_of, seen.booked_to) if day is not None)
    on = max([on, *booked, *(one.known_on for one in events)])
    read = read_event({**event, "known_on": on.isoformat()}, f"loan {loan_id}")
    if seen.same_key is not None:
        same_loan, body = seen.same_key
        if same_loan != loan_id or _content(json.loads(body)) != _content(read.as_document()):
            raise Conflict(Problem("idempotency key", key, "was used before with other content", "use a new key"))
        return Taken(_event(body), replay(terms, events, on, bare=True), repeated=True)
    after = (*events, read)
    state = replay(terms, after, on, bare=True)  # refuses what does not fit, before anything is written
    wanted = journal(terms, after, on, loan_id, funding=funding, state=state)
    taken = Taken(read, state, repeated=False)
    message, deed = tell(taken) if tell else (None, None)
    fresh = _fresh(connection, seen, after, wanted)
    keep(connection, seen, read, key, fresh, state_row(loan_id, state), message, deed)
    return taken


def _fresh(connection: Connection, seen: Seen, events: Sequence[Event], wanted: Sequence[Entry]) -> list[Entry]:
    """The entries of a journal that are not stored yet."""
    there = len(seen.posted)
    if not any(late(event) for event in events) and [entry.entry_id for entry in wanted[:there]] == list(seen.posted):
        return list(wanted[there:])
    return missing(connection, seen.loan_id, wanted)


def _must_be_ours(loan_id: str, status: str | None) -> None:
    if status == "sold":
        reason = "the claim was sold; the money belongs to its buyer"
        raise Refused(Problem("loan_id", loan_id, reason, "pass it on by the terms of the sale", zh="债权已转让"))


@lru_cache(maxsize=20_000)
def _terms(said: str) -> tuple[Terms, Funding | None]:
    """Terms and funding of a loan from the JSON text of its row; the same text was read before, mostly."""
    document = json.loads(said)
    return read_terms(document), read_funding(document)


@lru_cache(maxsize=100_000)
def _event(said: str) -> Event:
    return read_event(json.loads(said))


def _content(document: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says, whenever it became known: a retry on the next day is the same event."""
    return {name: value for name, value in document.items() if name != "known_on"}


def books_day(connection: Connection, held: Held, on: date) -> date:
    """``on``, or the later day to which a loan's books have gone, or the whole book's: knowledge never goes back."""
    booked: list[date] = [
        day for day in connection.execute(_BOOKED_TO, {"loan": held.loan_id}).one() if day is not None
    ]
    return max([on, *(event.known_on for event in held.events), *booked])


_BOOKED_TO = text(
    'SELECT (SELECT as_of FROM loan_standing WHERE loan_id = :loan), (SELECT "on" FROM day_end_run'
    ' WHERE positions IS NOT NULL OR finished_at IS NULL ORDER BY "on" DESC LIMIT 1)'
)


def keep_state(connection: Connection, held: Held, state: LoanState) -> None:
    """Post what is new in a loan's journal up to the state's day, and keep the state."""
    append_entries(connection, held.loan_id, held.journal(state))
    upsert(connection, tables.loan_standing, [state_row(held.loan_id, state)])


def state_row(loan_id: str, state: LoanState) -> dict[str, Any]:
    """A state as the row of table ``loan_standing``."""
    running = state.running
    return {
        "loan_id": loan_id,
        "as_of": state.on,
        "principal_outstanding_fen": state.principal_outstanding_fen,
        "interest_due_fen": state.interest_due_fen,
        "penalty_due_fen": state.penalty_due_fen,
        "costs_due_fen": state.costs_due_fen,
        "overdue_fen": state.overdue_fen,
        "credit_balance_fen": state.credit_balance_fen,
        "class": state.loan_class,
        "provision_fen": state.provision_fen,
        "status": state.status,
        "next_due": state.next_due,
        "oldest_due": state.oldest_due,
        "penalty_base_fen": running and running.base_fen,
        "penalty_fen_days": running and running.fen_days,
        "penalty_numerator": running and running.numerator,
        "penalty_denominator": running and running.denominator,
    }


def mark_sold(connection: Connection, loan_id: str) -> None:
    """A sold claim is no longer the lender's: its state says so and day end passes it by."""
    connection.execute(insert(tables.loan_touched).values(loan_id=loan_id))
    connection.execute(update(tables.loan_standing).where(tables.loan_standing.c.loan_id == loan_id).values(status="sold"))
