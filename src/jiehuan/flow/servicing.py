"""A booked loan in the database: read it, add an event to it, keep its journal and state true to its events.

The events are the truth. ``record`` adds one under the loan's lock; journal and state are what the kernel and the ledger
make of all events, so a state that disagrees with its events cannot be written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from jiehuan.ledger import journal
from jiehuan.loan import Event, LoanState, Terms, read_event, read_terms, replay
from jiehuan.store import tables
from jiehuan.store.journal import append_entries
from jiehuan.store.locks import lock_loan
from jiehuan.store.rows import upsert
from jiehuan.units.errors import Conflict, Problem, Refused


@dataclass(frozen=True)
class Held:
    """A loan as stored: its row, its terms, and its events in the order they were recorded."""

    row: Mapping[str, Any]
    terms: Terms
    events: tuple[Event, ...]

    @property
    def loan_id(self) -> str:
        """The loan's id."""
        return str(self.row["loan_id"])

    def state(self, on: date) -> LoanState:
        """The loan on the evening of ``on``, by what was known then."""
        return replay(self.terms, self.events, on)


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
        yield Held(dict(row), read_terms(row["terms"], row["loan_id"]), tuple(by_loan.get(row["loan_id"], ())))


def record(connection: Connection, loan_id: str, event: Mapping[str, Any], key: str, on: date) -> LoanState:
    """Add an event (a ``loan replay`` event document) to a loan and post what it moves; the state on ``on``.

    The same ``key`` with the same event gives the same answer; with another event it is a Conflict. Raises Refused when
    the event does not fit the loan (the kernel's reasons). Knowledge never goes back: an event that comes after the books
    have gone on to a later day is known on that day.
    """
    held = load_loan(connection, loan_id, lock=True)
    on = books_day(connection, held, on)
    read = read_event({**event, "known_on": on.isoformat()}, f"loan {loan_id}")
    known = connection.execute(
        select(tables.loan_event.c.loan_id, tables.loan_event.c.body).where(tables.loan_event.c.idempotency_key == key)
    ).one_or_none()
    if known is not None:
        if known.loan_id != loan_id or _content(known.body) != _content(read.as_document()):
            raise Conflict(Problem("idempotency key", key, "was used before with other content", "use a new key"))
        return held.state(on)
    after = Held(held.row, held.terms, (*held.events, read))
    state = after.state(on)  # refuses what does not fit, before anything is written
    connection.execute(
        insert(tables.loan_event).values(
            loan_id=loan_id, event_id=read.id, kind=read.kind, effective_on=read.on, known_on=read.known_on,
            body=read.as_document(), idempotency_key=key,
        )
    )  # fmt: skip
    keep_state(connection, after, state)
    return state


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
    'SELECT (SELECT as_of FROM loan_state WHERE loan_id = :loan), (SELECT "on" FROM day_end_run'
    ' WHERE positions IS NOT NULL OR finished_at IS NULL ORDER BY "on" DESC LIMIT 1)'
)


def keep_state(connection: Connection, held: Held, state: LoanState) -> None:
    """Post what is new in a loan's journal up to the state's day, and keep the state."""
    append_entries(connection, held.loan_id, journal(held.terms, held.events, state.on, held.loan_id, state=state))
    upsert(connection, tables.loan_state, [state_row(held.loan_id, state)])


def state_row(loan_id: str, state: LoanState) -> dict[str, Any]:
    """A state as the row of table ``loan_state``."""
    return {
        "loan_id": loan_id,
        "as_of": state.on,
        "principal_outstanding_fen": state.principal_outstanding_fen,
        "interest_due_fen": state.interest_due_fen,
        "penalty_due_fen": state.penalty_due_fen,
        "costs_due_fen": state.costs_due_fen,
        "overdue_fen": state.overdue_fen,
        "credit_balance_fen": state.credit_balance_fen,
        "dpd": state.dpd,
        "bucket": state.bucket,
        "class": state.loan_class,
        "provision_fen": state.provision_fen,
        "status": state.status,
        "next_due": state.next_due,
    }


def mark_sold(connection: Connection, loan_id: str) -> None:
    """A sold claim is no longer the lender's: its state says so and day end passes it by."""
    connection.execute(insert(tables.loan_touched).values(loan_id=loan_id))
    connection.execute(update(tables.loan_state).where(tables.loan_state.c.loan_id == loan_id).values(status="sold"))
