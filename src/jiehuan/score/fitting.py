"""``fit``: from a table with an outcome to a model with honest figures and warnings.

Every figure of the model's quality comes from rows it was not fitted on: folds (binning, selection, early stopping and
calibration are all repeated inside each), and the latest rows when a time column is given. The model returned is fitted on all
labelled rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jiehuan.score.arguments import check_clusters, check_names, clusters_of, weights_of
from jiehuan.score.assess import Assessment, assess, reference_of
from jiehuan.score.columns import plan_columns, time_of
from jiehuan.score.findings import Finding, finding
from jiehuan.score.leaks import find_leaks, refuse_copies, single_aucs
from jiehuan.score.learners import CardLearner, Learned, Learner, TreeLearner
from jiehuan.score.metrics import point_metrics
from jiehuan.score.model import Model
from jiehuan.score.rejects import RejectLearner
from jiehuan.score.scorecard_fit import bin_sheet
from jiehuan.score.settings import Settings, read_settings
from jiehuan.score.sheet import Sheet, read_sheet
from jiehuan.score.target import Outcome, read_outcome
from jiehuan.units.errors import InputError, Problem, Refused

if TYPE_CHECKING:
    from jiehuan.score.model import Table

Ints = np.ndarray[Any, np.dtype[np.int64]]


def fit(
    frame: Table,
    target: str,
    kind: str = "scorecard",
    time: str | None = None,
    exclude: Sequence[str] = (),
    id: str | None = None,
    *,
    event: str | None = None,
    features: Sequence[str] | None = None,
    weight: str | None = None,
    groups: Sequence[str] = (),
    monotone: Mapping[str, int] | None = None,
    specials: Mapping[str, Sequence[float]] | None = None,
    labels: Mapping[str, Mapping[str, str]] | None = None,
    rejects: Table | None = None,
    reject_method: str = "fuzzy",
    settings: Mapping[str, Any] | None = None,
    seed: int = 20_260_701,
    advance: Callable[[str], None] | None = None,
) -> Model:
    """Fit a model of the probability of an event.

    Args:
        frame: polars DataFrame, mapping of columns, or list of rows. Rows whose target is null are left out and counted.
        target: 0/1, true/false, or two labels; ``event`` names the label that is the event (default: the one that sounds bad).
        kind: ``scorecard`` (points a person can add up) or ``boosted`` (LightGBM, monotone where the data say so).
        time: column of the application's moment (date or number): adds the out-of-time check and stability; never a feature.
        exclude: columns not to use. ``features``: use only these. Ids, free text and constants are left out by themselves.
        id: column naming the borrower: never a feature, and rows that share it are never parted into different folds.
        weight: column of row weights above 0. ``groups``: columns by which fairness is measured (used or not).
        monotone: feature to 1 (risk rises), -1 or 0 (free); others are told from the data.
        specials: feature to the codes that stand for "no value", each with a bin of its own (default: told from the data).
        labels: column to {"zh", "en"}, for reasons and the card.
        rejects: rejected applicants (no outcome), for reject inference by ``reject_method`` fuzzy, parcelling or augmentation.
        settings: changes of ``defaults.yaml``. ``seed``: same data and seed, same model.
        advance: called with a short text as each of about ``folds + 4`` steps begins.

    Raises InputError (unusable target or columns, each named) and Refused (a field that is the target by another name).
    """
    how = read_settings(settings)
    table = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame, infer_schema_length=None)
    say = advance or (lambda text: None)
    say("reading")
    check_names(table, target, kind, time, exclude, id, features, weight, groups, monotone, reject_method)
    outcome = read_outcome(table, target, event, how.evaluation.min_events)
    rows = table.filter(pl.Series(outcome.labelled)) if not outcome.labelled.all() else table
    aside = {target, time, id, weight, *exclude}
    plan = plan_columns(rows, [name for name in (features or rows.columns) if name not in aside], time, how)
    if not plan.inputs:
        raise InputError(
            Problem(
                "features",
                "",
                "no usable column is left",
                "; ".join(str(one) for one in plan.findings[:5]) or "give at least one feature",
            )
        )
    sheet = read_sheet(rows, plan.inputs, outcome.events, weights_of(rows, weight))
    clusters = clusters_of(rows, plan, id)
    check_clusters(clusters, outcome.events, how.evaluation.folds, id or plan.borrower)
    moments = time_of(rows, time) if time else None

    say("binning")
    bins = bin_sheet(sheet, how, specials, None)
    areas = single_aucs(sheet, bins)
    refuse_copies(areas, sheet, target)
    findings = _notices(outcome, table, how, target) + plan.findings + find_leaks(sheet, areas, how.leaks)
    learner: Learner = _learner(kind, how, seed, monotone or {}, specials or {})
    if rejects is not None:
        learner = RejectLearner(learner, _reject_sheet(rejects, sheet), reject_method, how.rejects, seed)
        findings.append(finding("reject_inference"))

    measured = assess(learner, sheet, clusters, moments, bins, how, seed, say)
    say("fitting on all rows")
    learned = learner.learn(sheet, clusters, measured.rounds)
    scorer = learned.scorer(sheet, measured.calibration)
    if not scorer.inputs:
        findings.append(finding("nothing", target))
    logits = measured.calibration.many(learned.raw(sheet)) if learner.calibrated else learned.raw(sheet)
    metrics = measured.metrics | {
        "in_sample": point_metrics(outcome.events, 1 / (1 + np.exp(-logits))),
        "features": _feature_rows(bins, areas, learned.details(), measured),
    }
    if isinstance(learner, RejectLearner):
        metrics["rejects"] = _rejects_told(learner, learned, sheet, clusters, measured)
    if groups:
        from jiehuan.score.fairness import fairness

        metrics["fairness"] = fairness(rows, groups, measured)
    fitted = {
        "kind": kind,
        "rows": len(sheet),
        "events": int(outcome.events.sum()),
        "unlabelled": int((~outcome.labelled).sum()),
        "event": outcome.event,
        "other": outcome.other,
        "seed": seed,
        "rounds": measured.rounds,
        "time": time,
        "id": id or plan.borrower or None,
        "weight": weight,
        "excluded": [
            *({"column": name, "why": "asked"} for name in exclude),
            *({"column": one.column, "why": one.en} for one in plan.findings if one.code == "excluded"),
        ],
        "rejects": None if rejects is None else reject_method,
        "settings": how.as_document(),
    }
    model = Model(
        target=target,
        event=outcome.event,
        scorer=scorer,
        labels=labels or {},
        fitted=fitted,
        reference={},
        metrics=metrics,
        warnings=tuple(one.as_dict() for one in [*findings, *measured.findings]),
    )
    say("done")
    return model.with_reference(reference_of(scorer, sheet, bins, measured))


def _learner(
    kind: str, how: Settings, seed: int, monotone: Mapping[str, int], specials: Mapping[str, Sequence[float]]
) -> Learner:
    return CardLearner(how, specials, monotone) if kind == "scorecard" else TreeLearner(how, seed, monotone)


def _notices(outcome: Outcome, table: pl.DataFrame, how: Settings, target: str) -> list[Finding]:
    found = []
    unlabelled, events = int((~outcome.labelled).sum()), int(outcome.events.sum())
    if unlabelled:
        found.append(finding("unlabelled", target, unlabelled, count=unlabelled, rows=table.height))
    if outcome.guessed:
        found.append(finding("event", target, event=outcome.event, other=outcome.other))
    fewest = min(events, len(outcome.events) - events)
    if fewest < how.evaluation.few_events:
        found.append(finding("thin", target, fewest, fewest=fewest))
    return found


def _reject_sheet(rejects: Table, sheet: Sheet) -> Sheet:
    from jiehuan.score.schema import problems_with

    table = rejects if isinstance(rejects, pl.DataFrame) else pl.DataFrame(rejects, infer_schema_length=None)
    if not table.height:
        raise Refused(Problem("rejects", "", "no rows", "leave the option out, or give rejected applications"))
    if problems := problems_with(sheet.inputs, table):
        raise InputError([replace(one, where=f"rejects, {one.where}") for one in problems])
    return read_sheet(table, sheet.inputs, np.zeros(table.height), None)


def _rejects_told(
    learner: RejectLearner, learned: Learned, sheet: Sheet, clusters: Ints | None, measured: Assessment
) -> dict[str, Any]:
    """What the rejected applicants did to the model: mean probability of theirs with them in the fit, and without."""

    def mean(model: Learned) -> float:
        raw = model.raw(learner.rejected)
        logits = measured.calibration.many(raw) if learner.calibrated else raw
        return float((1 / (1 + np.exp(-logits))).mean())

    without = learner.inner.learn(sheet, clusters, measured.rounds)
    rows = len(learner.rejected)
    return {"method": learner.method, "rows": rows, "mean_pd": mean(learned), "mean_pd_without": mean(without)}


def _feature_rows(
    bins: Sequence[Any], areas: Mapping[str, float], details: Mapping[str, Mapping[str, float]], measured: Assessment
) -> list[dict[str, Any]]:
    found = []
    for table in bins:
        row: dict[str, Any] = {
            "name": table.name,
            "iv": table.iv,
            "auc": areas[table.name],
            "trend": table.trend,
            "bins": len(table.bins),
            "used": table.name in details,
        }
        found.append(
            row
            | dict(details.get(table.name, {}))
            | ({"csi": measured.csi[table.name]} if table.name in measured.csi else {})
        )
    return sorted(found, key=lambda row: -row["iv"])
