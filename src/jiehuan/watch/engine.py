"""The signal engine: events in, alerts out, live or in replay by the same compiled step.

``Engine.process`` takes one event, ``Engine.replay`` takes arrays of them; both call ``kernel.run``. Judging is point in time: a
rule at an event sees the account's events up to and with it, never a later one. An event which comes late, but within the
declared lateness of its account's clock, is put in its place; the rules are judged at its own time and once more at the
account's newest time. One that comes later than that is refused with a reason. The same event twice changes nothing.

The clock and the lateness are per account, so that one account's false time stamp can't silence another's, and so that
accounts may be spread over any number of engines with the same result.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from jiehuan.units.errors import InputError, Problem
from jiehuan.watch.declare import Declaration
from jiehuan.watch.event import TICK, Alert, Event, check_event, microseconds
from jiehuan.watch.evidence import make_alert, make_foretold
from jiehuan.watch.load import load_signals

if TYPE_CHECKING:
    from jiehuan.watch.core import Core
    from jiehuan.watch.hazard import Hazard

_REASONS = {
    3: ("event_id", "the same id came before with other content", "give each event an id of its own"),
    4: (
        "at",
        "later than the lateness allows",
        "raise `lateness` in the signals, or replay the account from its start",
    ),
    5: ("account_id", "the account has had two thousand million events", "start a new state for it"),
}
_LATE, _REPEATED, _REFUSED = 1, 2, 3
"""The status of a late row, of a duplicate, and the first of those refused, as in the kernel, which is not loaded at import."""

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
    kind: NDArray[np.int64]
    channel: NDArray[np.int64]
    second: NDArray[np.int64]
    row: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a batch came to. ``problems``: (row, reason) of those refused; ``repeated``: which events were duplicates.
    ``features`` has a row per event (NaN: not known or not taken) when it was asked for; ``alert_rows``: the event of each alert."""

    alerts: list[Alert]
    problems: list[tuple[int, Problem]]
    taken: int
    late: int
    duplicates: int
    repeated: NDArray[np.bool_]
    features: NDArray[np.float64] | None = None
    alert_rows: tuple[int, ...] = ()


class Engine:
    """Judges events against a declaration and remembers what its windows need.

    >>> engine = Engine()
    >>> at = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    >>> [alert.rule for alert in engine.process(Event("e1", "acc-1", at, "debit_failed", 91_680))]
    ['debit_failed']
    """

    def __init__(
        self,
        declaration: Declaration | None = None,
        model: Hazard | None = None,
        known_accounts: Collection[str] | None = None,
    ) -> None:
        """``model``: a hazard that is asked at each event of its kinds ``on`` (late ones apart) and alerts as ``overdue_likely``.
        ``known_accounts``: events of other accounts are refused; None: every account is taken."""
        self.declaration = declaration if declaration is not None else load_signals()
        self.model = model
        self.known_accounts = frozenset(known_accounts) if known_accounts is not None else None
        self.account_index: dict[str, int] = {}
        self.counts = {"taken": 0, "late": 0, "duplicates": 0, "refused": 0, "alerts": 0}
        self._zone = ZoneInfo(self.declaration.zone)
        self._core: Core | None = None
        self.kind_code = {kind: code for code, kind in enumerate([*self.declaration.kinds, TICK])}
        channels = dict.fromkeys(c for stream in self.declaration.streams.values() for c in stream.channels)
        self.channel_code = {channel: code for code, channel in enumerate(channels, 1)}
        self._kind_names = list(self.kind_code)

    @property
    def core(self) -> Core:
        """The compiled part, loaded at the first use."""
        if self._core is None:
            from jiehuan.watch.core import Core

            self._core = Core(self.declaration, self.kind_code, self.channel_code)
        return self._core

    # One event

    def process(self, event: Event) -> list[Alert]:
        """Take one event and return the alerts it raised. A duplicate returns none. Raises InputError for an event that
        can't be taken (unknown kind, no zone, negative amount, too late, id reused with other content)."""
        problem = check_event(event)
        kind = self.kind_code.get(event.kind)
        if problem is None and kind is None:
            problem = unknown_kind(event.kind, self.kind_code, "event")
        if problem is None and self.known_accounts is not None and event.account_id not in self.known_accounts:
            mend = "add it to the accounts, or check the id"
            problem = Problem("event, account_id", event.account_id[:80], "unknown account", mend)
        if problem is not None or kind is None:
            self.counts["refused"] += 1
            raise InputError(problem or ())
        core = self.core
        account = self.account_index.get(event.account_id)
        if account is None:
            account = self.account_index[event.account_id] = len(self.account_index)
            core.see_accounts(len(self.account_index))
        local = event.at.astimezone(self._zone)
        second = local.hour * 3600 + local.minute * 60 + local.second
        core.one[0] = (
            account,
            microseconds(event.at),
            event.amount_fen,
            core.hash_text(event.event_id),
            core.hash_text(event.counterparty),
            kind,
            self.channel_code.get(event.channel, 0),
            second,
            0,
        )
        asked = self.model is not None and event.kind in self.model.on
        _, raised = core.run(core.one, core.first_row, core.one_table if asked else core.no_table, 0)
        status = int(core.one[0, 8])
        self._count(core.one[:, 8])
        if status in _REASONS:
            raise InputError(_refusal(status, event))
        alerts = [self._alert(a, event, local, late=status == _LATE) for a in range(raised)]
        if asked and status == 0:
            alerts += [alert for _, alert in self._foretold(core.one_table, [(account, event)])]
        return alerts

    def tick(self, account_id: str, at: datetime) -> list[Alert]:
        """Say that it is ``at`` on the account: rules whose ``on`` has ``tick`` are judged, nothing is counted."""
        return self.process(Event(f"tick {account_id} {at.isoformat()}", account_id, at, TICK))

    # Many events

    def replay(self, columns: Columns, *, features: bool = False) -> Replayed:
        """Take many events in order of arrival: the same answer as ``process`` on each, at array speed.

        ``features``: also return the value of every declared feature at every event, windowed ones first, then derived
        (``feature_names``), shape (events, features), as the rules saw them.
        """
        core = self.core
        n = len(columns)
        mine = np.arange(max(1, len(columns.accounts)))
        if self.account_index:
            for place, name in enumerate(columns.accounts):
                mine[place] = self.account_index.setdefault(name, len(self.account_index))
        else:
            self.account_index = dict(zip(columns.accounts, range(len(columns.accounts)), strict=True))
        core.see_accounts(len(self.account_index))
        # Rows are taken account by account, each account's in order of arrival: accounts never look at each other, so the
        # answer is the same, and an account's memory is fetched once. Alerts are put back into the order of arrival.
        batch, row = core.arranged(
            (
                mine[columns.account], columns.at, columns.amount, columns.event_hash, columns.party_hash, columns.kind, columns.channel,
                columns.second,
            ),
            len(self.account_index),
        )  # fmt: skip
        asked = (
            np.flatnonzero(np.isin(columns.kind, [self.kind_code[name] for name in self.model.on]))
            if self.model is not None
            else None
        )
        wide = features or (asked is not None and len(asked) > 0)
        table = np.empty((n if wide else 0, len(self.feature_names)))
        raised: list[tuple[int, int, Alert]] = []
        at = 0
        while at < n:
            at, count = core.run(batch, row, table, at)
            for a in range(count):
                place = int(core.alerts[a, 0])
                i = int(row[place])
                event = self._event(columns, i)
                raised.append((i, len(raised), self._alert(a, event, event.at, late=bool(batch[place, 8] == _LATE))))
        status = np.empty(n, np.int64)
        status[row] = batch[:, 8]
        if wide:
            table[(status >= _REPEATED)] = np.nan
        if asked is not None and len(asked):
            asked = asked[status[asked] == 0]
            ready = [(int(mine[columns.account[i]]), self._event(columns, int(i))) for i in asked]
            for place, alert in self._foretold(table[asked], ready):
                raised.append((int(asked[place]), len(raised), alert))
        raised.sort(key=lambda found: found[:2])
        self._count(status)
        problems = [
            (int(columns.row[i]), _refusal(int(status[i]), self._event(columns, int(i))))
            for i in np.flatnonzero(status >= _REFUSED)
        ]
        late, repeated = int((status == _LATE).sum()), status == _REPEATED
        twice = int(repeated.sum())
        return Replayed(
            [alert for _, _, alert in raised], problems, n - twice - len(problems), late, twice, repeated, table if features else None,
            tuple(i for i, _, _ in raised),
        )  # fmt: skip

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The declared features in the order of the feature table: windowed, then derived."""
        return (*self.declaration.features, *self.declaration.derived)

    def memory(self) -> dict[str, int]:
        """Bytes held: in all, and per account and event as they stand now."""
        total = self.core.bytes_used(len(self.account_index))
        accounts = len(self.account_index)
        return {"bytes": total, "accounts": accounts, "bytes_per_account": total // max(1, accounts)}

    # State

    def save(self, path: Path | str, note: Mapping[str, Any] | None = None) -> None:
        """Write everything the engine remembers to a file, at once or not at all. ``note``: what a runner adds."""
        from jiehuan.watch.state import write_state

        write_state(
            Path(path),
            self.declaration.version,
            list(self.account_index),
            self.counts,
            self.core.state.arrays(),
            dict(note or {}),
        )

    @classmethod
    def load(
        cls,
        path: Path | str,
        declaration: Declaration | None = None,
        model: Hazard | None = None,
        known_accounts: Collection[str] | None = None,
    ) -> Engine:
        """The engine as it was saved. Raises InputError when the file is damaged or belongs to other signals."""
        return cls.load_with_note(path, declaration, model, known_accounts)[0]

    @classmethod
    def load_with_note(
        cls,
        path: Path | str,
        declaration: Declaration | None = None,
        model: Hazard | None = None,
        known_accounts: Collection[str] | None = None,
    ) -> tuple[Engine, dict[str, Any]]:
        """As ``load``, with the runner's note."""
        from jiehuan.watch.core import State
        from jiehuan.watch.state import read_state

        engine = cls(declaration, model, known_accounts)
        accounts, counts, arrays, note = read_state(Path(path), engine.declaration.version)
        engine.core.state = State(**arrays)
        engine.account_index = {name: place for place, name in enumerate(accounts)}
        engine.counts = {**engine.counts, **counts}
        return engine, note

    # Within

    def _event(self, columns: Columns, i: int) -> Event:
        """A row of a batch as an event again, for what a person reads."""
        moment = (_EPOCH + timedelta(microseconds=int(columns.at[i]))).astimezone(self._zone)
        name = columns.accounts[columns.account[i]]
        return Event(columns.event_ids[i], name, moment, self._kind_names[columns.kind[i]], int(columns.amount[i]))

    def _alert(self, place: int, event: Event, local: datetime, *, late: bool) -> Alert:
        _, rule, at = (int(cell) for cell in self.core.alerts[place])
        self.counts["alerts"] += 1
        moment = (_EPOCH + timedelta(microseconds=at)).astimezone(self._zone)
        return make_alert(
            self.declaration, self.declaration.rules[rule], event, moment, self.core.seen[place], local, late=late
        )

    def _foretold(self, table: NDArray[np.float64], asked: Sequence[tuple[int, Event]]) -> list[tuple[int, Alert]]:
        """The model's alerts at rows of the feature table, each with its place; silence as for rules of one group."""
        model = self.model
        if model is None or not asked:
            return []
        values = table[:, model.columns(self.feature_names)]
        chances = model.chances(values)
        severity = model.severity(chances)
        out = []
        for place in np.flatnonzero(severity > 0):
            account, event = asked[int(place)]
            if not self.core.speak(
                account, microseconds(event.at), int(severity[place]), model.cooldown_days * 86_400_000_000
            ):
                continue
            self.counts["alerts"] += 1
            local = event.at.astimezone(self._zone)
            told = make_foretold(
                self.declaration, model, event, local, chances[place], values[place], int(severity[place])
            )
            out.append((int(place), told))
        return out

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


def _refusal(status: int, event: Event) -> Problem:
    column, reason, mend = _REASONS[status]
    value = event.at.isoformat() if column == "at" else str(getattr(event, column))
    return Problem(f"event {event.event_id}, {column}", value, reason, mend)
