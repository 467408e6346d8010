"""One writer at a time on a loan: lock its row, then read its events, then write.

The row is the one that changes with the loan (``loan_standing``), so that a writer touches no other; a loan that has none yet is held
by its row of ``loan`` until it has one. The lock is ``FOR NO KEY UPDATE``: rows that only refer to the loan (a contact, an alert) do
not wait for it. ``act.look`` and ``many.lock_many`` take the same lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Table, select
from sqlalchemy.exc import OperationalError

from jiehuan.store.database import PATIENCE
from jiehuan.store.tables import loan, loan_standing
from jiehuan.units.errors import Conflict, Problem, Refused


def lock_loan(connection: Connection, loan_id: str) -> None:
    """Hold a loan until the transaction ends. Raises Refused when there is none, Conflict when it stays busy."""
    lock_loans(connection, [loan_id])


def lock_loans(connection: Connection, loan_ids: Iterable[str]) -> None:
    """Hold several loans, taken in order of their ids so that two callers cannot wait for each other."""
    wanted = sorted(set(loan_ids))
    with waiting_in_vain(connection, ", ".join(wanted[:3])):
        new = set(wanted) - _hold(connection, loan_standing, wanted)
        missing = new and new - _hold(connection, loan, sorted(new))
        if new:
            _hold(connection, loan_standing, sorted(new))  # those that got theirs while their loan was waited for
    if missing:
        raise Refused([Problem("loan", loan_id, "no such loan", "check the id") for loan_id in sorted(missing)])


def _hold(connection: Connection, table: Table, wanted: Sequence[str]) -> set[str]:
    rows = select(table.c.loan_id).where(table.c.loan_id.in_(wanted)).order_by(table.c.loan_id)
    return set(connection.execute(rows.with_for_update(key_share=True)).scalars())


@contextmanager
def waiting_in_vain(connection: Connection, shown: str) -> Iterator[None]:
    """Raise Conflict about ``shown`` when a lock is waited for longer than the connection's patience (``PATIENCE``)."""
    try:
        yield
    except (OperationalError, LockNotAvailable) as error:  # the driver's own when it was asked straight
        if isinstance(getattr(error, "orig", error), LockNotAvailable):
            problem = Problem("loan", shown, f"busy with another change for {PATIENCE}", "send it again")
            raise Conflict(problem) from None
        raise
