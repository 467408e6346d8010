"""Identifiers: time-ordered random ids for new things, content-derived ids for things that must not double."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from typing import Any

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """A fresh id such as ``ln_01j9…``: 48 bits of milliseconds, then 80 random bits, in Crockford's base 32."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return f"{prefix}_{_base32(number, 26)}"


def derived_id(prefix: str, *parts: object) -> str:
    """The same id for the same parts, so that doing a thing twice does it once.

    >>> derived_id("ev", "loan-1", 3) == derived_id("ev", "loan-1", 3)
    True
    """
    return f"{prefix}_{_base32(int.from_bytes(hashlib.sha256(canonical_json(list(parts))).digest()[:16], 'big'), 26)}"


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, for hashing; dates and other values by their text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def _base32(number: int, length: int) -> str:
    return "".join(_ALPHABET[(number >> 5 * place) & 31] for place in reversed(range(length)))
