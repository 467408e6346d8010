"""Set a document: a typst template and its values in, PDF bytes out; the same values give the same bytes.

One compiler is kept for the life of the process, as the fonts and the parsed templates in it make the second document
some ten times faster than the first (a contract: 30 ms instead of 300 ms). Chinese text needs a Chinese font. It is
taken from the font wheel ``pylopdf-fonts-zh-cn`` (Noto Serif SC and Noto Sans SC, Open Font License) when that is
installed, else from the system; ``lettering()`` tells which. Without any, documents are set in English only and say so
on their first page.
"""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import typst

from jiehuan.units.errors import JiehuanError

PACKAGE = Path(__file__).resolve().parents[1]
"""The root that templates may read below: the installed package."""

FONT_WHEEL = "pylopdf_fonts_zh_cn"

_SERIF = (
    "Noto Serif SC", "Noto Serif CJK SC", "Source Han Serif SC", "Songti SC", "STSong", "SimSun", "AR PL UMing CN",
)  # fmt: skip
_SANS = (
    "Noto Sans SC", "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "SimHei", "Heiti SC",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lettering:
    """The Chinese fonts in use: families for running text and for headings, and the file of the headings' font.

    ``serif`` and ``sans`` are empty when the machine has none; ``source`` is ``wheel``, ``system`` or ``none``.
    """

    serif: str
    sans: str
    sans_file: Path | None
    source: str

    @property
    def chinese(self) -> bool:
        """Whether Chinese text can be set at all."""
        return bool(self.serif)


@cache
def lettering() -> Lettering:
    """Find the Chinese fonts of this machine (once a process); where it has one kind only, that serves for both."""
    files: dict[str, Path | None] = {}
    for font in _fonts().fonts():
        files.setdefault(font.family, Path(font.path) if font.path else None)
    serif = next((name for name in _SERIF if name in files), "")
    sans = next((name for name in _SANS if name in files), "")
    serif, sans = serif or sans, sans or serif
    if not serif:
        return Lettering("", "", None, "none")
    wheel = _wheel_folder()
    file = files[sans]
    from_wheel = wheel is not None and file is not None and file.is_relative_to(wheel)
    return Lettering(serif, sans, file, "wheel" if from_wheel else "system")


def typeset(template: Path, values: Mapping[str, Any], made_on: date) -> bytes:
    """Set ``template`` (a ``.typ`` file inside the package) with ``values`` and give the PDF.

    ``values`` reach the template as JSON (``#let v = json(bytes(sys.inputs.values))``): dates and other values by their
    text. ``made_on`` is the PDF's creation date, so that equal values give equal bytes. Raises JiehuanError with
    typst's own message when the template does not compile.
    """
    found = lettering()
    inputs = {
        "values": json.dumps(values, ensure_ascii=False, default=str),
        "serif": found.serif,
        "sans": found.sans,
    }
    noon = datetime(made_on.year, made_on.month, made_on.day, 12, tzinfo=UTC)
    with _TURN:
        try:
            made = _compiler().compile(input=template, format="pdf", sys_inputs=inputs, timestamp=noon)
        except RuntimeError as error:  # TypstError is one; a file outside the root is a plain one
            raise JiehuanError(f"{template.name}: the document could not be set: {error}") from error
    if not isinstance(made, bytes):
        raise JiehuanError(f"{template.name}: typst gave no document")
    return made


_TURN = threading.Lock()  # one compiler, one document at a time: it keeps inputs between calls


@cache
def _compiler() -> Any:
    return typst.Compiler(root=PACKAGE, font_paths=_fonts())


@cache
def _fonts() -> Any:
    wheel = _wheel_folder()
    return typst.Fonts(font_paths=[] if wheel is None else [wheel])


def _wheel_folder() -> Path | None:
    found = importlib.util.find_spec(FONT_WHEEL)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations))).resolve()
