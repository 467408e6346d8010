"""Applications as a model sees them, with what was decided and what became of the loans: read for the model pages.

The newest ``MOST`` applications; outcomes of the newest ``MOST_OUTCOMES`` of their loans, as each costs a replay of the loan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import distinct_on

from jiehuan.flow.outcomes import went_bad
from jiehuan.flow.servicing import Held, load_loans
from jiehuan.store.tables import application, borrower, decision, loan
from jiehuan.units.days import CHINA

if TYPE_CHECKING:
    import polars as pl

    from jiehuan.score import Model

MOST, MOST_OUTCOMES = 20_000, 2_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One application: what the model reads, who asked, the last decision (None: none of ours), the outcome where known."""

    application_id: str
    applied_at: datetime
    values: Mapping[str, Any]
    region: str
    sex: str | None
    birth_year: int | None
    approved: bool | None
    bad: bool | None

    @property
    def month(self) -> str:
        """The month of the application in China, such as 2026-03."""
        return self.applied_at.astimezone(CHINA).strftime("%Y-%m")


def asked_of(connection: Connection, known_on: date, *, outcomes: bool) -> list[Asked]:
    """The newest applications, oldest first. With ``outcomes``, whether their loans went bad as known on ``known_on``."""
    last = (
        select(decision.c.application_id, decision.c.outcome, decision.c.seen)
        .ext(distinct_on(decision.c.application_id))
        .order_by(decision.c.application_id, decision.c.decided_at.desc(), decision.c.decision_id.desc())
        .subquery()
    )
    rows = connection.execute(
        select(
            application.c.application_id, application.c.applied_at, application.c.amount_fen, application.c.months,
            application.c.features, borrower.c.region, borrower.c.sex, borrower.c.birth_year, loan.c.loan_id,
            last.c.outcome, last.c.seen,
        )
        .join(borrower, borrower.c.borrower_id == application.c.borrower_id)
        .outerjoin(last, last.c.application_id == application.c.application_id)
        .outerjoin(loan, loan.c.application_id == application.c.application_id)
        .order_by(application.c.applied_at.desc(), application.c.application_id)
        .limit(MOST)
    ).all()  # fmt: skip
    lent = [row.loan_id for row in rows if row.loan_id is not None][:MOST_OUTCOMES] if outcomes else []
    book = str(connection.engine.url)
    became = {held.loan_id: _became(book, held, known_on) for held in load_loans(connection, lent)} if lent else {}
    found = []
    for row in reversed(rows):
        seen = row.seen if isinstance(row.seen, dict) else {}
        values = {**row.features, "amount_fen": row.amount_fen, "months": row.months, **seen}
        approved = None if row.outcome in (None, "review") else row.outcome == "approve"
        found.append(
            Asked(
                row.application_id, row.applied_at, values, row.region, row.sex, row.birth_year, approved,
                became.get(row.loan_id),
            )
        )  # fmt: skip
    return found


_BECAME: dict[tuple[str, str, date, int], bool | None] = {}


def _became(book: str, held: Held, known_on: date) -> bool | None:
    """``went_bad``, remembered: a loan's terms never change and its events only grow, so their number tells them apart."""
    key = (book, held.loan_id, known_on, len(held.events))
    try:
        return _BECAME[key]
    except KeyError:
        if len(_BECAME) > 10 * MOST_OUTCOMES:
            _BECAME.clear()
        _BECAME[key] = found = went_bad(held, known_on)
        return found


def table_of(model: Model, asked: list[Asked]) -> pl.DataFrame:
    """The columns the model reads, a row an application; a value of another kind than the fit's counts as missing."""
    import polars as pl

    reading = {column: one.reading for one in model.inputs for column in one.columns}
    columns = {
        name: pl.Series(name, [_plain(one.values.get(name), reading[name]) for one in asked], pl.Float64 if reading[name] == "number" else pl.String)
        for name in model.columns
    }  # fmt: skip
    return pl.DataFrame(columns) if columns else pl.DataFrame({"none": [None] * len(asked)})


def _plain(value: Any, reading: str) -> Any:
    if reading == "number":
        return float(value) if isinstance(value, int | float) else None
    if value is None or isinstance(value, dict | list):
        return None
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
