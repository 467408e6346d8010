"""The words of the HTTP interface: how money, rates, days and lists are written, and what every model starts from.

Amounts are yuan strings with two places, rates and shares decimal strings with six, instants ISO 8601 with zone, ids
strings. What the database keeps in fen and ppm becomes these here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from sqlalchemy import RowMapping

from jiehuan.store.audit.personal import personal_data
from jiehuan.units.days import CHINA
from jiehuan.units.money import format_yuan, half_up, parse_yuan
from jiehuan.units.rates import PPM, format_rate

Yuan = Annotated[str, Field(pattern=r"^-?\d{1,15}\.\d{2}$", examples=["916.80"], description="Yuan, two decimals.")]
Rate = Annotated[str, Field(pattern=r"^-?\d+\.\d{6}$", examples=["0.180000"], description="Per year, six decimals.")]
Share = Annotated[
    str, Field(pattern=r"^-?\d+\.\d{6}$", examples=["0.023100"], description="A part of one, six decimals.")
]


def _an_amount(text: str) -> str:
    try:
        return format_yuan(parse_yuan(text))
    except Exception as error:
        raise ValueError("not an amount in yuan; write at most two decimals, like 916.80") from error


YuanIn = Annotated[
    str,
    Field(max_length=18, examples=["916.80"]),
    AfterValidator(_an_amount),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^[0-9]{1,13}(\.[0-9]{1,2})?$",
            "maxLength": 16,
            "description": "Yuan, at most two decimals.",
        }
    ),
]
"""An amount in a request: never negative; ``parse_yuan`` reads it to fen."""

Id = Annotated[str, Field(max_length=200, pattern=r"^[^/\u0000-\u001f\u007f]+$")]
"""An identifier in a path or query: up to 200 characters, no slash, no control character."""

Plain = Annotated[str, Field(max_length=500, pattern=r"^[^\u0000-\u0008\u000b-\u001f\u007f]*$")]
"""A short free text: up to 500 characters, no control characters."""


def _not_personal(text: str) -> str:
    kinds = personal_data(text)
    if kinds:
        raise ValueError(f"holds {' and '.join(kinds)}; leave personal data out of it")
    return text


Remark = Annotated[Plain, AfterValidator(_not_personal)]
"""A short free text that is kept in clear: without identity or phone numbers."""

NewId = Annotated[Id, AfterValidator(_not_personal)]
"""An identifier that the caller chooses: not made of personal data."""


def _can_be_kept(value: Any, depth: int = 0) -> Any:
    """What JSON of a stranger may hold: no NaN, no text that a database refuses, no phone numbers, nothing endless."""
    if depth > 20:
        raise ValueError("nested more than 20 deep")
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("not a finite number")
    if isinstance(value, int) and abs(value) > 10**18:
        raise ValueError("a number beyond 18 digits")
    if isinstance(value, str) and ("\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
        raise ValueError("text with characters that cannot be kept")
    if isinstance(value, str):
        _not_personal(value)
    if isinstance(value, dict):
        for key, part in value.items():
            _can_be_kept(key, depth)
            _can_be_kept(part, depth + 1)
    if isinstance(value, list):
        for part in value:
            _can_be_kept(part, depth + 1)
    return value


Facts = Annotated[dict[str, Any], Field(max_length=500), AfterValidator(_can_be_kept)]
"""Facts by name, as JSON: up to 500 names, 20 levels, finite numbers."""


class Record(BaseModel):
    """A row as it is answered: built from a mapping of already converted values; extra keys are an error of ours."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Body(BaseModel):
    """What a request carries: an unknown field is refused, so that a misspelt one is not silently lost."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Stored(BaseModel):
    """A document as it was kept by another room: what is named here is promised, the rest is passed on as it is."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Words(Record):
    """The same sentence in Chinese and English."""

    zh: str
    en: str


class ProblemOut(Record):
    """One thing that is wrong: where, what was found, why it is refused, the mend; the law where it is the law's."""

    where: str
    value: str
    reason: str
    mend: str = ""
    citation: str = ""
    zh: str = ""


class Failure(Record):
    """The one shape of every error: a stable word and the problems behind it."""

    error: str
    problems: list[ProblemOut]


class Page(Record):
    """A slice of a list. ``total`` is counted exactly up to 100,000, and stands at that figure beyond."""

    total: int
    page: int
    size: int


def yuan(fen: int | None) -> str | None:
    """Fen as yuan; nothing stays nothing."""
    return None if fen is None else format_yuan(fen)


def rate(ppm: int | None) -> str | None:
    """Millionths as a decimal per year; nothing stays nothing."""
    return None if ppm is None else format_rate(ppm)


def share(part: int | None, whole: int | None) -> str:
    """``part / whole`` with six decimals, half up; zero of nothing is zero.

    >>> share(1, 3), share(5, 0)
    ('0.333333', '0.000000')
    """
    return format_rate(half_up(int(part or 0) * PPM, int(whole))) if whole else format_rate(0)


def probability(value: float | None) -> str | None:
    """A probability as a decimal string with six places; nothing stays nothing."""
    return None if value is None else f"{value:.6f}"


def instant(value: datetime | None) -> datetime | None:
    """An instant told in the zone where people read it."""
    return None if value is None else value.astimezone(CHINA)


def spoken(row: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    """A database row in the interface's words: ``*_fen`` becomes yuan, ``*_ppm`` a decimal rate, instants get the zone.

    >>> spoken({"principal_fen": 91680, "rate_ppm": 180000, "n": 1})
    {'principal': '916.80', 'rate': '0.180000', 'n': 1}
    """
    said: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_fen"):
            said[name.removesuffix("_fen")] = yuan(value)
        elif name.endswith("_ppm"):
            said[name.removesuffix("_ppm")] = rate(value)
        elif name == "outcome" and isinstance(value, Mapping):
            said[name] = {part: spoken(each) if isinstance(each, Mapping) else each for part, each in value.items()}
        else:
            said[name] = instant(value) if isinstance(value, datetime) else value
    return said
