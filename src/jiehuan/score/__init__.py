"""Scorecards and boosted models: binning, fit, calibration, reasons, drift, model cards.

::

    model = fit(frame, "bad")                       # polars DataFrame; kind="boosted" for trees
    model.predict(frame)                            # float64[n], probability of the event
    model.predict_row({"income": 5200.0, ...})      # one application, a few microseconds
    model.reasons(row, top=4)                       # [{code, feature, zh, en, contribution}], worst first
    document = model.as_document()                  # plain JSON; Model.from_document(document) gives it back

Only what is used is imported: a stored scorecard scores one row with the standard library alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jiehuan.score.comparison import compare
    from jiehuan.score.fitting import fit
    from jiehuan.score.metrics import evaluate
    from jiehuan.score.model import Model
    from jiehuan.score.monitoring import drift

__all__ = ["Model", "TwoScores", "compare", "drift", "evaluate", "fit", "fit_two"]

_HOMES = {
    "Model": "model", "TwoScores": "two_scores", "compare": "comparison", "drift": "monitoring", "evaluate": "metrics", "fit": "fitting",
    "fit_two": "two_scores_fit",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that scoring one row does not load what fitting needs."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(f"jiehuan.score.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
