"""Dead letters: messages that could not be taken, each with its reason, in the transaction that goes past them.

What came is sealed (a poison message may hold anything, personal data too); the reason and the place are in clear. A letter
can be retried when the cause is mended (``retry``: it goes to the inbox of events) or dropped. The outbox tells of each, so
that the relay puts it on the dead-letter topic.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, update

from jiehuan.scale.message import LARGEST, read_message, write_message
from jiehuan.store.outbox import publish_many
from jiehuan.store.rows import insert_missing
from jiehuan.store.tables import dead_letter, signal_inbox
from jiehuan.store.vault import Vault
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.ids import derived_id

TOPIC = "stream.dead_letter"
"""The outbox topic that tells of them."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that could not be taken, where it stood and why."""

    topic: str
    partition: int
    topic_id: str
    offset: int
    key: bytes | None
    value: bytes | None
    problem: Problem

    @property
    def letter_id(self) -> str:
        """The same message of the same topic has the same id."""
        return derived_id("dl", self.topic, self.topic_id, str(self.partition), str(self.offset))


def park(connection: Connection, vault: Vault, letters: Sequence[Letter]) -> None:
    """Keep letters in the caller's transaction and tell of them. The first reason of a message counts."""
    if not letters:
        return
    rows = {
        letter.letter_id: {
            "letter_id": letter.letter_id,
            "topic": letter.topic,
            "partition": letter.partition,
            "topic_id": letter.topic_id,
            "offset": letter.offset,
            "sealed": vault.seal(_packed(letter), letter.letter_id),
            "place": f"{letter.topic}/{letter.partition} offset {letter.offset}",
            "reason": letter.problem.reason,
            "mend": letter.problem.mend,
            "status": "parked",
        }
        for letter in reversed(letters)
    }
    insert_missing(connection, dead_letter, list(rows.values()))
    told = [(letter_id, {"letter_id": letter_id, "reason": row["reason"]}) for letter_id, row in rows.items()]
    publish_many(connection, TOPIC, told)


def opened(connection: Connection, vault: Vault, letter_id: str) -> tuple[Any, bytes | None, bytes | None]:
    """A letter's row, key and value. Raises Refused when there is none."""
    row = connection.execute(select(dead_letter).where(dead_letter.c.letter_id == letter_id)).one_or_none()
    if row is None:
        raise Refused(Problem("letter", letter_id, "no such letter", "look in: jiehuan stream letters"))
    said = json.loads(vault.open(row.sealed, letter_id))
    key, value = (None if part is None else base64.b64decode(part) for part in (said["key"], said["value"]))
    return row, key, value


def retry(connection: Connection, vault: Vault, letter_id: str) -> None:
    """Put a parked letter's event into the inbox, from where a worker takes it. Raises Refused while it cannot be read."""
    row, _, value = opened(connection, vault, letter_id)
    _must_be_parked(row)
    try:
        event = read_message(value, row.place)
    except InputError as error:
        raise Refused(error.problems) from None
    content = json.loads(write_message(event))
    insert_missing(connection, signal_inbox, [{"event_id": event.event_id, "content": content, "sender": letter_id}])
    _settle(connection, letter_id, "retried")


def drop(connection: Connection, letter_id: str) -> None:
    """Say that a parked letter is not wanted; it stays in the table."""
    row = connection.execute(select(dead_letter).where(dead_letter.c.letter_id == letter_id)).one_or_none()
    if row is None:
        raise Refused(Problem("letter", letter_id, "no such letter", "look in: jiehuan stream letters"))
    _must_be_parked(row)
    _settle(connection, letter_id, "dropped")


def _must_be_parked(row: Any) -> None:
    if row.status != "parked":
        raise Refused(Problem("letter", row.letter_id, f"already {row.status}", "look in: jiehuan stream letters"))


def _settle(connection: Connection, letter_id: str, status: str) -> None:
    settled = {"status": status, "settled_at": func.now()}
    connection.execute(update(dead_letter).where(dead_letter.c.letter_id == letter_id).values(settled))


def _packed(letter: Letter) -> str:
    parts = {"key": letter.key, "value": letter.value}
    return json.dumps(
        {name: None if part is None else base64.b64encode(part[:LARGEST]).decode() for name, part in parts.items()}
    )
