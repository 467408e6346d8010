"""Watch: events of accounts go through the signal engine; alerts are kept with their evidence, each once.

The events in the database are the truth; the engine's memory is what replaying them gives. A ``Watcher`` holds that memory
between calls and builds it anew from the stored events after a failure or a restart. An account is a borrower.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from jiehuan.flow.activity import note
from jiehuan.store import tables
from jiehuan.store.outbox import publish
from jiehuan.store.rows import insert_missing
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.watch import Alert, Engine, Event, read_event


@dataclass
class Watched:
    """What a batch of events came to: alerts that are new, and rows that were refused."""

    alerts: list[Alert] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    taken: int = 0


class Watcher:
    """The signal engine over one database. Not for two threads at once."""

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def watch(self, connection: Connection, rows: Iterable[Mapping[str, Any]], at: datetime) -> Watched:
        """Take events (the **events** format), keep them and the alerts they raise. A bad row never stops the others."""
        engine = self._engine or self._replayed(connection, at)
        self._engine = None  # should anything below fail, the memory is ahead of the database and is thrown away
        told = Watched()
        good: list[Event] = []
        for number, row in enumerate(rows, start=1):
            try:
                good.append(read_event(row, f"event {number}"))
            except InputError as error:
                told.problems.extend(error.problems)
        good.sort(key=lambda event: event.at)
        known = _known(connection, [event.event_id for event in good])
        kept: list[Event] = []
        for event in good:
            if event.event_id in known:
                continue
            known.add(event.event_id)
            try:
                told.alerts.extend(engine.process(event))
                kept.append(event)
            except InputError as error:
                told.problems.extend(error.problems)
        told.taken = len(kept)
        insert_missing(connection, tables.signal_event, [_event_row(event) for event in kept])
        _keep_alerts(connection, told.alerts)
        self._engine = engine
        return told

    def _replayed(self, connection: Connection, at: datetime) -> Engine:
        engine = Engine()
        remembered = timedelta(seconds=engine.declaration.horizon)
        stored = connection.execute(
            select(tables.signal_event)
            .where(tables.signal_event.c.at >= at - remembered)
            .order_by(tables.signal_event.c.at, tables.signal_event.c.event_id)
        )
        for row in stored.mappings():
            names = ("event_id", "account_id", "at", "kind", "amount_fen", "counterparty", "channel")
            engine.process(Event(**{name: row[name] for name in names}))
        return engine


def judge_alert(connection: Connection, alert_id: str, verdict: str, actor: str, at: datetime) -> None:
    """A person's verdict on an alert: ``confirmed`` (it was right) or ``dismissed``; it is what learning is told."""
    if verdict not in {"confirmed", "dismissed"}:
        raise InputError(Problem("verdict", verdict, "not a verdict", "write confirmed or dismissed"))
    done = connection.execute(
        update(tables.alert)
        .where(tables.alert.c.alert_id == alert_id)
        .values(status=verdict, handled_by=actor, handled_at=at)
        .returning(tables.alert.c.alert_id)
    ).first()
    if done is None:
        raise Refused(Problem("alert_id", alert_id, "no such alert", "check the id"))
    note(connection, at, actor, "judged", alert_id, {"verdict": verdict})


def _keep_alerts(connection: Connection, alerts: list[Alert]) -> None:
    if not alerts:
        return
    owners = {alert.account_id for alert in alerts}
    newest = (
        select(tables.loan.c.borrower_id, tables.loan.c.loan_id)
        .where(tables.loan.c.borrower_id.in_(owners))
        .order_by(tables.loan.c.drawn_on)
    )
    loans = {row.borrower_id: row.loan_id for row in connection.execute(newest)}
    rows = [{**alert.as_row(), "at": alert.at, "loan_id": loans.get(alert.account_id)} for alert in alerts]
    insert_missing(connection, tables.alert, rows)
    for alert in alerts:
        publish(connection, "alert.raised", alert.account_id, {"alert_id": alert.alert_id, "rule": alert.rule})
        note(
            connection, alert.at, "system", "alerted", alert.alert_id, {"rule": alert.rule, "severity": alert.severity}
        )


def _known(connection: Connection, ids: list[str]) -> set[str]:
    found = select(tables.signal_event.c.event_id).where(tables.signal_event.c.event_id.in_(ids))
    return set(connection.execute(found).scalars()) if ids else set()


def _event_row(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "account_id": event.account_id,
        "at": event.at,
        "kind": event.kind,
        "amount_fen": event.amount_fen,
        "counterparty": event.counterparty,
        "channel": event.channel,
    }
