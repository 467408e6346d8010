"""A LightGBM forest scored without LightGBM: one row in a few microseconds, bit-equal to the library.

The native text of a model is read into flat arrays. ``bitwalk`` scores one row by them and ``bitblocks`` many where they can; else the
compiled walk here. All follow the library's decisions (missing values by the node's missing type, categories by bit set) and add
the leaves tree by tree in the library's order, so that the sum is the same float64. Only what ``boosted_fit`` makes is read: constant leaves, one
output, no averaging; anything else is refused.
Format: LightGBM ``src/io/tree.cpp`` and ``gbdt_model_text.cpp``, version v4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit

from jiehuan.score.bitblocks import Blocks, read_blocks
from jiehuan.score.bitwalk import Bits, read_bits
from jiehuan.score.shares import Shares
from jiehuan.score.shares_read import read_shares
from jiehuan.units.errors import InputError, Problem

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int32]]
Longs = np.ndarray[Any, np.dtype[np.int64]]

FEW = 2_000
"""Rows below which a forest not yet laid out for blocks is walked."""

BLOCK = 256
"""Rows walked together through one tree, so that the tree stays in cache."""


@dataclass(frozen=True)
class Forest:
    """A forest as arrays. ``roots`` [trees] is a node, or ~leaf for a tree of one leaf.

    ``nodes`` int32[k, 4] holds feature, left, right (a node, or ~leaf) and the decision type (bit 0 categorical, bit 1 missing
    goes left, bits 2-3 missing type: 0 none, 1 zero, 2 NaN); ``thresholds`` float64[k] the threshold, or the place in
    ``sets``: words of 32 bits from ``sets[at + 1]``, as many as ``sets[at]``. ``leaves`` float64. ``node_rows`` and ``leaf_rows`` int64 are how
    many rows of the fit came there.
    """

    roots: Ints
    nodes: Ints
    thresholds: Floats
    leaves: Floats
    sets: np.ndarray[Any, np.dtype[np.uint32]]
    features: int
    node_rows: Longs
    leaf_rows: Longs

    @cached_property
    def bits(self) -> Bits | None:
        """The same forest by feature, which scores faster; None where it cannot be. Made once, in a tenth of a second."""
        return read_bits(self.roots, self.nodes, self.thresholds, self.leaves, self.sets, self.features)

    @cached_property
    def blocks(self) -> Blocks | None:
        """The same forest for blocks of rows, several times as fast; None where it cannot be. Made once, in a tenth of a second."""
        return read_blocks(self.roots, self.nodes, self.thresholds, self.leaves, self.sets)

    @cached_property
    def shares(self) -> Shares:
        """The same forest for each feature's share of a score. Made once, in a tenth of a second."""
        return read_shares(self)

    def row(self, values: Floats) -> float:
        """The raw score of one row: ``values`` float64[features]."""
        return self.walk_row(values) if self.bits is None else self.bits.row(values)

    def rows(self, columns: Sequence[Floats] | Floats) -> Floats:
        """The raw scores of many rows: float64[n] for each feature, or float64[features, n]."""
        few = len(columns[0]) < FEW and "blocks" not in self.__dict__
        return self.walk_rows(columns) if few or self.blocks is None else self.blocks.rows(columns)

    def walk_row(self, values: Floats) -> float:
        """``row`` by walking tree after tree."""
        return float(_walk(values, self.roots, self.nodes, self.thresholds, self.leaves, self.sets))

    def walk_rows(self, columns: Sequence[Floats] | Floats) -> Floats:
        """``rows`` by walking."""
        values: Floats = np.ascontiguousarray(np.asarray(columns, np.float64).T)
        found: Floats = _walk_many(values, self.roots, self.nodes, self.thresholds, self.leaves, self.sets)
        return found


def read_forest(text: str) -> Forest:
    """Read LightGBM's native model text. Raises InputError for a text that is not such a model, or of a kind not made here."""
    head, *trees = text.split("\nTree=")
    header = _fields(head)
    if not head.startswith("tree") or header.get("num_class") != "1" or "average_output" in head.splitlines():
        raise InputError(
            Problem(
                "model text", head[:60], "not a LightGBM model of one output", "fit it with `score fit --kind boosted`"
            )
        )
    roots: list[int] = []
    nodes: list[tuple[int, int, int, int]] = []
    thresholds: list[float] = []
    leaves: list[float] = []
    sets: list[int] = []
    node_rows: list[int] = []
    leaf_rows: list[int] = []
    try:
        for tree in trees:
            part = _fields(tree)
            if part.get("is_linear", "0") != "0":
                raise InputError(
                    Problem("model text", "is_linear=1", "linear trees are not walked here", "fit with constant leaves")
                )
            node, leaf = len(nodes), len(leaves)
            leaves += [float(one) for one in part["leaf_value"].split()]
            if int(part["num_leaves"]) == 1:
                roots.append(~leaf)
                leaf_rows.append(0)
                continue
            node_rows += [int(one) for one in part["internal_count"].split()]
            leaf_rows += [int(one) for one in part["leaf_count"].split()]
            roots.append(node)
            bounds = [int(one) for one in part.get("cat_boundaries", "0").split()]
            words = [int(one) for one in part.get("cat_threshold", "").split()]
            starts = []
            for low, high in pairwise(bounds):
                starts.append(len(sets))
                sets += [high - low, *words[low:high]]
            columns = [
                part[name].split()
                for name in ("split_feature", "left_child", "right_child", "decision_type", "threshold")
            ]
            for feature, left, right, decision, threshold in zip(*columns, strict=True):
                nodes.append(
                    (int(feature), _place(int(left), node, leaf), _place(int(right), node, leaf), int(decision))
                )
                thresholds.append(float(starts[int(float(threshold))]) if int(decision) & 1 else float(threshold))
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            Problem("model text", "", f"broken LightGBM model: {error!r}", "fit the model again, or restore the file")
        ) from error
    return Forest(
        np.array(roots, np.int32),
        np.array(nodes, np.int32).reshape(-1, 4),
        np.array(thresholds, float),
        np.array(leaves, float),
        np.array(sets, np.uint32),
        int(header["max_feature_idx"]) + 1,
        np.array(node_rows, np.int64),
        np.array(leaf_rows, np.int64),
    )


def _fields(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            found.setdefault(name, value)
        elif name == "end of trees":
            break
    return found


def _place(child: int, node: int, leaf: int) -> int:
    return child + node if child >= 0 else ~(~child + leaf)


@njit(cache=True, nogil=True)
def _leaf_of(
    values: Floats, node: int, nodes: Ints, thresholds: Floats, sets: np.ndarray[Any, np.dtype[np.uint32]]
) -> int:
    while node >= 0:
        value, decision = values[nodes[node, 0]], nodes[node, 3]
        if decision & 1:
            left = False
            if (
                not np.isnan(value) and -1.0 < value < 2147483648.0
            ):  # the library truncates to int32; below 0 goes right
                code, at = np.int64(value), np.int64(thresholds[node])
                if code >> 5 < sets[at]:
                    left = (np.int64(sets[at + 1 + (code >> 5)]) >> (code & 31)) & 1 == 1
        else:
            missing = (decision >> 2) & 3
            if np.isnan(value) and missing != 2:
                value = 0.0
            if (missing == 1 and abs(value) <= 1.0000000180025095e-35) or (missing == 2 and np.isnan(value)):
                left = (decision & 2) != 0
            else:
                left = value <= thresholds[node]
        node = nodes[node, 1] if left else nodes[node, 2]
    return ~node


@njit(cache=True, nogil=True)
def _walk(
    values: Floats,
    roots: Ints,
    nodes: Ints,
    thresholds: Floats,
    leaves: Floats,
    sets: np.ndarray[Any, np.dtype[np.uint32]],
) -> float:
    total = 0.0
    for tree in range(len(roots)):
        total += leaves[_leaf_of(values, roots[tree], nodes, thresholds, sets)]
    return total


@njit(cache=True, nogil=True)
def _walk_many(
    values: Floats,
    roots: Ints,
    nodes: Ints,
    thresholds: Floats,
    leaves: Floats,
    sets: np.ndarray[Any, np.dtype[np.uint32]],
) -> Floats:
    total = np.zeros(len(values))
    for start in range(0, len(values), BLOCK):
        stop = min(start + BLOCK, len(values))
        for tree in range(len(roots)):
            for row in range(start, stop):
                total[row] += leaves[_leaf_of(values[row], roots[tree], nodes, thresholds, sets)]
    return total
