"""The collectors' work: today's list in the order of what it should bring, and what came of each item."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlalchemy import Connection, Select, func, select

from jiehuan.api.access import Keys, Store
from jiehuan.api.clock import moment, shown_day
from jiehuan.api.errors import NotFound
from jiehuan.api.masking import masked_names
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Body, Id, Page, Record, Remark, Stored, Yuan, YuanIn, spoken
from jiehuan.api.writes import Write
from jiehuan.flow.collect import record_outcome
from jiehuan.store.tables import loan, loan_state, work_item
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.money import parse_yuan

router = APIRouter(prefix="/api/work", tags=["work"])

Result = Literal[
    "answered", "unanswered", "sent", "failed", "promise", "paid", "refused", "wrong_number", "hardship", "complaint"
]

LONGEST_PROMISE = timedelta(days=60)


class Why(Stored):
    """Why this action now, in both languages."""

    zh: str
    en: str


class WorkRow(Record):
    """One thing to do for one loan. ``name`` is masked; ``reason`` says why this action now.

    ``arm`` is treated or holdout (left on the default on purpose, to learn what the measure brings).
    """

    item_id: str
    plan_id: str
    loan_id: str
    borrower_id: str
    name: str | None
    region: str
    action: str
    at: datetime
    expected_gain: Yuan
    arm: str
    segment: str
    reason: Why
    status: str
    outcome: dict[str, Any] | None
    done_by: str | None
    done_at: datetime | None
    dpd: int
    overdue: Yuan
    outstanding: Yuan


class WorkPage(Page):
    """A page of the list of one day."""

    day: date
    items: list[WorkRow]


class PromiseIn(Body):
    """What the borrower promised to pay, and by when."""

    amount: YuanIn
    due_on: date


class Outcome(Body):
    """What came of the item. ``at`` is when it happened (default: now); a result "promise" carries the promise."""

    result: Result
    at: datetime | None = None
    note: Remark = Field("", description="Without personal data.")
    promise: PromiseIn | None = None


def _rows() -> Select[Any]:
    return (
        select(
            *work_item.c,
            loan.c.region,
            loan_state.c.dpd,
            loan_state.c.overdue_fen,
            loan_state.c.principal_outstanding_fen.label("outstanding_fen"),
        )
        .join(loan, loan.c.loan_id == work_item.c.loan_id)
        .join(loan_state, loan_state.c.loan_id == work_item.c.loan_id)
    )


@router.get("")
def list_work(
    database: Store,
    vault: Keys,
    paging: Paging,
    day: Annotated[date | None, Query(description="Default: the last day with open work.")] = None,
    status: Annotated[Literal["open", "done", "expired"] | None, Query()] = None,
    action: Annotated[Id | None, Query()] = None,
    segment: Annotated[Id | None, Query()] = None,
    loan_id: Annotated[Id | None, Query(description="Of one loan, on any day.")] = None,
    holdout: Annotated[bool, Query(description="Also what is held out: not to be worked on.")] = False,
) -> WorkPage:
    """The work of a day, what should bring most first."""
    rows = _rows()
    for column, value in ((work_item.c.status, status), (work_item.c.action, action), (work_item.c.segment, segment)):
        if value is not None:
            rows = rows.where(column == value)
    if not holdout:
        rows = rows.where(work_item.c.arm != "holdout")
    sortable = {
        "expected_gain": work_item.c.expected_gain_fen, "at": work_item.c.at, "dpd": loan_state.c.dpd,
        "overdue": loan_state.c.overdue_fen, "status": work_item.c.status, "action": work_item.c.action,
    }  # fmt: skip
    with database.connect() as connection:
        on = day or _work_day(connection)
        if loan_id is not None:
            rows = rows.where(work_item.c.loan_id == loan_id)
        else:
            start = datetime.combine(on, time(), CHINA)
            rows = rows.where(work_item.c.at >= start, work_item.c.at < start + timedelta(days=1))
        found, total = page_of(connection, rows, paging, sortable, "-expected_gain", work_item.c.item_id)
        items = _shown(connection, vault, found)
    return WorkPage(day=on, total=total, page=paging.page, size=paging.size, items=items)


def _work_day(connection: Connection) -> date:
    """The last day that has open work, else that had any: plans are made for the morning after the book's day."""
    is_open = work_item.c.status == "open"
    open_at, any_at = connection.execute(
        select(func.max(work_item.c.at).filter(is_open), func.max(work_item.c.at))
    ).one()  # fmt: skip
    last: datetime | None = open_at or any_at
    return last.astimezone(CHINA).date() if last else shown_day(connection)


@router.get("/{item_id}")
def get_work_item(database: Store, vault: Keys, item_id: Annotated[Id, Path()]) -> WorkRow:
    """One item."""
    with database.connect() as connection:
        return _item(connection, vault, item_id)


@router.post("/{item_id}/outcome")
def post_outcome(write: Write, vault: Keys, item_id: Annotated[Id, Path()], body: Outcome) -> WorkRow:
    """Say what came of an item: it is done, a call or letter is kept as a contact, a promise is opened.

    409 with the article when the contact rules forbade the contact at that hour.
    """
    if (body.result == "promise") != (body.promise is not None):
        raise InputError(
            Problem(
                "body promise", "", "a promise belongs to the result promise, and only to it", "send both or neither"
            )
        )

    def act(connection: Connection) -> WorkRow:
        return _finish(connection, vault, write.actor.login, item_id, body)

    return write.once(WorkRow, act)


def _finish(connection: Connection, vault: Vault, actor: str, item_id: str, body: Outcome) -> WorkRow:
    row = (
        connection.execute(select(work_item).where(work_item.c.item_id == item_id).with_for_update())
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound(Problem("item_id", item_id, "no such work item", "look in GET /api/work"))
    if row["arm"] == "holdout":
        raise Refused(
            Problem("item", item_id, "is held out: nobody works on it, so that the measure's effect is known")
        )
    now = moment(connection)
    at = body.at or max(now, row["at"])
    at = at if at.tzinfo else at.replace(tzinfo=CHINA)
    if not row["at"] - timedelta(days=1) <= at <= max(now, row["at"]) + timedelta(minutes=5):
        reason = f"not between the day before the item ({row['at'].astimezone(CHINA):%Y-%m-%d}) and now"
        raise InputError(Problem("body at", at.isoformat(), reason, "check the time"))
    outcome: dict[str, Any] = {"result": body.result, "note": body.note}
    if body.promise is not None:
        outcome["promise"] = _promise(body.promise, at.astimezone(CHINA).date())
    record_outcome(connection, item_id, outcome, actor, at)
    return _item(connection, vault, item_id)


def _promise(wanted: PromiseIn, made_on: date) -> dict[str, Any]:
    amount = parse_yuan(wanted.amount, "body promise amount", minimum=1)
    if not made_on <= wanted.due_on <= made_on + LONGEST_PROMISE:
        reason = f"not between the day of the promise and {LONGEST_PROMISE.days} days later"
        mend = "a longer wish is a plan, not a promise"
        raise InputError(Problem("body promise due_on", str(wanted.due_on), reason, mend))
    return {"amount_fen": amount, "due_on": wanted.due_on.isoformat()}


def _item(connection: Connection, vault: Vault, item_id: str) -> WorkRow:
    found = connection.execute(_rows().where(work_item.c.item_id == item_id)).mappings().all()
    if not found:
        raise NotFound(Problem("item_id", item_id, "no such work item", "look in GET /api/work"))
    return _shown(connection, vault, found)[0]


def _shown(connection: Connection, vault: Vault, found: Any) -> list[WorkRow]:
    names = masked_names(connection, vault, [row["borrower_id"] for row in found])
    return [WorkRow(**spoken(row), name=names.get(row["borrower_id"])) for row in found]
