"""What another rule would have brought, estimated from decisions whose chance is known.

The holdout makes it possible: each logged decision was drawn with a known probability (its propensity). Where the other rule would
have done the same, the outcome counts, weighted by one over that probability (inverse propensity, IPS). The doubly robust
estimate (DR) starts from a model of outcomes, fitted on other folds, and corrects it by the weighted errors: right when either the
propensities or the model are, and here the propensities are known, so it is unbiased and usually narrower.

What was never tried tells nothing: decisions of the other rule that the log could not have made are counted as unsupported, and the estimate
then speaks only of the rest.

Source: Dudik, Langford, Li, Doubly robust policy evaluation and learning (ICML 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.units.errors import InputError, Problem

_Z = 1.959963984540054
_FOLDS = 5
LEAST = 100
"""Decisions in support below which no interval is told."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The mean outcome a decision under the other rule and its 95 % interval, and the mean logged outcome beside it.

    ``gain`` is the difference to the logged decisions on the same rows, with its own interval. ``effective_n``: how many decisions
    the weighted ones are worth. ``unsupported``: the share of decisions of which the log can say nothing. ``warnings``: in words, zh and en.
    """

    method: str
    n: int
    value: float
    low: float
    high: float
    logged: float
    gain: float
    gain_low: float
    gain_high: float
    effective_n: float
    unsupported: float
    warnings: tuple[dict[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def estimate(
    outcome: NDArray[np.float64],
    taken: NDArray[np.int64],
    propensity: NDArray[np.float64],
    wanted: NDArray[np.int64],
    supported: NDArray[np.bool_],
    features: NDArray[np.float64] | None = None,
) -> Estimate:
    """Estimate the mean outcome of another rule. All arrays have shape (n,), ``features`` shape (n, k).

    ``taken``: the logged action, ``propensity`` the probability with which the log drew it; ``wanted``: the other rule's action;
    ``supported``: whether the log could have drawn ``wanted`` at all. With ``features`` the doubly robust estimate, else
    self-normalised inverse propensities. Raises InputError for propensities outside (0, 1] or too few decisions in support.
    """
    wrong = ~((propensity > 0) & (propensity <= 1))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            Problem(
                f"row {row + 1}, propensity",
                str(propensity[row]),
                "not a probability above 0",
                "log it with each decision",
            )
        )
    if int(supported.sum()) < LEAST:
        reason = f"only {int(supported.sum())} decisions tell something of this rule, {LEAST} are needed"
        raise InputError(Problem("log", "", reason, "collect more decisions, or try a rule nearer to the logged one"))
    kept = supported
    y, a, p, b = outcome[kept], taken[kept], propensity[kept], wanted[kept]
    same = a == b
    weight = np.where(same, 1.0 / p, 0.0)
    if features is None:
        method = "SNIPS"
        value = float((weight * y).sum() / max(weight.sum(), 1e-300)) if same.any() else float("nan")
        parts = value + weight / max(float(weight.mean()), 1e-300) * (y - value)
    else:
        method = "DR"
        parts = _robust(y, a, b, weight, features[kept])
        value = float(parts.mean())
    n = len(y)
    error = float(parts.std(ddof=1) / np.sqrt(n))
    differences = parts - y
    gain, gain_error = float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(n))
    effective = float(weight.sum() ** 2 / max((weight**2).sum(), 1e-300))
    unsupported = float(1.0 - kept.mean())
    return Estimate(
        method, n, value, value - _Z * error, value + _Z * error, float(y.mean()), gain, gain - _Z * gain_error, gain + _Z * gain_error,
        effective, unsupported, _warnings(unsupported, effective, n),
    )  # fmt: skip


def _robust(
    y: NDArray[np.float64],
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    weight: NDArray[np.float64],
    x: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The doubly robust score of each decision, its outcome model fitted on the other folds (by action, least squares)."""
    fold = np.random.default_rng(1).permutation(len(y)) % _FOLDS
    centre, spread = x.mean(axis=0), x.std(axis=0)
    design = np.column_stack([np.ones(len(y)), (x - centre) / np.where(spread > 0, spread, 1.0)])
    told_wanted, told_taken = np.zeros(len(y)), np.zeros(len(y))
    for k in range(_FOLDS):
        out = fold == k
        for action in np.unique(np.concatenate([a, b])):
            rows = ~out & (a == action)
            beta = _least_squares(design[rows], y[rows])
            for told, which in ((told_wanted, b), (told_taken, a)):
                here = out & (which == action)
                told[here] = design[here] @ beta
    return told_wanted + weight * (y - told_taken)


def _least_squares(design: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients, drawn a little towards 0 so that few rows don't run away; the mean where there are hardly any."""
    beta = np.zeros(design.shape[1])
    if len(y) == 0:
        return beta
    if len(y) < 3 * design.shape[1]:
        beta[0] = y.mean()
        return beta
    ridge = np.eye(design.shape[1])
    ridge[0, 0] = 0.0
    return np.asarray(np.linalg.solve(design.T @ design + ridge, design.T @ y), np.float64)


def _warnings(unsupported: float, effective: float, n: int) -> tuple[dict[str, str], ...]:
    found = []
    if unsupported > 0.05:
        found.append(
            {
                "zh": f"有 {unsupported:.0%} 的决定在历史中从未可能发生，估计不包含它们",
                "en": f"{unsupported:.0%} of this rule's decisions could never have been logged; the estimate leaves them out",
            }
        )
    if effective < LEAST or effective < 0.02 * n:
        found.append(
            {
                "zh": f"有效样本仅 {effective:.0f}，区间不可靠",
                "en": f"the weighted decisions are worth {effective:.0f} only; the interval is not to be trusted",
            }
        )
    return tuple(found)
