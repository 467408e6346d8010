"""Documents as PDF and Word: pure functions, values in, bytes out. Templates (typst) lie beside this file.

Money in the values is yuan in decimal strings, rates are decimals per year, dates are dates or ``YYYY-MM-DD``: the same
documents that ``schedule`` and ``loan replay`` read and write. A case's documents take the case itself.
"""

from jiehuan.legal.documents.contract import contract_pdf, cost_sheet_pdf
from jiehuan.legal.documents.editable import docx_text, pleading_docx
from jiehuan.legal.documents.filing import date_sheet_pdf, demand_letter_pdf, evidence_list_pdf, pleading_pdf

__all__ = [
    "contract_pdf",
    "cost_sheet_pdf",
    "date_sheet_pdf",
    "demand_letter_pdf",
    "docx_text",
    "evidence_list_pdf",
    "pleading_docx",
    "pleading_pdf",
]
