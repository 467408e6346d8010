"""What would change a decision: the nearest lawful change of inputs that gives the outcome asked for.

Candidates are the cuts of the policy's own tables, so the answer names the very value at which the decision turns,
not a guess. Only what an applicant or time can change is proposed (``nearest.yaml``), with its effort; one input is
tried first, then two, then three together. The answer is exact for the candidates: each was run through the compiled
policy. See Wachter, Mittelstadt, Russell, Counterfactual explanations without opening the black box (2018).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import yaml

from jiehuan.policy.compiled import Compiled, compile_policy
from jiehuan.policy.cover import grid_of
from jiehuan.policy.graph import Policy
from jiehuan.policy.run import read_values
from jiehuan.policy.typed import Value
from jiehuan.units.errors import JiehuanError
from jiehuan.units.money import format_yuan

MOST_TOGETHER = 3
MOST_RUNS = 20_000


@dataclass(frozen=True, slots=True)
class Change:
    """One input changed: from what, to what, and the effort of it."""

    feature: str
    value: Any
    wanted: Any
    effort: float
    zh: str
    en: str

    def as_document(self) -> dict[str, Any]:
        """The change for JSON and for the person concerned."""
        return {"feature": self.feature, "value": self.value, "wanted": self.wanted, "zh": self.zh, "en": self.en}


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The nearest set of changes that leads to ``outcome``, and what would then be decided."""

    outcome: str
    changes: tuple[Change, ...]
    effort: float

    def as_document(self) -> dict[str, Any]:
        """The answer for JSON."""
        return {"outcome": self.outcome, "changes": [change.as_document() for change in self.changes]}


def what_if(policy: Policy, values: Mapping[str, Any], outcome: str = "approve", most: int = 3) -> tuple[WhatIf, ...]:
    """Up to ``most`` nearest ways to an outcome, least effort first; empty when it is given already or cannot be
    reached.

    Raises InputError when the policy cannot be compiled or a value is not what it declares.
    """
    compiled = compile_policy(policy)
    known = read_values(policy.inputs, values)
    if _outcome(compiled, known) == outcome:
        return ()
    steps = {name: list(_candidates(compiled, name, known)) for name in actionable() if name in policy.inputs}
    steps = {name: found for name, found in steps.items() if found}
    runs = 0
    for together in range(1, MOST_TOGETHER + 1):
        found: list[WhatIf] = []
        for names in combinations(steps, together):
            for changes in product(*(steps[name] for name in names)):
                runs += 1
                if runs > MOST_RUNS:
                    break
                if _outcome(compiled, {**known, **{change.feature: change.wanted for change in changes}}) == outcome:
                    found.append(WhatIf(outcome, tuple(changes), sum(change.effort for change in changes)))
        if found:
            nearest = _distinct(sorted(found, key=lambda one: (one.effort, str(one.changes))))[:most]
            return tuple(_nearer(compiled, known, one) for one in nearest)
    return ()


@cache
def actionable() -> Mapping[str, Mapping[str, Any]]:
    """The inputs that can be changed, with unit of effort, way and words."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(
        Path(__file__).with_name("nearest.yaml").read_text(encoding="utf-8")
    )
    return found


def _nearer(compiled: Compiled, known: Mapping[str, Any], found: WhatIf) -> WhatIf:
    """Each changed number as near to what it is as the outcome still allows, by halving."""
    changes = list(found.changes)
    for place, change in enumerate(changes):
        if isinstance(change.wanted, bool):
            continue
        factor = 10 ** compiled.policy.inputs[change.feature].scale
        near, far = round(change.value * factor), round(change.wanted * factor)
        while abs(far - near) > 1:
            middle = (near + far) // 2
            tried = _change(compiled, change.feature, change.value, middle)
            row = {**known, **{one.feature: one.wanted for one in changes}, change.feature: tried.wanted}
            near, far = (near, middle) if _outcome(compiled, row) == found.outcome else (middle, far)
        changes[place] = _change(compiled, change.feature, change.value, far)
    return WhatIf(found.outcome, tuple(changes), sum(change.effort for change in changes))


def _outcome(compiled: Compiled, known: Mapping[str, Any]) -> str | None:
    try:
        outcome = compiled.outputs(known).get("outcome")
    except JiehuanError:
        return None
    return str(outcome) if outcome is not None else None


def _candidates(compiled: Compiled, name: str, known: Mapping[str, Any]) -> Iterator[Change]:
    """The values of one input at which any table may turn, in the way that it can change, nearest first."""
    told = actionable()[name]
    declared = compiled.policy.inputs[name]
    value = known.get(name)
    if declared.kind == "boolean":
        if value is not True and told["way"] == "true":
            yield Change(name, value, True, 1.0, told["zh"], told["en"])
        return
    if value is None or declared.kind != "number":
        return
    factor = 10**declared.scale
    units = round(value * factor)
    wanted = [cut for cut in _cuts(compiled, name) if cut != units and _allowed(cut, units, told["way"])]
    for cut in sorted(wanted, key=lambda cut: abs(cut - units)):
        yield _change(compiled, name, value, cut)


def _change(compiled: Compiled, name: str, value: Any, units: int) -> Change:
    """A number changed to ``units``, with its effort and words."""
    told = actionable()[name]
    factor = 10 ** compiled.policy.inputs[name].scale
    new = units if factor == 1 else units / factor
    effort = abs(new - value) / float(told["unit"])
    zh, en = (_said(told, language, value, new) for language in ("zh", "en"))
    return Change(name, value, new, effort, zh, en)


def _allowed(cut: int, units: int, way: str) -> bool:
    return way == "both" or (cut < units if way == "down" else cut > units)


def _cuts(compiled: Compiled, name: str) -> list[int]:
    """Where conditions on an input turn, from every table, and from expressions by the constants beside it."""
    cuts: set[int] = set()
    for table in compiled.program.tables:
        grid = grid_of(table.conditions)
        for subject, pieces in zip(grid.subjects, grid.pieces, strict=True):
            if subject.op == "input" and subject.args[0] == name:
                numbers = [piece for piece in pieces if isinstance(piece, int)]
                cuts |= {
                    edge for piece in numbers for edge in (piece, piece - 1) if subject.low <= edge <= subject.high
                }
    declared = compiled.policy.inputs[name]
    factor = 10**declared.scale
    low, high = int((declared.minimum or 0) * factor), int((declared.maximum or 0) * factor)
    if not cuts:
        cuts = set(_spread(compiled, name, low, high))
    return sorted(cut for cut in cuts if low <= cut <= high)


def _spread(compiled: Compiled, name: str, low: int, high: int) -> Sequence[int]:
    """An input that only works through sums and bounds: whole effort units around the range."""
    if not any(name in value.deps for value in compiled.program.outputs.values() if isinstance(value, Value)):
        return ()
    unit = int(float(actionable()[name]["unit"]) * 10 ** compiled.policy.inputs[name].scale)
    top = min(high, low + unit * 200)
    return range(low, top + 1, max(unit, 1))


def _said(told: Mapping[str, Any], language: str, value: Any, wanted: Any) -> str:
    old, new = (_shown(one, told["kind"], language) for one in (value, wanted))
    if language == "zh":
        return f"{told['zh']}由 {old} 变为 {new}"
    return f"{told['en']}: {new} instead of {old}"


def _shown(value: Any, kind: str, language: str) -> str:
    if kind == "fen":
        return format_yuan(int(value)) + (" 元" if language == "zh" else " yuan")
    if kind == "rate":
        return f"{value / 10_000:.4g}%"
    return f"{value:g}" + ((" 天" if language == "zh" else " days") if kind == "days" else "")


def _distinct(found: Sequence[WhatIf]) -> list[WhatIf]:
    """The nearest way for each set of inputs."""
    best: dict[frozenset[str], WhatIf] = {}
    for one in found:
        best.setdefault(frozenset(change.feature for change in one.changes), one)
    return list(best.values())
