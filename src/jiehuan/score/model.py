"""A fitted model: predicts, gives points and reasons, and is kept as plain JSON (never a pickle).

``Model`` is what ``fit`` returns, what ``model.json`` holds and what a request scores one row with. Loading a scorecard and
scoring a row imports the standard library only; a boosted model compiles its forest at the first row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

from jiehuan.score.inputs import Input
from jiehuan.score.reasons import Reason, reason_code, scorecard_reasons
from jiehuan.score.schema import problems_with
from jiehuan.score.scorecard import Scaling, Scorecard
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from jiehuan.score.boosted import Boosted

    Table = pl.DataFrame | Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]

FORMAT = "jiehuan-score/1"


@dataclass(frozen=True, slots=True)
class RowScore:
    """One scored row: probability of the event, points (higher is safer) and reason codes, worst first."""

    pd: float
    points: int
    reasons: list[Reason]


@dataclass(frozen=True)
class Model:
    """A model ready to score.

    ``kind`` is ``scorecard`` or ``boosted``; ``target`` and ``event`` say what the probability is of; ``labels`` gives a
    feature's name in ``zh`` and ``en``; ``fitted`` says on what and how it was fitted (rows, events, unlabelled, seed,
    settings, excluded columns); ``metrics`` and ``warnings`` come from the fit and are stored beside the model, not in it;
    ``reference`` is the fit sample's distribution, which drift is measured against.
    """

    target: str
    event: str
    scorer: Scorecard | Boosted
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fitted: Mapping[str, Any] = field(default_factory=dict)
    reference: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[Mapping[str, Any], ...] = ()

    @property
    def kind(self) -> str:
        """``scorecard`` or ``boosted``."""
        return self.scorer.kind

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The features in the model's order."""
        return self.scorer.inputs

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns a row or table must have, each once."""
        return tuple(dict.fromkeys(column for one in self.inputs for column in one.columns))

    @property
    def scaling(self) -> Scaling:
        """How probability becomes points."""
        return self.scorer.scaling

    def predict(self, frame: Table) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Probability of the event for every row: float64[n]. Raises InputError for absent columns or other types."""
        return _logistics(self.scorer.logits_of(self.checked(frame)))

    def points(self, frame: Table) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Points for every row, higher is safer: int64[n]. Raises InputError as ``predict``."""
        return self.scorer.points_of(self.checked(frame))

    def scores(self, frame: Table) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.int64]]]:
        """``predict`` and ``points``, the table read once."""
        logits, points = self.scorer.logits_and_points(self.checked(frame))
        return _logistics(logits), points

    def predict_row(self, row: Mapping[str, Any]) -> float:
        """Probability of the event for one row (column name to value, None where not known)."""
        try:
            return logistic(self.scorer.logit_of_row(row))
        except KeyError:
            raise self._absent(row) from None

    def points_row(self, row: Mapping[str, Any]) -> int:
        """Points for one row."""
        try:
            return self.scorer.points_of_row(row)
        except KeyError:
            raise self._absent(row) from None

    def score_row(self, row: Mapping[str, Any], top: int = 4) -> RowScore:
        """Probability, points and reasons of one application."""
        return RowScore(self.predict_row(row), self.points_row(row), self.reasons(row, top=top))

    @overload
    def reasons(self, data: Mapping[str, Any], top: int = 4) -> list[Reason]: ...
    @overload
    def reasons(self, data: pl.DataFrame, top: int = 4) -> list[list[Reason]]: ...
    def reasons(self, data: Mapping[str, Any] | pl.DataFrame, top: int = 4) -> list[Reason] | list[list[Reason]]:
        """Why a row scores worse than the average applicant: at most ``top`` reasons, worst first; a list a row for a table.

        Each is ``{code, feature, zh, en, contribution}``; the contribution is in logit, above 0, relative to the mean of
        the rows the model was fitted on. A row that is nowhere worse than the mean has no reasons.
        """
        if isinstance(data, Mapping):
            try:
                return self._reasons_of([data], top)[0]
            except KeyError:
                raise self._absent(data) from None
        frame = self.checked(data)
        return self._reasons_of(list(frame.select(self.columns).iter_rows(named=True)), top)

    def reason_codes(self, frame: Table, top: int = 4) -> list[list[str | None]]:
        """Only the codes of the reasons, for large tables: ``top`` columns of n codes, worst first, None where there is none."""
        codes = [*(reason_code(one.name) for one in self.inputs), None]
        return [
            [codes[place] for place in column]
            for column in self.scorer.worst_features(self.checked(frame), top).T.tolist()
        ]

    def unseen(self, frame: Table) -> dict[str, int]:
        """How many rows hold a category the fit did not know, for each feature where any does."""
        table, found = self.checked(frame), {}
        for one, names in zip(self.inputs, self.scorer.known_categories, strict=True):
            if one.is_category and (count := int((~one.read_texts(table).drop_nulls().is_in(list(names))).sum())):
                found[one.name] = count
        return found

    def _reasons_of(self, rows: Sequence[Mapping[str, Any]], top: int) -> list[list[Reason]]:
        if isinstance(self.scorer, Scorecard):
            return [scorecard_reasons(self.scorer, row, self.labels, top) for row in rows]
        return self.scorer.reasons(rows, self.labels, top)

    def checked(self, frame: Table) -> pl.DataFrame:
        """The table as a DataFrame that holds all the model needs, of the right types. Raises InputError naming all that is wrong."""
        import polars as pl

        table = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame, infer_schema_length=None)
        empty = [
            name
            for name in self.columns
            if name in table.columns and table.get_column(name).null_count() == table.height
        ]
        if empty:  # a column without values has no type of its own
            table = table.with_columns(pl.lit(None, pl.Null).alias(name) for name in empty)
        if problems := problems_with(self.inputs, table):
            raise InputError(problems)
        return table

    def _absent(self, row: Mapping[str, Any]) -> InputError:
        absent = [column for column in self.columns if column not in row]
        return InputError(
            [
                Problem(
                    f"field {column}", "", "missing, but the model needs it", "give it, or null where it is not known"
                )
                for column in absent
            ]
        )

    def with_reference(self, reference: Mapping[str, Any]) -> Model:
        """The same model with the distributions that drift is measured against."""
        return replace(self, reference=reference)

    def as_document(self) -> dict[str, Any]:
        """The model as plain JSON: all that scoring, reasons and drift need (metrics and warnings are kept beside it)."""
        return {
            "format": FORMAT,
            "kind": self.kind,
            "target": self.target,
            "event": self.event,
            "labels": {name: dict(texts) for name, texts in self.labels.items()},
            self.kind: self.scorer.as_document(),
            "fitted": dict(self.fitted),
            "reference": dict(self.reference),
        }

    @classmethod
    def from_document(
        cls,
        document: Mapping[str, Any],
        metrics: Mapping[str, Any] | None = None,
        warnings: Sequence[Mapping[str, Any]] = (),
    ) -> Model:
        """The model that ``as_document`` wrote, with the metrics and warnings kept beside it.

        Raises InputError for another format or a broken document.
        """
        if not isinstance(document, Mapping) or document.get("format") != FORMAT:
            found = document.get("format") if isinstance(document, Mapping) else type(document).__name__
            raise InputError(
                Problem(
                    "model.json format",
                    str(found),
                    "not a model of this version",
                    f"give a model written by `jiehuan score fit` ({FORMAT})",
                )
            )
        try:
            scorer: Scorecard | Boosted
            if document["kind"] == "scorecard":
                scorer = Scorecard.from_document(document["scorecard"])
            else:
                from jiehuan.score.boosted import Boosted

                scorer = Boosted.from_document(document["boosted"])
            return cls(
                target=document["target"],
                event=document["event"],
                scorer=scorer,
                labels=document["labels"],
                fitted=document["fitted"],
                reference=document["reference"],
                metrics=metrics or {},
                warnings=tuple(warnings),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                Problem(
                    "model.json", "", f"broken model document: {error!r}", "fit the model again, or restore the file"
                )
            ) from error


def _logistics(logits: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    import numpy as np

    return np.asarray(1.0 / (1.0 + np.exp(-logits)))


def logistic(logit: float) -> float:
    """1 / (1 + exp(-logit)), without overflow at the ends."""
    if logit < -700.0:
        return 0.0
    return 1.0 / (1.0 + math.exp(-logit))
