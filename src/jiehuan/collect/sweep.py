"""One look at every debtor at given prices: the compiled inner loop of ``assign``."""

from __future__ import annotations

from typing import Any

from numba import njit


@njit(cache=True, nogil=True)
def sweep(gain: Any, pool: Any, uses: Any, prices: Any, used: Any, choice: Any) -> float:
    """Each debtor's best action at the prices (-1: none is worth its price) into ``choice``, units taken into ``used``.

    Returns the sum of what the actions are worth beyond their price. Of equal ones the first wins.
    """
    total = 0.0
    used[:] = 0
    for i in range(gain.shape[0]):
        best, at = 0.0, -1
        for a in range(gain.shape[1]):
            p = pool[i, a]
            worth = gain[i, a] - (prices[p] * uses[a] if p >= 0 else 0.0)
            if worth > best:
                best, at = worth, a
        choice[i] = at
        if at >= 0:
            total += best
            if pool[i, at] >= 0:
                used[pool[i, at]] += uses[at]
    return total
