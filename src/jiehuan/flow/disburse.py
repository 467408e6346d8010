"""Disburse: the signed loan is booked and the money goes out, unless the law of the day forbids the draw."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from jiehuan.flow.activity import note
from jiehuan.flow.line_draws import open_line
from jiehuan.flow.servicing import Held, keep_state
from jiehuan.law import law_on
from jiehuan.law.checks import check_draw
from jiehuan.ledger import Funding, read_funding
from jiehuan.loan import Terms, make_schedule, read_terms
from jiehuan.store import tables
from jiehuan.store.outbox import publish
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import derived_id
from jiehuan.units.money import format_yuan


def disburse(connection: Connection, application_id: str) -> str:
    """Book the signed application's loan, drawn on the day its contract names; the loan's id. Twice pays out once.

    Raises Refused with the article when the draw breaks a rule of law (cost cap, balance cap, …).
    """
    found = connection.execute(
        select(tables.application, tables.contract.c.terms, tables.contract.c.signed_at, tables.borrower.c.region)
        .join(tables.contract, tables.contract.c.application_id == tables.application.c.application_id)
        .join(tables.borrower, tables.borrower.c.borrower_id == tables.application.c.borrower_id)
        .where(tables.application.c.application_id == application_id)
        .with_for_update(of=tables.application)
    ).one_or_none()
    if found is None:
        raise Refused(Problem("application_id", application_id, "has no signed contract", "sign it first"))
    loan_id = derived_id("ln", application_id)
    if found.status == "booked":
        return loan_id
    terms = read_terms(found.terms, application_id)
    must_be_lawful(connection, terms, found.borrower_id)
    book_loan(
        connection,
        loan_id,
        terms,
        {
            "application_id": application_id,
            "borrower_id": found.borrower_id,
            "product": found.product,
            "region": found.region,
            "channel": found.channel,
        },
        read_funding(found.terms, application_id),
    )
    connection.execute(
        update(tables.application).where(tables.application.c.application_id == application_id).values(status="booked")
    )
    at = datetime.combine(terms.drawn_on, time(12), CHINA)
    open_line(connection, found.borrower_id, application_id, at)
    publish(connection, "loan.disbursed", loan_id, {"loan_id": loan_id, "principal": format_yuan(terms.principal_fen)})
    note(connection, at, "system", "disbursed", loan_id, {"principal": format_yuan(terms.principal_fen)})
    return loan_id


def must_be_lawful(connection: Connection, terms: Terms, borrower_id: str) -> None:
    """Raise Refused with every breach that the draw would be, counting what the borrower already owes."""
    owed = connection.execute(
        select(func.coalesce(func.sum(tables.loan_state.c.principal_outstanding_fen), 0))
        .join(tables.loan, tables.loan.c.loan_id == tables.loan_state.c.loan_id)
        .where(tables.loan.c.borrower_id == borrower_id)
    ).scalar_one()
    draw = {
        **terms.as_document(),
        "apr": make_schedule(terms).apr,
        "borrower_balance": format_yuan(int(owed)),
    }
    breaches = check_draw(draw, law_on(terms.drawn_on, terms.lender_type))
    if breaches:
        raise Refused([
            Problem(breach.id, str(breach.found), breach.en, f"allowed: {breach.allowed}", breach.citation, breach.zh)
            for breach in breaches
        ])  # fmt: skip


def book_loan(
    connection: Connection, loan_id: str, terms: Terms, facts: dict[str, Any], funding: Funding | None = None
) -> None:
    """Write a loan's row, its opening entries and its first state. ``funding``: the partners of a joint loan."""
    connection.execute(insert(tables.loan).values(loan_row(loan_id, terms, facts, funding)))
    held = Held({"loan_id": loan_id, **facts}, terms, (), funding)
    keep_state(connection, held, held.state(terms.drawn_on))


def loan_row(loan_id: str, terms: Terms, facts: dict[str, Any], funding: Funding | None = None) -> dict[str, Any]:
    """A loan as the row of table ``loan``; ``facts``: application_id, borrower_id, product, region, channel, source?."""
    document = terms.as_document()
    if funding is not None:
        document["funding"] = funding.as_document()
    return {
        "loan_id": loan_id,
        "lender_type": terms.lender_type,
        "principal_fen": terms.principal_fen,
        "rate_ppm": terms.rate_ppm,
        "months": terms.months,
        "method": terms.method,
        "drawn_on": terms.drawn_on,
        "first_due": terms.first_due,
        "terms": document,
        **facts,
    }
