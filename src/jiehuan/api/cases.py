"""Court cases and their deadlines: what is due, what was missed, and marking a deadline done."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from sqlalchemy import Connection, and_, func, select

from jiehuan.api.access import Keys, Store
from jiehuan.api.clock import act_day, day_between, shown_day
from jiehuan.api.errors import NotFound
from jiehuan.api.files import FileRow, files_of
from jiehuan.api.masking import BorrowerOut, borrower_of, masked_names
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Body, Id, Page, Record, Yuan, spoken
from jiehuan.api.writes import Write
from jiehuan.flow import litigate
from jiehuan.store.tables import deadline, legal_case, loan
from jiehuan.store.vault import Vault
from jiehuan.units.errors import Problem, Refused

router = APIRouter(prefix="/api/cases", tags=["cases"])


class DeadlineOut(Record):
    """A date that the law sets; ``missed`` when it passed undone before the book's day."""

    deadline_id: str
    kind: str
    due_on: date
    zh: str
    en: str
    citation: str
    done_on: date | None
    done_by: str | None
    missed: bool


class CaseRow(Record):
    """A case in the list with its next undone deadline. ``name`` is masked."""

    case_id: str
    loan_id: str
    borrower_id: str
    name: str | None
    kind: str
    procedure: str
    court: str
    claim: Yuan
    fee: Yuan
    stage: str
    law_firm: str | None
    opened_on: date
    next_deadline: date | None
    missed: bool


class CasePage(Page):
    """A page of cases."""

    items: list[CaseRow]


class CaseOut(Record):
    """One case whole; ``amounts`` is the claim by part, in yuan."""

    case_id: str
    loan_id: str
    borrower: BorrowerOut
    kind: str
    procedure: str
    court: str
    amounts: dict[str, Any]
    claim: Yuan
    fee: Yuan
    stage: str
    law_firm: str | None
    opened_on: date
    pleading_file: str | None
    deadlines: list[DeadlineOut]
    files: list[FileRow]


class Done(Body):
    """On which day the deadline was met (default: today in China)."""

    done_on: date | None = None


@router.get("")
def list_cases(
    database: Store,
    vault: Keys,
    paging: Paging,
    stage: Annotated[Id | None, Query()] = None,
    kind: Annotated[Id | None, Query()] = None,
    loan_id: Annotated[Id | None, Query()] = None,
    missed: Annotated[bool | None, Query(description="Only cases with, or without, a missed deadline.")] = None,
) -> CasePage:
    """Cases, those whose deadline passed or comes first on top."""
    waiting = (
        select(func.min(deadline.c.due_on))
        .where(deadline.c.case_id == legal_case.c.case_id, deadline.c.done_on.is_(None))
        .scalar_subquery()
    )
    columns = [column for column in legal_case.c if column.name not in {"amounts", "pleading_file"}]
    with database.connect() as connection:
        day = shown_day(connection)
        late = func.coalesce(waiting < day, False)
        rows = select(*columns, waiting.label("next_deadline"), late.label("missed"))
        for column, value in ((legal_case.c.stage, stage), (legal_case.c.kind, kind), (legal_case.c.loan_id, loan_id)):
            if value is not None:
                rows = rows.where(column == value)
        if missed is not None:
            rows = rows.where(late.is_(missed))
        sortable = {
            "next_deadline": waiting,
            "opened_on": legal_case.c.opened_on,
            "claim": legal_case.c.claim_fen,
            "stage": legal_case.c.stage,
        }
        found, total = page_of(connection, rows, paging, sortable, "next_deadline", legal_case.c.case_id)
        names = masked_names(connection, vault, [row["borrower_id"] for row in found])
    items = [CaseRow(**spoken(row), name=names.get(row["borrower_id"])) for row in found]
    return CasePage(total=total, page=paging.page, size=paging.size, items=items)


@router.get("/{case_id}")
def get_case(database: Store, vault: Keys, case_id: Annotated[Id, Path()]) -> CaseOut:
    """One case with its deadlines, the missed ones first, and its papers."""
    with database.connect() as connection:
        return _whole(connection, vault, case_id)


def _whole(connection: Connection, vault: Vault, case_id: str) -> CaseOut:
    row = connection.execute(select(legal_case).where(legal_case.c.case_id == case_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(Problem("case_id", case_id, "no such case", "look in GET /api/cases"))
    said = spoken(row)
    person = borrower_of(connection, vault, said.pop("borrower_id"))
    deadlines, papers = deadlines_of(connection, case_id), files_of(connection, [case_id])
    return CaseOut(**said, borrower=person, deadlines=deadlines, files=papers)


def deadlines_of(connection: Connection, case_id: str) -> list[DeadlineOut]:
    """A case's deadlines: missed, then coming, then done."""
    day = shown_day(connection)
    rows = connection.execute(
        select(deadline)
        .where(deadline.c.case_id == case_id)
        .order_by(deadline.c.done_on.is_not(None), deadline.c.due_on, deadline.c.deadline_id)
    ).mappings()
    return [_deadline(row, day) for row in rows]


def _deadline(row: Any, day: date) -> DeadlineOut:
    said = {name: value for name, value in row.items() if name != "case_id"}
    return DeadlineOut(**said, missed=row["done_on"] is None and row["due_on"] < day)


@router.post("/{case_id}/deadlines/{deadline_id}/done")
def meet_deadline(
    write: Write, case_id: Annotated[Id, Path()], deadline_id: Annotated[Id, Path()], body: Done
) -> DeadlineOut:
    """Mark a deadline met. A day in the future, or before the case was opened, is refused."""

    def act(connection: Connection) -> DeadlineOut:
        mine = and_(deadline.c.deadline_id == deadline_id, deadline.c.case_id == case_id)
        row = connection.execute(select(deadline).where(mine).with_for_update()).mappings().one_or_none()
        if row is None:
            raise NotFound(
                Problem(
                    "deadline_id", deadline_id, "no such deadline in this case", f"look in GET /api/cases/{case_id}"
                )
            )
        if row["done_on"] is not None:
            raise Refused(
                Problem(
                    "deadline",
                    deadline_id,
                    f"already met on {row['done_on']} by {row['done_by']}",
                    "read the case again",
                )
            )
        opened = connection.execute(select(legal_case.c.opened_on).where(legal_case.c.case_id == case_id)).scalar_one()
        latest = act_day(connection)
        on = body.done_on or latest
        if not opened <= on <= latest:
            reason = f"not between the opening of the case ({opened}) and today ({latest})"
            raise Refused(Problem("done_on", str(on), reason, "check the date"))
        litigate.meet_deadline(connection, deadline_id, on, write.actor.login)
        done = connection.execute(select(deadline).where(mine)).mappings().one()
        return _deadline(done, shown_day(connection))

    return write.once(DeadlineOut, act)


class NewCase(Body):
    """The loan to go to court with, and the day the case is opened (default: today)."""

    loan_id: Id
    on: date | None = None


class Filing(Body):
    """The day the case was filed and its fee paid (default: today)."""

    on: date | None = None


@router.post("", status_code=201)
def open_case(write: Write, vault: Keys, body: NewCase) -> CaseOut:
    """Open the case of one loan: it is accelerated, worked out, and its papers are made. Opening twice opens once."""

    def act(connection: Connection) -> CaseOut:
        drawn_on = connection.execute(
            select(loan.c.drawn_on).where(loan.c.loan_id == body.loan_id)
        ).scalar_one_or_none()
        if drawn_on is None:
            raise NotFound(Problem("body loan_id", body.loan_id, "no such loan", "look in GET /api/loans"))
        on = day_between(connection, body.on, drawn_on)
        return _whole(connection, vault, litigate.open_case(connection, vault, body.loan_id, on))

    return write.once(CaseOut, act, 201)


@router.post("/{case_id}/file")
def file_case(write: Write, vault: Keys, case_id: Annotated[Id, Path()], body: Filing) -> CaseOut:
    """Say that the case went to court: its fee is posted, and the dates that run from the filing appear."""

    def act(connection: Connection) -> CaseOut:
        opened_on = _whole(connection, vault, case_id).opened_on
        litigate.file_case(connection, case_id, day_between(connection, body.on, opened_on), write.actor.login)
        return _whole(connection, vault, case_id)

    return write.once(CaseOut, act)
