"""A fitted hazard as one picture: are its chances right, how early do its alerts come, what does a longer list buy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jiehuan.watch.fit import Fitted


def draw(fitted: Fitted, path: Path) -> None:
    """Write the three panels as PNG (or what the suffix of ``path`` says)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    calibration, lead, budget = figure.subplots(1, 3)
    top = 0.0
    for days, judged in fitted.figures["horizons"].items():
        said, came = [t[0] for t in judged["tenths"]], [t[1] for t in judged["tenths"]]
        top = max(top, *said, *came)
        calibration.plot(said, came, "o-", markersize=4, label=f"{days} days, AUC {judged['auc']:.3f}")
    calibration.plot([0, top], [0, top], color="grey", linewidth=0.8)
    calibration.set(
        xlabel="chance foretold (tenths of accounts)", ylabel="share that came", title="Calibration, later time"
    )
    calibration.legend(frameon=False, fontsize=8)
    worth = fitted.worth
    if len(worth.lead_days):
        lead.hist(worth.lead_days, bins=min(18, max(4, len(set(worth.lead_days)))), color="#4a7ebb")
    lead.set(
        xlabel="days from the first alert to 30 days past due",
        ylabel="cases",
        title=f"Lead time, {len(worth.lead_days)} of {worth.outcomes} cases caught",
    )
    a_day = [row[0] for row in worth.by_budget]
    budget.plot(a_day, [row[1] for row in worth.by_budget], "o-", markersize=4, label="precision")
    budget.plot(a_day, [row[2] for row in worth.by_budget], "s--", markersize=4, label="recall")
    budget.axvline(worth.budget, color="grey", linewidth=0.8)
    budget.set(xlabel="alerts a day", title="What a longer daily list buys", ylim=(0, None))
    budget.legend(frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
