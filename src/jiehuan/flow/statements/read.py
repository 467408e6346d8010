"""Statements from a file, whatever its format. A row that cannot be read is told beside the lines; a file that cannot be is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jiehuan.flow.statements.camt import read_camt
from jiehuan.flow.statements.csv import read_csv
from jiehuan.flow.statements.statement import RefusedRow, Statement
from jiehuan.units.errors import InputError, Problem

LARGEST_FILE = 32 << 20
"""Bytes. A day of a busy account is some megabytes; a larger file is split by day at the bank."""


def read_statements(
    path: Path, mapping: Mapping[str, Any] | None = None, account: str = "", reference: str = ""
) -> list[Statement]:
    """Read a file: CAMT.053 when it ends in ``.xml``, else CSV by ``mapping``. ``account``: the lender's name of the account
    (for CSV; in CAMT it replaces the account number, which need not be kept). Raises InputError when it cannot be read at all.
    """
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
