"""The book's positions in memory and in a file: what a day needs to know of a loan without reading its events.

A file belongs to one finished run and is never changed; the run's row in the database names it. It is a cache: without it
the book is folded again from its events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import polars as pl

from jiehuan.law import law_on
from jiehuan.loan.book_cells import shift_table
from jiehuan.loan.book_columns import narrow
from jiehuan.loan.civil import day_number
from jiehuan.loan.compiled import compiled
from jiehuan.loan.cores import on_all_cores
from jiehuan.loan.day_end import lines_table, standing_table
from jiehuan.loan.lawful import law_cells
from jiehuan.loan.layout import OUT
from jiehuan.loan.position import POSITION, Q_PLAIN
from jiehuan.loan.sweep import Hot
from jiehuan.units.whole_file import whole_file

Cells = npt.NDArray[np.int64]
_LAYOUT = f"v2x{POSITION}"
_BLOCK = 2_048
"""Loans turned from rows to columns at a time: what the processor's cache holds."""


@dataclass(frozen=True, slots=True)
class Before:
    """What positions were on the evening before a day passed: days past due and provision of all; of the loans to which
    something was bound to happen (``places``, ascending) whole positions.
    """

    dpd: Cells
    provision: Cells
    places: Cells
    rows: Cells

    def cell(self, places: Cells, cell: int, missing: int) -> Cells:
        """One cell of some places as it was; ``missing`` for loans to which nothing was bound to happen."""
        at = np.searchsorted(self.places, places)
        at[at == len(self.places)] = 0
        found = np.full(len(places), missing, dtype=np.int64)
        if len(self.places):
            there = self.places[at] == places
            found[there] = self.rows[at[there], cell]
        return found


class Positions:
    """Loans in order of their ids; ``cells`` is loans × POSITION, as of the evening of ``day``."""

    def __init__(self, ids: list[str], cells: Cells, day: date) -> None:
        self.ids, self.cells, self.day = ids, np.ascontiguousarray(cells), day
        self._place: dict[str, int] | None = None

    @property
    def place(self) -> dict[str, int]:
        """Where each loan stands."""
        if self._place is None:
            self._place = {loan_id: place for place, loan_id in enumerate(self.ids)}
        return self._place

    @classmethod
    def empty(cls, day: date) -> Positions:
        """No loan yet."""
        return cls([], np.zeros((0, POSITION), dtype=np.int64), day)

    def pass_day(self, on: date, cash: Iterable[tuple[str, int]]) -> tuple[Cells, Cells, Before]:
        """Go to the evening of ``on`` (the next day); ``cash``: repayments of that day, loan by loan in order of arrival.

        Returns the places that must be folded from their events, those to which more happened than one more day past due, and
        what was before.
        """
        count = len(self.ids)
        kinds = [np.int32, np.int32, np.int32, np.int8, np.int64, np.int64, np.int64, np.int64]
        hot = Hot(*(np.zeros(count, dtype=kind) for kind in kinds))
        p, day = self.cells.reshape(-1), day_number(on)
        law_before, law_now = law_cells(self.day, law_on), law_cells(on, law_on)
        compiled("show_some")(hot, p, np.arange(count))
        if law_before != law_now:
            hot.tick[:] = np.minimum(hot.tick, day)
        paid = sorted((self.place[loan_id], n, fen) for n, (loan_id, fen) in enumerate(cash))
        loans = np.array([place for place, _, _ in paid], dtype=np.int64)
        fen = np.array([amount for _, _, amount in paid], dtype=np.int64)
        bound = np.union1d(np.flatnonzero(hot.tick <= day), loans)
        before = Before(hot.dpd.copy(), hot.provision.copy(), bound, self.cells[bound])
        law = np.array(law_now, dtype=np.int64)
        again, changed = np.zeros(count, dtype=np.int8), np.zeros(count, dtype=np.int8)
        sweep, receive, level, shift = (
            compiled("sweep_day"),
            compiled("receive_day"),
            compiled("catch_up"),
            shift_table(),
        )
        on_all_cores(lambda low, high: sweep(low, high, hot, p, day, law, shift, again, changed), count)
        if len(loans):
            receive(0, len(loans), hot, p, day, law, shift, loans, fen, again, changed)
        untouched = np.flatnonzero(again)
        kept = self.cells[untouched].copy()
        on_all_cores(lambda low, high: level(low, high, hot, p, day), count)
        self.cells[untouched] = kept  # they are folded again, from nothing
        self.day = on
        changed[untouched] = 0
        return untouched, bound[changed[bound] != 0], before

    def lines(self, places: Cells) -> pl.DataFrame:
        """Lines of the book (``loan.day_end``) of some places."""
        return lines_table(*self._lines(places))

    def standing(self, places: Cells) -> pl.DataFrame:
        """Rows of ``loan_standing`` of some places."""
        return standing_table(*self._lines(places), self.day)

    def _lines(self, places: Cells) -> tuple[pl.Series, Cells]:
        picked = self.cells[places].reshape(-1)
        out = np.zeros(len(places) * OUT, dtype=np.int64)
        write = compiled("lines_of_positions")
        day = day_number(self.day)
        on_all_cores(lambda low, high: write(low, high, picked, day, out), len(places))
        return pl.Series("loan_id", [self.ids[at] for at in places.tolist()], dtype=pl.String), out.reshape(-1, OUT)

    def change(self, found: Mapping[str, Cells], gone: set[str]) -> None:
        """Put in the positions of loans, known or new, and leave out those that are gone."""
        news = [loan_id for loan_id in found if loan_id not in self.place]
        for loan_id, cells in found.items():
            if loan_id in self.place:
                self.cells[self.place[loan_id]] = cells
        gone = {loan_id for loan_id in gone if loan_id in self.place}
        if not news and not gone:
            return
        ids = self.ids + news
        cells = np.concatenate(
            [self.cells, np.array([found[one] for one in news], dtype=np.int64).reshape(-1, POSITION)]
        )
        order = np.array(
            sorted((at for at in range(len(ids)) if ids[at] not in gone), key=ids.__getitem__), dtype=np.int64
        )
        self.__init__([ids[at] for at in order.tolist()], cells[order], self.day)  # type: ignore[misc]

    def distrust(self, loan_ids: Iterable[str]) -> None:
        """Have the next day fold these again: what their positions say is booked was not booked."""
        for loan_id in loan_ids:
            if loan_id in self.place:
                self.cells[self.place[loan_id], Q_PLAIN] = 0

    def save(self, folder: Path) -> str:
        """Write a file that appears whole or not at all; its name, which tells day and layout."""
        turned = np.empty((POSITION, len(self.ids)), dtype=np.int64)
        for low in range(0, len(self.ids), _BLOCK):
            turned[:, low : low + _BLOCK] = self.cells[low : low + _BLOCK].T
        columns = [pl.Series("loan_id", self.ids, dtype=pl.String)]
        columns += [pl.Series(f"q{cell}", narrow(column)) for cell, column in enumerate(turned)]
        path = folder / f"{self.day.isoformat()}-{_LAYOUT}-{uuid4().hex[:12]}.arrow"
        with whole_file(path) as file:
            pl.DataFrame(columns).write_ipc(file, compression="uncompressed")
        return path.name

    @classmethod
    def load(cls, folder: Path, name: str | None) -> Positions | None:
        """The positions of a file; None when it is not there, not whole or of another layout."""
        if not name or not name[10:].startswith(f"-{_LAYOUT}-"):
            return None
        try:
            table = pl.read_ipc(folder / name)
            columns = [table[f"q{cell}"].to_numpy() for cell in range(POSITION)]
            ids = table["loan_id"].to_list()
        except (OSError, pl.exceptions.PolarsError):
            return None
        cells = np.empty((len(ids), POSITION), dtype=np.int64)
        for low in range(0, len(ids), _BLOCK):
            for cell, column in enumerate(columns):
                cells[low : low + _BLOCK, cell] = column[low : low + _BLOCK]
        return cls(ids, cells, date.fromisoformat(name[:10]))


def forget_others(folder: Path, keep: str) -> None:
    """Delete the files of earlier runs, and what killed ones left half written."""
    for path in (*folder.glob("*.arrow"), *folder.glob(".*.part")):
        if path.name != keep:
            path.unlink(missing_ok=True)
