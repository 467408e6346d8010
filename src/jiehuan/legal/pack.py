"""Everything that goes to court or to the desk for one case, as named files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from jiehuan.legal.case import Case
from jiehuan.legal.documents.editable import pleading_docx
from jiehuan.legal.documents.filing import date_sheet_pdf, demand_letter_pdf, evidence_list_pdf, pleading_pdf


def pack(case: Case, attachments: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """File names and contents: pleading (PDF and Word), evidence list, letter of demand, date sheet, case.json, evidence.

    ``attachments``: evidence files by name; they are numbered under ``evidence/`` and listed with their SHA-256.
    """
    files = {
        f"evidence/{n:02d}-{_plain(name)}": content for n, (name, content) in enumerate((attachments or {}).items(), 1)
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    stem = "payment-order" if case.kind == "payment_order" else "pleading"
    summary = case.as_document() | {"files": digests}
    return {
        f"{stem}.pdf": pleading_pdf(case),
        f"{stem}.docx": pleading_docx(case),
        "evidence-list.pdf": evidence_list_pdf(case, digests),
        "demand-letter.pdf": demand_letter_pdf(case),
        "dates.pdf": date_sheet_pdf(case),
        "case.json": json.dumps(summary, ensure_ascii=False, indent=2).encode(),
        **files,
    }


def _plain(name: str) -> str:
    """A file name without folders or control characters."""
    return re.sub(r"[\x00-\x1f/\\:]+", "_", name.rsplit("/", 1)[-1].rsplit("\\", 1)[-1]) or "file"
