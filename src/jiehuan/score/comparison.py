"""Champion and challenger: is the new model better on the same rows, and is the difference more than chance?

Both are scored on one table; differences are measured within each draw of one bootstrap (paired), so that what both have in
common cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jiehuan.score.metrics import Resampler, auc_ks_of_bands, evaluate
from jiehuan.units.errors import InputError, Problem

Floats = np.ndarray[Any, np.dtype[np.float64]]


def compare(
    y: Sequence[int] | Floats,
    champion: Sequence[float] | Floats,
    challenger: Sequence[float] | Floats,
    *,
    clusters: Sequence[Any] | np.ndarray[Any, Any] | None = None,
    bootstrap: int = 500,
    level: float = 0.95,
    seed: int = 20_260_701,
) -> dict[str, Any]:
    """Metrics of both probabilities on the outcomes ``y`` (0 or 1, [n]) and ``difference`` (challenger less champion).

    For auc, ks, brier and log_loss: value, interval, and ``better`` yes, no or unclear (the interval holds 0). ``verdict``
    goes by AUC and log loss together. The rows must be ones neither model was fitted on.
    """
    events, old, new = (np.asarray(one, float) for one in (y, champion, challenger))
    if len(old) != len(new):
        raise InputError(
            Problem(
                "challenger",
                str(len(new)),
                f"not one probability for each of the champion's {len(old)} rows",
                "score both on the same table",
            )
        )
    found: dict[str, Any] = {
        "champion": evaluate(events, old, clusters=clusters, bootstrap=0),
        "challenger": evaluate(events, new, clusters=clusters, bootstrap=0),
    }
    draws: dict[str, list[float]] = {name: [] for name in ("auc", "ks", "brier", "log_loss")}
    sides = [Resampler(events, one, clusters, seed) for one in (old, new)]
    for _ in range(bootstrap):
        results = []
        for side in sides:  # the same seed draws the same rows on both sides
            bad, good, squares, logs, rows = side.draw()
            results.append((*auc_ks_of_bands(bad, good), squares / rows, logs / rows))
        for place, name in enumerate(draws):
            draws[name].append(results[1][place] - results[0][place])
    tail = (1 - level) / 2
    found["difference"] = {}
    for name, values in draws.items():
        low, high = (float(edge) for edge in np.quantile(values, (tail, 1 - tail)))
        up = name in ("auc", "ks")
        better = "yes" if (low > 0 if up else high < 0) else "no" if (high < 0 if up else low > 0) else "unclear"
        found["difference"][name] = {
            "value": found["challenger"][name] - found["champion"][name],
            "interval": [low, high],
            "better": better,
        }
    sides_of = {found["difference"][name]["better"] for name in ("auc", "log_loss")}
    found["verdict"] = (
        "challenger"
        if sides_of <= {"yes", "unclear"} and "yes" in sides_of
        else "champion"
        if sides_of <= {"no", "unclear"} and "no" in sides_of
        else "unclear"
    )
    found["level"] = level
    return found
