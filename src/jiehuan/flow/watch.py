"""Watch: events of accounts go through the signal engine; alerts are kept with their evidence, each once.

The events in the database are the truth; the engine's memory is what replaying them gives. A ``Watcher`` holds that memory
between calls. It fetches an account's history when the account is first seen, so that a restarted process is ready at once and
holds only the accounts that are alive; it forgets everything whenever a transaction may not have been committed. An account
is a borrower.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, text, update

from jiehuan.flow.activity import note, note_many
from jiehuan.flow.hazards import HazardInForce, hazard_in_force
from jiehuan.store import tables
from jiehuan.store.outbox import publish_many
from jiehuan.store.rows import insert_missing
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.watch import TICK, Alert, Declaration, Engine, Event, load_signals, read_event, read_signals
from jiehuan.watch.engine import unknown_kind

LONGEST_ID = 200
"""Characters of an id, a counterparty, a channel: what an index holds."""

MOST_ACCOUNTS = 1_000_000
"""Accounts in memory, of all parts; beyond it, it starts anew and fetches those that are alive. About 1.6 kB each."""

AHEAD = timedelta(days=1)
"""How far an event may be ahead of the clock: further, and it would silence its account until that day."""


@dataclass
class Watched:
    """What a batch of events came to. ``refused``: the events among ``problems`` that could be read, each with its reason."""

    alerts: list[Alert] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    refused: list[tuple[Event, Problem]] = field(default_factory=list)
    taken: int = 0
    repeated: int = 0


class Watcher:
    """The signal engine over one database. Not for two threads at once.

    ``declaration``: the signals (default: those that ship); ``most_accounts``: how many it may hold in memory; ``known_only``:
    refuse events of accounts that are no borrower of ours; ``hazard``: the model that is asked too, at events since it is in force.
    """

    def __init__(
        self,
        declaration: Declaration | None = None,
        most_accounts: int = MOST_ACCOUNTS,
        *,
        known_only: bool = False,
        hazard: HazardInForce | None = None,
    ) -> None:
        self.declaration = declaration if declaration is not None else load_signals()
        self.most_accounts = most_accounts
        self.known_only = known_only
        self._memories: dict[Hashable, _Memory] = {}
        self._unproven: str | None = None
        self.hazard = hazard
        self._reach = _reach(self.declaration, hazard)

    def watch(self, connection: Connection, rows: Iterable[Mapping[str, Any]], at: datetime | None = None) -> Watched:
        """Take events (the **events** format) in order of their time, keep them and the alerts they raise.

        A bad row never stops the others. Batches of past and simulated months are taken whole: ``at``, the caller's present,
        bounds nothing here (``take`` has such a bound).
        """
        unreadable: list[Problem] = []
        good: list[Event] = []
        for number, row in enumerate(rows, start=1):
            try:
                good.append(read_event(row, f"event {number}"))
            except InputError as error:
                unreadable.extend(error.problems)
        good.sort(key=lambda event: event.at)
        told = self.take(connection, {None: good})
        told.problems[:0] = unreadable
        return told

    def take(
        self, connection: Connection, parts: Mapping[Hashable, Sequence[Event]], now: datetime | None = None
    ) -> Watched:
        """Take events in the order they are given, in the caller's transaction. Each part has a memory of its own, and an
        account's events must all come in one part (as those of one partition do). ``now``: refuse events that are far ahead
        of it.

        Call ``committed`` when the transaction is; a call without it looks whether the last one's events are there.
        """
        told = Watched()
        if self.accounts > self.most_accounts:
            self.forget()
        with self._forgetting_on_failure(connection):
            sound = {part: list(self._sound(events, now, told)) for part, events in parts.items()}
            if self.known_only:
                sound = {part: self._of_ours(connection, part, events, told) for part, events in sound.items()}
            for part, events in sound.items():
                self._remember(connection, part, events)
            new = self._inserted(connection, [event for events in sound.values() for event in events], told)
            lost: list[str] = []
            ticks: list[Event] = []
            for part, events in sound.items():
                engine = self._memories[part].engine
                for event in events:
                    if event.event_id not in new:
                        continue
                    new.discard(event.event_id)  # the same id again in this batch is a repetition
                    try:
                        told.alerts.extend(self._judge(engine, event))
                        told.taken += 1
                        self._unproven = event.event_id
                        if event.kind == TICK:
                            ticks.append(event)
                    except InputError as error:
                        lost.append(event.event_id)
                        told.refused.extend((event, problem) for problem in error.problems)
            if lost:
                connection.execute(_DELETE, {"ids": lost})
            if ticks:  # an account's last tick is its clock; of the older ones those that raised something matter
                given = {"accounts": [one.account_id for one in ticks], "before": min(one.at for one in ticks)}
                connection.execute(_PRUNE, given)
            _keep_alerts(connection, told.alerts)
        told.problems.extend(problem for _, problem in told.refused)
        return told

    def warm(self) -> None:
        """Load what is compiled now, not at the first event."""
        model = self.hazard.model if self.hazard is not None else None
        Engine(self.declaration, model).process(Event("warm", "warm", datetime(2000, 1, 1, tzinfo=UTC), TICK))

    def committed(self) -> None:
        """The transaction of the last ``take`` or ``watch`` is committed for certain."""
        self._unproven = None

    def use(self, declaration: Declaration, hazard: HazardInForce | None = None) -> bool:
        """Go on with other signals or another model, when they are others; whether they are. The history gives the memory they need."""
        if declaration.version == self.declaration.version and hazard == self.hazard:
            return False
        self.forget()
        self.declaration, self.hazard = declaration, hazard
        self._reach = _reach(declaration, hazard)
        return True

    def forget(self, *parts: Hashable) -> None:
        """Drop the memory of some parts (none named: of all), because another process has them, or a commit failed."""
        for part in parts or list(self._memories):
            self._memories.pop(part, None)
        if not self._memories:
            self._unproven = None

    @property
    def accounts(self) -> int:
        """How many accounts are in memory."""
        return sum(len(memory.accounts) for memory in self._memories.values())

    def memory(self) -> dict[str, int]:
        """Bytes held in all, and accounts."""
        return {
            "bytes": sum(memory.engine.memory()["bytes"] for memory in self._memories.values()),
            "accounts": self.accounts,
        }

    # Within

    @contextmanager
    def _forgetting_on_failure(self, connection: Connection) -> Iterator[None]:
        """Should anything fail, the memory may be ahead of the database and is thrown away."""
        if self._unproven is not None and not connection.execute(_IS_THERE, {"id": self._unproven}).scalar_one():
            self.forget()
        self._unproven = None
        try:
            yield
        except BaseException:
            self.forget()
            raise

    def _sound(self, events: Iterable[Event], now: datetime | None, told: Watched) -> Iterator[Event]:
        """The events that the database and the engine can take; the others are refused with their reason."""
        kinds = {*self.declaration.kinds, TICK}
        for event in events:
            problem = too_long(event)  # all else is the engine's to refuse
            if problem is None and event.kind not in kinds:
                problem = unknown_kind(event.kind, kinds, f"event {event.event_id}")
            if problem is None and now is not None and event.at > now + AHEAD:
                where = f"event {event.event_id}, at"
                problem = Problem(where, event.at.isoformat(), "in the future", "check the sender's clock")
            if problem is not None:
                told.refused.append((event, problem))
            else:
                yield event

    def _of_ours(self, connection: Connection, part: Hashable, events: list[Event], told: Watched) -> list[Event]:
        """The events of accounts that are borrowers; who is in memory is known."""
        memory = self._memories.get(part)
        strange = {event.account_id for event in events} - (memory.accounts if memory else set())
        found = select(tables.borrower.c.borrower_id).where(tables.borrower.c.borrower_id.in_(strange))
        unknown = strange - set(connection.execute(found).scalars()) if strange else set()
        mend = "send the borrower's id, or take events of strangers too"
        for event in events:
            if event.account_id in unknown:
                where = f"event {event.event_id}, account_id"
                told.refused.append((event, Problem(where, event.account_id[:80], "unknown account", mend)))
        return [event for event in events if event.account_id not in unknown]

    def _remember(self, connection: Connection, part: Hashable, events: Sequence[Event]) -> None:
        """Bring the history of accounts that are new to a memory into it, in the order in which it was taken."""
        memory = self._memories.get(part)
        if memory is None:
            memory = self._memories[part] = _Memory(Engine(self.declaration))
        strange = {event.account_id for event in events} - memory.accounts
        if not strange:
            return
        since = min(event.at for event in events if event.account_id in strange) - self._reach
        stored = connection.execute(_HISTORY, {"accounts": list(strange), "since": since})
        for row in stored:
            self._judge(memory.engine, Event(*row))
        memory.accounts |= strange

    def _judge(self, engine: Engine, event: Event) -> list[Alert]:
        """One event through an engine. A model is asked from its moment on only: nothing before it was told, so nothing is silenced by it."""
        hazard = self.hazard
        engine.model = hazard.model if hazard is not None and event.at >= hazard.since else None
        return engine.process(event)

    def _inserted(self, connection: Connection, events: Sequence[Event], told: Watched) -> set[str]:
        """Keep the events; the ids of those that were not there. The same id with other content is refused."""
        if not events:
            return set()
        first: dict[str, Event] = {}
        again: list[Event] = []
        for event in events:
            if first.setdefault(event.event_id, event) is not event:
                again.append(event)
        kept = list(first.values())
        found = connection.execute(_INSERT, {"events": json.dumps([_row(event) for event in kept])})
        new = set(found.scalars())
        if len(new) < len(kept):
            again.extend(event for event in kept if event.event_id not in new)
        if again:
            told.repeated += len(again)
            stored = {
                row.event_id: Event(*row) for row in connection.execute(_SAME, {"ids": [e.event_id for e in again]})
            }
            for event in again:
                if event.event_id in stored and stored[event.event_id] != event:
                    told.repeated -= 1
                    where = f"event {event.event_id}, event_id"
                    reason, mend = "the same id came before with other content", "give each event an id of its own"
                    told.refused.append((event, Problem(where, event.event_id, reason, mend)))
        return new


@dataclass
class _Memory:
    """An engine, and the accounts whose history it has."""

    engine: Engine
    accounts: set[str] = field(default_factory=set)


def signals_in_force(connection: Connection, at: datetime) -> Declaration:
    """The declaration that the lender's people put in force last, as of ``at``; the one that ships when there is none."""
    import yaml

    kept = tables.signal_version
    body = connection.execute(
        select(kept.c.body)
        .where(kept.c.status == "approved", kept.c.effective_at <= at)
        .order_by(kept.c.effective_at.desc(), kept.c.approved_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    return load_signals() if body is None else read_signals(yaml.safe_load(body), "signals in force")


def judged_by(connection: Connection, at: datetime) -> tuple[Declaration, HazardInForce | None]:
    """What ``Watcher.use`` takes: the signals in force as of ``at``, and the hazard in force when it was fitted on them."""
    declaration = signals_in_force(connection, at)
    return declaration, hazard_in_force(connection, declaration)


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
    messages = [(alert.account_id, {"alert_id": alert.alert_id, "rule": alert.rule}) for alert in alerts]
    publish_many(connection, "alert.raised", messages)
    note_many(
        connection,
        "system",
        "alerted",
        [(alert.at, alert.alert_id, {"rule": alert.rule, "severity": alert.severity}) for alert in alerts],
    )


def _reach(declaration: Declaration, hazard: HazardInForce | None) -> timedelta:
    """How far back an account's history matters: windows, silences after alerts, and late events."""
    rests = [rule.cooldown for rule in declaration.rules]
    if hazard is not None:
        rests.append(hazard.model.cooldown_days * 86_400)
    return timedelta(seconds=max(declaration.horizon, *rests, 0) + declaration.lateness)


def too_long(event: Event) -> Problem | None:
    """What a column of text or its index would not take."""
    for name in ("event_id", "account_id", "counterparty", "channel"):
        said = getattr(event, name)
        if len(said) > LONGEST_ID:
            mend = f"write {LONGEST_ID} characters or fewer"
            return Problem(f"event, {name}", said[:80], f"{len(said)} characters long", mend)
        if "\0" in said or (not said.isascii() and any("\ud800" <= letter <= "\udfff" for letter in said)):
            return Problem(f"event, {name}", ascii(said)[:80], "not text that can be kept", "write whole characters")
    return None


def _row(event: Event) -> dict[str, str | int]:
    return {
        "event_id": event.event_id, "account_id": event.account_id, "at": event.at.isoformat(), "kind": event.kind,
        "amount_fen": event.amount_fen, "counterparty": event.counterparty, "channel": event.channel,
    }  # fmt: skip


_COLUMNS = {
    "event_id": "text", "account_id": "text", "at": "timestamptz", "kind": "text", "amount_fen": "bigint", "counterparty": "text",
    "channel": "text",
}  # fmt: skip
"""The fields of an event, in their order."""

_LISTED = ", ".join(_COLUMNS)
_INSERT = text(  # one JSON text: half the time that seven arrays take in the driver
    f"INSERT INTO signal_event ({_LISTED}) SELECT {_LISTED} FROM json_to_recordset(CAST(:events AS json)) AS e ("  # noqa: S608
    + ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    + ") ON CONFLICT (event_id) DO NOTHING RETURNING event_id"
)
_SAME = text(f"SELECT {_LISTED} FROM signal_event WHERE event_id = ANY(:ids)")  # noqa: S608
_HISTORY = text(
    f"SELECT {_LISTED} FROM signal_event WHERE account_id = ANY(:accounts) AND at >= :since ORDER BY seq"  # noqa: S608
)
_DELETE = text("DELETE FROM signal_event WHERE event_id = ANY(:ids)")
_PRUNE = text(
    "DELETE FROM signal_event e WHERE account_id = ANY(:accounts) AND kind = 'tick' AND at < :before"
    " AND NOT EXISTS (SELECT FROM alert a WHERE a.account_id = e.account_id AND a.event_id = e.event_id)"
)
_IS_THERE = text("SELECT EXISTS (SELECT FROM signal_event WHERE event_id = :id)")
