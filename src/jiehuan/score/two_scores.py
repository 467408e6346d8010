"""Ability and willingness as two scores: can this borrower pay, and do they pay as people of that ability do?

Ability is a scorecard of cash-flow features. Willingness is a scorecard of behaviour **given** ability: each bin's evidence is its
log odds beyond what ability predicts for the rows in it, the coefficients are fitted beside the ability logit, and what a line in
ability explains of the result is taken out. The two logits add up to one calibrated probability, and part into four kinds of
borrower that deserve four treatments: those who cannot pay get a plan that fits their cash flow, those who will not get a firm,
lawful escalation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from jiehuan.score.inputs import Input
from jiehuan.score.model import logistic
from jiehuan.score.reasons import Reason, scorecard_reasons
from jiehuan.score.schema import problems_with
from jiehuan.score.scorecard import Scorecard
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

FORMAT = "jiehuan-two-scores/1"

KINDS = {
    "able_willing": ("有能力、有意愿", "able and willing"),
    "able_unwilling": ("有能力、缺意愿", "able, unwilling"),
    "unable_willing": ("能力不足、有意愿", "willing, unable"),
    "unable_unwilling": ("能力不足、缺意愿", "neither able nor willing"),
}


@dataclass(frozen=True, slots=True)
class TwoScore:
    """One borrower under both scores. Points: higher is better; 500 willingness points are what the ability predicts.

    ``kind`` is a key of ``KINDS``. The reasons are those of each score apart.
    """

    pd: float
    ability: int
    willingness: int
    kind: str
    zh: str
    en: str
    ability_reasons: list[Reason]
    willingness_reasons: list[Reason]


@dataclass(frozen=True)
class TwoScores:
    """A pair of scorecards and the points below which ability and willingness count as low (``cuts``).

    Willingness is its card's logit less ``beyond[1]`` and ``beyond[0]`` times the ability logit.
    """

    target: str
    event: str
    ability: Scorecard
    willingness: Scorecard
    beyond: tuple[float, float]
    cuts: tuple[float, float]
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fitted: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The features of both scorecards."""
        return (*self.ability.inputs, *self.willingness.inputs)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns a row must have."""
        return tuple(dict.fromkeys(column for one in self.inputs for column in one.columns))

    def score_row(self, row: Mapping[str, Any], top: int = 3) -> TwoScore:
        """Both scores of one row. Raises InputError naming every absent column."""
        if absent := [column for column in self.columns if column not in row]:
            mend = "give it, or null where it is not known"
            raise InputError(
                [Problem(f"field {column}", "", "missing, but the model needs it", mend) for column in absent]
            )
        able_logit = self.ability.logit_of_row(row)
        willing_logit = self.willingness.logit_of_row(row) - self.beyond[1] - self.beyond[0] * able_logit
        able, willing = (
            round(self.ability.scaling.points_of(able_logit)),
            round(self.willingness.scaling.points_of(willing_logit)),
        )
        kind = self.kind_of(able, willing)
        zh, en = KINDS[kind]
        return TwoScore(
            pd=logistic(able_logit + willing_logit), ability=able, willingness=willing, kind=kind, zh=zh,
            en=en, ability_reasons=scorecard_reasons(self.ability, row, self.labels, top),
            willingness_reasons=scorecard_reasons(self.willingness, row, self.labels, top),
        )  # fmt: skip

    def kind_of(self, ability: float, willingness: float) -> str:
        """Which of ``KINDS`` these points are."""
        return ("able_" if ability >= self.cuts[0] else "unable_") + (
            "willing" if willingness >= self.cuts[1] else "unwilling"
        )

    def score(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Every row: columns ``pd``, ``ability``, ``willingness`` (points) and ``kind``. Raises InputError as ``Model.predict``."""
        import numpy as np
        import polars as pl

        if problems := problems_with(self.inputs, frame):
            raise InputError(problems)
        able_logits = self.ability.logits_of(frame)
        willing_logits = self.willingness.logits_of(frame) - self.beyond[1] - self.beyond[0] * able_logits
        able, willing = (
            np.rint(card.scaling.offset - card.scaling.factor * logits).astype(np.int64)
            for card, logits in ((self.ability, able_logits), (self.willingness, willing_logits))
        )
        names = np.array(["unable_unwilling", "unable_willing", "able_unwilling", "able_willing"])
        kinds = names[2 * (able >= self.cuts[0]) + (willing >= self.cuts[1])]
        return pl.DataFrame(
            {
                "pd": 1 / (1 + np.exp(-able_logits - willing_logits)),
                "ability": able,
                "willingness": willing,
                "kind": kinds,
            }
        )

    def as_document(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "format": FORMAT, "target": self.target, "event": self.event, "ability": self.ability.as_document(),
            "willingness": self.willingness.as_document(), "beyond": list(self.beyond), "cuts": list(self.cuts),
            "labels": {name: dict(one) for name, one in self.labels.items()},
            "fitted": dict(self.fitted),
        }  # fmt: skip

    @classmethod
    def from_document(cls, document: Mapping[str, Any], metrics: Mapping[str, Any] | None = None) -> TwoScores:
        """The pair that ``as_document`` wrote. Raises InputError for another format."""
        if document.get("format") != FORMAT:
            raise InputError(
                Problem(
                    "model.json format",
                    str(document.get("format")),
                    "not a pair of this version",
                    f"give one of {FORMAT}",
                )
            )
        low, beyond = document["cuts"], document["beyond"]
        return cls(
            document["target"], document["event"],
            Scorecard.from_document(document["ability"]), Scorecard.from_document(document["willingness"]),
            (beyond[0], beyond[1]), (low[0], low[1]), document["labels"], document["fitted"], metrics or {},
        )  # fmt: skip

    def with_metrics(self, metrics: Mapping[str, Any]) -> TwoScores:
        """The same pair with its measured figures."""
        return replace(self, metrics=metrics)


def both_columns(ability: Sequence[str], willingness: Sequence[str]) -> list[str]:
    """All columns of the pair. Raises InputError when a column is in both, or a side is empty."""
    if shared := [name for name in ability if name in willingness]:
        raise InputError(
            [
                Problem(f"column {name}", "", "is on both sides", "give it to ability or to willingness")
                for name in shared
            ]
        )
    if not ability or not willingness:
        raise InputError(
            Problem("ability and willingness", "", "one of the two has no columns", "give at least one column to each")
        )
    return [*ability, *willingness]
