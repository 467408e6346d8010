"""Bring a statement in: every line is booked on a loan, matched to what the books have, held in suspense or refused.

Lines are keyed by the account and the bank's entry reference. What is plain is brought in a thousand at a time, every other line in a
transaction of its own: an import that was killed goes on where it stopped, and the same file again changes nothing. The report is read
back from what was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import psycopg
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from jiehuan.flow import many
from jiehuan.flow.receipts import Money, receive, receive_many, untold
from jiehuan.flow.statements.match import Hints, find_loan, find_loans
from jiehuan.flow.statements.statement import Line, Statement
from jiehuan.flow.suspense import hold
from jiehuan.store import tables
from jiehuan.store.audit.personal import personal_data
from jiehuan.store.database import Database
from jiehuan.store.rows import copy_rows, insert_missing
from jiehuan.store.vault import Vault, open_vault
from jiehuan.units.errors import Conflict, InputError, Problem
from jiehuan.units.ids import derived_id
from jiehuan.units.money import format_yuan

OUTCOMES = ("posted", "matched", "charge", "suspense", "refused")
AT_ONCE = 1_000
"""Lines a transaction, where they are plain; each holds its payment's reference until the end."""

_line = tables.statement_line


def import_statements(
    database: Database, found: Sequence[Statement], known_on: date, on_progress: Callable[[int], None] | None = None
) -> list[dict[str, Any]]:
    """Bring statements in; a report of each (``report_of``), with how many lines were there before (``known``).

    ``known_on``: the day on which the lender learns of the money. Raises Conflict when a statement of this number came
    before with other balances, InputError when it holds money of another currency than the lender's.
    """
    vault = open_vault(database)
    reports = []
    for statement in found:
        statement_id = derived_id("st", statement.account, statement.reference)
        known = 0
        database.transact(lambda connection, one=statement, key=statement_id: _head(connection, key, one))  # type: ignore[misc]
        for at in range(0, len(statement.lines), AT_ONCE):
            lines = statement.lines[at : at + AT_ONCE]
            rest = _book_many(database, vault, statement_id, statement, lines, known_on)
            for line in rest:
                known += database.transact(
                    lambda connection, one=line: not _book(connection, vault, statement_id, statement, one, known_on)  # type: ignore[misc] # noqa: B023
                )
            if on_progress:
                on_progress(len(lines))
        with database.begin() as connection:
            _keep_refused(connection, statement_id, statement)
            report = report_of(connection, statement_id)
        report["known"] = known
        report["problems"] = [problem.as_dict() for problem in statement.problems] + _not_adding_up(report)
        reports.append(report)
    return reports


def report_of(connection: Connection, statement_id: str) -> dict[str, Any]:
    """How a statement was brought in: balances, lines and yuan by outcome, what is missing, the refused and the held.

    ``difference`` is closing less opening less all lines: 0.00 when each fen is accounted for, None when the file states no
    balances. ``reconciled`` says that it is zero and that nothing was refused.
    """
    head = connection.execute(
        select(tables.statement).where(tables.statement.c.statement_id == statement_id)
    ).one_or_none()
    if head is None:
        raise InputError(Problem("statement", statement_id, "no such statement", "see: jiehuan statement list"))
    sums = {
        row.outcome: (row.count, int(row.fen or 0))
        for row in connection.execute(
            select(_line.c.outcome, func.count().label("count"), func.sum(_line.c.amount_fen).label("fen"))
            .where(_line.c.statement_id == statement_id)
            .group_by(_line.c.outcome)
        )
    }
    total = sum(fen for _, fen in sums.values())
    stated = head.opening_fen is not None and head.closing_fen is not None
    difference = head.closing_fen - head.opening_fen - total if stated else None
    rows = connection.execute(
        select(_line)
        .where(_line.c.statement_id == statement_id, _line.c.outcome.in_(("suspense", "refused")))
        .order_by(_line.c.row)
    ).all()
    return {
        "statement_id": statement_id,
        "account": head.account,
        "reference": head.reference,
        "closed_on": head.closed_on.isoformat(),
        "currency": head.currency,
        "opening": _yuan(head.opening_fen),
        "closing": _yuan(head.closing_fen),
        "total": format_yuan(total),
        "difference": _yuan(difference),
        "reconciled": difference == 0 and not sums.get("refused"),
        "lines": {name: sums.get(name, (0, 0))[0] for name in OUTCOMES},
        "amounts": {name: format_yuan(sums.get(name, (0, 0))[1]) for name in OUTCOMES},
        "suspense": [_told(row) for row in rows if row.outcome == "suspense"],
        "refused": [_told(row) for row in rows if row.outcome == "refused"],
    }


def _head(connection: Connection, statement_id: str, statement: Statement) -> None:
    if statement.currency != "CNY":
        mend = "import accounts kept in CNY"
        raise InputError(Problem("statement currency", statement.currency[:10], "not the lender's currency, CNY", mend))
    row = {
        "statement_id": statement_id, "account": statement.account, "reference": statement.reference,
        "format": statement.format, "currency": statement.currency, "closed_on": statement.closed_on,
        "opening_fen": statement.opening_fen, "closing_fen": statement.closing_fen, "sha256": statement.sha256,
    }  # fmt: skip
    if insert_missing(connection, tables.statement, [row]):
        return
    kept = connection.execute(
        select(tables.statement.c.opening_fen, tables.statement.c.closing_fen).where(
            tables.statement.c.statement_id == statement_id
        )
    ).one()
    if (kept.opening_fen, kept.closing_fen) != (statement.opening_fen, statement.closing_fen):
        told = f"{_yuan(statement.opening_fen)} to {_yuan(statement.closing_fen)}"
        reason = f"came before with balances {_yuan(kept.opening_fen)} to {_yuan(kept.closing_fen)}"
        raise Conflict(Problem(f"statement {statement.reference}", told, reason, "ask the bank which one holds"))


def _book_many(
    database: Database, vault: Vault, statement_id: str, statement: Statement, lines: Sequence[Line], known_on: date
) -> list[Line]:
    """Bring in what is plain of some lines, in one transaction, and give back the rest for ``_book``, in its order.

    Plain is money that came in, that nobody told of before, whose references or account name one loan, on loans that no other line
    here is for: so a loan's payments stay in their order. When anybody else is at the same lines at the same time, none is brought
    in here.
    """
    plain = [line for line in lines if line.amount_fen > 0]
    if len(plain) < many.WORTH_COLUMNS:
        return list(lines)

    times = Counter(line.entry_reference for line in lines)
    plain, twice = (
        [line for line in plain if times[line.entry_reference] == 1],
        [line for line in plain if times[line.entry_reference] > 1],
    )

    def work(connection: Connection) -> set[str]:
        named, more = find_loans(connection, vault, [_hints(line) for line in twice])
        others = more.union(loan for loan in named if loan)
        ids = {derived_id("sl", statement.account, line.entry_reference): line for line in plain}
        there = set(connection.execute(select(_line.c.line_id).where(_line.c.line_id.in_(list(ids)))).scalars())
        new = {line_id: line for line_id, line in ids.items() if line_id not in there}
        money = {line_id: _money(statement, line, known_on) for line_id, line in new.items()}
        loans, shared = find_loans(connection, vault, [_hints(line) for line in new.values()])
        fresh = untold(connection, list(money.values()))
        one_by_one = shared | {loan for loan, ok in zip(loans, fresh, strict=True) if loan and not ok} | others
        mine = [
            (line_id, loan)
            for line_id, loan, ok in zip(new, loans, fresh, strict=True)
            if ok and loan is not None and loan not in one_by_one
        ]
        got = receive_many(connection, [(money[line_id], loan_id) for line_id, loan_id in mine])
        rows = [
            {
                **_row(line_id, statement_id, new[line_id]), "outcome": one.outcome, "receipt_id": one.receipt_id,
                "reason": one.reason,
            }
            for (line_id, _), one in zip(mine, got, strict=True)
        ]  # fmt: skip
        copy_rows(connection, _line, rows)
        return {new[line_id].entry_reference for line_id, _ in mine}

    try:
        done = database.transact(work)
    except (Conflict, DBAPIError, psycopg.errors.UniqueViolation):
        return list(lines)
    return [line for line in lines if line.entry_reference not in done]


def _row(line_id: str, statement_id: str, line: Line) -> dict[str, Any]:
    return {
        "line_id": line_id, "statement_id": statement_id, "row": line.row, "on": line.on, "amount_fen": line.amount_fen,
        "entry_reference": shown(line.entry_reference),
    }  # fmt: skip


def _hints(line: Line) -> Hints:
    return Hints((line.reference or "", *line.texts), line.virtual_account, line.payer)


def _money(statement: Statement, line: Line, known_on: date) -> Money:
    return Money(
        derived_id("rc", "statement", statement.account, line.entry_reference),
        f"statement:{statement.account}",
        None if line.reference is None else shown(line.reference),
        line.amount_fen,
        line.on,
        max(known_on, line.on),
    )


def _book(
    connection: Connection, vault: Vault, statement_id: str, statement: Statement, line: Line, known_on: date
) -> bool:
    """Bring one line in; False when it was in before."""
    line_id = derived_id("sl", statement.account, line.entry_reference)
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 3))"), {"name": line_id})
    kept = connection.execute(select(_line).where(_line.c.line_id == line_id)).one_or_none()
    row = _row(line_id, statement_id, line)
    if kept is not None:
        if kept.statement_id == statement_id and (kept.on, kept.amount_fen) == (line.on, line.amount_fen):
            return False
        return _refuse_double(connection, row, kept)
    if line.amount_fen > 0:
        loan_id, reason = find_loan(connection, vault, _hints(line), line.amount_fen, line.on)
        got = receive(connection, _money(statement, line, known_on), loan_id, reason)
        row |= {"outcome": got.outcome, "receipt_id": got.receipt_id, "reason": got.reason}
    else:
        entry_id = _paid_out(connection, (line.reference or "", *line.texts), -line.amount_fen)
        reason = "" if entry_id else "went out, and the books do not know for what"
        row |= {"outcome": "matched" if entry_id else "suspense", "entry_id": entry_id, "reason": reason}
    connection.execute(insert(_line).values(row))
    if row["outcome"] == "suspense" and line.amount_fen < 0:
        hold(connection, line_id, line.amount_fen, line.on, max(known_on, line.on))
    return True


def _refuse_double(connection: Connection, row: dict[str, Any], kept: Any) -> bool:
    same = (kept.on, kept.amount_fen) == (row["on"], row["amount_fen"])
    where = "this statement" if kept.statement_id == row["statement_id"] else f"statement {kept.statement_id}"
    reason = f"a duplicate: the entry is on {where} already" + ("" if same else ", with another day or amount")
    again = derived_id("sl", row["statement_id"], "refused", row["row"], row["entry_reference"])
    refused = {**row, "line_id": again, "outcome": "refused", "reason": reason}
    return bool(insert_missing(connection, _line, [refused]))


def _keep_refused(connection: Connection, statement_id: str, statement: Statement) -> None:
    rows = [
        {
            "line_id": derived_id("sl", statement_id, "refused", one.row, one.entry_reference),
            "statement_id": statement_id, "row": one.row, "entry_reference": shown(one.entry_reference),
            "amount_fen": one.amount_fen, "outcome": "refused", "reason": shown(str(one.problem)),
        }
        for one in statement.refused
    ]  # fmt: skip
    insert_missing(connection, _line, rows)


def _paid_out(connection: Connection, texts: tuple[str, ...], amount_fen: int) -> str | None:
    """The entry of a draw or refund, of a loan that the references name, over this amount and not matched yet."""
    from jiehuan.flow.statements.match import _named

    named = _named(connection, texts)
    if len(named) != 1:
        return None
    return connection.execute(_PAID_OUT, {"loan": named[0], "fen": amount_fen}).scalars().first()


_PAID_OUT = text(
    "SELECT l.entry_id FROM line l WHERE l.loan_id = :loan AND l.account = 'cash' AND l.credit_fen = :fen AND l.reverses IS NULL"
    " AND NOT EXISTS (SELECT FROM statement_line s WHERE s.entry_id = l.entry_id)"
    " AND NOT EXISTS (SELECT FROM entry r WHERE r.reverses = l.entry_id) ORDER BY l.place LIMIT 1"
)


def _not_adding_up(report: dict[str, Any]) -> list[dict[str, str]]:
    if report["difference"] in (None, "0.00"):
        return []
    reason = f"the lines leave {report['difference']} yuan between opening and closing balance"
    return [
        Problem(
            f"statement {report['reference']}", report["closing"], reason, "ask the bank for the whole statement"
        ).as_dict()
    ]


def _told(row: Any) -> dict[str, Any]:
    return {
        "row": row.row, "entry_reference": row.entry_reference, "on": row.on.isoformat() if row.on else None,
        "amount": _yuan(row.amount_fen), "receipt_id": row.receipt_id, "reason": row.reason,
    }  # fmt: skip


def shown(said: str) -> str:
    """A bank's text as it may be kept: one that holds an identity or phone number is replaced by its digest."""
    if personal_data(said):
        return derived_id("hidden", said)
    return "".join(sign for sign in said if sign.isprintable())[:300]


def _yuan(fen: int | None) -> str | None:
    return None if fen is None else format_yuan(fen)
