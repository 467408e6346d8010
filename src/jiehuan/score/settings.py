"""The settings of a fit: read from ``defaults.yaml``, overridden value by value, checked for names, types and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints

from jiehuan.score.scorecard import Scaling
from jiehuan.units.errors import InputError, Problem


@dataclass(frozen=True, slots=True)
class Binning:
    """How a feature is cut into bins."""

    prebins: int
    max_bins: int
    min_share: float
    min_rows: int
    bin_cost: float
    turn_cost: float
    smoothing: float
    sample: int
    max_categories: int
    specials: list[float]
    special_share: float


@dataclass(frozen=True, slots=True)
class Logistic:
    """How the coefficients are fitted and which features stay."""

    ridge: float
    min_iv: float
    min_gain: float
    min_z: float
    max_features: int
    hold: float
    cycles: int


@dataclass(frozen=True, slots=True)
class Boosting:
    """How the trees grow."""

    learning_rate: float
    large: int
    leaves: int
    max_rounds: int
    patience: int
    min_rows_in_leaf: int
    feature_share: float
    row_share: float
    l2: float
    smooth: float
    many: int
    many_smooth: float
    validation_share: float
    monotone_share: float
    calibration: str
    threads: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How the model is measured."""

    folds: int
    rows: int
    later_share: float
    bootstrap: int
    level: float
    periods: int
    min_events: int
    few_events: int


@dataclass(frozen=True, slots=True)
class Leaks:
    """From when a field is suspicious."""

    single_auc: float
    ahead_auc: float
    ahead_ratio: float
    null_auc: float
    min_rows: int
    late_share: float
    psi_warn: float


@dataclass(frozen=True, slots=True)
class Rejects:
    """How rejected applicants enter a fit."""

    uplift: float
    bands: int


@dataclass(frozen=True)
class Settings:
    """All settings of a fit."""

    scaling: Scaling
    binning: Binning
    logistic: Logistic
    boosted: Boosting
    evaluation: Evaluation
    leaks: Leaks
    rejects: Rejects

    def as_document(self) -> dict[str, Any]:
        """Plain JSON, as stored with the model."""
        return asdict(self)


def read_settings(changes: Mapping[str, Any] | None = None, where: str = "settings") -> Settings:
    """The defaults with ``changes`` (section to name to value). Raises InputError naming every unknown or impossible value."""
    import yaml

    given = yaml.safe_load(Path(__file__).with_name("defaults.yaml").read_text(encoding="utf-8"))
    problems: list[Problem] = []
    sections = get_type_hints(Settings)
    built: dict[str, Any] = {}
    for section in changes or {}:
        if section not in sections:
            problems.append(_unknown(where, str(section), list(sections)))
    for section, kind in sections.items():
        values = dict(given[section])
        hints = get_type_hints(kind)
        for name, value in ((changes or {}).get(section) or {}).items():
            if name not in values:
                problems.append(_unknown(f"{where} {section}", str(name), list(values)))
            elif problem := _wrong(f"{where} {section}.{name}", value, hints[name]):
                problems.append(problem)
            else:
                values[name] = value
        built[section] = kind(**{field.name: values[field.name] for field in fields(kind)})
    if problems:
        raise InputError(problems)
    return Settings(**built)


LIMITS = {
    "folds": (2, 50),
    "prebins": (2, 200),
    "max_bins": (2, 100),
    "leaves": (2, 1024),
    "max_rounds": (1, 100_000),
    "periods": (2, 100),
}
"""Least and greatest value of the settings that have one; a bin's place is kept in one byte."""


def _unknown(where: str, name: str, known: list[str]) -> Problem:
    near = get_close_matches(name, known, 1)
    return Problem(where, name, "no such setting", f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}")


def _wrong(where: str, value: Any, kind: Any) -> Problem | None:
    if kind is str:
        return (
            None
            if value in ("platt", "isotonic")
            else Problem(where, str(value), "not a calibration", "platt or isotonic")
        )
    if kind == list[float]:
        fine = isinstance(value, list) and all(isinstance(one, int | float) for one in value)
        return None if fine else Problem(where, str(value), "not a list of numbers", "write [-1, -9]")
    numeric = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if not numeric or (kind is int and value != int(value)):
        return Problem(
            where,
            str(value),
            "not a number of this kind, 0 or more",
            "give a whole number" if kind is int else "give a number",
        )
    name = where.rpartition(".")[2]
    low, high = LIMITS.get(name, (0, float("inf")))
    if not low <= value <= high:
        return Problem(where, str(value), f"out of range: {low} to {high:g}", "choose a value in it")
    share = name.endswith(("share", "level"))
    return (
        Problem(where, str(value), "a share is between 0 and 1", "write 0.05 for 5 %") if share and value > 1 else None
    )
