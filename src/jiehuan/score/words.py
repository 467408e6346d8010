"""What a name says: whether a column's name sounds like an id, a borrower, an outcome or a protected trait. Data: words.yaml."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^\W\d_a-zA-Z]+")


def sounds_like(name: str, topic: str) -> bool:
    """Whether a column's name belongs to ``topic`` (id, borrower, outcome, protected).

    >>> sounds_like("customerid", "borrower"), sounds_like("loanNo", "id"), sounds_like("idle_days", "id")
    (True, True, False)
    """
    words = _words()[topic]
    parts = {part.lower() for part in _PARTS.findall(name)}
    low = name.lower()
    prior = words.get("prior", ())
    if any(one in parts or (not one.isascii() and one in low) for one in prior) or any(
        low.startswith(one) for one in prior
    ):
        return False
    return bool(parts & set(words["words"])) or any(one in low for one in words["within"])


def outcome_of_label(label: str) -> int | None:
    """1 for a label that stands for the bad outcome, 0 for one that stands for the good, None when it says neither.

    >>> outcome_of_label("Bad"), outcome_of_label("good"), outcome_of_label("maybe")
    (1, 0, None)
    """
    low = label.strip().lower()
    if low in _words()["event"]["words"]:
        return 1
    return 0 if low in _words()["non_event"]["words"] else None


@cache
def _words() -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("words.yaml").read_text(encoding="utf-8"))
    return found
