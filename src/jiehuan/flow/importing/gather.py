"""Good rows put together: duplicates and dangling references refused, loans made of terms and events, states computed.

Everything here is in memory and pure; ``save.py`` writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from jiehuan.flow.importing.loans import implied_events, terms_of
from jiehuan.flow.importing.mapping import Mapping
from jiehuan.flow.importing.rows import Refusal, Row
from jiehuan.loan import Event, LoanState, Terms, read_event, replay
from jiehuan.units.errors import JiehuanError
from jiehuan.units.money import format_yuan

KEYS = {
    "borrower": "borrower_id", "application": "application_id", "loan": "loan_id", "repayment": "event_id", "contact": "contact_id",
}  # fmt: skip


@dataclass
class GatheredLoan:
    """A loan of the tape: its row, terms, events, the state on the tape's day and at the month ends before."""

    row: Row
    terms: Terms
    events: list[Event] = field(default_factory=list)
    state: LoanState | None = None
    snapshots: list[LoanState] = field(default_factory=list)


@dataclass
class Gathered:
    """A whole tape, ready to write."""

    borrowers: dict[str, Row] = field(default_factory=dict)
    applications: dict[str, Row] = field(default_factory=dict)
    loans: dict[str, GatheredLoan] = field(default_factory=dict)
    undecided: dict[str, Row] = field(default_factory=dict)
    repayments: dict[str, list[Row]] = field(default_factory=dict)
    contacts: list[Row] = field(default_factory=list)


def gather(
    mapping: Mapping, rows: dict[str, list[Row]], refusals: list[Refusal], on_progress: Callable[..., None]
) -> Gathered:
    """Put the rows together; what does not fit is refused with its row and reason, and costs nothing else."""
    unique = {makes: _unique(makes, found, refusals) for makes, found in rows.items()}
    gathered = Gathered(borrowers=unique["borrower"])
    for key, row in unique["application"].items():
        if _not_future(mapping, row, "applied_at", row.fields["applied_at"].date(), refusals) and _sensible(
            mapping, row, "amount", refusals
        ):
            gathered.applications[key] = row
    for key, row in unique["loan"].items():
        _add_loan(mapping, gathered, key, row, refusals)
    for row in unique["repayment"].values():
        if _not_future(mapping, row, "on", row.fields["on"], refusals) and _sensible(mapping, row, "amount", refusals):
            gathered.repayments.setdefault(row.fields["loan_id"], []).append(row)
    gathered.contacts = list(unique["contact"].values())
    for key, loan in gathered.loans.items():
        on_progress(1)
        _replay(mapping, gathered, key, loan, refusals)
    gathered.loans = {key: loan for key, loan in gathered.loans.items() if loan.state is not None}
    return gathered


def repayment_event(row: Row) -> Event:
    """A repayment row as an event of its loan."""
    fields = row.fields
    document = {
        "id": fields["event_id"], "on": fields["on"].isoformat(), "kind": "repayment", "amount": format_yuan(fields["amount"]),
        "source": fields.get("source", "tape"),
    }  # fmt: skip
    return read_event(document, f"{row.file} row {row.number}")


def month_ends(first: date, last: date) -> list[date]:
    """The month ends from ``first`` to ``last``, both included when they are one."""
    ends, day = [], (first.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    while day <= last:
        ends.append(day)
        day = (day + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return ends


def _unique(makes: str, rows: list[Row], refusals: list[Refusal]) -> dict[str, Row]:
    key = KEYS[makes]
    kept: dict[str, Row] = {}
    for row in rows:
        identity = row.fields[key]
        if identity in kept:
            first = kept[identity]
            same = (row.fields, row.features) == (first.fields, first.features)
            told = "says the same" if same else "stands"
            reason = f"duplicate {key}; the first {told} in {first.file} row {first.number}"
            refusals.append(Refusal(row.file, row.number, key, identity, reason, same))
        else:
            kept[identity] = row
    return kept


def _not_future(mapping: Mapping, row: Row, column: str, day: date, refusals: list[Refusal]) -> bool:
    if mapping.observed_on is not None and day > mapping.observed_on:
        reason = f"in the future: after {mapping.observed_on}, the day on which the tape was observed"
        refusals.append(Refusal(row.file, row.number, column, str(day), reason))
        return False
    return True


def _sensible(mapping: Mapping, row: Row, column: str, refusals: list[Refusal]) -> bool:
    if row.fields[column] > mapping.max_amount_fen:
        reason = f"larger than max_amount_fen of the mapping ({format_yuan(mapping.max_amount_fen)})"
        refusals.append(Refusal(row.file, row.number, column, format_yuan(row.fields[column]), reason))
        return False
    return True


def _add_loan(mapping: Mapping, gathered: Gathered, key: str, row: Row, refusals: list[Refusal]) -> None:
    fields = row.fields
    if not (
        _not_future(mapping, row, "drawn_on", fields["drawn_on"], refusals)
        and _sensible(mapping, row, "principal", refusals)
    ):
        return
    application = fields.get("application_id")
    if application is not None and application not in gathered.applications:
        reason = "no such application in the tape, or it was refused"
        refusals.append(Refusal(row.file, row.number, "application_id", application, reason))
        return
    try:
        terms = terms_of(fields, mapping.lender_type)
        if fields.get("outcome") == "unknown":
            gathered.undecided[key] = row
            return
        events = [read_event(document) for document in implied_events(fields, terms, mapping.observed_on)]
    except JiehuanError as error:
        _refuse(row, error, refusals)
        return
    gathered.loans[key] = GatheredLoan(row, terms, events)


def _replay(mapping: Mapping, gathered: Gathered, key: str, loan: GatheredLoan, refusals: list[Refusal]) -> None:
    """The loan's events one by one: an event that the kernel refuses is refused alone; the loan keeps the others."""
    rows = sorted(gathered.repayments.get(key, ()), key=lambda row: (row.fields["on"], row.number))
    last = mapping.observed_on or max(
        [loan.terms.drawn_on, *(row.fields["on"] for row in rows), *(e.on for e in loan.events)]
    )
    candidates = [repayment_event(row) for row in rows]
    try:
        loan.state = replay(loan.terms, [*loan.events, *candidates], last)
        loan.events.extend(candidates)
    except JiehuanError:
        try:
            loan.state = replay(loan.terms, loan.events, last)
        except JiehuanError as error:
            _refuse(loan.row, error, refusals)
            return
        for row, event in zip(rows, candidates, strict=True):
            try:
                loan.state = replay(loan.terms, [*loan.events, event], last)
                loan.events.append(event)
            except JiehuanError as error:
                _refuse(row, error, refusals, column="on")
    for end in month_ends(loan.terms.drawn_on, last):
        state = replay(loan.terms, [event for event in loan.events if event.on <= end], end)
        loan.snapshots.append(state)
        if state.status == "settled":
            break


def _refuse(row: Row, error: JiehuanError, refusals: list[Refusal], column: str = "") -> None:
    for problem in error.problems:
        place = column or problem.where.rpartition(", ")[2]
        reason = f"{problem.reason}; {problem.mend}" if problem.mend else problem.reason
        refusals.append(Refusal(row.file, row.number, place, problem.value, reason))
