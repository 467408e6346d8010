"""Time itself is an event: once a day, for each account with an open loan, so that income that stays away is seen."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from datetime import time as clock_time

from sqlalchemy import insert, select, text

from jiehuan.flow.day_end import day_end
from jiehuan.flow.disburse import book_loan
from jiehuan.loan import read_terms
from jiehuan.scale.evening import DayEndTimer
from jiehuan.scale.feed import InboxFeed
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA

TERMS = {
    "lender_type": "bank", "principal": "10000.00", "rate": "0.18", "months": 24, "method": "equal_instalment", "drawn_on": "2026-06-01",
}  # fmt: skip


def test_income_that_stays_away_is_seen_by_time_alone(database: Database, vault: Vault) -> None:
    today = datetime(2026, 7, 4, 9, tzinfo=CHINA)
    with database.begin() as connection:
        connection.execute(
            insert(tables.borrower), [{"borrower_id": name, "region": "浙江"} for name in ("bo_1", "bo_2")]
        )
        facts = {"borrower_id": "bo_1", "product": "micro", "region": "浙江", "channel": "api"}
        book_loan(connection, "ln_1", read_terms(TERMS), facts)
        day_end(connection, date(2026, 6, 30))
        for n in range(40):  # paid twice a month for a while, then no more
            at = today - timedelta(days=170 - 3 * n)
            event = {
                "event_id": f"s{n}",
                "account_id": "bo_1",
                "at": at.isoformat(),
                "kind": "salary",
                "amount_fen": 300_000,
            }
            connection.execute(insert(tables.signal_inbox).values(event_id=f"s{n}", content=event, sender="test"))
    feed = InboxFeed(database, vault, owner="one")
    while feed.step():
        pass
    said: list[str] = []
    for day in range(4):
        clock = today + timedelta(days=day - 3)
        timer = DayEndTimer(database, at=clock_time(0, 30), now=lambda: clock)  # noqa: B023
        timer.step()
        assert DayEndTimer(database, at=clock_time(0, 30), now=lambda: clock).step() == 0  # noqa: B023
        with database.connect() as connection:
            said += connection.execute(_TICKED).scalars()
        feed.step()
    assert Counter(said) == {"bo_1": 4}  # bo_2 has no loan
    with database.connect() as connection:
        rules = connection.execute(select(tables.alert.c.rule)).scalars().all()
        ticks = connection.execute(text("SELECT count(*) FROM signal_event WHERE kind = 'tick'")).scalar_one()
    assert "income_fell" in rules and set(rules) <= {"income_fell", "pay_day_missed"}  # its loan is late as well
    assert ticks == 2  # the one that raised the alert, and the last


_TICKED = text("SELECT content->>'account_id' FROM signal_inbox WHERE content->>'kind' = 'tick'")
