"""One thing found in a policy before its release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jiehuan.units.errors import Problem

LEVELS = ("error", "warning", "info")
"""An error bars the release, a warning is for the analyst's eye, the rest is told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: its level, a stable code, and the problem with place and mend; ``example`` shows an input."""

    level: str
    code: str
    problem: Problem
    example: Mapping[str, Any] | None = None

    def as_document(self) -> dict[str, Any]:
        """The finding for JSON."""
        told: dict[str, Any] = {"level": self.level, "code": self.code, **self.problem.as_dict()}
        return {**told, "example": dict(self.example)} if self.example is not None else told
