"""Documents as PDF: pure functions, values in, bytes out. Templates (typst) lie beside this file.

Money in the values is yuan in decimal strings, rates are decimals per year, dates are dates or ``YYYY-MM-DD``: the same
documents that ``schedule`` and ``loan replay`` read and write.
"""

from __future__ import annotations

from jiehuan.legal.documents.contract import contract_pdf, cost_sheet_pdf

__all__ = ["contract_pdf", "cost_sheet_pdf"]
