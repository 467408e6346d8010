"""The cap on the yearly all-in cost that binds a lender on a day: the lower of the fixed cap and the multiple of the one-year LPR."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from jiehuan.law.book import Law
from jiehuan.law.rule import Rule


@dataclass(frozen=True, slots=True)
class CostCap:
    """The all-in cost a year that binds, in ppm, and the rule it comes from."""

    ppm: int
    rule: Rule


def cost_caps(law: Law) -> tuple[CostCap, ...]:
    """Every cap on the cost that the law of the day sets, each from its own rule."""
    caps: list[CostCap] = []
    fixed = law.rule("cost_cap")
    if fixed is not None:
        caps.append(CostCap(int(fixed.value), fixed))
    multiple, lpr = law.rule("lpr_cap_multiple"), law.rule("lpr_1y")
    if multiple is not None and lpr is not None:
        caps.append(CostCap(int(multiple.value * lpr.value), multiple))
    return tuple(caps)


@lru_cache(maxsize=4096)
def cost_cap(law: Law) -> CostCap | None:
    """The lowest of them, or None where there is none."""
    return min(cost_caps(law), key=lambda cap: cap.ppm, default=None)
