"""The four pictures of a model as PNG: ROC, KS, calibration with intervals, and points by outcome (or by feature)."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from jiehuan.score.scorecard import Scorecard

if TYPE_CHECKING:
    from jiehuan.score.model import Model

DARK, BAD, GOOD, PALE = "#1f3a5f", "#c0392b", "#2e7d5b", "#b8c4d0"


def figures(model: Model) -> dict[str, bytes]:
    """PNG bytes by name: ``roc``, ``ks``, ``calibration``, ``points``; drawn from the model's metrics."""
    found = {"roc": _draw(_roc, model), "ks": _draw(_ks, model), "calibration": _draw(_calibration, model)}
    return found | {"points": _draw(_points, model, height=max(4.2, 0.26 * _point_rows(model) + 1.0))}


def _draw(paint: Any, model: Model, height: float = 4.2) -> bytes:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context({"font.family": _families()}):
        figure = Figure(figsize=(5.6, height), dpi=110, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        paint(axes, model)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        out = io.BytesIO()
        with catch_warnings():  # a machine without a Chinese font shows boxes for Chinese names, and that is all
            simplefilter("ignore", UserWarning)
            figure.savefig(out, format="png", metadata={"Software": "jiehuan"})
        return out.getvalue()


@cache
def _families() -> list[str]:
    """The fonts to draw with: the usual one, and for Chinese names the first of the common ones that is installed."""
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    chinese = (
        "Noto Sans CJK SC",
        "Noto Sans CJK JP",
        "Source Han Sans SC",
        "WenQuanYi Micro Hei",
        "SimHei",
        "PingFang SC",
        "Noto Serif CJK SC",
    )
    return ["DejaVu Sans", *(name for name in chinese if name in installed)][:2]


def _roc(axes: Any, model: Model) -> None:
    measured = model.metrics["out_of_fold"]
    x, y = zip(*model.metrics["curves"]["roc"], strict=True)
    axes.plot([0, 1], [0, 1], color=PALE, lw=1)
    axes.plot(x, y, color=DARK, lw=2)
    axes.fill_between(x, x, y, color=DARK, alpha=0.08)
    low, high = measured.get("intervals", {}).get("auc", (measured["auc"], measured["auc"]))
    axes.set(
        xlabel="share of non-events above the cut", ylabel="share of events above the cut", xlim=(0, 1), ylim=(0, 1.01)
    )
    axes.set_title(f"ROC, out of fold: AUC {measured['auc']:.3f} ({low:.3f} to {high:.3f})", fontsize=10, loc="left")


def _ks(axes: Any, model: Model) -> None:
    cut, bad, good = zip(*model.metrics["curves"]["ks"], strict=True)
    axes.plot(cut, bad, color=BAD, lw=2, label="events")
    axes.plot(cut, good, color=GOOD, lw=2, label="non-events")
    at = max(range(len(cut)), key=lambda place: good[place] - bad[place])
    axes.plot([cut[at], cut[at]], [bad[at], good[at]], color=DARK, lw=1.5, ls=":")
    axes.annotate(
        f"KS {model.metrics['out_of_fold']['ks']:.3f}",
        (cut[at], (bad[at] + good[at]) / 2),
        xytext=(6, 0),
        textcoords="offset points",
        color=DARK,
    )
    axes.set(xlabel="predicted probability", ylabel="share below", ylim=(0, 1.01))
    axes.legend(frameon=False, loc="lower right")
    axes.set_title("Distributions of the score by outcome, out of fold", fontsize=10, loc="left")


def _calibration(axes: Any, model: Model) -> None:
    bands = model.metrics["calibration"]
    predicted = [band["predicted"] for band in bands]
    top = max(*predicted, *(band["high"] for band in bands)) * 1.05
    axes.plot([0, top], [0, top], color=PALE, lw=1)
    spread = [[band["observed"] - band["low"] for band in bands], [band["high"] - band["observed"] for band in bands]]
    axes.errorbar(
        predicted,
        [band["observed"] for band in bands],
        yerr=spread,
        fmt="o",
        ms=4,
        color=DARK,
        ecolor=DARK,
        elinewidth=1,
        capsize=2,
    )
    axes.set(xlabel="mean predicted probability", ylabel="observed rate (95 % interval)", xlim=(0, top), ylim=(0, top))
    measured = model.metrics["out_of_fold"]
    title = f"Calibration: slope {measured['calibration_slope']:.2f}, intercept {measured['calibration_intercept']:.2f}"
    axes.set_title(title, fontsize=10, loc="left")


def _point_rows(model: Model) -> int:
    if isinstance(model.scorer, Scorecard):
        return min(len(model.scorer.bins), 25)
    return min(sum("gain" in row for row in model.metrics["features"]), 25)


def _points(axes: Any, model: Model) -> None:
    if isinstance(model.scorer, Scorecard):
        tables = zip(model.scorer.bins, model.scorer.point_tables, strict=True)
        spans = [
            (table.name, [one for part, one in zip(table.bins, points, strict=True) if part.rows])
            for table, points in tables
        ]
        spans = sorted((span for span in spans if span[1]), key=lambda span: max(span[1]) - min(span[1]))[-25:]
        for place, (_, points) in enumerate(spans):
            axes.plot([min(points), max(points)], [place, place], color=PALE, lw=4, solid_capstyle="round")
            axes.plot(points, [place] * len(points), "|", color=DARK, ms=9, mew=1.5)
        axes.set_xlabel("points of the feature's bins (higher is safer)")
        axes.set_title("Points by feature", fontsize=10, loc="left")
        names = [name for name, _ in spans]
    else:
        rows = sorted((row for row in model.metrics["features"] if "gain" in row), key=lambda row: row["gain"])[-25:]
        total = sum(row["gain"] for row in model.metrics["features"] if "gain" in row) or 1.0
        axes.barh(range(len(rows)), [row["gain"] / total for row in rows], color=DARK, height=0.6)
        axes.set_xlabel("share of the gain")
        axes.set_title("Features by gain", fontsize=10, loc="left")
        names = [row["name"] for row in rows]
    axes.set_yticks(range(len(names)), [name.replace("$", r"\$") for name in names], fontsize=8)
