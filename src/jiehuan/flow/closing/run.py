"""Close a day over the whole book, durably, resumable after a kill at any point.

Loans that only got older, fell due or were repaid on the day are carried by columns; all others are folded from their events
(``fold.py``). A loan that got no more than one more day past due is not written: the view ``loan_state`` counts on from what is
stored to the day closed last. What changed is written in batches, each a transaction that also moves the run's mark. A killed run
is taken up by running it again: the positions of the evening before are still there, what stands before the mark is not written
again, and what is folded compares itself with what is stored. Work that goes on meanwhile (a repayment) is never overwritten: a loan
that something happened to since the run looked is left to the next run. The demo and small books use ``flow.day_end``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy import Connection, select, text, update

from jiehuan.flow.activity import note
from jiehuan.flow.admission_evening import end_admission_day
from jiehuan.flow.closing.entries import day_entries, joint_loans
from jiehuan.flow.closing.fold import Folded, fold_loans
from jiehuan.flow.closing.positions import Before, Cells, Positions, forget_others
from jiehuan.flow.closing.write import make_room, tab_text, write_all
from jiehuan.flow.day_end import DONE
from jiehuan.flow.lender import lender_of
from jiehuan.ledger.chart import non_accrual_above_dpd
from jiehuan.loan.civil import day_number
from jiehuan.loan.layout import SETTLED
from jiehuan.loan.position import Q_CREDIT, Q_DPD, Q_DUE_I, Q_NEXT_DUE, Q_PENALTY, Q_PLAIN, Q_STATUS
from jiehuan.store import tables
from jiehuan.store.bulk import copy_text, is_plain, uncollected
from jiehuan.store.database import Database
from jiehuan.store.idempotency import prune
from jiehuan.store.rows import insert_missing
from jiehuan.store.straight import driver_of
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Conflict, Problem, Refused
from jiehuan.units.money import parse_yuan

_ONE_AT_A_TIME = 0x6461795F656E64
_PATIENCE = 5.0
"""Seconds to wait for another day end before saying that it runs."""

_run = tables.day_end_run


def catch_up(
    database: Database, to: date, on_progress: Callable[[int], None] = lambda steps: None
) -> list[dict[str, Any]]:
    """Close every day that is not closed yet up to ``to``, one after the other; what each came to. Twice closes nothing."""
    with database.connect() as connection:
        begun = connection.execute(
            select(_run.c.on, _run.c.finished_at).order_by(_run.c.on.desc()).limit(1)
        ).one_or_none()
    first = to if begun is None else begun.on + timedelta(days=1 if begun.finished_at else 0)
    days = [first + timedelta(days=n) for n in range((to - first).days + 1)]
    return [close_day(database, on, on_progress) for on in days]


def close_day(database: Database, on: date, on_progress: Callable[[int], None] = lambda steps: None) -> dict[str, Any]:
    """Bring the book to the evening of ``on``: ``{on, loans, overdue, changed, entries, folded, refused}``.

    A day that is closed stays as it is. Raises Conflict when another day end runs, Refused when an earlier day is not closed.
    Loans that cannot be folded are listed under ``refused`` with their reasons; all others are done.
    """
    with database.engine.connect() as connection:
        if not _alone(connection):
            raise Conflict(Problem("day end", on.isoformat(), "another one is running", "wait for it"))
        try:
            return _close(database, connection, on, on_progress)
        finally:
            if not connection.closed and not connection.invalidated:
                with connection.begin():
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ONE_AT_A_TIME})


def _alone(connection: Connection) -> bool:
    """Whether this is the only day end, now or soon: the server lets go of a killed one's lock when it sees that it is gone."""
    until = monotonic() + _PATIENCE
    while True:
        with connection.begin():
            if connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ONE_AT_A_TIME}).scalar_one():
                return True
        if monotonic() > until:
            return False
        sleep(0.1)


def _close(database: Database, connection: Connection, on: date, on_progress: Callable[[int], None]) -> dict[str, Any]:
    folder = database.home / "positions"
    with connection.begin():
        last, mark = _begin(connection, on)
        if last is not None and last.on >= on:
            return {"on": on.isoformat(), "closed": "before", "changed": 0, "entries": 0, "refused": []}
        yesterday = on - timedelta(days=1)
        positions = Positions.load(folder, last.positions) if last is not None and last.on == yesterday else None
        touched = connection.execute(select(tables.loan_touched.c.id, tables.loan_touched.c.loan_id)).all()
        times = Counter(row.loan_id for row in touched)
        wanted = set(times)
        if positions is None or positions.day != yesterday:
            positions = Positions.empty(yesterday)
            wanted |= set(connection.execute(_OPEN, {"done": list(DONE)}).scalars())
        cash = _only_repaid(connection, positions, times, on)
        joint = joint_loans(connection)
    seen = [row.id for row in touched]
    all_plain = is_plain("".join(positions.ids) or "-")
    odd = set() if all_plain else {loan_id for loan_id in positions.ids if not is_plain(loan_id)}

    again, changed, before = positions.pass_day(on, [(one, fen) for one, all_fen in cash.items() for fen in all_fen])
    light = set(cash) - {positions.ids[at] for at in again.tolist()}
    slow, due = _sorted_out(connection, positions, before, changed, light | odd, joint, on)
    folded_ids = (wanted - light) | {positions.ids[at] for at in (*again.tolist(), *slow.tolist())}
    folded_ids |= odd.intersection(positions.ids[at] for at in changed.tolist())
    folded = fold_loans(connection, list(folded_ids), on, on_progress)

    with uncollected():
        entries = day_entries(positions, before, changed, due, folded_ids, joint, on)
        own = [at for at in changed.tolist() if positions.ids[at] not in folded_ids and positions.ids[at] not in light]
        lines = positions.standing(np.array(own, dtype=np.int64))
        paid_off = {one for one in light if positions.cells[positions.place[one], Q_STATUS] == SETTLED}
        positions.change(folded.positions, folded.gone | paid_off)
        with ThreadPoolExecutor(1, thread_name_prefix="positions") as pool:  # the file, while the server writes
            saved = pool.submit(positions.save, folder)
            moved = write_all(database, lines, entries, on, mark, seen, on_progress)
            name = saved.result()
    if moved:
        positions.distrust(moved)
        name = positions.save(folder)
    return _finish(connection, folder, name, seen, positions, folded, on)


def _begin(connection: Connection, on: date) -> tuple[Any, str]:
    """The last closed day, and the mark of this one where it was begun before."""
    last = connection.execute(
        select(_run).where(_run.c.finished_at.is_not(None)).order_by(_run.c.on.desc()).limit(1)
    ).one_or_none()
    if last is not None and last.on >= on:
        return last, ""
    begun = connection.execute(
        select(_run).where(_run.c.finished_at.is_(None)).order_by(_run.c.on).limit(1)
    ).one_or_none()
    if begun is not None and begun.on != on:
        raise Refused(
            Problem("day end", str(on), f"the day end of {begun.on} is not finished", f"close {begun.on} first")
        )
    if last is not None and last.positions and last.on + timedelta(days=1) != on:
        missing = last.on + timedelta(days=1)
        raise Refused(Problem("day end", str(on), f"{missing} is not closed yet", "close the days in their order"))
    insert_missing(connection, _run, [{"on": on}])
    return last, begun.mark if begun is not None else ""


def _only_repaid(connection: Connection, positions: Positions, times: Counter[str], on: date) -> dict[str, list[int]]:
    """Touched loans to which nothing happened but repayments of the day, booked on the day: their cash in order of arrival."""
    maybe = [one for one in times if one in positions.place and positions.cells[positions.place[one], Q_PLAIN]]
    if not maybe:
        return {}
    given = {"loans": maybe, "on": on}
    at_day = set(connection.execute(_AT_DAY, given).scalars())
    found: dict[str, list[int]] = {}
    others: set[str] = set()
    for row in connection.execute(_KNOWN_TODAY, given):
        if row.kind == "repayment" and row.effective_on == on:
            found.setdefault(row.loan_id, []).append(parse_yuan(row.amount, minimum=1))
        else:
            others.add(row.loan_id)
    return {
        loan_id: cash
        for loan_id, cash in found.items()
        if loan_id in at_day and loan_id not in others and len(cash) == times[loan_id]
    }


def _sorted_out(
    connection: Connection,
    positions: Positions,
    before: Before,
    changed: Cells,
    others: set[str],
    joint: Container[str],
    on: date,
) -> tuple[Cells, Cells]:
    """Of the loans that columns carried, but ``others``: those whose journal needs the fold after all, and those of which
    interest fell due.

    Interest is a plain entry while nothing of the loan is in memo, it is not above the limit of non-accrual and no credit balance is
    used on it; of a ``joint`` loan, whose shares are rounded on the total, while no interest is owed.
    """
    limit, day = non_accrual_above_dpd(), day_number(on)
    crossed = np.flatnonzero((positions.cells[:, Q_DPD] > limit) & (before.dpd <= limit))
    mine = np.array(
        [at for at in np.union1d(changed, crossed).tolist() if positions.ids[at] not in others], dtype=np.int64
    )
    dpd = positions.cells[mine, Q_DPD]
    due = before.cell(mine, Q_NEXT_DUE, 0) == day
    odd = due & ((before.cell(mine, Q_CREDIT, 0) != 0) | (dpd > limit))
    odd |= (dpd > limit) & (before.dpd[mine] <= limit)
    odd |= positions.cells[mine, Q_STATUS] == SETTLED
    owing = np.flatnonzero(due & ~odd & ((before.cell(mine, Q_DUE_I, 0) != 0) | (before.cell(mine, Q_PENALTY, 0) != 0)))
    ids = [positions.ids[at] for at in mine[owing].tolist()]
    unclear = {one for one in ids if one in joint}
    if ids:
        with connection.begin():
            unclear |= set(connection.execute(_IN_MEMO, {"loans": ids}).scalars())
    odd[owing] = [one in unclear for one in ids]
    return mine[odd], mine[due & ~odd]


def _finish(
    connection: Connection, folder: Path, name: str, seen: list[int], positions: Positions, folded: Folded, on: date
) -> dict[str, Any]:
    make_room(connection, seen)
    kept = list(folded.ahead | set(folded.refused))
    with connection.begin():
        if (on + timedelta(days=1)).day == 1:
            _photograph(connection, positions, on)
        row = connection.execute(
            update(_run)
            .where(_run.c.on == on)
            .values(
                finished_at=text("now()"), positions=name, changed=_run.c.changed + folded.changed,
                entries=_run.c.entries + folded.entries,
            )
            .returning(_run.c.changed, _run.c.entries)
        ).one()  # fmt: skip
        connection.execute(_LOOKED, {"kept": kept})
        end_admission_day(connection, on)
        counts = {
            "on": on.isoformat(),
            "loans": len(positions.ids),
            "overdue": int((positions.cells[:, Q_DPD] > 0).sum()),
            "changed": row.changed,
            "entries": row.entries,
        }
        note(connection, datetime.combine(on, time(23, 59), CHINA), "system", "day_end", on.isoformat(), counts)
    with connection.begin():
        prune(connection, int(lender_of(connection)["idempotency_days"]))
    forget_others(folder, name)
    refused = [
        {"loan_id": loan_id, "problems": [problem.as_dict() for problem in problems]}
        for loan_id, problems in sorted(folded.refused.items())
    ]
    return {**counts, "folded": len(folded.positions) + len(folded.gone), "refused": refused}


def _photograph(connection: Connection, positions: Positions, on: date) -> None:
    """The book at a month's end: open loans from their positions by COPY, and those that ended since the last photograph,
    whose last line says all, by one statement. What was photographed before a kill stays.
    """
    names = {"principal_outstanding_fen": "outstanding_fen"}
    columns = [column.name for column in tables.book_snapshot.columns]
    frame = positions.lines(np.arange(len(positions.ids))).rename(names).with_columns(pl.lit(on).alias("as_of"))
    listed = ", ".join(f'"{name}"' for name in columns)
    there = connection.execute(_PHOTOGRAPHED, {"on": on}).first() is not None
    into = "day_end_photograph" if there else "book_snapshot"
    if there:
        connection.execute(text("CREATE TEMP TABLE day_end_photograph (LIKE book_snapshot) ON COMMIT DROP"))
    copy_text(driver_of(connection), f"{into} ({listed})", tab_text(frame.select(columns)))
    if there:
        connection.execute(text("INSERT INTO book_snapshot SELECT * FROM day_end_photograph ON CONFLICT DO NOTHING"))
    connection.execute(_ENDED, {"on": on, "done": list(DONE)})


_OPEN = text(
    "SELECT l.loan_id FROM loan l LEFT JOIN loan_standing s USING (loan_id)"
    " WHERE s.status IS NULL OR s.status <> ALL(:done)"
)
_AT_DAY = text("SELECT loan_id FROM loan_standing WHERE loan_id = ANY(:loans) AND as_of = :on AND status <> 'sold'")
_KNOWN_TODAY = text(
    "SELECT loan_id, kind, effective_on, body->>'amount' AS amount FROM loan_event"
    " WHERE loan_id = ANY(:loans) AND known_on = :on ORDER BY loan_id, seq"
)
_IN_MEMO = text(
    "SELECT DISTINCT loan_id FROM entry WHERE loan_id = ANY(:loans) AND accounts && '{suspended_interest,suspended_penalty}'"
)
_LOOKED = text(
    "DELETE FROM loan_touched t USING day_end_seen s WHERE t.id = s.id AND t.loan_id <> ALL(CAST(:kept AS text[]))"
)
_PHOTOGRAPHED = text("SELECT FROM book_snapshot WHERE as_of = :on LIMIT 1")
_ENDED = text(
    "INSERT INTO book_snapshot (as_of, loan_id, outstanding_fen, overdue_fen, dpd, class, status)"
    " SELECT :on, loan_id, principal_outstanding_fen, overdue_fen, dpd, class, status FROM loan_state s"
    " WHERE status = 'settled' AND as_of <= :on"
    " AND NOT EXISTS (SELECT FROM book_snapshot b WHERE b.loan_id = s.loan_id AND b.status = ANY(:done))"
    " ON CONFLICT DO NOTHING"
)
