"""Loans whose day is more than a position tells: folded from all their events, journal and state compared with what is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from jiehuan.flow.closing.positions import Cells
from jiehuan.flow.servicing import Held, load_loans, state_row
from jiehuan.law import law_on
from jiehuan.ledger import provision_entry
from jiehuan.loan.book_cells import fold_part, read_documents
from jiehuan.loan.civil import day_number
from jiehuan.loan.lawful import law_cells
from jiehuan.loan.position import POSITION
from jiehuan.store import tables
from jiehuan.store.journal import allowances, append_many
from jiehuan.store.locks import lock_loans
from jiehuan.store.rows import upsert
from jiehuan.units.errors import JiehuanError, Problem

AT_ONCE = 500


@dataclass(slots=True)
class Folded:
    """``positions`` of the open loans; ``gone``: settled or sold; ``ahead``: their books are past the day, or will change on a
    later one by what is known already; ``refused``: with reasons.
    """

    positions: dict[str, Cells] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    ahead: set[str] = field(default_factory=set)
    refused: dict[str, tuple[Problem, ...]] = field(default_factory=dict)
    changed: int = 0
    entries: int = 0


def fold_loans(
    connection: Connection, loan_ids: Sequence[str], on: date, advance: Callable[[int], None] = lambda steps: None
) -> Folded:
    """Bring loans to the evening of ``on``, some hundreds a transaction. Doing it again changes nothing."""
    found = Folded()
    rest = iter(sorted(loan_ids))
    while part := list(islice(rest, AT_ONCE)):
        with connection.begin():
            _fold(connection, part, on, found)
        advance(len(part))
    return found


def _fold(connection: Connection, part: list[str], on: date, found: Folded) -> None:
    lock_loans(connection, part)
    state = tables.loan_standing
    kept = {
        row["loan_id"]: row for row in connection.execute(select(state).where(state.c.loan_id.in_(part))).mappings()
    }
    booked = allowances(connection, part)
    entries, rows, open_ones = [], [], []
    for held in _loaded(connection, part, found):
        loan_id, row = held.loan_id, kept.get(held.loan_id)
        if row is not None and row["status"] == "sold":
            found.gone.add(loan_id)
            continue
        if held.terms.drawn_on > on:
            found.ahead.add(loan_id)
            continue
        if any(max(event.on, event.known_on) > on for event in held.events):
            found.ahead.add(loan_id)
        try:
            if row is not None and row["as_of"] > on:
                found.ahead.add(loan_id)
            else:
                told = held.state(on)
                posted = list(held.journal(told))
                provision = provision_entry(loan_id, on, booked[loan_id], held.own_provision(told))
                entries.append((loan_id, [*posted, provision] if provision else posted))
                new = state_row(loan_id, told)
                # One that stays waiting is shown as of its own day: the row must come along.
                if row is None or loan_id in found.ahead or any(row[n] != v for n, v in new.items() if n != "as_of"):
                    rows.append(new)
                if told.status == "settled":
                    found.gone.add(loan_id)
                    continue
        except JiehuanError as error:
            found.refused[loan_id] = error.problems
            continue
        open_ones.append(held)
    found.entries += append_many(connection, entries)
    found.changed += upsert(connection, state, rows)
    _keep_positions(open_ones, on, found)


def _loaded(connection: Connection, part: list[str], found: Folded) -> list[Held]:
    """The loans of a batch; one that cannot be read costs itself only."""
    try:
        return list(load_loans(connection, part))
    except JiehuanError as error:
        if len(part) == 1:
            found.refused[part[0]] = error.problems
            return []
    half = len(part) // 2
    return _loaded(connection, part[:half], found) + _loaded(connection, part[half:], found)


def _keep_positions(open_ones: Sequence[Held], on: date, found: Folded) -> None:
    documents: list[tuple[int, dict[str, Any], list[dict[str, Any]]]] = [
        (place, {**held.terms.as_document(), "loan_id": held.loan_id}, [event.as_document() for event in held.events])
        for place, held in enumerate(open_ones)
    ]
    parts, refused = read_documents(documents, on, on, law_on)
    law = np.array(law_cells(on, law_on), dtype=np.int64)
    for one in refused:
        found.refused[one.loan_id] = one.problems
    for part in parts:
        _, verdicts, p = fold_part(part, day_number(on), day_number(on), law, positions=True)
        cells = p.reshape(-1, POSITION)
        for place, (row, verdict) in enumerate(zip(part.rows.tolist(), verdicts.tolist(), strict=True)):
            loan_id = open_ones[row].loan_id
            if verdict:
                problem = Problem(f"loan {loan_id}", "", "its events do not fit", "replay it: jiehuan loan replay")
                found.refused.setdefault(loan_id, (problem,))
            else:
                found.positions[loan_id] = cells[place]
