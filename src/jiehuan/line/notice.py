"""The notice that tells a borrower of a change before it holds: in their language, without their name or numbers.

``kind`` is raise or lower (of the limit), price_up or price_down (of new draws). The texts stand in ``notices.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan

NOTICES = Path(__file__).with_name("notices.yaml")
KINDS = ("raise", "lower", "price_up", "price_down")


@dataclass(frozen=True, slots=True)
class Notice:
    """A text ready to be sent."""

    language: str
    subject: str
    text: str


def notice(
    kind: str, old: int, new: int, since: date, reason: Mapping[str, str], lender: Mapping[str, Any], language: str
) -> Notice:
    """The notice of a change from ``old`` to ``new`` (fen of a limit, ppm a year of a price) from the day ``since``.

    ``reason`` and ``lender`` have their words in both languages (``zh``, ``en``; ``name_zh``, ``name_en``, ``phone``). Any language but
    Chinese gets English. Raises InputError for an unknown kind.
    """
    if kind not in KINDS:
        raise InputError(Problem("notice, kind", kind[:80], "no notice of that kind", f"one of {', '.join(KINDS)}"))
    spoken = "zh" if language.startswith("zh") else "en"
    said = _percent if kind.startswith("price") else format_yuan
    values = {
        "lender": str(lender[f"name_{spoken}"]), "phone": str(lender["phone"]), "old": said(old), "new": said(new),
        "from": since.isoformat(), "reason": str(reason[spoken]),
    }  # fmt: skip
    texts = _texts()[kind][spoken]
    return Notice(spoken, texts["subject"].format(**values), texts["text"].format(**values))


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:g}%"


@cache
def _texts() -> Mapping[str, Any]:
    import yaml

    texts: Mapping[str, Any] = yaml.safe_load(NOTICES.read_text(encoding="utf-8"))
    return texts
