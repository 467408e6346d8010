"""Every feature that ships has words of its own in both languages; a declaration of one's own has them at once."""

from __future__ import annotations

from jiehuan.watch import load_signals
from jiehuan.watch.words import feature_words


def test_every_feature_is_called_something_of_its_own() -> None:
    signals = load_signals()
    for language in ("zh", "en"):
        words = [feature_words(signals, name)[language] for name in signals.columns]
        assert len(set(words)) == len(words) and all(words)
    assert feature_words(signals, "since_paid") == {
        "zh": "180 天内距上次还款时间",
        "en": "repayment, time since the last in 180 d",
    }
    assert feature_words(signals, "out_mean_before")["zh"] == "24 小时以前的 30 天内提现/转出平均金额（元）"
    assert feature_words(signals, "draw_then_cash")["en"] == "draw, then cash out in 24 h"
    assert feature_words(signals, "spend_30d")["zh"] == "30 天内消费/提现/转出等 4 类金额合计（元）"
    assert feature_words(signals, "betting_share")["en"] == "betting_share (betting_30d / spend_30d)"
    assert feature_words(signals, "nothing") == {"zh": "nothing", "en": "nothing"}
