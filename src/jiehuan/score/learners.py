"""One shape for both kinds of model while they are fitted and measured: learn from a sheet, give raw logits of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from jiehuan.score.boosted import Boosted
from jiehuan.score.boosted_fit import Trees, learn_trees, matrix_of_sheet
from jiehuan.score.calibrate import Calibration, calibrate
from jiehuan.score.forest import read_forest
from jiehuan.score.scorecard import Scorecard
from jiehuan.score.scorecard_fit import learn_scorecard, logits_of_sheet
from jiehuan.score.settings import Settings
from jiehuan.score.sheet import Sheet

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


class Learned(Protocol):
    """A model just fitted. A scorecard's own calibration is the identity."""

    @property
    def own(self) -> Calibration:
        """A calibration from rows the model did not see."""

    @property
    def rounds(self) -> int:
        """How many trees, 0 for a scorecard."""

    def raw(self, sheet: Sheet) -> Floats:
        """Raw logits of the rows of a sheet: float64[n]."""

    def scorer(self, sheet: Sheet, calibration: Calibration) -> Scorecard | Boosted:
        """The model that scores, with this calibration."""

    def details(self) -> dict[str, dict[str, float]]:
        """What the fit says of each feature (coefficient, error and effect; gain and splits)."""


class Learner(Protocol):
    """Fits models of one kind with fixed settings."""

    @property
    def calibrated(self) -> bool:
        """Whether its raw logits need a calibration."""

    def learn(self, sheet: Sheet, clusters: Ints | None, rounds: int = 0) -> Learned:
        """Fit on all rows; ``clusters`` int[n] are not parted by inner splits; ``rounds`` > 0 skips the search for it."""


@dataclass(frozen=True)
class CardLearner:
    """Learns scorecards. ``specials`` and ``monotone`` (1, -1; other features are free) are by feature."""

    settings: Settings
    specials: Mapping[str, Sequence[float]]
    monotone: Mapping[str, int]
    calibrated: bool = False

    def learn(self, sheet: Sheet, clusters: Ints | None, rounds: int = 0) -> Learned:
        """A scorecard of the rows; there is no inner split."""
        trends = {name: {1: "ascending", -1: "descending"}.get(sign, "auto") for name, sign in self.monotone.items()}
        return _Card(*learn_scorecard(sheet, self.settings, self.specials, trends))


@dataclass(frozen=True)
class _Card:
    card: Scorecard
    told: dict[str, dict[str, float]]
    own: Calibration = field(default_factory=Calibration)
    rounds: int = 0

    def raw(self, sheet: Sheet) -> Floats:
        return logits_of_sheet(self.card, sheet)

    def scorer(self, sheet: Sheet, calibration: Calibration) -> Scorecard | Boosted:
        return self.card

    def details(self) -> dict[str, dict[str, float]]:
        return self.told


@dataclass(frozen=True)
class TreeLearner:
    """Learns boosted models."""

    settings: Settings
    seed: int
    monotone: Mapping[str, int]
    calibrated: bool = True

    def learn(self, sheet: Sheet, clusters: Ints | None, rounds: int = 0) -> Learned:
        """Trees of the rows, their number found on an inner split unless given."""
        trees = learn_trees(sheet, self.settings, self.seed, self.monotone, clusters, rounds)
        own = Calibration()
        if trees.checked is not None and trees.checked[0].min() < trees.checked[0].max():
            own = calibrate(*trees.checked, "platt")
        return _Trees(trees, self.settings, own, trees.rounds)


@dataclass(frozen=True)
class _Trees:
    trees: Trees
    settings: Settings
    own: Calibration
    rounds: int

    def raw(self, sheet: Sheet) -> Floats:
        return read_forest(self.trees.text).rows(matrix_of_sheet(sheet, self.trees.categories).T)

    def scorer(self, sheet: Sheet, calibration: Calibration) -> Scorecard | Boosted:
        return Boosted(
            sheet.inputs,
            self.trees.categories,
            self.trees.monotone,
            self.trees.text,
            calibration,
            self.settings.scaling,
        )

    def details(self) -> dict[str, dict[str, float]]:
        return self.trees.importance
