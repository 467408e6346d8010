"""The chances of all accounts at one instant: what a hazard says when every account is asked at once, as at day end."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from jiehuan.units.errors import Problem
from jiehuan.watch.columns import to_columns
from jiehuan.watch.declare import SEVERITIES, Declaration
from jiehuan.watch.engine import Columns, Engine
from jiehuan.watch.event import TICK, microseconds
from jiehuan.watch.source import read_pieces

if TYPE_CHECKING:
    import polars as pl

    from jiehuan.watch.hazard import Hazard

_PIECE = 500_000


def read_whole(events: Path) -> tuple[pl.DataFrame, list[tuple[int, Problem]]]:
    """All rows of a file of events that can be read at all, and a Problem for each other."""
    import polars as pl

    frames, problems = [], []
    for piece in read_pieces(events, _PIECE):
        frames.append(piece.frame)
        problems += piece.problems
    return pl.concat(frames, how="diagonal_relaxed"), problems


def foretell(
    events: pl.DataFrame,
    declaration: Declaration,
    model: Hazard,
    at: datetime,
    *,
    zone: str | None = None,
    refused: list[Problem] | None = None,
) -> pl.DataFrame:
    """Each account's chance of the outcome as of ``at``, from the events before it: ``account_id, at, chance_30d …, severity, reasons``.

    Highest chance first. Rows that cannot be read are left out and told in ``refused``.
    """
    import polars as pl

    engine = Engine(declaration)
    columns, problems = to_columns(events, engine, zone=zone)
    if refused is not None:
        refused.extend(problem for _, problem in problems)
    earlier = np.flatnonzero(columns.at <= microseconds(at))
    engine.replay(
        Columns(
            columns.accounts, columns.account[earlier], columns.at[earlier], columns.amount[earlier],
            list(pl.Series(columns.event_ids).gather(earlier)), columns.event_hash[earlier], columns.party_hash[earlier],
            columns.kind[earlier], columns.channel[earlier], columns.second[earlier], columns.row[earlier],
        )
    )  # fmt: skip
    known = sorted({columns.accounts[int(i)] for i in np.unique(columns.account[earlier])})
    ticks = pl.DataFrame(
        {
            "event_id": [f"tick {name}" for name in known],
            "account_id": known,
            "at": [at] * len(known),
            "kind": [TICK] * len(known),
        },
        schema={"event_id": pl.String, "account_id": pl.String, "at": pl.Datetime("us", "UTC"), "kind": pl.String},
    )
    answer = engine.replay(to_columns(ticks, engine)[0], features=True)
    values = cast("NDArray[np.float64]", answer.features)[:, model.columns(engine.feature_names)]
    chances = model.chances(values)
    severity = model.severity(chances)
    because = [
        "; ".join(name for name, _ in model.reasons(values[i])) if severity[i] > 0 else "" for i in range(len(known))
    ]
    table = pl.DataFrame(
        {
            "account_id": known, "at": [at.isoformat()] * len(known),
            **{f"chance_{days}d": chances[:, n] for n, days in enumerate(model.horizons)},
            "severity": ["" if s < 0 else SEVERITIES[s] for s in severity], "reasons": because,
        },
    )  # fmt: skip
    return table.sort(f"chance_{model.horizons[-1]}d", descending=True, maintain_order=True)
