"""What the audit asks of reviews: none passes its day in silence, none ends without a person and a reason."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from jiehuan.store import tables
from jiehuan.store.audit import Audit, Finding, Tally, register
from jiehuan.store.audit.tally import finding
from jiehuan.units.errors import Problem


def check_reviews(audit: Audit) -> Iterator[Finding]:
    """Every review against the last day that was closed, and against who decided it."""
    tally = Tally()
    closed = select(func.max(tables.day_end_run.c.on)).where(tables.day_end_run.c.finished_at.is_not(None))
    last = audit.connection.execute(closed).scalar_one()
    for row in audit.connection.execute(select(tables.review).order_by(tables.review.c.review_id)):
        problems = []
        where = f"review {row.review_id}"
        if row.status == "open" and last is not None and row.due_on <= last and row.missed_on is None:
            reason = f"was due on {row.due_on} and nobody was told"
            problems.append(Problem(where, row.application_id, reason, "run the day end; decide on the application"))
        if row.status in {"approved", "refused"} and not (row.decided_by and row.reason and row.outcome_id):
            problems.append(Problem(where, row.status, "ended without person, reason or decision", "find who wrote it"))
        tally.look(problems)
    yield finding("reviews", "人工复核均按期办结或已预警", "no review passes its day in silence", tally)


register("reviews", check_reviews)
