"""Statements of the lender's bank account: read (CSV, CAMT.053), match each line to a loan, reconcile each fen."""

from jiehuan.flow.statements.bring import import_statements, report_of
from jiehuan.flow.statements.match import Hints, find_loan, keep_handle
from jiehuan.flow.statements.read import read_statements
from jiehuan.flow.statements.statement import Line, RefusedRow, Statement

__all__ = [
    "Hints", "Line", "RefusedRow", "Statement", "find_loan", "import_statements", "keep_handle", "read_statements",
    "report_of",
]  # fmt: skip
