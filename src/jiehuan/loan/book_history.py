"""Every closed evening's lines as a Parquet file of its own, written in the background while the next day is computed.

Compressing costs more than closing a day, so it runs beside it, at most one day behind: memory holds two days, never a queue.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from jiehuan.units.tables import write_table

if TYPE_CHECKING:
    import polars as pl


class History:
    """A folder of ``DAY.parquet``; use it as a context, whose end waits for the last file and raises what went wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")
        self._last: Future[None] | None = None

    def keep(self, on: date, lines: pl.DataFrame) -> None:
        """Write the lines of an evening, in the background. Waits for the evening before; raises when that one failed."""
        if self._last is not None:
            self._last.result()
        self._last = self._writer.submit(self._write, on, lines)

    def __enter__(self) -> History:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.shutdown(wait=True)
        if kind is None and self._last is not None:
            self._last.result()

    def _write(self, on: date, lines: pl.DataFrame) -> None:
        write_table(lines, self.folder / f"{on.isoformat()}.parquet")
