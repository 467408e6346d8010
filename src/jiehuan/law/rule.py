"""One rule of law in force over one span of days, and how it is read from its YAML file.

A file holds one rule: what it is called, its unit, and its values, each with the days it is in force, the lenders it
binds, the article that says so, a grade of confidence, and one sentence in Chinese and English. What all values share
is said once at the top. The reader refuses a value without citation, and values of one lender that overlap or leave a
gap.

Grades: A the statute's text was read, B reported by secondary sources, C and D from memory, to be verified first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, NoReturn

from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan

LENDER_TYPES = ("bank", "consumer_finance_company", "micro_lender", "other")
"""Who lends. ``other`` stands outside mainland law (imported foreign history): only house defaults apply to it."""

GRADES = ("A", "B", "C", "D")
SOURCES = ("statute", "regulation", "judicial", "standard", "self_regulation", "house")
"""What kind of text a rule comes from; ``house`` is this platform's own default where the law is silent."""

_TOP = {"id", "zh_name", "en_name", "unit", "note", "values"}
_SHARED = {"lenders", "source", "law_zh", "law_en", "grade", "zh", "en"}
_VALUE = _SHARED | {"valid_from", "valid_to", "value", "not_in_force"}
_DAY = timedelta(days=1)


class Table(dict[str, Any]):
    """A mapping of a rule's value that nobody can change, as one ``Law`` is shared by all callers. Prints as a dict."""

    def _frozen(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a value of the law book is not changed in place")

    __setitem__ = __delitem__ = update = pop = popitem = clear = setdefault = __ior__ = _frozen

    def __reduce__(self) -> tuple[type[Table], tuple[dict[str, Any]]]:
        return Table, (dict(self),)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule in force from ``valid_from`` to ``valid_to`` (last day, inclusive; None: until further notice).

    ``value``: an int (fen, ppm or a count, see ``unit``), bool, str, tuple, or ``Table``. ``law_zh``/``law_en`` name
    law and article, ``source`` the kind of text, ``grade`` the confidence A-D, ``zh``/``en`` say the rule in a
    sentence.
    """

    id: str
    value: Any
    unit: str
    valid_from: date
    valid_to: date | None
    lenders: tuple[str, ...]
    source: str
    law_zh: str
    law_en: str
    grade: str
    zh: str
    en: str
    zh_name: str
    en_name: str

    @property
    def citation(self) -> str:
        """Law and article in both languages, for errors and letters."""
        return f"{self.law_zh}; {self.law_en}"

    @property
    def binding(self) -> bool:
        """Whether it is the law's or the trade's rule, not this platform's default."""
        return self.source != "house"

    @property
    def text(self) -> str:
        """The value for people: ppm as a percentage, fen as yuan, lists and tables written out."""
        if type(self.value) is int and self.unit.startswith("ppm"):
            whole, rest = divmod(self.value, 10_000)
            return f"{whole}.{rest:04d}".rstrip("0").rstrip(".") + "%"
        if type(self.value) is int and self.unit.startswith("fen"):
            return f"{format_yuan(self.value)} CNY"
        if isinstance(self.value, tuple) and not any(isinstance(inner, tuple) for inner in self.value):
            return ", ".join(map(str, self.value))
        return self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; dates as text."""
        return {
            "id": self.id,
            "value": self.value,
            "text": self.text,
            "unit": self.unit,
            "valid_from": self.valid_from.isoformat(),
            "valid_to": self.valid_to.isoformat() if self.valid_to else None,
            "lenders": list(self.lenders),
            "source": self.source,
            "citation": {"zh": self.law_zh, "en": self.law_en},
            "grade": self.grade,
            "zh_name": self.zh_name,
            "en_name": self.en_name,
            "zh": self.zh,
            "en": self.en,
        }


@dataclass(frozen=True, slots=True)
class History:
    """All values of one rule: ``rules`` in file order, and per lender the spans in time order (None: not in force)."""

    id: str
    zh_name: str
    en_name: str
    unit: str
    note: str
    rules: tuple[Rule, ...]
    by_lender: Mapping[str, tuple[tuple[date, Rule | None], ...]]

    def on(self, on: date, lender_type: str) -> Rule | None:
        """The rule in force on that day for that lender, or None."""
        found = None
        for start, rule in self.by_lender.get(lender_type, ()):
            if start > on:
                break
            found = rule
        return found


def read_rule(document: Any, where: str) -> History:
    """Read one rule file's document. Raises InputError with every fault in it, naming ``where`` and the value.

    The document: ``id, zh_name, en_name, unit, note?, values: [{valid_from, valid_to?, lenders, value | not_in_force,
    source, law_zh, law_en, grade, zh, en}]``; lenders, source, law_zh, law_en, grade, zh, en may stand at the top.
    """
    faults: list[Problem] = []

    def fault(place: str, value: object, reason: str, mend: str = "") -> None:
        faults.append(Problem(f"{where}{place}", str(value)[:80] if value is not None else "", reason, mend))

    if not isinstance(document, dict):
        raise InputError(Problem(where, "", "not a mapping", "write id, unit, values"))
    for key in sorted(map(str, set(document) - _TOP - _SHARED)):
        fault("", key, "an unknown key", f"use {', '.join(sorted(_TOP | _SHARED))}")
    for key in ("id", "zh_name", "en_name", "unit"):
        if not _text(document.get(key)):
            fault("", key, "missing", "write it as text")
    raw_values = document.get("values")
    if not isinstance(raw_values, list) or not raw_values:
        fault("", "values", "missing", "list at least one value")
        raise InputError(faults)

    shared = {key: document[key] for key in _SHARED if key in document}
    entries: list[tuple[dict[str, Any], bool]] = []
    for place, raw in enumerate(raw_values, start=1):
        if not isinstance(raw, dict):
            fault(f" value {place}", raw, "not a mapping")
            continue
        entry = {**shared, **raw}
        for key in sorted(map(str, set(raw) - _VALUE)):
            fault(f" value {place}", key, "an unknown key", f"use {', '.join(sorted(_VALUE))}")
        for key in ("law_zh", "law_en"):
            if not _text(entry.get(key)):
                fault(f" value {place}", key, "no citation", "name the law and the article in Chinese and English")
        for key in ("zh", "en"):
            if not _text(entry.get(key)):
                fault(f" value {place}", key, "no sentence", "say the rule in one sentence in each language")
        if entry.get("grade") not in GRADES:
            fault(f" value {place}, grade", entry.get("grade"), "not a grade", f"use one of {', '.join(GRADES)}")
        if entry.get("source") not in SOURCES:
            fault(f" value {place}, source", entry.get("source"), "not a source", f"use one of {', '.join(SOURCES)}")
        lenders = entry.get("lenders")
        if not isinstance(lenders, list) or not lenders or any(lender not in LENDER_TYPES for lender in lenders):
            fault(f" value {place}, lenders", lenders, "not lender types", f"list some of {', '.join(LENDER_TYPES)}")
        start, end = entry.get("valid_from"), entry.get("valid_to")
        if type(start) is not date:
            fault(f" value {place}, valid_from", start, "not a date", "write YYYY-MM-DD")
        elif end is not None and (type(end) is not date or end < start):
            fault(f" value {place}, valid_to", end, "not a date from valid_from on", "write the last day, or null")
        absent = entry.get("not_in_force") is True
        if absent == ("value" in entry):
            fault(f" value {place}, value", entry.get("value"), "give either value or not_in_force: true")
        entries.append((entry, absent))
    if faults:
        raise InputError(faults)
    rules = [(_rule(document, entry), absent) for entry, absent in entries]
    return History(
        document["id"],
        document["zh_name"],
        document["en_name"],
        document["unit"],
        document.get("note", ""),
        tuple(rule for rule, absent in rules if not absent),
        _by_lender(rules, where),
    )


def _rule(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Rule:
    return Rule(
        id=document["id"],
        value=_frozen(entry.get("value")),
        unit=document["unit"],
        valid_from=entry["valid_from"],
        valid_to=entry.get("valid_to"),
        lenders=tuple(entry["lenders"]),
        source=entry["source"],
        law_zh=entry["law_zh"],
        law_en=entry["law_en"],
        grade=entry["grade"],
        zh=entry["zh"],
        en=entry["en"],
        zh_name=document["zh_name"],
        en_name=document["en_name"],
    )


def _by_lender(rules: list[tuple[Rule, bool]], where: str) -> dict[str, tuple[tuple[date, Rule | None], ...]]:
    """Spans by lender, checked: no two overlap, none leaves days between it and the next."""
    faults: list[Problem] = []
    spans: dict[str, tuple[tuple[date, Rule | None], ...]] = {}
    for lender in LENDER_TYPES:
        ordered = sorted((pair for pair in rules if lender in pair[0].lenders), key=lambda pair: pair[0].valid_from)
        if not ordered:
            continue
        for (earlier, _), (later, _) in pairwise(ordered):
            place = f"{where}, {lender}"
            if earlier.valid_to is None or earlier.valid_to >= later.valid_from:
                mend = "end the earlier value on the day before the later one"
                faults.append(Problem(place, str(later.valid_from), "overlaps the value before it", mend))
            elif earlier.valid_to + _DAY != later.valid_from:
                mend = "close the gap, or say not_in_force: true with its reason"
                faults.append(Problem(place, f"{earlier.valid_to} to {later.valid_from}", "leaves a gap", mend))
        line: list[tuple[date, Rule | None]] = [(r.valid_from, None if absent else r) for r, absent in ordered]
        last = ordered[-1][0].valid_to
        if last is not None:
            line.append((last + _DAY, None))
        spans[lender] = tuple(line)
    if faults:
        raise InputError(faults)
    return spans


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return Table((str(key), _frozen(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return tuple(_frozen(inner) for inner in value)
    return value


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
