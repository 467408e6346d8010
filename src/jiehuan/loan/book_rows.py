"""Rows of tables as the documents that the readers of a single loan take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Cell = npt.NDArray[np.int64]

_IN_JSON = ("fees", "cashflow", "allocation", "terms")


def row_document(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a table as a ``loan replay`` document; nested values may stand as JSON text."""
    from jiehuan.units.money import format_yuan
    from jiehuan.units.rates import format_rate

    document = {
        name: opened(name, value) for name, value in row.items() if value is not None and not name.startswith("__")
    }
    for name, other, say in (
        ("principal", "principal_fen", format_yuan), ("rate", "rate_ppm", format_rate), ("penalty_uplift", "penalty_uplift_ppm", format_rate),
    ):  # fmt: skip
        found = document.pop(other, None)
        if isinstance(found, int) and not isinstance(found, bool):
            document[name] = say(found)
        elif found is not None:
            document[name] = found
    return document


def row_events(mine: pl.DataFrame | None, rows: Cell) -> dict[int, list[dict[str, Any]]]:
    """The events of some loans as documents, by the loan's row."""
    import polars as pl

    found: dict[int, list[dict[str, Any]]] = {}
    if mine is None:
        return found
    for row in mine.filter(pl.col("__row").is_in(rows.tolist())).iter_rows(named=True):
        event = {
            name: opened(name, value) for name, value in row.items() if value is not None and not name.startswith("__")
        }
        found.setdefault(int(row["__row"]), []).append(event)
    return found


def opened(name: str, value: Any) -> Any:
    """A cell's value; of columns that hold nested values, what their JSON text says, or the text where it is none."""
    if name in _IN_JSON and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
