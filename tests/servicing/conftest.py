"""A lender with a few booked loans, and statements of its account written as a bank writes them."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from jiehuan.flow.disburse import book_loan
from jiehuan.loan import read_terms
from jiehuan.store import tables
from jiehuan.store.audit import audit
from jiehuan.store.database import Database
from jiehuan.store.rows import insert_missing

DRAWN = date(2026, 1, 5)
TODAY = date(2026, 3, 10)
TERMS: dict[str, Any] = {
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": DRAWN.isoformat(), "penalty_uplift": "0.5",
}  # fmt: skip

HEADER = ("交易日期", "金额", "流水号", "端到端标识", "附言", "子账号", "对方账号", "余额")
MAPPING: dict[str, Any] = {
    "columns": {
        "value_date": "交易日期", "amount": "金额", "entry_reference": "流水号", "end_to_end": "端到端标识", "texts": ["附言"],
        "virtual_account": "子账号", "payer": "对方账号", "balance": "余额",
    }
}  # fmt: skip


def book(database: Database, loan_id: str, borrower_id: str = "bo_1", **changed: Any) -> str:
    with database.begin() as connection:
        insert_missing(connection, tables.borrower, [{"borrower_id": borrower_id, "region": "浙江"}])
        facts = {"borrower_id": borrower_id, "product": "micro", "region": "浙江", "channel": "api"}
        book_loan(connection, loan_id, read_terms({**TERMS, **changed}), facts)
    return loan_id


@pytest.fixture
def lender(database: Database) -> Database:
    for number in (1, 2, 3):
        book(database, f"ln_{number}", f"bo_{number}")
    return database


WriteCsv = Callable[..., Path]


@pytest.fixture
def write_csv(tmp_path: Path) -> WriteCsv:
    """``write_csv([(day, amount, entry, e2e, remark, virtual, payer), …], opening="0.00")`` with a running balance."""

    def write(rows: Sequence[Sequence[str]], opening: float = 0.0, name: str = "statement.csv") -> Path:
        path = tmp_path / name
        balance = round(opening * 100)
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(HEADER)
            for row in rows:
                cells = [*row, *[""] * (7 - len(row))]
                with contextlib.suppress(ValueError):
                    balance += round(float(cells[1]) * 100)
                writer.writerow([*cells, f"{balance / 100:.2f}"])
        return path

    return write


def cash_in(database: Database) -> int:
    """Fen that the journal says came in from borrowers."""
    with database.connect() as connection:
        found = connection.execute(
            text("SELECT coalesce(sum(debit_fen - credit_fen), 0) FROM line"
                 " WHERE account = 'cash' AND kind <> 'draw' AND loan_id IS NOT NULL")
        ).scalar_one()  # fmt: skip
    return int(found)


def cash_at_bank(database: Database) -> int:
    """Fen that the books say the clearing account holds, held money included."""
    with database.connect() as connection:
        found = connection.execute(
            text("SELECT coalesce(sum(debit_fen - credit_fen), 0) FROM line WHERE account = 'cash'")
        )
        return int(found.scalar_one())


def in_suspense(database: Database) -> int:
    """Fen that the books hold in suspense, what came in above zero."""
    with database.connect() as connection:
        said = "SELECT coalesce(sum(credit_fen - debit_fen), 0) FROM line WHERE account = 'suspense'"
        return int(connection.execute(text(said)).scalar_one())


def count(database: Database, table: Any) -> int:
    with database.connect() as connection:
        return len(connection.execute(select(table)).all())


def everything(database: Database) -> dict[str, int]:
    names = (
        "loan_event",
        "entry",
        "line",
        "receipt",
        "statement",
        "statement_line",
        "gateway_event",
        "outbox",
        "activity",
    )
    with database.connect() as connection:
        return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}


def faults(database: Database, *only: str) -> list[str]:
    """What the audit finds wrong."""
    return [str(problem) for finding in audit(database, only=only) for problem in finding.problems]
