"""The chart of accounts, and when a loan stops accruing: the data of ``chart.yaml``, typed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

PARTS = ("principal", "interest", "penalty", "costs")
"""What a borrower owes, as in the loan's movements."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account. ``type``: asset, liability, income, expense or memo; ``side``: where its balance normally stands."""

    name: str
    code: str
    type: str
    side: str
    zh: str
    en: str


@cache
def chart() -> dict[str, Account]:
    """All accounts by name, in the order of the chart."""
    return {name: Account(name, **facts) for name, facts in _data()["accounts"].items()}


def account(name: str) -> Account:
    """The account of a line; ``partner_settlement:BANK`` is part of its account. Raises KeyError for an unknown one."""
    return chart()[name.partition(":")[0]]


@cache
def non_accrual_above_dpd() -> int:
    """Days past due above which a loan stops accruing."""
    return int(_data()["non_accrual"]["above_dpd"])


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(files(__package__).joinpath("chart.yaml").read_text(encoding="utf-8"))
    return data
