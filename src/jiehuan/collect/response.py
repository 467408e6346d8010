"""What an action is expected to bring from an account: uplift over doing nothing, times what is overdue, less its cost.

The table that ships is an assumption. ``collect learn`` measures uplifts against the holdout and writes the same form, with
intervals, so that a plan can stand on evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.collect.capacity import ACTIONS
from jiehuan.collect.segment import SEGMENTS
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.yaml_file import read_yaml

DEFAULT_RESPONSES = Path(__file__).with_name("responses.yaml")
BUCKETS = ("M1", "M2", "M3", "M3+")


@dataclass(frozen=True, slots=True)
class Responses:
    """``base``: share of the overdue amount recovered untouched, shape (buckets,). ``uplift``: what an action adds, shape
    (buckets, segments, ACTIONS), NaN where nothing is known of it. ``evidence``: assumption or holdout."""

    name: str
    horizon_days: int
    evidence: str
    base: NDArray[np.float64]
    uplift: NDArray[np.float64]
    note: Mapping[str, Any]


def bucket_of(dpd: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place in BUCKETS of each days-past-due: 1-30, 31-60, 61-90, above; 0 days count with the first."""
    return np.searchsorted(np.array([30, 60, 90]), dpd, side="left").astype(np.int64)


def load_responses(path: Path | str | None = None) -> Responses:
    """Responses from YAML or JSON (None: the assumed ones that ship). Raises InputError."""
    where = Path(path) if path is not None else DEFAULT_RESPONSES
    if where.is_dir():
        where = where / "responses.json"
    document = read_yaml(where, what="the responses that `jiehuan collect learn` wrote")  # JSON is YAML too
    return read_responses(document, str(where))


def read_responses(document: Any, where: str = "responses") -> Responses:
    """Responses from a document. ``uplift`` is by bucket and action; ``segment`` multiplies it. Raises InputError."""
    problems: list[Problem] = []

    def cell(value: Any, place: str, low: float, high: float) -> float:
        if value is None:
            return float("nan")
        if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        problems.append(
            Problem(
                f"{where}, {place}", str(value)[:80], "not a share in range", f"write a number from {low} to {high}"
            )
        )
        return float("nan")

    if not isinstance(document, Mapping) or not isinstance(document.get("uplift"), Mapping):
        raise InputError(Problem(where, "", "no responses", "write base, uplift and segment"))
    base = np.array([cell(_at(document, "base", b), f"base, {b}", 0, 1) for b in BUCKETS])
    table = np.array(
        [[cell(_at(document, "uplift", b, a), f"uplift, {b}, {a}", -1, 1) for a in ACTIONS] for b in BUCKETS]
    )
    factor = np.array(
        [
            [cell(_at(document, "segment", s, a, default=1.0), f"segment, {s}, {a}", 0, 10) for a in ACTIONS]
            for s in SEGMENTS
        ]
    )
    if problems:
        raise InputError(problems)
    return Responses(
        str(document.get("name", where)),
        int(document.get("horizon_days", 14)),
        str(document.get("evidence", "assumption")),
        base,
        table[:, None, :] * factor[None, :, :],
        {k: v for k, v in document.items() if k not in {"base", "uplift", "segment"}},
    )


def expected_uplift(responses: Responses, dpd: NDArray[np.int64], segment: NDArray[np.int8]) -> NDArray[np.float64]:
    """The uplift of every action at every account, shape (n, ACTIONS); 0 where nothing is known."""
    return np.nan_to_num(responses.uplift[bucket_of(dpd), segment], nan=0.0)


def _at(document: Mapping[str, Any], *path: str, default: Any = None) -> Any:
    found: Any = document
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return default
        found = found[name]
    return found
