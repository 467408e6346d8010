"""A mapping: which file of a lender's tape makes what of ours, column by column (YAML).

::

    name: superlender
    lender_type: other            # whose law applies to these loans
    observed_on: 2017-09-30       # what the tape knows, it knows as of this day
    files:
      loans:
        file: loans.parquet       # Parquet, CSV or JSON below the given folder
        makes: loan
        columns:
          loan_id: systemloanid                      # our field: their column
          outcome: {column: good_bad_flag, values: {Good: paid_on_time, Bad: unpaid}, default: unknown}
          product: {constant: imported}
        features: [bank_account_type]                # kept as features under their own names
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from jiehuan.flow.importing.fields import TARGETS
from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.yaml_file import read_yaml

LENDER_TYPES = ("bank", "consumer_finance_company", "micro_lender", "other")


@dataclass(frozen=True)
class Source:
    """Where one field comes from: a column (with values replaced), a constant, or a default for empty cells."""

    column: str | None = None
    constant: Any = None
    default: Any = None
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FileMapping:
    """One file of the tape and what its rows become."""

    name: str
    file: str
    makes: str
    columns: dict[str, Source]
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mapping:
    """A whole tape's mapping, validated."""

    name: str
    path: str
    lender_type: str
    observed_on: date | None
    id_prefix: str
    max_bytes: int
    max_amount_fen: int
    files: tuple[FileMapping, ...]


def load_mapping(path: Path) -> Mapping:
    """Read and validate a mapping. Raises InputError that lists everything wrong with it, with the near names."""
    document = read_yaml(path, what="a mapping", example="mappings/")
    problems: list[Problem] = []
    if not isinstance(document, dict) or not isinstance(document.get("files"), dict):
        raise InputError(Problem(str(path), "", "a mapping has a name and files", "see the examples in mappings/"))
    lender_type = document.get("lender_type")
    if lender_type not in LENDER_TYPES:
        problems.append(
            Problem(f"{path}, lender_type", str(lender_type), "not a lender type", "one of " + ", ".join(LENDER_TYPES))
        )
    files = tuple(_file(str(path), name, body, problems) for name, body in document["files"].items())
    observed = document.get("observed_on")
    if problems:
        raise InputError(problems)
    return Mapping(
        name=str(document.get("name", path.stem)),
        path=str(path),
        lender_type=str(lender_type),
        observed_on=parse_date(observed, f"{path}, observed_on") if observed is not None else None,
        id_prefix=str(document.get("id_prefix", "")),
        max_bytes=int(document.get("max_bytes", 500_000_000)),
        max_amount_fen=int(document.get("max_amount_fen", 1_000_000_000)),
        files=files,
    )


def _file(path: str, name: str, body: Any, problems: list[Problem]) -> FileMapping:
    where = f"{path}, files.{name}"
    makes = body.get("makes") if isinstance(body, dict) else None
    if not isinstance(body, dict) or makes not in TARGETS or not isinstance(body.get("columns"), dict):
        problems.append(
            Problem(where, str(makes or ""), "needs file, makes and columns", "makes: one of " + ", ".join(TARGETS))
        )
        return FileMapping(name, "", "borrower", {})
    fields = TARGETS[makes]
    columns: dict[str, Source] = {}
    for target, source in body["columns"].items():
        if target not in fields:
            near = get_close_matches(str(target), fields, n=1)
            mend = f"did you mean {near[0]}?" if near else "one of " + ", ".join(fields)
            problems.append(Problem(f"{where}.columns", str(target), f"not a field of {makes}", mend))
            continue
        columns[target] = Source(**source) if isinstance(source, dict) else Source(column=str(source))
    for target, wanted in fields.items():
        if wanted.required and target not in columns:
            problems.append(
                Problem(f"{where}.columns", target, f"{makes} cannot do without it", "map a column or a constant to it")
            )
    return FileMapping(name, str(body.get("file", "")), makes, columns, tuple(body.get("features", ())))
