"""On real data: the hazard of recorded 30 days past due on a card panel, learnt on earlier and judged on later months."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest

from jiehuan.watch import read_signals
from jiehuan.watch.fit import auc, fit_hazard
from jiehuan.watch.landmark import DAY

ROOT = Path(__file__).resolve().parents[2]


def test_later_months_of_a_card_panel_are_foretold(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import early_warning

    sys.modules.pop("early_warning")
    events = early_warning.panel_events(data)
    half = early_warning.panel_rows(events.filter(pl.col("account_id").cast(pl.Int64) % 2 == 0))
    fitted = fit_hazard(half, read_signals(early_warning.panel_signals()), on=("paid", "idle", "late"), daily_budget=2)
    judged = fitted.figures["horizons"]["90"]
    assert judged["outcomes"] > 40
    assert judged["auc"] > 0.75
    assert judged["mean_chance"] == pytest.approx(judged["rate"], rel=0.4)
    near = fitted.test.happened & (fitted.test.until - fitted.test.at <= 90 * DAY)
    known = near | (fitted.test.until - fitted.test.at >= 90 * DAY)
    late = fitted.test.features[known, half.names.index("late_90d")]
    assert judged["auc"] > auc(near[known].astype(float), late) + 0.02, (
        "better than the plain rule: late within 90 days"
    )
    assert fitted.figures["alerts"]["lead_days"]["50"] >= 30
