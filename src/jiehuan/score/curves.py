"""The pictures' numbers: ROC and KS curves at a hundred points, predicted against observed by band of the score."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]


def curves(events: Floats, chance: Floats, points: int = 100) -> dict[str, list[list[float]]]:
    """``roc`` as [share of non-events, share of events] above each cut, ``ks`` as [probability, share of events below, of non-events]."""
    order = np.argsort(chance, kind="stable")
    bad, good = np.cumsum(events[order]), np.cumsum(1 - events[order])
    ends = np.append(np.flatnonzero(np.diff(chance[order])), len(order) - 1)
    ends = ends[np.unique(np.linspace(0, len(ends) - 1, points).round().astype(int))]
    below_bad, below_good = bad[ends] / bad[-1], good[ends] / good[-1]
    roc = [
        [0.0, 0.0],
        *([float(1 - g), float(1 - b)] for b, g in zip(below_bad[::-1], below_good[::-1], strict=True)),
        [1.0, 1.0],
    ]
    ks = [
        [float(chance[order[end]]), float(b), float(g)] for end, b, g in zip(ends, below_bad, below_good, strict=True)
    ]
    return {"roc": roc, "ks": ks}


def calibration_bands(events: Floats, chance: Floats, count: int = 10) -> list[dict[str, float]]:
    """Equal-sized bands of the probability: rows, mean predicted, observed rate and its 95 % Wilson interval."""
    found = []
    for members in np.array_split(np.argsort(chance, kind="stable"), min(count, len(chance))):
        rows, hits = len(members), float(events[members].sum())
        low, high = wilson(hits, rows)
        found.append(
            {
                "rows": rows,
                "predicted": float(chance[members].mean()),
                "observed": hits / rows,
                "low": low,
                "high": high,
            }
        )
    return found


def wilson(hits: float, rows: float, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's interval of a share (1927).

    >>> tuple(round(edge, 3) for edge in wilson(5, 10))
    (0.237, 0.763)
    """
    share = hits / rows
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return max(middle - half, 0.0), min(middle + half, 1.0)
