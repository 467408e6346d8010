"""What happens on the platform's own loans reaches the signals by itself, each happening once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, text

from jiehuan.flow.day_end import day_end
from jiehuan.flow.own_events import put_own_events
from jiehuan.flow.repay import repay
from jiehuan.flow.settle import reverse, settle
from jiehuan.flow.watch import Watcher
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.watch import read_event

ON = date(2025, 12, 20)


def told(database: Database) -> list[dict[str, Any]]:
    with database.connect() as connection:
        return list(
            connection.execute(select(tables.signal_inbox.c.content).order_by(tables.signal_inbox.c.id)).scalars()
        )


def close(database: Database, on: date) -> int:
    with database.begin() as connection:
        day_end(connection, on)
        return put_own_events(connection, on)


def test_each_happening_is_told_once(lender: Database) -> None:
    assert close(lender, ON) > 0
    assert close(lender, ON) == 0
    first = told(lender)
    kinds = Counter(event["kind"] for event in first)
    with lender.connect() as connection:
        late = "SELECT count(*), count(*) FILTER (WHERE dpd >= 30) FROM loan_state WHERE dpd > 0 AND status IN ('active', 'restructured')"
        missed, over_30 = connection.execute(text(late)).one()
    assert over_30 > 0 and (kinds["due_missed"], kinds["overdue_30"]) == (missed, over_30)
    with lender.begin() as connection:  # a worker takes them
        taken = Watcher().watch(connection, first)
        assert taken.taken == len(first) and not taken.problems and taken.alerts
        connection.execute(text("DELETE FROM signal_inbox"))
    assert close(lender, ON + timedelta(days=1)) == len(told(lender))
    again = Counter(event["kind"] for event in told(lender))
    assert again["due_missed"] < missed // 4, "only pay days of this day are new"
    assert not {event["event_id"] for event in told(lender)} & {event["event_id"] for event in first}


def test_payments_draws_contacts_and_ends_are_told(lender: Database) -> None:
    close(lender, ON)
    day = ON + timedelta(days=2)
    with lender.begin() as connection:
        connection.execute(text("DELETE FROM signal_inbox"))
        open_loans = "SELECT loan_id FROM loan_state WHERE status = 'active' AND overdue_fen > 1000 ORDER BY loan_id LIMIT 3"
        late, worse, good = connection.execute(text(open_loans)).scalars()
        repay(connection, late, 100, day, "part", "transfer")
        wrong = repay(connection, worse, 100, day, "wrong", "transfer")["event_id"]
        reverse(connection, worse, wrong, day, "undo")
        settle(connection, good, day, "end")
        owner = {
            loan: connection.execute(
                select(tables.loan.c.borrower_id).where(tables.loan.c.loan_id == loan)
            ).scalar_one()
            for loan in (late, worse, good)
        }
        at = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
        for number, status in enumerate(("answered", "unanswered", "blocked")):
            row = {
                "contact_id": f"co-{number}", "loan_id": late, "borrower_id": owner[late], "channel": "call", "at": at, "status": status,
                "detail": {}, "idempotency_key": f"co-{number}",
            }  # fmt: skip
            connection.execute(insert(tables.contact).values(row))
    close(lender, day)
    found = {(event["kind"], event["account_id"]): event for event in told(lender)}
    part = found["partial_payment", owner[late]]
    assert (part["amount_fen"], part["at"]) == (100, f"{day}T23:00:00+08:00")
    assert ("repayment", owner[worse]) not in found and ("partial_payment", owner[worse]) not in found
    assert ("repayment", owner[good]) in found
    assert ("contact_answered", owner[late]) in found and ("contact_failed", owner[late]) in found
    others = "SELECT count(*) FROM loan JOIN loan_state USING (loan_id) WHERE borrower_id = :b AND status NOT IN ('settled', 'sold', 'written_off')"
    with lender.connect() as connection:
        open_still = connection.execute(text(others), {"b": owner[good]}).scalar_one()
    assert (("account_closed", owner[good]) in found) == (open_still == 0)
    assert all(read_event(event) for event in told(lender))
