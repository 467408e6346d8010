"""Fitting ability and willingness, and measuring that willingness tells more than ability, on rows not fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jiehuan.score.arguments import check_clusters, clusters_of
from jiehuan.score.bins import Bins
from jiehuan.score.columns import plan_columns
from jiehuan.score.folds import make_folds
from jiehuan.score.logistic import fit_logistic
from jiehuan.score.metrics import auc, evaluate, log_loss
from jiehuan.score.refine import refine
from jiehuan.score.scorecard import Scaling, Scorecard
from jiehuan.score.scorecard_fit import bin_sheet, learn_scorecard, least_iv, logits_of_sheet
from jiehuan.score.settings import Settings, read_settings
from jiehuan.score.sheet import Sheet, read_sheet
from jiehuan.score.target import read_outcome
from jiehuan.score.two_scores import TwoScores, both_columns

if TYPE_CHECKING:
    from jiehuan.score.model import Table

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Two:
    """A fitted pair: willingness is its card's logit less ``level`` and ``lean`` times the ability logit."""

    able: Scorecard
    willing: Scorecard
    lean: float
    level: float

    def logits(self, sheet: Sheet) -> tuple[Floats, Floats]:
        """Ability and willingness logits of a sheet."""
        able = logits_of_sheet(self.able, sheet)
        return able, logits_of_sheet(self.willing, sheet) - self.level - self.lean * able


AVERAGE = 500.0
"""Willingness points of someone who behaves as people of their ability do."""


def fit_two(
    frame: Table, target: str, ability: Sequence[str], willingness: Sequence[str], *, time: str | None = None, id: str | None = None,
    event: str | None = None, labels: Mapping[str, Mapping[str, str]] | None = None, low_share: float = 1 / 3,
    settings: Mapping[str, Any] | None = None, seed: int = 20_260_701,
) -> TwoScores:  # fmt: skip
    """Fit the pair on the labelled rows of ``frame``; ``target``, ``time``, ``id``, ``event``, ``settings`` as in ``fit``.

    ``ability`` and ``willingness`` name the columns of either side. ``low_share`` of the rows count as low on each score.
    ``metrics`` (all out of fold): ``ability``, ``both`` and ``one_card`` (a single scorecard of all columns) as ``evaluate``,
    ``willingness_auc`` within each third of ability, ``log_loss_gain`` of both over ability, ``correlation`` of the two logits.
    """
    how = read_settings(settings)
    table = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame, infer_schema_length=None)
    outcome = read_outcome(table, target, event, how.evaluation.min_events)
    rows = table.filter(pl.Series(outcome.labelled))
    plan = plan_columns(rows, both_columns(ability, willingness), time, how)
    sheet = read_sheet(rows, plan.inputs, outcome.events, None)
    sides = [[one.name for one in plan.inputs if one.column in side] for side in (ability, willingness)]
    clusters = clusters_of(rows, plan, id)
    check_clusters(clusters, outcome.events, how.evaluation.folds, id or plan.borrower)

    folds = make_folds(sheet.events, how.evaluation.folds, seed, clusters)
    logits = np.empty((3, len(sheet)))  # ability, willingness, one card
    for fold in range(how.evaluation.folds):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        kept = None if clusters is None else np.unique(clusters[inside], return_inverse=True)[1]
        two = _learn(sheet.take(inside), sides, how, seed, kept)
        checked = sheet.take(outside)
        logits[0, outside], logits[1, outside] = two.logits(checked)
        logits[2, outside] = logits_of_sheet(learn_scorecard(sheet.take(inside), how)[0], checked)
    two = _learn(sheet, sides, how, seed, clusters)
    cuts = tuple(
        float(np.quantile(scaling.offset - scaling.factor * side, low_share))
        for scaling, side in zip((two.able.scaling, two.willing.scaling), logits, strict=False)
    )
    fitted = {
        "rows": len(sheet),
        "events": int(sheet.events.sum()),
        "other": outcome.other,
        "seed": seed,
        "settings": how.as_document(),
    }
    pair = TwoScores(
        target, outcome.event, two.able, two.willing, (two.lean, two.level), (cuts[0], cuts[1]), labels or {}, fitted
    )
    return pair.with_metrics(_measure(sheet.events, logits, clusters, how, seed))


def _learn(sheet: Sheet, sides: Sequence[Sequence[str]], how: Settings, seed: int, clusters: Ints | None) -> Two:
    """Both cards. The ability logit beside which behaviour is fitted comes out of inner folds: one's own rows look too well explained.

    The sum c * ability + behaviour is then parted anew: what of behaviour a line in ability explains goes to ability, the rest,
    uncorrelated with ability, is willingness.
    """
    able_sheet, willing_sheet = sheet.keep(sides[0]), sheet.keep(sides[1])
    folds = make_folds(sheet.events, 3, seed + 3, clusters)
    offset = np.empty(len(sheet))
    for fold in range(3):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        offset[outside] = logits_of_sheet(learn_scorecard(able_sheet.take(inside), how)[0], able_sheet.take(outside))
    able, _ = learn_scorecard(able_sheet, how)
    bins = [
        _given(table, willing_sheet.codes(table), sheet.events, offset, how.binning.smoothing)
        for table in bin_sheet(willing_sheet, how)
    ]
    bins = [table for table in bins if table.iv >= least_iv(sheet, how)]
    codes = [willing_sheet.codes(table) for table in bins]
    woes = [np.array([part.woe for part in table.bins]) for table in bins]
    fit = fit_logistic(codes, woes, sheet.events, None, how.logistic.ridge, beside=offset)
    start = [coefficient * woe for coefficient, woe in zip(fit.coefficients[:-1], woes, strict=True)]
    share = float(fit.coefficients[-1])
    intercept, logits = refine(
        bins, codes, start, fit.intercept, sheet.events, None, how.logistic.hold, how.logistic.cycles, share * offset
    )
    inputs = {one.name: one for one in sheet.inputs}
    willing = Scorecard(
        [inputs[table.name] for table in bins],
        bins,
        [one.tolist() for one in logits],
        0.0,
        Scaling(AVERAGE, 1.0, how.scaling.pdo),
    )
    behaved = logits_of_sheet(willing, willing_sheet)
    lean, level = _line(offset, behaved)
    weight = share + lean
    if weight <= 0:  # ability tells nothing here: all is left to behaviour
        lean, level, weight = 0.0, float(behaved.mean()), 0.0
    scaled = [[weight * logit for logit in one] for one in able.logits]
    able = Scorecard(able.inputs, able.bins, scaled, intercept + level + weight * able.intercept, able.scaling)
    lean = lean / weight if weight else 0.0
    return Two(able, willing, lean, level - lean * (intercept + level))


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope and intercept of the least squares line of y on x; slope 0 where x does not vary."""
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread > 0 else 0.0
    return slope, float(y.mean()) - slope * float(x.mean())


def _given(table: Bins, codes: np.ndarray[Any, Any], events: Floats, offset: Floats, smoothing: float) -> Bins:
    """The bins with their evidence given the offset: the shift of the logit in each that explains its events, drawn towards 0."""
    width = len(table.bins)
    rate = float(events.mean())
    hold = smoothing * rate * (1 - rate)  # the information of so many average rows
    rows, hits = np.bincount(codes, minlength=width), np.bincount(codes, weights=events, minlength=width)
    shift = np.zeros(width)
    for _ in range(30):
        chance = 1 / (1 + np.exp(-(offset + shift[codes])))
        slope = hits - np.bincount(codes, weights=chance, minlength=width) - hold * shift
        steep = np.bincount(codes, weights=chance * (1 - chance), minlength=width) + hold
        step = np.clip(slope / np.maximum(steep, 1e-9), -1, 1)
        shift += step
        if np.abs(step).max(initial=0.0) < 1e-9:
            break
    parts = [
        replace(part, woe=float(value), iv=float(count / max(len(events), 1) * value**2))
        for part, value, count in zip(table.bins, shift, rows, strict=True)
    ]
    return replace(table, bins=tuple(parts))


def _measure(events: Floats, logits: Floats, clusters: Ints | None, how: Settings, seed: int) -> dict[str, Any]:
    able, willing, single = logits
    chances = {
        "ability": 1 / (1 + np.exp(-able)),
        "both": 1 / (1 + np.exp(-able - willing)),
        "one_card": 1 / (1 + np.exp(-single)),
    }
    found: dict[str, Any] = {
        name: evaluate(
            events, chance, clusters=clusters, bootstrap=how.evaluation.bootstrap, level=how.evaluation.level, seed=seed
        )
        for name, chance in chances.items()
    }
    thirds = np.searchsorted(np.quantile(able, (1 / 3, 2 / 3)), able, side="right")
    found["willingness_auc"] = [auc(events[thirds == third], willing[thirds == third]) for third in range(3)]
    found["log_loss_gain"] = log_loss(events, chances["ability"]) - log_loss(events, chances["both"])
    steady = able.std() > 0 and willing.std() > 0
    found["correlation"] = float(np.corrcoef(able, willing)[0, 1]) if steady else 0.0
    return found
