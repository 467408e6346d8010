"""Many repayments at once: the same as taking them one by one (``flow.repay``), at a fraction of the cost.

Payments are taken in chunks, each a transaction, one payment a loan in a chunk. A plain one, of its own day, on a loan that was only
ever repaid in time of its booking, is folded by compiled columns and written by COPY (``store.many``). Every other goes through
``repay`` under a savepoint of its own: what does not fit is refused with its reasons and costs only itself. The same keys again
change nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from jiehuan.flow.many_columns import plain_ones
from jiehuan.flow.repay import Payment, repay
from jiehuan.loan.cores import cores
from jiehuan.store.bulk import is_plain, uncollected
from jiehuan.store.database import Database
from jiehuan.store.many import Standing, hold_many, keep_many, look_many
from jiehuan.units.errors import Conflict, JiehuanError, Problem

AT_ONCE = 5_000
"""Payments a transaction, at most."""

WORKERS = cores() + 1
"""Chunks at a time: one more than cores, as one of them mostly waits for the interpreter, the server's answer or the disk."""

WORTH_COLUMNS = 100
"""Fewer payments than this are taken one by one: the compiled fold takes longer to load than they take."""


@dataclass(slots=True)
class Many:
    """What became of payments, by their place: the answer of each that was taken, the reasons of each that was refused.

    ``busy``: which of those were refused by a Conflict, not by the loan; ``by_columns``: how many were taken the fast way.
    """

    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    refused: dict[int, tuple[Problem, ...]] = field(default_factory=dict)
    busy: set[int] = field(default_factory=set)
    by_columns: int = 0

    def add(self, places: Sequence[int], part: Many) -> None:
        """Add what became of some of the payments; ``places``: where they stand among all."""
        self.answers.update((places[n], answer) for n, answer in part.answers.items())
        self.refused.update((places[n], problems) for n, problems in part.refused.items())
        self.busy.update(places[n] for n in part.busy)
        self.by_columns += part.by_columns


def repay_many(
    database: Database, payments: Sequence[Payment], on_progress: Callable[[int], None] = lambda steps: None
) -> Many:
    """Take payments in transactions of at most ``AT_ONCE``, ``WORKERS`` at a time; what became of each.

    Payments of one loan are taken in their order. A chunk that fails as a whole (a key that another request is using, the third
    deadlock) is taken one by one. Raises what the database raises when it is gone; what was committed by then stays, and sending
    the same again takes the rest.
    """
    found = Many()
    for parts in _rounds(payments):
        if len(parts) == 1:
            found.add(parts[0], _take_chunk(database, payments, parts[0], on_progress))
            continue
        with ThreadPoolExecutor(min(WORKERS, len(parts)), thread_name_prefix="repay") as pool:
            work = [pool.submit(_take_chunk, database, payments, part, on_progress) for part in parts]
            for part, done in zip(parts, work, strict=True):
                found.add(part, done.result())
    return found


def repay_some(connection: Connection, payments: Sequence[Payment], *, columns: bool = True, ours: bool = True) -> Many:
    """The same in the caller's transaction. ``columns``: whether the fast way may be taken; ``ours``: refuse loans that were sold."""
    found = Many()
    if columns and len(payments) >= WORTH_COLUMNS:
        fit = _plain(payments)
        by_day: dict[date, list[int]] = defaultdict(list)
        for n in fit:
            by_day[payments[n].on].append(n)
        with uncollected():
            held = hold_many(connection, sorted([payments[n].loan_id for n in fit]))
            for places in by_day.values():
                _by_columns(connection, payments, places, held, found)
    for n in range(len(payments)):
        if n in found.answers:
            continue
        one = payments[n]
        try:
            with connection.begin_nested():
                found.answers[n] = repay(
                    connection,
                    one.loan_id,
                    one.amount_fen,
                    one.on,
                    one.key,
                    one.source,
                    known_on=one.known_on,
                    ours=ours,
                )
        except JiehuanError as error:
            found.refused[n] = error.problems
            if isinstance(error, Conflict):
                found.busy.add(n)
    return found


def _rounds(payments: Sequence[Payment]) -> list[list[list[int]]]:
    """Places of payments in rounds of chunks: in a round each loan and each key come once; what has a loan or a key in common is
    taken in the order given, round after round. The chunks of a round are of one size, as many as all workers take at once.
    """
    rounds: list[list[int]] = []
    if len({one.loan_id for one in payments}) == len(payments) == len({one.key for one in payments}):
        rounds.append(list(range(len(payments))))
    else:
        next_round: dict[tuple[str, str], int] = {}
        for n, one in enumerate(payments):
            names = ("loan", one.loan_id), ("key", one.key)
            turn = max(next_round.get(name, 0) for name in names)
            if turn == len(rounds):
                rounds.append([])
            rounds[turn].append(n)
            next_round.update((name, turn + 1) for name in names)
    return [_chunks(sorted(places, key=lambda n: payments[n].loan_id)) for places in rounds]


def _chunks(places: list[int]) -> list[list[int]]:
    if len(places) < 2 * WORTH_COLUMNS:
        return [places]
    count = min(-(-len(places) // (AT_ONCE * WORKERS)) * WORKERS, len(places) // WORTH_COLUMNS)
    ends = [len(places) * n // count for n in range(count + 1)]
    return [places[at:end] for at, end in pairwise(ends) if at < end]


def _take_chunk(
    database: Database, payments: Sequence[Payment], part: list[int], on_progress: Callable[[int], None]
) -> Many:
    mine = [payments[n] for n in part]
    try:
        found = database.transact(lambda connection: repay_some(connection, mine))
    except (psycopg.errors.UniqueViolation, DBAPIError, JiehuanError):
        found = database.transact(lambda connection: repay_some(connection, mine, columns=False))
    on_progress(len(part))
    return found


def _plain(payments: Sequence[Payment]) -> list[int]:
    """Places of payments that columns can take: known on their day, in plain texts, on a loan and under a key that come once."""
    loans, keys = Counter([one.loan_id for one in payments]), Counter([one.key for one in payments])
    once = max(loans.values()) == max(keys.values()) == 1
    plain = is_plain("".join([*loans, *keys, *{one.source for one in payments}])) and "" not in loans and "" not in keys
    return [
        n
        for n, one in enumerate(payments)
        if one.amount_fen > 0
        and (one.known_on is None or one.known_on <= one.on)
        and (once or loans[one.loan_id] == 1 == keys[one.key])
        and (plain or (is_plain(one.loan_id) and is_plain(one.key) and (not one.source or is_plain(one.source))))
    ]


def _by_columns(
    connection: Connection, payments: Sequence[Payment], places: list[int], held: Mapping[str, Standing], found: Many
) -> None:
    """Take what fits the fast way, of payments of one day on locked loans."""
    on = payments[places[0]].on
    loans, events, used, booked_to = look_many(
        connection, [payments[n].loan_id for n in places], [payments[n].key for n in places]
    )
    if booked_to is not None and booked_to > on:
        return
    # Nothing but repayments, each known on its day, may ever have happened to a loan.
    odd = {
        loan_id
        for loan_id, kind, effective, known in zip(
            events.loan_ids, events.kinds, events.effective, events.known, strict=True
        )
        if kind != "repayment" or effective != known or known > on
    }
    fit = [
        n
        for n in places
        if (loan := loans.get(payments[n].loan_id)) is not None
        and loan.bare
        and (stands := held.get(loan.loan_id)) is not None
        and stands.status == "active"
        and stands.as_of <= on
        and payments[n].loan_id not in odd
        and payments[n].key not in used
    ]
    if not fit:
        return
    taken = plain_ones([payments[n] for n in fit], loans, held, events, on)
    for kept in taken.kept:
        keep_many(connection, kept, loans)
    found.answers.update([(fit[place], answer) for place, answer in taken.answers.items()])
    found.by_columns += len(taken.answers)
