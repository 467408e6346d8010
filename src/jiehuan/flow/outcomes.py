"""What became of loans: the label a model learns (30 days late within half a year), and earlier loans as a profile reads them.

Both are read from the events by the kernel itself, as known on a day: nothing that came later.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from jiehuan.flow.servicing import Held, load_loans
from jiehuan.loan import make_schedule
from jiehuan.store import tables
from jiehuan.units.days import CHINA, add_months

LATE_DAYS = 30
WINDOW_MONTHS = 6


def went_bad(held: Held, known_on: date) -> bool | None:
    """Whether a loan was more than 30 days late within six months of its first due date; None while that can't be known.

    A loan that went bad is known to have; one that did not is known only when its window has passed or it is settled.
    """
    first = held.terms.first_due
    end = add_months(first, WINDOW_MONTHS)
    looks = [line.due + timedelta(days=LATE_DAYS + 1) for line in make_schedule(held.terms).instalments]
    for look in looks:
        if look > min(end, known_on):
            break
        if held.state(look).dpd > LATE_DAYS:
            return True
    if known_on >= min(end, looks[-1]) or held.state(known_on).status == "settled":
        return False
    return None


def earlier_loans(connection: Connection, borrower_id: str, before: datetime) -> list[dict[str, Any]]:
    """The borrower's loans drawn before an instant, as ``profile`` reads them; amounts in yuan strings by fen fields."""
    day = before.astimezone(CHINA).date()
    ids = connection.execute(
        select(tables.loan.c.loan_id).where(tables.loan.c.borrower_id == borrower_id, tables.loan.c.drawn_on < day)
    ).scalars()
    return [earlier_loan(held, day) for held in load_loans(connection, list(ids))]


def earlier_loan(held: Held, on: date) -> dict[str, Any]:
    """One earlier loan's record as known on a day: dates of drawing, dues, first repayment and end; fen."""
    lines = make_schedule(held.terms).instalments
    paid = sorted(
        event.on for event in held.events if event.kind in {"repayment", "prepayment", "settlement"} and event.on <= on
    )
    state = held.state(on)
    return {
        "drawn_on": held.terms.drawn_on.isoformat(),
        "due_on": lines[-1].due.isoformat(),
        "settled_on": paid[-1].isoformat() if state.status == "settled" and paid else None,
        "principal_fen": held.terms.principal_fen,
        "outstanding_fen": state.principal_outstanding_fen,
        "first_due_on": lines[0].due.isoformat(),
        "first_repaid_on": paid[0].isoformat() if paid else None,
    }
