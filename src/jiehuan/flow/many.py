"""Many repayments at once: the same as taking them one by one (``flow.repay``), at a fraction of the cost.

Payments are taken in chunks, each a transaction, one payment a loan in a chunk. A plain one, of its own day, on a loan that was only
ever repaid in time of its booking, is folded by compiled columns and written by COPY (``store.many``). Every other goes through
``repay`` under a savepoint of its own: what does not fit is refused with its reasons and costs only itself. The same keys again
change nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from jiehuan.flow.many_columns import plain_ones
from jiehuan.flow.repay import Payment, repay
from jiehuan.loan.cores import cores
from jiehuan.store.bulk import is_plain, uncollected
from jiehuan.store.database import Database
from jiehuan.store.many import keep_many, lock_many, look_many
from jiehuan.units.errors import Conflict, JiehuanError, Problem

AT_ONCE = 4_000
"""Payments a transaction."""

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


def repay_many(
    database: Database, payments: Sequence[Payment], on_progress: Callable[[int], None] = lambda steps: None
) -> Many:
    """Take payments in transactions of ``AT_ONCE``, several at a time where there are cores; what became of each.

    Payments of one loan are taken in their order. A chunk that fails as a whole (a key that another request is using, the third
    deadlock) is taken one by one. Raises what the database raises when it is gone; what was committed by then stays, and sending
    the same again takes the rest.
    """
    found = Many()
    for parts in _rounds(payments):
        work = [(part, found) for part in parts]
        if len(work) == 1 or cores() == 1:
            for part, into in work:
                _take_chunk(database, payments, part, into, on_progress)
            continue
        with ThreadPoolExecutor(min(cores(), len(work)), thread_name_prefix="repay") as pool:
            for done in [pool.submit(_take_chunk, database, payments, part, into, on_progress) for part, into in work]:
                done.result()
    return found


def repay_some(connection: Connection, payments: Sequence[Payment], *, columns: bool = True, ours: bool = True) -> Many:
    """The same in the caller's transaction. ``columns``: whether the fast way may be taken; ``ours``: refuse loans that were sold."""
    found = Many()
    slow = list(range(len(payments)))
    if columns and len(payments) >= WORTH_COLUMNS:
        loans, keys = Counter(one.loan_id for one in payments), Counter(one.key for one in payments)
        once = [n for n in slow if loans[payments[n].loan_id] == 1 == keys[payments[n].key]]
        fit = [n for n in once if _is_plain(payments[n])]
        by_day: dict[date, list[int]] = defaultdict(list)
        for n in fit:
            by_day[payments[n].on].append(n)
        lock_many(connection, sorted({payments[n].loan_id for n in fit}))
        with uncollected():
            for places in by_day.values():
                _by_columns(connection, payments, places, found)
        slow = [n for n in slow if n not in found.answers]
    for n in slow:
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
    taken in the order given, round after round.
    """
    rounds: list[list[int]] = []
    next_round: dict[tuple[str, str], int] = {}
    for n, one in enumerate(payments):
        names = ("loan", one.loan_id), ("key", one.key)
        turn = max(next_round.get(name, 0) for name in names)
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(n)
        next_round.update((name, turn + 1) for name in names)
    for places in rounds:
        places.sort(key=lambda n: payments[n].loan_id)
    return [[places[at : at + AT_ONCE] for at in range(0, len(places), AT_ONCE)] for places in rounds]


def _take_chunk(
    database: Database, payments: Sequence[Payment], part: list[int], into: Many, on_progress: Callable[[int], None]
) -> None:
    mine = [payments[n] for n in part]
    try:
        found = database.transact(lambda connection: repay_some(connection, mine))
    except (psycopg.errors.UniqueViolation, DBAPIError, JiehuanError):
        found = database.transact(lambda connection: repay_some(connection, mine, columns=False))
    into.answers.update((part[n], answer) for n, answer in found.answers.items())
    into.refused.update((part[n], problems) for n, problems in found.refused.items())
    into.busy.update(part[n] for n in found.busy)
    into.by_columns += found.by_columns
    on_progress(len(part))


def _is_plain(one: Payment) -> bool:
    return (
        one.known == one.on
        and one.amount_fen > 0
        and is_plain(one.loan_id)
        and is_plain(one.key)
        and (not one.source or is_plain(one.source))
    )


def _by_columns(connection: Connection, payments: Sequence[Payment], places: list[int], found: Many) -> None:
    """Take what fits the fast way, of payments of one day on locked loans."""
    ids = [payments[n].loan_id for n in places]
    loans, events, chains, used, booked_to = look_many(connection, ids, [payments[n].key for n in places])
    on = payments[places[0]].on
    if booked_to is not None and booked_to > on:
        return
    fit = [n for n in places if payments[n].key not in used and _is_simple(payments[n], loans, events, chains)]
    if not fit:
        return
    taken = plain_ones([payments[n] for n in fit], loans, events, chains, on)
    if taken.posts:
        keep_many(connection, taken.kept, taken.posts, chains, taken.states)
    for place, answer in taken.answers.items():
        found.answers[fit[place]] = answer
    found.by_columns += len(taken.answers)


def _is_simple(one: Payment, loans: Any, events: Any, chains: Any) -> bool:
    """Whether nothing but repayments in time of their booking ever happened to a loan, and its books are not past the day."""
    loan = loans.get(one.loan_id)
    if loan is None or not loan.simple or loan.status != "active" or loan.as_of > one.on or one.loan_id not in chains:
        return False
    return all(
        kind == "repayment" and effective == known <= one.on
        for _, kind, effective, known, _ in events.get(one.loan_id, ())
    )
