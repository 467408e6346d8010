"""Models: champions and challengers with their metrics and cards."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from sqlalchemy import select

from jiehuan.api.access import Store
from jiehuan.api.errors import NotFound
from jiehuan.api.paging import Paging, page_of
from jiehuan.api.shapes import Id, Page, Record, spoken
from jiehuan.store.tables import model
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/models", tags=["models"])


class ModelRow(Record):
    """A model in the list; ``status`` is champion, challenger or retired."""

    model_id: str
    name: str
    kind: str
    fitted_at: datetime
    metrics: dict[str, Any]
    status: str
    note: str


class ModelPage(Page):
    """A page of models."""

    items: list[ModelRow]


class ModelOut(ModelRow):
    """One model whole: ``body`` is what scores (bins and points of a scorecard, the text of a boosted model)."""

    body: dict[str, Any]


@router.get("")
def list_models(
    database: Store,
    paging: Paging,
    status: Annotated[Id | None, Query()] = None,
    name: Annotated[Id | None, Query()] = None,
) -> ModelPage:
    """Models, newest first."""
    rows = select(*[column for column in model.c if column.name != "body"])
    for column, value in ((model.c.status, status), (model.c.name, name)):
        if value is not None:
            rows = rows.where(column == value)
    sortable = {"fitted_at": model.c.fitted_at, "name": model.c.name, "status": model.c.status}
    with database.connect() as connection:
        found, total = page_of(connection, rows, paging, sortable, "-fitted_at", model.c.model_id)
    return ModelPage(total=total, page=paging.page, size=paging.size, items=[ModelRow(**spoken(row)) for row in found])


@router.get("/{model_id}")
def get_model(database: Store, model_id: Annotated[Id, Path()]) -> ModelOut:
    """One model with what it scores by."""
    with database.connect() as connection:
        row = connection.execute(select(model).where(model.c.model_id == model_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(Problem("model_id", model_id, "no such model", "look in GET /api/models"))
    return ModelOut(**spoken(row))
