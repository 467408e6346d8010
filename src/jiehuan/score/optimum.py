"""The compiled search behind optimal binning: the best merge of ordered prebins under a trend of the event rate.

``worth[b, i, j]`` is the best penalised log-likelihood of prebins 0..j cut into b bins of which the last is i..j; the
predecessor of the last bin ends at i - 1 and its rate must stand on the right side. With m prebins and B bins this takes
B m^3 / 6 steps, exact, no solver.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

ASCENDING, DESCENDING, PEAK, VALLEY = 0, 1, 2, 3

_IMPOSSIBLE = -1e300


@njit(cache=True, nogil=True)
def best_cut(
    rows: np.ndarray[Any, np.dtype[np.float64]],
    hits: np.ndarray[Any, np.dtype[np.float64]],
    trend: int,
    max_bins: int,
    least: float,
    cost: float,
) -> tuple[float, np.ndarray[Any, np.dtype[np.int64]]]:
    """The best cut of prebins with ``rows`` and ``hits`` (events): its worth over one bin, and the places where bins start.

    ``trend`` orders the rates: ASCENDING, DESCENDING, PEAK (up, then down) or VALLEY. ``least`` is the smallest bin in rows,
    ``cost`` the log-likelihood a further bin must earn..
    """
    count = len(rows)
    total_rows = np.zeros(count + 1)
    total_hits = np.zeros(count + 1)
    for place in range(count):
        total_rows[place + 1] = total_rows[place] + rows[place]
        total_hits[place + 1] = total_hits[place] + hits[place]
    rate = np.full((count, count), -1.0)  # -1: not a bin that may stand
    gain = np.zeros((count, count))
    for i in range(count):
        for j in range(i, count):
            inside = total_rows[j + 1] - total_rows[i]
            bad = total_hits[j + 1] - total_hits[i]
            good = inside - bad
            if inside >= least and inside > 0:
                rate[i, j] = bad / inside
                gain[i, j] = _likelihood(bad, inside) + _likelihood(good, inside)
    turns = 2 if trend >= PEAK else 1
    worth = np.full((turns, max_bins + 1, count, count), _IMPOSSIBLE)
    before = np.full(
        (turns, max_bins + 1, count, count), -1, np.int64
    )  # start of the predecessor, + count when it was in phase 0
    for j in range(count):
        if rate[0, j] >= 0:
            for phase in range(turns):
                worth[phase, 1, 0, j] = gain[0, j]
    for i in range(1, count):
        for j in range(i, count):
            if rate[i, j] < 0:
                continue
            for k in range(i):
                if rate[k, i - 1] < 0:
                    continue
                step = rate[i, j] - rate[k, i - 1]
                for phase in range(turns):
                    rising = (trend == ASCENDING) or (trend == PEAK and phase == 0) or (trend == VALLEY and phase == 1)
                    if (rising and step < 0) or (not rising and step > 0):
                        continue
                    for bins in range(2, max_bins + 1):
                        for earlier in range(phase + 1):
                            value = worth[earlier, bins - 1, k, i - 1]
                            if value > _IMPOSSIBLE and value + gain[i, j] - cost > worth[phase, bins, i, j]:
                                worth[phase, bins, i, j] = value + gain[i, j] - cost
                                before[phase, bins, i, j] = k + count * earlier
    best, phase, bins, start = _IMPOSSIBLE, 0, 0, 0
    for a in range(turns):
        for b in range(1, max_bins + 1):
            for i in range(count):
                if worth[a, b, i, count - 1] > best:
                    best, phase, bins, start = worth[a, b, i, count - 1], a, b, i
    if bins == 0:
        return 0.0, np.empty(0, np.int64)
    all_rows, all_hits = total_rows[count], total_hits[count]
    single = _likelihood(all_hits, all_rows) + _likelihood(all_rows - all_hits, all_rows)
    cuts = np.empty(bins - 1, np.int64)
    end = count - 1
    for place in range(bins - 1, 0, -1):
        cuts[place - 1] = start
        code = before[phase, place + 1, start, end]
        end = start - 1
        start = code % count
        phase = code // count
    return best - single, cuts


@njit(cache=True, nogil=True)
def _likelihood(part: float, whole: float) -> float:
    return part * np.log(part / whole) if part > 0.0 else 0.0
