"""Fitting a scorecard: bin every feature, keep those that tell something, fit non-negative coefficients, drop the unsure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jiehuan.score.binning import bin_categories, bin_numbers
from jiehuan.score.bins import Bins
from jiehuan.score.logistic import Fit, fit_logistic
from jiehuan.score.scorecard import Scorecard
from jiehuan.score.settings import Settings
from jiehuan.score.sheet import Category, Sheet

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
) -> tuple[Scorecard, Fit]:
    """A scorecard from the rows of a sheet, and the fit of its coefficients (for standard errors)."""
    rows, rate = len(sheet), float(sheet.events.mean())
    least = max(settings.logistic.min_iv, 2 * settings.logistic.min_gain / (rows * rate * (1 - rate)))
    bins = [table for table in bin_sheet(sheet, settings, specials, trends) if table.iv >= least]
    codes = [sheet.codes(table) for table in bins]
    while True:
        tables = [np.array([part.woe for part in table.bins]) for table in bins]
        fit = fit_logistic(codes, tables, sheet.events, sheet.weights, settings.logistic.ridge)
        certainty = fit.coefficients / np.maximum(fit.errors, 1e-12)
        kept = [
            place
            for place in range(len(bins))
            if fit.coefficients[place] > 0 and certainty[place] >= settings.logistic.min_z
        ]
        if len(kept) == len(bins) <= settings.logistic.max_features:
            break
        if len(kept) > settings.logistic.max_features:
            kept = sorted(sorted(kept, key=lambda place: -certainty[place])[: settings.logistic.max_features])
        bins, codes = [bins[place] for place in kept], [codes[place] for place in kept]
    by_name = {one.name: one for one in sheet.inputs}
    card = Scorecard(
        [by_name[table.name] for table in bins],
        bins,
        [float(one) for one in fit.coefficients],
        fit.intercept,
        settings.scaling,
    )
    return card, fit


def logits_of_sheet(card: Scorecard, sheet: Sheet) -> Floats:
    """The logit of every row of a sheet: float64[n]."""
    total = np.full(len(sheet), card.intercept)
    for table, logits in zip(card.bins, card.logits, strict=True):
        total += np.array(logits)[sheet.codes(table)]
    return total
