"""What an act on a loan would do, told before anybody does it: the same fold with one event more, and nothing kept.

The figures are those that the act itself would answer with. An act that would be refused is refused here, with the same
reasons. Unlike an act, a question may be about a day to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, select

from jiehuan.api.clock import act_day
from jiehuan.api.errors import NotFound
from jiehuan.api.loan_detail import Owed, owed
from jiehuan.api.shapes import Body, Id, Record, Words, Yuan, YuanIn
from jiehuan.store.tables import disposal
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.ids import new_id
from jiehuan.units.money import format_yuan, parse_yuan

if TYPE_CHECKING:
    from jiehuan.loan import LoanState

FURTHEST = timedelta(days=366)
"""How far ahead a question may look: the law of a day further on is not known."""

LEFT = frozenset({"scheduled", "due", "overdue"})


class QuoteIn(Body):
    """The act that is thought of, as it would be sent. ``restructure`` and ``writeoff`` are those of a proposal of
    disposal (``disposal_id``); ``accelerate`` is what opening a case does."""

    kind: Literal[
        "repayment", "reversal", "prepayment", "settlement", "waiver", "recovery", "refund",
        "accelerate", "restructure", "writeoff",
    ]  # fmt: skip
    on: date | None = None
    amount: YuanIn | None = None
    of: Id | None = None
    mode: Literal["shorten", "reduce"] | None = None
    part: Literal["costs", "penalty", "interest", "principal"] | None = None
    disposal_id: Id | None = None


class Standing(Owed):
    """A loan as it stands, and what is still to pay by its plan: ``left`` lines, the next one of ``next_amount`` on
    ``next_due``, the last on ``last_due``; ``interest_left`` is the interest in them."""

    left: int
    next_due: date | None
    next_amount: Yuan
    last_due: date | None
    interest_left: Yuan


class Basis(Words):
    """A rule of law that the act follows, with its article."""

    citation: Words


class Quote(Record):
    """The loan without the act and with it, on ``known_on``. ``moved``: the change by part (cash, principal, interest,
    penalty, costs, credit), as the ledger would post it; what the borrower owes becomes less by a negative part.
    Interest and penalty that had run by then count as owed before."""

    loan_id: str
    kind: str
    on: date
    known_on: date
    moved: dict[str, Yuan]
    before: Standing
    after: Standing
    basis: list[Basis]


def quoted(connection: Connection, loan_id: str, asked: QuoteIn) -> Quote:
    """The quote of an act; a case of a loan that is due whole already calls nothing in.

    Raises NotFound without the loan, InputError for what does not read, Refused as the act would."""
    from jiehuan.flow.litigate import due_whole
    from jiehuan.flow.servicing import books_day, load_loans
    from jiehuan.flow.settle import must_be_ours
    from jiehuan.loan import read_event, replay

    held = next(iter(load_loans(connection, [loan_id])), None)
    if held is None:
        raise NotFound(Problem("loan_id", loan_id, "no such loan", "look in GET /api/loans"))
    must_be_ours(connection, loan_id)
    today = act_day(connection)
    on = asked.on or max(today, held.terms.drawn_on)
    if not held.terms.drawn_on <= on <= today + FURTHEST:
        reason = f"not between the drawing ({held.terms.drawn_on}) and a year from today ({today})"
        raise InputError(Problem("body on", str(on), reason, "check the day"))
    known = books_day(connection, held, max(on, today))
    days = {"on": on.isoformat(), "known_on": known.isoformat()}
    event = read_event({"id": new_id("ev"), **days, **_said(connection, loan_id, asked)}, "body")
    before = replay(held.terms, held.events, known)
    nothing = asked.kind == "accelerate" and due_whole(held.state(on))
    after = before if nothing else replay(held.terms, (*held.events, event), known)
    return Quote(
        loan_id=loan_id, kind=asked.kind, on=on, known_on=known, moved=_moved(before, after, event.id),
        before=_standing(before), after=_standing(after), basis=_basis(asked.kind, on, held.terms.lender_type),
    )  # fmt: skip


def _said(connection: Connection, loan_id: str, asked: QuoteIn) -> dict[str, Any]:
    """The act as an event document, without id and days."""
    from jiehuan.flow.dispose import deed_of

    if asked.kind in {"restructure", "writeoff"}:
        wanted = (
            disposal.c.disposal_id == asked.disposal_id,
            disposal.c.loan_id == loan_id,
            disposal.c.kind == asked.kind,
        )
        detail = connection.execute(select(disposal.c.detail).where(*wanted)).scalar_one_or_none()
        if detail is None:
            mend = "look in GET /api/disposals"
            raise InputError(
                Problem("body disposal_id", asked.disposal_id or "", "no such proposal of this loan", mend)
            )
        return deed_of(asked.kind, detail) or {}
    said = {name: value for name in ("kind", "of", "mode", "part") if (value := getattr(asked, name))}
    if asked.amount is not None:
        said["amount"] = format_yuan(parse_yuan(asked.amount, "body amount", minimum=1))
    return said


def _moved(before: LoanState, after: LoanState, event_id: str) -> dict[str, str]:
    """What the event itself moves, without the interest and penalty that it only states; of a reversal, what both folds
    differ by."""
    moved: dict[str, int] = {}
    for movement in after.movements:
        if movement.event_id == event_id and movement.kind not in {"interest", "penalty"}:
            for part, change in movement.amounts.items():
                moved[part] = moved.get(part, 0) + change
    if not moved:
        names = ("principal_outstanding", "interest_due", "penalty_due", "costs_due", "credit_balance")
        for name in names:
            change = getattr(after, f"{name}_fen") - getattr(before, f"{name}_fen")
            moved[name.split("_")[0]] = change
    return {part: format_yuan(change) for part, change in moved.items() if change}


def _standing(state: LoanState) -> Standing:
    left: Sequence[Any] = [row for row in state.schedule if row.status in LEFT]
    unpaid = [
        row.principal_fen - row.paid_principal_fen - row.waived_principal_fen
        + row.interest_fen - row.paid_interest_fen - row.waived_interest_fen
        for row in left
    ]  # fmt: skip
    return Standing(
        **owed(state),
        left=len(left),
        next_due=left[0].due if left else None,
        next_amount=format_yuan(unpaid[0] if left else 0),
        last_due=max(row.due for row in left) if left else None,
        interest_left=format_yuan(sum(row.interest_fen - row.paid_interest_fen - row.waived_interest_fen for row in left)),
    )  # fmt: skip


_RULES = {
    "repayment": ("allocation_order",),
    "prepayment": ("allocation_order",),
    "settlement": ("allocation_order",),
    "recovery": ("allocation_order",),
    "accelerate": ("limitation_years",),
    "restructure": ("restructure_observation", "cost_cap"),
    "writeoff": ("classification",),
}
"""The rules of the law book that say how an act is done."""


def _basis(kind: str, on: date, lender_type: str) -> list[Basis]:
    from jiehuan.law import law_on

    law = law_on(on, lender_type)
    rules = [rule for name in _RULES.get(kind, ()) if (rule := law.rule(name)) is not None]
    return [Basis(zh=rule.zh, en=rule.en, citation=Words(zh=rule.law_zh, en=rule.law_en)) for rule in rules]
