"""What collection can do in a day: pools of scarce units, and actions that draw on them. Read from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any

from jiehuan.units.errors import InputError, JiehuanError, Problem
from jiehuan.units.money import parse_yuan
from jiehuan.units.yaml_file import read_yaml

DEFAULT_CAPACITY = Path(__file__).with_name("capacity.yaml")
ACTIONS = ("sms", "mail", "call", "letter", "legal")
"""Every action that exists; contacts with the debtor but for ``legal``, which prepares a case."""

CONTACTS = frozenset({"sms", "mail", "call", "letter"})


@dataclass(frozen=True, slots=True)
class Pool:
    """Units to spend in one plan; ``languages`` and ``regions`` narrow whom it serves (empty: everyone)."""

    name: str
    units: int
    languages: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """What one piece of an action uses and costs, and from which age and overdue amount it may be taken."""

    name: str
    pools: tuple[str, ...]
    uses: int = 1
    cost_fen: int = 0
    from_dpd: int = 1
    least_fen: int = 0


@dataclass(frozen=True, slots=True)
class Capacity:
    """A day's capacity. ``holdout`` is the share of debtors left on the default, at random."""

    pools: tuple[Pool, ...]
    actions: tuple[Action, ...]
    hours: tuple[time, time] = (time(9), time(20))
    rest_days: int = 1
    holdout: float = 0.1


def load_capacity(path: Path | str | None = None) -> Capacity:
    """The capacity in a YAML file (None: the one that ships). Raises InputError with every problem."""
    where = Path(path) if path is not None else DEFAULT_CAPACITY
    return read_capacity(read_yaml(where, example="src/jiehuan/collect/capacity.yaml"), str(where))


def read_capacity(document: Any, where: str = "capacity") -> Capacity:
    """The capacity in a document. Short form: ``{sms: 400, call: 60, letter: 20}`` is pieces a day at the costs that ship.

    Raises InputError with every problem.
    """
    if not isinstance(document, Mapping) or not document:
        raise InputError(Problem(where, "", "no capacity", "write pieces a day, like {sms: 400, call: 60}"))
    if set(document) <= {*ACTIONS, "holdout"}:
        return _short(document, where)
    problems: list[Problem] = []

    def number(value: Any, place: str, low: int = 0, high: int = 10**9) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        problems.append(
            Problem(f"{where}, {place}", str(value)[:80], "not a whole number", f"write one from {low} to {high}")
        )
        return low

    for key in sorted(set(map(str, document)) - {"hours", "rest_days", "holdout", "pools", "actions"}):
        problems.append(Problem(where, key, "unknown key", "use hours, rest_days, holdout, pools, actions"))
    pools = [
        Pool(
            str(name),
            number(_of(body, "units"), f"pools, {name}, units"),
            tuple(map(str, _of(body, "languages") or ())),
            tuple(map(str, _of(body, "regions") or ())),
        )
        for name, body in _items(document, "pools", where, problems)
    ]
    known = {pool.name for pool in pools}
    actions = []
    for name, body in _items(document, "actions", where, problems):
        named = _of(body, "pool")
        wanted = tuple(named) if isinstance(named, list) else (str(named),)
        if name not in ACTIONS:
            problems.append(
                Problem(f"{where}, actions", str(name), "unknown action", f"write one of {', '.join(ACTIONS)}")
            )
            continue
        for pool in wanted:
            if pool not in known:
                problems.append(
                    Problem(f"{where}, actions, {name}, pool", str(pool), "no such pool", "declare it under pools")
                )
        actions.append(
            Action(
                name,
                wanted,
                number(_of(body, "uses", 1), f"actions, {name}, uses", 1),
                _money(_of(body, "cost", 0), f"{where}, actions, {name}, cost", problems),
                number(_of(body, "from_dpd", 1), f"actions, {name}, from_dpd"),
                _money(_of(body, "least", 0), f"{where}, actions, {name}, least", problems),
            )
        )
    hours = document.get("hours", {"from": "09:00", "to": "20:00"})
    start, stop = (_time(_of(hours, key), f"{where}, hours, {key}", problems) for key in ("from", "to"))
    if start >= stop:
        problems.append(
            Problem(f"{where}, hours", f"{start} to {stop}", "ends before it begins", "write from before to")
        )
    holdout = _share(document.get("holdout", 0.1), f"{where}, holdout", problems)
    rest = number(document.get("rest_days", 1), "rest_days", 0, 365)
    if not actions:
        problems.append(Problem(f"{where}, actions", "", "no actions", "declare at least one"))
    if problems:
        raise InputError(problems)
    return Capacity(tuple(pools), tuple(actions), (start, stop), rest, holdout)


def _short(document: Mapping[str, Any], where: str) -> Capacity:
    shipped = load_capacity()
    problems: list[Problem] = []
    pools, actions = [], []
    for action in shipped.actions:
        if action.name in document:
            units = document[action.name]
            if isinstance(units, bool) or not isinstance(units, int) or units < 0:
                problems.append(
                    Problem(
                        f"{where}, {action.name}", str(units)[:80], "not a number of pieces", "write a whole number"
                    )
                )
                continue
            pools.append(Pool(action.name, units))
            actions.append(Action(action.name, (action.name,), 1, action.cost_fen, action.from_dpd, action.least_fen))
    holdout = _share(document.get("holdout", shipped.holdout), f"{where}, holdout", problems)
    if problems:
        raise InputError(problems)
    return Capacity(tuple(pools), tuple(actions), shipped.hours, shipped.rest_days, holdout)


def _items(document: Mapping[str, Any], part: str, where: str, problems: list[Problem]) -> list[tuple[str, Any]]:
    body = document.get(part) or {}
    if isinstance(body, Mapping) and all(isinstance(value, Mapping) for value in body.values()):
        return list(body.items())
    problems.append(
        Problem(f"{where}, {part}", str(body)[:80], "not names with bodies", f"write {part} as a mapping of mappings")
    )
    return []


def _of(body: Any, key: str, otherwise: Any = None) -> Any:
    return body.get(key, otherwise) if isinstance(body, Mapping) else otherwise


def _money(value: Any, place: str, problems: list[Problem]) -> int:
    try:
        return parse_yuan(value, place)
    except JiehuanError as error:
        problems.extend(error.problems)
        return 0


def _time(value: Any, place: str, problems: list[Problem]) -> time:
    try:
        return time.fromisoformat(str(value))
    except ValueError:
        problems.append(Problem(place, str(value)[:80], "not a time of day", 'write "09:00"'))
        return time(0)


def _share(value: Any, place: str, problems: list[Problem]) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0.0 <= value < 1.0:
        return float(value)
    problems.append(Problem(place, str(value)[:80], "not a share", "write a number from 0 up to, not with, 1"))
    return 0.0
