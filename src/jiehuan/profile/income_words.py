"""What the words of a transaction say: which credits are loans, refunds, own transfers; which debits serve debts.

The words are data (``income.yaml``). A transaction that says salary and loan at once is a salary only when no loan word
stands in its description; a lender's employee is paid by a lender.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jiehuan.profile.bank_flow import Transaction
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.yaml_file import read_yaml

_SECTIONS = ("parameters", "credits", "debits", "lenders")


@dataclass(frozen=True)
class Reading:
    """How a flow is read: parameters, and words by group in their order."""

    parameters: Mapping[str, int]
    credits: Mapping[str, tuple[str, ...]]
    debits: Mapping[str, tuple[str, ...]]
    lenders: Mapping[str, tuple[str, ...]]


@cache
def shipped_reading(path: Path | None = None) -> Reading:
    """The shipped words and parameters, or a lender's own file. Raises InputError naming what is wrong."""
    path = path or Path(__file__).with_name("income.yaml")
    raw = read_yaml(path, example="src/jiehuan/profile/income.yaml")
    if not isinstance(raw, Mapping) or not all(isinstance(raw.get(name), Mapping) for name in _SECTIONS):
        raise InputError(Problem(path.name, "", "a section is missing", f"write {', '.join(_SECTIONS)}"))
    problems = [
        Problem(f"{path.name}, parameters, {name}", str(value), "not a whole number above 0", "write a number like 7")
        for name, value in raw["parameters"].items()
        if not isinstance(value, int) or isinstance(value, bool) or value < 1
    ]
    problems += [
        Problem(f"{path.name}, {section}, {name}", str(words)[:80], "not a list of words", "write [word, word]")
        for section in _SECTIONS[1:]
        for name, words in raw[section].items()
        if not isinstance(words, list) or not words
    ]
    if problems:
        raise InputError(problems)
    return Reading(dict(raw["parameters"]), *(_small(raw[section]) for section in _SECTIONS[1:]))


def name_credit(one: Transaction, reading: Reading) -> str:
    """What came in: own, refund, investment, loan, interest, salary, pension, platform; empty when it says nothing."""
    group = _group(one.text, reading.credits)
    if (
        group == "loan"
        and _has(one.text, reading.credits["salary"])
        and not _has(one.description.lower(), reading.credits["loan"])
    ):
        return "salary"
    return group


def name_debit(one: Transaction, reading: Reading) -> str:
    """What went out: own, investment, card, repayment, rent, or empty when it does not say."""
    return _group(one.text, reading.debits)


def name_lender(one: Transaction, reading: Reading) -> str:
    """The lender behind a loan's proceeds or repayment: by its known words, else the counterparty, else the text."""
    return _group(one.text, reading.lenders) or one.counterparty or one.description


def _group(text: str, groups: Mapping[str, tuple[str, ...]]) -> str:
    for name, words in groups.items():
        if _has(text, words):
            return name
    return ""


def _has(text: str, words: tuple[str, ...]) -> bool:
    for word in words:  # noqa: SIM110 - a generator costs three times as much, and this is asked of every transaction
        if word in text:
            return True
    return False


def _small(groups: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {str(name): tuple(str(word).lower() for word in words) for name, words in groups.items()}
