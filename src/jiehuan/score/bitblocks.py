"""Many rows through a forest: each value is coded once, then a tree's splits are tried on a block of rows with no jump among them.

A number becomes its place among the thresholds of its feature, a category of few kinds one bit, of many its place. A split is
then one comparison of 16-bit codes, the same for all rows of the block, which the compiler turns into vector instructions. As in
``bitwalk`` a split that a row fails strikes leaves, and the lowest bit left is the row's leaf; but here a tree is done with before
the next begins, so that its bits stay in the nearest cache. Leaves are added tree by tree: the sum is the library's float64.
Trees of at most 64 leaves; ``read_blocks`` gives None else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from jiehuan.score.bitwalk import MOST_LEAVES, NONE, as_read, leaves_below, lowest

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int32]]
Codes = np.ndarray[Any, np.dtype[np.uint16]]
_Step = tuple[int, int, int, int, int]
"""What, row of codes, place in the tables, key, mask."""

BLOCK = 512
"""Rows that go through a tree together: the codes of hundreds of features of them fit the second cache."""

LANES = 64
"""Numbers coded side by side."""

WORD = 16
MOST_KINDS = 64
"""So many kinds of a category have a bit each, in words of 16; where there are more, they are looked up row by row."""

MOST_PLACES = 65_535
MOST_TABLE = 16_000_000
"""Entries that the tables of a forest may take; one with more is walked."""

PAIR, NUMBER, ONE_WORD, FIRST_WORD, NEXT_WORD, LAST_WORD, TABLE = range(7)
"""What a step compares. A pair is two numbers at once, the second in the step that follows."""


@dataclass(frozen=True)
class _Column:
    """How a feature is coded, in ``rows`` rows of codes.

    A number has its ``edges``, thresholds rising, filled up with infinity to one less than a power of two; ``first`` of them are
    thresholds. Where it is missing, as ``missing`` says (see ``bitwalk.Bits``), the first row has 0, for splits that it passes, the second
    ``first``, for those that it fails. A category has no edges; ``first`` is the first of its places that no split names. Its rows
    are words with a bit for each kind; with more than ``MOST_KINDS``, it has one row, of places.
    """

    feature: int
    edges: Floats | None
    first: int
    missing: int
    rows: int


@dataclass(frozen=True)
class Blocks:
    """A forest by tree.

    ``steps`` int32[k, 3]: what is compared, the row of codes, and where in ``tables``; ``keys`` uint16[k]: with what; ``masks`` [k] and
    ``tables``: the leaves that stay, in as few bits as a tree needs; ``starts`` and ``firsts`` [trees + 1]: each tree's steps, leaves.
    """

    columns: tuple[_Column, ...]
    steps: Ints
    keys: Codes
    masks: np.ndarray[Any, Any]
    tables: np.ndarray[Any, Any]
    starts: Ints
    firsts: Ints
    leaves: Floats

    def rows(self, columns: Sequence[Floats] | Floats) -> Floats:
        """The raw scores of many rows: float64[n] for each feature, or float64[features, n]."""
        total = np.zeros(len(columns[0]))
        codes = self._coded(columns, len(total))
        _add(codes, self.steps, self.keys, self.masks, self.tables, self.starts, self.firsts, self.leaves, total)
        return total

    def _coded(self, columns: Sequence[Floats] | Floats, count: int) -> Codes:
        """The codes of all rows, filled up to whole blocks: uint16[rows of codes, n]."""
        codes = np.zeros((sum(one.rows for one in self.columns), -(-count // BLOCK) * BLOCK), np.uint16)
        place = 0
        for one in self.columns:
            values, mine = np.ascontiguousarray(columns[one.feature], float), codes[place : place + one.rows]
            if one.edges is not None:
                _code_numbers(values, one.edges, one.missing, one.first, mine)
            elif one.first <= MOST_KINDS:
                _code_bits(values, one.first, mine)
            else:
                _code_places(values, one.first, mine[0])
            place += one.rows
        return codes


def read_blocks(roots: Ints, nodes: Ints, thresholds: Floats, leaves: Floats, sets: Any) -> Blocks | None:
    """The same forest for blocks of rows, from the arrays of ``forest.Forest``; None where it is too large for them."""
    named = {
        node: _members(sets, int(thresholds[node]))
        for node, decision in enumerate(nodes[:, 3].tolist())
        if decision & 1
    }
    columns, place_of = _columns(nodes, thresholds, named)
    if any(one.first >= MOST_PLACES for one in columns):
        return None
    steps: list[_Step] = []
    tables: list[tuple[int, int, int]] = []  # members, width, mask
    starts, firsts, ordered = [0], [0], []
    entries = most = 0
    for root in roots.tolist():
        splits: list[tuple[int, int]] = []
        places: list[int] = []
        leaves_below(root, nodes, places, splits)
        most = max(most, len(places))
        numbers: list[_Step] = []
        others: list[_Step] = []
        for node, mask in splits:
            feature, _, _, decision = nodes[node].tolist()
            place, one = place_of[_key(feature, decision)]
            if one.edges is not None:
                fails = one.missing != NONE and not decision & 2
                numbers.append((NUMBER, place + fails, 0, int(np.searchsorted(one.edges, thresholds[node])), mask))
            elif one.first <= MOST_KINDS:
                others += _word_steps(named[node], place, one.rows, mask)
            else:
                others.append((TABLE, place, entries, 0, mask))
                tables.append((named[node], one.first + 1, mask))
                entries += one.first + 1
        for at in range(0, len(numbers) - 1, 2):
            numbers[at] = (PAIR, *numbers[at][1:])
        steps += numbers + others
        ordered += [float(leaves[leaf]) for leaf in places]
        starts.append(len(steps))
        firsts.append(len(ordered))
    if most > MOST_LEAVES or entries > MOST_TABLE:
        return None
    kind: Any = np.uint16 if most <= 16 else np.uint32 if most <= 32 else np.uint64
    full = int(np.iinfo(kind).max)
    filled = np.full(entries, full, kind)
    at = 0
    for members, width, mask in tables:
        outside = [code for code in range(width) if not members >> code & 1]
        filled[at : at + width][outside] = mask & full
        at += width
    return Blocks(
        columns,
        np.array([step[:3] for step in steps], np.int32).reshape(-1, 3),
        np.array([step[3] for step in steps], np.uint16),
        np.array([step[4] & full for step in steps], kind),
        filled,
        np.array(starts, np.int32),
        np.array(firsts, np.int32),
        np.array(ordered, float),
    )


def _key(feature: int, decision: int) -> tuple[int, int]:
    """What splits must share to read the same codes: the feature, and when it is missing (-1: a category)."""
    return feature, -1 if decision & 1 else decision >> 2 & 3


def _columns(
    nodes: Ints, thresholds: Floats, named: dict[int, int]
) -> tuple[tuple[_Column, ...], dict[tuple[int, int], tuple[int, _Column]]]:
    """The columns of codes, and for each key of ``_key`` its first row of codes and its column."""
    edges: dict[tuple[int, int], set[float]] = {}
    widths: dict[tuple[int, int], int] = {}
    for node, (feature, _, _, decision) in enumerate(nodes.tolist()):
        key = _key(feature, decision)
        if decision & 1:
            widths[key] = max(widths.get(key, 0), named[node].bit_length())
        else:
            edges.setdefault(key, set()).add(float(thresholds[node]))
    found: list[_Column] = []
    place_of, place = {}, 0
    for key in sorted({*edges, *widths}):
        feature, missing = key
        if missing < 0:
            width = widths[key]
            one = _Column(feature, None, width, NONE, max(-(-width // WORD), 1) if width <= MOST_KINDS else 1)
        else:
            known = len(edges[key])
            filled = np.full((1 << known.bit_length()) - 1, np.inf)
            filled[:known] = sorted(edges[key])
            one = _Column(feature, filled, known, missing, 1 if missing == NONE else 2)
        place_of[key] = (place, one)
        place += one.rows
        found.append(one)
    return tuple(found), place_of


def _members(sets: Any, at: int) -> int:
    """The categories that go left at a split, one bit each."""
    return sum(int(sets[at + 1 + word]) << (32 * word) for word in range(int(sets[at])))


def _word_steps(members: int, place: int, words: int, mask: int) -> list[_Step]:
    """The steps that tell members: words of which none is a member need not be looked at."""
    parts = [(place + word, members >> (WORD * word) & 0xFFFF) for word in range(words)]
    parts = [one for one in parts if one[1]] or parts[:1]
    kinds = [FIRST_WORD, *[NEXT_WORD] * (len(parts) - 2), LAST_WORD] if len(parts) > 1 else [ONE_WORD]
    return [(kind, at, 0, part, mask) for kind, (at, part) in zip(kinds, parts, strict=True)]


@njit(cache=True, nogil=True)
def _code_numbers(values: Floats, edges: Floats, missing: int, first: int, codes: Codes) -> None:
    """How many edges lie below each value, by halving, many values side by side."""
    block, place, one, none = np.empty(LANES), np.empty(LANES, np.uint64), np.uint64(1), np.uint64(0)
    for start in range(0, len(values), LANES):
        count = min(LANES, len(values) - start)
        for lane in range(count):
            block[lane] = as_read(values[start + lane], missing)
        place[:] = 0
        half = np.uint64((len(edges) + 1) // 2)
        while half > none:
            for lane in range(LANES):
                place[lane] += half if edges[place[lane] + half - one] < block[lane] else none
            half >>= one
        for lane in range(count):
            codes[0, start + lane] = place[lane]
        if missing != NONE:  # what is missing is below no edge: its first code is 0
            for lane in range(count):
                codes[1, start + lane] = first if np.isnan(block[lane]) else place[lane]


@njit(cache=True, nogil=True, inline="always")
def _place_of(value: float, width: int) -> int:
    return int(value) if value > -1.0 and value < width else width  # the library truncates; below 0 goes right


@njit(cache=True, nogil=True)
def _code_places(values: Floats, width: int, codes: Codes) -> None:
    """The place of each category; ``width`` for one that no split names, or none."""
    for row in range(len(values)):
        codes[row] = _place_of(values[row], width)


@njit(cache=True, nogil=True)
def _code_bits(values: Floats, width: int, codes: Codes) -> None:
    """The bit of each category in its word; no bit for one that no split names, or none."""
    for row in range(len(values)):
        place = _place_of(values[row], width)
        if place < width:
            codes[place // WORD, row] = 1 << place % WORD


@njit(cache=True, nogil=True)
def _add(
    codes: Codes,
    steps: Ints,
    keys: Codes,
    masks: Any,
    tables: Any,
    starts: Ints,
    firsts: Ints,
    leaves: Floats,
    total: Floats,
) -> None:
    bits, hit, leaf = np.empty(BLOCK, masks.dtype), np.empty(BLOCK, np.uint16), np.empty(BLOCK, np.uint8)
    full = ~(masks.dtype.type(0))
    for begin in range(0, len(total), BLOCK):
        for tree in range(len(starts) - 1):
            bits[:] = full
            step = starts[tree]
            while step < starts[tree + 1]:
                what, key, mask = steps[step, 0], keys[step], masks[step]
                code = codes[steps[step, 1], begin : begin + BLOCK]
                step += 1
                if what == PAIR:
                    other, other_key, other_mask = codes[steps[step, 1], begin : begin + BLOCK], keys[step], masks[step]
                    step += 1
                    for lane in range(BLOCK):
                        bits[lane] &= (full if code[lane] <= key else mask) & (
                            full if other[lane] <= other_key else other_mask
                        )
                elif what == NUMBER:
                    for lane in range(BLOCK):
                        bits[lane] &= full if code[lane] <= key else mask
                elif what == ONE_WORD:
                    for lane in range(BLOCK):
                        bits[lane] &= full if code[lane] & key else mask
                elif what == TABLE:
                    table = tables[steps[step - 1, 2] :]
                    for lane in range(BLOCK):
                        bits[lane] &= table[code[lane]]
                elif what == FIRST_WORD:
                    for lane in range(BLOCK):
                        hit[lane] = code[lane] & key
                elif what == NEXT_WORD:
                    for lane in range(BLOCK):
                        hit[lane] |= code[lane] & key
                else:
                    for lane in range(BLOCK):
                        bits[lane] &= full if hit[lane] | code[lane] & key else mask
            for lane in range(BLOCK):
                leaf[lane] = lowest(np.uint64(bits[lane]))
            mine, some = leaves[firsts[tree] : firsts[tree + 1]], total[begin : begin + BLOCK]
            for lane in range(
                len(some)
            ):  # a place without a sign is not looked at for one, so this is one instruction for many
                some[lane] += mine[leaf[lane]]
