"""The pleading as an editable file (.docx), from the same words as the PDF: for the lawyer who signs it."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime, time
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from jiehuan.legal.case import Case
from jiehuan.legal.documents.form import Form, pleading_form

_BODY, _HEAD = "SimSun", "SimHei"
_STAMP = (1980, 1, 1, 0, 0, 0)


def pleading_docx(case: Case) -> bytes:
    """The statement of claim or payment order application as a Word file; the same case gives the same bytes."""
    return _docx(pleading_form(case))


def _docx(form: Form) -> bytes:
    document = Document()
    made = datetime.combine(form.on, time(12))
    core = document.core_properties
    core.title, core.author, core.created, core.modified = form.zh, form.signed_by, made, made
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.4)
    style = document.styles["Normal"]
    style.font.name, style.font.size = _BODY, Pt(10.5)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), _BODY)
    _line(document, form.zh, size=18, head=True, centred=True)
    if form.subject:
        _line(document, f"（{form.subject}）", size=12, centred=True)
    table = document.add_table(rows=0, cols=2)
    table.style = "Table Grid"
    for part in form.sections:
        title = table.add_row().cells
        merged = title[0].merge(title[1])
        _write(merged, part.zh, head=True)
        merged.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.CENTER
        _shade(merged)
        for row in part.rows:
            cells = table.add_row().cells
            _write(cells[0], row.zh, head=True)
            _write(cells[1], row.text)
    for row in table.rows:
        row.cells[0].width, row.cells[1].width = Cm(4.2), Cm(12)
    _line(document, "此致")
    _line(document, form.court)
    for text in (f"具状人（申请人）：{form.signed_by}（盖章）", f"日期：{form.on.isoformat()}"):
        _line(document, text).alignment = WD_ALIGN_PARAGRAPH.RIGHT
    written = io.BytesIO()
    document.save(written)
    return _without_clock(written.getvalue())


def _line(document: Any, text: str, *, size: float = 10.5, head: bool = False, centred: bool = False) -> Any:
    paragraph = document.add_paragraph()
    run = paragraph.add_run(text)
    _font(run, head)
    run.font.size = Pt(size)
    if centred:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    return paragraph


def _write(cell: Any, text: str, *, head: bool = False) -> None:
    paragraph = cell.paragraphs[0]
    for n, line in enumerate(text.split("\n")):
        run = paragraph.add_run()
        if n:
            run.add_break()
        run.add_text(line)
        _font(run, head)


def _font(run: Any, head: bool) -> None:
    name = _HEAD if head else _BODY
    run.font.name = name
    run._element.rPr.rFonts.set(qn("w:eastAsia"), name)


def _shade(cell: Any) -> None:
    fill = OxmlElement("w:shd")
    fill.set(qn("w:val"), "clear")
    fill.set(qn("w:fill"), "EEF2F6")
    cell._tc.get_or_add_tcPr().append(fill)


def _without_clock(content: bytes) -> bytes:
    """The archive again with fixed entry times, so that equal forms give equal bytes."""
    source, target = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for name in source.namelist():
            out.writestr(zipfile.ZipInfo(name, _STAMP), source.read(name), zipfile.ZIP_DEFLATED)
    return target.getvalue()


def docx_text(content: bytes) -> str:
    """All text of a Word file, for checks and search."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        body = archive.read("word/document.xml").decode()
    return re.sub(r"<[^>]+>", "", re.sub(r"</w:p>|<w:br/>", "\n", body))
