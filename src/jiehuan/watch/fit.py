"""Fitting the hazard: earlier landmarks teach the trees, later ones set the calibration and the thresholds, the latest ones only judge.

What is held out is later in time, and what was learnt from is cut at that time: an outcome after the cut is not known yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.units.errors import InputError, Problem
from jiehuan.watch.declare import Declaration
from jiehuan.watch.hazard import Hazard
from jiehuan.watch.landmark import DAY, Landmarks
from jiehuan.watch.worth import Worth, raised, worth_of

_LEAST_OUTCOMES = 20
_FOLDS = 4


@dataclass(frozen=True, slots=True)
class Fitted:
    """The model, its figures on the last part of time, and that part with its chances (for pictures)."""

    model: Hazard
    figures: dict[str, Any]
    test: Landmarks
    chances: NDArray[np.float64]
    worth: Worth


def person_periods(
    rows: Landmarks, period_days: int, periods: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """One line for each landmark and period that was at risk and seen: row, period (1 …), whether the outcome came in it."""
    lines, times, events = [], [], []
    for n in range(1, periods + 1):
        start, stop = rows.at + (n - 1) * period_days * DAY, rows.at + n * period_days * DAY
        came = rows.happened & (rows.until > start) & (rows.until <= stop)
        seen = came | (rows.until >= stop)
        seen &= ~(rows.happened & (rows.until <= start))
        place = np.flatnonzero(seen)
        lines.append(place)
        times.append(np.full(len(place), float(n)))
        events.append(came[place].astype(float))
    return np.concatenate(lines), np.concatenate(times), np.concatenate(events)


def fit_hazard(
    rows: Landmarks,
    declaration: Declaration,
    *,
    on: Sequence[str] = ("tick",),
    outcome: str = "overdue_30",
    exclude: Sequence[str] = (),
    period_days: int = 30,
    periods: int = 3,
    test_share: float = 0.3,
    daily_budget: float | None = None,
    cooldown_days: int = 30,
    seed: int = 20_260_701,
) -> Fitted:
    """Fit, calibrate, choose thresholds for ``daily_budget`` alerts a day (default: one a day for each thousand accounts) and judge.

    Raises InputError when a part of time has fewer than 20 outcomes.
    """
    import lightgbm

    unknown = [name for name in exclude if name not in rows.names]
    if unknown:
        raise InputError(
            [Problem("--exclude", name, "no feature of that name", "name declared features") for name in unknown]
        )
    kept = [place for place, name in enumerate(rows.names) if name not in exclude]
    used = replace(rows, names=tuple(rows.names[p] for p in kept), features=rows.features[:, kept])
    cut = int(np.quantile(used.at, 1 - test_share))
    early = int(np.quantile(used.at[used.at < cut], 0.75))
    train, later = used.known_by(early), used.known_by(cut)
    later = later.pick(later.at >= early)
    test = used.pick(used.at >= cut)
    for part, name in ((train, "training"), (later, "calibration"), (test, "test")):
        lines = person_periods(part, period_days, periods)
        if lines[2].sum() < _LEAST_OUTCOMES:
            reason = f"{int(lines[2].sum())} outcomes in the {name} part of time"
            raise InputError(
                Problem("events", outcome, reason, f"bring more history; each part needs {_LEAST_OUTCOMES}")
            )

    def wide(part: Landmarks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        line, period, came = person_periods(part, period_days, periods)
        return np.column_stack([part.features[line], period]), came

    x, y = wide(train)
    z, w = wide(later)
    names = [*used.names, "period"]
    settings, booster = _choose(x, y, z, w, names, seed)
    rounds = max(1, booster.best_iteration)
    # Calibration: on what trees say of accounts they have not seen, over all that was known by the cut. The last part of time alone
    # has too few outcomes for a slope.
    seen = used.known_by(cut)
    x, y = wide(seen)
    line = person_periods(seen, period_days, periods)[0]
    fold = (seen.account * 2_654_435_761 + seed) % 2**32 // 7 % _FOLDS
    raw, wide_raw = np.zeros(len(y)), np.zeros((len(seen), periods))
    for one in range(_FOLDS):
        mine = fold[line] == one
        made = lightgbm.train(settings, lightgbm.Dataset(x[~mine], y[~mine], feature_name=names), rounds)
        raw[mine] = made.predict(x[mine], raw_score=True)
        asked = fold == one
        for n in range(periods):
            wide_raw[asked, n] = made.predict(
                np.column_stack([seen.features[asked], np.full(asked.sum(), n + 1.0)]), raw_score=True
            )
    slope, intercept = calibration_line(y, raw)
    budget = daily_budget if daily_budget is not None else max(0.2, len(rows.accounts) / 1000)
    unseen = 1 - np.cumprod(1 / (1 + np.exp(slope * wide_raw + intercept)), axis=1)
    recent = seen.at >= early
    limits = _thresholds(seen.pick(recent), unseen[recent, -1], budget, cooldown_days)
    # Leaves, rounds, calibration and thresholds are set; the trees are grown again on all that was known by the cut.
    booster = lightgbm.train(settings, lightgbm.Dataset(x, y, feature_name=names), rounds)
    model = Hazard(
        used.names, booster.model_to_string(), slope, intercept, declaration.version, tuple(on), outcome, period_days, periods,
        *limits, cooldown_days,
    )  # fmt: skip
    chances = model.chances(test.features)
    worth = worth_of(model, test, chances, budget)
    figures = {
        "rows": {"training": len(train), "calibration": len(later), "test": len(test)},
        "accounts": len(rows.accounts),
        "cut": {"calibration from": _day(early), "test from": _day(cut)},
        "trees": {"rounds": rounds, "leaves": settings["num_leaves"]},
        "calibration": {"slope": round(slope, 4), "intercept": round(intercept, 4)},
        "horizons": {
            str(days): judged
            for days, judged in zip(model.horizons, _judge(test, chances, period_days, float(y.mean())), strict=True)
        },
        "alerts": worth.as_dict(),
        "importance": _importance(booster, names),
    }
    return Fitted(replace(model, figures=figures), figures, test, chances, worth)


def _choose(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    w: NDArray[np.float64],
    names: Sequence[str],
    seed: int,
) -> tuple[dict[str, Any], Any]:
    """The settings and trees with the smallest loss on later lines (z, w); the number of rounds is found there too."""
    import lightgbm

    tried = []
    for leaves in (4, 8):
        settings = {
            "objective": "binary", "learning_rate": 0.03, "num_leaves": leaves, "min_data_in_leaf": int(max(20, min(500, len(y) // 250))),
            "feature_fraction": 0.5, "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 1.0, "seed": seed, "deterministic": True,
            "force_row_wise": True, "verbose": -1, "num_threads": 1,
        }  # fmt: skip
        told = lightgbm.Dataset(x, y, feature_name=list(names), free_raw_data=False)
        check = lightgbm.Dataset(z, w, reference=told, free_raw_data=False)
        made = lightgbm.train(
            settings, told, 600, valid_sets=[check], callbacks=[lightgbm.early_stopping(50, verbose=False)]
        )
        tried.append((float(made.best_score["valid_0"]["binary_logloss"]), settings, made))
    _, settings, made = min(tried, key=lambda one: one[0])
    return settings, made


def calibration_line(
    events: NDArray[np.float64], logits: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of 0/1 ``events`` on ``logits``, by Newton steps; a slope under 0.05 is 0.05."""
    heavy = np.ones(len(events)) if weights is None else weights
    x = np.column_stack([np.clip(logits, -20, 20), np.ones(len(logits))])
    centre = np.array([1.0, 0.0])

    def loss(at: NDArray[np.float64]) -> float:
        eta = x @ at
        # A touch of ridge towards (1, 0) keeps the answer finite where all logits, or all events, are alike.
        return float((heavy * (np.logaddexp(0, eta) - events * eta)).sum() + 5e-4 * ((at - centre) ** 2).sum())

    share = float(np.clip(np.average(events, weights=heavy), 1e-6, 1 - 1e-6))
    line = np.array([0.0, np.log(share / (1 - share))])
    for _ in range(60):
        chance = 1 / (1 + np.exp(-np.clip(x @ line, -30, 30)))
        slack = heavy * chance * (1 - chance)
        slope = x.T @ (heavy * (events - chance)) - 1e-3 * (line - centre)
        step = np.linalg.solve((x * slack[:, None]).T @ x + 1e-3 * np.eye(2), slope)
        before = loss(line)
        while loss(line + step) > before and np.abs(step).max() > 1e-10:
            step = step / 2
        line = line + step
        if np.abs(step).max() < 1e-9:
            break
    return float(max(line[0], 0.05)), float(line[1])


def _thresholds(
    rows: Landmarks, chance: NDArray[np.float64], budget: float, cooldown_days: float
) -> tuple[float, float]:
    """The lowest chances that keep alerts, after their cool-down, within the budget, and critical ones within a quarter of it."""
    days = max(1.0, float(rows.at.max() - rows.at.min()) / DAY)

    def lowest(most: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(30):
            middle = (low + high) / 2
            many = len(raised(rows, chance, middle, cooldown_days))
            low, high = (middle, high) if many > most else (low, middle)
        return high

    return lowest(budget * days), lowest(budget * days / 4)


def _judge(test: Landmarks, chances: NDArray[np.float64], period_days: int, hazard: float) -> list[dict[str, Any]]:
    """How good the chances are within each horizon, over landmarks whose outcome is known by then.

    Rates, Brier scores and the calibration are weighted for those that left sight before (inverse of the chance to be seen, Graf 1999):
    near the end of the stream only outcomes that came are known, and counting those alone would overstate the rate.
    """
    told = []
    for n in range(chances.shape[1]):
        span = (n + 1) * period_days * DAY
        came = test.happened & (test.until - test.at <= span)
        known = came | (test.until - test.at >= span)
        weight = _seen_weights(test, span)[known]
        weight = weight / weight.mean()
        y, p = came[known].astype(float), chances[known, n]
        base = 1 - (1 - hazard) ** (n + 1)
        logits = np.log(np.clip(p, 1e-9, 1 - 1e-9) / (1 - np.clip(p, 1e-9, 1 - 1e-9)))
        slope, _ = calibration_line(y, logits, weight)
        place = np.clip(np.searchsorted(np.quantile(p, np.linspace(0, 1, 11)), p, side="right") - 1, 0, 9)
        tenths = []
        for tenth in np.unique(place):
            mine = place == tenth
            said, rate = (float(np.average(values[mine], weights=weight[mine])) for values in (p, y))
            tenths.append([round(said, 5), round(rate, 5), int(mine.sum())])
        told.append(
            {
                "rows": int(known.sum()), "outcomes": int(y.sum()), "auc": round(auc(y, p), 4),
                "brier": round(float(np.average((p - y) ** 2, weights=weight)), 6),
                "brier_of_the_base_rate": round(float(np.average((base - y) ** 2, weights=weight)), 6),
                "mean_chance": round(float(np.average(p, weights=weight)), 5), "rate": round(float(np.average(y, weights=weight)), 5),
                "calibration_slope": round(slope, 3), "tenths": tenths,
            }
        )  # fmt: skip
    return told


def _seen_weights(rows: Landmarks, span: int) -> NDArray[np.float64]:
    """One over the chance (Kaplan-Meier) that a landmark stays in sight until its outcome, or through ``span``."""
    length = rows.until - rows.at
    order = np.argsort(length, kind="stable")
    left = (~rows.happened[order]).astype(float)
    seen = np.concatenate([[1.0], np.cumprod(1 - left / (len(order) - np.arange(len(order))))])
    place = np.searchsorted(length[order], np.minimum(length, span), side="left")
    return np.asarray(1 / np.maximum(seen[place], 1e-3))


def auc(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """The share of pairs (outcome, none) that ``p`` puts in the right order, ties counting half; NaN where there are no pairs."""
    from scipy.stats import rankdata

    good, bad = float((y == 0).sum()), float((y == 1).sum())
    if not good or not bad:
        return float("nan")
    return float((rankdata(p)[y == 1].sum() - bad * (bad + 1) / 2) / (good * bad))


def _importance(booster: Any, names: Sequence[str]) -> dict[str, float]:
    gain = booster.feature_importance("gain")
    whole = max(float(gain.sum()), 1e-12)
    order = np.argsort(-gain)[:15]
    return {names[int(i)]: round(float(gain[i]) / whole, 4) for i in order if gain[i] > 0}


def _day(micro: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(micro / 1e6, UTC).date().isoformat()
