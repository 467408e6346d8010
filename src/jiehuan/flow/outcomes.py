"""What became of loans: the label a model learns (30 days late within half a year), and earlier loans as a profile reads them.

Both are read from the events by the kernel itself, as known on a day: nothing that came later. Also what became of alerts (was the signal
right?) and of line reviews (what the line brought after).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, true

from jiehuan.flow.servicing import Held, load_loans
from jiehuan.ledger.chart import chart
from jiehuan.loan import make_schedule
from jiehuan.store import tables
from jiehuan.units.days import CHINA, add_months
from jiehuan.units.money import half_up
from jiehuan.units.rates import PPM

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
    ids = (
        connection.execute(
            select(tables.loan.c.loan_id).where(tables.loan.c.borrower_id == borrower_id, tables.loan.c.drawn_on < day)
        )
        .scalars()
        .all()
    )
    return [earlier_loan(held, day) for held in load_loans(connection, list(ids))] if ids else []


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


WHOLE = 1024
"""All parts of a book, where a sample takes fewer."""


def in_part(borrower_id: ColumnElement[Any], part: int) -> ColumnElement[bool]:
    """Whether a borrower is among ``part`` in 1024, chosen by a hash: the same ones each time."""
    return true() if part >= WHOLE else func.mod(func.abs(func.hashtext(borrower_id)), WHOLE) < part


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """How often a signal was right, as people judged its alerts: ``share`` of ``judged``, within ``low`` and ``high`` (Wilson, 95 %).

    Nothing judged: share None, from 0 to 1.
    """

    rule: str
    alerts: int
    confirmed: int
    dismissed: int

    @property
    def judged(self) -> int:
        """How many alerts people judged."""
        return self.confirmed + self.dismissed

    @property
    def share(self) -> float | None:
        """Of the judged, the share that was right."""
        return self.confirmed / self.judged if self.judged else None

    @property
    def low(self) -> float:
        """The share is hardly lower than this."""
        return self._wilson(-1)

    @property
    def high(self) -> float:
        """The share is hardly higher than this."""
        return self._wilson(1)

    def _wilson(self, side: int) -> float:
        n, z = self.judged, 1.959963984540054
        if n == 0:
            return 0.0 if side < 0 else 1.0
        p = self.confirmed / n
        centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, min(1.0, (centre + side * half) / (1 + z * z / n)))


def rule_records(connection: Connection, before: datetime) -> list[RuleRecord]:
    """What people said of each signal's alerts raised before an instant: the feedback that reviews, previews and learning read."""
    status = tables.alert.c.status
    rows = connection.execute(
        select(
            tables.alert.c.rule,
            func.count().label("alerts"),
            func.count().filter(status == "confirmed").label("confirmed"),
            func.count().filter(status == "dismissed").label("dismissed"),
        )
        .where(tables.alert.c.at < before)
        .group_by(tables.alert.c.rule)
        .order_by(tables.alert.c.rule)
    )
    return [RuleRecord(row.rule, row.alerts, row.confirmed, row.dismissed) for row in rows]


def line_log(
    connection: Connection, months: int, until: date, running_ppm: int, part: int = WHOLE
) -> list[dict[str, Any]]:
    """The platform's own reviews whose ``months`` are over by ``until``, as ``line evaluate`` reads them.

    ``part``: of the borrowers, so many in 1024 by a hash (a sample of a large book).

    ``outcome_fen``: what the borrower's loans brought in those months as the books have it (interest, penalty and fee income, recoveries,
    less impairment, waivers and losses on disposal), less ``running_ppm`` a year (funding and running cost) on the balance at month ends.
    """
    last = add_months(until, -months)
    reviews = connection.execute(
        select(tables.line_review)
        .where(tables.line_review.c.on <= last, in_part(tables.line_review.c.borrower_id, part))
        .order_by(tables.line_review.c.on, tables.line_review.c.review_id)
    ).mappings()
    earned, out = _earned(connection, until, part), _month_ends(connection, until, part)
    rows = []
    for row in reviews:
        borrower, begin, end = row["borrower_id"], row["on"], add_months(row["on"], months)
        result = _between(earned.get(borrower, ([], [])), begin, end)
        carried = _between(out.get(borrower, ([], [])), begin, end)
        rows.append({
            **row["context"], "on": begin.isoformat(), "new_limit_fen": row["new_limit_fen"], "proposed_limit_fen": row["proposed_limit_fen"],
            "arm": row["arm"], "propensity": row["propensity"], "params_version": row["params_version"],
            "outcome_fen": result - half_up(carried * running_ppm, 12 * PPM),
        })  # fmt: skip
    return rows


Series = tuple[list[date], list[int]]
"""Days in order, and the running sum up to and with each."""


def _earned(connection: Connection, until: date, part: int) -> dict[str, Series]:
    """By borrower and day: income less expense, in fen."""
    names = [name for name, account in chart().items() if account.type in {"income", "expense"}]
    rows = connection.execute(
        select(
            tables.loan.c.borrower_id, tables.line.c.effective, func.sum(tables.line.c.credit_fen - tables.line.c.debit_fen)
        )
        .join(tables.line, tables.line.c.loan_id == tables.loan.c.loan_id)
        .where(tables.line.c.account.in_(names), tables.line.c.effective <= until, tables.line.c.known <= until)
        .where(in_part(tables.loan.c.borrower_id, part))
        .group_by(tables.loan.c.borrower_id, tables.line.c.effective)
        .order_by(tables.loan.c.borrower_id, tables.line.c.effective)
    )  # fmt: skip
    return _series(rows)


def _month_ends(connection: Connection, until: date, part: int) -> dict[str, Series]:
    """By borrower and month end: the principal outstanding of the loans on the book, in fen."""
    rows = connection.execute(
        select(
            tables.loan.c.borrower_id, tables.book_snapshot.c.as_of, func.sum(tables.book_snapshot.c.outstanding_fen)
        )
        .join(tables.book_snapshot, tables.book_snapshot.c.loan_id == tables.loan.c.loan_id)
        .where(tables.book_snapshot.c.as_of <= until, tables.book_snapshot.c.status.in_(("active", "restructured")))
        .where(in_part(tables.loan.c.borrower_id, part))
        .group_by(tables.loan.c.borrower_id, tables.book_snapshot.c.as_of)
        .order_by(tables.loan.c.borrower_id, tables.book_snapshot.c.as_of)
    )
    return _series(rows)


def _series(rows: Iterable[Any]) -> dict[str, Series]:
    found: dict[str, Series] = {}
    for borrower, day, amount in rows:
        days, sums = found.setdefault(borrower, ([], []))
        days.append(day)
        sums.append((sums[-1] if sums else 0) + int(amount))
    return found


def _between(series: Series, after: date, upto: date) -> int:
    """The sum over days after ``after`` up to and with ``upto``."""
    days, sums = series
    first, last = bisect_right(days, after), bisect_right(days, upto)
    return (sums[last - 1] if last else 0) - (sums[first - 1] if first else 0)
