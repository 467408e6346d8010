"""What a feature is called where people read it: said from its declaration, so that a new feature has words at once.

A derived value is called by its formula over the features in it.
"""

from __future__ import annotations

from jiehuan.watch.declare import Declaration, Feature, Stream

MOST_KINDS = 3
"""Kinds that a stream's words name; more are counted."""

_OF = {
    "count": ("{what}次数", "{what}, times"),
    "sum": ("{what}金额合计（元）", "{what}, total (yuan)"),
    "mean": ("{what}平均金额（元）", "{what}, mean (yuan)"),
    "max": ("{what}最大金额（元）", "{what}, largest (yuan)"),
    "std": ("{what}金额标准差（元）", "{what}, deviation (yuan)"),
    "last": ("最近一次{what}金额（元）", "{what}, last (yuan)"),
    "distinct": ("{what}对手方个数", "{what}, counterparties"),
    "since": ("距上次{what}时间", "{what}, time since the last"),
    "velocity": ("{what}每小时次数", "{what}, times an hour"),
    "rise": ("{what}金额上升程度", "{what}, rise"),
    "fall": ("{what}金额下降程度", "{what}, fall"),
    "slower": ("{what}间隔变长程度", "{what}, slowing"),
    "faster": ("{what}间隔变短程度", "{what}, quickening"),
    "changed": ("{what}开始变化至今", "{what}, time since it began to change"),
}


def feature_words(declared: Declaration, name: str) -> dict[str, str]:
    """A feature's name in Chinese and English.

    >>> from jiehuan.watch import load_signals
    >>> feature_words(load_signals(), "failed_30d")
    {'zh': '30 天内扣款失败次数', 'en': 'failed debit, times in 30 d'}
    """
    if name in declared.derived:
        formula = declared.derived[name].value
        return {"zh": f"{name}（{formula}）", "en": f"{name} ({formula})"}
    if name not in declared.features:
        return {"zh": name, "en": name}
    zh, en = _windowed(declared, declared.features[name])
    return {"zh": zh, "en": en}


def _windowed(declared: Declaration, feature: Feature) -> tuple[str, str]:
    zh_span, en_span = (_span(feature.window, language) for language in ("zh", "en"))
    zh, en = f"{zh_span}内", f" in {en_span}"
    if feature.before:
        zh_before, en_before = (_span(feature.before, language) for language in ("zh", "en"))
        zh, en = f"{zh_before}以前的 {zh_span}内", f" in {en_span} up to {en_before} ago"
    if feature.of == "sequence":
        steps = [_stream(declared, step) for step in feature.steps]
        return zh + "依次" + "、".join(step[0] for step in steps), ", then ".join(step[1] for step in steps) + en
    what = _stream(declared, feature.stream)
    said = _OF[feature.of]
    return zh + said[0].format(what=what[0]), said[1].format(what=what[1]) + en


def _stream(declared: Declaration, name: str) -> tuple[str, str]:
    """What a stream's events are: their kinds, and what else it asks of them."""
    stream = declared.streams.get(name, Stream(name, (name,)))
    words = [declared.kinds.get(kind, {}) for kind in stream.kinds]
    zh = [word.get("zh", kind) for word, kind in zip(words, stream.kinds, strict=True)]
    en = [word.get("en", kind) for word, kind in zip(words, stream.kinds, strict=True)]
    more = len(zh) - MOST_KINDS
    told_zh = "/".join(zh[:MOST_KINDS]) + (f"等 {len(zh)} 类" if more > 0 else "")
    told_en = " or ".join(en[:MOST_KINDS]) + (f" and {more} more" if more > 0 else "")
    if stream.hours:
        told_zh, told_en = (
            f"夜间{told_zh}" if stream.hours[0] > stream.hours[1] else told_zh,
            f"{told_en} at certain hours",
        )
    if stream.new_counterparty:
        told_zh, told_en = f"向新对手方{told_zh}", f"{told_en} to new counterparties"
    return told_zh, told_en


def _span(seconds: int, language: str) -> str:
    hours = seconds // 3600
    days = hours % 24 == 0 and hours >= 48
    number, unit = (hours // 24, ("天", "d")) if days else (hours, ("小时", "h"))
    return f"{number} {unit[0 if language == 'zh' else 1]}"
