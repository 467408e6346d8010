"""The journal as stored: entries balance, chains are whole, seals stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text

from jiehuan.ledger import chart
from jiehuan.store.audit.tally import Audit, Finding, Tally, finding
from jiehuan.store.chain import entry_hash, first_hash, merkle_root
from jiehuan.store.journal import entry_of
from jiehuan.store.seal import Seal, read_seal_file, seal_file, seals
from jiehuan.units.errors import Problem
from jiehuan.units.money import format_yuan


def check_entries(audit: Audit) -> Iterator[Finding]:
    """Debits equal credits in every entry, on the balance sheet and in memo apart, and in total; no line stands alone."""
    tally = Tally()
    memo = [one.name for one in chart().values() if one.type == "memo"]
    known = list(chart())
    row = audit.connection.execute(_TOTALS, {"memo": memo}).one()
    tally.look(things=row.entries)
    for found in audit.connection.execute(_WRONG, {"memo": memo, "known": known}):
        over = format_yuan(int(found.sheet or found.memo))
        tally.look([Problem(f"entry {found.entry_id}", over, found.reason)], things=0)
    yield finding("entries_balance", "每笔分录借贷相等", "debits equal credits in every entry", tally)
    total = Tally()
    total.look(things=row.lines)
    for name, over in (("balance sheet and income", row.sheet), ("memo accounts", row.memo)):
        if over:
            total.look([Problem(name, format_yuan(int(over)), "debits and credits differ in total")], things=0)
    yield finding("trial_balance", "试算平衡", "debits equal credits in total", total)


def check_chain(audit: Audit) -> Iterator[Finding]:
    """Each entry's hash is that of what the entry says after all that stands before it; no place in a chain is empty."""
    tally = Tally()
    owner, n, previous = "", -1, b""
    for row in audit.connection.execute(_CHAIN):
        if (row.loan_id or row.held_id) != owner:
            owner = row.loan_id or row.held_id
            n, previous = -1, first_hash(owner)
        n += 1
        tally.look(_link(row, n, previous))
        n, previous = row.n, bytes(row.hash)
    yield finding("hash_chain", "分录哈希链完整", "the hash chain of every loan is whole", tally)


def check_seals(audit: Audit) -> Iterator[Finding]:
    """The root of each seal follows from its entries, and the file outside the database says the same."""
    tally = Tally()
    path = seal_file(audit.home)
    inside = list(seals(audit.connection))
    outside, problems = read_seal_file(path)
    tally.look(problems, things=0)
    said = {seal.seal_id: seal for seal in outside}
    known = {seal.seal_id for seal in inside}
    last = 0
    for seal in inside:
        hashes = audit.connection.execute(_SEALED, {"after": last, "to": seal.last_seq}).scalars()
        leaves = [bytes(one) for one in hashes]
        tally.look(_seal(seal, leaves, said.get(seal.seal_id), str(path)))
        last = seal.last_seq
    gone = [seal for seal in outside if seal.seal_id not in known]
    tally.look(
        [
            Problem(f"seal {s.seal_id} of {s.on}", str(path), "stands in the file, but not in the database")
            for s in gone
        ],
        things=0,
    )
    yield finding(
        "seals", "日终封存与库外封存文件一致", "seals follow from their entries and agree with the file outside", tally
    )


def _link(row: Any, n: int, previous: bytes) -> Iterator[Problem]:
    place = f"entry {row.entry_id}, place {row.n} of {row.loan_id or row.held_id}"
    mend = "restore the journal from a backup, or find who changed it"
    if row.n != n:
        yield Problem(place, str(n), "an entry is missing before it", mend)
    elif bytes(row.hash) != entry_hash(previous, n, entry_of(row)):
        reason = "says something else than when it was written, or does not follow the entry before it"
        yield Problem(place, bytes(row.hash).hex()[:16], reason, mend)


def _seal(seal: Seal, leaves: list[bytes], said: Seal | None, path: str) -> Iterator[Problem]:
    place = f"seal {seal.seal_id} of {seal.on}"
    if len(leaves) != seal.entries or merkle_root(leaves) != seal.root:
        yield Problem(place, f"{len(leaves)} entries", f"does not follow from its entries (sealed: {seal.entries})")
    if said is None:
        yield Problem(
            place, path, "is missing in the file outside the database", "seal again: it writes what is missing"
        )
    elif said != seal:
        yield Problem(place, path, "says something else in the file outside the database")


_BY_ENTRY = (
    "SELECT e.entry_id, told.* FROM entry e CROSS JOIN LATERAL (SELECT count(*) AS lines,"
    " coalesce(sum(amount) FILTER (WHERE NOT split_part(account, ':', 1) = ANY(:memo)), 0) AS sheet,"
    " coalesce(sum(amount) FILTER (WHERE split_part(account, ':', 1) = ANY(:memo)), 0) AS memo"
    " FROM unnest(e.accounts, e.amounts) AS l (account, amount)) told"
)
_TOTALS = text(
    f"SELECT count(*) AS entries, coalesce(sum(lines), 0) AS lines, sum(sheet) AS sheet, sum(memo) AS memo FROM ({_BY_ENTRY}) one"  # noqa: S608
)
_WRONG = text(
    f"SELECT entry_id, sheet, memo, CASE WHEN lines = 0 THEN 'has no lines' ELSE 'debits and credits differ' END AS reason"  # noqa: S608
    f" FROM ({_BY_ENTRY}) one WHERE lines = 0 OR sheet <> 0 OR memo <> 0"
    " UNION ALL SELECT l.entry_id, l.debit_fen - l.credit_fen, 0, 'its account is not in the chart: ' || l.account"
    " FROM line l WHERE NOT split_part(l.account, ':', 1) = ANY(:known)"
)
_CHAIN = text("SELECT * FROM entry ORDER BY coalesce(loan_id, held_id), n")
_SEALED = text("SELECT hash FROM entry WHERE seq > :after AND seq <= :to ORDER BY seq")
