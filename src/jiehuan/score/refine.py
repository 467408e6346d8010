"""The last step of a scorecard's fit: each bin's part of the logit, given all other fields, within the field's own trend.

WOE speaks of a field alone; one coefficient scales all its bins alike. Fields that overlap (six months of arrears, six bills)
share their evidence unevenly over their bins. So the bins are fitted again one field at a time with the others held, drawn towards
coefficient x WOE as if by ``hold`` average rows, and made to follow the trend of the field's own evidence: rising stays rising, so
that no field ever counts against its own evidence. This is backfitting of an additive model (Hastie and Tibshirani 1990, ch. 6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jiehuan.score.bins import Bins

Floats = np.ndarray[Any, np.dtype[np.float64]]
Codes = np.ndarray[Any, np.dtype[np.uint8]]


def refine(
    bins: Sequence[Bins], codes: Sequence[Codes], logits: Sequence[Floats], intercept: float, events: Floats, weights: Floats | None,
    hold: float, cycles: int, beside: Floats | None = None,
) -> tuple[float, list[Floats]]:  # fmt: skip
    """The refitted intercept and one array of logits for each field (its mean over the rows is 0, empty bins are 0).

    ``codes`` uint8[n] and ``logits`` [bins] go with ``bins``; ``events`` 0 or 1, ``weights`` or None, ``beside`` a logit held fixed.
    """
    heavy = np.ones(len(events)) if weights is None else weights
    rate = float(events @ heavy / heavy.sum())
    penalty = hold * rate * (1 - rate)  # the information of so many average rows
    start = [np.array(one, float) for one in logits]
    found = [one.copy() for one in start]
    total = intercept + sum((one[code] for one, code in zip(found, codes, strict=True)), np.zeros(len(events)))
    if beside is not None:
        total = total + beside
    hits = [np.bincount(code, heavy * events, len(table.bins)) for table, code in zip(bins, codes, strict=True)]
    for _ in range(cycles):
        for place, (table, code) in enumerate(zip(bins, codes, strict=True)):
            now = found[place]
            others = total - now[code]
            for _ in range(2):
                chance = 1 / (1 + np.exp(-(others + now[code])))
                spread: Floats = np.bincount(code, heavy * chance * (1 - chance), len(now)).astype(float) + penalty
                slope = hits[place] - np.bincount(code, heavy * chance, len(now)) - penalty * (now - start[place])
                now = now + np.clip(slope / spread, -1, 1)
            now[: table.ordinary] = follow(table.trend, now[: table.ordinary], spread[: table.ordinary])
            found[place] = now
            total = others + now[code]
        chance = 1 / (1 + np.exp(-total))
        shift = float((heavy * (events - chance)).sum() / (heavy * chance * (1 - chance)).sum())
        intercept, total = intercept + shift, total + shift
    for place, code in enumerate(codes):
        rows = np.bincount(code, heavy, len(found[place]))
        mean = float(rows @ found[place] / rows.sum())
        intercept += mean
        found[place] = np.where(rows > 0, found[place] - mean, 0.0)
    return intercept, found


def follow(trend: str, values: Floats, weights: Floats) -> Floats:
    """The nearest values (by weighted squares) that follow the trend: ascending, descending, peak or valley; groups are free.

    >>> follow("ascending", np.array([1.0, 3.0, 2.0]), np.ones(3)).tolist()
    [1.0, 2.5, 2.5]
    """
    if len(values) < 2 or trend == "groups":
        return values
    if trend in ("ascending", "descending"):
        return _rising(values, weights) if trend == "ascending" else -_rising(-values, weights)
    up: Callable[[Floats, Floats], Floats] = _rising
    sign = 1.0 if trend == "peak" else -1.0
    best, least = values, np.inf
    for turn in range(len(values) + 1):  # rising, then falling; for a valley the same upside down
        turned = sign * np.concatenate([
            up(sign * values[:turn], weights[:turn]), -up(-sign * values[turn:], weights[turn:])
        ])  # fmt: skip
        cost = float((weights * (turned - values) ** 2).sum())
        if cost < least:
            best, least = turned, cost
    return best


def _rising(values: Floats, weights: Floats) -> Floats:
    """Pool adjacent violators."""
    blocks: list[list[float]] = []  # weighted sum, weight, count
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append([value * weight, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] > blocks[-1][0] * blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [blocks[-1][0] + last[0], blocks[-1][1] + last[1], blocks[-1][2] + last[2]]
    return np.array([total / weight for total, weight, count in blocks for _ in range(int(count))])
