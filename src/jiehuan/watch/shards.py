"""Replay over several threads: accounts never look at each other, so each engine takes its share of them and the answers are put together.

The compiled step lets go of the interpreter's lock. Which share an account belongs to depends on its name alone, so that every batch finds
its memory again.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from jiehuan.watch.declare import Declaration
from jiehuan.watch.engine import Columns, Engine, Replayed
from jiehuan.watch.event import Alert


class Shards:
    """Engines of one declaration, each with its own accounts. ``replay`` answers as one engine would.

    >>> len(Shards(Engine().declaration, 2).engines)
    2
    """

    def __init__(self, declaration: Declaration, threads: int) -> None:
        self.engines = [Engine(declaration) for _ in range(threads)]

    def replay(self, columns: Columns, *, features: bool = False) -> Replayed:
        """As ``Engine.replay``: alerts in order of arrival, features in the rows' order."""
        n = len(self.engines)
        if n == 1:
            return self.engines[0].replay(columns, features=features)
        home = np.array([crc32(name.encode()) % n for name in columns.accounts], np.int64)
        shard = home[columns.account]
        places = [np.flatnonzero(shard == one) for one in range(n)]
        with ThreadPoolExecutor(n) as pool:
            parts = [_part(columns, place) for place in places]
            waiting = [
                pool.submit(engine.replay, part, features=features)
                for engine, part in zip(self.engines, parts, strict=True)
            ]
            answers = [one.result() for one in waiting]
        repeated = np.zeros(len(columns), np.bool_)
        table = np.empty((len(columns), len(self.engines[0].feature_names))) if features else None
        raised: list[tuple[int, int, Alert]] = []
        for answer, place in zip(answers, places, strict=True):
            repeated[place] = answer.repeated
            if table is not None:
                table[place] = answer.features
            raised += [
                (int(place[row]), n, alert)
                for n, (row, alert) in enumerate(zip(answer.alert_rows, answer.alerts, strict=True))
            ]
        raised.sort(key=lambda found: found[:2])
        problems = sorted((found for answer in answers for found in answer.problems), key=lambda found: found[0])
        taken, late, twice = (sum(getattr(a, name) for a in answers) for name in ("taken", "late", "duplicates"))
        return Replayed(
            [alert for _, _, alert in raised], problems, taken, late, twice, repeated, table, tuple(row for row, _, _ in raised)
        )  # fmt: skip


def _part(columns: Columns, place: NDArray[np.int64]) -> Columns:
    """Some of the rows, with only the accounts that occur in them."""
    used, account = np.unique(columns.account[place], return_inverse=True)
    return Columns(
        [columns.accounts[int(a)] for a in used], account.astype(np.int64), columns.at[place], columns.amount[place],
        _picked(columns.event_ids, place), columns.event_hash[place], columns.party_hash[place], columns.kind[place],
        columns.channel[place], columns.second[place], columns.row[place],
    )  # fmt: skip


def _picked(texts: Sequence[str], place: NDArray[np.int64]) -> Sequence[str]:
    # A column of a table picks its rows at once; asked one by one it takes longer than the judging.
    gather = getattr(texts, "gather", None)
    return gather(place) if gather is not None else [texts[int(i)] for i in place]
