"""The law of one day for one kind of lender, from the rule files beside this module.

Files are read when a rule is first asked for, and kept: a loan asks for a handful of rules, a day-end for the same
ones a million times. Nothing here knows what day it is.
"""

from __future__ import annotations

from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jiehuan.law.rule import LENDER_TYPES, History, Rule, read_rule
from jiehuan.units.errors import InputError, Problem

RULES = Path(__file__).with_name("rules")
_MISSING = object()


class Law:
    """The rules in force on ``on`` for ``lender_type``. Ask ``law_on`` for one; it is cached and never changes."""

    __slots__ = ("_rules", "lender_type", "on")

    def __init__(self, on: date, lender_type: str) -> None:
        self.on = on
        self.lender_type = lender_type
        self._rules: dict[str, Rule | None] = {}

    def rule(self, rule_id: str) -> Rule | None:
        """The rule, or None when no such rule binds this lender on this day. Raises InputError for an unknown id."""
        found = self._rules.get(rule_id, _MISSING)
        if found is _MISSING:
            found = self._rules[rule_id] = rule_history(rule_id).on(self.on, self.lender_type)
        return found  # type: ignore[return-value]

    def value(self, rule_id: str) -> Any | None:
        """The rule's value alone, or None when no such rule binds. Raises InputError for an unknown id."""
        found = self.rule(rule_id)
        return None if found is None else found.value

    def rules(self) -> tuple[Rule, ...]:
        """Every rule in force, by id."""
        return tuple(found for rule_id in rule_ids() if (found := self.rule(rule_id)) is not None)

    @property
    def version(self) -> str:
        """The content hash of the whole rule book, to be kept with what was decided by it."""
        return law_version()

    def __repr__(self) -> str:
        return f"Law({self.on.isoformat()}, {self.lender_type!r})"


@lru_cache(maxsize=100_000)
def law_on(on: date, lender_type: str) -> Law:
    """The law of that day for that lender (bank, consumer_finance_company, micro_lender, other).

    Raises InputError for another lender type.

    >>> law_on(date(2026, 1, 1), "bank").value("cost_cap")
    240000
    """
    if lender_type not in LENDER_TYPES:
        mend = f"use one of {', '.join(LENDER_TYPES)}"
        raise InputError(Problem("lender_type", str(lender_type)[:80], "not a lender type", mend))
    return Law(on, lender_type)


@cache
def rule_history(rule_id: str) -> History:
    """All dated values of one rule. Raises InputError for an unknown id (naming near ones) or a faulty file."""
    path = _paths().get(rule_id)
    if path is None:
        from difflib import get_close_matches

        near = get_close_matches(rule_id, _paths(), n=3, cutoff=0.4)
        mend = f"did you mean {', '.join(near)}?" if near else "see `jiehuan law list`"
        raise InputError(Problem("rule", rule_id[:80], "not a rule of the law book", mend))
    where = str(path.relative_to(RULES))
    history = read_rule(_load_yaml(path, where), where)
    if history.id != rule_id:
        raise InputError(Problem(where, history.id, "id and file name differ", "make them the same"))
    return history


def rule_ids() -> tuple[str, ...]:
    """The ids of all rules, sorted."""
    return tuple(_paths())


@cache
def law_version() -> str:
    """Twelve hex digits of the SHA-256 over every rule file's name and bytes."""
    import hashlib

    digest = hashlib.sha256()
    for rule_id, path in _paths().items():
        content = path.read_bytes()
        digest.update(f"{rule_id}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


@cache
def _paths() -> dict[str, Path]:
    found = sorted(RULES.rglob("*.yaml"), key=lambda path: path.stem)
    paths = {path.stem: path for path in found}
    if len(paths) != len(found):
        raise InputError(Problem(str(RULES), "", "two rule files share a name", "one file per rule"))
    return paths


def _load_yaml(path: Path, where: str) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads ten times as fast
    try:
        return yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as error:
        raise InputError(Problem(where, "", f"malformed YAML: {error}", "mend the file")) from None
