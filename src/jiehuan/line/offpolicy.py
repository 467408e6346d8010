"""What another rule would have brought, estimated from decisions whose chance is known.

The holdout makes it possible: each logged decision was drawn with a known probability (its propensity). Where the other rule would
have done the same, the outcome counts, weighted by the rule's own probability over the log's (inverse propensity, IPS; SNIPS divides
by the weights' sum instead of their number, which is narrower and a little biased). The doubly robust estimate (DR) starts from a
model of outcomes, fitted on other folds, and corrects it by the weighted errors: right when either the propensities or the model
are, and here the propensities are known, so it is unbiased and usually narrower than both.

What was never tried tells nothing: decisions of the other rule that the log could not have made are counted as unsupported, and the estimate
then speaks only of the rest.

Sources: Dudik, Langford, Li, Doubly robust policy evaluation and learning (ICML 2011); Swaminathan, Joachims, The self-normalized
estimator for counterfactual learning (NIPS 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.units.errors import InputError, Problem

METHODS = ("DR", "SNIPS", "IPS")

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
    *,
    method: str = "",
    clusters: NDArray[Any] | None = None,
) -> Estimate:
    """Estimate the mean outcome of another rule that decides for certain. Arrays have shape (n,), ``features`` shape (n, k).

    ``taken``: the logged action, ``propensity`` the probability with which the log drew it; ``wanted``: the other rule's action;
    ``supported``: whether the log could have drawn ``wanted`` at all. ``method``: one of METHODS; by default doubly robust with
    ``features``, else self-normalised. ``clusters``: whose outcomes go together (one borrower's), for honest intervals. Raises
    InputError for propensities outside (0, 1] or too few decisions in support.
    """
    actions, places = np.unique(np.concatenate([taken, wanted]), return_inverse=True)
    n = len(taken)
    chances = np.zeros((n, len(actions)))
    chances[np.arange(n), places[n:]] = 1.0
    possible = np.repeat(supported[:, None], len(actions), axis=1)
    return estimate_policy(
        outcome, places[:n].astype(np.int64), propensity, chances, possible, features, method=method, clusters=clusters
    )


def estimate_policy(
    outcome: NDArray[np.float64],
    taken: NDArray[np.int64],
    propensity: NDArray[np.float64],
    chances: NDArray[np.float64],
    possible: NDArray[np.bool_],
    features: NDArray[np.float64] | None = None,
    *,
    method: str = "",
    clusters: NDArray[Any] | None = None,
) -> Estimate:
    """The same for a rule that draws its action: ``chances`` (n, actions) are its probabilities, each row summing to 1.

    ``taken`` are places among the actions; ``possible`` (n, actions): which actions the log could have drawn. Where a part of the
    rule's probability lies on impossible actions, the estimate speaks of the rule confined to the possible ones.
    """
    method = method or ("SNIPS" if features is None else "DR")
    _check(propensity, method, features)
    mass = np.where(possible, chances, 0.0)
    within = mass.sum(axis=1)
    kept = within > 0
    unsupported = float(1.0 - within.mean()) if len(within) else 1.0
    if int(kept.sum()) < LEAST:
        reason = f"only {int(kept.sum())} decisions tell something of this rule, {LEAST} are needed"
        raise InputError(Problem("log", "", reason, "collect more decisions, or try a rule nearer to the logged one"))
    y, a, p = outcome[kept], taken[kept], propensity[kept]
    target = mass[kept] / within[kept, None]
    weight = target[np.arange(len(y)), a] / p
    if method == "DR" and features is not None:
        parts = _robust(y, a, target, weight, features[kept])
        value = float(parts.mean())
    elif method == "IPS":
        parts = weight * y
        value = float(parts.mean())
    else:
        value = float((weight * y).sum() / weight.sum()) if weight.any() else float("nan")
        parts = value + weight / max(float(weight.mean()), 1e-300) * (y - value)
    groups = None if clusters is None else clusters[kept]
    error = _standard_error(parts, value, groups)
    differences = parts - y
    gain = float(differences.mean())
    gain_error = _standard_error(differences, gain, groups)
    n = len(y)
    effective = float(weight.sum() ** 2 / max((weight**2).sum(), 1e-300))
    return Estimate(
        method, n, value, value - _Z * error, value + _Z * error, float(y.mean()), gain, gain - _Z * gain_error, gain + _Z * gain_error,
        effective, unsupported, _warnings(unsupported, effective, n),
    )  # fmt: skip


def _check(propensity: NDArray[np.float64], method: str, features: NDArray[np.float64] | None) -> None:
    wrong = ~((propensity > 0) & (propensity <= 1))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        mend = "log it with each decision"
        raise InputError(Problem(f"row {row + 1}, propensity", str(propensity[row]), "not a probability above 0", mend))
    if method not in METHODS or (method == "DR" and features is None):
        mend = f"one of {', '.join(METHODS)}; DR needs features"
        raise InputError(Problem("method", method, "can't be used here", mend))


def _standard_error(parts: NDArray[np.float64], mean: float, clusters: NDArray[Any] | None) -> float:
    """Of the mean of ``parts``; with clusters, sums of deviations by cluster take the place of single deviations."""
    n = len(parts)
    if clusters is None:
        return float(parts.std(ddof=1) / np.sqrt(n))
    _, place = np.unique(clusters, return_inverse=True)
    sums = np.bincount(place, weights=parts - mean)
    count = len(sums)
    return float(np.sqrt((sums**2).sum() * count / max(1, count - 1)) / n)


def _robust(
    y: NDArray[np.float64],
    a: NDArray[np.int64],
    target: NDArray[np.float64],
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
        for action in np.flatnonzero(target.any(axis=0) | (np.bincount(a, minlength=target.shape[1]) > 0)):
            rows = ~out & (a == action)
            beta = _least_squares(design[rows], y[rows])
            told = design[out] @ beta
            told_wanted[out] += target[out, action] * told
            told_taken[out] = np.where(a[out] == action, told, told_taken[out])
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
