"""A simulated lender's world: what it assumes of people and money, read from YAML. Assumptions, not facts.

Draws are keyed, not sequential: ``dice(seed, person, what)`` gives the same stream whatever else was drawn before, so
two runs that differ in one measure differ only by that measure (common random numbers).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml


@dataclass(frozen=True)
class World:
    """The assumptions by name (``world.yaml``) and the seed that makes a run repeatable."""

    seed: int
    facts: dict[str, Any]

    def dice(self, *key: object) -> Random:
        """A stream of random numbers of its own for this key."""
        return Random(f"{self.seed}/" + "/".join(map(str, key)))  # noqa: S311 - a simulation, not a secret

    def pick(self, dice: Random, shares: str) -> str:
        """One of the names under ``shares``, by its share."""
        names = self.facts[shares]
        weights = [value["share"] if isinstance(value, dict) else value for value in names.values()]
        return str(dice.choices(list(names), weights=weights)[0])


def load_world(seed: int, path: Path | None = None) -> World:
    """The shipped world, or one from a YAML file of the same keys."""
    return World(seed=seed, facts=_read(path or Path(__file__).with_name("world.yaml")))


@cache
def _read(path: Path) -> dict[str, Any]:
    facts: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return facts
