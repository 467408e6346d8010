"""A statement, whatever the format of its file: balances, lines, and the rows that could not be read.

Amounts in fen, signed: above zero came in, below zero went out. What names a person (names, account numbers) is read only to
be matched and is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from jiehuan.units.errors import Problem


@dataclass(frozen=True, slots=True)
class Line:
    """One movement on the account. ``entry_reference`` is the bank's and unique on the account; ``reference`` the payment's
    end-to-end reference; ``texts`` may hold a loan's id; ``virtual_account`` and ``payer`` are numbers, to be matched only.
    """

    row: int
    entry_reference: str
    on: date
    amount_fen: int
    reference: str | None = None
    texts: tuple[str, ...] = ()
    virtual_account: str = ""
    payer: str = ""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is not taken: why, and its amount where that could be read."""

    row: int
    entry_reference: str
    problem: Problem
    amount_fen: int | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of one account. Balances are None where the file does not state them."""

    account: str
    reference: str
    format: str
    currency: str
    closed_on: date
    opening_fen: int | None
    closing_fen: int | None
    lines: tuple[Line, ...]
    refused: tuple[RefusedRow, ...]
    sha256: str = ""
    problems: tuple[Problem, ...] = field(default=())

    @property
    def difference_fen(self) -> int | None:
        """Closing balance less opening balance and all rows with a readable amount; None where a balance is not stated."""
        if self.opening_fen is None or self.closing_fen is None:
            return None
        refused = sum(row.amount_fen or 0 for row in self.refused)
        return self.closing_fen - self.opening_fen - sum(line.amount_fen for line in self.lines) - refused
