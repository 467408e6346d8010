"""Monotonic optimal binning: the exact best cut of a feature into bins, by dynamic programming.

A feature's values are cut into fine prebins by quantile. Among all ways to merge neighbours into at most ``max_bins`` bins
of at least ``min_share`` of the rows whose event rates rise (or fall, or turn once), the one with the highest penalised
log-likelihood is found exactly. The problem is that of Navas-Palencia (arXiv:2001.08025), who solves it as a constraint
programme; with one order of prebins it is a shortest path, so it is solved in a millisecond (docs/decisions).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from jiehuan.score.bins import Bin, Bins, range_label
from jiehuan.score.optimum import ASCENDING, DESCENDING, PEAK, VALLEY, best_cut
from jiehuan.score.settings import Binning

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

_TRENDS = {ASCENDING: "ascending", DESCENDING: "descending", PEAK: "peak", VALLEY: "valley"}


def bin_numbers(
    name: str,
    values: Floats,
    events: Floats,
    weights: Floats | None,
    how: Binning,
    specials: Sequence[float] | None = None,
    trend: str = "auto",
) -> Bins:
    """The optimal bins of a numeric feature.

    ``values`` float64[n] with NaN for missing, ``events`` float64[n] of 0 or 1, ``weights`` float64[n] or None.
    ``specials`` are codes with a bin of their own (None: found by ``find_specials``). ``trend`` is auto (monotone unless a
    turn is well supported), ascending or descending.
    """
    codes = tuple(find_specials(values, how) if specials is None else specials)
    apart = np.isnan(values)
    for code in codes:
        apart |= values == code
    plain = values[~apart] if apart.any() else values
    edges = prebin_edges(plain, how)
    fine = Bins(name, "ascending", tuple(edges), (), codes, ())
    place = fine.codes_of_numbers(values)
    width = fine.missing + 1
    rows, hits = _counts(place, events, weights, width)
    cut, chosen = _optimum(rows[: fine.ordinary], hits[: fine.ordinary], how, trend)
    kept = tuple(float(edges[at - 1]) for at in cut)
    starts = [0, *cut]
    bounds = [*zip(starts, [*cut, fine.ordinary], strict=True)]
    parts = [
        (range_label(kept, at), "range", rows[low:high].sum(), hits[low:high].sum())
        for at, (low, high) in enumerate(bounds)
    ]
    parts += [
        (f"= {code:.6g}", "special", rows[fine.ordinary + at], hits[fine.ordinary + at])
        for at, code in enumerate(codes)
    ]
    parts.append(("missing", "missing", rows[-1], hits[-1]))
    return Bins(name, _TRENDS[chosen], kept, (), codes, _evidence(parts, how.smoothing))


def bin_categories(
    name: str, ids: Ints, names: Sequence[str], events: Floats, weights: Floats | None, how: Binning
) -> Bins:
    """The optimal groups of a categorical feature: categories in order of their (smoothed) event rate, then cut as numbers are.

    ``ids`` int[n] are places in ``names``, ``len(names)`` for missing. Categories too rare to judge (fewer than ``min_rows``,
    or beyond the ``max_categories`` most frequent) share the bin "other", which also takes categories unseen at the fit.
    """
    rows, hits = _counts(ids, events, weights, len(names) + 1)
    known_rows, known_hits = rows[:-1], hits[:-1]
    enough = np.flatnonzero(known_rows >= how.min_rows)
    frequent = enough[np.argsort(-known_rows[enough], kind="stable")][: how.max_categories]
    overall = hits.sum() / max(rows.sum(), 1e-9)
    calm = known_rows * _shrunk_rates(known_rows, known_hits, frequent, float(overall), how.smoothing)
    ordered = frequent[np.argsort((calm / np.maximum(known_rows, 1e-9))[frequent], kind="stable")]
    cut, _ = (
        _optimum(known_rows[ordered], known_hits[ordered], replace(how, bin_cost=0.0), "ascending")
        if len(ordered)
        else ((), ASCENDING)
    )
    groups: list[tuple[str, ...]] = []
    parts: list[Any] = []
    for members in np.split(ordered, list(cut)) if len(ordered) else []:
        groups.append(tuple(names[member] for member in members))
        parts.append(
            (
                _group_label(groups[-1]),
                "group",
                known_rows[members].sum(),
                known_hits[members].sum(),
                calm[members].sum(),
            )
        )
    rare = np.ones(len(names), bool)
    rare[ordered] = False
    parts.append(("missing", "missing", rows[-1], hits[-1]))
    parts.append(("other", "other", known_rows[rare].sum(), known_hits[rare].sum()))
    return Bins(name, "groups", (), tuple(groups), (), _evidence(parts, how.smoothing))


def _shrunk_rates(rows: Floats, hits: Floats, judged: Ints, overall: float, least: float) -> Floats:
    """Event rates drawn to the overall rate as far as chance explains their spread (empirical Bayes, method of moments).

    Sorting fifty categories of pure noise by their rate makes a strong-looking feature; drawn in, it tells nothing. The prior
    counts as many rows as the spread between the judged categories bears out, and never fewer than ``least``.
    """
    count, happened = rows[judged], hits[judged]
    whole, spread = count.sum(), overall * (1 - overall)
    prior = least
    if len(judged) > 1 and spread > 0:
        own = happened.sum() / whole
        excess = (count * (happened / count - own) ** 2).sum() / max(own * (1 - own), 1e-9) - (len(judged) - 1)
        between = excess * spread / max(whole - (count**2).sum() / whole, 1e-9)
        prior = max(least, spread / between) if between > 0 else np.inf
    if np.isinf(prior):
        return np.full(len(rows), overall)
    return (hits + prior * overall) / (rows + prior)


def find_specials(values: Floats, how: Binning) -> list[float]:
    """Codes such as -1 or 99999 that stand apart from all other values and are frequent: a "no value" written as a number.

    A negative code counts when every other value is 0 or more; a large one when every other value is less than a tenth.
    """
    known = values[~np.isnan(values)]
    found: list[float] = []
    if not len(known):
        return found
    for code in how.specials:
        hit = known == code
        share = hit.mean()
        if share < how.special_share or share == 1.0:
            continue
        rest = known[~hit]
        if (code < 0 and rest.min() >= 0) or (code > 0 and rest.max() < code / 10):
            found.append(float(code))
    return found


def prebin_edges(values: Floats, how: Binning) -> Floats:
    """Lower edges of the fine prebins after the first: quantiles, or every value where there are few. Sorted, distinct."""
    if len(values) > how.sample:
        values = values[:: -(-len(values) // how.sample)]
    values = values[np.isfinite(values)]
    distinct = np.unique(values)
    if len(distinct) > how.prebins:
        distinct = np.unique(np.quantile(values, np.linspace(0, 1, how.prebins + 1)[:-1], method="nearest"))
    return distinct[1:]


def monotone_sign(values: Floats, events: Floats, weights: Floats | None, how: Binning, share: float) -> int:
    """1 or -1 when risk plainly rises or falls with the value: the monotone cut keeps ``share`` of the free cut's evidence.

    The free cut may turn once. 0 when it turns, when missing values hide the trend, or when the evidence is thin (a log
    likelihood below 10).
    """
    known = ~np.isnan(values)
    plain, happened = values[known], events[known]
    edges = prebin_edges(plain, how)
    if not len(edges):
        return 0
    fine = Bins("", "ascending", tuple(edges), (), (), ())
    rows, hits = _counts(
        fine.codes_of_numbers(plain), happened, None if weights is None else weights[known], fine.ordinary
    )
    least = max(float(how.min_rows), how.min_share * rows.sum())
    worth = [float(best_cut(rows, hits, trend, how.max_bins, least, how.bin_cost)[0]) for trend in _TRENDS]
    free = max(worth)
    if free < THIN or max(worth[ASCENDING], worth[DESCENDING]) < share * free:
        return 0
    return 1 if worth[ASCENDING] > worth[DESCENDING] else -1


THIN = 10.0
"""Log-likelihood below which a trend is not trusted: about twenty in a chi-square."""


def _counts(place: np.ndarray[Any, Any], events: Floats, weights: Floats | None, width: int) -> tuple[Floats, Floats]:
    rows = np.bincount(place, weights=weights, minlength=width).astype(np.float64)
    hits = np.bincount(place, weights=events if weights is None else events * weights, minlength=width).astype(
        np.float64
    )
    return rows, hits


def _optimum(rows: Floats, hits: Floats, how: Binning, trend: str) -> tuple[tuple[int, ...], int]:
    least = max(float(how.min_rows), how.min_share * rows.sum())
    found: dict[int, tuple[float, tuple[int, ...]]] = {}
    wanted = {"ascending": (ASCENDING,), "descending": (DESCENDING,)}.get(trend, tuple(_TRENDS))
    for one in wanted:
        worth, cuts = best_cut(rows, hits, one, how.max_bins, least, how.bin_cost)
        found[one] = (worth - (how.turn_cost if one in (PEAK, VALLEY) else 0.0), tuple(int(at) for at in cuts))
    best = max(found, key=lambda one: (round(found[one][0], 9), -one))
    return found[best][1], best


def _evidence(parts: Sequence[Any], smoothing: float) -> tuple[Bin, ...]:
    """The bins of (label, kind, rows, events, and for shrunk groups the events their WOE goes by)."""
    rows = sum(float(part[2]) for part in parts)
    events = sum(float(part[3]) for part in parts)
    overall = events / rows if rows else 0.0
    built = []
    for label, kind, count, hits, *shrunk in parts:
        bad = shrunk[0] if shrunk else (hits + smoothing * overall) * count / (count + smoothing)
        good = count - bad
        if count <= 0 or not 0 < overall < 1:
            built.append(Bin(label, kind, float(count), float(hits), 0.0, 0.0))
            continue
        woe = math.log(max(bad, 1e-9) / max(good, 1e-9)) - math.log(overall / (1 - overall))
        iv = (bad / events - good / (rows - events)) * woe
        built.append(Bin(label, kind, float(count), float(hits), woe, max(float(iv), 0.0)))
    return tuple(built)


def _group_label(members: Sequence[str]) -> str:
    shown = ", ".join(members[:4])
    return f"{shown} and {len(members) - 4} more" if len(members) > 4 else shown
