"""One writer at a time on a loan: lock its row, then read its events, then write.

The lock is ``FOR NO KEY UPDATE``: rows that only refer to the loan (a contact, an alert) do not wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from jiehuan.store.database import PATIENCE
from jiehuan.store.tables import loan
from jiehuan.units.errors import Conflict, Problem, Refused


def lock_loan(connection: Connection, loan_id: str) -> None:
    """Hold a loan until the transaction ends. Raises Refused when there is none, Conflict when it stays busy."""
    lock_loans(connection, [loan_id])


def lock_loans(connection: Connection, loan_ids: Iterable[str]) -> None:
    """Hold several loans, taken in order of their ids so that two callers cannot wait for each other."""
    wanted = sorted(set(loan_ids))
    with waiting_in_vain(connection, ", ".join(wanted[:3])):
        held = connection.execute(
            select(loan.c.loan_id)
            .where(loan.c.loan_id.in_(wanted))
            .order_by(loan.c.loan_id)
            .with_for_update(key_share=True)
        ).scalars()
        missing = set(wanted) - set(held)
    if missing:
        raise Refused([Problem("loan", loan_id, "no such loan", "check the id") for loan_id in sorted(missing)])


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
