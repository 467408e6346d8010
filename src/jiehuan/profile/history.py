"""Own-history features of one borrower: earlier loans as they were known at the moment of an application.

A record is ``{drawn_on, due_on, settled_on?, principal_fen, outstanding_fen?, first_due_on?, first_repaid_on?}``; days
are dates or instants. Point in time: what happened at or after the application is not known; a bare date is known from
the next day on. A loan not yet settled by then is open, and late by the days since it was due. The batch over a frame
is ``batch.py``; a parity test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from jiehuan.loan.terms import FIRST_DAY, LAST_DAY
from jiehuan.profile.declare import Feature
from jiehuan.units.days import CHINA, parse_date
from jiehuan.units.errors import InputError, JiehuanError, Problem
from jiehuan.units.money import half_up
from jiehuan.units.rates import PPM

NUMBERS = (
    "principal_fen", "outstanding_fen", "days_late", "lateness", "first_lateness", "term_days", "age_days",
    "settled_days",
)  # fmt: skip
"""Columns that aggregates take: ``lateness`` is days after due (early: negative), ``days_late`` is at least 0."""

FLAGS = ("settled", "open", "on_time", "late", "first_late", "first_seen", "first_repaid")
"""Conditions of an earlier loan, as known at the application."""


@dataclass(frozen=True, slots=True)
class EarlierLoan:
    """One earlier loan as its record says, before any point in time is taken."""

    drawn: datetime
    drawn_on: date
    due_on: date
    settled: datetime | None
    settled_on: date | None
    principal_fen: int
    outstanding_fen: int
    first_due_on: date
    first_repaid: datetime | None
    first_repaid_on: date | None


def read_history(records: Iterable[Mapping[str, Any]], place: str = "earlier_loans") -> list[EarlierLoan]:
    """Read the records of earlier loans. Raises InputError with every mistake, naming row and field."""
    loans: list[EarlierLoan] = []
    problems: list[Problem] = []
    for number, record in enumerate(records, start=1):
        try:
            loans.append(_loan(record, f"{place} row {number}"))
        except JiehuanError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    return loans


def history_features(loans: Sequence[EarlierLoan], at: datetime | date, features: Sequence[Feature]) -> dict[str, Any]:
    """The declared aggregates over one borrower's earlier loans as known at ``at`` (a date: its first moment)."""
    moment = moment_of(at)
    rows = [_as_known(loan, moment) for loan in loans if loan.drawn < moment]
    rows.sort(key=lambda row: row["order"], reverse=True)
    return {feature.name: _take(feature, rows) for feature in features}


def moment_of(at: datetime | date) -> datetime:
    """An instant in China's clock without zone; a date is its first moment."""
    if isinstance(at, datetime):
        return at.astimezone(CHINA).replace(tzinfo=None) if at.tzinfo else at
    return datetime.combine(at, time.min)


def _loan(record: Mapping[str, Any], place: str) -> EarlierLoan:
    problems: list[Problem] = []

    def moment(name: str, default: Any = None) -> tuple[datetime | None, date | None]:
        value = record.get(name)
        if value is None or value == "":
            value = default
        if value is None:
            return None, None
        try:
            return known_from(value, f"{place}, {name}")
        except InputError as error:
            problems.extend(error.problems)
            return None, None

    drawn, drawn_on = moment("drawn_on")
    _, due_on = moment("due_on")
    settled, settled_on = moment("settled_on")
    _, first_due_on = moment("first_due_on", record.get("due_on"))
    alone = first_due_on == due_on  # one instalment: its repayment settles the loan
    first_repaid, first_repaid_on = moment("first_repaid_on", record.get("settled_on") if alone else None)
    principal = record.get("principal_fen")
    outstanding = record.get("outstanding_fen", principal)
    for name, value in (("drawn_on", drawn_on), ("due_on", due_on)):
        if value is None and not any(name in problem.where for problem in problems):
            problems.append(Problem(f"{place}, {name}", "", "is missing", "write YYYY-MM-DD"))
    for name, value in (("principal_fen", principal), ("outstanding_fen", outstanding)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            problems.append(
                Problem(f"{place}, {name}", str(value), "not an amount in fen", "write a whole number of fen")
            )
    if drawn_on and settled_on and settled_on < drawn_on:
        problems.append(
            Problem(f"{place}, settled_on", str(settled_on), "before the loan was drawn", "check the dates")
        )
    if drawn_on and due_on and due_on < drawn_on:
        problems.append(Problem(f"{place}, due_on", str(due_on), "before the loan was drawn", "check the dates"))
    if problems or drawn is None or drawn_on is None or due_on is None or first_due_on is None:
        raise InputError(problems)
    return EarlierLoan(
        drawn,
        drawn_on,
        due_on,
        settled,
        settled_on,
        int(principal or 0),
        int(outstanding or 0),
        first_due_on,
        first_repaid,
        first_repaid_on,
    )


def known_from(value: Any, place: str) -> tuple[datetime, date]:
    """When a fact is known, and its day: an instant at once, a bare date at the day's end."""
    if isinstance(value, str) and len(value) > 10:
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            mend = "write YYYY-MM-DD or an ISO instant"
            raise InputError(Problem(place, value[:80], "not a date or an instant", mend)) from None
    if isinstance(value, datetime):
        moment = moment_of(value)
        return moment, countable(moment.date(), place)
    day = countable(parse_date(value, place), place)
    return datetime.combine(day, time.max), day


def countable(day: date, place: str) -> date:
    """The day itself. Raises InputError outside the days this system counts."""
    if not FIRST_DAY <= day <= LAST_DAY:
        mend = f"use {FIRST_DAY} to {LAST_DAY}"
        raise InputError(Problem(place, str(day), "outside the days this system counts", mend))
    return day


def _as_known(loan: EarlierLoan, moment: datetime) -> dict[str, Any]:
    today = moment.date()
    settled = loan.settled is not None and loan.settled < moment
    first_repaid = loan.first_repaid is not None and loan.first_repaid < moment
    end = loan.settled_on if settled and loan.settled_on else today
    first_end = loan.first_repaid_on if first_repaid and loan.first_repaid_on else today
    lateness = (end - loan.due_on).days
    first_lateness = (first_end - loan.first_due_on).days
    return {
        "order": (loan.drawn, loan.due_on, loan.principal_fen),
        "principal_fen": loan.principal_fen,
        "outstanding_fen": 0 if settled else loan.outstanding_fen,
        "days_late": max(lateness, 0),
        "lateness": lateness,
        "first_lateness": first_lateness,
        "term_days": (loan.due_on - loan.drawn_on).days,
        "age_days": (today - loan.drawn_on).days,
        "settled_days": (today - end).days,
        "settled": settled,
        "open": not settled,
        "on_time": settled and lateness <= 0,
        "late": lateness > 0,
        "first_late": first_lateness > 0,
        "first_seen": first_repaid or (first_lateness > 0 and not settled),
        "first_repaid": first_repaid,
    }


def _take(feature: Feature, rows: Sequence[Mapping[str, Any]]) -> Any:
    if feature.within_days:
        rows = [row for row in rows if row["age_days"] <= feature.within_days]
    if feature.where:
        rows = [row for row in rows if row[feature.where]]
    if feature.last:
        rows = rows[: feature.last]
    if feature.take == "count":
        return len(rows)
    values = [row[feature.of] for row in rows]
    if feature.take == "sum":
        return sum(values)
    if feature.take == "streak":
        return next((place for place, value in enumerate(values) if not value), len(values))
    if not values:
        return feature.empty
    if feature.take == "share":
        return half_up(sum(values) * PPM, len(values))
    if feature.take == "mean":
        return sum(values) / len(values)
    if feature.take == "latest":
        return values[0]
    return max(values) if feature.take == "max" else min(values)
