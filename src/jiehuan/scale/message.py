"""An event as a Kafka message: JSON with a schema and its version, and what becomes of a message that is not one.

``{"schema": "jiehuan.event/1", "event_id", "account_id", "at", "kind", "amount_fen"?, "counterparty"?, "channel"?}``, the
fields of the **events** format. A version may gain fields that older readers pass over; what changes the meaning of a field
is a new version. A version that is not known here is refused with that reason, so that it can be retried after an upgrade.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from jiehuan.units.errors import InputError, Problem
from jiehuan.watch import Event, read_event

SCHEMA = "jiehuan.event"
VERSION = 1
LARGEST = 65_536
"""Bytes of a message."""

READERS: Mapping[str, Callable[[Mapping[str, Any], str], Event]] = {f"{SCHEMA}/{VERSION}": read_event}
"""Every version that this release reads."""


def read_message(value: bytes | None, where: str = "message") -> Event:
    """The event that a message tells of. Raises InputError with the reason and the mend.

    >>> read_message(b'{"schema":"jiehuan.event/1","event_id":"e","account_id":"a","at":"2026-11-24T09:00:00+08:00","kind":"tick"}').kind
    'tick'
    """
    if not value:
        raise InputError(Problem(where, "", "empty", "send an event as JSON"))
    if len(value) > LARGEST:
        raise InputError(Problem(where, f"{len(value)} bytes", "too large", f"send at most {LARGEST} bytes"))
    try:
        said = json.loads(value)
    except (ValueError, RecursionError) as error:
        reason = f"not JSON: {type(error).__name__}"
        raise InputError(Problem(where, "", reason, "send an event as JSON in UTF-8")) from None
    if not isinstance(said, dict):
        raise InputError(Problem(where, "", "JSON, but not an object", "send an event as a JSON object"))
    schema = said.get("schema")
    reader = READERS.get(schema) if isinstance(schema, str) else None
    if reader is None:
        known = ", ".join(READERS)
        reason = "says no schema" if schema is None else "a schema or version that is not known here"
        mend = f"known are {known}; after an upgrade that knows it: jiehuan stream retry"
        raise InputError(Problem(f"{where}, schema", str(schema or "")[:80], reason, mend))
    return reader(said, where)


def write_message(event: Event) -> bytes:
    """The message of an event; its key is the account's id, so that an account stays in one partition, in order."""
    said = {
        "schema": f"{SCHEMA}/{VERSION}", "event_id": event.event_id, "account_id": event.account_id, "at": event.at.isoformat(),
        "kind": event.kind, "amount_fen": event.amount_fen, "counterparty": event.counterparty, "channel": event.channel,
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False).encode()
