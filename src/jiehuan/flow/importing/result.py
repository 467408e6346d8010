"""What an import kept, what was already there, and what it refused."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jiehuan.flow.importing.rows import Refusal
from jiehuan.units.errors import InputError, Problem


@dataclass
class ImportResult:
    """What an import kept, what was already there, and what it refused."""

    run_id: str
    kept: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)

    def as_document(self) -> dict[str, Any]:
        """The result for JSON: counts, and the refused cells in full."""
        return {
            "run_id": self.run_id,
            "kept": self.kept,
            "already_there": self.known,
            "refused_rows": len({(refusal.file, refusal.row) for refusal in self.refusals}),
            "refused": [
                {"file": r.file, "row": r.row, "column": r.column, "value": r.value, "reason": r.reason}
                for r in self.refusals
            ],
        }

    def write_refusals(self, path: Path) -> None:
        """Write the refused cells as CSV: file, row, column, value, reason."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8", newline="") as out:
                writer = csv.writer(out, lineterminator="\n")
                writer.writerow(["file", "row", "column", "value", "reason"])
                writer.writerows([r.file, r.row, r.column, r.value, r.reason] for r in self.refusals)
        except OSError as error:
            mend = "name a file in a folder you may write to with --refused"
            raise InputError(Problem(str(path), "", f"cannot be written: {error.strerror}", mend)) from None
