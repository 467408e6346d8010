"""Statements and gateways that tell of many payments: the same receipts, lines and books as one by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from jiehuan.flow import gateway_events, many
from jiehuan.flow.gateway_events import Payment, take_payment, take_payments
from jiehuan.flow.receipts import receive_many
from jiehuan.flow.repay import repay
from jiehuan.flow.servicing import mark_sold
from jiehuan.flow.statements import Line, Statement, bring, import_statements
from jiehuan.flow.statements.match import keep_handle
from jiehuan.store.database import Database
from jiehuan.store.vault import open_vault
from jiehuan.units.errors import Conflict

from .conftest import book, cash_in, faults

NewDatabase = Callable[[Path], AbstractContextManager[Database]]
ON = date(2026, 2, 5)
LOANS = [f"ln_{n:02d}" for n in range(20)]


def lender(database: Database) -> None:
    """Loans of borrowers some of whom have two, known payers and virtual accounts, one loan sold."""
    for n, loan_id in enumerate(LOANS):
        book(database, loan_id, f"bo_{n // 2 if n < 6 else n}")
    vault = open_vault(database)
    with database.begin() as connection:
        keep_handle(connection, vault, "payer", "P1", borrower_id="bo_1")
        keep_handle(connection, vault, "payer", "P9", borrower_id="bo_9")
        keep_handle(connection, vault, "virtual_account", "V8", loan_id="ln_08")
        mark_sold(connection, "ln_07")
        repay(connection, "ln_10", 5_000, ON, "first")


def lines_of(chance: random.Random, count: int) -> list[Line]:
    found = []
    for n in range(count):
        loan = chance.choice([*LOANS, "ln_nobody", ""])
        kind = chance.choices(("named", "virtual", "payer", "two", "out"), (12, 2, 2, 1, 1))[0]
        reference = chance.choice([f"e2e-{n}"] * 8 + [None, "e2e-0"])
        texts = {"named": (loan,), "two": ("ln_01", "ln_02")}.get(kind, ("thanks",))
        found.append(Line(
            n, f"entry-{chance.choice([n] * 15 + [0])}", chance.choice([ON, ON, date(2026, 2, 4)]),
            -chance.randint(1, 9) * 1000 if kind == "out" else chance.choice([91_680, 50_000, chance.randint(1, 100_000), 3_000_000]),
            reference, texts, "V8" if kind == "virtual" else "", chance.choice(["P1", "P9", "P?"]) if kind == "payer" else "",
        ))  # fmt: skip
    return found


def told(database: Database) -> dict[str, list[Any]]:
    asked = {
        "receipts": 'SELECT receipt_id, origin, reference, amount_fen, "on", status, loan_id, event_id, reason FROM receipt ORDER BY 1',
        "lines": 'SELECT line_id, statement_id, row, entry_reference, "on", amount_fen, outcome, receipt_id, entry_id, reason'
        " FROM statement_line ORDER BY 1",
        "gateway": "SELECT gateway, event_id, receipt_id, answer FROM gateway_event ORDER BY 1, 2",
        "events": "SELECT loan_id, event_id, body FROM loan_event ORDER BY loan_id, seq",
        "entries": "SELECT coalesce(loan_id, held_id), n, entry_id, hash FROM entry ORDER BY 1, 2",
        "states": "SELECT * FROM loan_state ORDER BY loan_id",
    }
    with database.connect() as connection:
        return {name: [tuple(row) for row in connection.execute(text(said))] for name, said in asked.items()}


@pytest.fixture
def in_bulk(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many payments were booked by each call in bulk."""
    counts: list[int] = []

    def counted(connection: Any, told: Any) -> Any:
        got = receive_many(connection, told)
        counts.append(sum(one.outcome == "posted" for one in got))
        return got

    monkeypatch.setattr(bring, "receive_many", counted)
    monkeypatch.setattr(gateway_events, "receive_many", counted)
    return counts


@pytest.mark.parametrize("seed", range(3))
def test_a_statement_in_bulk_and_line_by_line(
    new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_bulk: list[int], seed: int
) -> None:
    said = []
    for how in ("many", "one"):
        monkeypatch.setattr(many, "WORTH_COLUMNS", 1 if how == "many" else 10**9)
        lines = lines_of(random.Random(seed), 70)
        statement = Statement(
            "lending", "S1", "csv", "CNY", ON, 0, sum(line.amount_fen for line in lines), tuple(lines), ()
        )
        with new_database(tmp_path / how) as database:
            lender(database)
            [first] = import_statements(database, [statement], ON)
            before = told(database)
            [again] = import_statements(database, [statement], ON)
            assert told(database) == before and again["lines"] == first["lines"]
            assert [fault for fault in faults(database) if "sold" not in fault] == []
            said.append((before, first))
    for name in said[0][0]:
        assert said[0][0][name] == said[1][0][name], name
    assert said[0][1] == said[1][1]
    assert said[0][1]["lines"]["posted"] > 20 and sum(in_bulk) > 8


def payments_of(chance: random.Random, count: int) -> list[Payment]:
    found = []
    for n in range(count):
        loan = chance.choice([*LOANS, "ln_nobody", ""])
        event = f"g-{chance.choice([n] * 15 + [0])}"
        account = chance.choice(["", "", "", "V8"])
        found.append(
            Payment(
                event,
                chance.choice([91_680, 50_000, 3_000_000]),
                ON,
                f"e2e-{n}",
                loan,
                account,
                chance.choice(["", "P1"]),
            )
        )
    return found


@pytest.mark.parametrize("seed", range(2))
def test_a_gateways_list_and_message_by_message(
    new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_bulk: list[int], seed: int
) -> None:
    said = []
    monkeypatch.setattr(many, "WORTH_COLUMNS", 1)
    for how in ("many", "one"):
        payments = payments_of(random.Random(seed), 50)
        with new_database(tmp_path / how) as database:
            lender(database)
            vault = open_vault(database)
            if how == "many":
                answers = database.transact(lambda c: take_payments(c, vault, "alpha", payments, ON))  # noqa: B023
                again = database.transact(lambda c: take_payments(c, vault, "alpha", payments, ON))  # noqa: B023
                assert all(one["repeated"] or one["outcome"] == "refused" for one in again)
            else:
                answers = []
                for one in payments:
                    try:
                        answers.append(database.transact(lambda c, one=one: take_payment(c, vault, "alpha", one, ON)))  # noqa: B023
                    except Conflict as error:
                        reason = "; ".join(problem.reason for problem in error.problems)
                        answers.append({"receipt_id": None, "outcome": "refused", "reason": reason, "repeated": False})
            said.append((answers, told(database), cash_in(database)))
    assert said[0][0] == said[1][0]
    for name in said[0][1]:
        assert said[0][1][name] == said[1][1][name], name
    assert sum(in_bulk) > 5
