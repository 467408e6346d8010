"""What an alert says: its sentence in Chinese and English with the numbers the rule saw, and those numbers by name."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jiehuan.units.ids import derived_id
from jiehuan.watch.declare import SEVERITIES, Declaration, Rule
from jiehuan.watch.event import Alert, Event
from jiehuan.watch.words import feature_words

if TYPE_CHECKING:
    from jiehuan.watch.hazard import Hazard

FORETOLD = "overdue_likely"
"""The rule's name in alerts of a model."""

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_UNKNOWN = {"zh": "未知", "en": "unknown"}


def make_alert(
    declared: Declaration, rule: Rule, event: Event, at: datetime, seen: Any, local: datetime, *, late: bool = False
) -> Alert:
    """The alert of a rule with its evidence. ``seen``: feature values, windowed first, then derived; ``local``: the event's
    own time where people see it; ``at``: the time as of which the rule was met (later than ``local`` for a late event)."""
    columns = declared.columns
    values = {name: float(seen[columns[name][0]]) for name in rule.shown}
    evidence: dict[str, Any] = {}
    for language, text in (("zh", rule.zh), ("en", rule.en)):
        shown = {name: show(value, columns[name][1], language) for name, value in values.items()}
        shown["amount"] = show(event.amount_fen / 100, "yuan", language)
        shown["hour"] = f"{local:%H:%M}"
        evidence[language] = _PLACEHOLDER.sub(lambda found, s=shown: s.get(found[1], found[0]), text)  # type: ignore[misc]
    evidence["values"] = {name: show(value, columns[name][1], "en") for name, value in values.items()}
    evidence["event"] = _event_words(declared, event, local)
    if late:
        evidence["late"] = True
    alert_id = derived_id("al", event.account_id, rule.name, event.event_id)
    return Alert(alert_id, event.account_id, at, rule.name, rule.severity, evidence, event.event_id)


def make_foretold(
    declared: Declaration, model: Hazard, event: Event, local: datetime, chances: Any, values: Any, severity: int
) -> Alert:
    """The alert of a hazard: its chances within each horizon and the features that raise them most, with their values."""
    reasons = [(name, float(values[model.features.index(name)])) for name, _ in model.reasons(values)]
    columns = declared.columns
    called = {name: feature_words(declared, name) for name, _ in reasons}
    evidence: dict[str, Any] = {}
    words = {
        "zh": ("天内", "预计 {0}逾期达 30 天的概率 {1}（{2}）。主要依据：{3}", "、"),
        "en": (" days", "Chance of reaching 30 days past due within {0}: {1} ({2}). Mainly because of: {3}", ", "),
    }
    for language, (days, sentence, comma) in words.items():
        spans = [
            f"{horizon} {days}".replace("  ", " ") if language == "zh" else f"{horizon}{days}"
            for horizon in model.horizons
        ]
        shares = [f"{chance:.1%}" for chance in chances]
        nearer = comma.join(f"{span} {share}" for span, share in zip(spans[:-1], shares[:-1], strict=True))
        is_, next_ = ("：", "；") if language == "zh" else (": ", "; ")
        because = next_.join(
            f"{called[name][language]}{is_}{show(value, columns[name][1], language)}" for name, value in reasons
        )
        evidence[language] = sentence.format(
            spans[-1], shares[-1], nearer, because or ("-" if language == "en" else "无")
        )
    evidence["values"] = {f"chance_{h}d": f"{c:.4f}" for h, c in zip(model.horizons, chances, strict=True)}
    evidence["values"] |= {name: show(value, columns[name][1], "en") for name, value in reasons}
    evidence["words"] = called
    evidence["event"] = _event_words(declared, event, local)
    alert_id = derived_id("al", event.account_id, FORETOLD, event.event_id)
    return Alert(alert_id, event.account_id, local, FORETOLD, SEVERITIES[severity], evidence, event.event_id)


def _event_words(declared: Declaration, event: Event, local: datetime) -> dict[str, str]:
    words = declared.kinds.get(event.kind, {})
    return {
        "kind": event.kind,
        "zh": words.get("zh", event.kind),
        "en": words.get("en", event.kind),
        "amount": show(event.amount_fen / 100, "yuan", "en"),
        "at": local.isoformat(),
    }


def show(value: float, unit: str, language: str) -> str:
    """A value as a person reads it.

    >>> show(1234.5, "yuan", "en"), show(3.0, "count", "en"), show(90_000.0, "time", "en"), show(90_000.0, "time", "zh")
    ('1,234.50', '3', '1 d 1 h', '1 天 1 小时')
    """
    if math.isnan(value):
        return _UNKNOWN[language]
    if unit == "yuan":
        return f"{value:,.2f}"
    if unit in {"count", "flag"}:
        return f"{value:.0f}"
    if unit == "time":
        days, rest = divmod(round(value), 86_400)
        hours, rest = divmod(rest, 3600)
        words = ("天", "小时", "分钟") if language == "zh" else ("d", "h", "min")
        parts = [f"{n} {word}" for n, word in zip((days, hours, rest // 60), words, strict=True) if n]
        return " ".join(parts[:2]) or f"0 {words[2]}"
    return f"{value:,.2f}"
