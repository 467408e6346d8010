"""A booked loan to work on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import insert

from jiehuan.loan import read_terms
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.store.rows import insert_missing

TERMS: dict[str, Any] = {
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 12, "method": "equal_instalment",
    "drawn_on": "2025-12-01", "penalty_uplift": "0.5",
}  # fmt: skip


WriteLoan = Callable[..., str]


@pytest.fixture(scope="session")
def write_loan() -> WriteLoan:
    """``write_loan(database, "ln_1", months=6)`` writes a loan's row and returns its id."""

    def write(database: Database, loan_id: str = "ln_1", **changed: Any) -> str:
        terms = read_terms({**TERMS, **changed})
        row = {
            "loan_id": loan_id,
            "borrower_id": "bo_1",
            "lender_type": terms.lender_type,
            "product": "micro",
            "region": "浙江",
            "channel": "api",
            "principal_fen": terms.principal_fen,
            "rate_ppm": terms.rate_ppm,
            "months": terms.months,
            "method": terms.method,
            "drawn_on": terms.drawn_on,
            "first_due": terms.first_due,
            "terms": {**terms.as_document(), **{k: v for k, v in changed.items() if k == "funding"}},
        }
        with database.begin() as connection:
            insert_missing(connection, tables.borrower, [{"borrower_id": "bo_1", "region": "浙江"}])
            connection.execute(insert(tables.loan).values(row))
        return loan_id

    return write


@pytest.fixture
def put_loan(database: Database, write_loan: WriteLoan) -> Callable[..., str]:
    """``put_loan("ln_1", months=6)`` writes it into the test's own database."""
    return partial(write_loan, database)
