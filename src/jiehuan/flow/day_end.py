"""Day end: every loan to the evening of a day: interest that fell due, dpd, class, penalty, provision, in state and journal.

Catching up over several days gives what day by day gives, since a state is a fold of events, not of yesterday's state. A state that
follows from the one that is stored (one more day past due, a penalty that ran on) is not written: the view ``loan_state`` tells it. At a
month's end the book is photographed (table ``book_snapshot``): vintages and roll rates are made of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, select, text

from jiehuan.flow.activity import note
from jiehuan.flow.admission_evening import end_admission_day
from jiehuan.flow.servicing import Held, load_loans, state_row
from jiehuan.ledger import provision_entry
from jiehuan.loan import LoanState
from jiehuan.store import tables
from jiehuan.store.journal import allowances, append_many
from jiehuan.store.rows import copy_rows, insert_missing, upsert
from jiehuan.units.days import CHINA
from jiehuan.units.money import half_up

DONE = ("settled", "sold")


def day_end(connection: Connection, on: date, on_progress: Callable[[int], None] | None = None) -> dict[str, Any]:
    """Bring every open loan to ``on``; counts of loans, of those overdue, of states written and of entries posted. Twice changes nothing.

    All in the caller's transaction, with every open loan locked: for small books. ``flow.closing`` does it in batches.
    """
    standing = tables.loan_standing
    open_ids = select(standing.c.loan_id).where(standing.c.status.not_in(DONE))
    connection.execute(_LOCK_OPEN, {"done": list(DONE)})
    ids = list(connection.execute(open_ids.where(standing.c.as_of <= on)).scalars())
    stored = _stored(connection, ids)
    held_by_books = allowances(connection, ids)
    states: list[tuple[Held, LoanState]] = []
    entries = []
    for held in load_loans(connection, ids):
        state = held.state(on)
        states.append((held, state))
        posted = list(held.journal(state))
        provision = provision_entry(held.loan_id, on, held_by_books[held.loan_id], held.own_provision(state))
        entries.append((held.loan_id, posted + ([provision] if provision else [])))
        if on_progress:
            on_progress(1)
    posted_count = append_many(connection, entries)
    rows = [state_row(held.loan_id, state) for held, state in states]
    changed = [row for row in rows if not lasts(stored[row["loan_id"]], row)]
    upsert(connection, standing, changed)
    connection.execute(_LOOKED, {"on": on, "loans": ids, "done": list(DONE)})
    if (on + timedelta(days=1)).day == 1:
        photographed = [(held.loan_id, state) for held, state in states]
        keep_snapshot(connection, on, photographed + ended_since_photograph(connection, on))
    upsert(connection, tables.day_end_run, [{"on": on, "finished_at": datetime.now(UTC), "positions": ""}])
    end_admission_day(connection, on)
    overdue = sum(1 for _, state in states if state.dpd > 0)
    counts = {
        "on": on.isoformat(),
        "loans": len(states),
        "overdue": overdue,
        "changed": len(changed),
        "entries": posted_count,
    }
    note(connection, datetime.combine(on, time(23, 59), CHINA), "system", "day_end", on.isoformat(), counts)
    return counts


_LOCK_OPEN = text(
    "SELECT count(*) FROM (SELECT loan_id FROM loan_standing WHERE status <> ALL(:done) ORDER BY loan_id FOR NO KEY UPDATE) AS held"
)


_LOOKED = text(
    "DELETE FROM loan_touched t USING loan_standing s WHERE s.loan_id = t.loan_id AND s.as_of <= :on"
    " AND (t.loan_id = ANY(:loans) OR s.status = ANY(:done))"
)


def _stored(connection: Connection, ids: list[str]) -> dict[str, Mapping[str, Any]]:
    standing = tables.loan_standing
    rows = connection.execute(select(standing).where(standing.c.loan_id.in_(ids))).mappings()
    return {row["loan_id"]: dict(row) for row in rows}


def lasts(stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> bool:
    """Whether a loan's stored row says of the fresh row's day what that one says: nothing happened but that days went by.

    It is the view's way to count on, and the audit holds the two together: the penalty is the running total, half up, once.
    """
    if any(
        stored[name] != value
        for name, value in fresh.items()
        if name not in {"as_of", "penalty_due_fen", "penalty_fen_days"}
    ):
        return False
    grown = 0
    if stored["penalty_base_fen"] is not None:
        days = (fresh["as_of"] - stored["as_of"]).days
        if fresh["penalty_fen_days"] != stored["penalty_fen_days"] + stored["penalty_base_fen"] * days:
            return False
        up, down = stored["penalty_numerator"], stored["penalty_denominator"]
        before, after = (half_up(row["penalty_fen_days"] * up, down) for row in (stored, fresh))
        grown = after - before
    return bool(fresh["penalty_due_fen"] == stored["penalty_due_fen"] + grown)


def ended_since_photograph(connection: Connection, on: date) -> list[tuple[str, LoanState]]:
    """Loans that ended since the last photograph: they are photographed once more, as ended."""
    photo = select(tables.book_snapshot.c.loan_id).where(tables.book_snapshot.c.status.in_(DONE))
    ids = connection.execute(
        select(tables.loan_state.c.loan_id).where(
            tables.loan_state.c.status == "settled", tables.loan_state.c.loan_id.not_in(photo)
        )
    ).scalars()
    return [(held.loan_id, held.state(on)) for held in load_loans(connection, ids.all())]


def keep_snapshot(connection: Connection, on: date, states: list[tuple[str, LoanState]]) -> int:
    """Photograph the book on a day; a photograph that exists stays."""
    rows = [snapshot_row(loan_id, on, state) for loan_id, state in states]
    there = connection.execute(
        select(tables.book_snapshot.c.loan_id).where(tables.book_snapshot.c.as_of == on).limit(1)
    ).first()
    return (
        insert_missing(connection, tables.book_snapshot, rows)
        if there
        else copy_rows(connection, tables.book_snapshot, rows)
    )


def snapshot_row(loan_id: str, on: date, state: LoanState) -> dict[str, Any]:
    """One loan's line of a photograph."""
    return {
        "as_of": on,
        "loan_id": loan_id,
        "outstanding_fen": state.principal_outstanding_fen,
        "overdue_fen": state.overdue_fen,
        "dpd": state.dpd,
        "class": state.loan_class,
        "status": state.status,
    }
