"""What the alerts of a hazard are worth: right ones among them, cases they catch, days of lead, and how many a person must read.

Over landmarks in order of time: an alert is raised where the chance passes the threshold and the account was not alerted within the
cool-down (unless the severity rose). Precision counts alerts followed by the outcome within the longest horizon, among those at least
that long before the end of the stream (of later ones only the right ones are known yet). Recall counts outcomes that had a
landmark, and an alert, within that time before. Lead is the time from the first such alert to the outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.watch.landmark import DAY, Landmarks

if TYPE_CHECKING:
    from jiehuan.watch.hazard import Hazard


@dataclass(frozen=True, slots=True)
class Worth:
    """Figures of alerts over a stretch of time. ``lead_days``: one for each outcome caught; ``by_budget``: [alerts a day, precision, recall]."""

    budget: float
    alerts: int
    a_day: float
    precision: float
    recall: float
    outcomes: int
    without_cooldown: int
    critical: int
    critical_precision: float
    lead_days: NDArray[np.float64]
    by_budget: list[tuple[float, float, float]]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        lead = self.lead_days
        parts = (5, 25, 50, 75, 95)
        return {
            "daily_budget": round(self.budget, 3), "alerts": self.alerts, "alerts_a_day": round(self.a_day, 3), "precision": _known(self.precision),
            "recall": _known(self.recall), "outcomes": self.outcomes, "alerts_without_cooldown": self.without_cooldown,
            "critical": self.critical, "critical_precision": _known(self.critical_precision),
            "lead_days": {str(p): round(float(np.percentile(lead, p)), 1) for p in parts} if len(lead) else {},
            "by_budget": [[_known(v) for v in row] for row in self.by_budget],
        }  # fmt: skip


def raised(
    rows: Landmarks, chance: NDArray[np.float64], threshold: float, cooldown_days: float, critical: float = 2.0
) -> NDArray[np.int64]:
    """The landmarks at which an alert is raised, in order of time."""
    spoke: dict[int, tuple[int, bool]] = {}
    out = []
    hot = np.flatnonzero(chance >= threshold)
    for i in hot[np.argsort(rows.at[hot], kind="stable")]:
        account, at, grave = int(rows.account[i]), int(rows.at[i]), bool(chance[i] >= critical)
        before = spoke.get(account)
        if before is not None and at - before[0] < cooldown_days * DAY and not (grave and not before[1]):
            continue
        spoke[account] = (at, grave)
        out.append(i)
    return np.array(out, np.int64)


def worth_of(model: Hazard, test: Landmarks, chances: NDArray[np.float64], budget: float) -> Worth:
    """The worth of a model's alerts over landmarks it has not seen."""
    chance = chances[:, -1]
    span = model.horizons[-1] * DAY
    days = max(1.0, float(test.at.max() - test.at.min()) / DAY)
    said = raised(test, chance, model.warning, model.cooldown_days, model.critical)
    precision, recall, lead, outcomes = _measure(test, said, span)
    grave = said[chance[said] >= model.critical]
    by_budget = []
    for share in (0.25, 0.5, 1.0, 2.0, 4.0):
        # The list of each day: the highest chances first, nobody twice within the cool-down.
        best = _daily_list(test, chance, max(1, round(budget * share * 7)), 7, model.cooldown_days)
        found = _measure(test, best, span)
        by_budget.append((len(best) / days, found[0], found[1]))
    return Worth(
        budget, len(said), len(said) / days, precision, recall, outcomes, int((chance >= model.warning).sum()), len(grave),
        _measure(test, grave, span)[0], lead, by_budget,
    )  # fmt: skip


def _measure(test: Landmarks, said: NDArray[np.int64], span: int) -> tuple[float, float, NDArray[np.float64], int]:
    near = test.happened & (test.until - test.at <= span)
    known = test.at <= test.until.max() - span
    judged = said[known[said]]
    precision = float(near[judged].mean()) if len(judged) else float("nan")
    cases = {(int(a), int(u)) for a, u in zip(test.account[near], test.until[near], strict=True)}
    first: dict[tuple[int, int], int] = {}
    for i in said[near[said]]:
        case = (int(test.account[i]), int(test.until[i]))
        first[case] = min(first.get(case, int(test.at[i])), int(test.at[i]))
    lead = np.array([(until - at) / DAY for (_, until), at in first.items()])
    return precision, len(first) / len(cases) if cases else float("nan"), lead, len(cases)


def _daily_list(
    test: Landmarks, chance: NDArray[np.float64], most: int, days: int, cooldown_days: float
) -> NDArray[np.int64]:
    """The ``most`` highest chances of each stretch of ``days``, nobody twice within the cool-down."""
    stretch = (test.at - test.at.min()) // (days * DAY)
    spoke: dict[int, int] = {}
    out: list[int] = []
    for one in np.unique(stretch):
        rows = np.flatnonzero(stretch == one)
        taken = 0
        for i in rows[np.argsort(-chance[rows], kind="stable")]:
            account, at = int(test.account[i]), int(test.at[i])
            if account in spoke and at - spoke[account] < cooldown_days * DAY:
                continue
            spoke[account] = at
            out.append(int(i))
            taken += 1
            if taken == most:
                break
    return np.array(out, np.int64)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
