"""A forest cut into the pieces that ``shares`` adds up, and their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from jiehuan.score.shares import CATEGORY, HIGH, LOW, MOST_BITS, Floats, Ints, Longs, Shares

if TYPE_CHECKING:
    from jiehuan.score.forest import Forest

_Side = tuple[int, bool]
"""A node, and whether it is left to the left."""


def read_shares(forest: Forest) -> Shares:
    """The forest by pieces, with their tables; a tenth of a second."""
    cutting = _Cutting(forest)
    mean = sum(cutting.cut(root) for root in forest.roots.tolist())
    return cutting.made(mean)


class _Cutting:
    """Lists that grow piece by piece and become the arrays of ``Shares``, or what ``_fill`` makes its tables of."""

    def __init__(self, forest: Forest) -> None:
        self.forest = forest
        self.nodes, self.values = forest.nodes.tolist(), forest.leaves.tolist()
        self.rows = {
            **dict(enumerate(forest.node_rows.tolist())),
            **{~leaf: rows for leaf, rows in enumerate(forest.leaf_rows.tolist())},
        }
        self.columns: dict[tuple[int, int, int], int] = {}
        self.tests: list[tuple[int, float, int, int, int]] = []
        self.sets, self.set_at = [0], dict[int, int]()
        self.most_words = self._most_words()
        self.pieces: list[tuple[int, ...]] = []
        self.places: list[int] = []
        self.leaves: list[tuple[int, int]] = []
        self.leaf_values: list[float] = []
        self.entries: list[tuple[int, int, int]] = []
        self.parts: list[float] = []
        self.marks = self.room = 0

    def cut(self, root: int) -> float:
        """Cut a tree into pieces. The mean of its leaves over the rows of the fit."""
        if root < 0:
            return float(self.values[~root])
        order, splits = [root], dict[int, int]()
        for place in order:
            order += self.nodes[place][1:3] if place >= 0 else []
        for place in reversed(order):
            splits[place] = 0 if place < 0 else 1 + sum(splits[child] for child in self.nodes[place][1:3])
        waiting: list[tuple[int, list[_Side]]] = [(root, [])]
        while waiting:
            place, above = waiting.pop()
            if place < 0 or len({self.nodes[node][0] for node, _ in above}) + splits[place] <= MOST_BITS:
                self._piece(place, above)
            else:
                for left in (False, True):
                    waiting.append((self._child(place, left), [*above, (place, left)]))
        return float(sum(self.rows[leaf] / self.rows[root] * self.values[~leaf] for leaf in order if leaf < 0))

    def _child(self, node: int, left: bool) -> int:
        return int(self.nodes[node][1 if left else 2])

    def _part(self, node: int, left: bool) -> float:
        return float(self.rows[self._child(node, left)] / max(self.rows[node], 1))

    def _piece(self, top: int, above: list[_Side]) -> None:
        """The subtree from ``top`` on: a bit for each feature above it, which all its splits there must pass; then one for each own split."""
        slots: dict[int, int] = {}
        needed: list[list[_Side]] = []
        state: dict[int, tuple[float, int, int]] = {}  # of each feature on the way: z, its bits, those that must be 1
        for node, left in above:
            slot = slots.setdefault(self.nodes[node][0], len(slots))
            if slot == len(needed):
                needed.append([])
            needed[slot].append((node, left))
            bit = 1 << slot if slot < MOST_BITS else 0  # with more there is no table
            state[slot] = (state[slot][0] if slot in state else 1.0) * self._part(node, left), bit, 0
        waiting = [(top, state)]
        while waiting:
            place, state = waiting.pop()
            if place < 0:
                self.leaf_values.append(self.values[~place])
                self.entries += [(slot, care, want) for slot, (_, care, want) in state.items()]
                self.parts += [part for part, _, _ in state.values()]
                self.leaves.append((len(self.pieces), len(self.entries)))
                continue
            slot, bit = slots.setdefault(self.nodes[place][0], len(slots)), 1 << len(needed)
            needed.append([(place, True)])
            part, care, want = state.get(slot, (1.0, 0, 0))
            for left in (False, True):
                met = part * self._part(place, left), care | bit, want | (0 if left else bit)
                waiting.append((self._child(place, left), state | {slot: met}))
        self.tests += [
            self._test(node, left, bit) for bit, sides in enumerate(needed, self.marks) for node, left in sides
        ]
        self.marks += (len(needed) + 7) // 8 * 8
        points = (len(slots) + 1) // 2 if len(needed) > MOST_BITS else 0
        self.pieces.append((len(self.tests), len(needed), len(self.places), len(slots), points, self.room))
        self.places += list(slots)
        self.room += points * (1 + 4 * len(slots)) if points else len(slots) << len(needed)

    def _test(self, node: int, left: bool, mark: int) -> tuple[int, float, int, int, int]:
        """Column, threshold, place of the set, side and mark of the test whether a row goes to this side."""
        feature, _, _, decision = self.nodes[node]
        if decision & 1:
            column = feature, CATEGORY, 32 * self.most_words[feature]
            limit, at = (np.inf if left else -np.inf), self._set_of(node)
        else:
            put = LOW if decision & 2 else HIGH
            column, limit, at = (feature, decision >> 2 & 3, put), float(self.forest.thresholds[node]), 0
        return self.columns.setdefault(column, len(self.columns)), limit, at, 0 if left else 1, mark

    def _most_words(self) -> dict[int, int]:
        """Of each feature with sets, the words of its longest."""
        found: dict[int, int] = {}
        for (feature, _, _, decision), at in zip(self.nodes, self.forest.thresholds.tolist(), strict=True):
            if decision & 1:
                found[feature] = max(found.get(feature, 0), int(self.forest.sets[int(at)]))
        return found

    def _set_of(self, node: int) -> int:
        """Where a node's set begins: filled up to its feature's longest, and a word for the place of none."""
        if node not in self.set_at:
            self.set_at[node] = len(self.sets)
            at = int(self.forest.thresholds[node])
            words = self.forest.sets[at + 1 : at + 1 + int(self.forest.sets[at])].tolist()
            self.sets += words + [0] * (self.most_words[self.nodes[node][0]] + 1 - len(words))
        return self.set_at[node]

    def made(self, mean: float) -> Shares:
        """The forest of all pieces."""
        pieces, tables = np.array(self.pieces, np.int64).reshape(-1, 6), np.zeros(self.room)
        ends = np.array(self.leaves, np.int32).reshape(-1, 2)
        deepest = int(np.diff(ends[:, 1], prepend=0).max(initial=1))
        rules = [np.polynomial.legendre.leggauss(points) for points in range(1, (deepest + 1) // 2 + 1)]
        _fill(
            pieces,
            ends,
            np.array(self.leaf_values, float),
            np.array(self.entries, np.int32).reshape(-1, 3),
            np.array(self.parts, float),
            np.concatenate([np.column_stack([(1 + at) / 2, weight / 2]) for at, weight in rules]),
            tables,
        )
        tested, limits, at, sides, marks = zip(*self.tests, strict=True) if self.tests else ((),) * 5
        return Shares(
            np.array(list(self.columns), np.int32).reshape(-1, 3),
            np.array(tested, np.uint32),
            np.array(limits, float),
            np.array(at, np.uint32),
            np.array(sides, np.uint8),
            np.array(marks, np.uint32),
            self.marks,
            np.array(self.sets, np.uint32),
            pieces,
            np.array(self.places, np.uint32),
            tables,
            self.forest.features,
            mean,
        )


@njit(cache=True, nogil=True)
def _fill(
    pieces: Longs, leaves: Ints, values: Floats, entries: Ints, parts: Floats, rules: Floats, tables: Floats
) -> None:
    """Write the tables. ``leaves`` int32[l, 2]: piece, end of the leaf's ``entries``; these int32[e, 3]: which of the piece's features, the bits
    that it takes, those of them that must be 1; ``parts`` float64[e]: z. ``rules`` float64[k, 2]: t and weight, of one point, of two, ..."""
    start = 0
    for leaf in range(len(values)):
        piece, end = leaves[leaf, 0], leaves[leaf, 1]
        bits, width, points, at = pieces[piece, 1], pieces[piece, 3], pieces[piece, 4], pieces[piece, 5]
        depth = end - start
        if points:
            _factors(values[leaf], entries[start:end], parts[start:end], rules, points, tables[at:])
        else:
            mine = _by_pattern(values[leaf], parts[start:end], rules)
            for pattern in range(1 << bits):
                own = 0
                for one in range(depth):
                    own |= (pattern & entries[start + one, 1] == entries[start + one, 2]) << one
                for one in range(depth):
                    tables[at + pattern * width + entries[start + one, 0]] += mine[own, one]
        start = end


@njit(cache=True, nogil=True)
def _by_pattern(value: float, parts: Floats, rules: Floats) -> Floats:
    """A leaf's shares for each pattern of o, bit i for feature i: float64[2^d, d]."""
    depth = len(parts)
    points = (depth + 1) // 2
    found = np.zeros((1 << depth, depth))
    for pattern in range(1 << depth):
        for point in range(points * (points - 1) // 2, points * (points + 1) // 2):
            at, whole = rules[point, 0], value * rules[point, 1]
            for one in range(depth):
                whole *= (1 - at) * parts[one] + (at if pattern >> one & 1 else 0.0)
            for one in range(depth):
                found[pattern, one] += whole * _ratio(pattern >> one & 1, at, parts[one])
    return found


@njit(cache=True, nogil=True, inline="always")
def _ratio(passes: int, at: float, part: float) -> float:
    """``(o - z) / (t o + (1 - t) z)``: what turns the product over all features into the share of one."""
    return (1 - part) / (at + (1 - at) * part) if passes else -1 / (1 - at)


@njit(cache=True, nogil=True)
def _factors(value: float, entries: Ints, parts: Floats, rules: Floats, points: int, table: Floats) -> None:
    """What ``_integrate`` needs of a leaf: its weights; for each feature its factors where it passes and not, and its ratios."""
    for point in range(points):
        at, weight = rules[points * (points - 1) // 2 + point]
        table[point] = value * weight
        for one in range(len(parts)):
            here = points * (1 + 4 * entries[one, 0]) + point
            table[here], table[here + points] = at + (1 - at) * parts[one], (1 - at) * parts[one]
            table[here + 2 * points], table[here + 3 * points] = _ratio(1, at, parts[one]), _ratio(0, at, parts[one])
