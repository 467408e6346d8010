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
_SMALL = 3000
_STEPS = 400
_ROUNDS = 10


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
    n = len(gain)
    gain = np.ascontiguousarray(gain, np.float64)
    pool = np.ascontiguousarray(pool, np.int64)
    uses = np.ascontiguousarray(uses, np.int64)
    units = np.ascontiguousarray(units, np.int64)
    prices = np.zeros(len(units))
    if n == 0 or gain.shape[1] == 0:
        return Assignment(np.full(n, -1), 0.0, 0.0, prices, np.zeros_like(units))
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
    best = _Best(np.inf, prices, -np.inf, choice)
    best.try_prices(gain, pool, uses, units, prices)
    if n <= _SMALL:
        _polish(gain, pool, uses, units, best)
    bound = min(best.bound, float(np.where(np.isfinite(gain), np.maximum(gain, 0.0), 0.0).max(axis=1).sum()))
    used = _used(best.choice, pool, uses, len(units))
    return Assignment(best.choice, best.value, max(bound, best.value), best.prices, used)


@dataclass(slots=True)
class _Best:
    """The lowest bound with its prices, and the best plan, seen so far."""

    bound: float
    prices: NDArray[np.float64]
    value: float
    choice: NDArray[np.int64]

    def try_prices(
        self,
        gain: NDArray[np.float64],
        pool: NDArray[np.int64],
        uses: NDArray[np.int64],
        units: NDArray[np.int64],
        prices: NDArray[np.float64],
    ) -> None:
        """Bound and repaired plan at these prices, kept where better."""
        from jiehuan.collect.sweep import exchange, sweep

        used, choice = np.zeros(len(units), np.int64), np.empty(len(gain), np.int64)
        bound = sweep(gain, pool, uses, prices, used, choice) + float(prices @ units)
        if bound < self.bound:
            self.bound, self.prices = bound, prices.copy()
        choice = _repair(gain, pool, uses, units, prices, choice)
        # Those for whom the prices hardly decide are exchanged among each other, the others stay.
        near = (
            np.arange(len(gain))
            if len(gain) <= _SMALL
            else np.argpartition(_margin(gain, pool, uses, prices), _SMALL)[:_SMALL]
        )
        left = units - _used(choice, pool, uses, len(units))
        some, theirs, chosen = gain[near], pool[near], choice[near]
        for _ in range(_ROUNDS):
            if exchange(some, theirs, uses, left, chosen) <= 0:
                break
            chosen = _fill(some, theirs, uses, left, chosen)
        choice[near] = chosen
        taking = np.flatnonzero(choice >= 0)
        value = float(gain[taking, choice[taking]].sum())
        if value > self.value:
            self.value, self.choice = value, choice


def _margin(
    gain: NDArray[np.float64], pool: NDArray[np.int64], uses: NDArray[np.int64], prices: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How much each debtor's best action is worth above its second best (none is worth 0) at the prices."""
    worth = np.column_stack([gain - np.where(pool >= 0, prices[pool], 0.0) * uses, np.zeros(len(gain))])
    two = np.partition(worth, -2, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0], np.float64)


def _polish(
    gain: NDArray[np.float64], pool: NDArray[np.int64], uses: NDArray[np.int64], units: NDArray[np.int64], best: _Best
) -> None:
    """Lower the bound by subgradient steps towards the best plan (Polyak's step length): few debtors make the bound angular,
    and price by price it gets stuck at a corner."""
    from jiehuan.collect.sweep import sweep

    used, choice = np.zeros(len(units), np.int64), np.empty(len(gain), np.int64)
    prices, scale, since = best.prices.copy(), 1.0, 0
    for _ in range(_STEPS):
        bound = sweep(gain, pool, uses, prices, used, choice) + float(prices @ units)
        if bound < best.bound * (1 - 1e-9):
            best.bound, best.prices, since = bound, prices.copy(), 0
        else:
            since += 1
        slope = (units - used).astype(np.float64)
        slope[(prices <= 0) & (slope > 0)] = 0.0
        length = float(slope @ slope)
        if length == 0.0 or best.bound <= best.value * (1 + 1e-9):
            break
        if since == 20:
            prices, scale, since = best.prices.copy(), scale / 2, 0
            continue
        prices = np.maximum(0.0, prices - scale * (bound - best.value) / length * slope)
    best.try_prices(gain, pool, uses, units, best.prices)


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
    choice = choice.copy()
    left = units - _used(choice, pool, uses, len(units))
    rows = np.arange(len(gain))
    reduced = gain - np.where(pool >= 0, prices[pool], 0.0) * uses
    for p in np.flatnonzero(left < 0):
        taking = np.flatnonzero((choice >= 0) & (pool[rows, choice] == p))
        # Give up first what loses least against the next best at these prices.
        others = reduced[taking].copy()
        others[np.arange(len(taking)), choice[taking]] = 0.0
        regret = reduced[taking, choice[taking]] - np.maximum(others.max(axis=1), 0.0)
        for i in taking[np.argsort(regret, kind="stable")]:
            if left[p] >= 0:
                break
            left[p] += uses[choice[i]]
            choice[i] = -1
    return _fill(gain, pool, uses, left, choice)


def _fill(
    gain: NDArray[np.float64],
    pool: NDArray[np.int64],
    uses: NDArray[np.int64],
    left: NDArray[np.int64],
    choice: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Spend what is left where it brings most a unit, as long as something does. Changes ``left`` and ``choice``."""
    from jiehuan.collect.sweep import take

    actions = gain.shape[1]
    rows = np.arange(len(gain))
    for _ in range(8):
        now = np.where(choice >= 0, gain[rows, choice], 0.0)
        better = gain - now[:, None]
        spare = np.where(pool >= 0, left[pool], np.iinfo(np.int64).max) >= uses
        where = np.flatnonzero((better > 1e-9) & spare)
        if len(where) == 0:
            break
        value = better.ravel()[where] / uses[where % actions]
        if not take(where[np.argsort(-value, kind="stable")], gain, pool, uses, left, choice):
            break
    return choice


def _used(choice: NDArray[np.int64], pool: NDArray[np.int64], uses: NDArray[np.int64], pools: int) -> NDArray[np.int64]:
    taking = np.flatnonzero(choice >= 0)
    at = pool[taking, choice[taking]]
    return np.bincount(at[at >= 0], weights=uses[choice[taking]][at >= 0], minlength=pools).astype(np.int64)
