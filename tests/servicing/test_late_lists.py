"""Lists of loans past due, found by an index on the day since when: the same loans that the view tells, whatever waits or was sold."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from jiehuan.api.book_figures import book_day, in_bucket
from jiehuan.api.loans import list_loans
from jiehuan.api.paging import Slice
from jiehuan.book.tape import BUCKETS
from jiehuan.flow.closing import close_day
from jiehuan.flow.day_end import day_end
from jiehuan.flow.repay import repay
from jiehuan.flow.servicing import mark_sold
from jiehuan.store.database import Database
from jiehuan.store.tables import loan_state
from jiehuan.store.vault import open_vault

from .conftest import book

CLOSED = date(2026, 6, 10)
FILTERS = ("status", "bucket", "grade", "overdue", "product", "region", "channel", "borrower_id", "search")


@pytest.fixture
def late(database: Database) -> Database:
    """Forty loans, from not yet due to 160 days late; then one pays on the next day, one was sold, one waits unread since May."""
    for n in range(40):
        drawn = date(2025, 12, 1) + timedelta(days=5 * n)
        if drawn <= CLOSED:
            book(database, f"ln_{n:02d}", f"bo_{n % 7}", drawn_on=drawn.isoformat())
    close_day(database, date(2026, 5, 3))
    with database.begin() as connection:
        mark_sold(connection, "ln_05")
        connection.execute(text("UPDATE loan SET terms = terms || '{\"months\": 0}' WHERE loan_id = 'ln_09'"))
        connection.execute(text("INSERT INTO loan_touched (loan_id) VALUES ('ln_09')"))
    for n in range((CLOSED - date(2026, 5, 3)).days):
        close_day(database, date(2026, 5, 4) + timedelta(days=n))
    with database.begin() as connection:
        repay(connection, "ln_02", 100, CLOSED + timedelta(days=1), "next-day")
    return database


def listed(database: Database, sort: str = "loan_id", page: int = 1, size: int = 200, **given: Any) -> Any:
    return list_loans(
        database, open_vault(database), Slice(page, size, sort), **{name: given.get(name) for name in FILTERS}
    )


def told(database: Database, condition: str) -> list[tuple[str, int]]:
    with database.connect() as connection:
        asked = text(f"SELECT loan_id, dpd FROM loan_state WHERE {condition} ORDER BY loan_id")
        return [(row.loan_id, row.dpd) for row in connection.execute(asked)]


def test_a_bucket_lists_what_the_view_puts_in_it(late: Database) -> None:
    seen = 0
    for bucket in BUCKETS:
        page = listed(late, bucket=bucket)
        found = [(row.loan_id, row.dpd) for row in page.items]
        assert found == told(late, f"bucket = '{bucket}'") and page.total == len(found) > 0
        seen += page.total
    assert seen == len(told(late, "true"))
    assert [(row.loan_id, row.dpd) for row in listed(late, overdue=True).items] == told(late, "dpd > 0")


@pytest.mark.parametrize("bucket", BUCKETS[1:])
def test_a_loan_paid_on_the_next_day_is_in_the_bucket_it_is_shown_in(late: Database, bucket: str) -> None:
    """One that the next day brought over the edge is found there, though the last closed day is before it."""
    edge = {"M1": 1, "M2": 31, "M3": 61, "M3+": 91}[bucket]
    with late.begin() as connection:
        moved = text("UPDATE loan_standing SET oldest_due = :since WHERE loan_id = 'ln_02'")
        connection.execute(moved, {"since": CLOSED + timedelta(days=1 - edge)})
    assert "ln_02" in [row.loan_id for row in listed(late, bucket=bucket).items]


def test_longest_past_due_come_first_on_every_page(late: Database) -> None:
    """In the whole book they come before all others; pages overlap nowhere and miss nothing."""
    frozen = {"ln_05", "ln_09"}  # shown as of an earlier day
    for given in ({}, {"overdue": True}, {"bucket": "M3+"}, {"region": "浙江"}):
        whole = listed(late, "-dpd", **given)
        days = [row.dpd for row in whole.items if row.loan_id not in frozen]
        assert days == sorted(days, reverse=True)
        pages = [listed(late, "-dpd", page, 5, **given) for page in range(1, whole.total // 5 + 2)]
        assert [row.loan_id for page in pages for row in page.items] == [row.loan_id for row in whole.items]
        assert {page.total for page in pages} == {whole.total} == {len(whole.items)}


def test_days_past_due_and_the_index_go_together(late: Database) -> None:
    """Where passing over the table is ruled out, the index on the day since when is what finds a bucket and its order."""
    with late.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        asked = loan_state.select().where(*in_bucket(connection, "M3+")).order_by(loan_state.c.oldest_due).limit(3)
        said = str(asked.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = "\n".join(connection.execute(text(f"EXPLAIN {said}")).scalars())
    assert "ix_loan_standing_late" in plan and "oldest_due <=" in plan and "Sort" not in plan


def test_the_books_day_is_the_latest_of_all_states(late: Database) -> None:
    """Only loans that wait to be looked at are asked for it; a run that is under way counts from its first batch on."""
    latest = text("SELECT max(as_of) FROM loan_standing")

    def agrees() -> date | None:
        with late.connect() as connection:
            day = book_day(connection)
            assert day == connection.execute(latest).scalar_one()
            return day

    assert agrees() == CLOSED + timedelta(days=1)
    close_day(late, CLOSED + timedelta(days=1))
    book(late, "ln_new", "bo_1", drawn_on="2026-06-15")
    assert agrees() == date(2026, 6, 15)
    with late.begin() as connection:
        connection.execute(text("UPDATE loan SET terms = terms || '{\"months\": 12}' WHERE loan_id = 'ln_09'"))
        day_end(connection, date(2026, 6, 20))
        assert book_day(connection) == date(2026, 6, 20)
        connection.execute(text("""INSERT INTO day_end_run ("on", mark) VALUES ('2026-06-21', 'ln_01')"""))
        assert book_day(connection) == date(2026, 6, 21)
