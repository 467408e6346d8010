"""On real data: the hazard of recorded 30 days past due on a card panel, learnt on earlier and judged on later months."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_later_months_of_a_card_panel_are_foretold(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import early_warning

    told = early_warning.panel(data, None)
    sys.modules.pop("early_warning")
    horizons = told["horizons"]
    for judged in horizons.values():
        assert judged["auc"] > 0.78
        assert 0.6 < judged["calibration_slope"] < 1.5
        assert judged["mean_chance"] == pytest.approx(judged["rate"], rel=0.35)
    auc = told["90 days, AUC"]
    assert auc["watch fit"] > auc["rule: late within 90 days (count)"] + 0.02
    assert told["alerts"]["lead_days"]["50"] >= 30
