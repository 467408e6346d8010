"""Whether a table can be scored: all columns present, each of the type the model was fitted on; every fault named at once."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from jiehuan.score.inputs import Input
from jiehuan.units.errors import Problem

if TYPE_CHECKING:
    import polars as pl


PLURAL = {"number": "numbers", "category": "categories", "date": "dates"}


def problems_with(inputs: Sequence[Input], table: pl.DataFrame) -> list[Problem]:
    """What keeps a table from being scored: absent columns (with the near name), columns of another type (with a value)."""
    problems = []
    seen: set[tuple[str, str]] = set()
    for one in inputs:
        for column in one.columns:
            wanted = one.reading if one.reading in ("number", "category", "known") else "date"
            if (column, wanted) in seen:
                continue
            seen.add((column, wanted))
            if column not in table.columns:
                near = get_close_matches(column, table.columns, 1)
                hint = f"; is it {near[0]}?" if near else ""
                mend = f"add the column ({wanted}; null where not known){hint}"
                problems.append(Problem(f"column {column}", "", "missing, but the model needs it", mend))
            elif not _fits(table.schema[column], wanted, one):
                found = _example(table.get_column(column), wanted)
                reason = f"{table.schema[column]} where the model was fitted on {PLURAL[wanted]}"
                problems.append(
                    Problem(f"column {column}", found, reason, f"write it as {PLURAL[wanted]}, null where not known")
                )
    return problems


def _fits(kind: Any, wanted: str, one: Input) -> bool:
    import polars as pl

    if kind == pl.Null or wanted == "known":
        return True
    if wanted == "number":
        return bool(kind.is_numeric() or kind == pl.Boolean)
    if wanted == "date":
        whole = kind.is_integer() and "%Y%m%d" in (one.date_format, one.against_format)
        return bool(kind in (pl.Date, pl.String) or isinstance(kind, pl.Datetime) or whole)
    return bool(kind in (pl.String, pl.Boolean) or kind.is_integer() or isinstance(kind, pl.Categorical | pl.Enum))


def _example(column: pl.Series, wanted: str) -> str:
    """The first value of the wrong kind: for texts in place of numbers, the first that is no number."""
    import polars as pl

    known = column.drop_nulls()
    if wanted == "number" and column.dtype == pl.String:
        odd = known.filter(known.cast(pl.Float64, strict=False).is_null())
        known = odd if len(odd) else known
    if column.dtype.is_nested():
        return ""  # the type says it
    return str(known[0])[:60] if len(known) else ""
