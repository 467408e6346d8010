"""Each feature's share of a raw score: the SHAP values of a forest, exact, mostly from tables made once.

Path-dependent TreeSHAP (Lundberg et al. 2020): a leaf of value v gives feature i of its path ``v (o_i - z_i) W_i``, where z_i is the part of the
fit's rows that goes on at the path's splits of i, o_i is 1 where this row passes them all and 0 else, and W_i weighs what the others
do. Shapley's weights are a beta integral, so W_i is the integral over t from 0 to 1 of the product of ``t o_j + (1 - t) z_j`` over
the others j: a polynomial, which the rule of Gauss and Legendre sums exactly, and none of whose terms is negative.

The shares depend on which splits the row passes, and on nothing else of it. So a tree is cut into pieces: subtrees whose own splits, and
the features above them, are at most ``MOST_BITS``. A piece has a table with a line of shares for each pattern of these bits (Fast
TreeSHAP v2, Yang 2021, for many leaves at once). A leaf with more features above it has no table; it is integrated row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit

from jiehuan.score.bitwalk import as_read

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int32]]
Longs = np.ndarray[Any, np.dtype[np.int64]]
Words = np.ndarray[Any, np.dtype[np.uint32]]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]

MOST_BITS = 8
"""So that a pattern is a byte, and a table a few kilobytes."""

BLOCK = 256
"""Rows that go through a piece together."""

GATHER = np.uint64(0x0102040810204080)
"""Times eight marks, each a byte of 0 or 1, it gives a word whose highest byte has them as bits."""

CATEGORY = -1
LOW, HIGH = 0, 1
"""A missing number is put below all thresholds, or above them, as NaN: a threshold may be infinite."""


@dataclass(frozen=True)
class Shares:
    """A forest by pieces.

    ``columns`` int32[c, 3], what tests read: feature, how it is missing (``bitwalk``), where that is put (LOW, HIGH); or a category, CATEGORY, the
    place that stands for none. Tests: ``tested`` uint32[t] their columns, ``limits`` float64[t] thresholds (of a category infinite, so that
    it holds as a number), ``at`` uint32[t] where a category's words begin in ``sets`` (0: a number), ``sides`` uint8[t] 0 where the row must
    go left, 1 right, ``marks`` uint32[t] which of the ``room`` marks is set where it does not: one for each bit, filled up to eights
    piece by piece. ``pieces`` int64[p, 6]: end of its tests, bits, first feature in ``places``, features, points of the integral (0: a
    table), start in ``tables``. ``mean``: the score of the average row of the fit; with it the shares add up to the row's.
    """

    columns: Ints
    tested: Words
    limits: Floats
    at: Words
    sides: Bytes
    marks: Words
    room: int
    sets: Words
    pieces: Longs
    places: Words
    tables: Floats
    features: int
    mean: float

    @cached_property
    def _named(self) -> Words:
        """The tests of categories."""
        return np.flatnonzero(self.at).astype(np.uint32)

    def row(self, values: Floats) -> Floats:
        """The shares of one row: float64[features] of float64[features]."""
        found = np.zeros(self.features)
        tests = self.tested, self.limits, self.at, self.sides, self.marks, self.sets
        _one(values, self.columns, *tests, self._named, self.room, self.pieces, self.places, self.tables, found)
        return found

    def rows(self, columns: Sequence[Floats] | Floats) -> Floats:
        """The shares of many rows: float64[n, features], from float64[n] for each feature, or float64[features, n]."""
        read = np.empty((len(self.columns), len(columns[0])))
        for place, (feature, missing, put) in enumerate(self.columns.tolist()):
            _read(np.ascontiguousarray(columns[feature], float), missing, put, read[place])
        found = np.empty((read.shape[1], self.features))
        tests = self.tested, self.limits, self.at, self.sides, self.marks, self.sets
        _many(read, *tests, self.pieces, self.places, self.tables, found)
        return found


@njit(cache=True, nogil=True, inline="always")
def _as_tested(value: float, missing: int, put: int) -> float:
    """A number with what is missing below or above all; a category's place, ``put`` for one that no split names."""
    if missing == CATEGORY:
        return float(int(value)) if value > -1.0 and value < put else float(put)  # the library truncates
    read = as_read(value, missing)
    if np.isnan(read):
        return -np.inf if put == LOW else np.nan
    return read


@njit(cache=True, nogil=True)
def _read(values: Floats, missing: int, put: int, found: Floats) -> None:
    for row in range(len(values)):
        found[row] = _as_tested(values[row], missing, put)


@njit(cache=True, nogil=True, inline="always")
def _is_left(value: float, at: int, sets: Words) -> Any:
    """Whether a category goes left: its bit among the words at ``at``."""
    place = np.uint32(value)
    return sets[at + (place >> np.uint32(5))] >> (place & np.uint32(31)) & np.uint32(1)


@njit(cache=True, nogil=True)
def _one(
    values: Floats,
    columns: Ints,
    tested: Words,
    limits: Floats,
    at: Words,
    sides: Bytes,
    marks: Words,
    sets: Words,
    named: Words,
    room: int,
    pieces: Longs,
    places: Words,
    tables: Floats,
    found: Floats,
) -> None:
    read, lost = np.empty(len(columns)), np.zeros(room, np.uint8)
    for column in range(len(columns)):
        read[column] = _as_tested(values[columns[column, 0]], columns[column, 1], columns[column, 2])
    for test in range(len(tested)):
        lost[marks[test]] |= np.uint8(not read[tested[test]] <= limits[test]) ^ sides[test]
    for test in named:
        lost[marks[test]] |= np.uint8(1) ^ np.uint8(_is_left(read[tested[test]], at[test], sets)) ^ sides[test]
    words, mark, product = lost.view(np.uint64), 0, np.empty(_most(pieces))
    for piece in range(len(pieces)):
        count, first, width, points, start = pieces[piece, 1:]
        if points:
            _integrate_one(lost[mark:], tables[start:], points, product, places[first : first + width], found)
        else:
            line = np.uint64(start) + np.uint64(width) * (words[mark >> 3] * GATHER >> np.uint64(56))
            for one in range(np.uint64(width)):
                found[places[np.uint64(first) + one]] += tables[line + one]
        mark += (count + 7) // 8 * 8


@njit(cache=True, nogil=True)
def _most(pieces: Longs) -> int:
    """The most bits of a piece."""
    most = 1
    for piece in range(len(pieces)):
        most = max(most, pieces[piece, 1])
    return most


@njit(cache=True, nogil=True)
def _try(values: Floats, limit: float, at: int, side: int, bit: int, sets: Words, struck: Bytes) -> None:
    """Set the bit for the rows that do not go to the side."""
    if at:
        for lane in range(len(values)):
            struck[lane] |= (1 ^ side ^ _is_left(values[lane], at, sets)) << bit
    elif side:
        for lane in range(len(values)):
            struck[lane] |= (values[lane] <= limit) << bit
    else:
        for lane in range(len(values)):
            struck[lane] |= (not values[lane] <= limit) << bit


@njit(cache=True, nogil=True)
def _many(
    read: Floats,
    tested: Words,
    limits: Floats,
    at: Words,
    sides: Bytes,
    marks: Words,
    sets: Words,
    pieces: Longs,
    places: Words,
    tables: Floats,
    found: Floats,
) -> None:
    lanes, most = min(BLOCK, len(found)), _most(pieces)
    struck, lost = np.empty(lanes, np.uint8), np.empty((most, lanes), np.uint8)
    product, sums, total = np.empty(lanes), np.empty((most, lanes)), np.empty((found.shape[1], lanes))
    for row in range(0, len(found), BLOCK):
        lanes = min(BLOCK, len(found) - row)
        total[:] = 0.0
        begin = mark = 0
        for piece in range(len(pieces)):
            end, count, first, width, points, start = pieces[piece]
            struck[:] = 0
            lost[: count if points else 0] = 0
            for test in range(begin, end):
                values = read[tested[test], row : row + lanes]
                bit = marks[test] - mark
                if points:
                    _try(values, limits[test], at[test], sides[test], 0, sets, lost[bit])
                else:
                    _try(values, limits[test], at[test], sides[test], bit, sets, struck)
            begin, mark = end, mark + (count + 7) // 8 * 8
            if points:
                _integrate(lost[:, :lanes], tables[start:], points, width, product[:lanes], sums[:, :lanes])
                for one in range(width):
                    for lane in range(lanes):
                        total[places[first + one], lane] += sums[one, lane]
            else:
                table = tables[start : start + (width << count)].reshape(-1, width)
                for one in range(np.uint64(width)):
                    place = places[np.uint64(first) + one]
                    for lane in range(np.uint64(lanes)):
                        total[place, lane] += table[struck[lane], one]
        for lane in range(lanes):
            for place in range(len(total)):
                found[row + lane, place] = total[place, lane]


@njit(cache=True, nogil=True)
def _integrate(fails: Bytes, table: Floats, points: int, width: int, product: Floats, sums: Floats) -> None:
    """The shares of a leaf, ``sums`` [features, rows], from what each row passes of the splits above it."""
    sums[:width] = 0.0
    for point in range(points):
        product[:] = table[point]
        for one in range(width):
            here = points * (1 + 4 * one) + point
            kept, lost = table[here], table[here + points]
            for lane in range(len(product)):
                product[lane] *= lost if fails[one, lane] else kept
        for one in range(width):
            here = points * (3 + 4 * one) + point
            kept, lost = table[here], table[here + points]
            for lane in range(len(product)):
                sums[one, lane] += product[lane] * (lost if fails[one, lane] else kept)


@njit(cache=True, nogil=True)
def _integrate_one(lost: Bytes, table: Floats, points: int, product: Floats, places: Words, found: Floats) -> None:
    """``_integrate`` of one row, added to ``found``."""
    product[:points] = table[:points]
    for one in range(len(places)):
        here = points * (2 if lost[one] else 1) + 4 * points * one
        for point in range(points):
            product[point] *= table[here + point]
    for one in range(len(places)):
        here, share = points * (4 if lost[one] else 3) + 4 * points * one, 0.0
        for point in range(points):
            share += product[point] * table[here + point]
        found[places[one]] += share
