"""The signal engine: events in, alerts out, live or in replay by the same compiled step.

``Engine.process`` takes one event, ``Engine.replay`` takes arrays of them; both call ``kernel.run``. Judging is point in time: a
rule at an event sees the account's events up to and with it, never a later one. An event which comes late, but within the
declared lateness of its account's clock, is put in its place; the rules are judged at its own time and once more at the
account's newest time. One that comes later than that is refused with a reason. The same event twice changes nothing.

The clock and the lateness are per account, so that one account's false time stamp can't silence another's, and so that
accounts may be spread over any number of engines with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from jiehuan.units.errors import InputError, Problem
from jiehuan.watch.declare import Declaration, load_signals
from jiehuan.watch.event import TICK, Alert, Event, check_event, microseconds
from jiehuan.watch.evidence import make_alert
from jiehuan.watch.tables import Tables, make_tables

if TYPE_CHECKING:
    from types import ModuleType

_REASONS = {
    3: ("event_id", "the same id came before with other content", "give each event an id of its own"),
    4: (
        "at",
        "later than the lateness allows",
        "raise `lateness` in the signals, or replay the account from its start",
    ),
    5: ("account_id", "the account has had two thousand million events", "start a new state for it"),
}
_ALERT_ROOM = 4096
_LATE = 1
_ALERTS = 3
"""The status of a late row and the meta cell that counts alerts, as in the kernel, which is not loaded at import."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Columns:
    """Events as arrays in order of arrival, all of one length; made by ``watch.columns.to_columns``.

    ``account`` is the place of the account's name in ``accounts`` (names of this batch), ``at`` microseconds since 1970 UTC,
    ``amount`` fen, ``event_ids`` texts, ``event_hash`` and ``party_hash`` 64-bit hashes, ``kind`` and ``channel`` codes of the declaration,
    ``second`` the second of the local day. ``row`` is each event's row in its source.
    """

    accounts: Sequence[str]
    account: NDArray[np.int64]
    at: NDArray[np.int64]
    amount: NDArray[np.int64]
    event_ids: Sequence[str]
    event_hash: NDArray[np.int64]
    party_hash: NDArray[np.int64]
    kind: NDArray[np.int32]
    channel: NDArray[np.int32]
    second: NDArray[np.int32]
    row: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a batch came to. ``features`` has a row per event (NaN: not known or not taken) when it was asked for."""

    alerts: list[Alert]
    problems: list[tuple[int, Problem]]
    taken: int
    late: int
    duplicates: int
    features: NDArray[np.float64] | None = None


@dataclass(slots=True)
class State:
    """Everything that grows (int64 arrays, see the kernel for their columns). Saved and loaded as it stands."""

    events: NDArray[np.int64]
    accounts: NDArray[np.int64]
    slots: NDArray[np.int64]
    meta: NDArray[np.int64]

    def arrays(self) -> dict[str, NDArray[np.int64]]:
        """The arrays by name."""
        return {"events": self.events, "accounts": self.accounts, "slots": self.slots, "meta": self.meta}


@dataclass(frozen=True, slots=True)
class _Scratch:
    """Where a run writes: one row for live judging, alerts with the features they show, memo and stack of expressions."""

    one: NDArray[np.int64]
    alerts: NDArray[np.int64]
    seen: NDArray[np.float64]
    no_table: NDArray[np.float64]
    memo: NDArray[np.float64]
    stack: NDArray[np.float64]


class Engine:
    """Judges events against a declaration and remembers what its windows need.

    >>> engine = Engine()
    >>> at = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    >>> [alert.rule for alert in engine.process(Event("e1", "acc-1", at, "debit_failed", 91_680))]
    ['debit_failed']
    """

    def __init__(self, declaration: Declaration | None = None) -> None:
        self.declaration = declaration if declaration is not None else load_signals()
        self.account_index: dict[str, int] = {}
        self.counts = {"taken": 0, "late": 0, "duplicates": 0, "refused": 0, "alerts": 0}
        self._zone = ZoneInfo(self.declaration.zone)
        self._kernel: ModuleType | None = None
        self._tables: Tables | None = None
        self._state: State | None = None
        self._scratch: _Scratch | None = None
        self.kind_code = {kind: code for code, kind in enumerate([*self.declaration.kinds, TICK])}
        channels = dict.fromkeys(c for s in self.declaration.streams.values() for c in s.channels)
        self.channel_code = {channel: code for code, channel in enumerate(channels, 1)}

    # One event

    def process(self, event: Event) -> list[Alert]:
        """Take one event and return the alerts it raised. A duplicate returns none. Raises InputError for an event that
        can't be taken (unknown kind, no zone, negative amount, too late, id reused with other content)."""
        problem = check_event(event)
        kind = self.kind_code.get(event.kind)
        if problem is None and kind is None:
            problem = unknown_kind(event.kind, self.kind_code, "event")
        if problem is not None or kind is None:
            self.counts["refused"] += 1
            raise InputError(problem or ())
        _, state, scratch = self._ready()
        account = self.account_index.get(event.account_id)
        if account is None:
            account = self.account_index[event.account_id] = len(self.account_index)
            self._see_accounts()
        local = event.at.astimezone(self._zone)
        second = local.hour * 3600 + local.minute * 60 + local.second
        channel = self.channel_code.get(event.channel, 0)
        batch = scratch.one
        batch[0] = (
            account,
            microseconds(event.at),
            event.amount_fen,
            self._hash(event.event_id),
            self._hash(event.counterparty),
            kind,
            channel,
            second,
            0,
        )
        state.meta[_ALERTS] = 0
        self._run(batch, scratch.no_table, 0)
        status = int(batch[0, 8])
        self._count(batch[:, 8])
        if status in _REASONS:
            column, reason, mend = _REASONS[status]
            raise InputError(Problem(f"event {event.event_id}, {column}", _status_value(event, column), reason, mend))
        return [self._alert(a, event, local, late=status == _LATE) for a in range(int(state.meta[_ALERTS]))]

    def tick(self, account_id: str, at: datetime) -> list[Alert]:
        """Say that it is ``at`` on the account: rules whose ``on`` has ``tick`` are judged, nothing is counted."""
        return self.process(Event(f"tick {account_id} {at.isoformat()}", account_id, at, TICK))

    # Many events

    def replay(self, columns: Columns, *, features: bool = False) -> Replayed:
        """Take many events in order of arrival: the same answer as ``process`` on each, at array speed.

        ``features``: also return the value of every declared feature at every event, windowed ones first, then derived
        (``feature_names``), shape (events, features), as the rules saw them.
        """
        _, state, _ = self._ready()
        n = len(columns)
        mine = np.empty(max(1, len(columns.accounts)), dtype=np.int64)
        for place, name in enumerate(columns.accounts):
            mine[place] = self.account_index.setdefault(name, len(self.account_index))
        self._see_accounts()
        batch = np.zeros((n, 9), np.int64)
        batch[:, 0] = mine[columns.account]
        parts = (
            columns.at,
            columns.amount,
            columns.event_hash,
            columns.party_hash,
            columns.kind,
            columns.channel,
            columns.second,
        )
        for place, part in enumerate(parts, 1):
            batch[:, place] = part
        table = np.full((n if features else 0, len(self.feature_names)), np.nan)
        alerts: list[Alert] = []
        at = 0
        while at < n:
            state.meta[_ALERTS] = 0
            at = self._run(batch, table, at)
            for a in range(int(state.meta[_ALERTS])):
                i = int(self._scratch.alerts[a, 0])
                moment = (_EPOCH + timedelta(microseconds=int(columns.at[i]))).astimezone(self._zone)
                event = Event(
                    columns.event_ids[i],
                    columns.accounts[columns.account[i]],
                    moment,
                    self._kind_names[columns.kind[i]],
                    int(columns.amount[i]),
                )
                alerts.append(self._alert(a, event, moment, late=bool(batch[i, 8] == _LATE)))
        status = batch[:, 8]
        self._count(status)
        problems = []
        for i in np.flatnonzero(status >= 3):
            column, reason, mend = _REASONS[int(status[i])]
            shown = {"event_id": columns.event_ids[i], "account_id": columns.accounts[columns.account[i]]}
            value = shown.get(column) or (_EPOCH + timedelta(microseconds=int(columns.at[i]))).isoformat()
            problems.append(
                (int(columns.row[i]), Problem(f"event {columns.event_ids[i]}, {column}", value, reason, mend))
            )
        late, twice = int((status == _LATE).sum()), int((status == 2).sum())
        return Replayed(alerts, problems, n - twice - len(problems), late, twice, table if features else None)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The declared features in the order of the feature table: windowed, then derived."""
        return (*self.declaration.features, *self.declaration.derived)

    def memory(self) -> dict[str, int]:
        """Bytes held: in all, and per account and event as they stand now."""
        if self._state is None:
            return {"bytes": 0, "accounts": 0, "bytes_per_account": 0}
        total = sum(int(part.nbytes) for part in self._state.arrays().values())
        accounts = len(self.account_index)
        return {"bytes": total, "accounts": accounts, "bytes_per_account": total // max(1, accounts)}

    # State

    def save(self, path: Path | str, note: Mapping[str, Any] | None = None) -> None:
        """Write everything the engine remembers to a file, at once or not at all. ``note``: what a runner adds."""
        from jiehuan.watch.state import write_state

        _, state, _ = self._ready()
        write_state(
            Path(path),
            self.declaration.version,
            list(self.account_index),
            self.counts,
            state.arrays(),
            dict(note or {}),
        )

    @classmethod
    def load(cls, path: Path | str, declaration: Declaration | None = None) -> Engine:
        """The engine as it was saved. Raises InputError when the file is damaged or belongs to other signals."""
        return cls.load_with_note(path, declaration)[0]

    @classmethod
    def load_with_note(cls, path: Path | str, declaration: Declaration | None = None) -> tuple[Engine, dict[str, Any]]:
        """As ``load``, with the runner's note."""
        from jiehuan.watch.state import read_state

        engine = cls(declaration)
        engine._ready()
        accounts, counts, arrays, note = read_state(Path(path), engine.declaration.version)
        engine._state = State(**arrays)
        engine.account_index = {name: place for place, name in enumerate(accounts)}
        engine.counts = {**engine.counts, **counts}
        return engine, note

    # Within

    def _ready(self) -> tuple[ModuleType, State, _Scratch]:
        """Load the compiled kernel at the first use, not at import."""
        if self._kernel is None or self._state is None or self._scratch is None:
            from jiehuan.watch import kernel

            self._kernel = kernel
            self._tables = make_tables(self.declaration, self.kind_code, self.channel_code)
            self._state = State(
                events=np.zeros((1024, self._tables.event_width), np.int64),
                accounts=np.tile(self._tables.account, (64, 1)),
                slots=np.full((1024, 2), -1, np.int64),
                meta=np.concatenate([np.zeros(4, np.int64), np.full(48, -1, np.int64)]),
            )
            width = len(self.feature_names)
            room = max(_ALERT_ROOM, 2 * len(self.declaration.rules))
            self._scratch = _Scratch(
                np.zeros((1, 9), np.int64),
                np.zeros((room, 3), np.int64),
                np.full((room, width), np.nan),
                np.zeros((0, width)),
                np.full((width, 2), -1.0),
                np.zeros(64),
            )
            self._kind_names = list(self.kind_code)
        return self._kernel, self._state, self._scratch

    def _run(self, batch: NDArray[np.int64], table: NDArray[np.float64], begin: int) -> int:
        """Run the kernel until the batch is done or its alerts must be taken away, growing the arrays as it asks."""
        kernel, tables, scratch = self._kernel, self._tables, self._scratch
        assert kernel is not None and tables is not None and self._state is not None and scratch is not None
        while True:
            state = self._state
            begin, why = kernel.run(
                *tables.arrays,
                state.events,
                state.accounts,
                state.slots,
                state.meta,
                batch,
                scratch.alerts,
                scratch.seen,
                table,
                scratch.memo,
                scratch.stack,
                begin,
            )
            if why == kernel.ROOM:
                state.events = np.concatenate([state.events, np.zeros_like(state.events)])
            elif why == kernel.REHASH:
                state.slots = np.full((2 * len(state.slots), 2), -1, np.int64)
                kernel.rehash(state.events, state.accounts, state.slots, state.meta)
            else:
                return int(begin)

    def _see_accounts(self) -> None:
        """Make room for the accounts that were named."""
        assert self._state is not None and self._tables is not None
        wanted, have = len(self.account_index), len(self._state.accounts)
        if wanted > have:
            more = np.tile(self._tables.account, (max(wanted, 2 * have) - have, 1))
            self._state.accounts = np.concatenate([self._state.accounts, more])

    def _alert(self, place: int, event: Event, local: datetime, *, late: bool) -> Alert:
        assert self._scratch is not None
        _, rule, at = (int(cell) for cell in self._scratch.alerts[place])
        self.counts["alerts"] += 1
        moment = (_EPOCH + timedelta(microseconds=at)).astimezone(self._zone)
        return make_alert(
            self.declaration, self.declaration.rules[rule], event, moment, self._scratch.seen[place], local, late=late
        )

    def _hash(self, text: str) -> int:
        assert self._kernel is not None
        if not text:
            return 0
        data = np.frombuffer(text.encode(), np.uint8)
        out = np.empty(1, np.int64)
        self._kernel.hash_texts(data, np.array([0, len(data)], np.int64), out)
        return int(out[0])

    def _count(self, status: NDArray[np.int64]) -> None:
        tally = np.bincount(status, minlength=6)
        self.counts["taken"] += int(tally[0] + tally[1])
        self.counts["late"] += int(tally[1])
        self.counts["duplicates"] += int(tally[2])
        self.counts["refused"] += int(tally[3:].sum())


def unknown_kind(kind: str, known: Iterable[str], where: str) -> Problem:
    """The refusal of a kind that no declaration names."""
    import difflib

    near = difflib.get_close_matches(kind, list(known), 1)
    mend = f"did you mean {near[0]}?" if near else "declare it under kinds"
    return Problem(f"{where}, kind", kind[:80], "unknown kind", mend)


def _status_value(event: Event, column: str) -> str:
    return event.at.isoformat() if column == "at" else str(getattr(event, column))
