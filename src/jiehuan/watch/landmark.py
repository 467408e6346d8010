"""Rows to learn a hazard from: what the engine knew of an account at a moment, and how long it then took to the outcome.

A *landmark* is an event of a kind at which the model will be asked later (``on``), among them ticks which are put in every
``step`` days of an account's life. Its features are those the signal engine gives at that very event, by the same compiled step as
live. The outcome is an event too (``overdue_30``); an account's end (``account_closed``) or the end of the stream cuts its sight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from jiehuan.units.errors import InputError, Problem
from jiehuan.watch.columns import to_columns
from jiehuan.watch.declare import Declaration
from jiehuan.watch.engine import Engine
from jiehuan.watch.event import TICK

if TYPE_CHECKING:
    import polars as pl

DAY = 86_400_000_000
"""A day in microseconds."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """``features`` float64[n, f] (NaN: not known), ``account`` int64[n] (place in ``accounts``), ``at`` int64[n] microseconds,
    ``until`` int64[n]: the instant of the outcome after the landmark (where ``happened``), else of the end of sight."""

    names: tuple[str, ...]
    accounts: tuple[str, ...]
    features: NDArray[np.float64]
    account: NDArray[np.int64]
    at: NDArray[np.int64]
    until: NDArray[np.int64]
    happened: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.at)

    def pick(self, rows: NDArray[Any]) -> Landmarks:
        """Some of the rows."""
        return Landmarks(
            self.names, self.accounts, self.features[rows], self.account[rows], self.at[rows], self.until[rows], self.happened[rows]
        )  # fmt: skip

    def known_by(self, cut: int) -> Landmarks:
        """The rows before an instant, with only what was known of their outcome by then."""
        rows = self.at < cut
        some = self.pick(rows)
        return Landmarks(
            some.names, some.accounts, some.features, some.account, some.at, np.minimum(some.until, cut), some.happened & (some.until <= cut)
        )  # fmt: skip


def landmarks(
    events: pl.DataFrame,
    declaration: Declaration,
    *,
    on: Sequence[str] = (TICK,),
    outcome: str = "overdue_30",
    end: str = "account_closed",
    step_days: int = 30,
    rest_days: int = 90,
    zone: str | None = None,
) -> tuple[Landmarks, list[tuple[int, Problem]]]:
    """The landmarks of a stream (the **events** format), and the rows that could not be read.

    ``rest_days``: an account within that many days after an outcome is no landmark: it is known to be late. Raises InputError when
    the outcome is not a declared kind or never happens.
    """
    import polars as pl

    kinds = [*declaration.kinds, TICK]
    unknown = [name for name in (outcome, *on) if name not in kinds]
    if unknown:
        mend = "declare it under kinds, or name another"
        raise InputError(
            [Problem(f"{declaration.source}, kinds", name, "not a declared kind", mend) for name in unknown]
        )
    engine = Engine(declaration)
    columns, problems = to_columns(events, engine, zone=zone)
    if not len(columns):
        raise InputError(
            [problem for _, problem in problems[:20]] or Problem("events", "", "no events", "name a file that has some")
        )
    code = engine.kind_code
    at, account, kind = columns.at, columns.account, columns.kind
    last = int(at.max())
    first = np.full(len(columns.accounts), last)
    np.minimum.at(first, account, at)
    stop = np.full(len(columns.accounts), last)
    if end in code:
        ended = kind == code[end]
        np.minimum.at(stop, account[ended], at[ended])
    # Ticks: every step of an account's life, where they are asked for.
    many = np.maximum(0, (stop - first - 1) // (step_days * DAY)) if TICK in on else np.zeros(len(first), np.int64)
    place = np.repeat(np.arange(len(first)), many)
    turn = np.arange(len(place)) - np.repeat(np.cumsum(many) - many, many) + 1
    names = pl.Series(columns.accounts, dtype=pl.String)
    marks = pl.DataFrame(
        {
            "account_id": names.gather(place),
            "at": pl.Series(first[place] + turn * step_days * DAY).cast(pl.Datetime("us", "UTC")),
        }
    ).select(
        pl.format("tick {} {}", "account_id", pl.col("at").cast(pl.Int64)).alias("event_id"),
        "account_id",
        "at",
        pl.lit(TICK).alias("kind"),
    )
    read = pl.DataFrame(
        {
            "event_id": columns.event_ids,
            "account_id": names.gather(account),
            "at": pl.Series(at).cast(pl.Datetime("us", "UTC")),
            "row": columns.row - 1,
        }
    )
    rest = events.with_row_index("row").select(
        "row", *(c for c in ("kind", "amount_fen", "counterparty", "channel") if c in events.columns)
    )
    told = read.join(rest.with_columns(pl.col("row").cast(pl.Int64)), on="row", maintain_order="left").drop("row")
    whole = pl.concat([told.with_columns(pl.col("kind").cast(pl.String)), marks], how="diagonal_relaxed").sort(
        "at", maintain_order=True
    )
    engine = Engine(declaration)
    columns, _ = to_columns(whole, engine)
    answer = engine.replay(columns, features=True)
    taken = np.ones(len(columns), np.bool_)
    taken[[row - 1 for row, _ in answer.problems]] = False
    taken &= ~answer.repeated
    table = cast("NDArray[np.float64]", answer.features)
    return _with_outcomes(engine, columns, table, taken, (on, outcome, end, rest_days), last), problems


def _with_outcomes(
    engine: Engine, columns: Any, features: NDArray[np.float64], taken: NDArray[np.bool_], asked: Any, last: int
) -> Landmarks:
    on, outcome, end, rest_days = asked
    code = engine.kind_code
    kind, at, account = columns.kind, columns.at, columns.account
    n = len(columns)
    # From the newest to the oldest, each account's next outcome and end; then from the oldest on, its last outcome.
    until = np.full(n, last, np.int64)
    happened = np.zeros(n, np.bool_)
    since = np.full(n, np.iinfo(np.int64).max)
    next_outcome = np.full(len(columns.accounts), -1, np.int64)
    next_end = np.full(len(columns.accounts), -1, np.int64)
    ends = code.get(end, -1)
    for i in range(n - 1, -1, -1):
        a = account[i]
        if next_outcome[a] >= 0 and (next_end[a] < 0 or next_outcome[a] <= next_end[a]):
            until[i], happened[i] = next_outcome[a], True
        elif next_end[a] >= 0:
            until[i] = next_end[a]
        if taken[i] and kind[i] == code[outcome]:
            next_outcome[a] = at[i]
        elif taken[i] and kind[i] == ends:
            next_end[a], next_outcome[a] = at[i], -1
    before = np.full(len(columns.accounts), -1, np.int64)
    for i in range(n):
        a = account[i]
        if taken[i] and kind[i] == code[outcome]:
            before[a] = at[i]
        if before[a] >= 0:
            since[i] = at[i] - before[a]
    asked_at = (
        np.isin(kind, [code[name] for name in on]) & taken & (since > rest_days * DAY) & (until > at) & (kind != ends)
    )
    rows = np.flatnonzero(asked_at)
    made = Landmarks(
        engine.feature_names, tuple(columns.accounts), features[rows], account[rows], at[rows], until[rows], happened[rows]
    )  # fmt: skip
    if not made.happened.any():
        raise InputError(
            Problem(
                "events",
                outcome,
                "the outcome never happens after a landmark",
                "name another --outcome or more history",
            )
        )
    return made
