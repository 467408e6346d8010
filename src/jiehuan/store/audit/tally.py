"""How a check counts: what it looked at, what was wrong, and the first few faults in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from jiehuan.units.errors import Problem

SHOWN = 20
"""Faults told in words for each check; all are counted."""


@dataclass(slots=True)
class Tally:
    """The running count of one check."""

    counted: int = 0
    faults: int = 0
    problems: list[Problem] = field(default_factory=list)

    def look(self, problems: Iterable[Problem] = (), things: int = 1) -> None:
        """Count things that were looked at, with what was wrong of them."""
        self.counted += things
        for problem in problems:
            self.faults += 1
            if len(self.problems) < SHOWN:
                self.problems.append(problem)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: how many things it looked at, how many faults, the first of them in words."""

    check: str
    zh: str
    en: str
    counted: int
    faults: int
    problems: tuple[Problem, ...]

    def as_document(self) -> dict[str, Any]:
        """The finding as JSON."""
        return {
            "check": self.check,
            "zh": self.zh,
            "en": self.en,
            "counted": self.counted,
            "faults": self.faults,
            "problems": [problem.as_dict() for problem in self.problems],
        }


@dataclass(frozen=True, slots=True)
class Audit:
    """What a check is given: a connection on the common snapshot, the home folder, the share of loans to replay."""

    connection: Connection
    home: Path
    share: float = 1.0
    advance: Callable[[float], None] = lambda steps: None


def finding(check: str, zh: str, en: str, tally: Tally) -> Finding:
    """A tally under its name."""
    return Finding(check, zh, en, tally.counted, tally.faults, tuple(tally.problems))
