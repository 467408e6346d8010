"""Events that came by HTTP into the Watcher, where no broker is: the inbox, read by one worker at a time.

The worker that holds the lease takes a batch in one transaction: events and alerts are kept, the inbox rows removed. Another
takes the lease over when the holder has not been heard for a few seconds; the holder's epoch is then out of date, and its
memory is dropped before it is used again (as with a partition's place, ``places``).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import structlog
from sqlalchemy import text

from jiehuan.flow.watch import Watcher, judged_by
from jiehuan.scale.letters import Letter, park
from jiehuan.scale.metrics import Metrics
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault
from jiehuan.units.errors import InputError, Problem
from jiehuan.watch import Event, read_event

log = structlog.get_logger("jiehuan.worker")

LEASE = 5.0
"""Seconds after which a silent holder is taken for dead."""

BEAT = 1.0
"""Seconds between two signs of life of an idle holder."""

RENEW = 30.0
"""Seconds between two looks whether the lender's people have put other signals or another model in force."""

CONSUMER, INBOX = "watch", "inbox"


class InboxFeed:
    """One worker's reader of the inbox. Not for two threads at once."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        owner: str,
        watcher: Watcher | None = None,
        known_only: bool = False,
        metrics: Metrics | None = None,
    ) -> None:
        self.database, self.vault, self.owner = database, vault, owner
        self.watcher = watcher if watcher is not None else Watcher(known_only=known_only)
        self._renews = watcher is None
        self.metrics = metrics if metrics is not None else Metrics()
        self._epoch = 0
        self._beaten = self._renewed = 0.0

    def step(self, limit: int = 1000) -> int:
        """Take the next events; how many. Nothing while another worker holds the lease."""
        if self._renews and time.monotonic() - self._renewed > RENEW:
            with self.database.connect() as connection:
                self.watcher.use(*judged_by(connection, datetime.now(UTC)))
            self._renewed = time.monotonic()
        if time.monotonic() - self._beaten < BEAT:
            with self.database.connect() as connection:
                if not connection.execute(_WAITING).scalar_one():
                    return 0
        given = {"consumer": CONSUMER, "topic": INBOX, "owner": self.owner, "lease": LEASE}
        try:
            with self.database.begin() as connection:
                connection.execute(_FIRST, given)
                held = connection.execute(_HELD, given).one_or_none()
                if held is None:
                    return 0
                if held.owner != self.owner or held.epoch != self._epoch:
                    self.watcher.forget()
                    self._epoch = connection.execute(_TAKE_OVER, given).scalar_one()
                    log.info("reads the inbox", owner=self.owner)
                rows = connection.execute(_NEXT, {"limit": limit}).all()
                came: dict[int, int] = {}
                events: list[Event] = []
                letters: list[Letter] = []
                for row in rows:
                    try:
                        event = read_event(row.content)
                    except InputError as error:
                        letters.append(self._letter(row.id, row.text, error.problems[0]))
                        continue
                    came[id(event)] = row.id
                    events.append(event)
                told = self.watcher.take(connection, {None: events}, datetime.now(UTC))
                texts = {row.id: row.text for row in rows}
                letters += [
                    self._letter(came[id(event)], texts[came[id(event)]], problem) for event, problem in told.refused
                ]
                park(connection, self.vault, letters)
                connection.execute(_TAKEN, {"ids": [row.id for row in rows]})
                connection.execute(_HEARD, {**given, "taken": len(rows)})
        except BaseException:
            self.watcher.forget()
            raise
        self.watcher.committed()
        self._beaten = time.monotonic()
        self.metrics.add("inbox_events", len(rows))
        self.metrics.add("events_taken", told.taken)
        self.metrics.add("events_repeated", told.repeated)
        self.metrics.add("alerts", len(told.alerts))
        self.metrics.add("dead_letters", len(letters))
        return len(rows)

    def _letter(self, number: int, content: str, problem: Problem) -> Letter:
        return Letter(INBOX, 0, "", number, None, content.encode(), problem)


_WAITING = text("SELECT EXISTS (SELECT FROM signal_inbox)")
_FIRST = text(
    "INSERT INTO stream_place (consumer, topic, partition, next_offset) VALUES (:consumer, :topic, 0, 0) ON CONFLICT DO NOTHING"
)
_HELD = text(
    "SELECT owner, epoch FROM stream_place WHERE consumer = :consumer AND topic = :topic AND partition = 0"
    " AND (owner IN (:owner, '') OR updated_at < clock_timestamp() - make_interval(secs => :lease))"
    " FOR UPDATE SKIP LOCKED"
)
_TAKE_OVER = text(
    "UPDATE stream_place SET owner = :owner, epoch = epoch + 1 WHERE consumer = :consumer AND topic = :topic AND partition = 0"
    " RETURNING epoch"
)
_HEARD = text(
    "UPDATE stream_place SET updated_at = clock_timestamp(), taken = taken + :taken, next_offset = next_offset + :taken,"
    " high_offset = next_offset + :taken + (SELECT count(*) FROM signal_inbox)"
    " WHERE consumer = :consumer AND topic = :topic AND partition = 0"
)
_NEXT = text("SELECT id, content, content::text AS text FROM signal_inbox ORDER BY id LIMIT :limit")
_TAKEN = text("DELETE FROM signal_inbox WHERE id = ANY(:ids)")
