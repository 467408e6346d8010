"""A statement as read from a file, whatever its format: balances, lines, and the rows that could not be read.

Amounts in fen, signed: above zero came in, below zero went out. What names a person (names, account numbers) is read only to
be matched and is not kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from jiehuan.units.errors import InputError, Problem

LARGEST_FILE = 32 << 20
"""Bytes. A day of a busy account is some megabytes; a larger file is split by day at the bank."""


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


def read_statements(
    path: Path, mapping: Mapping[str, Any] | None = None, account: str = "", reference: str = ""
) -> list[Statement]:
    """Read a file: CAMT.053 when it ends in ``.xml``, else CSV by ``mapping``. ``account``: the lender's name of the account
    (for CSV; in CAMT it replaces the account number, which need not be kept). Raises InputError when it cannot be read at all.
    """
    from jiehuan.flow.statements.camt import read_camt
    from jiehuan.flow.statements.csv import read_csv

    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise InputError(Problem(str(path), f"{size} bytes", "larger than a statement may be", "split it by day"))
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(Problem(str(path), "", "no such file", "check the path")) from None
    except OSError as error:
        raise InputError(Problem(str(path), "", f"cannot be read: {error.strerror}", "check the file")) from None
    digest = hashlib.sha256(content).hexdigest()
    if path.suffix.lower() == ".xml":
        found = read_camt(content, str(path), account)
    else:
        if mapping is None:
            raise InputError(Problem(str(path), "", "a CSV needs a mapping", "give --mapping (examples in mappings/)"))
        found = [read_csv(content, str(path), mapping, account, reference)]
    return [_without_doubles(replace(one, sha256=digest)) for one in found]


def _without_doubles(statement: Statement) -> Statement:
    """The same entry reference twice on one statement: the first counts, the other is refused."""
    seen: set[str] = set()
    kept, refused = [], list(statement.refused)
    for line in statement.lines:
        if line.entry_reference in seen:
            problem = Problem(
                f"row {line.row}, entry reference", line.entry_reference, "a duplicate on this statement", ""
            )
            refused.append(RefusedRow(line.row, line.entry_reference, problem, line.amount_fen))
        else:
            seen.add(line.entry_reference)
            kept.append(line)
    return replace(statement, lines=tuple(kept), refused=tuple(sorted(refused, key=lambda row: row.row)))
