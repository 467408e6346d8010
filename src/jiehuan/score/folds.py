"""Who is fitted on and who is kept aside: stratified folds that never part a borrower, and a split by time."""

from __future__ import annotations

from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


def make_folds(events: Floats, count: int, seed: int, clusters: Ints | None = None) -> Ints:
    """A fold number 0..count-1 for every row, events spread evenly; rows of one cluster (a borrower) share a fold.

    ``clusters`` int[n] numbers the borrowers from 0. The same seed gives the same folds.
    """
    if clusters is None:
        return _spread(events, count, seed)
    any_event = np.zeros(int(clusters.max()) + 1)
    np.maximum.at(any_event, clusters, events)
    found: Ints = _spread(any_event, count, seed)[clusters]
    return found


def split_off(events: Floats, share: float, seed: int, clusters: Ints | None = None) -> Mask:
    """True for about ``share`` of the rows, stratified, no cluster parted."""
    count = max(round(1 / share), 2) if share > 0 else 0
    return make_folds(events, count, seed + 1, clusters) == 0 if count else np.zeros(len(events), bool)


def later_part(moments: Floats, share: float) -> tuple[Mask, Mask] | None:
    """(earlier, later): the latest ``share`` of the rows by ``moments`` float64[n]; rows without a moment are in neither.

    The cut lies between two moments, never within one. None when the moments cannot be parted.
    """
    known = moments[~np.isnan(moments)]
    if not len(known):
        return None
    cut = np.quantile(known, 1 - share, method="higher")
    if cut == known.min():
        above = known[known > cut]
        if not len(above):
            return None
        cut = above.min()
    return moments < cut, moments >= cut


def _spread(events: Floats, count: int, seed: int) -> Ints:
    random = np.random.default_rng(seed)
    folds = np.empty(len(events), np.int64)
    for outcome in (0, 1):
        rows = np.flatnonzero(events == outcome)
        folds[rows] = random.permutation(np.arange(len(rows)) % count)
    return folds
