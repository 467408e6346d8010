"""Conditions and bases that statutes state without a figure, each with its article (``grounds.yaml`` beside this)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class Ground:
    """One ground: a sentence in both languages, its article, and the grade of confidence (A-D)."""

    zh: str
    en: str
    law_zh: str
    law_en: str
    grade: str

    @property
    def citation(self) -> str:
        """The article in both languages."""
        return f"{self.law_zh}; {self.law_en}"


def ground(key: str) -> Ground:
    """The ground of that name."""
    return _grounds()[key]


@cache
def _grounds() -> Mapping[str, Ground]:
    found = yaml.safe_load(Path(__file__).with_name("grounds.yaml").read_text(encoding="utf-8"))
    return {key: Ground(**values) for key, values in found.items()}
