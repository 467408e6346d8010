"""The rows of a fit, read once: a float array for each number, places in a list of names for each category, the target."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from jiehuan.score.bins import Bins
from jiehuan.score.inputs import Input

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Codes = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class Category:
    """A categorical feature: ``ids`` int64[n] are places in ``names`` (sorted); ``len(names)`` is missing."""

    names: tuple[str, ...]
    ids: Ints


@dataclass(frozen=True)
class Sheet:
    """Labelled rows ready for a fit: ``features`` by name in the order of ``inputs``, ``events`` 0.0 or 1.0, ``weights``."""

    inputs: tuple[Input, ...]
    features: Mapping[str, Floats | Category]
    events: Floats
    weights: Floats | None

    def __len__(self) -> int:
        return len(self.events)

    def take(self, rows: Ints) -> Sheet:
        """The same sheet with only these rows, in this order."""
        features: dict[str, Floats | Category] = {}
        for name, values in self.features.items():
            features[name] = Category(values.names, values.ids[rows]) if isinstance(values, Category) else values[rows]
        return Sheet(self.inputs, features, self.events[rows], None if self.weights is None else self.weights[rows])

    def keep(self, names: Sequence[str]) -> Sheet:
        """The same rows with only these features."""
        return Sheet(
            tuple(one for one in self.inputs if one.name in names),
            {name: self.features[name] for name in names},
            self.events,
            self.weights,
        )

    def join(self, other: Sheet, weights: Floats, other_weights: Floats) -> Sheet:
        """These rows and those of ``other`` (same inputs), with weights for either."""
        features: dict[str, Floats | Category] = {}
        for name, mine in self.features.items():
            theirs = other.features[name]
            if isinstance(mine, Category) and isinstance(theirs, Category):
                names = tuple(sorted({*mine.names, *theirs.names}))
                places = {text: place for place, text in enumerate(names)}
                ids = [
                    np.array([*(places[text] for text in part.names), len(names)], np.int64)[part.ids]
                    for part in (mine, theirs)
                ]
                features[name] = Category(names, np.concatenate(ids))
            else:
                features[name] = np.concatenate([mine, theirs])
        return Sheet(
            self.inputs, features, np.concatenate([self.events, other.events]), np.concatenate([weights, other_weights])
        )

    def codes(self, bins: Bins) -> Codes:
        """The bin's place of every row for one feature: uint8[n]."""
        values = self.features[bins.name]
        if not isinstance(values, Category):
            return bins.codes_of_numbers(values)
        table = np.full(len(values.names) + 1, bins.other, np.uint8)
        table[-1] = bins.missing
        for place, group in enumerate(bins.groups):
            for text in group:  # few, however many categories the rows hold; names are sorted
                at = bisect_left(values.names, text)
                if at < len(values.names) and values.names[at] == text:
                    table[at] = place
        found: Codes = table[values.ids]
        return found


def read_sheet(frame: pl.DataFrame, inputs: Sequence[Input], events: Floats, weights: Floats | None) -> Sheet:
    """Read every input of every row of ``frame``. Raises InputError for a column of another type."""
    features: dict[str, Floats | Category] = {}
    for one in inputs:
        if one.is_category:
            texts = one.read_texts(frame)
            names = tuple(sorted(text for text in texts.unique() if text is not None))
            ids = texts.cast(pl.Enum(names)).to_physical().cast(pl.Int64).fill_null(len(names)).to_numpy()
            features[one.name] = Category(names, ids)
        else:
            features[one.name] = one.read_numbers(frame)
    return Sheet(tuple(inputs), features, events, weights)
