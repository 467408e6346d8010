"""What a contact says: templates in Chinese and English for SMS, mail, letters and call scripts.

The words are lawful by construction: who writes, what is owed by when, how to pay, whom to ask, the way for those in hardship.
No threats, no word to a third person about the debt. ``render`` refuses a missing value rather than send a gap.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jiehuan.units.errors import InputError, Problem

TEMPLATES = Path(__file__).with_name("messages.yaml")
_FIELD = re.compile(r"\{([a-z_]+)\}")
CHANNELS = ("sms", "mail", "letter", "call", "third_person")


@dataclass(frozen=True, slots=True)
class Message:
    """A text ready to be sent or read out; ``subject`` is empty but for mail and letters."""

    template: str
    channel: str
    language: str
    subject: str
    text: str


def templates() -> Mapping[str, Mapping[str, Any]]:
    """Every template by name: ``channel``, ``zh``/``en`` with ``subject``? and ``text``."""
    return _templates()


def template_for(action: str, segment: str, dpd: int) -> str:
    """The template that fits an action, a segment and an age; "" for actions that send nothing.

    >>> template_for("call", "plan", 20), template_for("sms", "unknown", 3)
    ('call_hardship', 'sms_reminder')
    """
    if action == "legal":
        return ""
    if segment in {"plan", "escalate"} and action in {"call", "sms", "mail", "letter"}:
        return f"{action}_hardship"
    if action == "letter":
        return "letter_demand"
    return f"{action}_reminder" if dpd <= 30 and segment != "firm" else f"{action}_demand"


def render(template: str, language: str, values: Mapping[str, str]) -> Message:
    """Fill a template. Raises InputError for an unknown template or a value that is missing or empty."""
    found = _templates().get(template)
    if found is None:
        raise InputError(
            Problem("template", template[:80], "no template of that name", f"use one of {', '.join(_templates())}")
        )
    words = found.get(language) or found["zh"]
    problems: list[Problem] = []

    def put(text: str) -> str:
        for name in _FIELD.findall(text):
            if not str(values.get(name, "")).strip():
                problems.append(Problem(f"template {template}, {name}", "", "no value for it", f"give {name}"))
        return _FIELD.sub(lambda hit: str(values.get(hit[1], "")), text)

    subject, text = put(words.get("subject", "")), put(words["text"])
    if problems:
        raise InputError(tuple(dict.fromkeys(problems)))
    return Message(template, found["channel"], language if found.get(language) else "zh", subject, text.strip())


@cache
def _templates() -> Mapping[str, Mapping[str, Any]]:
    import yaml

    document: dict[str, dict[str, Any]] = yaml.safe_load(TEMPLATES.read_text(encoding="utf-8"))
    return document
