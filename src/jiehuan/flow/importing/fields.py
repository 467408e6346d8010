"""What a tape can be mapped to: the targets, their fields, and how each kind of field is read from a cell.

A reader takes a cell and where it stands and returns our value or raises InputError with the value, the place and the mend.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from jiehuan.units.days import CHINA, parse_date
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import parse_yuan
from jiehuan.units.rates import parse_contract_rate


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a target: how a cell is read, and whether a row can do without."""

    kind: str
    required: bool = False


SEALED = frozenset({"name", "id_number", "phone", "email"})
"""Fields that go into the vault, and are shown nowhere else."""

TARGETS: dict[str, dict[str, Field]] = {
    "borrower": {
        "borrower_id": Field("text", required=True),
        "region": Field("text"),
        "birth_date": Field("date"),
        "sex": Field("text"),
        "language": Field("text"),
        "name": Field("text"),
        "id_number": Field("text"),
        "phone": Field("text"),
        "email": Field("text"),
    },
    "application": {
        "application_id": Field("text", required=True),
        "borrower_id": Field("text", required=True),
        "applied_at": Field("instant", required=True),
        "amount": Field("yuan", required=True),
        "months": Field("count", required=True),
        "product": Field("text"),
        "channel": Field("text"),
        "purpose": Field("text"),
    },
    "loan": {
        "loan_id": Field("text", required=True),
        "borrower_id": Field("text", required=True),
        "application_id": Field("text"),
        "drawn_on": Field("date", required=True),
        "principal": Field("yuan", required=True),
        "months": Field("count"),
        "term_days": Field("count"),
        "rate": Field("rate"),
        "total_due": Field("yuan"),
        "method": Field("text"),
        "first_due": Field("date"),
        "penalty_uplift": Field("number"),
        "product": Field("text"),
        "channel": Field("text"),
        "region": Field("text"),
        "first_paid_on": Field("date"),
        "closed_on": Field("date"),
        "outcome": Field("text"),  # paid_on_time, unpaid, unknown
    },
    "repayment": {
        "event_id": Field("text", required=True),
        "loan_id": Field("text", required=True),
        "on": Field("date", required=True),
        "amount": Field("yuan", required=True),
        "source": Field("text"),
    },
    "contact": {
        "contact_id": Field("text", required=True),
        "loan_id": Field("text", required=True),
        "at": Field("instant", required=True),
        "channel": Field("text", required=True),
        "status": Field("text", required=True),
    },
}


def read_text(cell: Any, where: str) -> str:
    """Text without surrounding space; numbers by their shortest text (an id 301994762.0 is 301994762)."""
    if isinstance(cell, float) and cell == int(cell):
        cell = int(cell)
    text = str(cell).strip()
    if len(text) > 500 or not text.isprintable():
        raise InputError(
            Problem(where, text[:80], "not a line of text of at most 500 characters", "shorten or clean it")
        )
    return text


def read_date(cell: Any, where: str) -> date:
    """A date, or the date part of a time stamp."""
    if isinstance(cell, str) and len(cell) > 10 and cell[10] in " T":
        cell = cell[:10]
    return parse_date(cell, where)


def read_instant(cell: Any, where: str) -> datetime:
    """An instant; without a zone it is taken as China's time."""
    moment = cell
    if isinstance(cell, str):
        try:
            moment = datetime.fromisoformat(cell.strip())
        except ValueError:
            raise InputError(Problem(where, cell[:80], "not a time", "write YYYY-MM-DDTHH:MM:SS+08:00")) from None
    if not isinstance(moment, datetime):
        moment = datetime.combine(read_date(cell, where), datetime.min.time())
    return moment if moment.tzinfo else moment.replace(tzinfo=CHINA)


def read_count(cell: Any, where: str) -> int:
    """A whole number from 1 to 36,500."""
    try:
        number = float(cell)
    except (TypeError, ValueError):
        number = 0.5
    if number != int(number if number == number and abs(number) < 1e9 else 0) or not 1 <= number <= 36_500:
        raise InputError(Problem(where, str(cell)[:80], "not a whole number of at least 1", "write a number like 12"))
    return int(number)


def read_number(cell: Any, where: str) -> float:
    """A finite number."""
    try:
        number = float(cell)
    except (TypeError, ValueError):
        number = float("nan")
    if number != number or number in (float("inf"), float("-inf")):
        raise InputError(Problem(where, str(cell)[:80], "not a number", "write a number like 0.5"))
    return number


READERS: dict[str, Callable[[Any, str], Any]] = {
    "text": read_text,
    "date": read_date,
    "instant": read_instant,
    "yuan": lambda cell, where: parse_yuan(cell, where, minimum=1),
    "rate": parse_contract_rate,
    "count": read_count,
    "number": read_number,
}
