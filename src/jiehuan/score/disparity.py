"""Fairness of decisions by group: how often people are approved, how often they default, whether the probability fits them.

For each group of a trait (an age band, a sex, a region): the approval rate and its ratio to that of the largest group (Katz's
log interval, 1978), the default rate, and observed over predicted. A ratio below 0.8 that chance does not explain is named
(the four-fifths rule, EEOC 1978). A difference may follow the risk; the table says how large it is, people decide what it means.
PIPL art. 24 forbids unreasonable differential treatment by automated decisions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jiehuan.score.curves import wilson

ALARM = 0.8
LEAST = 30
"""Decisions, or outcomes, below which a figure is called thin and no verdict is given."""

Z = 1.959964


@dataclass(frozen=True, slots=True)
class Case:
    """One application: its groups by trait, whether approved (None: not decided), whether it went bad, the probability."""

    groups: Mapping[str, str]
    approved: bool | None
    bad: bool | None
    pd: float | None


@dataclass(frozen=True, slots=True)
class Share:
    """A figure with its 95 % interval; all None where there is nothing to measure."""

    value: float | None
    low: float | None
    high: float | None


NOTHING = Share(None, None, None)


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One group. ``ratio`` is to the trait's ``reference`` group; ``calibration`` is observed over predicted.

    ``verdict``: reference, thin (too few to tell), lower (the ratio is below 0.8 and its interval below 1) or level.
    """

    trait: str
    group: str
    reference: str
    decided: int
    approval: Share
    ratio: Share
    outcomes: int
    events: int
    default_rate: Share
    predicted: float | None
    calibration: Share
    verdict: str


def disparity(cases: Sequence[Case], traits: Sequence[str]) -> list[GroupFigures]:
    """The figures of every group of every trait, groups in order of their name. A case without a group of a trait is left out."""
    found = []
    for trait in traits:
        members: dict[str, list[Case]] = {}
        for case in cases:
            if case.groups.get(trait):
                members.setdefault(case.groups[trait], []).append(case)
        if not members:
            continue
        decided = {group: [case for case in inside if case.approved is not None] for group, inside in members.items()}
        reference = max(sorted(decided), key=lambda group: len(decided[group]))
        found += [
            _figures(trait, group, reference, decided[group], decided[reference], members[group])
            for group in sorted(members)
        ]
    return found


def ratio_of(hits: int, rows: int, other_hits: int, other_rows: int) -> Share:
    """The ratio of two shares with Katz's interval; half a case is added to each side where one is 0.

    >>> one = ratio_of(40, 100, 50, 100)
    >>> round(one.value, 2), round(one.low, 2), round(one.high, 2)
    (0.8, 0.59, 1.09)
    """
    if not rows or not other_rows:
        return NOTHING
    a, b, c, d = float(hits), float(rows), float(other_hits), float(other_rows)
    if not hits or not other_hits:
        a, b, c, d = a + 0.5, b + 1, c + 0.5, d + 1
    ratio = (a / b) / (c / d)
    spread = Z * math.sqrt(max((1 - a / b) / a + (1 - c / d) / c, 0.0))
    return Share(ratio, ratio * math.exp(-spread), ratio * math.exp(spread))


def _figures(
    trait: str, group: str, reference: str, mine: Sequence[Case], theirs: Sequence[Case], all_mine: Sequence[Case]
) -> GroupFigures:
    approved, other = (sum(case.approved is True for case in side) for side in (mine, theirs))
    ratio = ratio_of(approved, len(mine), other, len(theirs))
    known = [case for case in all_mine if case.bad is not None]
    events = sum(case.bad is True for case in known)
    foretold: list[Any] = [case for case in known if case.pd is not None]
    predicted = sum(case.pd for case in foretold) / len(foretold) if foretold else None
    verdict = "level"
    if group == reference:
        verdict = "reference"
    elif min(len(mine), len(theirs)) < LEAST:
        verdict = "thin"
    elif ratio.value is not None and ratio.value < ALARM and (ratio.high or 0.0) < 1:
        verdict = "lower"
    return GroupFigures(
        trait=trait,
        group=group,
        reference=reference,
        decided=len(mine),
        approval=_share(approved, len(mine)),
        ratio=Share(1.0, None, None) if group == reference and mine else ratio,
        outcomes=len(known),
        events=events,
        default_rate=_share(events, len(known)),
        predicted=predicted,
        calibration=_calibration(foretold, predicted),
        verdict=verdict,
    )


def _share(hits: int, rows: int) -> Share:
    return Share(hits / rows, *wilson(hits, rows)) if rows else NOTHING


def _calibration(foretold: Sequence[Case], predicted: float | None) -> Share:
    if not predicted:
        return NOTHING
    observed = _share(sum(case.bad is True for case in foretold), len(foretold))
    return Share(*(None if one is None else one / predicted for one in (observed.value, observed.low, observed.high)))
