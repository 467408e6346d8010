"""One breach of one rule: what was found, what the law allows, and where it is said, in both languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jiehuan.law.rule import Rule
from jiehuan.units.errors import Problem


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that is broken: ``id`` of the rule, ``where`` it was found, ``found`` against ``allowed`` as plain text.

    Amounts are yuan strings, rates decimals per year with six places. ``source`` is ``house`` where only this
    platform's own default is broken, not the law.
    """

    id: str
    where: str
    found: str
    allowed: str
    zh: str
    en: str
    law_zh: str
    law_en: str
    grade: str
    source: str

    @property
    def citation(self) -> str:
        """Law and article in both languages."""
        return f"{self.law_zh}; {self.law_en}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and for tables."""
        return {
            "id": self.id,
            "where": self.where,
            "found": self.found,
            "allowed": self.allowed,
            "citation": self.citation,
            "zh": self.zh,
            "en": self.en,
            "grade": self.grade,
            "source": self.source,
        }

    def as_problem(self) -> Problem:
        """The breach as the reason of a refusal."""
        return Problem(self.where, self.found, self.en, f"allowed: {self.allowed}", self.citation, self.zh)


def breach(rule: Rule, where: str, found: str, allowed: str, zh: str, en: str) -> Breach:
    """A breach of ``rule``; ``zh`` and ``en`` say what was found, the rule's own sentence is put after them."""
    return Breach(
        id=rule.id,
        where=where,
        found=found,
        allowed=allowed,
        zh=f"{zh}：{rule.zh}",
        en=f"{en}: {rule.en}",
        law_zh=rule.law_zh,
        law_en=rule.law_en,
        grade=rule.grade,
        source=rule.source,
    )


def percent(ppm: int) -> str:
    """Ppm as a percentage for a sentence, without needless zeros.

    >>> percent(240_000), percent(240_001), percent(36_500)
    ('24%', '24.0001%', '3.65%')
    """
    whole, rest = divmod(int(ppm), 10_000)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".") + "%"
