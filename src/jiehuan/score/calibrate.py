"""Calibration: from a raw logit to a logit whose probability can be believed.

Platt: a straight line in the logit (two numbers; keeps the order of all rows). Isotonic: the best rising step function
(pool adjacent violators), read between its knots; needs many events and makes ties. Both are fitted on out-of-fold scores,
never on the rows the trees saw.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Calibration:
    """``method`` platt uses ``slope`` and ``intercept``; isotonic uses rising ``knots`` (raw logit) and ``logits``."""

    method: str = "platt"
    slope: float = 1.0
    intercept: float = 0.0
    knots: tuple[float, ...] = ()
    logits: tuple[float, ...] = ()

    def one(self, raw: float) -> float:
        """The calibrated logit of one raw logit."""
        if self.method == "platt":
            return self.slope * raw + self.intercept
        at = bisect_right(self.knots, raw)
        if at == 0:
            return self.logits[0]
        if at == len(self.knots):
            return self.logits[-1]
        low, high = self.knots[at - 1], self.knots[at]
        share = (raw - low) / (high - low)
        return self.logits[at - 1] + share * (self.logits[at] - self.logits[at - 1])

    def many(self, raw: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The calibrated logits of raw logits float64[n]."""
        import numpy as np

        if self.method == "platt":
            return self.slope * raw + self.intercept
        return np.asarray(np.interp(raw, self.knots, self.logits))

    def as_document(self) -> dict[str, Any]:
        """Plain JSON."""
        if self.method == "platt":
            return {"method": "platt", "slope": self.slope, "intercept": self.intercept}
        return {"method": "isotonic", "knots": list(self.knots), "logits": list(self.logits)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Calibration:
        """The calibration that ``as_document`` wrote."""
        if document["method"] == "platt":
            return cls("platt", document["slope"], document["intercept"])
        return cls("isotonic", knots=tuple(document["knots"]), logits=tuple(document["logits"]))


def calibrate(
    events: np.ndarray[Any, np.dtype[np.float64]], raw: np.ndarray[Any, np.dtype[np.float64]], method: str
) -> Calibration:
    """Fit a calibration of ``raw`` logits float64[n] to ``events`` (0 or 1). A line that would fall is made flat-safe: slope 0.01."""
    import numpy as np

    from jiehuan.score.metrics import calibration_line

    if method == "platt":
        slope, intercept = calibration_line(events, 1 / (1 + np.exp(-np.clip(raw, -20, 20))))
        return Calibration("platt", max(slope, 0.01), intercept)
    order = np.argsort(raw, kind="stable")
    knots, first = np.unique(raw[order], return_index=True)
    blocks: list[list[float]] = []  # rows, events, first raw, last raw
    ends = [*first[1:], len(raw)]
    sums = np.add.reduceat(events[order], first)
    for place, (start, end) in enumerate(zip(first, ends, strict=True)):
        blocks.append([float(end - start), float(sums[place]), float(knots[place]), float(knots[place])])
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][0] >= blocks[-1][1] / blocks[-1][0]:
            last = blocks.pop()
            blocks[-1] = [blocks[-1][0] + last[0], blocks[-1][1] + last[1], blocks[-1][2], last[3]]
    xs: list[float] = []
    ys: list[float] = []
    for rows, hits, low, high in blocks:
        logit = math.log((hits + 0.5) / (rows - hits + 0.5))  # half a row of each keeps 0 and 1 away
        for at in dict.fromkeys((low, high)):
            xs.append(at)
            ys.append(max(logit, ys[-1]) if ys else logit)
    return Calibration("isotonic", knots=tuple(xs), logits=tuple(ys))
