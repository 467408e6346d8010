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


@njit(cache=True, nogil=True)
def take(cells: Any, gain: Any, pool: Any, uses: Any, left: Any, choice: Any) -> bool:
    """Go down a list of cells (debtor * actions + action) and give each debtor what is better than what it has, as long as
    units last. Changes ``left`` and ``choice``; says whether anything changed."""
    changed = False
    for cell in cells:
        i, a = cell // gain.shape[1], cell % gain.shape[1]
        p, before = pool[i, a], choice[i]
        more = gain[i, a] - (gain[i, before] if before >= 0 else 0.0)
        if more <= 1e-9 or (p >= 0 and left[p] < uses[a]):
            continue
        if before >= 0 and pool[i, before] >= 0:
            left[pool[i, before]] += uses[before]
        if p >= 0:
            left[p] -= uses[a]
        choice[i] = a
        changed = True
    return changed


@njit(cache=True, nogil=True)
def exchange(gain: Any, pool: Any, uses: Any, left: Any, choice: Any) -> float:
    """One pass of exchanges: a debtor takes a better action in a full pool from the one who loses least by giving it up.

    The one who gives up takes its best other action that has units left, or none. Changes ``choice`` and ``left``; returns what
    was won. Quadratic in the debtors: for small cases, where one debtor in the wrong place matters.
    """
    won = 0.0
    n, actions = gain.shape
    for i in range(n):
        for a in range(actions):
            p = pool[i, a]
            now = choice[i]
            more = gain[i, a] - (gain[i, now] if now >= 0 else 0.0)
            if p < 0 or a == now or more <= 1e-9:
                continue
            own = uses[now] if now >= 0 and pool[i, now] == p else 0
            best, giver, takes = 1e-9, -1, -1
            for j in range(n):
                b = choice[j]
                if j == i or b < 0 or pool[j, b] != p or left[p] + own + uses[b] < uses[a]:
                    continue
                other, kept = -1, 0.0
                for c in range(actions):
                    q = pool[j, c]
                    free = q < 0 or left[q] + (uses[b] + own - uses[a] if q == p else 0) >= uses[c]
                    if c != b and free and gain[j, c] > kept:
                        other, kept = c, gain[j, c]
                win = more - gain[j, b] + kept
                if win > best:
                    best, giver, takes = win, j, other
            if giver >= 0:
                b = choice[giver]
                left[p] += uses[b] - uses[a]
                if now >= 0 and pool[i, now] >= 0:
                    left[pool[i, now]] += uses[now]
                if takes >= 0 and pool[giver, takes] >= 0:
                    left[pool[giver, takes]] -= uses[takes]
                choice[i], choice[giver] = a, takes
                won += best
    return won
