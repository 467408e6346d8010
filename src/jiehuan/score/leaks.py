"""Suspicious fields: too good to be known at the application, named like an outcome, telling the target by being absent.

A leak warning never removes a field by itself (dates after the application excepted); it names the field, the figure and the
way to leave it out. A field that tells the target exactly is the target by another name: that is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jiehuan.score.bins import Bins
from jiehuan.score.findings import Finding, finding
from jiehuan.score.metrics import auc, auc_of_bands
from jiehuan.score.settings import Leaks
from jiehuan.score.sheet import Category, Sheet
from jiehuan.score.words import sounds_like
from jiehuan.units.errors import Problem, Refused

Floats = np.ndarray[Any, np.dtype[np.float64]]

FEW = 5
"""Fields below which one being far ahead of the others says nothing."""

EXACT = 0.9995
"""AUC from which a field is the target by another name."""


def single_aucs(sheet: Sheet, bins: Sequence[Bins]) -> dict[str, float]:
    """How well each field alone ranks the rows: the better of its bins and of its raw order, 0.5 or more."""
    found = {}
    for table in bins:
        values = sheet.features[table.name]
        rows = np.array([part.rows for part in table.bins])
        hits = np.array([part.events for part in table.bins])
        order = np.argsort(hits / np.maximum(rows, 1e-9), kind="stable")
        best = auc_of_bands(hits[order], (rows - hits)[order])
        if not isinstance(values, Category):
            known = ~np.isnan(values)
            if known.all():
                raw = auc(sheet.events, values)
                best = max(best, raw, 1 - raw)
        found[table.name] = float(best)
    return found


def refuse_copies(areas: Mapping[str, float], sheet: Sheet, target: str) -> None:
    """Raise Refused for every field that tells the target exactly."""
    if len(sheet) < 50:
        return
    columns = {one.name: one.column for one in sheet.inputs}
    problems = [
        Problem(
            f"column {columns[name]}",
            f"AUC {area:.4f}",
            f"tells the target {target} exactly: it is the target by another name",
            f"leave it out: --exclude {columns[name]}",
            zh=f"字段 {columns[name]} 与目标 {target} 完全对应，是目标的另一种写法，请剔除",
        )
        for name, area in areas.items()
        if area >= EXACT
    ]
    if problems:
        raise Refused(problems)


def find_leaks(sheet: Sheet, areas: Mapping[str, float], how: Leaks) -> list[Finding]:
    """All leak warnings: implausible single fields, names of outcomes, absence that tells the target; and protected traits."""
    columns = {one.name: one.column for one in sheet.inputs}
    found: list[Finding] = []
    ranked = sorted(areas, key=lambda name: -areas[name])
    if len(sheet) >= how.min_rows:
        for place, name in enumerate(ranked):
            area = areas[name]
            rest = ranked[place + 1] if place + 1 < len(ranked) else None
            ahead = (
                len(ranked) >= FEW
                and area >= how.ahead_auc
                and (rest is None or area - 0.5 >= how.ahead_ratio * max(areas[rest] - 0.5, 0.02))
            )
            if area >= how.single_auc or (place == 0 and ahead):
                found.append(finding("single_auc", columns[name], area, auc=area))
    for column in dict.fromkeys(columns.values()):
        if sounds_like(column, "outcome"):
            found.append(finding("outcome_name", column))
        if sounds_like(column, "protected"):
            found.append(finding("protected", column))
    if len(sheet) >= how.min_rows:
        found += _absences(sheet, columns, how)
    return found


def _absences(sheet: Sheet, columns: Mapping[str, str], how: Leaks) -> list[Finding]:
    found, seen = [], set()
    for name, values in sheet.features.items():
        gone = values.ids == len(values.names) if isinstance(values, Category) else np.isnan(values)
        if columns[name] in seen or not 10 <= gone.sum() <= len(gone) - 10:
            continue
        seen.add(columns[name])
        area = auc(sheet.events, gone.astype(float))
        if max(area, 1 - area) >= how.null_auc:
            rate, rest = sheet.events[gone].mean(), sheet.events[~gone].mean()
            found.append(finding("absence", columns[name], max(area, 1 - area), gone=rate, rest=rest))
    return found
