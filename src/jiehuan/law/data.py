"""Which kinds of data may not be used to judge a person's credit."""

from __future__ import annotations

from collections.abc import Sequence

from jiehuan.law.book import Law
from jiehuan.law.breach import Breach, breach


def check_data(kinds: Sequence[str], law: Law, where: str = "data") -> list[Breach]:
    """One breach for each kind of data that the law forbids (``social_network``, ``religion``, ``genes`` …)."""
    rule = law.rule("forbidden_data")
    if rule is None:
        return []
    kinds = [kinds] if isinstance(kinds, str) else kinds
    allowed = f"none of {', '.join(rule.value)}"
    return [
        breach(rule, f"{where}, data", kind, allowed, f"使用了{kind}信息", f"{kind} data is used")
        for kind in dict.fromkeys(kinds)
        if kind in rule.value
    ]
