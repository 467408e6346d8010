"""Lists in pages: which slice a request wants, and how a SELECT gives it in a stable order.

The order ends with the primary key, so that no row is seen twice or missed between two pages of an unchanging list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, literal, select

from jiehuan.api.shapes import Plain
from jiehuan.units.errors import InputError, Problem

MOST_COUNTED = 100_000
"""How far a list is counted and paged; a person narrows the filter long before."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Page ``page`` (from 1) of ``size`` rows, ordered by ``sort`` (a column, with ``-`` before it for descending)."""

    page: int
    size: int
    sort: str


def _slice(
    page: Annotated[int, Query(ge=1, le=MOST_COUNTED, description="From 1.")] = 1,
    size: Annotated[int, Query(ge=1, le=200, description="Rows on a page.")] = 50,
    sort: Annotated[Plain, Query(description="A column, with - before it for descending.")] = "",
) -> Slice:
    return Slice(page, size, sort)


Paging = Annotated[Slice, Depends(_slice)]


def page_of(
    connection: Connection,
    rows: Select[Any],
    wanted: Slice,
    sortable: Mapping[str, ColumnElement[Any]],
    default: str,
    key: ColumnElement[Any],
) -> tuple[Sequence[RowMapping], int]:
    """The rows of the wanted page as mappings, and how many there are in all (see ``MOST_COUNTED``).

    ``sortable`` names the columns that may order the list; ``default`` is the order when none is asked for. Raises
    InputError for another column, and for a page beyond the counted part.
    """
    name = wanted.sort or default
    column = sortable.get(name.removeprefix("-"))
    if column is None:
        raise InputError(
            Problem("query sort", name, "not a column this list can be sorted by", f"one of {', '.join(sortable)}")
        )
    if (wanted.page - 1) * wanted.size >= MOST_COUNTED and wanted.page > 1:
        raise InputError(
            Problem("query page", str(wanted.page), f"beyond the first {MOST_COUNTED} rows", "narrow the filter")
        )
    counted = (
        rows.order_by(None)
        .with_only_columns(literal(1).label("one"), maintain_column_froms=True)
        .limit(MOST_COUNTED)
        .subquery()
    )
    total = connection.execute(select(func.count()).select_from(counted)).scalar_one()
    direction = column.desc().nulls_last() if name.startswith("-") else column.asc().nulls_last()
    chosen = rows.order_by(None).order_by(direction, key).limit(wanted.size).offset((wanted.page - 1) * wanted.size)
    return connection.execute(chosen).mappings().all(), total
