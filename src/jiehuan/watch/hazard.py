"""The chance that an account reaches 30 days past due within 30, 60 and 90 days, given what the signal engine knows of it now.

A discrete-time hazard: one LightGBM model gives the chance of the outcome in the first, second and third period among those who came
so far (the period is one of its columns); the chances multiply up, so that a longer horizon never has a smaller chance. Its logits
are set right by a line fitted on later landmarks than the trees saw (Platt). Source: Tutz and Schmid 2016, Modeling Discrete
Time-to-Event Data; landmarks after van Houwelingen 2007. A model is a folder of text: ``model.json``, ``trees.txt``; never pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.units.errors import InputError, Problem
from jiehuan.watch.declare import Declaration

_FORMAT = "jiehuan watch hazard 1"


@dataclass(frozen=True)
class Hazard:
    """``features`` by name in the order of the trees' columns (the period comes last); ``on``: kinds of events at which it is asked;
    ``warning`` and ``critical``: chances within the longest horizon from which an alert is raised; ``signals``: the version of the
    declaration whose features it reads."""

    features: tuple[str, ...]
    trees: str = field(repr=False)
    slope: float
    intercept: float
    signals: str
    on: tuple[str, ...] = ("tick",)
    outcome: str = "overdue_30"
    period_days: int = 30
    periods: int = 3
    warning: float = 0.2
    critical: float = 0.5
    cooldown_days: int = 30
    figures: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def _booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.trees)

    @property
    def horizons(self) -> tuple[int, ...]:
        """The horizons in days."""
        return tuple(self.period_days * n for n in range(1, self.periods + 1))

    def columns(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Where this model's features stand in a table with these names. Raises InputError for those that are absent."""
        missing = [name for name in self.features if name not in names]
        if missing:
            raise InputError(
                [
                    Problem("signals", name, "the model needs this feature", "use the signals it was fitted on")
                    for name in missing
                ]
            )
        return np.array([list(names).index(name) for name in self.features], np.int64)

    def chances(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The chance of the outcome within each horizon, float64[n, periods]. ``features`` float64[n, f], NaN where not known."""
        n = len(features)
        if n == 0:
            return np.zeros((0, self.periods))
        wide = np.column_stack(
            [np.repeat(features, self.periods, axis=0), np.tile(np.arange(1.0, self.periods + 1), n)]
        )
        logits = (
            self.slope * self._booster.predict(wide, raw_score=True, num_threads=1 if n < 100 else 0) + self.intercept
        )
        survival = np.cumprod(1 / (1 + np.exp(logits.reshape(n, self.periods))), axis=1)
        return np.asarray(1 - survival)

    def reasons(self, features: NDArray[np.float64], most: int = 3) -> list[tuple[str, float]]:
        """The features that raise one account's first-period logit most: (name, share of the logit), by TreeSHAP. ``features`` float64[f]."""
        wide = np.append(features, 1.0)[None, :]
        shares = self._booster.predict(wide, pred_contrib=True)[0][: len(self.features)]
        order = np.argsort(-shares)[:most]
        return [(self.features[int(i)], float(shares[i] * self.slope)) for i in order if shares[i] > 0]

    def severity(self, chances: NDArray[np.float64]) -> NDArray[np.int64]:
        """2 critical, 1 warning, -1 none, for rows of ``chances``."""
        far = chances[:, -1]
        return np.where(far >= self.critical, 2, np.where(far >= self.warning, 1, -1))

    def save(self, folder: Path | str) -> None:
        """Write ``model.json`` and ``trees.txt``."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name, text in self.texts().items():
            (place / name).write_text(text, encoding="utf-8")

    def texts(self) -> dict[str, str]:
        """The model as its files: the text of each by name. ``read`` takes them."""
        document = asdict(self)
        document.pop("trees")
        told = json.dumps({"format": _FORMAT, **document}, ensure_ascii=False, indent=1)
        return {"trees.txt": self.trees, "model.json": told}

    @classmethod
    def load(cls, folder: Path | str, declaration: Declaration | None = None) -> Hazard:
        """The model in a folder. Raises InputError when it is none, or (with a declaration) when it was fitted on other signals."""
        place = Path(folder)
        try:
            texts = {name: (place / name).read_text(encoding="utf-8") for name in ("model.json", "trees.txt")}
        except OSError as error:
            raise InputError(
                Problem(str(place), "", f"can't be read: {error.strerror}", "name a folder that `watch fit` wrote")
            ) from None
        except ValueError as error:
            raise InputError(
                Problem(str(place), str(error)[:80], "not a model of `watch fit`", "fit it again")
            ) from None
        return cls.read(texts, str(place), declaration)

    @classmethod
    def read(cls, texts: Mapping[str, str], where: str, declaration: Declaration | None = None) -> Hazard:
        """The model whose files have these texts (``texts``). Raises InputError as ``load`` does; ``where``: what it says they are."""
        try:
            document, trees = json.loads(texts["model.json"]), texts["trees.txt"]
            if document.pop("format") != _FORMAT:
                raise KeyError("format")
            names = ("features", "on")
            fields: dict[str, Any] = {name: tuple(v) if name in names else v for name, v in document.items()}
            model = cls(trees=trees, **fields)
            import lightgbm

            width = model._booster.num_feature()
            if width != len(model.features) + 1:
                raise KeyError("features")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                Problem(where, str(error)[:80], "not a model of `watch fit`", "fit it again")
            ) from None
        except lightgbm.basic.LightGBMError as error:
            raise InputError(
                Problem(f"{where}, trees.txt", str(error)[:80], "trees can't be read", "fit it again")
            ) from None
        if declaration is not None and declaration.version != model.signals:
            reason = f"the model was fitted on signals of version {model.signals}, these are {declaration.version}"
            raise InputError(Problem(where, "", reason, "name those signals with --signals, or fit again"))
        return model
