"""Where a model speaks of people it has no outcomes of: applications, approvals and known outcomes by band of the score.

Only the accepted show what became of them. In bands where few were, the probability rests on the shape of the model alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BANDS = 10
LEAST = 20
"""Known outcomes in a band below which its probability is not borne out."""


@dataclass(frozen=True, slots=True)
class Band:
    """A tenth of the applications by points, the lowest (riskiest) first."""

    low: int
    high: int
    applications: int
    refused: int
    outcomes: int
    events: int
    predicted: float
    borne_out: bool


def exposure(
    points: Sequence[int], refused: Sequence[bool], bad: Sequence[bool | None], pd: Sequence[float]
) -> list[Band]:
    """Bands of equal numbers of applications (ties may make fewer): who was refused, of whom the outcome is known."""
    score, chance = np.asarray(points, np.int64), np.asarray(pd, float)
    if not len(score):
        return []
    edges = np.unique(np.quantile(score, np.arange(1, BANDS) / BANDS, method="higher"))
    place = np.searchsorted(edges, score, side="right")
    turned_down = np.asarray(refused, bool)
    known, events = np.array([one is not None for one in bad]), np.array([one is True for one in bad])
    return [_band(score, chance, turned_down, known, events, place == band) for band in np.unique(place)]


def _band(score: Any, chance: Any, turned_down: Any, known: Any, events: Any, inside: Any) -> Band:
    outcomes = int(known[inside].sum())
    return Band(
        low=int(score[inside].min()),
        high=int(score[inside].max()),
        applications=int(inside.sum()),
        refused=int(turned_down[inside].sum()),
        outcomes=outcomes,
        events=int(events[inside].sum()),
        predicted=float(chance[inside].mean()),
        borne_out=outcomes >= LEAST,
    )
