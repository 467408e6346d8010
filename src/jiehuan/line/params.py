"""The knobs of a line review, read from YAML and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from jiehuan.units.errors import InputError, JiehuanError, Problem
from jiehuan.units.ids import canonical_json
from jiehuan.units.money import format_yuan, parse_yuan
from jiehuan.units.rates import format_rate, parse_contract_rate, parse_rate
from jiehuan.units.yaml_file import read_yaml

DEFAULT_PARAMS = Path(__file__).with_name("params.yaml")
_MONEY = ("least_change", "round_to", "most")
_RATES = ("rate_step", "funding_rate", "cost_rate", "rate_least")
_SHARES = (
    "holdout", "lgd", "undrawn_drawn_before_default", "usage", "raise_pd", "lower_pd", "raise_step", "lower_step", "raise_usage_from",
)  # fmt: skip
_DAYS = ("notice_raise_days", "notice_lower_days", "notice_price_up_days", "notice_price_down_days")
_CHOICES = ("approve_raise", "approve_price_up")
_LATER = {*_DAYS, *_CHOICES, "least_confirmed", "rate_least"}
"""Names that came after the first release: where a file lacks them, the shipped values hold."""

_MONTHS = (
    "rate_months", "raise_months", "raise_months_on_book", "raise_after_lower_months", "raise_clean_months", "lower_months", "draw_months",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grade:
    """Up to which pd the grade goes, and the price of its new draws."""

    to_pd: float
    rate_ppm: int


@dataclass(frozen=True, slots=True)
class LineParams:
    """Amounts in fen, rates in ppm, shares from 0 to 1; meanings stand in ``params.yaml``. ``seed`` names the experiment."""

    grades: tuple[Grade, ...]
    holdout: float
    lgd: float
    undrawn_drawn_before_default: float
    usage: float
    raise_pd: float
    lower_pd: float
    raise_step: float
    lower_step: float
    raise_usage_from: float
    rate_step: int
    funding_rate: int
    cost_rate: int
    least_change: int
    round_to: int
    most: int
    rate_months: int
    raise_months: int
    raise_months_on_book: int
    raise_after_lower_months: int
    raise_clean_months: int
    lower_months: int
    draw_months: int
    cover: float
    seed: int = 1
    approve_raise: bool = True
    approve_price_up: bool = True
    notice_raise_days: int = 0
    notice_lower_days: int = 3
    notice_price_up_days: int = 15
    notice_price_down_days: int = 0
    least_confirmed: float = 0.2
    rate_least: int = 5000

    def as_document(self) -> dict[str, Any]:
        """As ``read_params`` takes it: amounts in yuan and rates a year, both as strings."""
        said: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        said["grades"] = [{"to_pd": grade.to_pd, "rate": format_rate(grade.rate_ppm)} for grade in self.grades]
        said.update(
            {name: format_yuan(said[name]) for name in _MONEY} | {name: format_rate(said[name]) for name in _RATES}
        )
        return said

    @property
    def version(self) -> str:
        """A hash of all values: decisions name the parameters that made them."""
        return _version(self)


@lru_cache(maxsize=64)
def _version(params: LineParams) -> str:
    """Written out once for each set of parameters, not once for each line."""
    return hashlib.sha256(canonical_json(params.as_document())).hexdigest()[:16]


def load_params(path: Path | str | None = None) -> LineParams:
    """The parameters in a YAML file (None: those that ship). Raises InputError with every problem."""
    where = Path(path) if path is not None else DEFAULT_PARAMS
    return read_params(read_yaml(where), str(where))


@cache
def default_params() -> LineParams:
    """The parameters that ship, read once."""
    return load_params()


def read_params(document: Any, where: str = "params") -> LineParams:
    """The parameters in a document. Raises InputError with every problem."""
    if not isinstance(document, Mapping):
        raise InputError(Problem(where, "", "no parameters", "write names and values"))
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    known = {"version", "grades", "cover", "seed", *_MONEY, *_RATES, *_SHARES, *_MONTHS, *_LATER}
    for key in sorted(set(map(str, document)) - known):
        problems.append(Problem(where, key, "unknown key", f"use {', '.join(sorted(known))}"))
    for name in sorted(known - {"version", "grades", "seed"} - _LATER - set(document)):
        problems.append(Problem(f"{where}, {name}", "", "missing", f"write {name}"))
    for name in set(document) & known:
        value, place = document[name], f"{where}, {name}"
        try:
            if name in _MONEY:
                values[name] = parse_yuan(value, place)
            elif name in _RATES:
                values[name] = parse_rate(value, place)
            elif name in _SHARES or name == "least_confirmed":
                values[name] = _number(value, place, 0.0, 1.0)
            elif name in _DAYS:
                values[name] = int(_number(value, place, 0, 365))
            elif name in _CHOICES:
                values[name] = _choice(value, place)
            elif name in _MONTHS:
                values[name] = int(_number(value, place, 0, 120))
            elif name == "cover":
                values[name] = _number(value, place, 0.1, 10.0)
            elif name == "seed":
                values[name] = int(_number(value, place, 0, 2**63))
        except JiehuanError as error:
            problems.extend(error.problems)
    grades = _grades(document.get("grades"), f"{where}, grades", problems)
    if values.get("raise_pd", 0.0) >= values.get("lower_pd", 1.0):
        problems.append(
            Problem(
                f"{where}, raise_pd",
                str(values.get("raise_pd")),
                "not below lower_pd",
                "leave a dead band between the two",
            )
        )
    if values.get("round_to") == 0:
        problems.append(Problem(f"{where}, round_to", "0", "can't round to nothing", 'write "100.00"'))
    if problems:
        raise InputError(problems)
    return LineParams(grades=grades, **values)


def _grades(value: Any, place: str, problems: list[Problem]) -> tuple[Grade, ...]:
    if not isinstance(value, list) or not value:
        problems.append(Problem(place, str(value)[:80], "no grades", 'write a list of {to_pd: 0.01, rate: "0.12"}'))
        return ()
    grades: list[Grade] = []
    for n, row in enumerate(value, 1):
        try:
            body = row if isinstance(row, Mapping) else {}
            grades.append(
                Grade(
                    _number(body.get("to_pd"), f"{place} {n}, to_pd", 0.0, 1.0),
                    parse_contract_rate(body.get("rate"), f"{place} {n}, rate"),
                )
            )
        except JiehuanError as error:
            problems.extend(error.problems)
    if any(b.to_pd <= a.to_pd or b.rate_ppm < a.rate_ppm for a, b in pairwise(grades)):
        problems.append(
            Problem(place, "", "not in order", "let to_pd rise from grade to grade, and the rate never fall")
        )
    if grades and grades[-1].to_pd != 1.0:
        problems.append(
            Problem(place, str(grades[-1].to_pd), "the last grade does not reach pd 1", "end with to_pd: 1.0")
        )
    return tuple(grades)


def _number(value: Any, place: str, low: float, high: float) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    raise InputError(Problem(place, str(value)[:80], "not a number in range", f"write one from {low} to {high}"))


def _choice(value: Any, place: str) -> bool:
    if isinstance(value, bool):
        return value
    raise InputError(Problem(place, str(value)[:80], "not a choice", "write true or false"))
