"""Reject inference: letting rejected applicants, whose outcome nobody knows, into the fit. Offered with its caveat.

Parcelling (fuzzy): each reject enters twice, as an event with weight p and as a non-event with weight 1 - p, where p is the
accepted-only model's probability times an uplift. Augmentation: no reject enters; accepted rows count 1 / (share accepted in
their band of the score), so that they stand for all applicants. Metrics are measured on accepted rows alone either way.
Hand and Henley (1993); Crook and Banasik (2004) found little gain from either: hence the caveat.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jiehuan.score.learners import Learned, Learner
from jiehuan.score.settings import Rejects
from jiehuan.score.sheet import Sheet
from jiehuan.score.stability import band_edges, bands_of

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

METHODS = ("parcelling", "augmentation")


@dataclass(frozen=True)
class RejectLearner:
    """Learns with ``inner`` twice: on accepted rows, then with what that says of the rejected ones."""

    inner: Learner
    rejected: Sheet
    method: str
    how: Rejects

    @property
    def calibrated(self) -> bool:
        """As the inner learner."""
        return self.inner.calibrated

    def learn(self, sheet: Sheet, clusters: Ints | None, rounds: int = 0) -> Learned:
        """Fit on the accepted rows of ``sheet`` and, by the method, on or weighted by the rejected ones."""
        first = self.inner.learn(sheet, clusters, rounds)
        weights = np.ones(len(sheet)) if sheet.weights is None else sheet.weights
        accepted, turned_down = first.raw(sheet), first.raw(self.rejected)
        if self.method == "augmentation":
            edges = band_edges(np.concatenate([accepted, turned_down]), self.how.bands)
            taken, refused = bands_of(accepted, edges), bands_of(turned_down, edges)
            share = (taken + 1) / (taken + refused + 1)
            heavy = weights / share[np.searchsorted(edges, accepted, side="right")]
            return self.inner.learn(replace(sheet, weights=heavy * len(heavy) / heavy.sum()), clusters, rounds)
        chance = np.minimum(self.how.uplift / (1 + np.exp(-first.own.many(turned_down))), 0.99)
        twice = self.rejected.take(np.concatenate([np.arange(len(self.rejected))] * 2))
        outcomes = np.repeat([1.0, 0.0], len(self.rejected))
        both = sheet.join(replace(twice, events=outcomes), weights, np.concatenate([chance, 1 - chance]))
        if clusters is not None:
            fresh = clusters.max() + 1 + np.arange(len(self.rejected))
            clusters = np.concatenate([clusters, fresh, fresh])
        return self.inner.learn(both, clusters, rounds)
