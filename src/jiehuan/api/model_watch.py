"""Models watched on the lender's own applications: influence of features, drift by month, fairness, exposure, comparison.

Nothing here changes anything. Sex, age and region are read for the fairness report alone; the answer says whether the model
itself reads any of them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BeforeValidator, Field
from sqlalchemy import Connection, select

from jiehuan.api.access import Store
from jiehuan.api.clock import shown_day
from jiehuan.api.errors import NotFound
from jiehuan.api.model_rows import Asked, asked_of, table_of
from jiehuan.api.shapes import Id, Record
from jiehuan.flow.decide import load_model
from jiehuan.store import tables
from jiehuan.units.errors import Problem

if TYPE_CHECKING:
    from jiehuan.score import Model

router = APIRouter(prefix="/api/models", tags=["models"])

SHAP_ROWS = 1_000
LEAST_EVENTS, LEAST_MONTH = 10, 100
AGE_BANDS = ((18, 24), (25, 34), (35, 44), (45, 54), (55, 120))
TRAITS = ("age", "sex", "region")
READS = {"age": ("age", "birth"), "sex": ("sex", "gender"), "region": ("region", "province", "city")}
"""Words of a column's name by which a model is told to read a trait."""


def _six(value: Any) -> Any:
    return f"{value + 0.0:.6f}" if isinstance(value, int | float) else value


Figure = Annotated[
    str,
    BeforeValidator(_six),
    Field(pattern=r"^-?\d+\.\d{6}$", examples=["0.715000"], description="A statistic, six decimals."),
]
"""A statistic such as an AUC, a share or a ratio."""


class Influence(Record):
    """A feature's part in the scores: mean size in logit, its share, and the mean push of low, middling and high values."""

    name: str
    mean_abs: Figure
    share: Figure
    thirds: list[Figure] | None


class InfluenceOut(Record):
    """The features by influence, over the newest applications."""

    rows: int
    features: list[Influence]


class Moved(Record):
    """How far a feature moved in a month."""

    name: str
    csi: Figure
    verdict: str


class MonthOut(Record):
    """One month's applications against the rows of the fit; verdicts are calm, watch, moved, or thin (under 100 rows).

    ``chance`` is the PSI that so few rows show on average without any move.
    """

    month: str
    rows: int
    psi: Figure
    chance: Figure
    verdict: str
    mean_pd: Figure
    features: list[Moved]


class BandShare(Record):
    """A band of the points, from ``from_points``: its share at the fit, and now."""

    from_points: int | None
    then: Figure
    now: Figure


class DriftOut(Record):
    """Drift by month, and the points of all these applications beside those of the fit."""

    rows: int
    fitted_rate: Figure
    bands: list[BandShare]
    months: list[MonthOut]


class Interval(Record):
    """A figure with its 95 % interval."""

    value: Figure | None
    low: Figure | None
    high: Figure | None


class GroupOut(Record):
    """One group of a trait; ``ratio`` is its approval rate over the reference group's, ``calibration`` observed over predicted."""

    trait: str
    group: str
    reference: str
    decided: int
    approval: Interval
    ratio: Interval
    outcomes: int
    events: int
    default_rate: Interval
    predicted: Figure | None
    calibration: Interval
    verdict: str


class FairnessOut(Record):
    """Fairness of decisions; ``reads`` names the traits among age, sex and region that the model itself scores by."""

    applications: int
    decided: int
    outcomes: int
    reads: list[str]
    groups: list[GroupOut]


class ExposureBand(Record):
    """A tenth of the applications by points."""

    low: int
    high: int
    applications: int
    refused: int
    outcomes: int
    events: int
    predicted: Figure
    borne_out: bool


class Rejects(Record):
    """What rejected applicants did to the fit: mean probability of theirs with them in it, and without."""

    method: str
    rows: int
    mean_pd: Figure
    mean_pd_without: Figure


class ExposureOut(Record):
    """Where the model speaks of people without outcomes; ``rejects`` when it was fitted with reject inference."""

    applications: int
    refused: int
    outcomes: int
    bands: list[ExposureBand]
    rejects: Rejects | None


class Difference(Record):
    """This model's figure less the other's, paired; ``better`` is yes, no or unclear."""

    name: str
    this: Figure
    other: Figure
    value: Figure
    low: Figure
    high: Figure
    better: str


class AgainstOut(Record):
    """Two models on loans asked for since both were fitted. ``verdict`` None: too few outcomes to tell."""

    other_id: str
    since: date
    rows: int
    events: int
    verdict: str | None
    differences: list[Difference]


@router.get("/{model_id}/influence")
def model_influence(database: Store, model_id: Annotated[Id, Path()]) -> InfluenceOut:
    """What moves the model's score over the newest applications: contributions of bins, SHAP values of trees."""
    from jiehuan.score.influence import influence

    with database.connect() as connection:
        model = _model(connection, model_id)
        asked = asked_of(connection, shown_day(connection), outcomes=False)[-SHAP_ROWS:]
    return InfluenceOut(
        rows=len(asked), features=[Influence(**one) for one in influence(model, table_of(model, asked))]
    )


@router.get("/{model_id}/drift")
def model_drift(database: Store, model_id: Annotated[Id, Path()]) -> DriftOut:
    """How far each month's applications have moved from the rows of the fit: PSI of the points, CSI of each feature."""
    from jiehuan.score import drift

    with database.connect() as connection:
        model = _model(connection, model_id)
        asked = asked_of(connection, shown_day(connection), outcomes=False)
    by_month: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        by_month[one.month].append(one)
    fitted_rows = max(sum(model.reference["counts"]), 1.0)
    months = []
    for month, inside in by_month.items():
        told, thin = drift(model, table_of(model, inside)), len(inside) < LEAST_MONTH
        months.append(
            MonthOut(
                month=month,
                rows=told["rows"],
                psi=told["psi"],
                chance=(len(told["bands"]) - 1) * (1 / len(inside) + 1 / fitted_rows),
                verdict="thin" if thin else told["verdict"],
                mean_pd=told["mean_pd"],
                features=[
                    Moved(name=one["name"], csi=one["csi"], verdict="thin" if thin else one["verdict"])
                    for one in told["features"]
                ],
            )
        )
    whole = drift(model, table_of(model, asked)) if asked else {"bands": []}
    bands = [
        BandShare(from_points=None if one["from"] == "lowest" else int(one["from"]), then=one["then"], now=one["now"])
        for one in whole["bands"]
    ]
    return DriftOut(rows=len(asked), fitted_rate=model.reference["event_rate"], bands=bands, months=months)


@router.get("/{model_id}/fairness")
def model_fairness(database: Store, model_id: Annotated[Id, Path()]) -> FairnessOut:
    """Approval rate, default rate and calibration by age band, sex and region, with ratios and intervals."""
    from jiehuan.score.disparity import Case, disparity

    with database.connect() as connection:
        model = _model(connection, model_id)
        asked = asked_of(connection, shown_day(connection), outcomes=True)
    chances = _chances(model, asked)
    cases = [
        Case(_groups(one), one.approved, one.bad, chance) for one, chance in zip(asked, chances, strict=True)
    ]  # fmt: skip
    return FairnessOut(
        applications=len(asked),
        decided=sum(one.approved is not None for one in asked),
        outcomes=sum(one.bad is not None for one in asked),
        reads=[trait for trait in TRAITS if _reads(model, trait)],
        groups=[GroupOut(**asdict(one)) for one in disparity(cases, TRAITS)],
    )


@router.get("/{model_id}/exposure")
def model_exposure(database: Store, model_id: Annotated[Id, Path()]) -> ExposureOut:
    """Where the model speaks of people whose outcome nobody knows: refusals and known outcomes by band of the points."""
    from jiehuan.score.exposure import exposure

    with database.connect() as connection:
        model = _model(connection, model_id)
        metrics = connection.execute(
            select(tables.model.c.metrics).where(tables.model.c.model_id == model_id)
        ).scalar_one()
        asked = asked_of(connection, shown_day(connection), outcomes=True)
    refused, bad = [one.approved is False for one in asked], [one.bad for one in asked]
    points = model.points(table_of(model, asked)).tolist() if asked else []
    told = metrics.get("rejects")
    return ExposureOut(
        applications=len(asked),
        refused=sum(refused),
        outcomes=sum(one is not None for one in bad),
        bands=[ExposureBand(**asdict(one)) for one in exposure(points, refused, bad, _chances(model, asked))],
        rejects=Rejects(**{name: told[name] for name in Rejects.model_fields}) if told else None,
    )


@router.get("/{model_id}/against/{other_id}")
def model_against(database: Store, model_id: Annotated[Id, Path()], other_id: Annotated[Id, Path()]) -> AgainstOut:
    """This model beside another, on loans asked for after both were fitted: rows that neither has seen."""
    from jiehuan.score import compare

    with database.connect() as connection:
        model, other = _model(connection, model_id), _model(connection, other_id)
        since = max(
            connection.execute(
                select(tables.model.c.fitted_at).where(tables.model.c.model_id.in_([model_id, other_id]))
            ).scalars()
        )
        asked = [one for one in asked_of(connection, shown_day(connection), outcomes=True) if one.applied_at > since]
    known = [one for one in asked if one.bad is not None]
    events = sum(one.bad is True for one in known)
    verdict, differences = None, []
    if min(events, len(known) - events) >= LEAST_EVENTS:
        found = compare([int(one.bad is True) for one in known], _chances(other, known), _chances(model, known))
        verdict = {"challenger": "this", "champion": "other"}.get(found["verdict"], "unclear")
        for name, one in found["difference"].items():
            low, high = one["interval"]
            this, that = found["challenger"][name], found["champion"][name]
            differences.append(
                Difference(
                    name=name, this=this, other=that, value=one["value"], low=low, high=high, better=one["better"]
                )
            )
    return AgainstOut(
        other_id=other_id, since=since.date(), rows=len(known), events=events, verdict=verdict, differences=differences
    )


def _model(connection: Connection, model_id: str) -> Model:
    held = connection.execute(select(tables.model.c.model_id).where(tables.model.c.model_id == model_id)).one_or_none()
    if held is None:
        raise NotFound(Problem("model_id", model_id, "no such model", "look in GET /api/models"))
    return load_model(connection, model_id)


def _chances(model: Model, asked: list[Asked]) -> list[float]:
    found: list[float] = model.predict(table_of(model, asked)).tolist() if asked else []
    return found


def _groups(one: Asked) -> dict[str, str]:
    groups: dict[str, Any] = {"sex": one.sex, "region": one.region}
    if one.birth_year is not None:
        age = one.applied_at.year - one.birth_year
        groups["age"] = next((f"{low}-{high}" for low, high in AGE_BANDS if low <= age <= high), None)
    return {trait: str(group) for trait, group in groups.items() if group}


def _reads(model: Model, trait: str) -> bool:
    parts = {part for column in model.columns for part in column.lower().split("_")}
    return any(word in parts for word in READS[trait])
