"""The law book on a day for a kind of lender: each rule with value, citation and a sentence in both languages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from jiehuan.api.errors import NotFound
from jiehuan.api.shapes import Id, Record, Words
from jiehuan.law import Rule, law_on, rule_history, rule_ids
from jiehuan.units.days import CHINA
from jiehuan.units.errors import Problem

router = APIRouter(prefix="/api/law", tags=["law"])

Lender = Literal["bank", "consumer_finance_company", "micro_lender", "other"]


class RuleOut(Record):
    """A rule in force from ``valid_from`` to ``valid_to`` (null: until further notice).

    ``value`` is in ``unit`` (money in fen, rates in ppm, as the rule files keep them). ``grade`` is the confidence, A
    (the statute was read) to D; ``binding`` is false for this platform's own defaults.
    """

    id: str
    name: Words
    value: Any
    unit: str
    valid_from: date
    valid_to: date | None
    lenders: list[str]
    source: str
    binding: bool
    citation: Words
    grade: str
    sentence: Words


class LawOut(Record):
    """All rules that bind this lender on this day; ``version`` is the hash of the rule book."""

    on: date
    lender: str
    version: str
    rules: list[RuleOut]


class RuleHistory(Record):
    """One rule through time, for all lenders."""

    id: str
    name: Words
    unit: str
    note: str
    rules: list[RuleOut]


@router.get("")
def get_law(
    on: Annotated[date | None, Query(description="Default: today in China.")] = None,
    lender: Annotated[Lender, Query()] = "bank",
) -> LawOut:
    """The law of one day."""
    law = law_on(on or datetime.now(CHINA).date(), lender)
    return LawOut(on=law.on, lender=lender, version=law.version, rules=[_rule(rule) for rule in law.rules()])


@router.get("/{rule_id}")
def get_rule(rule_id: Annotated[Id, Path()]) -> RuleHistory:
    """One rule with all its dated values."""
    if rule_id not in rule_ids():
        raise NotFound(Problem("rule_id", rule_id, "no such rule", "look in GET /api/law"))
    history = rule_history(rule_id)
    name = Words(zh=history.zh_name, en=history.en_name)
    return RuleHistory(
        id=history.id, name=name, unit=history.unit, note=history.note, rules=[_rule(rule) for rule in history.rules]
    )


def _rule(rule: Rule) -> RuleOut:
    return RuleOut(
        id=rule.id,
        name=Words(zh=rule.zh_name, en=rule.en_name),
        value=rule.value,
        unit=rule.unit,
        valid_from=rule.valid_from,
        valid_to=rule.valid_to,
        lenders=list(rule.lenders),
        source=rule.source,
        binding=rule.binding,
        citation=Words(zh=rule.law_zh, en=rule.law_en),
        grade=rule.grade,
        sentence=Words(zh=rule.zh, en=rule.en),
    )
