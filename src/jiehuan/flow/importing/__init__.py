"""Bringing a lender's own tape in: mapping, rows, loans, saving. Good rows are never lost to bad ones; twice changes nothing."""

from jiehuan.flow.importing.mapping import Mapping, load_mapping
from jiehuan.flow.importing.result import ImportResult
from jiehuan.flow.importing.run import import_tape

__all__ = ["ImportResult", "Mapping", "import_tape", "load_mapping"]
