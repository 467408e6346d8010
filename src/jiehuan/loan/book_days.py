"""A book carried from evening to evening: what changed each day, kept on disk so that a killed run goes on where it was.

Plain loans pass a day in one sweep over columns; loans to which more happened are folded again from their terms and events, so
that a day later every line is what the fold says. One file a day (Arrow IPC, written beside and renamed) holds all positions.
Going on from a file checks what it was made of: a loan whose terms changed, or of which an event was added that counts for an
earlier day, is folded again. So catching up over several days, or starting anew, gives the same lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jiehuan.law import law_on
from jiehuan.loan.book_cells import RefusedLoan, fold_part, read_book, shift_table
from jiehuan.loan.book_columns import narrow
from jiehuan.loan.civil import day_number, day_of
from jiehuan.loan.compiled import compiled
from jiehuan.loan.cores import on_all_cores
from jiehuan.loan.day_end import lines_table, refused_by_fold, require_book
from jiehuan.loan.lawful import LawOn, law_cells
from jiehuan.loan.layout import FAR, OUT
from jiehuan.loan.position import POSITION, Q_DAY, Q_NEXT_DUE, Q_PLAIN, Q_TICK
from jiehuan.loan.sweep import Hot
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.whole_file import whole_file

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Cell = npt.NDArray[np.int64]
    Flag = npt.NDArray[np.int8]

SUFFIX = ".positions.arrow"
_LATE = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Closed:
    """One evening: the lines that differ from the evening before, and the loans that are refused that day (all of them)."""

    on: date
    changed: pl.DataFrame
    refused: tuple[RefusedLoan, ...]


class BookDays:
    """A book's positions on the evening of ``day``. Make one with ``open`` or ``resume``; go on with ``close``."""

    def __init__(self, book: pl.DataFrame, events: pl.DataFrame | None, law: LawOn = law_on) -> None:
        import numpy as np
        import polars as pl

        require_book(book, events)
        self.law = law
        self.day = -1
        self.book = book.with_columns(pl.col("loan_id").cast(pl.String))
        self.ids = self.book["loan_id"]
        if self.ids.null_count() or self.ids.n_unique() != len(self.ids):
            raise InputError(Problem("book, loan_id", "", "missing or used twice", "give each loan its own id"))
        count = len(book)
        self.drawn = _day_numbers(book["drawn_on"], 0)
        self.terms_hash = self.book.hash_rows(seed=1).to_numpy()
        self._index_events(events)
        self.p = np.zeros(count * POSITION, dtype=np.int64)
        int32, int64 = np.int32, np.int64
        columns = [int32, int32, int32, np.int8, int64, int64, int64, int64]
        self.hot = Hot(*(np.zeros(count, dtype=kind) for kind in columns))
        self.bad: dict[int, RefusedLoan] = {}
        self._law_of_day: list[int] = []

    def _index_events(self, events: pl.DataFrame | None) -> None:
        """Sort the events by the day on which they begin to count, and know each loan's own."""
        import numpy as np
        import polars as pl

        if events is None or not len(events):
            events = pl.DataFrame(
                {name: pl.Series(name, [], dtype=pl.String) for name in ("loan_id", "id", "on", "kind")}
            )
        places = pl.DataFrame({"loan_id": self.ids, "__loan": np.arange(len(self.ids))})
        found = events.with_columns(pl.col("loan_id").cast(pl.String)).join(
            places, on="loan_id", how="inner", maintain_order="left"
        )
        self.events = found.drop("__loan")
        self.event_loan = found["__loan"].to_numpy()
        effective = _day_numbers(found["on" if "on" in found.columns else "effective_on"], -1)
        known = _day_numbers(found["known_on"], -1) if "known_on" in found.columns else effective
        known = np.where(known < 0, effective, known)
        self.counts_from = np.maximum(effective, known)
        amount = _fen(found)
        plain = (found["kind"] == "repayment").fill_null(value=False).to_numpy() & (amount > 0) & (effective >= known)
        self.cash = np.where(plain, amount, -1)
        self.event_hash = self.events.hash_rows(seed=1).to_numpy()
        self.by_day = np.lexsort((np.arange(len(found)), known, effective, self.event_loan, self.counts_from))
        self.by_loan = np.argsort(self.event_loan, kind="stable")
        self.loan_spans = np.searchsorted(self.event_loan[self.by_loan], np.arange(len(self.ids) + 1))

    @classmethod
    def open(cls, book: pl.DataFrame, on: date, events: pl.DataFrame | None = None, law: LawOn = law_on) -> BookDays:
        """The book on the evening of ``on``, folded from the beginning. Tables as in ``day_end``; loan ids must be unique."""
        import numpy as np

        days = cls(book, events, law)
        days._begin(day_number(on))
        days._fold_again(np.arange(len(book)))
        return days

    def _begin(self, day: int) -> None:
        self.day = day
        self._law_of_day = law_cells(day_of(day), self.law)

    def close(self, on: date | None = None) -> Closed:
        """Go on to the next evening (``on``, when given, must be that day) and tell what changed."""
        import numpy as np

        day = self.day + 1
        if on is not None and day_number(on) != day:
            raise InputError(
                Problem("on", str(on), f"not the day after {day_of(self.day)}", f"close {day_of(day)} first")
            )
        count = len(self.ids)
        law_before = self._law_of_day
        self._begin(day)
        law = np.array(self._law_of_day, dtype=np.int64)
        again, changed = np.zeros(count, dtype=np.int8), np.zeros(count, dtype=np.int8)
        if law_before != self._law_of_day:
            self.hot.tick[:] = np.minimum(self.hot.tick, day)
        sweep, receive, shift = compiled("sweep_day"), compiled("receive_day"), shift_table()
        today = self.by_day[slice(*np.searchsorted(self.counts_from[self.by_day], [day, day + 1]))]
        loans, cash = self.event_loan[today], self.cash[today]
        again[loans[cash < 0]] = 1
        on_all_cores(lambda low, high: sweep(low, high, self.hot, self.p, day, law, shift, again, changed), count)
        paying = again[loans] == 0
        loans, cash = np.ascontiguousarray(loans[paying]), np.ascontiguousarray(cash[paying])
        on_all_cores(
            lambda low, high: receive(low, high, self.hot, self.p, day, law, shift, loans, cash, again, changed),
            len(loans),
            4_096,
        )
        rows = np.flatnonzero(again)
        self._fold_again(rows)
        changed[rows[self.drawn[rows] <= day]] = 1
        if self.bad:
            changed[list(self.bad)] = 0
        found = np.flatnonzero(changed)
        return Closed(day_of(day), self.lines(found), self.refused())

    def close_until(self, on: date, folder: Path | None = None) -> Iterator[Closed]:
        """Close one evening after the other up to ``on``, saving each in ``folder`` (when given) before it is told."""
        while self.day < day_number(on):
            closed = self.close()
            if folder is not None:
                self.save(folder)
            yield closed

    def lines(self, rows: Cell | None = None) -> pl.DataFrame:
        """The book's lines (as ``day_end`` gives them) of some rows, or of all loans that are drawn and not refused."""
        import numpy as np

        if rows is None:
            rows = np.flatnonzero(self.drawn <= self.day)
            rows = np.setdiff1d(rows, np.array(sorted(self.bad), dtype=np.int64), assume_unique=True)
        picked = self.p.reshape(-1, POSITION)[rows].reshape(-1)
        out = np.zeros(len(rows) * OUT, dtype=np.int64)
        write = compiled("lines_of_positions")
        on_all_cores(lambda low, high: write(low, high, picked, self.day, out), len(rows))
        return lines_table(self.ids.gather(rows), out.reshape(-1, OUT))

    def refused(self) -> tuple[RefusedLoan, ...]:
        """The loans that are refused by now, in the order of the book."""
        return tuple(self.bad[row] for row in sorted(self.bad))

    def undrawn(self) -> list[int]:
        """The rows of loans that are drawn on a later day."""
        import numpy as np

        return [row for row in np.flatnonzero(self.drawn > self.day).tolist() if row not in self.bad]

    def _fold_again(self, rows: Cell) -> None:
        """Write the positions of some loans from their terms and all their events that count by now."""
        import numpy as np

        if not len(rows):
            return
        for row in rows.tolist():
            self.bad.pop(row, None)
        cells = self.p.reshape(-1, POSITION)
        cells[rows] = 0
        cells[rows, Q_DAY], cells[rows, Q_NEXT_DUE] = self.day, FAR
        cells[rows, Q_TICK] = np.where(self.drawn[rows] > self.day, self.drawn[rows], _LATE)
        alive = rows[self.drawn[rows] <= self.day]
        if len(alive):
            starts, ends = self.loan_spans[alive], self.loan_spans[alive + 1]
            lengths = ends - starts
            places = (
                np.arange(int(lengths.sum()))
                - np.repeat(np.cumsum(lengths) - lengths, lengths)
                + np.repeat(starts, lengths)
            )
            book, events = self.book[alive], self.events[np.sort(self.by_loan[places])] if len(places) else None
            on = day_of(self.day)
            parts, refused = read_book(book, events, on, on, self.law)
            law = np.array(self._law_of_day, dtype=np.int64)
            ids = book["loan_id"]
            for part in parts:
                _, verdicts, p = fold_part(part, self.day, self.day, law, positions=True)
                good = verdicts == 0
                cells[alive[part.rows[good]]] = p.reshape(-1, POSITION)[good]
                for loan in np.flatnonzero(~good).tolist():
                    refused.append(refused_by_fold(part, loan, int(verdicts[loan]), ids, on, events))
            for told in refused:
                row = int(alive[told.row])
                self.bad[row] = RefusedLoan(row, told.loan_id, told.problems)
        show = compiled("show_some")
        show(self.hot, self.p, np.array(rows, dtype=np.int64))

    # files

    def save(self, folder: Path) -> Path:
        """Write the positions as ``<day>.positions.arrow``; the file appears whole or not at all. Older ones may be deleted."""
        import numpy as np
        import pyarrow as pa

        catch_up = compiled("catch_up")
        on_all_cores(lambda low, high: catch_up(low, high, self.hot, self.p, self.day), len(self.ids))
        cells = self.p.reshape(-1, POSITION)
        columns: dict[str, Any] = {"loan_id": self.ids.to_arrow(), "terms": self.terms_hash, "events": self._counted()}
        for cell in range(POSITION):
            columns[f"q{cell}"] = narrow(np.ascontiguousarray(cells[:, cell]))
        table = pa.table(columns)
        path = folder / f"{day_of(self.day).isoformat()}{SUFFIX}"
        with whole_file(path) as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        return path

    def _counted(self) -> npt.NDArray[np.uint64]:
        """A sum over each loan's events that count by now, which tells whether others were added since."""
        import numpy as np

        seen = self.counts_from <= self.day
        total = np.zeros(len(self.ids), dtype=np.uint64)
        np.add.at(total, self.event_loan[seen], self.event_hash[seen] | np.uint64(1))
        return total

    @classmethod
    def resume(
        cls,
        folder: Path,
        book: pl.DataFrame,
        events: pl.DataFrame | None = None,
        law: LawOn = law_on,
        *,
        until: date | None = None,
    ) -> BookDays | None:
        """The book as last saved in ``folder`` (not after ``until``), or None when nothing usable is there.

        Loans that are new, whose terms changed or of which an event was added that counts for a day already closed are folded
        again; a file that cannot be read is passed over for the one before it.
        """
        import numpy as np
        import polars as pl
        import pyarrow as pa

        days = cls(book, events, law)
        for path in saved_days(folder)[::-1]:
            on = date.fromisoformat(path.name.removesuffix(SUFFIX))
            if until is not None and on > until:
                continue
            try:
                with pa.memory_map(str(path)) as file:
                    saved = pl.DataFrame(pa.ipc.open_file(file).read_all())
            except (pa.ArrowException, OSError):
                continue
            if saved.columns != ["loan_id", "terms", "events", *(f"q{cell}" for cell in range(POSITION))]:
                continue
            days._begin(day_number(on))
            here = pl.DataFrame({"loan_id": days.ids}).join(
                saved.with_row_index("__saved"), on="loan_id", how="left", maintain_order="left"
            )
            known = here["__saved"].is_not_null().to_numpy()
            same = known & (here["terms"].fill_null(0).to_numpy() == days.terms_hash)
            same &= here["events"].fill_null(0).to_numpy() == days._counted()
            cells = days.p.reshape(-1, POSITION)
            for cell in range(POSITION):
                cells[:, cell] = here[f"q{cell}"].fill_null(0).cast(pl.Int64).to_numpy()
            # A refused loan has no position worth keeping: it is looked at again.
            frozen = (cells[:, Q_PLAIN] == 0) & (cells[:, Q_TICK] >= _LATE)
            compiled("show_some")(days.hot, days.p, np.arange(len(days.ids)))
            days._fold_again(np.flatnonzero(~same | frozen))
            return days
        return None


def saved_days(folder: Path) -> list[Path]:
    """The files of days in a folder, oldest first."""
    return sorted(folder.glob(f"[0-9]*{SUFFIX}")) if folder.is_dir() else []


def forget_days(folder: Path, keep: int = 2) -> None:
    """Delete all but the newest files of days, and what killed runs left half written."""
    for path in (*saved_days(folder)[:-keep], *folder.glob(f".*{SUFFIX}.*.part")):
        path.unlink(missing_ok=True)


def _day_numbers(series: pl.Series, missing: int) -> Cell:
    import polars as pl

    if series.dtype == pl.String:
        series = series.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    if series.dtype != pl.Date:
        series = pl.Series([None] * len(series), dtype=pl.Date)
    return series.cast(pl.Int32).fill_null(missing).cast(pl.Int64).to_numpy()


def _fen(events: pl.DataFrame) -> Cell:
    """Amounts in fen where they are plainly read, else -1: such events are the fold's to judge."""
    from jiehuan.loan.book_columns import scaled_column

    amount, good = scaled_column(events, "amount_fen", "amount", 100, -1)
    amount[~good] = -1
    return amount
