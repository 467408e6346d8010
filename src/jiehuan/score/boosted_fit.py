"""Fitting a boosted model: LightGBM, monotone where the data or the user says so, as many rounds as an inner split bears out.

The number of rounds is found by early stopping on a part of the training rows; the rows a metric is reported on are never
used for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jiehuan.score.binning import monotone_sign
from jiehuan.score.folds import split_off
from jiehuan.score.settings import Settings
from jiehuan.score.sheet import Category, Sheet

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Trees:
    """What a boosted fit makes: native text, how the sheet was read for it, gain and splits by feature.

    ``checked`` holds outcomes and raw scores of the inner split under the model that had not seen it, for a calibration.
    """

    text: str
    rounds: int
    categories: tuple[tuple[str, ...], ...]
    monotone: tuple[int, ...]
    importance: dict[str, dict[str, float]]
    checked: tuple[Floats, Floats] | None


def learn_trees(
    sheet: Sheet,
    settings: Settings,
    seed: int,
    monotone: Mapping[str, int] | None = None,
    clusters: Ints | None = None,
    rounds: int = 0,
) -> Trees:
    """Fit on all rows of the sheet, the number of rounds found on an inner split of them (no cluster parted) unless given.

    ``monotone`` maps features to 1 (risk rises with the value), -1 or 0; the other numeric features are constrained where the
    data plainly support it (``monotone_sign``). Reproducible for one seed.
    """
    categories = tuple(_frequent(sheet.features[one.name], settings.binning.min_rows) for one in sheet.inputs)
    bounds = tuple(_bound(sheet, one.name, settings, monotone or {}) for one in sheet.inputs)
    values = matrix_of_sheet(sheet, categories)
    checked = None
    if not rounds:
        held = split_off(sheet.events, settings.boosted.validation_share, seed, clusters)
        rounds, checked = _search_rounds(sheet, values, bounds, settings, seed, held)
    booster = _train(sheet, values, bounds, settings, seed, np.arange(len(sheet)), rounds)
    gains, splits = booster.feature_importance("gain"), booster.feature_importance("split")
    importance = {
        one.name: {"gain": float(gain), "splits": float(count)}
        for one, gain, count in zip(sheet.inputs, gains, splits, strict=True)
    }
    return Trees(booster.model_to_string(), rounds, categories, bounds, importance, checked)


def matrix_of_sheet(sheet: Sheet, categories: Sequence[Sequence[str]]) -> Floats:
    """The sheet as the trees read it: float64[n, features]; category places as in ``boosted.category_codes``."""
    values = np.empty((len(sheet), len(sheet.inputs)))
    for place, (one, names) in enumerate(zip(sheet.inputs, categories, strict=True)):
        found = sheet.features[one.name]
        if isinstance(found, Category):
            places = {text: float(at) for at, text in enumerate(names)}
            values[:, place] = np.array([*(places.get(text, float(len(names))) for text in found.names), np.nan])[
                found.ids
            ]
        else:
            values[:, place] = found
    return values


def _search_rounds(
    sheet: Sheet,
    values: Floats,
    bounds: Sequence[int],
    settings: Settings,
    seed: int,
    held: np.ndarray[Any, np.dtype[np.bool_]],
) -> tuple[int, tuple[Floats, Floats] | None]:
    import lightgbm

    learn, check = np.flatnonzero(~held), np.flatnonzero(held)
    if not len(check) or len(np.unique(sheet.events[check])) < 2 or len(np.unique(sheet.events[learn])) < 2:
        return min(100, settings.boosted.max_rounds), None
    stop = lightgbm.early_stopping(settings.boosted.patience, verbose=False)
    booster = _train(sheet, values, bounds, settings, seed, learn, settings.boosted.max_rounds, check, [stop])
    raw = booster.predict(values[check], raw_score=True, num_iteration=booster.best_iteration)
    return max(int(booster.best_iteration), 1), (sheet.events[check], raw)


def _train(
    sheet: Sheet,
    values: Floats,
    bounds: Sequence[int],
    settings: Settings,
    seed: int,
    rows: Ints,
    rounds: int,
    check: Ints | None = None,
    callbacks: list[Any] | None = None,
) -> Any:
    import lightgbm

    how = settings.boosted
    named = [place for place, one in enumerate(sheet.inputs) if one.is_category]
    least = int(min(how.min_rows_in_leaf, max(len(rows) // 50, 1)))
    kinds = max((len(np.unique(values[:, place])) for place in named), default=0)
    smooth = max(how.smooth, min(how.many_smooth, len(sheet) / 300)) if kinds > how.many else how.smooth
    options = {
        "objective": "binary",
        "learning_rate": how.learning_rate * (2 if len(sheet) >= how.large else 1),
        "num_leaves": how.leaves,
        "min_data_in_leaf": least,
        "feature_fraction": how.feature_share,
        "bagging_fraction": how.row_share,
        "bagging_freq": 1,
        "lambda_l2": how.l2,
        "monotone_constraints": list(bounds),
        "monotone_constraints_method": "intermediate",
        "cat_smooth": smooth,
        "cat_l2": max(20.0, smooth / 4),
        "seed": seed % 2**31,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        "num_threads": how.threads or (1 if len(rows) < 200_000 else 0),
    }
    if not any(bounds):
        del options["monotone_constraints"], options["monotone_constraints_method"]

    def part(of: Ints, reference: Any = None) -> Any:
        weights = None if sheet.weights is None else sheet.weights[of]
        return lightgbm.Dataset(
            values[of],
            sheet.events[of],
            weight=weights,
            categorical_feature=named,
            reference=reference,
            params={"verbosity": -1},
            free_raw_data=True,
        )

    training = part(rows)
    checks = [part(check, training)] if check is not None else None
    return lightgbm.train(options, training, num_boost_round=rounds, valid_sets=checks, callbacks=callbacks)


def _bound(sheet: Sheet, name: str, settings: Settings, given: Mapping[str, int]) -> int:
    values = sheet.features[name]
    if isinstance(values, Category):
        return 0
    if name in given:
        return int(given[name])
    return monotone_sign(values, sheet.events, sheet.weights, settings.binning, settings.boosted.monotone_share)


def _frequent(values: Floats | Category, least: int) -> tuple[str, ...]:
    if not isinstance(values, Category):
        return ()
    counts = np.bincount(values.ids, minlength=len(values.names) + 1)[:-1]
    order = np.argsort(-counts, kind="stable")[:MAX_CATEGORIES]
    return tuple(sorted(values.names[place] for place in order if counts[place] >= least))


MAX_CATEGORIES = 1000
