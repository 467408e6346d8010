"""Reason codes: why one applicant scores worse than the average one, in Chinese and English.

The contribution of a feature is its part of the logit less the mean of that part over the fit sample; what raises the risk
comes first. The law gives the borrower an explanation of an automated decision (PIPL art. 24); these are its raw material.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from jiehuan.score.scorecard import Scorecard


class Reason(TypedDict):
    """One reason. ``code`` is stable over versions of a model: it depends on the feature's name alone."""

    code: str
    feature: str
    zh: str
    en: str
    contribution: float


_PARTS = {
    "hour": ("时刻", "hour of"),
    "weekday": ("星期", "weekday of"),
    "month_day": ("日", "day of the month of"),
    "known": ("有无", "whether there is a"),
    "days_before": ("距今天数", "days since"),
    "years_before": ("距今年数", "years since"),
}


def scorecard_reasons(
    scorer: Scorecard, row: Mapping[str, Any], labels: Mapping[str, Mapping[str, str]], top: int
) -> list[Reason]:
    """The reasons of one row under a scorecard, with the points lost against the average applicant."""
    codes = scorer.codes_of_row(row)
    excess = [logits[code] - mean for logits, code, mean in zip(scorer.logits, codes, scorer.means, strict=True)]
    worst = sorted((place for place in range(len(codes)) if excess[place] > 1e-9), key=lambda place: -excess[place])[
        :top
    ]
    found = []
    for place in worst:
        feature, part = scorer.inputs[place].name, scorer.bins[place].bins[codes[place]]
        lost = round(scorer.scaling.factor * excess[place])
        zh, en = feature_labels(feature, labels)
        found.append(
            Reason(
                code=reason_code(feature),
                feature=feature,
                contribution=excess[place],
                zh=f"{zh}：{_zh_of(part.kind, part.label)}，比平均低 {lost} 分",
                en=f"{en}: {part.label}, {lost} {'point' if lost == 1 else 'points'} below the average",
            )
        )
    return found


def boosted_reason(feature: str, value: Any, contribution: float, labels: Mapping[str, Mapping[str, str]]) -> Reason:
    """A reason of a boosted model: the feature, its value and how far it raises the logit above the mean (a SHAP value)."""
    zh, en = feature_labels(feature, labels)
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    shown = f"{value:.6g}" if isinstance(value, float) else str(value)
    return Reason(
        code=reason_code(feature),
        feature=feature,
        contribution=contribution,
        zh=f"{zh}：{'缺失' if missing else shown}，使风险高于平均",
        en=f"{en}: {'missing' if missing else shown}, raises the risk above the average",
    )


@lru_cache(maxsize=10_000)
def reason_code(feature: str) -> str:
    """``R_`` and the feature's name in capitals, other signs as underscores.

    >>> reason_code("bank.account-type")
    'R_BANK_ACCOUNT_TYPE'
    """
    return "R_" + "".join(sign if sign.isalnum() else "_" for sign in feature.upper())


def feature_labels(feature: str, labels: Mapping[str, Mapping[str, str]]) -> tuple[str, str]:
    """The feature's Chinese and English name: as given, or made from the column's name."""
    given = labels.get(feature, {})
    column, dot, part = feature.rpartition(".")
    if dot and part in _PARTS:
        base = labels.get(column, {})
        made_zh, made_en = f"{base.get('zh', column)}{_PARTS[part][0]}", f"{_PARTS[part][1]} {base.get('en', column)}"
    else:
        made_zh = made_en = feature
    return given.get("zh", made_zh), given.get("en", made_en)


def _zh_of(kind: str, label: str) -> str:
    return {"missing": "缺失", "other": "少见或未见的类别"}.get(kind, label)
