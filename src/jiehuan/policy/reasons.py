"""The words of reason codes: what an applicant, a reviewer and a court read, in Chinese and English.

The catalogue is YAML (``reasons.yaml``); a lender's own codes are added by a second file. The value which a reason
shows is the input that decided, in people's units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan
from jiehuan.units.yaml_file import read_yaml

_UNITS = {"days": ("天", "day"), "months": ("期", "month"), "count": ("", ""), "years": ("", "")}


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a decision; ``feature`` and ``value`` name the input that decided, as text in people's units."""

    code: str
    zh: str
    en: str
    feature: str = ""
    value: str = ""

    def as_dict(self) -> dict[str, str]:
        """The reason for JSON; feature and value only when there are any."""
        shown = {"code": self.code, "zh": self.zh, "en": self.en}
        if self.feature:
            shown["feature"] = self.feature
        if self.value:
            shown["value"] = self.value
        return shown


def explain(code: str, values: Mapping[str, Any], catalogue: Mapping[str, Mapping[str, str]] | None = None) -> Reason:
    """The reason for a code, with the value that decided taken from the policy's inputs and results.

    >>> explain("under_age", {"age": 17}).en
    'The applicant is under eighteen (17)'
    """
    entry = (reason_catalogue() if catalogue is None else catalogue).get(code)
    if entry is None:
        return Reason(code, code, code)
    value = values.get(entry["feature"])
    if value is None or entry["unit"] == "none":
        return Reason(code, _filled(entry["zh"], "无"), _filled(entry["en"], "none"), entry["feature"])
    zh, en = _shown(value, entry["unit"], 0), _shown(value, entry["unit"], 1)
    return Reason(code, _filled(entry["zh"], zh), _filled(entry["en"], en), entry["feature"], en)


@cache
def reason_catalogue(more: Path | None = None) -> Mapping[str, Mapping[str, str]]:
    """The shipped catalogue, with a lender's own codes added. Raises InputError naming each incomplete entry."""
    entries: dict[str, Mapping[str, str]] = {}
    for path in filter(None, (Path(__file__).with_name("reasons.yaml"), more)):
        found = read_yaml(path, what="YAML with an entry for each code", example="src/jiehuan/policy/reasons.yaml")
        problems = [
            Problem(f"{path.name}, {code}", "", "an entry needs feature, unit, zh and en", "add what is missing")
            for code, entry in (found or {}).items()
            if not isinstance(entry, Mapping) or {"feature", "unit", "zh", "en"} - entry.keys()
        ]
        if problems:
            raise InputError(problems)
        entries |= found or {}
    return entries


def _filled(template: str, value: str) -> str:
    return template.replace("{value}", value)


def _shown(value: Any, unit: str, language: int) -> str:
    if unit == "fen":
        return f"{format_yuan(int(value))} {('元', 'yuan')[language]}"
    if unit == "rate":
        return f"{value / 10_000:.4g}%"
    word = _UNITS.get(unit, ("", ""))[language]
    plural = "s" if language and word and value != 1 else ""
    return f"{value} {word}{plural}".rstrip()
