"""The end of a day from files to files: read the book in pieces, fold each, write the lines as they come.

The output appears whole or not at all: a run that is killed leaves what was there before, and running it again gives the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jiehuan.loan.book_cells import RefusedLoan, unnamed
from jiehuan.loan.book_days import BookDays, forget_days
from jiehuan.loan.book_history import History
from jiehuan.loan.book_rows import opened
from jiehuan.loan.civil import day_of
from jiehuan.loan.day_end import DayEnd, batches, day_end, day_end_of_documents, refused_table, require_book
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.tables import read_batches, read_table, write_batches, write_table

if TYPE_CHECKING:
    import polars as pl

PIECE = 500_000
"""Loans folded at once: some hundred megabytes of cells."""


@dataclass(slots=True)
class Told:
    """What a run came to: loans with a line, loans refused and where they are listed, and three totals in fen."""

    loans: int = 0
    refused: int = 0
    refused_file: Path = Path()
    principal_fen: int = 0
    overdue_fen: int = 0
    provision_fen: int = 0


def write_day_end(
    book: Path, on: date, out: Path, events: Path | None = None, advance: Callable[[int], None] = lambda loans: None
) -> Told:
    """Fold the book in a file (and its events) into its lines on the evening of ``on``, written to ``out``.

    Refused loans, rows of the book that are no rows, events of loans that the book does not have, and loan ids used twice are
    listed in ``<out>.refused.csv``. Raises InputError for files that cannot be read at all, and for events with a broken row: it
    may be any loan's money.
    """
    told = Told(refused_file=out.with_name(out.stem + ".refused.csv"))
    refused: list[RefusedLoan] = []

    def lines() -> Iterator[pl.DataFrame]:
        for piece in _pieces(book, events, on):
            refused.extend(piece.refused)
            told.loans += len(piece.lines)
            told.principal_fen += int(piece.lines["principal_outstanding_fen"].sum())
            told.overdue_fen += int(piece.lines["overdue_fen"].sum())
            told.provision_fen += int(piece.lines["provision_fen"].sum())
            advance(len(piece.lines) + len(piece.refused))
            yield piece.lines

    write_batches(lines(), out)
    told.refused = len(refused)
    _list_refused(refused, told.refused_file)
    return told


def carry_day_end(
    book: Path,
    on: date,
    out: Path,
    folder: Path,
    events: Path | None = None,
    advance: Callable[[int], None] = lambda loans: None,
    history: Path | None = None,
) -> Told:
    """The same lines, found by going on from the last day kept in ``folder`` and keeping each day closed there.

    ``history``: a folder that gets the lines of every evening closed now, as ``DAY.parquet``.
    The first run folds the book at ``on``; a day before the last one kept is folded anew and kept too. Raises InputError
    for a book of nested documents: days are kept of tables.
    """
    if _documents(book) is not None:
        raise InputError(
            Problem(str(book), "", "nested documents are not kept day by day", "give a table of loans, and --events")
        )
    broken: list[Problem] = []
    whole, happened = read_table(book, refused=broken), None if events is None else read_table(events)
    require_book(whole, happened)
    own = _own_rows(whole["loan_id"])
    loans, places = whole.filter(own), own.arg_true()
    days = BookDays.resume(folder, loans, happened, until=on)
    if days is None:
        days = BookDays.open(loans, on, happened)
    days.save(folder)
    with History(history) if history is not None else nullcontext() as kept:
        if kept is not None:
            kept.keep(day_of(days.day), days.lines())
        for closed in days.close_until(on, folder):
            forget_days(folder)
            if kept is not None:
                kept.keep(closed.on, days.lines())
    ids = loans["loan_id"]
    undrawn = [
        RefusedLoan(
            row, str(ids[row]), (Problem(f"loan {ids[row]}", str(on), "not drawn by this day", "ask for a later day"),)
        )
        for row in days.undrawn()
    ]
    placed = [replace(loan, row=int(places[loan.row])) for loan in (*days.refused(), *undrawn)]
    strangers = [] if happened is None else [loan for piece in _strangers(happened, ids, on) for loan in piece.refused]
    refused = [*sorted([*placed, *_unnamed(whole["loan_id"], own)], key=lambda loan: loan.row), *_no_rows(broken), *strangers]
    lines = days.lines()
    advance(len(whole))
    write_table(lines, out)
    told = Told(len(lines), len(refused), out.with_name(out.stem + ".refused.csv"))
    told.principal_fen = int(lines["principal_outstanding_fen"].sum())
    told.overdue_fen = int(lines["overdue_fen"].sum())
    told.provision_fen = int(lines["provision_fen"].sum())
    _list_refused(refused, told.refused_file)
    return told


def _list_refused(refused: list[RefusedLoan], path: Path) -> None:
    if refused:
        write_table(refused_table(refused), path)
    else:
        path.unlink(missing_ok=True)


def _pieces(book: Path, events: Path | None, on: date) -> Iterator[DayEnd]:
    history = None if events is None else read_table(events)
    documents = _documents(book)
    if documents is not None:
        ids = _ids(documents)
        own = _own_rows(ids)
        kept = [document for document, counts in zip(documents, own, strict=True) if counts]
        found = day_end_of_documents(_with_events(kept, history), on)
        yield DayEnd(found.lines, (*found.refused, *_unnamed(ids, own)))
    else:
        broken: list[Problem] = []
        ids = read_table(book, ["loan_id"], broken)["loan_id"]
        named = _own_rows(ids)
        at = 0
        for frame in batches(read_batches(book, refused=[]), PIECE):
            own = named[at : at + len(frame)]
            found = day_end(frame.filter(own), on, history)
            yield DayEnd(found.lines, (*found.refused, *_unnamed(frame["loan_id"], own, at)))
            at += len(frame)
        if broken:
            yield DayEnd(day_end_of_documents([], on).lines, tuple(_no_rows(broken)))
    if history is not None:
        yield from _strangers(history, ids, on)


def _ids(documents: list[dict[str, Any]]) -> pl.Series:
    import polars as pl

    names = [document.get("loan_id") for document in documents]
    return pl.Series("loan_id", [None if name in (None, "") else str(name) for name in names], dtype=pl.String)


def _own_rows(ids: pl.Series) -> pl.Series:
    """Which rows have an id that no row before has."""
    return ids.is_first_distinct() & ids.is_not_null()


def _unnamed(ids: pl.Series, own: pl.Series, at: int = 0) -> list[RefusedLoan]:
    """The other rows, as refused loans; ``at``: how many rows of the book come before these."""
    return [unnamed(at + row, None if ids[row] is None else str(ids[row])) for row in (~own).arg_true()]


def _no_rows(broken: list[Problem]) -> list[RefusedLoan]:
    """Rows of the book with another number of fields than its header, whose loans are not known."""
    return [RefusedLoan(-1, "", (problem,)) for problem in broken]


def _strangers(history: pl.DataFrame, ids: pl.Series, on: date) -> Iterator[DayEnd]:
    """Events of loans that the book does not have: nobody's money may get lost unseen."""
    import polars as pl

    names = pl.DataFrame({"loan_id": ids.cast(pl.String)})
    lost = history.select(pl.col("loan_id").cast(pl.String)).join(names, on="loan_id", how="anti", nulls_equal=True)
    strangers = lost["loan_id"].unique(maintain_order=True).to_list()
    if strangers:
        mend = "add the loan to the book, or correct the event's loan_id"
        problems = [
            (name, Problem(f"events, loan_id {name}", str(name), "not a loan of the book", mend)) for name in strangers
        ]
        empty = day_end_of_documents([], on).lines
        yield DayEnd(empty, tuple(RefusedLoan(-1, str(name or ""), (problem,)) for name, problem in problems))


def _documents(book: Path) -> list[dict[str, Any]] | None:
    """The book as ``loan replay`` documents when it is JSON with nested values; None when it is a table."""
    if book.suffix.lower() not in {".json", ".ndjson", ".jsonl"} or not book.is_file():
        return None
    text = book.read_text(encoding="utf-8")
    try:
        lines = [text] if book.suffix.lower() == ".json" else [line for line in text.splitlines() if line.strip()]
        read = [json.loads(line) for line in lines]
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return None  # the table reader says where it is malformed
    found = read[0] if book.suffix.lower() == ".json" else read
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InputError(
            Problem(str(book), "", "not a list of loans", "write a JSON list of objects, each with its loan_id")
        )
    if not any(isinstance(value, (list, dict)) for one in found for value in one.values()):
        return None
    return found


def _with_events(documents: list[dict[str, Any]], history: pl.DataFrame | None) -> list[dict[str, Any]]:
    """The documents, with the events of a table added to their own."""
    if history is None:
        return documents
    by_loan: dict[str, list[dict[str, Any]]] = {}
    for row in history.iter_rows(named=True):
        event = {name: opened(name, value) for name, value in row.items() if value is not None}
        by_loan.setdefault(str(row["loan_id"]), []).append(event)
    return [
        {**document, "events": [*own, *by_loan.get(str(document.get("loan_id")), [])]}
        if isinstance(own, list)
        else document
        for document in documents
        for own in [document.get("events") or []]
    ]
