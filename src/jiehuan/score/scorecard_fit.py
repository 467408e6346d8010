"""Fitting a scorecard: bin every feature, keep those that tell something, fit non-negative coefficients, drop the unsure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jiehuan.score.binning import bin_categories, bin_numbers
from jiehuan.score.bins import Bins
from jiehuan.score.logistic import Fit, fit_logistic
from jiehuan.score.refine import refine
from jiehuan.score.scorecard import Scorecard
from jiehuan.score.settings import Settings
from jiehuan.score.sheet import Category, Codes, Sheet

Floats = np.ndarray[Any, np.dtype[np.float64]]


def bin_sheet(
    sheet: Sheet,
    settings: Settings,
    specials: Mapping[str, Sequence[float]] | None = None,
    trends: Mapping[str, str] | None = None,
) -> list[Bins]:
    """The bins of every feature of the sheet, in order. ``specials`` and ``trends`` are by feature name."""
    found = []
    for one in sheet.inputs:
        values = sheet.features[one.name]
        if isinstance(values, Category):
            found.append(
                bin_categories(one.name, values.ids, values.names, sheet.events, sheet.weights, settings.binning)
            )
        else:
            codes, trend = (specials or {}).get(one.name), (trends or {}).get(one.name, "auto")
            found.append(bin_numbers(one.name, values, sheet.events, sheet.weights, settings.binning, codes, trend))
    return found


def learn_scorecard(
    sheet: Sheet,
    settings: Settings,
    specials: Mapping[str, Sequence[float]] | None = None,
    trends: Mapping[str, str] | None = None,
) -> tuple[Scorecard, dict[str, dict[str, float]]]:
    """A scorecard from the rows of a sheet, and of each feature in it: ``coefficient``, its ``error``, ``effect``.

    The coefficient is of WOE alone (0 where another feature told the same at first); the effect is the standard deviation of the
    feature's logit over the rows, after ``refine``.
    """
    how = settings.logistic
    least = least_iv(sheet, settings)
    bins = [table for table in bin_sheet(sheet, settings, specials, trends) if table.iv >= least]
    bins = sorted(bins, key=lambda table: -table.iv)[: how.max_features]
    order = {one.name: place for place, one in enumerate(sheet.inputs)}
    bins.sort(key=lambda table: order[table.name])
    codes = [sheet.codes(table) for table in bins]
    woes = [np.array([part.woe for part in table.bins]) for table in bins]
    fit = _sure(codes, woes, sheet, settings)
    start = [coefficient * woe for coefficient, woe in zip(fit.coefficients, woes, strict=True)]
    intercept, logits = refine(bins, codes, start, fit.intercept, sheet.events, sheet.weights, how.hold, how.cycles)
    details: dict[str, dict[str, float]] = {}
    kept = []
    for place, (table, logit) in enumerate(zip(bins, logits, strict=True)):
        rows = np.array([part.rows for part in table.bins])
        effect = float(np.sqrt(rows @ logit**2 / max(rows.sum(), 1e-9)))
        if effect >= LEAST_EFFECT:
            kept.append(place)
            told = {"coefficient": float(fit.coefficients[place]), "error": float(fit.errors[place]), "effect": effect}
            details[table.name] = told
    inputs = [sheet.inputs[order[bins[place].name]] for place in kept]
    card = Scorecard(
        inputs, [bins[place] for place in kept], [logits[place].tolist() for place in kept], intercept, settings.scaling
    )
    return card, details


LEAST_EFFECT = 0.01
"""A feature that moves the logit by less than this (standard deviation) leaves the card."""


def least_iv(sheet: Sheet, settings: Settings) -> float:
    """The information value from which a feature may enter."""
    rate = float(sheet.events.mean())
    return max(settings.logistic.min_iv, 2 * settings.logistic.min_gain / (len(sheet) * rate * (1 - rate)))


def _sure(codes: Sequence[Codes], woes: Sequence[Floats], sheet: Sheet, settings: Settings) -> Fit:
    """The non-negative fit; features less sure than ``min_z`` are set to 0 and the rest fitted again until all are sure."""
    free = list(range(len(codes)))
    while True:
        fit = fit_logistic(
            [codes[at] for at in free], [woes[at] for at in free], sheet.events, sheet.weights, settings.logistic.ridge
        )
        sure = [
            at
            for at, b, e in zip(free, fit.coefficients, fit.errors, strict=True)
            if b > 0 and b >= settings.logistic.min_z * e
        ]
        if len(sure) == len(free):
            break
        free = sure
    coefficients, errors = np.zeros(len(codes)), np.zeros(len(codes))
    coefficients[free], errors[free] = fit.coefficients, fit.errors
    return Fit(fit.intercept, coefficients, errors)


def logits_of_sheet(card: Scorecard, sheet: Sheet) -> Floats:
    """The logit of every row of a sheet: float64[n]."""
    total = np.full(len(sheet), card.intercept)
    for table, logits in zip(card.bins, card.logits, strict=True):
        total += np.array(logits)[sheet.codes(table)]
    return total
