"""A small logistic regression with a ridge, on binned columns: who responds to a contact, before it is made.

Numbers are cut at quantiles, texts kept by their most frequent values, missing is a value of its own; so the model has no scale, no
outliers, and is a table of points that JSON holds. Fitted by Newton's method.

Source: Hoerl and Kennard (1970) for the ridge; le Cessie and van Houwelingen, Ridge estimators in logistic regression (1992).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

_BINS = 10
_LEVELS = 30
_RARE = 30


@dataclass(frozen=True, slots=True)
class Column:
    """How one column becomes bins: upper ``edges`` of a number, or known ``levels`` of a text; the last bin is for all else."""

    name: str
    edges: tuple[float, ...] | None
    levels: tuple[str, ...] | None

    @property
    def bins(self) -> int:
        """Number of bins: those cut, and one for missing or unknown."""
        return (len(self.edges) + 2) if self.edges is not None else (len(self.levels or ()) + 1)

    def place(self, values: pl.Series) -> NDArray[np.int64]:
        """The bin of each value."""
        import polars as pl

        if self.edges is not None:
            number = values.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
            return np.where(
                np.isnan(number), self.bins - 1, np.searchsorted(np.array(self.edges), number, side="left")
            ).astype(np.int64)
        known = {level: place for place, level in enumerate(self.levels or ())}
        text = values.cast(pl.String).fill_null("\0")
        return text.replace_strict(known, default=self.bins - 1, return_dtype=pl.Int64).to_numpy()


@dataclass(frozen=True, slots=True)
class ResponseModel:
    """Intercept and a weight for each bin of each column, in log odds."""

    columns: tuple[Column, ...]
    intercept: float
    weights: tuple[tuple[float, ...], ...]

    def predict(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """The probability of a response, shape (n,); columns that are absent count as missing."""
        import polars as pl

        total = np.full(frame.height, self.intercept)
        for column, weight in zip(self.columns, self.weights, strict=True):
            present = column.name in frame.columns
            values = frame[column.name] if present else pl.Series([None] * frame.height, dtype=pl.String)
            total += np.array(weight)[column.place(values)]
        return np.asarray(1.0 / (1.0 + np.exp(-total)), np.float64)

    def as_dict(self) -> dict[str, Any]:
        """The model as plain values for JSON."""
        return {
            "intercept": self.intercept,
            "columns": [
                {"name": c.name, "edges": c.edges, "levels": c.levels, "weights": w}
                for c, w in zip(self.columns, self.weights, strict=True)
            ],
        }


def read_model(document: Any) -> ResponseModel:
    """The model that ``as_dict`` wrote."""
    columns, weights = [], []
    for row in document["columns"]:
        edges, levels = row["edges"], row["levels"]
        columns.append(
            Column(row["name"], None if edges is None else tuple(edges), None if levels is None else tuple(levels))
        )
        weights.append(tuple(float(w) for w in row["weights"]))
    return ResponseModel(tuple(columns), float(document["intercept"]), tuple(weights))


def fit_response(
    frame: pl.DataFrame, names: Sequence[str], outcome: NDArray[np.int64], ridge: float = 4.0
) -> ResponseModel:
    """Fit on the named columns. ``outcome``: 0 or 1, shape (n,). ``ridge`` pulls each bin's weight towards none."""
    columns = tuple(_cut(frame[name]) for name in names)
    places = [column.place(frame[column.name]) for column in columns]
    starts = np.cumsum([0, *(column.bins for column in columns)])
    width = int(starts[-1])
    share = float(np.clip(outcome.mean(), 1e-6, 1 - 1e-6))
    beta = np.append(np.zeros(width), np.log(share / (1 - share)))
    penalty = np.append(np.full(width, ridge), 0.0)
    for _ in range(30):
        total = np.full(len(outcome), beta[width])
        for k, place in enumerate(places):
            total += beta[starts[k] + place]
        chance = 1.0 / (1.0 + np.exp(-total))
        slope, bend = _derivatives(places, starts, chance - outcome, chance * (1 - chance))
        step = np.linalg.solve(bend + np.diag(penalty + 1e-9), slope + penalty * beta)
        beta -= step
        if np.abs(step).max() < 1e-8:
            break
    weights = tuple(tuple(float(w) for w in beta[starts[k] : starts[k + 1]]) for k in range(len(columns)))
    return ResponseModel(columns, float(beta[width]), weights)


def _derivatives(
    places: Sequence[NDArray[np.int64]],
    starts: NDArray[np.int64],
    error: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gradient and curvature of the log likelihood. Each row has one bin a column, so both are counts of pairs of bins."""
    width = int(starts[-1])
    slope, bend = np.zeros(width + 1), np.zeros((width + 1, width + 1))
    slope[width], bend[width, width] = error.sum(), weight.sum()
    for k, place in enumerate(places):
        here, size = slice(starts[k], starts[k + 1]), int(starts[k + 1] - starts[k])
        slope[here] = np.bincount(place, error, size)
        bend[here, width] = bend[width, here] = np.bincount(place, weight, size)
        for other in range(k, len(places)):
            there, breadth = slice(starts[other], starts[other + 1]), int(starts[other + 1] - starts[other])
            pairs = np.bincount(place * breadth + places[other], weight, size * breadth).reshape(size, breadth)
            bend[here, there] = pairs
            bend[there, here] = pairs.T
    return slope, bend


def _cut(values: pl.Series) -> Column:
    import polars as pl

    if values.dtype.is_numeric() and values.n_unique() > 2:
        number = values.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
        edges = np.unique(np.quantile(number, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(number) else np.zeros(0)
        return Column(values.name, tuple(float(edge) for edge in edges), None)
    counts = values.cast(pl.String).drop_nulls().value_counts(sort=True)
    levels = [str(level) for level, count in counts.iter_rows() if count >= _RARE][:_LEVELS]
    return Column(values.name, None, tuple(sorted(levels)))
