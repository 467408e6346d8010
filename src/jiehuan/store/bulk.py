"""Entries by the thousand: the same rows and the same hash chain as ``journal.chained`` makes, as text for COPY.

For the day end and for files of repayments, whose entries are plain: they undo nothing, and every text in them is made of letters,
digits and a few signs, so that it stands in JSON and in COPY as it is (``is_plain``). Other loans take the way of ``journal``.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, NamedTuple

import psycopg

from jiehuan.store.chain import first_hash

_PLAIN = re.compile(r"[A-Za-z0-9_.:\-]+\Z", re.ASCII)


class Slim(NamedTuple):
    """An entry that undoes nothing. Days are ISO texts; ``lines``: (account, debit fen, credit fen)."""

    entry_id: str
    movement_id: str
    event_id: str
    kind: str
    effective: str
    known: str
    lines: Sequence[tuple[str, int, int]]


class End(NamedTuple):
    """Where a stored chain ends; ``known`` as an ISO text."""

    n: int
    hash: bytes
    known: str


def is_plain(said: str) -> bool:
    """Whether a text stands in JSON and in COPY as it is."""
    return _PLAIN.match(said) is not None


def slim_id(*parts: object) -> str:
    """``ledger.entry_id``, on the short way.

    >>> slim_id("ln_1", "draw", 0)
    'en_a8fefdd65ca3af42f5c1041eb1'
    """
    return "en_" + sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:26]


def ends_of(driver: psycopg.Connection[Any], loan_ids: Sequence[str]) -> dict[str, End]:
    """Where the chains of loans (plain ids) end; loans without entries are not in it. The caller holds their locks."""
    with driver.cursor(binary=True) as cursor:
        cursor.execute(_ENDS, (",".join(loan_ids),))
        return {loan_id: End(n, last, known.isoformat()) for loan_id, n, last, known in cursor}


def chain_texts(posts: Iterable[tuple[str, Sequence[Slim]]], ends: Mapping[str, End]) -> list[str]:
    """Rows of ``entry`` as COPY reads them, in the order of ``posts``, for loans that end in ``ends``."""
    entries: list[str] = []
    for loan_id, added in posts:
        end = ends.get(loan_id)
        n, previous, last_known = end if end is not None else (-1, first_hash(loan_id), "")
        for entry_id, movement_id, event_id, kind, effective, known, moved in added:
            n += 1
            if known < last_known:
                known = last_known  # it enters the books today, whatever day it speaks of
            last_known = known
            said = ",".join([f'["{account}",{debit},{credit}]' for account, debit, credit in moved])
            text = f'[{n},"{entry_id}","{loan_id}","{movement_id}","{event_id}","{kind}","{effective}","{known}","",[{said}]]'
            previous = sha256(previous + text.encode()).digest()
            accounts, amounts = [line[0] for line in moved], [str(line[1] - line[2]) for line in moved]
            entries.append(
                f"{entry_id}\t{loan_id}\t{n}\t{movement_id}\t{event_id or NULL}\t{kind}\t{effective}\t{known}"
                f"\t\\\\x{previous.hex()}\t{{{','.join(accounts)}}}\t{{{','.join(amounts)}}}\n"
            )
    return entries


def copy_entries(driver: psycopg.Connection[Any], entries: Sequence[str]) -> None:
    """Write what ``chain_texts`` made."""
    copy_text(driver, _INTO_ENTRY, "".join(entries))


def copy_text(driver: psycopg.Connection[Any], into: str, rows: str | bytes) -> None:
    """COPY rows that are ready as text into ``table (columns)``."""
    if rows:
        with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
            copy.write(rows)


@contextmanager
def uncollected() -> Iterator[None]:
    """Do not look for cycles among some hundred thousand new tuples of which none is in one: it doubles the time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


NULL = "\\N"
_ENDS = (
    "SELECT e.loan_id, e.n, e.hash, e.known FROM unnest(string_to_array(%s, ',')) AS wanted (loan_id)"
    " CROSS JOIN LATERAL (SELECT * FROM entry WHERE entry.loan_id = wanted.loan_id ORDER BY n DESC LIMIT 1) AS e"
)
_INTO_ENTRY = "entry (entry_id, loan_id, n, movement_id, event_id, kind, effective, known, hash, accounts, amounts)"
