"""Read the values of a document: every missing or malformed one is named at once, with its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan, parse_yuan
from jiehuan.units.rates import parse_rate


class Reader:
    """Reads values by dotted path and remembers what was wrong; ``finish`` raises it all together."""

    def __init__(self, values: Mapping[str, Any], document: str, problems: list[Problem] | None = None) -> None:
        self._values = values
        self._document = document
        self.problems: list[Problem] = [] if problems is None else problems

    def text(self, path: str, default: str | None = None) -> str:
        """The text at ``path``; without ``default`` it must be there and not be empty."""
        value = self._find(path)
        if value is None or value == "":
            if default is None:
                self.problems.append(Problem(f"{self._document}: {path}", "", "is missing", f"give {path}"))
            return default or ""
        return str(value)

    def yuan(self, path: str, default: int | None = None) -> int:
        """The amount at ``path`` in fen."""
        value = self._find(path)
        if value is None and default is not None:
            return default
        return int(self._parsed(path, value, parse_yuan, 0))

    def rate(self, path: str, default: int | None = None) -> int:
        """The rate per year at ``path`` in ppm."""
        value = self._find(path)
        if value is None and default is not None:
            return default
        return int(self._parsed(path, value, parse_rate, 0))

    def day(self, path: str) -> date:
        """The date at ``path``."""
        found: date = self._parsed(path, self._find(path), parse_date, date(2000, 1, 1))
        return found

    def flag(self, path: str, default: bool = False) -> bool:
        """The yes or no at ``path``."""
        value = self._find(path)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.problems.append(Problem(f"{self._document}: {path}", str(value)[:80], "is not true or false", ""))
            return default
        return value

    def rows(self, path: str) -> list[Reader]:
        """A reader for each object in the list at ``path``, which keep their problems here; absent is empty."""
        value = self._find(path)
        if value is None:
            return []
        listed = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        if not all(isinstance(row, Mapping) for row in listed):
            self.problems.append(Problem(f"{self._document}: {path}", str(value)[:80], "is not a list of objects", ""))
            return []
        return [Reader(row, f"{self._document}: {path} {n}", self.problems) for n, row in enumerate(listed, 1)]

    def one_of(self, path: str, choices: Mapping[str, Any]) -> str:
        """The text at ``path``, which must be a key of ``choices``; else their first, and the problem is kept."""
        value = self.text(path)
        if value and value not in choices:
            mend = "write one of " + ", ".join(choices)
            self.problems.append(Problem(f"{self._document}: {path}", value, "is not known", mend))
        return value if value in choices else next(iter(choices))

    def finish(self) -> None:
        """Raise InputError with every problem met so far, if there was one."""
        if self.problems:
            raise InputError(self.problems)

    def _find(self, path: str) -> Any:
        value: Any = self._values
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def _parsed(self, path: str, value: Any, parse: Any, instead: Any) -> Any:
        where = f"{self._document}: {path}"
        if value is None or value == "":
            self.problems.append(Problem(where, "", "is missing", f"give {path}"))
            return instead
        try:
            return parse(value, where)
        except InputError as error:
            self.problems.extend(error.problems)
            return instead


def percent(ppm: int) -> str:
    """Ppm as a percentage with two places, or up to four where they are needed.

    >>> percent(180_000), percent(214_567)
    ('18.00', '21.4567')
    """
    text = format(Decimal(ppm) / 10_000, "f")
    whole, _, places = text.partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"


def grouped(fen: int) -> str:
    """Yuan with thousands separated, for people.

    >>> grouped(123456789)
    '1,234,567.89'
    """
    whole, _, rest = format_yuan(fen).partition(".")
    return f"{int(whole):,}.{rest}" if whole != "-0" else f"-0.{rest}"
