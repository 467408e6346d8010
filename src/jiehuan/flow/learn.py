"""Learn: fit the admission model again on what became of our own loans, against a holdout in time, champion against challenger.

The newest fifth of the labelled loans is never fitted on: both models are judged there, and the new one becomes champion
only when it is not worse. Each fit is kept with its figures, whatever the verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, update

from jiehuan.flow.activity import note
from jiehuan.flow.decide import champion
from jiehuan.flow.outcomes import went_bad
from jiehuan.flow.servicing import load_loans
from jiehuan.profile.declare import declared_features
from jiehuan.score import compare, evaluate, fit
from jiehuan.store import tables
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem, Refused
from jiehuan.units.ids import new_id

if TYPE_CHECKING:
    import polars as pl

TARGET = "bad"
HOLDOUT_SHARE = 0.2
LEAST_ROWS, LEAST_EVENTS = 200, 20
NOT_FEATURES = ("loannumber", "age", "sex", "gender", "birth_year", "region")
"""Never scored by: an id, and traits of the person that the fairness report measures by (docs/decisions/score-fairness.md)."""


def learn(
    connection: Connection, at: datetime, kind: str = "scorecard", on_progress: Callable[..., None] | None = None
) -> dict[str, Any]:
    """Fit on all but the newest fifth of labelled loans, judge there, keep, and promote when not worse.

    Returns ``{model_id, rows, events, holdout: {auc, ks, …}, champion: {…} | None, promoted}``. Raises Refused when there
    are too few outcomes to learn from.
    """
    frame = training_frame(connection, at, on_progress)
    events = int(frame[TARGET].sum()) if frame.height else 0
    if frame.height < LEAST_ROWS or events < LEAST_EVENTS:
        reason = f"{frame.height} loans with a known outcome, {events} of them bad: too few to learn from"
        raise Refused(Problem("learn", "", reason, f"bring at least {LEAST_ROWS} loans and {LEAST_EVENTS} bad ones"))
    cut = int(frame.height * (1 - HOLDOUT_SHARE))
    past, holdout = frame.head(cut), frame.tail(frame.height - cut)
    given = [name for name in ("applied_at", "borrower_id") if name in frame.columns]
    model = fit(past.drop(given), TARGET, kind=kind, labels=declared_features().labels())
    figures = _judge(model, holdout)
    old_id, old = champion(connection)
    old_figures = _judge(old, holdout) if old is not None and set(old.columns) <= set(holdout.columns) else None
    promoted = old_figures is None or figures["auc"] >= old_figures["auc"] - 0.005
    model_id = new_id("mo")
    if promoted:
        connection.execute(
            update(tables.model)
            .where(tables.model.c.name == "admission", tables.model.c.status == "champion")
            .values(status="retired")
        )
    answer = {
        "model_id": model_id, "kind": kind, "rows": frame.height, "events": events, "holdout_rows": holdout.height,
        "holdout": figures, "champion": old_figures, "champion_id": old_id, "promoted": promoted,
    }  # fmt: skip
    metrics = {**dict(model.metrics), "holdout": figures, "against": old_figures, "against_id": old_id}
    metrics["warnings"] = [dict(one) for one in model.warnings]
    if old is not None and old_figures is not None:
        became = holdout[TARGET].to_numpy().astype(float)
        metrics["compared"] = compare(became, old.predict(holdout), model.predict(holdout))
    connection.execute(
        insert(tables.model).values(
            model_id=model_id, name="admission", kind=kind, fitted_at=at, metrics=_finite(metrics), body=model.as_document(),
            status="champion" if promoted else "challenger", note="; ".join(str(w.get("en", w)) for w in model.warnings)[:2000],
        )
    )  # fmt: skip
    note(connection, at, "system", "learned", model_id, _finite(answer))
    return answer


def training_frame(
    connection: Connection, at: datetime, on_progress: Callable[..., None] | None = None
) -> pl.DataFrame:
    """A row for every loan whose outcome is known: application features, ``applied_at`` and ``bad``; oldest first."""
    import polars as pl

    known_on = at.astimezone(CHINA).date()
    asked = {
        row.application_id: row
        for row in connection.execute(
            select(
                tables.application.c.application_id,
                tables.application.c.borrower_id,
                tables.application.c.applied_at,
                tables.application.c.amount_fen,
                tables.application.c.months,
                tables.application.c.features,
            )
        )
    }
    rows = []
    for held in load_loans(connection):
        if on_progress:
            on_progress(1)
        application = asked.get(held.row["application_id"])
        bad = went_bad(held, known_on)
        if application is None or bad is None:
            continue
        features = {
            name: value
            for name, value in application.features.items()
            if isinstance(value, int | float | str | bool) and name not in NOT_FEATURES
        }
        rows.append({
            **features, "amount_fen": application.amount_fen, "months": application.months,
            "applied_at": application.applied_at, "borrower_id": application.borrower_id, TARGET: int(bad),
        })  # fmt: skip
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    if not rows:
        return pl.DataFrame()
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pl.DataFrame(columns, strict=False).sort("applied_at", "borrower_id")


def _judge(model: Any, holdout: pl.DataFrame) -> dict[str, Any]:
    figures: dict[str, Any] = _finite(dict(evaluate(holdout[TARGET].to_numpy(), model.predict(holdout))))
    return figures


def _finite(value: Any) -> Any:
    """The same without NaN, which JSON columns refuse."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and value != value else value
