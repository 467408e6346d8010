"""The end of a day over a book of any size: one line a loan, and the loans that were refused with their reasons.

The same fold as for a single loan, compiled, run over parts of the book so that memory stays bounded. Tables in, tables
out; what is written where is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from jiehuan.law import law_on
from jiehuan.loan.book_cells import BookCells, RefusedLoan, fold_part, read_book, read_documents
from jiehuan.loan.book_fold import NOT_DRAWN
from jiehuan.loan.civil import day_number
from jiehuan.loan.events import KINDS
from jiehuan.loan.lawful import BUCKETS, CLASSES, LawOn, law_cells
from jiehuan.loan.layout import (
    E_KIND,
    E_VERDICT,
    EVENT,
    FAR,
    O_BASE,
    O_CLASS,
    O_COSTS,
    O_CREDIT,
    O_DPD,
    O_FEN_DAYS,
    O_INTEREST,
    O_NEXT_DUE,
    O_OVERDUE,
    O_PEN_DEN,
    O_PEN_NUM,
    O_PENALTY,
    O_PRINCIPAL,
    O_PROVISION,
    O_STATUS,
    OUT,
    REFUSED,
)
from jiehuan.loan.reasons import reason_of
from jiehuan.loan.replay import STATUSES
from jiehuan.loan.terms import LAST_DAY
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

COLUMNS = {
    "principal_outstanding_fen": O_PRINCIPAL,
    "interest_due_fen": O_INTEREST,
    "penalty_due_fen": O_PENALTY,
    "costs_due_fen": O_COSTS,
    "overdue_fen": O_OVERDUE,
    "credit_balance_fen": O_CREDIT,
    "dpd": O_DPD,
}


@dataclass(frozen=True, slots=True)
class DayEnd:
    """The book's lines in the order of its rows, and the loans that have none."""

    lines: pl.DataFrame
    refused: tuple[RefusedLoan, ...]


def day_end(
    book: pl.DataFrame,
    on: date,
    events: pl.DataFrame | None = None,
    law: LawOn = law_on,
    *,
    known_by: date | None = None,
) -> DayEnd:
    """Fold each loan of a table, with its events, into its line on the evening of ``on``.

    Columns as ``book_cells.read_book`` says. A line: loan_id, principal_outstanding_fen, interest_due_fen,
    penalty_due_fen, costs_due_fen, overdue_fen, credit_balance_fen, dpd, bucket, class, provision_fen, status,
    next_due. Raises InputError when a needed column is missing; a bad loan is only refused.
    """
    import polars as pl

    require_book(book, events)
    parts, refused = read_book(book, events, on, known_by or on, law)
    ids = book["loan_id"].cast(pl.String)
    described = None if events is None else events
    return _fold(parts, refused, ids, on, known_by or on, law, described)


def day_end_of_documents(
    documents: Sequence[Mapping[str, Any]], on: date, law: LawOn = law_on, *, known_by: date | None = None
) -> DayEnd:
    """The same for a list of ``loan replay`` documents, each with its loan_id and events."""
    import polars as pl

    def rows() -> Iterable[tuple[int, Mapping[str, Any], Sequence[Mapping[str, Any]]]]:
        for row, document in enumerate(documents):
            yield row, document, document.get("events") or []

    parts, refused = read_documents(rows(), on, known_by or on, law)
    names = [str(document.get("loan_id") or f"row {n + 1}") for n, document in enumerate(documents)]
    ids = pl.Series("loan_id", names, dtype=pl.String)
    return _fold(parts, refused, ids, on, known_by or on, law, None)


def refused_table(refused: Sequence[RefusedLoan]) -> pl.DataFrame:
    """The refused loans as a table: loan_id and each problem's where, value, reason, mend, citation, zh."""
    import polars as pl

    names = ("where", "value", "reason", "mend", "citation", "zh")
    rows = [
        (loan.loan_id, *(getattr(problem, name) for name in names)) for loan in refused for problem in loan.problems
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(("loan_id", *names), pl.String), orient="row")


def _fold(
    parts: Iterable[BookCells],
    refused: list[RefusedLoan],
    ids: pl.Series,
    on: date,
    known_by: date,
    law: LawOn,
    events: pl.DataFrame | None,
) -> DayEnd:
    import numpy as np

    if on > LAST_DAY:
        raise InputError(Problem("on", str(on), f"after {LAST_DAY}", "ask for an earlier day"))
    law_of_day = np.array(law_cells(on, law), dtype=np.int64)
    rows, lines = [], []
    for part in parts:
        count = len(part.rows)
        out, verdicts, _ = fold_part(part, day_number(on), day_number(known_by), law_of_day)
        for loan in np.flatnonzero(verdicts).tolist():
            refused.append(refused_by_fold(part, loan, int(verdicts[loan]), ids, on, events))
        good = verdicts == 0
        rows.append(part.rows[good])
        lines.append(out.reshape(count, OUT)[good])
    refused.sort(key=lambda loan: loan.row)
    cells = np.concatenate(lines) if lines else np.zeros((0, OUT), dtype=np.int64)
    places = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    if len(rows) > 1:
        order = np.argsort(places, kind="stable")
        cells, places = cells[order], places[order]
    return DayEnd(lines_table(ids.gather(places), cells), tuple(refused))


def lines_table(ids: pl.Series, cells: npt.NDArray[np.int64]) -> pl.DataFrame:
    """The lines of a book as a table, from loan ids and OUT cells (loans × OUT)."""
    import numpy as np
    import polars as pl

    last = cells[:, O_NEXT_DUE] != FAR
    next_due = pl.Series("next_due", np.where(last, cells[:, O_NEXT_DUE], 0).astype(np.int32)).cast(pl.Date)
    bucket = np.minimum((cells[:, O_DPD] + 29) // 30, len(BUCKETS) - 1)
    frame = pl.DataFrame({"loan_id": ids, **{name: cells[:, cell] for name, cell in COLUMNS.items()}})
    return frame.with_columns(
        pl.col("dpd").cast(pl.Int32),
        _named("bucket", bucket, BUCKETS),
        _named("class", cells[:, O_CLASS], CLASSES),
        pl.Series("provision_fen", cells[:, O_PROVISION]),
        _named("status", cells[:, O_STATUS], STATUSES),
        pl.when(pl.Series(last)).then(next_due).alias("next_due"),
    )


def standing_table(ids: pl.Series, cells: npt.NDArray[np.int64], on: date) -> pl.DataFrame:
    """The same lines as rows of the table ``loan_standing``: what lasts while nothing happens to a loan, and from which days past
    due, bucket and penalty are read on any later day. ``cells`` are of the evening of ``on``.
    """
    import numpy as np
    import polars as pl

    frame = lines_table(ids, cells)
    oldest = pl.Series("oldest_due", (day_number(on) - cells[:, O_DPD]).astype(np.int32)).cast(pl.Date)
    runs = pl.Series(cells[:, O_BASE] > 0)
    clock = {
        "penalty_base_fen": O_BASE, "penalty_fen_days": O_FEN_DAYS, "penalty_numerator": O_PEN_NUM, "penalty_denominator": O_PEN_DEN,
    }  # fmt: skip
    return frame.with_columns(
        pl.lit(on).alias("as_of"),
        pl.when(pl.col("dpd") > 0).then(oldest).alias("oldest_due"),
        *(pl.when(runs).then(pl.Series(cells[:, cell])).alias(name) for name, cell in clock.items()),
    ).drop("dpd", "bucket")


def _named(name: str, codes: npt.NDArray[np.int64], words: Sequence[str]) -> pl.Series:
    import polars as pl

    return pl.Series(name, list(words), dtype=pl.String).gather(codes.astype("uint32")).alias(name)


def refused_by_fold(
    part: BookCells, loan: int, verdict: int, ids: pl.Series, on: date, events: pl.DataFrame | None
) -> RefusedLoan:
    """Why the fold refused a loan of a part, event by event; ``ids`` are the loan ids of the table it was read from."""
    row = int(part.rows[loan])
    loan_id = str(ids[row])
    if verdict == NOT_DRAWN:
        return RefusedLoan(
            row, loan_id, (Problem(f"loan {loan_id}", str(on), "not drawn by this day", "ask for a later day"),)
        )
    problems = []
    for place in range(int(part.spans[loan]), int(part.spans[loan + 1])):
        found = int(part.events[place * EVENT + E_VERDICT])
        if found < REFUSED:
            continue
        name = f"event {place - int(part.spans[loan]) + 1}"
        if events is not None and part.event_rows[place] >= 0:
            column = "id" if "id" in events.columns else "event_id"
            name = f"event {events[column][int(part.event_rows[place])]}"
        elif part.names:
            name = f"event {part.names[place]}"
        kind = KINDS[int(part.events[place * EVENT + E_KIND])]
        reason, mend, zh = reason_of(found)
        problems.append(Problem(f"loan {loan_id}, {name}", kind, reason, mend, zh=zh))
    return RefusedLoan(row, loan_id, tuple(problems))


def require_book(book: pl.DataFrame, events: pl.DataFrame | None) -> None:
    """Raise InputError naming every column that the book or its events lack."""
    from jiehuan.units.tables import require_columns

    wanted = ["loan_id", "lender_type", "months", "method", "drawn_on"]
    wanted.append("principal" if "principal_fen" not in book.columns else "principal_fen")
    wanted.append("rate" if "rate_ppm" not in book.columns else "rate_ppm")
    require_columns(book.columns, wanted, "book")
    if events is not None:
        wanted = ["loan_id", "kind"]
        wanted.append("id" if "event_id" not in events.columns else "event_id")
        wanted.append("on" if "effective_on" not in events.columns else "effective_on")
        require_columns(events.columns, wanted, "events")


def batches(frames: Iterator[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The same rows in pieces of about ``rows``."""
    import polars as pl

    held: list[pl.DataFrame] = []
    count = 0
    for frame in frames:
        held.append(frame)
        count += len(frame)
        if count >= rows:
            yield pl.concat(held)
            held, count = [], 0
    if held:
        yield pl.concat(held)
