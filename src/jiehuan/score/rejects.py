"""Reject inference: letting rejected applicants, whose outcome nobody knows, into the fit. Offered with its caveat.

Fuzzy: each reject enters twice, as an event with weight p and as a non-event with weight 1 - p, where p is the accepted-only
model's probability times an uplift. Parcelling: in each band of the score so many rejects are drawn as events as the rate of the
accepted there, times the uplift, says; the others enter as non-events. Augmentation: no reject enters; accepted rows count
1 / (share accepted in their band of the score), so that they stand for all applicants. Metrics are measured on accepted rows alone.
Hand and Henley (1993); Crook and Banasik (2004) found little gain from any of them: hence the caveat.
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

METHODS = ("fuzzy", "parcelling", "augmentation")

MOST = 0.99
"""No reject, and no band of them, is taken to be worse than this."""

HELD = 20.0
"""Rows at the mean predicted of the band that steady a band's rate where few were accepted."""


@dataclass(frozen=True)
class RejectLearner:
    """Learns with ``inner`` twice: on accepted rows, then with what that says of the rejected ones."""

    inner: Learner
    rejected: Sheet
    method: str
    how: Rejects
    seed: int

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
            heavy = weights / self._share_accepted(accepted, turned_down)
            return self.inner.learn(replace(sheet, weights=heavy * len(heavy) / heavy.sum()), clusters, rounds)
        chance = 1 / (1 + np.exp(-first.own.many(turned_down)))
        count = np.arange(len(self.rejected))
        if self.method == "fuzzy":
            risk = np.minimum(self.how.uplift * chance, MOST)
            entered = self.rejected.take(np.concatenate([count, count]))
            outcomes, entering = np.repeat([1.0, 0.0], len(count)), np.concatenate([risk, 1 - risk])
        else:
            entered, entering = self.rejected, np.ones(len(count))
            outcomes = self._drawn(accepted, sheet.events, turned_down, chance)
        both = sheet.join(replace(entered, events=outcomes), weights, entering)
        if clusters is not None:  # nobody knows whether a reject is a borrower: each stands alone, with its other half
            fresh = clusters.max() + 1 + count
            clusters = np.concatenate([clusters, *([fresh] * (len(entered) // len(count)))])
        return self.inner.learn(both, clusters, rounds)

    def _share_accepted(self, accepted: Floats, turned_down: Floats) -> Floats:
        edges = band_edges(np.concatenate([accepted, turned_down]), self.how.bands)
        taken, refused = bands_of(accepted, edges), bands_of(turned_down, edges)
        share = (taken + 1) / (taken + refused + 1)
        return np.asarray(share[np.searchsorted(edges, accepted, side="right")])

    def _drawn(self, accepted: Floats, events: Floats, turned_down: Floats, chance: Floats) -> Floats:
        """Outcomes of the rejects: in each band of the score a share of them, drawn by the seed, are events."""
        random = np.random.default_rng(self.seed + 3)
        edges = band_edges(np.concatenate([accepted, turned_down]), self.how.bands)
        of_taken, of_refused = (np.searchsorted(edges, raw, side="right") for raw in (accepted, turned_down))
        outcomes = np.zeros(len(turned_down))
        for band in np.unique(of_refused):
            members, inside = np.flatnonzero(of_refused == band), of_taken == band
            rate = (events[inside].sum() + HELD * chance[members].mean()) / (inside.sum() + HELD)
            many = round(min(self.how.uplift * rate, MOST) * len(members))
            outcomes[random.permutation(members)[:many]] = 1.0
        return outcomes
