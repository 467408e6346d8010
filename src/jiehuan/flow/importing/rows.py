"""Rows of a tape's file as our records, with a list of what was refused: file, row (from 1, as a person counts), column, why.

A row with any unreadable cell is refused whole, with every bad cell named; the others pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jiehuan.flow.importing.fields import READERS, SEALED, TARGETS
from jiehuan.flow.importing.mapping import FileMapping, Source
from jiehuan.store.audit.personal import personal_data
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import polars


WITHHELD = "(personal, not shown)"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused cell: where it stands and why. It is kept and written to files, so a personal value is not shown.

    ``same``: the row says word for word what an earlier one said, so that nothing is lost without it.
    """

    file: str
    row: int
    column: str
    value: str
    reason: str
    same: bool = False

    def __post_init__(self) -> None:
        """Withhold a value that holds an identity or mobile number, in whatever column it came."""
        if personal_data(self.value):
            object.__setattr__(self, "value", WITHHELD)


@dataclass(frozen=True, slots=True)
class Row:
    """One good row: our fields by name, features, and where it came from."""

    file: str
    number: int
    fields: dict[str, Any]
    features: dict[str, Any]


def read_rows(mapping: FileMapping, table: polars.DataFrame, refusals: list[Refusal]) -> Iterator[Row]:
    """The good rows of a table; the others go to ``refusals``. Raises InputError when a mapped column is not there."""
    _check_columns(mapping, table)
    fields = TARGETS[mapping.makes]
    readers = [
        (target, source, READERS[fields[target].kind], fields[target].required)
        for target, source in mapping.columns.items()
    ]
    for number, cells in enumerate(table.iter_rows(named=True), start=1):
        record: dict[str, Any] = {}
        good = True
        for target, source, reader, required in readers:
            cell = _cell(source, cells)
            column = source.column or target
            if cell is None:
                if required:
                    refusals.append(Refusal(mapping.file, number, column, "", "empty, and needed"))
                    good = False
                continue
            try:
                record[target] = reader(cell, column)
            except InputError as error:
                problem = error.problems[0]
                reason = f"{problem.reason}; {problem.mend}" if problem.mend else problem.reason
                hidden = target in SEALED or personal_data(str(cell))  # a problem's own value is masked already
                value = WITHHELD if hidden else problem.value
                refusals.append(Refusal(mapping.file, number, column, value, reason))
                good = False
        if good:
            features = {name: _plain(cells[name]) for name in mapping.features}
            yield Row(
                mapping.file, number, record, {name: value for name, value in features.items() if value is not None}
            )


def _cell(source: Source, cells: dict[str, Any]) -> Any:
    if source.column is None:
        return source.constant
    cell = cells[source.column]
    if cell is None or (isinstance(cell, str) and not cell.strip()) or cell != cell:
        return source.default
    return source.values.get(str(cell), cell) if source.values else cell


def _plain(cell: Any) -> Any:
    return cell if cell is None or isinstance(cell, str | int | float | bool) else str(cell)


def _check_columns(mapping: FileMapping, table: polars.DataFrame) -> None:
    wanted = [source.column for source in mapping.columns.values() if source.column is not None] + list(
        mapping.features
    )
    problems = []
    for column in wanted:
        if column not in table.columns:
            near = get_close_matches(column, table.columns, n=1)
            mend = f"did you mean {near[0]}?" if near else "its columns are " + ", ".join(table.columns[:20])
            problems.append(Problem(f"{Path(mapping.file).name}, column", column, "the file has no such column", mend))
    if problems:
        raise InputError(problems)
