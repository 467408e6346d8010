"""Entries of the journal: plain immutable tuples. Money in fen."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from typing import Any, NamedTuple

from jiehuan.units.money import format_yuan


class Line(NamedTuple):
    """One side of an entry: exactly one of ``debit`` and ``credit`` is above zero."""

    account: str
    debit: int
    credit: int


class Entry(NamedTuple):
    """A balanced set of lines.

    ``effective``: the day it took effect; ``known``: the day it entered the books. ``movement_id``: the loan movement
    that it posts (empty for provisions, accruals and costs advanced); ``event_id``: the event behind that, empty when
    the calendar caused it. ``reverses``: the entry that this one undoes line by line, or empty.
    """

    entry_id: str
    loan_id: str
    movement_id: str
    event_id: str
    kind: str
    effective: date
    known: date
    lines: tuple[Line, ...]
    reverses: str = ""

    def as_document(self) -> dict[str, Any]:
        """The entry as in the ``loan replay`` output, amounts in yuan."""
        document: dict[str, Any] = {
            "id": self.entry_id,
            "kind": self.kind,
            "effective": self.effective.isoformat(),
            "known": self.known.isoformat(),
            "lines": [
                {"account": line.account, "debit": format_yuan(line.debit), "credit": format_yuan(line.credit)}
                for line in self.lines
            ],
        }
        if self.event_id:
            document["event_id"] = self.event_id
        if self.reverses:
            document["reverses"] = self.reverses
        return document


def entry_id(*parts: object) -> str:
    """The same id for the same parts: posting a thing twice posts it once.

    >>> entry_id("ln_1", "draw", 0)
    'en_a8fefdd65ca3af42f5c1041eb1'
    """
    return "en_" + sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:26]


def reversal(entry: Entry, known: date) -> Entry:
    """The entry that undoes another: the same lines with sides exchanged, known now, effective as the other was."""
    return Entry(
        entry_id=entry_id(entry.entry_id, "reversed"),
        loan_id=entry.loan_id,
        movement_id=entry.movement_id,
        event_id=entry.event_id,
        kind=entry.kind,
        effective=entry.effective,
        known=known,
        lines=tuple(Line(line.account, line.credit, line.debit) for line in entry.lines),
        reverses=entry.entry_id,
    )


def balances(entries: Iterable[Entry]) -> dict[str, int]:
    """Debit less credit by account, fen."""
    found: dict[str, int] = {}
    for entry in entries:
        for name, debit, credit in entry.lines:
            found[name] = found.get(name, 0) + debit - credit
    return found
