"""What a fit noticed about the data: leaks, odd columns, unstable fields. A finding warns; it never changes a figure silently.

The texts are data (``findings.yaml``), so that every notice exists in English and Chinese and names its mend.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing noticed: ``code`` (leak, excluded, duplicate, unstable, protected, thin, ...), the column, the text and the mend.

    ``figure`` is the number behind it, where there is one.
    """

    code: str
    column: str
    en: str
    zh: str
    mend: str = ""
    figure: float | None = None

    def __str__(self) -> str:
        place = f"{self.column}: " if self.column else ""
        return f"{self.code}: {place}{self.en}" + (f"; {self.mend}" if self.mend else "")

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def finding(key: str, column: str = "", figure: float | None = None, **words: Any) -> Finding:
    """The finding ``key`` of ``findings.yaml`` about ``column``, its {names} filled in from ``words``."""
    text = {name: value.format(column=column, **words) for name, value in _texts()[key].items()}
    return Finding(
        text["code"], column, text["en"], text["zh"], text["mend"], None if figure is None else float(figure)
    )


@cache
def _texts() -> dict[str, dict[str, str]]:
    import yaml

    found: dict[str, dict[str, str]] = yaml.safe_load(
        Path(__file__).with_name("findings.yaml").read_text(encoding="utf-8")
    )
    return found
