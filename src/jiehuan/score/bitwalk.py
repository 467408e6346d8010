"""One row scored without walking: every split that it fails strikes leaves from its tree's bit set; the lowest bit left is its leaf.

QuickScorer (Lucchese et al., SIGIR 2015). Splits are kept by feature, thresholds rising, so that one pass over a feature's splits
ends at the first that holds; there is no jump that depends on the tree. Leaves are added tree by tree in the library's order: the
sum is the same float64 as a walk's.

Trees of at most 64 leaves, and features with one way of missing throughout: what LightGBM makes. ``read_bits`` gives None else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int32]]
Words = np.ndarray[Any, np.dtype[np.uint64]]
Places = np.ndarray[Any, np.dtype[np.int64]]

MOST_LEAVES = 64
MOST_STRIKES = 4_000_000
"""Entries that the categories of a forest may take; a forest with more is walked."""

ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
TINY = 1.0000000180025095e-35
NONE, ZERO, NAN = 0, 1, 2


@dataclass(frozen=True)
class Bits:
    """A forest by feature, its arrays laid end to end in three pools, so that a call hands over few of them.

    ``layout`` int64 says where each begins in its pool. ``ints``: how each feature is missing (0 never, 1 at zero, 2 NaN; -1 for
    categories); where each feature's splits begin among those that a missing value fails (``right``), then among those it passes
    (``left``), with the tree of each; where each category's strikes begin, and their trees; where each feature's categories
    begin; where each tree's leaves begin. ``masks``: the bits that stay, of right, left and named. ``floats``: thresholds of right
    and left, then leaves. The last category of a feature stands for all other values.
    """

    layout: Places
    ints: Ints
    masks: Words
    floats: Floats

    def row(self, values: Floats) -> float:
        """The raw score of one row: ``values`` float64[features]."""
        return float(_one(values, self.layout, self.ints, self.masks, self.floats))


@dataclass(frozen=True)
class _Strikes:
    """What a split strikes out when it fails: ``trees`` and the ``masks`` that stay; of feature or category c from ``starts[c]``."""

    starts: Ints
    trees: Ints
    masks: Words


def read_bits(roots: Ints, nodes: Ints, thresholds: Floats, leaves: Floats, sets: Any, features: int) -> Bits | None:
    """The same forest by feature, from the arrays of ``forest.Forest``; None where it is of another kind."""
    missing = np.full(features, NONE, np.int32)
    seen: dict[int, int] = {}
    for feature, _, _, decision in nodes.tolist():
        kind = -1 if decision & 1 else (decision >> 2) & 3
        if seen.setdefault(feature, kind) != kind:
            return None
    for feature, kind in seen.items():
        missing[feature] = kind
    firsts, ordered = [0], []
    numeric: dict[bool, list[tuple[int, float, int, int]]] = {False: [], True: []}
    by_set: list[tuple[int, int, int, int]] = []
    for tree, root in enumerate(roots.tolist()):
        splits: list[tuple[int, int]] = []
        places: list[int] = []
        leaves_below(root, nodes, places, splits)
        if len(places) > MOST_LEAVES:
            return None
        for node, mask in splits:
            feature, decision = int(nodes[node, 0]), int(nodes[node, 3])
            if decision & 1:
                by_set.append((feature, int(thresholds[node]), tree, mask))
            else:
                numeric[bool(decision & 2)].append((feature, float(thresholds[node]), tree, mask))
        ordered += [float(leaves[place]) for place in places]
        firsts.append(len(ordered))
    named, codes = _by_category(by_set, sets, features)
    if named is None:
        return None
    right, right_at = _by_feature(numeric[False], features)
    left, left_at = _by_feature(numeric[True], features)
    pools: tuple[list[Any], ...] = (
        [missing, right.starts, right.trees, left.starts, left.trees, named.starts, named.trees, codes, firsts],
        [right.masks, left.masks, named.masks],
        [right_at, left_at, ordered],
    )
    layout = np.concatenate([np.cumsum([0, *(len(part) for part in pool)]) for pool in pools])
    ints, masks, floats = (
        np.concatenate([np.asarray(part, kind) for part in pool])
        for pool, kind in zip(pools, (np.int32, np.uint64, np.float64), strict=True)
    )
    return Bits(layout.astype(np.int64), ints, masks, floats)


def leaves_below(node: int, nodes: Ints, places: list[int], splits: list[tuple[int, int]]) -> None:
    """Leaves in order from the left, and of each split the bits that stay when it fails: all but those of its left side."""
    if node < 0:
        places.append(~node)
        return
    first = len(places)
    leaves_below(int(nodes[node, 1]), nodes, places, splits)
    struck = ((1 << (len(places) - first)) - 1) << first
    splits.append((node, int(ALL) & ~struck))
    leaves_below(int(nodes[node, 2]), nodes, places, splits)


def _by_feature(splits: list[tuple[int, float, int, int]], features: int) -> tuple[_Strikes, Floats]:
    splits = sorted(splits)
    starts = np.searchsorted([one[0] for one in splits], np.arange(features + 1)).astype(np.int32)
    trees, masks = np.array([one[2] for one in splits], np.int32), np.array([one[3] for one in splits], np.uint64)
    return _Strikes(starts, trees, masks), np.array([one[1] for one in splits], float)


def _by_category(splits: list[tuple[int, int, int, int]], sets: Any, features: int) -> tuple[_Strikes | None, Ints]:
    mine: list[list[tuple[int, int, int]]] = [[] for _ in range(features)]
    for feature, at, tree, mask in splits:
        mine[feature].append((at, tree, mask))
    codes, starts, trees, masks = [0], [0], [], []
    for inside in mine:
        width = max((32 * int(sets[at]) for at, _, _ in inside), default=0)
        for code in range(width + 1):  # the last: any value beyond, below 0, or missing
            for at, tree, mask in inside:
                word = code >> 5
                if word >= int(sets[at]) or code == width or not (int(sets[at + 1 + word]) >> (code & 31)) & 1:
                    trees.append(tree)
                    masks.append(mask)
            starts.append(len(trees))
            if len(trees) > MOST_STRIKES:
                return None, np.array(codes, np.int32)
        codes.append(codes[-1] + width + 1)
    found = _Strikes(np.array(starts, np.int32), np.array(trees, np.int32), np.array(masks, np.uint64))
    return found, np.array(codes, np.int32)


def _lowest_bit(_: Any, word: Any) -> Any:
    """The place of the lowest bit of a word that is not 0, as the processor counts it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

    return types.uint64(types.uint64), generate


lowest: Any = intrinsic(_lowest_bit)


@njit(cache=True, nogil=True, inline="always")
def as_read(value: float, missing: int) -> float:
    """A number as a split reads it: NaN where it counts as missing."""
    if missing == NONE:
        return 0.0 if np.isnan(value) else value
    if missing == ZERO:
        return np.nan if np.isnan(value) or abs(value) <= TINY else value
    return value


@njit(cache=True, nogil=True, inline="always")
def _place_of(value: float, first: int, after: int) -> int:
    """Where a category's strikes start; the feature's last place for a value that no set names."""
    if value > -1.0 and value < after - first - 1:  # the library truncates to int32; below 0 goes right
        return first + int(value)
    return after - 1


@njit(cache=True, nogil=True, inline="always")
def _int_pool(layout: Places, ints: Ints, which: int) -> Ints:
    return ints[layout[which] : layout[which + 1]]


@njit(cache=True, nogil=True)
def _one(values: Floats, layout: Places, ints: Ints, masks: Words, floats: Floats) -> float:
    missing, codes, firsts = _int_pool(layout, ints, 0), _int_pool(layout, ints, 7), _int_pool(layout, ints, 8)
    right, right_trees = _int_pool(layout, ints, 1), _int_pool(layout, ints, 2)
    left, left_trees = _int_pool(layout, ints, 3), _int_pool(layout, ints, 4)
    named, named_trees = _int_pool(layout, ints, 5), _int_pool(layout, ints, 6)
    right_masks, left_masks, named_masks = masks, masks[layout[11] :], masks[layout[12] :]
    right_at, left_at, leaves = floats, floats[layout[15] :], floats[layout[16] :]
    bits = np.full(len(firsts) - 1, ALL, np.uint64)
    for feature in range(len(missing)):
        if missing[feature] < 0:
            place = _place_of(values[feature], codes[feature], codes[feature + 1])
            for strike in range(named[place], named[place + 1]):
                bits[named_trees[strike]] &= named_masks[strike]
            continue
        value = as_read(values[feature], missing[feature])
        for strike in range(right[feature], right[feature + 1]):
            if value <= right_at[strike]:
                break
            bits[right_trees[strike]] &= right_masks[strike]
        for strike in range(left[feature], left[feature + 1]):
            if not value > left_at[strike]:
                break
            bits[left_trees[strike]] &= left_masks[strike]
    total: Any = 0.0
    for tree in range(len(bits)):
        total += leaves[firsts[tree] + np.int64(lowest(bits[tree]))]
    return float(total)
