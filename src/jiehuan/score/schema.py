"""Whether a table can be scored: all columns present, each of the type the model was fitted on; every fault named at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from jiehuan.score.inputs import Input
from jiehuan.units.errors import Problem


def problems_with(inputs: Sequence[Input], schema: Mapping[str, Any]) -> list[Problem]:
    """What keeps a table with this schema (column name to Polars type) from being scored: absent columns, other types."""
    problems = []
    seen: set[tuple[str, str]] = set()
    for one in inputs:
        for column in one.columns:
            wanted = one.reading if one.reading in ("number", "category", "known") else "date"
            if (column, wanted) in seen:
                continue
            seen.add((column, wanted))
            if column not in schema:
                near = get_close_matches(column, schema, 1)
                hint = f'; is it "{near[0]}"?' if near else ""
                problems.append(
                    Problem(
                        f"column {column}",
                        "",
                        "missing, but the model needs it",
                        f"add the column ({wanted}; null where not known){hint}",
                    )
                )
            elif not _fits(schema[column], wanted):
                problems.append(
                    Problem(
                        f"column {column}",
                        str(schema[column]),
                        f"another type than at the fit ({wanted})",
                        f"write it as {wanted}s",
                    )
                )
    return problems


def _fits(kind: Any, wanted: str) -> bool:
    import polars as pl

    if kind == pl.Null or wanted == "known":
        return True
    if wanted == "number":
        return bool(kind.is_numeric() or kind == pl.Boolean)
    if wanted == "date":
        return bool(kind in (pl.Date, pl.String) or isinstance(kind, pl.Datetime))
    return bool(kind in (pl.String, pl.Boolean) or kind.is_integer() or isinstance(kind, pl.Categorical | pl.Enum))
