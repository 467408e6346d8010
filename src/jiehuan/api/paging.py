"""Lists in pages: which slice a request wants, and how a SELECT gives it in a stable order.

The order ends with the primary key, so that no row is seen twice or missed between two pages of an unchanging list. It runs in the
direction of the column, so that one index gives both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query
from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Select, func, literal, select

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
    keys: Select[Any] | None = None,
    counting: Select[Any] | None = None,
) -> tuple[Sequence[RowMapping], int]:
    """The rows of the wanted page as mappings, and how many there are in all (see ``MOST_COUNTED``).

    ``keys``: the same rows by their key alone, from no more tables than filter and order ask of: of a deep page only these are passed
    over, and ``rows`` need no filter. ``counting``: as many rows, cheaper to count.
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
        _first_of(counting, keys, rows)
        .order_by(None)
        .with_only_columns(literal(1).label("one"), maintain_column_froms=True)
        .limit(MOST_COUNTED)
        .subquery()
    )
    total = connection.execute(select(func.count()).select_from(counted)).scalar_one()
    descending, skipped = name.startswith("-"), (wanted.page - 1) * wanted.size
    if keys is not None:
        order = _ordered(column, keys.selected_columns[0], descending=descending)
        rows = rows.where(key.in_(keys.order_by(None).order_by(*order).limit(wanted.size).offset(skipped)))
        skipped = 0
    chosen = rows.order_by(None).order_by(*_ordered(column, key, descending=descending))
    return connection.execute(chosen.limit(wanted.size).offset(skipped)).mappings().all(), total


def _first_of(*selects: Select[Any] | None) -> Select[Any]:
    return next(one for one in selects if one is not None)


def _ordered(column: ColumnElement[Any], key: ColumnElement[Any], *, descending: bool) -> list[ColumnElement[Any]]:
    """Column and key, with what is empty last. Only where something can be empty: an index is not read in that order."""
    order = [each.desc() if descending else each.asc() for each in (column, key)]
    # What can't be empty is told from its table: not so where it is joined from another one.
    full = isinstance(column, Column) and isinstance(key, Column) and column.table is key.table and not column.nullable
    return [order[0] if full else order[0].nulls_last(), order[1]]
