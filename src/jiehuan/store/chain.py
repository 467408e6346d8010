"""The hash chain: each entry of a loan seals all entries before it, and a root over all loans seals the day.

An entry's hash covers the hash before it and everything the entry says, its lines included. The root is the Merkle tree
hash of RFC 6962 (Certificate Transparency) over the hashes of the entries, leaves and nodes told apart by their first
byte.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

from jiehuan.ledger import Entry

EMPTY_ROOT = sha256(b"").digest()
_text = json.JSONEncoder(separators=(",", ":")).encode


def first_hash(loan_id: str) -> bytes:
    """What the first entry of a loan follows."""
    return sha256(b"jiehuan journal 1\x00" + loan_id.encode()).digest()


def entry_hash(previous: bytes, n: int, entry: Entry) -> bytes:
    """The hash of the entry at place ``n`` of its loan's chain."""
    said = [
        n,
        entry.entry_id,
        entry.loan_id,
        entry.movement_id,
        entry.event_id,
        entry.kind,
        entry.effective.isoformat(),
        entry.known.isoformat(),
        entry.reverses,
        entry.lines,
    ]
    return sha256(previous + _text(said).encode()).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over hashes, in their order.

    >>> merkle_root([]) == EMPTY_ROOT
    True
    """
    if not leaves:
        return EMPTY_ROOT
    level = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        paired = [sha256(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
        level = paired + level[len(level) - len(level) % 2 :]
    return level[0]
