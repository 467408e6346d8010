"""A book of loans and its events, from tables to the cells that the compiled fold reads.

Most rows are plain and are turned into cells by whole columns. A row that is not (a sculpted plan, fees, a
restructuring, anything that does not parse) goes through the same readers as a single loan, which accept it or say what
is wrong with it. So a bad row costs itself and nothing else, and its reason is as good as a single loan's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from jiehuan.law import law_on
from jiehuan.law.rule import LENDER_TYPES
from jiehuan.loan.amortise import BULLET, ROW
from jiehuan.loan.book_columns import day_column, day_of_month, month_later, scaled_column
from jiehuan.loan.book_rows import row_document, row_events
from jiehuan.loan.cells import Cells, add_loan
from jiehuan.loan.civil import day_number, day_of
from jiehuan.loan.compiled import compiled
from jiehuan.loan.cores import on_all_cores
from jiehuan.loan.events import KINDS, MODES, read_events
from jiehuan.loan.lawful import LawOn, cost_cap_ppm, law_cells
from jiehuan.loan.layout import EVENT, LOAN, MOVE, OUT, PLAN, STATE
from jiehuan.loan.position import POSITION
from jiehuan.loan.replay import settled_cash
from jiehuan.loan.terms import (
    LAST_DAY,
    MAX_MONTHS,
    MAX_PRINCIPAL_FEN,
    METHODS,
    PARTS,
    default_calendar,
    read_terms,
)
from jiehuan.units.calendar import is_working_day, known_years
from jiehuan.units.errors import JiehuanError, Problem
from jiehuan.units.rates import MAX_CONTRACT_RATE_PPM

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Cell = npt.NDArray[np.int64]

_FULL_YEAR = 366
_ODD = ("fees", "cashflow", "allocation", "allocate_by", "compound", "tolerance", "events")
"""Columns whose presence in a row sends it through the readers of a single loan."""


@dataclass(slots=True)
class BookCells:
    """Loans as arrays of cells (``layout``). ``rows``: each loan's place in the table; ``spans`` as
    ``fold_book`` reads them. ``event_rows``: each event's place in the table of events, or -1 where ``names`` names it.
    """

    rows: Cell
    loans: Cell
    plans: Cell
    flows: Cell
    fees: Cell
    events: Cell
    event_rows: Cell
    spans: Cell
    room: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedLoan:
    """A loan that a book cannot carry: its place in the table (-1: not in it), its id and what is wrong."""

    row: int
    loan_id: str
    problems: tuple[Problem, ...]


def read_book(
    book: pl.DataFrame, events: pl.DataFrame | None, on: date, known_by: date, law: LawOn = law_on
) -> tuple[list[BookCells], list[RefusedLoan]]:
    """Turn a table of loans, and one of their events (only those of these loans count), into cells.

    Columns of ``book``: loan_id, lender_type, principal_fen or principal, rate_ppm or rate, months, method, drawn_on,
    and any optional key of the ``loan replay`` document (nested values as JSON text). Of ``events``: loan_id, id, on,
    kind, and what the kind needs, amounts as amount_fen or amount. Returns parts to fold, and the loans that were
    refused with reasons.
    """
    import numpy as np
    import polars as pl

    book = book.with_row_index("__row").with_columns(pl.col("loan_id").cast(pl.String))
    named = (book["loan_id"].is_not_null() & book["loan_id"].is_first_distinct()).to_numpy()
    refused = [unnamed(*row) for row in book.filter(pl.Series(~named)).select("__row", "loan_id").iter_rows()]
    plain, plans = _plain_loans(book, law)
    mine = _own_events(book.filter(pl.Series(named)), events)
    odd_rows, columns = _plain_events(mine)
    plain[odd_rows] = False
    plain &= named
    parts: list[BookCells] = []
    if plain.any():
        parts.append(_by_columns(plain, plans, columns))
    odd = ~plain & named
    if odd.any():
        histories = row_events(mine, np.flatnonzero(odd))
        rows = book.filter(pl.Series(odd)).iter_rows(named=True)
        part, bad = read_documents(
            ((int(row["__row"]), row_document(row), histories.get(int(row["__row"]), [])) for row in rows),
            on,
            known_by,
            law,
        )
        parts += part
        refused += bad
    return parts, refused


def unnamed(row: int, loan_id: str | None) -> RefusedLoan:
    """The loan in a row (from 0) of a book whose id is missing (None) or is that of a row before."""
    where, reason = f"book row {row + 1}, loan_id", "missing" if loan_id is None else "used twice"
    return RefusedLoan(row, loan_id or "", (Problem(where, loan_id or "", reason, "give each loan its own id"),))


def read_documents(
    documents: Iterable[tuple[int, Mapping[str, Any], Sequence[Mapping[str, Any]]]],
    on: date,
    known_by: date,
    law: LawOn = law_on,
) -> tuple[list[BookCells], list[RefusedLoan]]:
    """Turn (row, ``loan replay`` document, events) into cells, one loan at a time through the readers of a single
    loan."""
    import numpy as np

    cells = Cells()
    rows: list[int] = []
    names: list[str] = []
    refused: list[RefusedLoan] = []
    knowledge = day_number(known_by)
    for row, document, events in documents:
        loan_id = str(document.get("loan_id") or f"row {row + 1}")
        try:
            terms = read_terms(document, f"loan {loan_id}")
            history = read_events(events, f"loan {loan_id}, event")
            cash: dict[int, int] = {}
            if any(event.kind == "settlement" and event.amount_fen is None for event in history):
                alone = Cells()
                add_loan(alone, terms, history, law, on, known_by)
                cash = settled_cash(alone, history, day_number(on), knowledge, law_cells(on, law, (terms.lender_type,)))
            first = len(cells.events) // EVENT
            add_loan(cells, terms, history, law, on, known_by)
        except JiehuanError as error:
            refused.append(RefusedLoan(row, loan_id, error.problems))
            continue
        for place, amount in cash.items():
            cells.events[(first + place) * EVENT + 3] = amount
        rows.append(row)
        names += [event.id for event in history]
    if not rows:
        return [], refused
    part = BookCells(
        rows=np.array(rows, dtype=np.int64),
        loans=_array(cells.loans),
        plans=_array(cells.plans),
        flows=_array(cells.flows),
        fees=_array(cells.fees),
        events=_array(cells.events),
        event_rows=np.full(len(cells.events) // EVENT, -1, dtype=np.int64),
        spans=np.array([*(first for first, _ in cells.spans), len(cells.events) // EVENT], dtype=np.int64),
        room=max(cells.room) + 1,
        names=tuple(names),
    )
    return [part], refused


def _array(numbers: list[int]) -> Cell:
    """Cells as an array; never empty, as compiled code may not be handed an array without a first cell."""
    import numpy as np

    return np.array(numbers or [0], dtype=np.int64)


def _plain_loans(book: pl.DataFrame, law: LawOn) -> tuple[npt.NDArray[np.bool_], dict[str, Cell]]:
    """Which rows are plain loans by the book, and their numbers as columns."""
    import numpy as np
    import polars as pl

    count = len(book)
    plain = np.ones(count, dtype=bool)

    def column(name: str, other: str, scale: int, default: int | None, most: int) -> Cell:
        numbers, good = scaled_column(book, name, other, scale, default)
        plain[~good | (numbers > most)] = False
        return numbers

    def coded(name: str, words: Sequence[str], default: Cell | None = None) -> Cell:
        if name not in book.columns:
            if default is None:
                plain[:] = False
                return np.zeros(count, dtype=np.int64)
            return default
        codes = {word: place for place, word in enumerate(words)}
        series = book[name].cast(pl.String, strict=False)
        found = series.replace_strict(codes, default=-1, return_dtype=pl.Int64)
        numbers: Cell = found.fill_null(-1).to_numpy().copy()
        if default is not None:
            empty = series.is_null().to_numpy()
            numbers[empty] = default[empty]
        plain[numbers < 0] = False
        numbers[numbers < 0] = 0
        return numbers

    lender = coded("lender_type", LENDER_TYPES)
    method = coded("method", METHODS)
    principal = column("principal_fen", "principal", 100, None, MAX_PRINCIPAL_FEN)
    rate = column("rate_ppm", "rate", 1_000_000, None, MAX_CONTRACT_RATE_PPM)
    months = column("months", "", 1, None, MAX_MONTHS)
    uplift = column("penalty_uplift_ppm", "penalty_uplift", 1_000_000, 0, 10_000_000)
    drawn, drawn_good = day_column(book, "drawn_on")
    plain &= drawn_good & (principal >= 1) & (months >= 1) & (METHODS.index("sculpted") != method)
    for name in _ODD:
        if name in book.columns:
            plain &= book[name].is_null().to_numpy()
    own = np.array([int(default_calendar(name) == "cn") for name in LENDER_TYPES], dtype=np.int64)
    calendar = coded("calendar", ("none", "cn"), own[lender])

    default_due = month_later(drawn)
    first_due = default_due.copy()
    if "first_due" in book.columns:
        stated, stated_good = day_column(book, "first_due")
        empty = book["first_due"].is_null().to_numpy()
        plain &= stated_good | empty
        first_due = np.where(empty | ~stated_good, default_due, stated)
        plain &= (first_due > drawn) & (first_due <= drawn + _FULL_YEAR - 1)
    cap, most_uplift = _caps(lender, drawn, law)
    plain &= (rate <= cap) & (uplift <= most_uplift)
    limit = np.where(cap < _NO_CAP, np.maximum(cap, rate), _NO_CAP) * 1_000_000
    numerator = np.minimum(rate * (1_000_000 + uplift), limit)
    denominator = 365 * 10**12
    shared = np.gcd(numerator, denominator)
    regular = first_due == default_due
    anchor = np.where(regular, day_of_month(drawn), day_of_month(first_due))
    return plain, {
        "principal": principal, "lender": lender, "calendar": calendar, "rate": rate, "months": months, "method": method,
        "drawn": drawn, "first_due": first_due, "anchor": anchor, "regular": regular.astype(np.int64),
        "numerator": numerator // shared, "denominator": denominator // shared,
    }  # fmt: skip


_NO_CAP = 10**12


def _caps(lender: Cell, drawn: Cell, law: LawOn) -> tuple[Cell, Cell]:
    """The cap on cost and the highest uplift of each loan, by its lender and the day it was drawn."""
    import numpy as np

    keys, places = np.unique(lender * 10**6 + drawn, return_inverse=True)
    caps, uplifts = [], []
    for key in keys.tolist():
        name, on = LENDER_TYPES[key // 10**6], day_of(key % 10**6)
        found = cost_cap_ppm(name, on, law)
        caps.append(found[0] if found else _NO_CAP)
        allowed = law(on, name).rule("penalty_uplift_range")
        uplifts.append(int(allowed.value["high"]) if allowed else _NO_CAP)
    return np.array(caps, dtype=np.int64)[places], np.array(uplifts, dtype=np.int64)[places]


def _own_events(book: pl.DataFrame, events: pl.DataFrame | None) -> pl.DataFrame | None:
    """The events of these loans, loan by loan in the order given, with the loan's row and each event's own place."""
    import polars as pl

    if events is None or not len(events):
        return None
    keys = book.select(pl.col("loan_id").cast(pl.String), "__row")
    joined = events.with_columns(pl.col("loan_id").cast(pl.String)).with_row_index("__event")
    joined = joined.join(keys, on="loan_id", how="inner").sort("__row", "__event")
    return joined.with_columns(pl.int_range(pl.len()).over("__row").alias("__place"))


def _plain_events(mine: pl.DataFrame | None) -> tuple[Cell, dict[str, Cell]]:
    """The rows of loans with an event that needs the reader of a single loan, and the events' numbers as columns."""
    import numpy as np
    import polars as pl

    if mine is None or not len(mine):
        empty = np.zeros(0, dtype=np.int64)
        return empty, {}
    count = len(mine)
    rows = mine["__row"].cast(pl.Int64).to_numpy()
    good = np.ones(count, dtype=bool)

    def coded(name: str, words: Sequence[str]) -> Cell:
        if name not in mine.columns:
            return np.full(count, -1, dtype=np.int64)
        codes = {word: place for place, word in enumerate(words)}
        series = mine[name].cast(pl.String, strict=False)
        return series.replace_strict(codes, default=-1, return_dtype=pl.Int64).fill_null(-1).to_numpy()

    kind = coded("kind", KINDS)
    good &= (kind >= 0) & (kind != KINDS.index("restructure"))
    on, on_good = day_column(mine, "on" if "on" in mine.columns else "effective_on")
    good &= on_good
    known = on
    if "known_on" in mine.columns:
        stated, stated_good = day_column(mine, "known_on")
        empty = mine["known_on"].is_null().to_numpy()
        good &= stated_good | empty
        known = np.where(empty, on, stated)
    amount, amount_good = scaled_column(mine, "amount_fen", "amount", 100, -1)
    needs = np.isin(kind, [KINDS.index(name) for name in ("repayment", "prepayment", "waiver", "recovery", "refund")])
    settles = kind == KINDS.index("settlement")
    good &= ~needs | (amount_good & (amount >= 1) & (amount <= MAX_PRINCIPAL_FEN))
    good &= ~settles | (amount_good & ((amount == -1) | ((amount >= 1) & (amount <= MAX_PRINCIPAL_FEN))))
    mode, part = coded("mode", MODES), coded("part", PARTS)
    good &= (kind != KINDS.index("prepayment")) | (mode >= 0)
    good &= (kind != KINDS.index("waiver")) | (part >= 0)
    extra = np.where(kind == KINDS.index("prepayment"), mode, np.where(kind == KINDS.index("waiver"), part, 0))

    ids = mine.select("__row", pl.col("id" if "id" in mine.columns else "event_id").cast(pl.String).alias("__id"))
    good &= ~(ids.is_duplicated() | ids["__id"].is_null()).to_numpy()
    target = np.full(count, -1, dtype=np.int64)
    reverses = kind == KINDS.index("reversal")
    if reverses.any() and "of" in mine.columns:
        good &= ~reverses | ~mine["of"].is_null().to_numpy()
        places = ids.with_columns(mine["__place"]).unique(["__row", "__id"], keep="first")
        wanted = mine.select("__row", pl.col("of").cast(pl.String).alias("__id"))
        joined = wanted.join(places, on=["__row", "__id"], how="left", maintain_order="left")
        target = np.where(reverses, joined["__place"].fill_null(-1).to_numpy(), -1)
    elif reverses.any():
        good &= ~reverses
    # A settlement that states no cash, with something known only later: its cash is what was asked then.
    bare = settles & (amount == -1)
    if bare.any():
        latest = mine.select(pl.lit(pl.Series(known)).max().over("__row").alias("latest"))["latest"].to_numpy()
        good &= ~(bare & (latest > known))
    odd = np.unique(rows[~good])
    cells = np.zeros((count, EVENT), dtype=np.int64)
    cells[:, 0], cells[:, 1], cells[:, 2], cells[:, 3] = on, known, kind, np.where(needs | settles, amount, -1)
    cells[:, 4], cells[:, 5], cells[:, 6] = target, extra, -1
    return odd, {"rows": rows, "cells": cells, "event_rows": mine["__event"].cast(pl.Int64).to_numpy()}


def _by_columns(plain: npt.NDArray[np.bool_], columns: dict[str, Cell], events: dict[str, Cell]) -> BookCells:
    """The plain loans of a table as cells."""
    import numpy as np

    rows = np.flatnonzero(plain)
    count = len(rows)
    plans = np.zeros((count, PLAN), dtype=np.int64)
    names = ("rate", "months", "method", "drawn", "first_due", "anchor", "regular", "numerator", "denominator")
    for cell, name in enumerate(names):
        plans[:, cell] = columns[name][rows]
    loans = np.zeros((count, LOAN), dtype=np.int64)
    loans[:, 0], loans[:, 1], loans[:, 2] = columns["principal"][rows], columns["lender"][rows], np.arange(count)
    loans[:, 5] = columns["calendar"][rows]
    loans[:, 6] = sum(place << (2 * place) for place in range(4))
    spans = np.zeros(count + 1, dtype=np.int64)
    cells, event_rows, most = np.zeros(EVENT, dtype=np.int64), np.zeros(0, dtype=np.int64), 0
    if events:
        keep = plain[events["rows"]]
        cells, event_rows = events["cells"][keep].reshape(-1), events["event_rows"][keep]
        held = np.bincount(events["rows"][keep], minlength=len(plain))[rows]
        np.cumsum(held, out=spans[1:])
        most = int(held.max()) if count else 0
    if not len(cells):
        cells = np.zeros(EVENT, dtype=np.int64)
    nothing = np.zeros(1, dtype=np.int64)
    longest = int(np.where(plans[:, 2] == BULLET, 1, plans[:, 1]).max()) if count else 1
    return BookCells(
        rows, loans.reshape(-1), plans.reshape(-1), nothing, nothing, cells, event_rows, spans, longest + 2 * most + 3
    )


def fold_part(
    part: BookCells, on: int, known_by: int, law: Cell, *, positions: bool = False
) -> tuple[Cell, Cell, Cell]:
    """Fold a part on all cores: its lines (OUT cells a loan), refusals (``fold_book``) and, when asked for, positions."""
    import numpy as np

    count = len(part.rows)
    out = np.zeros(count * OUT, dtype=np.int64)
    refused = np.zeros(count, dtype=np.int64)
    p = np.zeros(count * POSITION if positions else 0, dtype=np.int64)
    longest = int(np.diff(part.spans).max()) if count else 0
    run, shift = compiled("fold_book"), shift_table()

    def work(low: int, high: int) -> None:
        s = np.zeros(STATE, dtype=np.int64)
        rows = np.zeros((part.room + 1) * ROW, dtype=np.int64)
        order = np.zeros(max(2 * longest, 2), dtype=np.int64)
        moves = np.zeros(0, dtype=np.int64)
        run(
            low, high, part.loans, part.plans, part.flows, part.fees, part.events, part.spans, on, known_by, law, shift, out,
            refused, p, s, rows, order, moves,
        )  # fmt: skip

    on_all_cores(work, count, 8_192)
    return out, refused, p


def fold_part_moves(part: BookCells, on: int, law: Cell) -> tuple[Cell, Cell, Cell, Cell]:
    """Fold a part by what is known on ``on``, on one core, and keep what moved: its lines, refusals, movements (MOVE cells each)
    and where each loan's begin (one more than loans), as ``fold_moves`` says.
    """
    import numpy as np

    count = len(part.rows)
    longest = int(np.diff(part.spans).max()) if count else 0
    most = 4 * longest + 6 * (part.room + 1) + 3 * (len(part.fees) // 3) + 1
    out, refused = np.zeros(count * OUT, dtype=np.int64), np.zeros(count, dtype=np.int64)
    moved = np.zeros(count * MOVE * (part.room + 2 * longest + 4), dtype=np.int64)
    starts = np.zeros(count + 1, dtype=np.int64)
    compiled("fold_moves")(
        0, count, part.loans, part.plans, part.flows, part.fees, part.events, part.spans, on, on, law, shift_table(), out, refused,
        moved, starts, np.zeros(STATE, dtype=np.int64), np.zeros((part.room + 1) * ROW, dtype=np.int64),
        np.zeros(max(2 * longest, 2), dtype=np.int64), np.zeros(MOVE * most, dtype=np.int64),
    )  # fmt: skip
    return out.reshape(-1, OUT), refused, moved[: starts[-1] * MOVE].reshape(-1, MOVE), starts


@cache
def shift_table() -> npt.NDArray[np.int8]:
    """``shift[day]`` for all days this system counts: how many days a due day moves to the next working day."""
    import numpy as np

    last = day_number(LAST_DAY) + 52 * 366
    weekday = (np.arange(last + 1) + day_of(0).weekday()) % 7
    table = np.where(weekday > 4, 7 - weekday, 0).astype(np.int8)
    years = known_years()  # beyond them only weekends are free
    first, end = day_number(date(years[0], 1, 1)), day_number(date(years[-1] + 1, 1, 31))
    ahead = int(table[end])
    for day in range(end - 1, first - 31, -1):
        ahead = 0 if is_working_day(day_of(day)) else ahead + 1
        table[day] = ahead
    return table
