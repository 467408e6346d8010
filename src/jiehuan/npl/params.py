"""The parameters of a valuation: shipped priors, or a document fitted on own recoveries. Rates inside are floats.

A parameters document has the keys of ``priors.yaml``; a fitted one gives each bucket its ``curve`` (share of the balance
recovered in each month), ``loans`` and ``credibility``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from jiehuan.units.errors import InputError, Problem


@dataclass(frozen=True, slots=True)
class Bucket:
    """Recoveries of loans from ``from_dpd`` days past due: ``curve[t-1]`` is the share of balance that comes in month t.

    ``low``/``high``: the ultimate share at the ends of its 80 % interval. ``loans`` own loans behind it (0: prior alone),
    of weight ``credibility`` (0 to 1). ``cost_share``: what collecting costs, of what is recovered.
    """

    from_dpd: int
    curve: tuple[float, ...]
    low: float
    high: float
    loans: int = 0
    credibility: float = 0.0
    cost_share: float = 0.0

    @property
    def ultimate(self) -> float:
        """The share recovered over the whole horizon."""
        return sum(self.curve)


@dataclass(frozen=True, slots=True)
class Params:
    """What ``value`` and ``routes`` need. ``source`` is ``priors`` or ``fitted``; ``routes`` the document's own mapping."""

    source: str
    horizon: int
    discount_rate: float
    credibility_loans: float
    buckets: tuple[Bucket, ...]
    features: Mapping[str, Mapping[str, float]]
    routes: Mapping[str, Any]
    document: Mapping[str, Any]

    def bucket(self, dpd: int) -> Bucket:
        """The bucket of a loan that many days past due."""
        return next(bucket for bucket in reversed(self.buckets) if bucket.from_dpd <= dpd)

    def factor(self, features: Mapping[str, Any]) -> float:
        """The product of the factors of a loan's features; unknown features and values multiply by 1."""
        found = 1.0
        for name, values in self.features.items():
            found *= values.get(_key(features.get(name)), 1.0)
        return found


@cache
def priors() -> Params:
    """The shipped priors: assumptions, marked as such, until ``fit`` has data."""
    return read_params(yaml.safe_load(Path(__file__).with_name("priors.yaml").read_text(encoding="utf-8")))


def read_params(document: Mapping[str, Any], where: str = "params") -> Params:
    """Read a parameters document. Raises InputError naming what is missing or out of range."""
    try:
        horizon, cost = int(document["horizon_months"]), float(document["cost_share"])
        features = {
            name: {key: float(value) for key, value in row.items()} for name, row in document["features"].items()
        }
        read = Params(
            str(document["source"]),
            horizon,
            float(document["discount_rate"]),
            float(document["credibility_loans"]),
            tuple(_bucket(row, horizon, cost) for row in document["buckets"]),
            features,
            document["routes"],
            document,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        mend = "start from the shipped priors, or make it with npl fit"
        raise InputError(Problem(where, str(error)[:80], "is not a parameters document", mend)) from None
    starts = [bucket.from_dpd for bucket in read.buckets]
    checks = {
        "buckets, from_dpd": bool(starts) and starts[0] == 0 and starts == sorted(set(starts)),
        "buckets, curve": all(
            0 <= b.low <= b.high <= 1 and 0 <= b.ultimate <= 1 + 1e-9 and min(b.curve) >= 0 for b in read.buckets
        ),
        "horizon_months": 1 <= read.horizon <= 120,
        "cost_share": all(0 <= bucket.cost_share < 1 for bucket in read.buckets),
        "discount_rate": 0 <= read.discount_rate < 1,
        "features": all(factor >= 0 for values in read.features.values() for factor in values.values()),
    }
    wrong = [name for name, fine in checks.items() if not fine]
    if wrong:
        raise InputError(
            [Problem(f"{where}, {name}", "", "out of range or order", "see priors.yaml") for name in wrong]
        )
    return read


def _bucket(row: Mapping[str, Any], horizon: int, cost: float) -> Bucket:
    low, high, start = float(row["low"]), float(row["high"]), int(row["from_dpd"])
    cost = float(row.get("cost_share", cost))
    if "curve" not in row:
        curve = decaying(float(row["ultimate"]), float(row["half_life"]), horizon)
        return Bucket(start, curve, low, high, cost_share=cost)
    curve = tuple(float(share) for share in row["curve"])
    if len(curve) != horizon:
        raise ValueError(f"a curve of {len(curve)} months")
    return Bucket(start, curve, low, high, int(row.get("loans", 0)), float(row.get("credibility", 0)), cost)


def decaying(ultimate: float, half_life: float, horizon: int) -> tuple[float, ...]:
    """A curve that brings ``ultimate`` over the horizon, half of it (of an endless one) within ``half_life`` months."""
    left = [2.0 ** (-month / half_life) for month in range(horizon + 1)]
    scale = ultimate / (1.0 - left[-1])
    return tuple(scale * (left[month] - left[month + 1]) for month in range(horizon))


def _key(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
