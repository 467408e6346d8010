"""Who gets which action when units are scarce: a Lagrangian dual, with the gap to the optimum stated.

Maximise the sum of ``gain[i, a]`` over at most one action per debtor, where the actions of each pool may not use more than its
units. Each pool gets a price; at given prices every debtor takes its best action on its own (one compiled sweep), and the
sum of what they take plus the worth of the units bounds the optimum from above, whatever the prices. Prices are found pool
by pool by bisection, then the choice is repaired to fit the units and spare units are filled. The gap is stated against the
bound, so it holds without trust in the search.

Source: Fisher, The Lagrangian relaxation method for solving integer programming problems (Management Science 27, 1981).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_POOL = -1
_SAMPLE = 20_000
_SWEEPS = 25
_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Assignment:
    """``choice``: the action of each debtor, -1 for none. ``value`` its gain, ``bound`` that no plan can pass, ``prices`` per unit."""

    choice: NDArray[np.int64]
    value: float
    bound: float
    prices: NDArray[np.float64]
    used: NDArray[np.int64]

    @property
    def gap(self) -> float:
        """The most that the optimum can be better, as a share of the bound."""
        return max(0.0, (self.bound - self.value) / self.bound) if self.bound > 0 else 0.0


def assign(
    gain: NDArray[np.float64], pool: NDArray[np.int64], uses: NDArray[np.int64], units: NDArray[np.int64]
) -> Assignment:
    """Choose an action for each debtor.

    ``gain``: shape (n, actions), what the action brings net of its cost; -inf where it is not allowed. ``pool``: shape (n,
    actions), the pool which serves it, -1 where none is needed. ``uses``: shape (actions,), units of one piece. ``units``: shape
    (pools,).
    """
    from jiehuan.collect.sweep import sweep

    n = len(gain)
    gain = np.ascontiguousarray(gain, np.float64)
    pool = np.ascontiguousarray(pool, np.int64)
    uses = np.ascontiguousarray(uses, np.int64)
    units = np.ascontiguousarray(units, np.int64)
    prices = np.zeros(len(units))
    if n == 0 or gain.shape[1] == 0:
        return Assignment(np.full(n, -1), 0.0, 0.0, prices, np.zeros_like(units))
    used = np.zeros(len(units), np.int64)
    if n > 2 * _SAMPLE:
        # Prices barely depend on which debtors are looked at: find them on every k-th, then mend on all.
        step = n // _SAMPLE
        part = np.ascontiguousarray(gain[::step]), np.ascontiguousarray(pool[::step])
        prices = _search(
            part[0], part[1], uses, units.astype(np.float64) * (len(part[0]) / n), prices, _SWEEPS, _HALVINGS, 0.0
        )
        prices = _search(gain, pool, uses, units.astype(np.float64), prices, 3, 14, 0.1)
    else:
        prices = _search(gain, pool, uses, units.astype(np.float64), prices, _SWEEPS, _HALVINGS, 0.0)
    choice = np.empty(n, np.int64)
    bound = sweep(gain, pool, uses, prices, used, choice) + float(prices @ units)
    free = float(np.where(np.isfinite(gain), np.maximum(gain, 0.0), 0.0).max(axis=1).sum())
    bound = min(bound, free)
    choice = _repair(gain, pool, uses, units, prices, choice)
    value = float(gain[np.flatnonzero(choice >= 0), choice[choice >= 0]].sum())
    return Assignment(choice, value, max(bound, value), prices, _used(choice, pool, uses, len(units)))


def _search(
    gain: NDArray[np.float64],
    pool: NDArray[np.int64],
    uses: NDArray[np.int64],
    units: NDArray[np.float64],
    prices: NDArray[np.float64],
    sweeps: int,
    halvings: int,
    narrow: float,
) -> NDArray[np.float64]:
    """Prices that nearly minimise the bound: one pool after the other, each by bisection on what it would use.

    The bound is convex in each price, and its slope is units less use; so the best price is where use falls below units.
    """
    from jiehuan.collect.sweep import sweep

    used = np.zeros(len(units), np.int64)
    scratch = np.empty(len(gain), np.int64)
    top = np.array([_highest(gain, pool, uses, p) for p in range(len(units))])
    best, best_prices = np.inf, prices.copy()
    prices = prices.copy()
    for _ in range(sweeps):
        for p in range(len(units)):
            low, high = 0.0, top[p]
            if narrow and prices[p] > 0:
                low, high = prices[p] * (1 - narrow), min(top[p], prices[p] * (1 + narrow))
                # The bracket must hold the answer; where it does not, the whole range is searched.
                prices[p] = high
                sweep(gain, pool, uses, prices, used, scratch)
                over = used[p] > units[p]
                prices[p] = low
                sweep(gain, pool, uses, prices, used, scratch)
                if over or used[p] <= units[p]:
                    low, high = 0.0, top[p]
            prices[p] = low
            sweep(gain, pool, uses, prices, used, scratch)
            if used[p] <= units[p]:
                continue
            for _ in range(halvings):
                prices[p] = (low + high) / 2
                sweep(gain, pool, uses, prices, used, scratch)
                if used[p] > units[p]:
                    low = prices[p]
                else:
                    high = prices[p]
            prices[p] = high
        bound = sweep(gain, pool, uses, prices, used, scratch) + float(prices @ units)
        if bound >= best * (1 - 1e-10):
            if bound < best:
                best_prices = prices.copy()
            break
        best, best_prices = bound, prices.copy()
    return best_prices


def _highest(gain: NDArray[np.float64], pool: NDArray[np.int64], uses: NDArray[np.int64], p: int) -> float:
    """A price at which nobody would take a unit of the pool."""
    per_unit = np.where((pool == p) & np.isfinite(gain), gain / uses, 0.0)
    return float(per_unit.max(initial=0.0)) * (1 + 1e-9) + 1e-9


def _repair(
    gain: NDArray[np.float64],
    pool: NDArray[np.int64],
    uses: NDArray[np.int64],
    units: NDArray[np.int64],
    prices: NDArray[np.float64],
    choice: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Fit the choice into the units, then spend what is left where it brings most; each change makes the plan better."""
    n, actions = gain.shape
    choice = choice.copy()
    left = units - _used(choice, pool, uses, len(units))
    rows = np.arange(n)
    reduced = gain - np.where(pool >= 0, prices[pool], 0.0) * uses
    for p in np.flatnonzero(left < 0):
        taking = np.flatnonzero((choice >= 0) & (pool[rows, choice] == p))
        # Give up first what is worth least beyond its price.
        worth = reduced[taking, choice[taking]]
        for i in taking[np.argsort(worth, kind="stable")]:
            if left[p] >= 0:
                break
            left[p] += uses[choice[i]]
            choice[i] = -1
    for _ in range(8):
        now = np.where(choice >= 0, gain[rows, choice], 0.0)
        better = gain - now[:, None]
        spare = np.where(pool >= 0, left[pool], np.iinfo(np.int64).max) >= uses
        where = np.flatnonzero((better > 1e-9) & spare)
        if len(where) == 0:
            break
        value = better.ravel()[where] / uses[where % actions]
        changed = False
        for cell in where[np.argsort(-value, kind="stable")]:
            i, a = divmod(int(cell), actions)
            p = pool[i, a]
            before = choice[i]
            gained = gain[i, a] - (gain[i, before] if before >= 0 else 0.0)
            if gained <= 1e-9 or (p >= 0 and left[p] < uses[a]):
                continue
            if before >= 0 and pool[i, before] >= 0:
                left[pool[i, before]] += uses[before]
            if p >= 0:
                left[p] -= uses[a]
            choice[i] = a
            changed = True
        if not changed:
            break
    return choice


def _used(choice: NDArray[np.int64], pool: NDArray[np.int64], uses: NDArray[np.int64], pools: int) -> NDArray[np.int64]:
    taking = np.flatnonzero(choice >= 0)
    at = pool[taking, choice[taking]]
    return np.bincount(at[at >= 0], weights=uses[choice[taking]][at >= 0], minlength=pools).astype(np.int64)
