"""Measuring a learner on rows it does not fit on: out of fold, out of time, over time, by band of the score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jiehuan.score.bins import Bins
from jiehuan.score.boosted import Boosted
from jiehuan.score.calibrate import Calibration, calibrate
from jiehuan.score.curves import calibration_bands, curves
from jiehuan.score.findings import Finding, finding
from jiehuan.score.folds import later_part, make_folds
from jiehuan.score.learners import Learner
from jiehuan.score.metrics import auc, evaluate
from jiehuan.score.scorecard import Scaling, Scorecard
from jiehuan.score.settings import Settings
from jiehuan.score.sheet import Sheet
from jiehuan.score.stability import band_edges, bands_of, periods_of, psi

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class Assessment:
    """What was measured. ``rows`` are the places of the rows measured out of fold, ``logits`` and ``events`` theirs.

    ``calibration`` and ``rounds`` are what the final model takes over from the folds.
    """

    rows: Ints
    logits: Floats
    events: Floats
    calibration: Calibration
    rounds: int
    metrics: dict[str, Any] = field(default_factory=dict)
    csi: dict[str, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def chance(self) -> Floats:
        """Out-of-fold probabilities."""
        return 1 / (1 + np.exp(-self.logits))


def assess(
    learner: Learner,
    sheet: Sheet,
    clusters: Ints | None,
    moments: Floats | None,
    bins: Sequence[Bins],
    how: Settings,
    seed: int,
    say: Callable[[str], None],
) -> Assessment:
    """Measure ``learner`` on the sheet by folds and, with ``moments`` float64[n], on the latest rows and over time."""
    rows = _sample(sheet, clusters, how.evaluation.rows, seed)
    part = sheet if rows is None else sheet.take(rows)
    groups = clusters if clusters is None or rows is None else np.unique(clusters[rows], return_inverse=True)[1]
    count = (
        min(how.evaluation.folds, 3) if learner.calibrated and len(part) >= how.boosted.large else how.evaluation.folds
    )
    folds = make_folds(part.events, count, seed, groups)
    raw, rounds = np.empty(len(part)), []
    for fold in range(count):
        say(f"fold {fold + 1} of {count}")
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        learned = learner.learn(part.take(inside), None if groups is None else groups[inside])
        raw[outside] = learned.raw(part.take(outside))
        rounds.append(learned.rounds)
    logits, calibration = raw, Calibration()
    if learner.calibrated:
        logits = np.empty(len(part))
        for fold in range(count):  # each fold is calibrated by the others
            inside, outside = folds != fold, folds == fold
            logits[outside] = calibrate(part.events[inside], raw[inside], how.boosted.calibration).many(raw[outside])
        calibration = calibrate(part.events, raw, how.boosted.calibration)
    found = Assessment(
        np.arange(len(part)) if rows is None else rows, logits, part.events, calibration, round(float(np.mean(rounds)))
    )
    measured = evaluate(
        part.events,
        found.chance,
        clusters=groups,
        bootstrap=how.evaluation.bootstrap,
        level=how.evaluation.level,
        seed=seed,
    )
    found.metrics["out_of_fold"] = measured | {"folds": count}
    if how.evaluation.bootstrap and measured["intervals"]["auc"][0] < 0.53:
        found.findings.append(finding("weak", "", measured["auc"], low=measured["intervals"]["auc"][0]))
    found.metrics["points"] = _points(part.events, logits, how.scaling)
    found.metrics["calibration"] = calibration_bands(part.events, found.chance)
    found.metrics["curves"] = curves(part.events, found.chance)
    found.metrics["out_of_time"] = None
    if moments is not None:
        say("out of time")
        _out_of_time(found, learner, part, groups, moments if rows is None else moments[rows], bins, how, seed)
    return found


def reference_of(
    scorer: Scorecard | Boosted, sheet: Sheet, bins: Sequence[Bins], measured: Assessment
) -> dict[str, Any]:
    """The distributions that drift is measured against: bands of the out-of-fold points, and each feature's bins."""
    points = scorer.scaling.offset - scorer.scaling.factor * measured.logits
    edges = band_edges(points)
    used = {one.name for one in scorer.inputs}
    own = {table.name: table for table in scorer.bins} if isinstance(scorer, Scorecard) else {}
    return {
        "edges": [float(edge) for edge in edges],
        "counts": [float(count) for count in bands_of(points, edges)],
        "event_rate": float(measured.events.mean()),
        "features": [table.as_document() for table in bins if table.name in used and table.name not in own],
    }


def _sample(sheet: Sheet, clusters: Ints | None, most: int, seed: int) -> Ints | None:
    """Places of at most ``most`` rows, whole clusters, in order; None for all."""
    if len(sheet) <= most:
        return None
    random = np.random.default_rng(seed + 2)
    if clusters is None:
        return np.sort(random.permutation(len(sheet))[:most])
    order = random.permutation(int(clusters.max()) + 1)
    sizes = np.cumsum(np.bincount(clusters)[order])
    kept = np.zeros(len(order), bool)
    kept[order[sizes <= most]] = True
    return np.flatnonzero(kept[clusters])


def _points(events: Floats, logits: Floats, scaling: Scaling) -> dict[str, float]:
    points = np.rint(scaling.offset - scaling.factor * logits)
    return {
        "auc": auc(events, -points),
        "mean": float(points.mean()),
        "low": float(points.min()),
        "high": float(points.max()),
    }


def _out_of_time(
    found: Assessment,
    learner: Learner,
    part: Sheet,
    groups: Ints | None,
    moments: Floats,
    bins: Sequence[Bins],
    how: Settings,
    seed: int,
) -> None:
    split = later_part(moments, how.evaluation.later_share)
    if split is None:
        found.findings.append(finding("one_moment"))
        return
    earlier, later = split
    if groups is not None:  # a borrower seen earlier would be met again
        again = np.isin(groups, groups[earlier]) & later
        if again.any():
            found.findings.append(finding("seen_again", "", again.sum(), count=int(again.sum())))
    fewest = min(
        part.events[side].sum() if outcome else (1 - part.events[side]).sum() for side in split for outcome in (0, 1)
    )
    if fewest < how.evaluation.min_events:
        found.findings.append(finding("few_later", "", fewest, fewest=int(fewest)))
    else:
        before, after = np.flatnonzero(earlier), np.flatnonzero(later)
        learned = learner.learn(
            part.take(before), None if groups is None else np.unique(groups[before], return_inverse=True)[1]
        )
        logits = learned.own.many(learned.raw(part.take(after)))
        measured = evaluate(
            part.events[after],
            1 / (1 + np.exp(-logits)),
            clusters=None if groups is None else groups[after],
            bootstrap=how.evaluation.bootstrap,
            level=how.evaluation.level,
            seed=seed,
        )
        found.metrics["out_of_time"] = measured | {
            "from": moment_text(float(moments[after].min())),
            "fitted_rows": len(before),
        }
        fold_auc = found.metrics["out_of_fold"]["intervals"]["auc"] if how.evaluation.bootstrap else None
        if fold_auc and measured["intervals"]["auc"][1] < fold_auc[0]:
            found.findings.append(
                finding("out_of_time", "", later=measured["auc"], folds=found.metrics["out_of_fold"]["auc"])
            )
    _over_time(found, part, moments, how)
    _fields_over_time(found, part, earlier, later, bins, how)


def _over_time(found: Assessment, part: Sheet, moments: Floats, how: Settings) -> None:
    periods = periods_of(moments, how.evaluation.periods)
    if periods is None:
        return
    edges = band_edges(found.logits)
    first = bands_of(found.logits[periods == 0], edges)
    spans = []
    for period in range(int(np.nanmax(periods)) + 1):
        inside = periods == period
        events, chance = part.events[inside], found.chance[inside]
        spans.append(
            {
                "from": moment_text(float(moments[inside].min())),
                "to": moment_text(float(moments[inside].max())),
                "rows": int(inside.sum()),
                "event_rate": float(events.mean()),
                "predicted": float(chance.mean()),
                "auc": auc(events, chance),
                "psi": psi(first, bands_of(found.logits[inside], edges)),
            }
        )
    found.metrics["periods"] = spans
    worst = max(float(span["psi"]) for span in spans)  # type: ignore[arg-type]
    if worst > how.leaks.psi_warn:
        found.findings.append(finding("score_moves", "", worst, psi=worst))


def _fields_over_time(
    found: Assessment, part: Sheet, earlier: Any, later: Any, bins: Sequence[Bins], how: Settings
) -> None:
    column = {one.name: one.column for one in part.inputs}
    for table in bins:
        codes, width = part.codes(table), len(table.bins)
        counts = [np.bincount(codes[side], minlength=width).astype(float) for side in (earlier, later)]
        hits = [np.bincount(codes[side], weights=part.events[side], minlength=width) for side in (earlier, later)]
        found.csi[table.name] = moved = psi(*counts)
        if moved > how.leaks.psi_warn:
            found.findings.append(finding("field_moves", column[table.name], moved, csi=moved))
        enough = (counts[0] >= 50) & (counts[1] >= 50)
        if table.iv >= 0.02 and enough.sum() >= 2:
            rates = [(hit[enough] + 1) / (count[enough] + 2) for hit, count in zip(hits, counts, strict=True)]
            if np.corrcoef(rates[0], rates[1])[0, 1] < 0:
                found.findings.append(finding("field_turns", column[table.name]))


def moment_text(moment: float) -> str:
    """A moment as people read it: days since 1970 as a date, another number as it is."""
    if 3650 < moment < 73_000:  # 1980 to 2169
        return str(np.datetime64(int(moment), "D"))
    return f"{moment:.10g}"
