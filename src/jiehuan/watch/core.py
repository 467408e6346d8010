"""The compiled kernel with the arrays it walks and fills: loaded at the first event, not at import.

Everything that an engine remembers is here; ``Engine`` puts names and instants around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.watch import kernel
from jiehuan.watch.declare import Declaration
from jiehuan.watch.tables import make_tables

_FIRST_ROOM = 1024
_ALERT_ROOM = 4096
_SIZES = 48


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


class Core:
    """One declaration's tables, the state, and scratch room for a run. Not to be used by two threads at once."""

    def __init__(self, declared: Declaration, kind_code: Mapping[str, int], channel_code: Mapping[str, int]) -> None:
        self._tables = make_tables(declared, kind_code, channel_code)
        self.state = State(
            events=np.zeros((_FIRST_ROOM, self._tables.event_width), np.int64),
            accounts=np.tile(self._tables.account, (64, 1)),
            slots=np.full((_FIRST_ROOM, 2), -1, np.int64),
            meta=np.concatenate([np.zeros(kernel.FREE, np.int64), np.full(_SIZES, -1, np.int64)]),
        )
        width = len(declared.features) + len(declared.derived)
        room = max(_ALERT_ROOM if declared.rules else kernel.RUN, 2 * len(declared.rules) + 1)
        self.one = np.zeros((1, 9), np.int64)
        self.first_row = np.zeros(1, np.int64)
        self.no_table = np.zeros((0, width))
        self.one_table = np.zeros((1, width))
        self.alerts = np.zeros((room, 3), np.int64)
        self.seen = np.full((room, width), np.nan)
        # What a run of one account's events is judged with; all of it stays in the nearest cache.
        rules, run = len(declared.rules), kernel.RUN
        self._scratch: tuple[NDArray[Any], ...] = (
            np.zeros((10, run), np.int64),  # a group's integers at each entry
            np.zeros((max(1, width), run)),  # a column of values for each feature
            np.full(max(1, width), -1, np.int64),  # the run for which a feature has its column
            np.zeros((self._tables.depth, run)),
            np.zeros((run, 4), np.int64),  # the entries of the run
            np.zeros(run, np.int64),
            np.full((rules + 1, run), -1, np.int64),  # the run in which a rule was met at an entry
            np.full(rules + 1, -1, np.int64),
        )
        self._offsets = np.zeros(2, np.int64)
        self._hash = np.zeros(1, np.int64)

    def run(
        self, batch: NDArray[np.int64], row: NDArray[np.int64], table: NDArray[np.float64], begin: int
    ) -> tuple[int, int]:
        """Take rows of ``batch`` from ``begin`` until it is done or its alerts must be taken away. ``table`` has no rows, or one for
        each; ``row`` says which.

        Returns the next row and how many alerts stand in ``alerts``; grows the state as the kernel asks.
        """
        state = self.state
        state.meta[kernel.ALERTS] = 0
        while True:
            run: Any = kernel.run  # its first arrays are the tables, spread out
            begin, why = run(
                *self._tables.arrays, state.events, state.accounts, state.slots, state.meta, batch, row, self.alerts, self.seen, table,
                *self._scratch, begin,
            )  # fmt: skip
            if why == kernel.ROOM:
                self._grow(2 * len(state.events))
            elif why == kernel.REHASH:
                self._rehash()
            else:
                return int(begin), int(state.meta[kernel.ALERTS])

    def bytes_used(self, accounts: int) -> int:
        """Bytes of what is in use: blocks of events, rows of accounts, slots."""
        state = self.state
        used = int(state.meta[kernel.USED])
        return int(8 * (used * state.events.shape[1] + accounts * state.accounts.shape[1]) + state.slots.nbytes)

    def _grow(self, rows: int) -> None:
        """Make the arena ``rows`` long. What is not used yet is not touched, so it takes no memory until it is."""
        used = int(self.state.meta[kernel.USED])
        events = np.empty((rows, self.state.events.shape[1]), np.int64)
        events[:used] = self.state.events[:used]
        self.state.events = events

    def _rehash(self) -> None:
        """Drop the slots of counterparties whose events are gone; double the table only when those left need it."""
        state = self.state
        size = len(state.slots)
        for wanted in (size, 2 * size):
            state.slots = np.full((wanted, 2), -1, np.int64)
            kernel.rehash(state.events, state.accounts, state.slots, state.meta)
            if state.meta[kernel.HASHED] * 10 < wanted * 4:
                return

    def see_accounts(self, wanted: int) -> None:
        """Make room for ``wanted`` accounts in all."""
        have = len(self.state.accounts)
        if wanted > have:
            rows = np.empty((max(wanted, 2 * have), self.state.accounts.shape[1]), np.int64)
            rows[:have], rows[have:] = self.state.accounts, self._tables.account
            self.state.accounts = rows

    def speak(self, account: int, now: int, severity: int, cooldown: int) -> bool:
        """Whether a model may alert on an account now; noted when it may. Silence is that of rules: a higher severity breaks it."""
        spoke = int(self.state.accounts[account, kernel.SCORED])
        if spoke >= 0 and severity <= (spoke & 3) and abs(now - (spoke >> 2)) < cooldown:
            return False
        self.state.accounts[account, kernel.SCORED] = (now << 2) | severity
        return True

    def arranged(self, columns: tuple[NDArray[Any], ...], accounts: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A batch of rows ordered by account, and the row of each; ``columns`` in the order of the kernel's batch."""
        n = len(columns[0])
        wanted = int(self.state.meta[kernel.USED]) + 2 * n
        if wanted > len(self.state.events):
            self._grow(wanted)
        batch, row = np.empty((n, 9), np.int64), np.empty(n, np.int64)
        # One kind of array, so that one version is compiled: int64, and not the read-only ones that table readers hand out.
        same = [c if c.dtype == np.int64 and c.flags.writeable else np.array(c, np.int64) for c in columns]
        arrange: Any = kernel.arrange
        arrange(*same, np.zeros(accounts + 1, np.int64), batch, row)
        return batch, row

    def hash_text(self, text: str) -> int:
        """The 64-bit hash of one text, as ``hash_texts`` gives it; 0 for the empty text."""
        if not text:
            return 0
        data = np.frombuffer(text.encode(), np.uint8)
        self._offsets[1] = len(data)
        kernel.hash_texts(data, self._offsets, self._hash)
        return int(self._hash[0])


def hash_texts(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The 64-bit hash of each text in a strip of UTF-8 (Arrow's layout); 0 for empty ones."""
    out = np.empty(len(offsets) - 1, np.int64)
    kernel.hash_texts(data, offsets, out)
    return out


def code_texts(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A number for each text, equal ones alike, in order of first sight; and where each number was first seen."""
    n = len(offsets) - 1
    codes, firsts, keys = np.empty(n, np.int64), np.empty(n, np.int64), np.empty((n, 4), np.int64)
    number: Any = kernel.code_texts
    size, at, count = 1 << 12, 0, 0  # few are different in most columns: a small table stays in the nearest cache
    while at < n:
        at, count = number(data, offsets, np.full(size, -1, np.int32), codes, firsts, keys, at, count)
        size *= 8
    return codes, firsts[:count]
