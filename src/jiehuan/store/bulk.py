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
from typing import Any, NamedTuple, Protocol

import polars as pl
import psycopg

from jiehuan.store.chain import first_hash

_PLAIN = re.compile(r"[A-Za-z0-9_.:\-]+\Z", re.ASCII)


class Told(NamedTuple):
    """The lines of an entry as texts: as they are hashed, and as COPY reads the columns ``accounts`` and ``amounts``."""

    said: str
    accounts: str
    amounts: str


class Slim(NamedTuple):
    """An entry that undoes nothing. Days are ISO texts."""

    entry_id: str
    movement_id: str
    event_id: str
    kind: str
    effective: str
    known: str
    lines: Told


def tell(lines: Iterable[tuple[str, int, int]]) -> Told:
    """Lines (account, debit fen, credit fen) as texts.

    >>> tell([("cash", 5, 0), ("loan_principal", 0, 5)])
    Told(said='["cash",5,0],["loan_principal",0,5]', accounts='{cash,loan_principal}', amounts='{5,-5}')
    """
    accounts, debits, credits = zip(*lines, strict=True)
    said = ",".join(
        [f'["{name}",{debit},{credit}]' for name, debit, credit in zip(accounts, debits, credits, strict=True)]
    )
    amounts = ",".join([str(up - down) for up, down in zip(debits, credits, strict=True)])
    return Told(said, f"{{{','.join(accounts)}}}", f"{{{amounts}}}")


def tell_two(debit: str, credit: str, fen: int) -> Told:
    """The lines of most entries: an amount from one account to another."""
    return Told(f'["{debit}",{fen},0],["{credit}",0,{fen}]', f"{{{debit},{credit}}}", f"{{{fen},-{fen}}}")


class End(NamedTuple):
    """Where a stored chain ends; ``known`` as an ISO text."""

    n: int
    hash: bytes
    known: str


class Ends(Protocol):
    """What says where a stored chain ends: an ``End``, or a row that has its columns among others."""

    @property
    def n(self) -> int:
        """The place of the last entry."""

    @property
    def hash(self) -> bytes:
        """Its hash."""

    @property
    def known(self) -> str:
        """When it entered the books, as an ISO text."""


def is_plain(said: str) -> bool:
    """Whether a text stands in JSON and in COPY as it is."""
    return _PLAIN.match(said) is not None


def slim_id(*parts: object) -> str:
    """``ledger.entry_id``, on the short way.

    >>> slim_id("ln_1", "draw", 0)
    'en_a8fefdd65ca3af42f5c1041eb1'
    """
    return _id_of("\x1f".join(map(str, parts)))


def slim_ids(named: pl.DataFrame) -> list[str]:
    """``slim_id(loan_id, movement_id, 0)`` of each row.

    >>> slim_ids(pl.DataFrame({"loan_id": ["ln_1"], "movement_id": ["draw"]}))
    ['en_a8fefdd65ca3af42f5c1041eb1']
    """
    texts = named.select(pl.format("{}\x1f{}\x1f0", "loan_id", "movement_id")).to_series().to_list()
    return list(map(_id_of, texts))


def _id_of(text: str) -> str:
    return "en_" + sha256(text.encode()).hexdigest()[:26]


def ends_of(driver: psycopg.Connection[Any], loan_ids: Sequence[str]) -> dict[str, End]:
    """Where the chains of loans (plain ids) end; loans without entries are not in it. The caller holds their locks."""
    with driver.cursor(binary=True) as cursor:
        cursor.execute(_ENDS, (",".join(loan_ids),))
        return {loan_id: End(n, last, known.isoformat()) for loan_id, n, last, known in cursor}


def added(posts: Iterable[tuple[str, Sequence[Slim]]]) -> pl.DataFrame:
    """Entries of loans as the table that ``chained_rows`` takes, in the order of ``posts``."""
    rows = [(loan_id, *entry[:6], *entry.lines) for loan_id, entries in posts for entry in entries]
    columns = zip(*rows, strict=True) if rows else [()] * len(ADDED)
    return pl.DataFrame([pl.Series(name, column, pl.String) for name, column in zip(ADDED, columns, strict=True)])


def chained_rows(entries: pl.DataFrame, ends: Mapping[str, Ends]) -> bytes:
    """Rows of ``entry`` as COPY reads them, for loans whose chains end in ``ends``.

    ``entries``: columns ``ADDED``, all of them texts; the rows of a loan follow each other in the order of its chain.
    """
    if not len(entries):
        return b""
    owner = entries["loan_id"].rle_id()
    first = owner != owner.shift(1, fill_value=0xFFFFFFFF)
    heads = [ends.get(loan_id) or End(-1, first_hash(loan_id), "") for loan_id in entries["loan_id"].filter(first)]
    place = pl.int_range(len(entries), eager=True) - first.arg_true().cast(pl.Int64).gather(owner)
    entries = entries.with_columns(
        (pl.Series([head.n for head in heads]).gather(owner) + 1 + place).alias("n"),
        _in_order(entries["known"], first, pl.Series([head.known for head in heads]).gather(owner)),
    )
    said = pl.format('[{},"{}","{}","{}","{}","{}","{}","{}","",[{}]]', "n", *ADDED[1::-1], *ADDED[2:8])
    links: list[bytes] = []
    before, starts = b"", iter(heads)
    for begins, text in zip(first.to_list(), entries.select(said).to_series().to_list(), strict=True):
        before = sha256((next(starts).hash if begins else before) + text.encode()).digest()
        links.append(before)
    hashes = pl.Series(links, dtype=pl.Binary).bin.encode("hex")
    event = pl.when(pl.col("event_id") == "").then(pl.lit(NULL)).otherwise("event_id")
    rows = entries.with_columns(event.alias("event_id"), pl.concat_str(pl.lit(r"\\x"), hashes).alias("hash"))
    return rows.select(_WRITTEN).write_csv(include_header=False, separator="\t", quote_style="never").encode()


def _in_order(known: pl.Series, first: pl.Series, last: pl.Series) -> pl.Series:
    """When entries enter the books: not before the one before them, whatever day they speak of."""
    if not ((known < last) | ((known < known.shift(1)) & ~first)).any():
        return known
    found: list[str] = []
    for begins, day, end in zip(first.to_list(), known.to_list(), last.to_list(), strict=True):
        found.append(max(day, end if begins else found[-1]))
    return pl.Series("known", found)


def copy_entries(driver: psycopg.Connection[Any], rows: bytes) -> None:
    """Write what ``chained_rows`` made."""
    copy_text(driver, f"entry ({', '.join(_WRITTEN)})", rows)


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
ADDED = ("loan_id", "entry_id", "movement_id", "event_id", "kind", "effective", "known", "said", "accounts", "amounts")
"""Columns of entries to be added: what ``Slim`` says."""

_WRITTEN = (
    "entry_id",
    "loan_id",
    "n",
    "movement_id",
    "event_id",
    "kind",
    "effective",
    "known",
    "hash",
    "accounts",
    "amounts",
)
_ENDS = (
    "SELECT e.loan_id, e.n, e.hash, e.known FROM unnest(string_to_array(%s, ',')) AS wanted (loan_id)"
    " CROSS JOIN LATERAL (SELECT * FROM entry WHERE entry.loan_id = wanted.loan_id ORDER BY n DESC LIMIT 1) AS e"
)
