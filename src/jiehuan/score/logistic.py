"""Logistic regression on WOE with a sign check: ridge, coefficients at or above 0, rows in chunks.

WOE rises with risk, so that a negative coefficient would turn a feature's meaning round; such features get 0 and leave the
card. Newton's method; each step is the exact minimum of the quadratic under the bound, by coordinate descent on the p x p
Hessian (Lawson and Hanson, *Solving Least Squares Problems*, ch. 23). No more than ``CHUNK`` rows are expanded at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Codes = np.ndarray[Any, np.dtype[np.uint8]]

CHUNK = 65_536


@dataclass(frozen=True)
class Fit:
    """An intercept, float64[p] coefficients and their standard errors (0 where the bound holds)."""

    intercept: float
    coefficients: Floats
    errors: Floats


def fit_logistic(
    codes: Sequence[Codes],
    tables: Sequence[Floats],
    events: Floats,
    weights: Floats | None,
    ridge: float,
    steps: int = 30,
    beside: Floats | None = None,
) -> Fit:
    """Fit ``logit = a + sum of b[f] * tables[f][codes[f]]`` with b >= 0 to ``events`` (0 or 1, float64[n]).

    ``beside`` float64[n] is one more column as it stands; its coefficient (the last) is not penalised. ``ridge`` adds
    ridge/2 * b^2 for each other coefficient.
    Stops when a Newton step changes nothing by more than 1e-7.
    """
    width = len(codes) + (beside is not None)
    beta = np.zeros(width + 1)
    heavy = weights if weights is not None else np.ones(len(events))
    rate = float((events * heavy).sum() / heavy.sum())
    beta[0] = np.log(rate / (1 - rate))
    penalty = np.full(width + 1, ridge)
    penalty[0] = 0.0
    if beside is not None:
        penalty[-1] = 0.0
    loss, gradient, hessian = _pass(codes, tables, events, heavy, beside, beta)
    for _ in range(steps):
        step = _bounded_step(hessian + np.diag(penalty), gradient + penalty * beta, beta)
        scale = 1.0
        current = loss + 0.5 * float(penalty @ beta**2)
        while True:
            trial = beta + scale * step
            new_loss, new_gradient, new_hessian = _pass(codes, tables, events, heavy, beside, trial)
            if new_loss + 0.5 * float(penalty @ trial**2) <= current + 1e-9 or scale < 1e-4:
                break
            scale /= 2
        beta, loss, gradient, hessian = trial, new_loss, new_gradient, new_hessian
        if float(np.abs(scale * step).max(initial=0.0)) < 1e-7:
            break
    free = np.concatenate(([True], beta[1:] > 0))
    errors = np.zeros(width + 1)
    inside = np.ix_(free, free)
    errors[free] = np.sqrt(np.maximum(np.diag(np.linalg.pinv((hessian + np.diag(penalty))[inside])), 0))
    return Fit(float(beta[0]), beta[1:], errors[1:])


def _pass(
    codes: Sequence[Codes],
    tables: Sequence[Floats],
    events: Floats,
    weights: Floats,
    beside: Floats | None,
    beta: Floats,
) -> tuple[float, Floats, Floats]:
    width = len(codes) + 1 + (beside is not None)
    loss, gradient, hessian = 0.0, np.zeros(width), np.zeros((width, width))
    for start in range(0, len(events), CHUNK):
        rows = slice(start, start + CHUNK)
        design = np.empty((len(events[rows]), width))
        design[:, 0] = 1.0
        for place, (code, table) in enumerate(zip(codes, tables, strict=True)):
            design[:, place + 1] = table[code[rows]]
        if beside is not None:
            design[:, -1] = beside[rows]
        logit, heavy, happened = design @ beta, weights[rows], events[rows]
        chance = 1.0 / (1.0 + np.exp(-logit))
        loss += float((heavy * (np.logaddexp(0.0, logit) - happened * logit)).sum())
        gradient += design.T @ (heavy * (chance - happened))
        hessian += (design * (heavy * chance * (1 - chance))[:, None]).T @ design
    return loss, gradient, hessian


def _bounded_step(hessian: Floats, gradient: Floats, beta: Floats, sweeps: int = 2000) -> Any:
    """The step that minimises the quadratic with beta + step >= 0 (the intercept is free)."""
    low = -beta.copy()
    low[0] = -np.inf
    step = np.maximum(-np.linalg.lstsq(hessian, gradient, rcond=None)[0], low)
    slope = gradient + hessian @ step
    diagonal = np.maximum(np.diag(hessian), 1e-12)
    for _ in range(sweeps):
        largest = 0.0
        for place in range(len(step)):
            moved = max(step[place] - slope[place] / diagonal[place], low[place])
            change = moved - step[place]
            if change != 0.0:
                step[place] = moved
                slope += hessian[:, place] * change
                largest = max(largest, abs(change))
        if largest < 1e-9:
            break
    return step
