"""Respond: what an alert sets in motion by itself. A critical one opens a case, a grave one has its account's line reviewed at once.

It follows the outbox, so that nothing is missed and a message that comes twice has its effect once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from jiehuan.flow.adjust import adjust_at_alerts
from jiehuan.flow.alert_cases import open_case
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.store.outbox import Message, consume


@dataclass(frozen=True, slots=True)
class Responded:
    """What alerts set in motion: cases they opened or joined, and changes of lines."""

    cases: int
    changes: int


def respond(connection: Connection, alert_ids: Sequence[str]) -> Responded:
    """Open cases and review lines as these alerts ask; again is no more."""
    rows = connection.execute(
        select(tables.alert.c.alert_id, tables.alert.c.account_id, tables.alert.c.at, tables.alert.c.severity)
        .where(
            tables.alert.c.alert_id.in_(alert_ids), tables.alert.c.status == "open", tables.alert.c.case_id.is_(None)
        )
        .order_by(tables.alert.c.at, tables.alert.c.alert_id)
    ).all()
    has_case = set(
        connection.execute(
            select(tables.alert_case.c.account_id).where(
                tables.alert_case.c.account_id.in_({row.account_id for row in rows}),
                tables.alert_case.c.status == "open",
            )
        ).scalars()
    )
    cases = 0
    for row in rows:
        if row.severity == "critical" or row.account_id in has_case:
            open_case(connection, [row.alert_id], "system", row.at)
            has_case.add(row.account_id)
            cases += 1
    return Responded(cases, len(adjust_at_alerts(connection, alert_ids)))


class Responder:
    """Follows the outbox for new alerts; ``step`` handles what waits and says how many messages that was."""

    def __init__(self, database: Database, batch: int = 200) -> None:
        self.database, self.batch = database, batch

    def step(self) -> int:
        """Respond to the next alerts, in one transaction."""
        return consume(self.database, "respond", self._handle, self.batch)

    def _handle(self, messages: list[Message]) -> None:
        raised = [message.payload["alert_id"] for message in messages if message.topic == "alert.raised"]
        if raised:
            with self.database.begin() as connection:
                respond(connection, raised)
