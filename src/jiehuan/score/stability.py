"""Stability: how far a distribution has moved (PSI), field by field (CSI) and over time.

PSI = sum over bins of (now - then) * ln(now / then), shares with half a row added to each bin. Below 0.1 is calm, above 0.25
calls for a look (Siddiqi 2017, ch. 12). The same formula on a field's bins is its CSI.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]


def psi(then: Floats, now: Floats) -> float:
    """Population stability index of two arrays of counts over the same bins.

    >>> round(psi(np.array([50.0, 50.0]), np.array([50.0, 50.0])), 6)
    0.0
    """
    width = len(then)
    before = (then + 0.5) / (then.sum() + 0.5 * width)
    after = (now + 0.5) / (now.sum() + 0.5 * width)
    return float(((after - before) * np.log(after / before)).sum())


def bands_of(scores: Floats, edges: Floats) -> Floats:
    """Counts of scores in the bands cut at ``edges`` (k edges make k + 1 bands)."""
    found: Floats = np.bincount(np.searchsorted(edges, scores, side="right"), minlength=len(edges) + 1).astype(float)
    return found


def band_edges(scores: Floats, count: int = 10) -> Floats:
    """Edges of equal-sized bands of the score, distinct."""
    found: Floats = np.unique(np.quantile(scores, np.linspace(0, 1, count + 1)[1:-1]))
    return found


def periods_of(moments: Floats, count: int) -> Floats | None:
    """A period 0, 1, ... of about equal rows for each row by its moment, NaN where the moment is missing; None for one period."""
    known = moments[~np.isnan(moments)]
    if len(known) < 2:
        return None
    edges = np.unique(np.quantile(known, np.linspace(0, 1, count + 1)[1:-1], method="higher"))
    edges = edges[edges > known.min()]
    if not len(edges):
        return None
    periods = np.searchsorted(edges, moments, side="right").astype(float)
    periods[np.isnan(moments)] = np.nan
    return periods
