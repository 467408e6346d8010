"""Ability is not willingness: where a debtor stands on both, and so which treatment is fit.

``self_cure`` can and wants to pay: a reminder is enough. ``plan`` wants to but can't: a plan that fits the cash flow.
``firm`` can but doesn't: a firm, lawful escalation. ``escalate`` neither: hardship is looked into first, then the legal way.
``unknown``: too little is known to tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEGMENTS = ("self_cure", "firm", "plan", "escalate", "unknown")

SEGMENT_WORDS: Mapping[str, Mapping[str, str]] = {
    "self_cure": {"zh": "有能力有意愿：提醒即可", "en": "able and willing: a reminder is enough"},
    "firm": {"zh": "有能力无意愿：依法加强催告", "en": "able, not willing: firm and lawful escalation"},
    "plan": {"zh": "有意愿无能力：协商还款计划", "en": "willing, not able: a plan that fits the cash flow"},
    "escalate": {
        "zh": "能力意愿均不足：先核实困难，再走法律途径",
        "en": "neither: look into hardship first, then the legal way",
    },
    "unknown": {"zh": "信息不足", "en": "too little is known"},
}


@dataclass(frozen=True, slots=True)
class SegmentParams:
    """Where the quadrant's lines are; both scores run from 0 (none) to 1 (full)."""

    able_from: float = 0.5
    willing_from: float = 0.5


DEFAULT = SegmentParams()


def segments(
    ability: NDArray[np.float64], willingness: NDArray[np.float64], params: SegmentParams = DEFAULT
) -> NDArray[np.int8]:
    """The place in SEGMENTS of each debtor. Both scores are arrays of shape (n,), NaN where unknown.

    >>> [SEGMENTS[s] for s in segments(np.array([0.9, 0.2, 0.9, np.nan]), np.array([0.8, 0.9, 0.1, 0.5]))]
    ['self_cure', 'plan', 'firm', 'unknown']
    """
    able, willing = ability >= params.able_from, willingness >= params.willing_from
    out = np.where(able, np.where(willing, 0, 1), np.where(willing, 2, 3)).astype(np.int8)
    out[np.isnan(ability) | np.isnan(willingness)] = 4
    return out


def ability_of(instalment_cover: NDArray[np.float64], income_ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """An ability score from what the profile knows, in 0..1, NaN where both are unknown.

    ``instalment_cover``: cash available for debt service over the instalment (DSCR); ``income_ratio``: recent income over the
    usual. A cover of 1 with unchanged income is 0.5, of 2 is 0.8.
    """
    cover = 1.0 - 1.0 / (1.0 + np.maximum(instalment_cover, 0.0) ** 2)
    steady = np.clip(income_ratio, 0.0, 1.0)
    known = np.where(np.isnan(cover), steady * 0.5, cover * np.where(np.isnan(steady), 1.0, steady))
    return np.asarray(known, dtype=np.float64)


def willingness_of(
    paid_on_time: NDArray[np.float64], promises_kept: NDArray[np.float64], answered: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A willingness score in 0..1 from shares in 0..1: instalments paid on time, promises kept, contacts answered.

    The mean of those known, so that one missing history does not decide; NaN where none is.
    """
    parts = np.stack([paid_on_time, promises_kept, answered])
    known = ~np.isnan(parts)
    total = np.where(known, parts, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known.any(axis=0), total / known.sum(axis=0), np.nan), dtype=np.float64)
