"""Reading the documents that the checks are given: one value after the other, with all faults found in one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import MAX_FEN, parse_yuan
from jiehuan.units.rates import MAX_RATE_PPM, parse_rate

T = TypeVar("T")

MAX_MONTHS = 1_200
"""A hundred years: above it a number of months is a mistake."""


class Reading:
    """A document being read. Missing values are None; faulty ones too, with the fault kept until ``done``."""

    def __init__(self, document: Any, where: str) -> None:
        if not isinstance(document, Mapping):
            raise InputError(Problem(where, str(document)[:80], "not an object", 'write {"key": value, …}'))
        self.document: Mapping[str, Any] = document
        self.where = where
        self.faults: list[Problem] = []

    def fault(self, key: str, value: object, reason: str, mend: str) -> None:
        """Keep one fault."""
        self.faults.append(Problem(f"{self.where}, {key}", "" if value is None else str(value)[:80], reason, mend))

    def yuan(self, key: str) -> int | None:
        """An amount in yuan as fen; ``<key>_fen`` is taken where it is given instead."""
        fen = self.document.get(f"{key}_fen")
        if self.document.get(key) is None and fen is not None:
            if isinstance(fen, int) and not isinstance(fen, bool) and 0 <= fen <= MAX_FEN:
                return fen
            self.fault(f"{key}_fen", fen, "not an amount in fen", f"write a whole number from 0 to {MAX_FEN}")
            return None
        return self._read(key, parse_yuan)

    def rate(self, key: str) -> int | None:
        """A rate or a share as ppm; ``<key>_ppm`` is taken where it is given instead."""
        ppm = self.document.get(f"{key}_ppm")
        if self.document.get(key) is None and ppm is not None:
            if isinstance(ppm, int) and not isinstance(ppm, bool) and 0 <= ppm <= MAX_RATE_PPM:
                return ppm
            self.fault(f"{key}_ppm", ppm, "not a rate in millionths", f"write a whole number from 0 to {MAX_RATE_PPM}")
            return None
        return self._read(key, parse_rate)

    def day(self, key: str) -> date | None:
        """A date."""
        return self._read(key, parse_date)

    def whole(self, key: str, least: int = 1, most: int = MAX_MONTHS) -> int | None:
        """A whole number from ``least`` to ``most``, also written as text or as 12.0."""
        value = self.document.get(key)
        if value is None:
            return None
        number = value
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
            number = int(value.strip()[:9])
        elif isinstance(value, float) and value.is_integer():
            number = int(value)
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            self.fault(key, value, "not a whole number", f"write a whole number from {least} to {most}")
            return None
        return number

    def number(self, key: str) -> float | None:
        """A finite decimal, also written as text."""
        value = self.document.get(key)
        if value is None:
            return None
        try:
            number = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not abs(number) < 1e12:
            self.fault(key, value, "not a number", "write a decimal")
            return None
        return number

    def flag(self, key: str) -> bool | None:
        """True or false, also written as text or as 1 and 0."""
        value = self.document.get(key)
        if value is None:
            return None
        word = str(value).strip().lower()
        if word in {"true", "1", "yes"}:
            return True
        if word in {"false", "0", "no"}:
            return False
        self.fault(key, value, "not true or false", "write true or false")
        return None

    def word(self, key: str, allowed: tuple[str, ...]) -> str | None:
        """One of a few words."""
        value = self.document.get(key)
        if value is None:
            return None
        if value not in allowed:
            self.fault(key, value, "unknown", f"use one of {', '.join(allowed)}")
            return None
        return str(value)

    def must(self, value: T | None, key: str) -> T | None:
        """Keep a fault when the document has no such key."""
        if value is None and self.document.get(key) is None:
            self.fault(key, None, "missing", f"give {key}")
        return value

    def done(self) -> None:
        """Raise InputError with all faults, if there are any."""
        if self.faults:
            raise InputError(self.faults)

    def _read(self, key: str, read: Callable[..., T]) -> T | None:
        value = self.document.get(key)
        if value is None:
            return None
        try:
            return read(value, f"{self.where}, {key}")
        except InputError as error:
            self.faults.extend(error.problems)
            return None
