"""What contacts really changed: effects against the holdout with intervals, and a model of who responds.

An effect is told only where chance decided who was treated: debtors whom the plan intended for the same action, in both arms. The
treated got it, the held-out did not; the difference of what they paid is the effect of the intention (some who were intended for
a call were not reached; that belongs to the effect). Comparing those called with those not called without this is not
evidence: the plan calls those who are worth it.

The effect used in plans is the measured one drawn towards the assumption by its own uncertainty (normal prior), so that a
handful of cases doesn't overturn it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.collect.capacity import ACTIONS
from jiehuan.collect.response import BUCKETS, Responses, bucket_of
from jiehuan.collect.ridge import ResponseModel, fit_response
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import MAX_FEN
from jiehuan.units.text_columns import whole

if TYPE_CHECKING:
    import polars as pl

AFTER_CONTACT = (
    "duration",
    "talk_seconds",
    "answered",
    "promise",
    "promised_fen",
    "recovered",
    "recovered_fen",
    "outcome",
    "paid",
    "paid_on",
)
"""Columns known only after the contact: used to predict its outcome they would be a leak, so they never are."""

NOT_FEATURES = ("account_id", "debtor_id", "contact_id", "arm", "intended", "action", "at")
LEAST = 30
"""Debtors in each arm below which no effect is told."""

PRIOR_SD = 0.03
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of one intention in one age bucket (``all``: pooled), on the share of the overdue amount recovered.

    ``treated``/``holdout``: mean shares; ``effect`` their difference with its 95 % interval; ``used`` what plans take; None
    where an arm is too small to tell.
    """

    bucket: str
    action: str
    n_treated: int
    n_holdout: int
    treated: float
    holdout: float
    effect: float | None
    low: float | None
    high: float | None
    used: float | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class ModelEvidence:
    """How well the response model tells responders apart, on folds it was not fitted on."""

    n: int
    responded: float
    auc: float
    auc_low: float
    auc_high: float
    brier: float
    brier_of_mean: float
    calibration_slope: float
    top_tenth: float
    columns: tuple[str, ...]
    left_out: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def readable_rows(log: pl.DataFrame, where: str = "log") -> tuple[pl.DataFrame, list[Problem]]:
    """The rows whose dpd, amounts and arm can be read, those columns as numbers, and a Problem for each cell that can't.

    Raises InputError when no row is left.
    """
    import polars as pl

    good, problems = np.ones(log.height, bool), []
    for name in (name for name in ("dpd", "overdue_fen", "recovered_fen") if name in log.columns):
        column = log[name]
        read = whole(column)
        bad = ~read.is_between(0, MAX_FEN).fill_null(value=False).to_numpy()
        good &= ~bad
        problems += [
            Problem(f"{where} row {row + 1}, {name}", str(column[row] if column[row] is not None else "")[:80],
                    "not a whole number from 0 up", "write one, without decimals")
            for row in np.flatnonzero(bad).tolist()
        ]  # fmt: skip
        log = log.with_columns(read.fill_null(0).clip(0, MAX_FEN).alias(name))
    if "arm" in log.columns:
        bad = ~log["arm"].cast(pl.String).is_in(["treated", "holdout"]).fill_null(value=False).to_numpy()
        good &= ~bad
        problems += [
            Problem(
                f"{where} row {row + 1}, arm", str(log["arm"][row] or "")[:80], "not an arm", "write treated or holdout"
            )
            for row in np.flatnonzero(bad).tolist()
        ]
    if not good.any():
        raise InputError(problems or [Problem(where, "", "no rows", "give at least one contact")])
    return log.filter(pl.Series(good)), problems


def measure_effects(log: pl.DataFrame, assumed: Responses, where: str = "log") -> list[Effect]:
    """Effects by age bucket and intended action, then pooled by action (``all``).

    ``log``: one row a debtor and plan: ``arm, intended`` (or ``action``), ``dpd, overdue_fen, recovered_fen``. Raises InputError when
    one is missing, or when there is no holdout: without it no effect can be told.
    """
    import polars as pl

    action = "intended" if "intended" in log.columns else "action"
    needed = ("arm", action, "dpd", "overdue_fen", "recovered_fen")
    missing = [name for name in needed if name not in log.columns]
    if missing:
        raise InputError(
            [Problem(f"{where}, {name}", "", "missing column", f"add the column {name}") for name in missing]
        )
    arm = log["arm"].cast(pl.String).to_numpy()
    strange = sorted({str(value) for value in arm} - {"treated", "holdout"})
    if strange:
        raise InputError(Problem(f"{where}, arm", strange[0][:80], "not an arm", "write treated or holdout"))
    if not (arm == "holdout").any():
        mend = (
            "keep a share of debtors on the default (holdout in the capacity file); the effect can't be known otherwise"
        )
        raise InputError(Problem(f"{where}, arm", "", "no one was held out", mend))
    share = recovered_share(log)
    bucket = bucket_of(log["dpd"].cast(pl.Int64).to_numpy())
    what = log[action].cast(pl.String).fill_null("none").to_numpy()
    effects = []
    for name in ACTIONS:
        for b in (*range(len(BUCKETS)), None):
            rows = (what == name) & ((bucket == b) if b is not None else True)
            if rows.any():
                treated, holdout = share[rows & (arm == "treated")], share[rows & (arm == "holdout")]
                prior = float(np.nanmean(assumed.uplift[b, -1, ACTIONS.index(name)])) if b is not None else None
                effects.append(_effect("all" if b is None else BUCKETS[b], name, treated, holdout, prior))
    return effects


def recovered_share(log: pl.DataFrame) -> NDArray[np.float64]:
    """What came in as a share of what was overdue, between 0 and 1."""
    import polars as pl

    overdue = log["overdue_fen"].cast(pl.Float64).to_numpy()
    return np.asarray(
        np.clip(log["recovered_fen"].cast(pl.Float64).to_numpy() / np.maximum(overdue, 1.0), 0.0, 1.0), np.float64
    )


def learned_responses(log: pl.DataFrame, effects: Sequence[Effect], assumed: Responses) -> dict[str, Any]:
    """The document of responses that a plan can stand on: measured effects where they are, the assumed ones elsewhere."""
    import polars as pl

    share, bucket = recovered_share(log), bucket_of(log["dpd"].cast(pl.Int64).to_numpy())
    held = log["arm"].cast(pl.String).to_numpy() == "holdout"
    base, uplift = {}, {}
    for b, name in enumerate(BUCKETS):
        rows = held & (bucket == b)
        base[name] = float(share[rows].mean()) if rows.sum() >= LEAST else _plain(assumed.base[b])
        found = {e.action: e.used for e in effects if e.bucket == name and e.used is not None}
        uplift[name] = {action: found.get(action, _plain(assumed.uplift[b, -1, k])) for k, action in enumerate(ACTIONS)}
    measured = sum(e.used is not None for e in effects if e.bucket != "all")
    return {
        "name": "learned", "horizon_days": assumed.horizon_days, "evidence": "holdout" if measured else "assumption", "base": base,
        "uplift": uplift, "measured_cells": measured, "effects": [e.as_dict() for e in effects],
    }  # fmt: skip


def fit_model(
    frame: pl.DataFrame, outcome: str, exclude: Sequence[str] = (), folds: int = 5, seed: int = 1
) -> tuple[ResponseModel, ModelEvidence]:
    """A model of who responds, with out-of-fold evidence. Columns known only after the contact are left out, and named.

    ``outcome``: a column of 0 and 1. Rows of one ``debtor_id`` stay in one fold. Raises InputError for a missing outcome, other values
    than 0 and 1, or a single class.
    """
    import polars as pl

    if outcome not in frame.columns:
        raise InputError(
            Problem("outcome", outcome[:80], "no such column", f"the columns are {', '.join(frame.columns)[:200]}")
        )
    values = set(frame[outcome].unique().to_list())
    if not values <= {0, 1} or len(values) < 2:
        raise InputError(
            Problem(
                f"column {outcome}",
                str(sorted(map(str, values)))[:80],
                "not both of 0 and 1",
                "name a column of 0 and 1",
            )
        )
    y = frame[outcome].cast(pl.Int64).to_numpy()
    left_out = [n for n in frame.columns if n != outcome and (n in exclude or n in AFTER_CONTACT)]
    names = [
        n for n in frame.columns if n not in {outcome, *left_out, *NOT_FEATURES} and not frame[n].dtype.is_temporal()
    ]
    if not names:
        raise InputError(
            Problem("columns", "", "nothing to learn from", "add columns that are known before the contact")
        )
    fold = _folds(frame, folds, seed)
    score = np.zeros(len(y))
    for k in range(folds):
        out = fold == k
        model = fit_response(frame.filter(pl.Series(~out)), names, y[~out])
        score[out] = model.predict(frame.filter(pl.Series(out)))
    low, high = _auc_interval(y, score)
    logit = np.log(np.clip(score, 1e-9, 1 - 1e-9) / np.clip(1 - score, 1e-9, 1))
    best = np.argsort(-score, kind="stable")[: max(1, len(y) // 10)]
    evidence = ModelEvidence(
        len(y), float(y.mean()), auc(y, score), low, high, float(np.mean((score - y) ** 2)), float(y.mean() * (1 - y.mean())), _slope(logit, y),
        float(y[best].mean()), tuple(names), tuple(left_out),
    )  # fmt: skip
    return fit_response(frame, names, y), evidence


def auc(y: NDArray[np.int64], score: NDArray[np.float64]) -> float:
    """The chance that a responder is scored above a non-responder, ties half."""
    from scipy.stats import rankdata

    ranks = rankdata(score)
    ones = int(y.sum())
    return float((ranks[y == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(y) - ones)))


def _effect(
    bucket: str, action: str, treated: NDArray[np.float64], holdout: NDArray[np.float64], prior: float | None
) -> Effect:
    n, m = len(treated), len(holdout)
    a, b = (float(x.mean()) if len(x) else 0.0 for x in (treated, holdout))
    if n < LEAST or m < LEAST:
        return Effect(bucket, action, n, m, a, b, None, None, None, None)
    # Agresti and Caffo: a success and a failure in each arm keep the interval honest where nobody or everybody paid.
    var = sum(_spread(x) / len(x) for x in (treated, holdout))
    effect, error = a - b, float(np.sqrt(var))
    used = effect
    if prior is not None:
        weight = PRIOR_SD**2 / (PRIOR_SD**2 + var)
        used = prior + weight * (effect - prior)
    return Effect(
        bucket, action, n, m, a, b, effect, effect - _Z * error, effect + _Z * error, float(np.clip(used, -1, 1))
    )


def _spread(x: NDArray[np.float64]) -> float:
    return float(np.append(x, [0.0, 1.0]).var(ddof=1))


def _folds(frame: pl.DataFrame, folds: int, seed: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    if "debtor_id" not in frame.columns:
        return rng.permutation(frame.height) % folds
    _, person = np.unique(frame["debtor_id"].cast(str).to_numpy(), return_inverse=True)
    return (rng.permutation(person.max() + 1) % folds)[person]


def _auc_interval(y: NDArray[np.int64], score: NDArray[np.float64]) -> tuple[float, float]:
    """95 % by DeLong's variance of the AUC."""
    from scipy.stats import rankdata

    ones, zeros = score[y == 1], score[y == 0]
    all_ranks = rankdata(np.concatenate([ones, zeros]))
    m, n = len(ones), len(zeros)
    above = (all_ranks[:m] - rankdata(ones)) / n
    below = 1.0 - (all_ranks[m:] - rankdata(zeros)) / m
    area = float(above.mean())
    error = float(np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)) if m > 1 and n > 1 else 0.5
    return max(0.0, area - _Z * error), min(1.0, area + _Z * error)


def _slope(logit: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """The slope of the outcome on the log odds told: 1 when they are neither too bold nor too timid."""
    a, b = 0.0, 1.0
    for _ in range(30):
        chance = 1.0 / (1.0 + np.exp(-(a + b * logit)))
        weight = chance * (1 - chance)
        design = np.stack([np.ones_like(logit), logit])
        step = np.linalg.solve((design * weight) @ design.T + 1e-12 * np.eye(2), design @ (y - chance))
        a, b = a + step[0], b + step[1]
        if np.abs(step).max() < 1e-9:
            break
    return float(b)


def _plain(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
