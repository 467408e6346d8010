"""Compiled bin lookup for batches: the place of every value among a feature's edges, in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def place_numbers(
    values: np.ndarray[Any, np.dtype[np.float64]],
    edges: np.ndarray[Any, np.dtype[np.float64]],
    specials: np.ndarray[Any, np.dtype[np.float64]],
    ordinary: int,
    missing: int,
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The bin of each value: count of edges not above it, or the place of its special code, or ``missing`` for NaN."""
    codes = np.empty(len(values), np.uint8)
    for row in range(len(values)):
        value = values[row]
        if np.isnan(value):
            codes[row] = missing
            continue
        place = 0
        for edge in edges:  # edges are few; counting without a branch beats bisection here
            place += value >= edge
        for special in range(len(specials)):
            if value == specials[special]:
                place = ordinary + special
        codes[row] = place
    return codes


@njit(cache=True, nogil=True)
def add_looked_up(
    total: np.ndarray[Any, np.dtype[np.float64]],
    codes: np.ndarray[Any, np.dtype[np.uint8]],
    table: np.ndarray[Any, np.dtype[np.float64]],
) -> None:
    """Add ``table[code]`` to the running total of every row."""
    for row in range(len(total)):
        total[row] += table[codes[row]]
