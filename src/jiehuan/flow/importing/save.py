"""Write a gathered tape in one transaction: what is there already is left as it is; the rest goes in by COPY.

New repayments of loans that an earlier import brought are recorded as events of those loans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Connection, func, insert, select

from jiehuan.flow.activity import note
from jiehuan.flow.apply import keep_borrower
from jiehuan.flow.day_end import snapshot_row
from jiehuan.flow.disburse import loan_row
from jiehuan.flow.importing.fields import SEALED
from jiehuan.flow.importing.gather import Gathered, GatheredLoan, repayment_event
from jiehuan.flow.importing.history import history_of
from jiehuan.flow.importing.mapping import Mapping
from jiehuan.flow.importing.rows import Refusal, Row
from jiehuan.flow.servicing import record, state_row
from jiehuan.ledger import journal
from jiehuan.store import tables
from jiehuan.store.journal import append_many
from jiehuan.store.rows import copy_rows
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA
from jiehuan.units.errors import JiehuanError

if TYPE_CHECKING:
    from jiehuan.flow.importing.result import ImportResult


def save(
    connection: Connection,
    vault: Vault,
    mapping: Mapping,
    gathered: Gathered,
    result: ImportResult,
    at: datetime,
    folder: Path,
    on_progress: Callable[..., None],
) -> None:
    """Write everything new; counts go into ``result``."""
    prefix = mapping.id_prefix
    _borrowers(connection, vault, prefix, gathered, result, at)
    applications = _applications(connection, prefix, mapping, gathered, result)
    new_loans = _loans(connection, prefix, gathered, result, applications, on_progress)
    _later_repayments(connection, prefix, gathered, new_loans, result)
    _contacts(connection, prefix, gathered, result)
    _refused(connection, mapping, result, at, folder)
    counts = {"kept": result.kept, "refused": len(result.refusals)}
    note(connection, at, "system", "imported", result.run_id, counts)


def _borrowers(
    connection: Connection, vault: Vault, prefix: str, gathered: Gathered, result: ImportResult, at: datetime
) -> None:
    people: dict[str, dict[str, Any]] = {key: dict(row.fields) for key, row in gathered.borrowers.items()}
    for row in [
        *gathered.applications.values(),
        *(loan.row for loan in gathered.loans.values()),
        *gathered.undecided.values(),
    ]:
        people.setdefault(
            row.fields["borrower_id"], {"borrower_id": row.fields["borrower_id"], "region": row.fields.get("region")}
        )
    ids = {prefix + key for key in people}
    known = _existing(connection, tables.borrower.c.borrower_id, ids)
    plain, sealed = [], 0
    for key, person in people.items():
        if prefix + key in known:
            continue
        if any(person.get(name) for name in SEALED):
            keep_borrower(connection, vault, {**person, "borrower_id": prefix + key}, at)
            sealed += 1
            continue
        birth = person.get("birth_date")
        plain.append(
            {
                "borrower_id": prefix + key,
                "region": person.get("region") or "unknown",
                "birth_year": birth.year if birth else None,
                "sex": person.get("sex"),
                "language": person.get("language") or "zh",
                "created_at": at,
            }
        )
    copy_rows(connection, tables.borrower, plain)
    _count(result, "borrowers", len(plain) + sealed, len(known))


def _applications(
    connection: Connection, prefix: str, mapping: Mapping, gathered: Gathered, result: ImportResult
) -> dict[str, str]:
    """Write applications; the application id of each loan by the loan's key."""
    of_loan: dict[str, str] = {}
    rows: dict[str, dict[str, Any]] = {}
    booked = {loan.row.fields.get("application_id") for loan in gathered.loans.values()}
    for key, row in gathered.applications.items():
        rows[prefix + key] = _application_row(
            prefix, mapping, prefix + key, row, "imported" if key in booked else "new"
        )
    history = history_of(gathered)
    for key, loan in gathered.loans.items():
        named = loan.row.fields.get("application_id")
        of_loan[key] = prefix + named if named else f"{prefix}ap-{key}"
        if not named:
            rows[of_loan[key]] = _made_application(prefix, mapping, of_loan[key], loan.row, "imported")
        rows[of_loan[key]]["features"] = {**rows[of_loan[key]]["features"], **history.get(key, {})}
    for key, row in gathered.undecided.items():
        made = _made_application(prefix, mapping, f"{prefix}ap-{key}", row, "new")
        made["features"] = {**made["features"], **history.get(key, {})}
        rows[made["application_id"]] = made
    known = _existing(connection, tables.application.c.application_id, rows)
    new = [row for key, row in rows.items() if key not in known]
    copy_rows(connection, tables.application, new)
    _count(result, "applications", len(new), len(known))
    return of_loan


def _application_row(prefix: str, mapping: Mapping, identity: str, row: Row, status: str) -> dict[str, Any]:
    fields = row.fields
    return {
        "application_id": identity,
        "borrower_id": prefix + fields["borrower_id"],
        "lender_type": mapping.lender_type,
        "product": fields.get("product", "imported"),
        "channel": fields.get("channel", "import"),
        "purpose": fields.get("purpose", ""),
        "amount_fen": fields["amount"],
        "months": fields["months"],
        "applied_at": fields["applied_at"],
        "features": {"amount_fen": fields["amount"], "months": fields["months"], **row.features},
        "status": status,
        "source": f"import {mapping.name}",
    }


def _made_application(prefix: str, mapping: Mapping, identity: str, row: Row, status: str) -> dict[str, Any]:
    """The application behind a loan row that came without one."""
    fields = row.fields
    asked = {
        **fields,
        "amount": fields["principal"],
        "months": fields.get("months") or max(1, fields.get("term_days", 30) // 30),
        "applied_at": datetime.combine(fields["drawn_on"], time(12), CHINA),
    }
    return _application_row(prefix, mapping, identity, Row(row.file, row.number, asked, row.features), status)


def _loans(
    connection: Connection,
    prefix: str,
    gathered: Gathered,
    result: ImportResult,
    applications: dict[str, str],
    on_progress: Callable[..., None],
) -> set[str]:
    known = _existing(connection, tables.loan.c.loan_id, [prefix + key for key in gathered.loans])
    new = {key: loan for key, loan in gathered.loans.items() if prefix + key not in known}
    copy_rows(connection, tables.loan, (_loan_row(prefix, key, loan, applications[key]) for key, loan in new.items()))
    events = copy_rows(
        connection, tables.loan_event, (row for key, loan in new.items() for row in _event_rows(prefix + key, loan))
    )
    states = [(prefix + key, loan.state, loan) for key, loan in new.items() if loan.state is not None]
    copy_rows(connection, tables.loan_standing, (state_row(key, state) for key, state, _ in states))
    copy_rows(
        connection, tables.book_snapshot,
        (snapshot_row(key, photo.on, photo) for key, _, loan in states for photo in loan.snapshots),
    )  # fmt: skip

    def journals() -> Iterable[tuple[str, Any]]:
        for key, state, loan in states:
            on_progress(1)
            yield key, journal(loan.terms, loan.events, state.on, key, state=state)

    append_many(connection, journals())
    _count(result, "loans", len(new), len(known))
    _count(result, "events", events, 0)
    return set(new)


def _loan_row(prefix: str, key: str, loan: GatheredLoan, application_id: str) -> dict[str, Any]:
    fields = loan.row.fields
    facts = {
        "application_id": application_id,
        "borrower_id": prefix + fields["borrower_id"],
        "product": fields.get("product", "imported"),
        "region": fields.get("region", "unknown"),
        "channel": fields.get("channel", "import"),
        "source": "import",
    }
    return loan_row(prefix + key, loan.terms, facts)


def _event_rows(loan_id: str, loan: GatheredLoan) -> Iterable[dict[str, Any]]:
    for event in loan.events:
        yield {
            "loan_id": loan_id,
            "event_id": event.id,
            "kind": event.kind,
            "effective_on": event.on,
            "known_on": event.known_on,
            "body": event.as_document(),
            "idempotency_key": f"import/{loan_id}/{event.id}",
        }


def _later_repayments(
    connection: Connection, prefix: str, gathered: Gathered, new_loans: set[str], result: ImportResult
) -> None:
    """Repayments of loans that are not new: known ones are skipped, others recorded; of no loan at all: refused."""
    later = {key: rows for key, rows in gathered.repayments.items() if key not in new_loans}
    known = _existing(connection, tables.loan.c.loan_id, [prefix + key for key in later])
    keys = [f"import/{prefix}{key}/{row.fields['event_id']}" for key, rows in later.items() for row in rows]
    done = _existing(connection, tables.loan_event.c.idempotency_key, keys)
    for key, rows in later.items():
        for row in rows:
            loan_id, event_id = prefix + key, row.fields["event_id"]
            event_key = f"import/{loan_id}/{event_id}"
            if loan_id not in known:
                reason = "no such loan in the tape or the platform, or it was refused"
                result.refusals.append(Refusal(row.file, row.number, "loan_id", key, reason))
            elif event_key in done:
                _count(result, "events", 0, 1)
            else:
                _record_later(connection, loan_id, event_key, row, result)


def _record_later(connection: Connection, loan_id: str, event_key: str, row: Row, result: ImportResult) -> None:
    as_of = connection.execute(
        select(tables.loan_state.c.as_of).where(tables.loan_state.c.loan_id == loan_id)
    ).scalar_one()
    try:
        with connection.begin_nested():
            event = repayment_event(row)
            day = max(as_of, event.on)
            record(connection, loan_id, event.as_document(), event_key, day)
        _count(result, "events", 1, 0)
    except JiehuanError as error:
        result.refusals.append(Refusal(row.file, row.number, "amount", "", str(error)))


def _contacts(connection: Connection, prefix: str, gathered: Gathered, result: ImportResult) -> None:
    loan_ids = {prefix + row.fields["loan_id"] for row in gathered.contacts}
    found = select(tables.loan.c.loan_id, tables.loan.c.borrower_id).where(_is_any(tables.loan.c.loan_id, loan_ids))
    owners = {row.loan_id: row.borrower_id for row in connection.execute(found)}
    keys = {f"import/{prefix}{row.fields['contact_id']}" for row in gathered.contacts}
    known = _existing(connection, tables.contact.c.idempotency_key, keys)
    rows = []
    for row in gathered.contacts:
        fields, loan_id = row.fields, prefix + row.fields["loan_id"]
        key = f"import/{prefix}{fields['contact_id']}"
        if loan_id not in owners:
            result.refusals.append(
                Refusal(row.file, row.number, "loan_id", fields["loan_id"], "no such loan, or it was refused")
            )
        elif key not in known:
            rows.append(
                {
                    "contact_id": prefix + fields["contact_id"],
                    "loan_id": loan_id,
                    "borrower_id": owners[loan_id],
                    "channel": fields["channel"],
                    "at": fields["at"],
                    "status": fields["status"],
                    "detail": {"source": "import"},
                    "idempotency_key": key,
                }
            )
    copy_rows(connection, tables.contact, rows)
    _count(result, "contacts", len(rows), len(known))


def _refused(connection: Connection, mapping: Mapping, result: ImportResult, at: datetime, folder: Path) -> None:
    counts = {"kept": result.kept, "already_there": result.known, "refused_cells": len(result.refusals)}
    connection.execute(
        insert(tables.import_run).values(
            run_id=result.run_id,
            mapping=mapping.name,
            path=folder.name,
            counts=counts,
            started_at=at,
            finished_at=func.clock_timestamp(),
        )
    )
    rows = (
        {
            "run_id": result.run_id, "n": n, "file": refusal.file, "row": refusal.row, "column": refusal.column,
            "value": refusal.value, "reason": refusal.reason,
        }
        for n, refusal in enumerate(result.refusals, start=1)
    )  # fmt: skip
    copy_rows(connection, tables.import_refusal, rows)


def _existing(connection: Connection, column: Column[Any], values: Iterable[str]) -> set[str]:
    wanted = list(values)
    return set(connection.execute(select(column).where(_is_any(column, wanted))).scalars()) if wanted else set()


def _is_any(column: Column[Any], values: Iterable[str]) -> Any:
    from sqlalchemy import Text, any_, literal
    from sqlalchemy.dialects.postgresql import ARRAY

    return column == any_(literal(list(values), ARRAY(Text)))


def _count(result: ImportResult, what: str, kept: int, known: int) -> None:
    result.kept[what] = result.kept.get(what, 0) + kept
    result.known[what] = result.known.get(what, 0) + known
