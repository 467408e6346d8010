"""The target: which rows have an outcome, and which of its two values is the event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from jiehuan.score.words import outcome_of_label
from jiehuan.units.errors import InputError, Problem

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Outcome:
    """``labelled`` bool[rows of the table]; ``events`` float64[labelled rows] of 0 and 1; the two labels as texts."""

    labelled: np.ndarray[Any, np.dtype[np.bool_]]
    events: Floats
    event: str
    other: str
    guessed: bool


def read_outcome(frame: pl.DataFrame, target: str, event: str | None = None, least: int = 1) -> Outcome:
    """Read the column ``target``: 0/1, true/false, or two labels. Null (and NaN, and blank text) means not labelled.

    ``event`` names the label whose probability is modelled; without it 1, true, or the label that sounds bad (words.yaml).
    Raises InputError when the column is absent, empty, constant, of more than two values, or fewer than ``least`` rows of a class.
    """
    if target not in frame.columns:
        raise InputError(Problem(f"target {target}", "", "no such column", f"one of: {', '.join(frame.columns[:30])}"))
    texts = label_texts(frame.get_column(target))
    labelled = texts.is_not_null()
    counts = {str(label): int(count) for label, count in texts.drop_nulls().value_counts().sort(target).iter_rows()}
    where = f"target {target}"
    if not counts:
        raise InputError(
            Problem(
                where,
                "",
                "holds no value at all" if frame.height else "the table has no rows",
                "give the outcome of at least some rows",
            )
        )
    if len(counts) == 1:
        raise InputError(
            Problem(
                where,
                next(iter(counts)),
                "has one value only, so there is nothing to tell apart",
                "give rows of both outcomes",
            )
        )
    if len(counts) > 2:
        shown = ", ".join(list(counts)[:8]) + (", ..." if len(counts) > 8 else "")
        raise InputError(
            Problem(where, shown, f"has {len(counts)} values, not two", "give a target of two values, such as 0 and 1")
        )
    chosen, guessed = _event_of(list(counts), event, where)
    other = next(label for label in counts if label != chosen)
    for label in (chosen, other):
        if counts[label] < least:
            raise InputError(
                Problem(
                    where,
                    label,
                    f"only {counts[label]} rows with this value; at least {least} of each are needed",
                    "give more rows, or a longer outcome window",
                )
            )
    known = labelled.to_numpy()
    return Outcome(known, (texts.filter(labelled) == chosen).to_numpy().astype(float), chosen, other, guessed)


def label_texts(column: pl.Series) -> pl.Series:
    """The labels as trimmed texts, null where there is none; 1.0 is written 1, booleans true and false."""
    kind = column.dtype
    if kind == pl.Boolean or kind.is_integer() or kind == pl.Null:
        return column.cast(pl.String)
    if kind.is_float() or kind.is_decimal():
        floats = column.cast(pl.Float64).fill_nan(None)
        return floats.cast(pl.String).str.strip_suffix(".0")
    if kind == pl.String or isinstance(kind, pl.Categorical | pl.Enum):
        trimmed = column.cast(pl.String).str.strip_chars()
        return pl.select(pl.when(trimmed == "").then(None).otherwise(trimmed).alias(column.name)).to_series()
    raise InputError(
        Problem(
            f"target {column.name}",
            str(kind),
            "not a target of two values",
            "give 0 and 1, true and false, or two labels",
        )
    )


def _event_of(labels: list[str], event: str | None, where: str) -> tuple[str, bool]:
    if event is not None:
        for label in labels:
            if label == str(event).strip() or label.lower() == str(event).strip().lower():
                return label, False
        raise InputError(
            Problem(f"{where}, event", str(event), "not a value of the target", f"one of: {', '.join(labels)}")
        )
    if set(labels) == {"0", "1"}:
        return "1", False
    said = {label: outcome_of_label(label) for label in labels}
    bad = [label for label in labels if said[label] == 1]
    good = [label for label in labels if said[label] == 0]
    if len(bad) == 1:
        return bad[0], False
    if len(good) == 1:
        return next(label for label in labels if label != good[0]), True
    raise InputError(
        Problem(
            where,
            ", ".join(labels),
            "which of the two is the event (the bad outcome) is not plain",
            f"say --event {labels[0]} or --event {labels[1]}",
        )
    )
