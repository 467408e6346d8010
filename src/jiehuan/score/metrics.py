"""How good a probability is: discrimination (AUC, Gini, KS), accuracy (Brier, log loss), calibration, each with an interval.

AUC is the chance that a random event scores above a random non-event, ties counting half (Mann-Whitney). KS is the largest
distance of the two score distributions. Calibration slope and intercept are those of a logistic regression of the outcome on
the logit of the probability: 1 and 0 are perfect (Cox 1958). Intervals are percentiles of a bootstrap over rows, or over
clusters when rows share a borrower.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jiehuan.units.errors import InputError, Problem

Floats = np.ndarray[Any, np.dtype[np.float64]]

COARSE_FROM = 20_000
"""Rows from which the bootstrap runs on 5000 equal-sized bands of the score in place of rows."""


def evaluate(
    y: Sequence[int] | Floats,
    p: Sequence[float] | Floats,
    *,
    clusters: Sequence[Any] | np.ndarray[Any, Any] | None = None,
    bootstrap: int = 200,
    level: float = 0.95,
    seed: int = 20_260_701,
) -> dict[str, Any]:
    """Metrics of probabilities ``p`` float[n] against outcomes ``y`` (0 or 1, [n]).

    Gives ``rows, events, auc, gini, ks, brier, log_loss, calibration_slope, calibration_intercept`` and, with
    ``bootstrap`` > 0, ``intervals`` (metric to [low, high] at ``level``). ``clusters`` [n] are drawn together. Raises
    InputError for other lengths, values outside 0..1, NaN, or one class only.
    """
    events, chance = np.asarray(y, float), np.asarray(p, float)
    _check(events, chance)
    found: dict[str, Any] = {"rows": len(events), "events": int(events.sum())}
    found |= point_metrics(events, chance)
    if bootstrap:
        found["intervals"] = _intervals(events, chance, clusters, bootstrap, level, seed)
        found["level"] = level
    return found


def point_metrics(events: Floats, chance: Floats) -> dict[str, float]:
    """The metrics without intervals."""
    area, distance = auc_ks(events, chance)
    slope, intercept = calibration_line(events, chance)
    return {
        "auc": area,
        "gini": 2 * area - 1,
        "ks": distance,
        "brier": float(((chance - events) ** 2).mean()),
        "log_loss": log_loss(events, chance),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
    }


def auc_ks(events: Floats, scores: Floats, weights: Floats | None = None) -> tuple[float, float]:
    """Area under the ROC curve and the KS distance; both 0.5 and 0 when there is one class only."""
    order = np.argsort(scores, kind="stable")
    sorted_scores = scores[order]
    heavy = np.ones(len(scores)) if weights is None else weights[order]
    bad = events[order] * heavy
    good = heavy - bad
    ends = np.append(np.flatnonzero(sorted_scores[1:] != sorted_scores[:-1]), len(scores) - 1)
    return auc_ks_of_bands(np.diff(np.cumsum(bad)[ends], prepend=0.0), np.diff(np.cumsum(good)[ends], prepend=0.0))


def auc(events: Floats, scores: Floats, weights: Floats | None = None) -> float:
    """Area under the ROC curve."""
    return auc_ks(events, scores, weights)[0]


def auc_ks_of_bands(bad: Floats, good: Floats) -> tuple[float, float]:
    """From events and non-events in bands of rising score (equal scores share a band)."""
    all_bad, all_good = bad.sum(), good.sum()
    if all_bad <= 0 or all_good <= 0:
        return 0.5, 0.0
    below_good = np.cumsum(good)
    area = float((bad * (below_good - good / 2)).sum() / (all_bad * all_good))
    distance = float(np.abs(np.cumsum(bad) / all_bad - below_good / all_good).max())
    return area, distance


def auc_of_bands(bad: Floats, good: Floats) -> float:
    """The AUC alone."""
    return auc_ks_of_bands(bad, good)[0]


def log_loss(events: Floats, chance: Floats) -> float:
    """Mean negative log-likelihood; probabilities are kept 1e-12 away from 0 and 1."""
    safe = np.clip(chance, 1e-12, 1 - 1e-12)
    return float(-(events * np.log(safe) + (1 - events) * np.log1p(-safe)).mean())


def calibration_line(events: Floats, chance: Floats) -> tuple[float, float]:
    """Slope and intercept of the outcome's logit on the predicted logit."""
    safe = np.clip(chance, 1e-9, 1 - 1e-9)
    logit = np.log(safe) - np.log1p(-safe)
    design = np.column_stack([np.ones(len(logit)), logit])

    def loss_of(line: Floats) -> float:
        at = design @ line
        return float((np.logaddexp(0.0, at) - events * at).sum())

    rate = float(np.clip(events.mean(), 1e-6, 1 - 1e-6))
    beta = np.array([np.log(rate / (1 - rate)), 0.0])
    loss = loss_of(beta)
    for _ in range(100):
        fitted = 1 / (1 + np.exp(-np.clip(design @ beta, -500, 500)))
        hessian = (design * (fitted * (1 - fitted))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, design.T @ (events - fitted))
        while (after := loss_of(beta + step)) > loss + 1e-12 and np.abs(step).max() > 1e-12:
            step = step / 2  # a perfect separation or a far start would overshoot
        beta, moved, loss = beta + step, loss - after, after
        if moved < 1e-10 or np.abs(beta).max() > 1e3:
            break
    return float(beta[1]), float(beta[0])


def _check(events: Floats, chance: Floats) -> None:
    if events.shape != chance.shape or events.ndim != 1:
        raise InputError(
            Problem(
                "y and p",
                f"{events.shape} and {chance.shape}",
                "not one probability for each outcome",
                "give arrays of one length",
            )
        )
    if not len(events) or not np.isin(events, (0.0, 1.0)).all():
        raise InputError(
            Problem("y", str(np.unique(events)[:4]), "not outcomes of 0 and 1", "leave rows without an outcome out")
        )
    if not ((chance >= 0) & (chance <= 1)).all():
        raise InputError(Problem("p", "", "not probabilities between 0 and 1", "give probabilities, not points"))
    if events.min() == events.max():
        raise InputError(
            Problem(
                "y", f"{events[0]:.0f}", "one class only: discrimination has no meaning", "give rows of both outcomes"
            )
        )


def _intervals(
    events: Floats,
    chance: Floats,
    clusters: Sequence[Any] | np.ndarray[Any, Any] | None,
    times: int,
    level: float,
    seed: int,
) -> dict[str, list[float]]:
    draws: dict[str, list[float]] = {name: [] for name in ("auc", "gini", "ks", "brier", "log_loss")}
    tables = Resampler(events, chance, clusters, seed)
    for _ in range(times):
        bad, good, squares, logs, rows = tables.draw()
        area, distance = auc_ks_of_bands(bad, good)
        for name, value in (
            ("auc", area),
            ("gini", 2 * area - 1),
            ("ks", distance),
            ("brier", squares / rows),
            ("log_loss", logs / rows),
        ):
            draws[name].append(value)
    tail = (1 - level) / 2
    return {name: [float(edge) for edge in np.quantile(values, (tail, 1 - tail))] for name, values in draws.items()}


class Resampler:
    """Poisson bootstrap (each row or cluster counts a Poisson(1) number of times) over bands of the score."""

    def __init__(
        self, events: Floats, chance: Floats, clusters: Sequence[Any] | np.ndarray[Any, Any] | None, seed: int
    ) -> None:
        self._random = np.random.default_rng(seed)
        order = np.argsort(chance, kind="stable")
        ranks = np.empty(len(chance), np.int64)
        starts = np.append(True, np.diff(chance[order]) != 0)
        ranks[order] = np.cumsum(starts) - 1
        if len(chance) >= COARSE_FROM and ranks.max() >= 5000:
            ranks = ranks * 5000 // (ranks.max() + 1)
        safe = np.clip(chance, 1e-12, 1 - 1e-12)
        self._events, self._ranks, self._width = events, ranks, int(ranks.max()) + 1
        self._squares = (chance - events) ** 2
        self._logs = -(events * np.log(safe) + (1 - events) * np.log1p(-safe))
        self._clusters = None if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]

    def weights(self) -> Floats:
        """One draw: how often each row counts."""
        if self._clusters is None:
            return self._random.poisson(1.0, len(self._events)).astype(float)
        drawn: Floats = self._random.poisson(1.0, int(self._clusters.max()) + 1).astype(float)[self._clusters]
        return drawn

    def draw(self) -> tuple[Floats, Floats, float, float, float]:
        """One draw: events and non-events by band of the score, weighted squares and log losses, and the sum of weights."""
        heavy = self.weights()
        bad = np.bincount(self._ranks, heavy * self._events, self._width).astype(float)
        good = np.bincount(self._ranks, heavy * (1 - self._events), self._width).astype(float)
        return bad, good, float(heavy @ self._squares), float(heavy @ self._logs), max(float(heavy.sum()), 1.0)
