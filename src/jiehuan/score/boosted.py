"""A boosted model that scores: LightGBM's native text, a calibration, and the reading of rows into its numbers.

Scores (``forest``, bit-equal to the library) and reasons (``shares``, SHAP values) take microseconds and need no LightGBM: only the
fit does. Categories are places in a list kept with the model; a category unseen at the fit is "other".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from jiehuan.score.calibrate import Calibration
from jiehuan.score.inputs import Input
from jiehuan.score.reasons import Reason, boosted_reason
from jiehuan.score.scorecard import Scaling, top_places

if TYPE_CHECKING:
    import polars as pl

    from jiehuan.score.forest import Forest

Floats = np.ndarray[Any, np.dtype[np.float64]]


FEW = 16_384
"""Rows up to which one thread scores them."""

SLICE = 65_536
"""Rows read and scored at a time by a thread, at most."""

_PLAIN = frozenset((float, int, bool, type(None)))
_TEXTS = frozenset((str, type(None)))


class Boosted:
    """The scoring half of a boosted model. ``categories`` and ``monotone`` go with ``inputs``; numbers have no categories."""

    kind = "boosted"

    def __init__(
        self,
        inputs: Sequence[Input],
        categories: Sequence[Sequence[str]],
        monotone: Sequence[int],
        text: str,
        calibration: Calibration,
        scaling: Scaling,
    ) -> None:
        self.inputs, self.categories, self.monotone = (
            tuple(inputs),
            tuple(tuple(names) for names in categories),
            tuple(monotone),
        )
        self.text, self.calibration, self.scaling = text, calibration, scaling
        self._readers: list[Callable[[Mapping[str, Any]], Any]] = [
            _category_reader(one, names) if one.is_category else one.row_reader()
            for one, names in zip(self.inputs, self.categories, strict=True)
        ]
        plain = [place for place, one in enumerate(self.inputs) if one.reading == "number"]
        named = [place for place, one in enumerate(self.inputs) if one.is_category]
        self._plain, self._named = np.array(plain, np.intp), np.array(named, np.intp)
        self._odd = [
            (place, read)
            for place, read in enumerate(self._readers)
            if self.inputs[place].reading not in ("number", "category")
        ]
        self._numbers_of = _fetch([self.inputs[place].column for place in plain])
        self._texts_of = _fetch([self.inputs[place].column for place in named])
        self._codes = [_places(self.categories[place]) for place in named]

    @property
    def known_categories(self) -> list[tuple[str, ...]]:
        """The categories told apart, feature by feature; none for numbers."""
        return list(self.categories)

    @cached_property
    def forest(self) -> Forest:
        """The trees as arrays, read at the first score."""
        from jiehuan.score.forest import read_forest

        return read_forest(self.text)

    def vector(self, row: Mapping[str, Any]) -> Floats:
        """The row as float64[features], as the trees read it. KeyError for an absent column."""
        numbers, texts = self._numbers_of(row), self._texts_of(row)
        if _PLAIN.issuperset(map(type, numbers)) and _TEXTS.issuperset(map(type, texts)):  # nearly always
            if len(numbers) == len(self.inputs):
                return np.array(numbers, float)  # one conversion for all of them
            found = np.empty(len(self.inputs))
            found[self._plain] = numbers
            if texts:
                found[self._named] = [
                    codes.get(text, other) for (codes, other), text in zip(self._codes, texts, strict=True)
                ]
            for place, read in self._odd:
                found[place] = read(row)
            return found
        return np.array([read(row) for read in self._readers], float)

    def raw_of_row(self, row: Mapping[str, Any]) -> float:
        """The library's raw score of one row, before calibration."""
        return self.forest.row(self.vector(row))

    def logit_of_row(self, row: Mapping[str, Any]) -> float:
        """The calibrated logit of the event for one row."""
        return self.calibration.one(self.raw_of_row(row))

    def points_of_row(self, row: Mapping[str, Any]) -> int:
        """Rounded points of one row."""
        return round(self.scaling.points_of(self.logit_of_row(row)))

    def read(self, frame: pl.DataFrame) -> list[Floats]:
        """Every column as the trees read it: float64[n] for each feature."""
        return [
            category_codes(one.read_texts(frame), names) if one.is_category else one.read_numbers(frame)
            for one, names in zip(self.inputs, self.categories, strict=True)
        ]

    def matrix(self, frame: pl.DataFrame) -> Floats:
        """Every row as the trees read it: float64[n, features]."""
        return np.column_stack(self.read(frame))

    def raw_of(self, frame: pl.DataFrame) -> Floats:
        """The library's raw score of every row: float64[n]."""
        forest = self.forest
        return _by_slices(frame, lambda part: forest.rows(self.read(part)))

    def logits_of(self, frame: pl.DataFrame) -> Floats:
        """The calibrated logit of every row: float64[n]."""
        return self.calibration.many(self.raw_of(frame))

    def points_of(self, frame: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Rounded points of every row: int64[n]."""
        return self.logits_and_points(frame)[1]

    def logits_and_points(self, frame: pl.DataFrame) -> tuple[Floats, np.ndarray[Any, np.dtype[np.int64]]]:
        """``logits_of`` and ``points_of``, the table read once."""
        logits = self.logits_of(frame)
        return logits, np.rint(self.scaling.offset - self.scaling.factor * logits).astype(np.int64)

    def reasons(
        self, rows: Sequence[Mapping[str, Any]], labels: Mapping[str, Mapping[str, str]], top: int
    ) -> list[list[Reason]]:
        """The features that raise each row's raw score above the mean, by SHAP value, highest first."""
        if not rows:
            return []
        vectors, forest = [self.vector(row) for row in rows], self.forest
        shares = forest.shares.rows(np.stack(vectors).T) if len(rows) > 1 else forest.shares.row(vectors[0])[None]
        return [
            [
                boosted_reason(self.inputs[at].name, self.inputs[at].row_reader()(row), float(share[at]), labels)
                for at in worst
                if at >= 0
            ]
            for row, share, worst in zip(rows, shares, top_places(shares, top).tolist(), strict=True)
        ]

    def shap(self, frame: pl.DataFrame) -> Floats:
        """SHAP values of the raw score, without the mean: float64[n, features]."""
        shares = self.forest.shares
        return _by_slices(frame, lambda part: shares.rows(self.read(part)))

    def worst_features(self, frame: pl.DataFrame, top: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Places of the ``top`` features that raise each row most by SHAP value, -1 where fewer do: int64[n, top]."""
        shares = self.forest.shares
        return _by_slices(frame, lambda part: top_places(shares.rows(self.read(part)), top))

    def as_document(self) -> dict[str, Any]:
        """Plain JSON with LightGBM's native text inside."""
        features = [
            {"input": one.as_document(), "categories": list(names), "monotone": bound}
            for one, names, bound in zip(self.inputs, self.categories, self.monotone, strict=True)
        ]
        scaling = {"points": self.scaling.points, "odds": self.scaling.odds, "pdo": self.scaling.pdo}
        return {
            "features": features,
            "calibration": self.calibration.as_document(),
            "scaling": scaling,
            "text": self.text,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Boosted:
        """The model that ``as_document`` wrote."""
        features = document["features"]
        return cls(
            [Input.from_document(feature["input"]) for feature in features],
            [feature["categories"] for feature in features],
            [feature["monotone"] for feature in features],
            document["text"],
            Calibration.from_document(document["calibration"]),
            Scaling(**document["scaling"]),
        )


def _by_slices(
    frame: pl.DataFrame, run: Callable[[pl.DataFrame], np.ndarray[Any, np.dtype[Any]]]
) -> np.ndarray[Any, np.dtype[Any]]:
    """What ``run`` gives for every row. Large tables go slice by slice over all cores."""
    rows, cores = frame.height, os.cpu_count() or 1
    if rows <= FEW or cores == 1:
        return run(frame)
    turns = -(-rows // (cores * SLICE))
    size = -(-rows // (cores * turns))  # so that every core has as many
    with ThreadPoolExecutor(cores) as pool:
        return np.concatenate(list(pool.map(run, [frame.slice(start, size) for start in range(0, rows, size)])))


def category_codes(texts: pl.Series, names: Sequence[str]) -> Floats:
    """Texts as places in ``names``: unseen ones are ``len(names)``, null is NaN. float64[n]."""
    import polars as pl

    if names:
        codes = (
            texts.cast(pl.Enum(list(names)), strict=False)
            .to_physical()
            .cast(pl.Float64)
            .fill_null(float(len(names)))
            .to_numpy(writable=True)
        )
    else:
        codes = np.zeros(len(texts))
    if texts.null_count():
        codes[texts.is_null().to_numpy()] = np.nan
    return codes


def _fetch(columns: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """A function from a row to the values of these columns. KeyError for an absent one."""
    if len(columns) > 1:
        return itemgetter(*columns)
    return lambda row: tuple(row[column] for column in columns)


def _places(names: Sequence[str]) -> tuple[dict[str | None, float], float]:
    """The place of each category and of a missing one, and that of all others."""
    return {None: float("nan"), **{text: float(place) for place, text in enumerate(names)}}, float(len(names))


def _category_reader(one: Input, names: Sequence[str]) -> Callable[[Mapping[str, Any]], float]:
    read: Callable[[Mapping[str, Any]], Any] = one.row_reader()
    places, other = _places(names)
    return lambda row: places.get(read(row), other)
