"""A scorecard that scores: a table of points a feature, one addition a feature, for one row or a million.

The logit is ``intercept`` plus, for each feature, the logit of the value's bin; the probability is its logistic. Points are
``offset - factor * logit``, spread over the features and rounded, so that a person can add them up on paper; the probability
comes from the unrounded logit. Siddiqi, *Intelligent Credit Scoring* (2017), ch. 10.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jiehuan.score.bins import Bins
from jiehuan.score.inputs import Input

if TYPE_CHECKING:
    import numpy as np
    import polars as pl


@dataclass(frozen=True)
class Scaling:
    """How a logit becomes points: ``points`` at odds of ``odds`` good to one bad, and ``pdo`` points double the odds."""

    points: float
    odds: float
    pdo: float

    @property
    def factor(self) -> float:
        """Points for one unit of logit."""
        return self.pdo / math.log(2)

    @property
    def offset(self) -> float:
        """Points at a logit of 0."""
        return self.points - self.factor * math.log(self.odds)

    def points_of(self, logit: float) -> float:
        """Unrounded points of a logit of the event."""
        return self.offset - self.factor * logit


class Scorecard:
    """The scoring half of a scorecard. ``inputs``, ``bins`` and ``logits`` (one for each bin) go together, one for each feature."""

    kind = "scorecard"

    def __init__(
        self,
        inputs: Sequence[Input],
        bins: Sequence[Bins],
        logits: Sequence[Sequence[float]],
        intercept: float,
        scaling: Scaling,
    ) -> None:
        self.inputs, self.bins = tuple(inputs), tuple(bins)
        self.logits = tuple(tuple(one) for one in logits)
        self.intercept, self.scaling = intercept, scaling
        count = len(self.bins) or 1
        self.point_tables = tuple(
            tuple(round(scaling.points_of(intercept) / count - scaling.factor * logit) for logit in one)
            for one in self.logits
        )
        self.means = tuple(
            sum(part.rows * logit for part, logit in zip(table.bins, logits, strict=True))
            / (sum(part.rows for part in table.bins) or 1.0)
            for table, logits in zip(self.bins, self.logits, strict=True)
        )
        self._row = tuple(
            (one.row_reader(), table.code_reader(), logits, points)
            for one, table, logits, points in zip(self.inputs, self.bins, self.logits, self.point_tables, strict=True)
        )

    @property
    def known_categories(self) -> list[tuple[str, ...]]:
        """The categories with a group of their own, feature by feature; none for numbers."""
        return [tuple(text for group in table.groups for text in group) for table in self.bins]

    def logit_of_row(self, row: Mapping[str, Any]) -> float:
        """The logit of the event for one row. KeyError for an absent column."""
        total = self.intercept
        for read, place, logits, _ in self._row:
            total += logits[place(read(row))]
        return total

    def points_of_row(self, row: Mapping[str, Any]) -> int:
        """The sum of the rounded points."""
        return sum(points[place(read(row))] for read, place, _, points in self._row)

    def codes_of_row(self, row: Mapping[str, Any]) -> list[int]:
        """The place of the row's bin, feature by feature."""
        return [place(read(row)) for read, place, _, _ in self._row]

    def codes(self, frame: pl.DataFrame) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
        """The places of the bins: one uint8[n] for each feature."""
        return [codes_of(one, table, frame) for one, table in zip(self.inputs, self.bins, strict=True)]

    def logits_of(self, frame: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The logit of every row: float64[n], bit-equal to ``logit_of_row``."""
        return _summed(frame.height, self.codes(frame), self.logits, self.intercept)

    def points_of(self, frame: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The rounded points of every row: int64[n]."""
        return self.logits_and_points(frame)[1]

    def logits_and_points(
        self, frame: pl.DataFrame
    ) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.int64]]]:
        """``logits_of`` and ``points_of``, the table read once."""
        import numpy as np

        rows, codes = frame.height, self.codes(frame)
        logits, points = _summed(rows, codes, self.logits, self.intercept), _summed(rows, codes, self.point_tables, 0.0)
        return logits, points.astype(np.int64)

    def worst_features(self, frame: pl.DataFrame, top: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Places of the ``top`` features that raise each row's logit most above the mean, -1 where fewer do: int64[n, top]."""
        import numpy as np

        excess = np.empty((frame.height, len(self.bins)))
        for place, (codes, logits, mean) in enumerate(zip(self.codes(frame), self.logits, self.means, strict=True)):
            excess[:, place] = np.array(logits)[codes] - mean
        return top_places(excess, top)

    def as_document(self) -> dict[str, Any]:
        """Plain JSON; the points stand beside the bins for a reader, and are computed again on loading."""
        features = []
        for one, bins, logits, points in zip(self.inputs, self.bins, self.logits, self.point_tables, strict=True):
            document = {
                "input": one.as_document(),
                "bins": bins.as_document(),
                "logits": list(logits),
                "points": list(points),
            }
            features.append(document)
        scaling = {"points": self.scaling.points, "odds": self.scaling.odds, "pdo": self.scaling.pdo}
        return {"intercept": self.intercept, "scaling": scaling, "features": features}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Scorecard:
        """The scorecard that ``as_document`` wrote."""
        features = document["features"]
        return cls(
            [Input.from_document(feature["input"]) for feature in features],
            [Bins.from_document(feature["bins"]) for feature in features],
            [feature["logits"] for feature in features],
            document["intercept"],
            Scaling(**document["scaling"]),
        )


def codes_of(one: Input, bins: Bins, frame: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The place of the bin of every row of one feature: uint8[n]."""
    return (
        bins.codes_of_texts(one.read_texts(frame))
        if one.is_category
        else bins.codes_of_numbers(one.read_numbers(frame))
    )


def _summed(
    rows: int, codes: Sequence[np.ndarray[Any, np.dtype[np.uint8]]], tables: Sequence[Sequence[float]], start: float
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """``start`` and the value of every row's bin, feature after feature."""
    import numpy as np

    total, large = np.full(rows, start), rows >= 50_000
    for places, table in zip(codes, tables, strict=True):
        values = np.array(table, float)
        if large:
            from jiehuan.score.lookup import add_looked_up

            add_looked_up(total, places, values)
        else:
            total += values[places]
    return total


def top_places(excess: np.ndarray[Any, np.dtype[np.float64]], top: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Places of the ``top`` largest values above 0 in each row, largest first, -1 where there are fewer: int64[n, top]."""
    import numpy as np

    order = np.argsort(-excess, axis=1, kind="stable")[:, :top].astype(np.int64)
    order[np.take_along_axis(excess, order, axis=1) <= 1e-9] = -1
    if order.shape[1] < top:
        order = np.pad(order, ((0, 0), (0, top - order.shape[1])), constant_values=-1)
    return order
