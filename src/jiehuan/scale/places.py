"""How far a consumer has read each partition, kept in the transaction that has the effect: so each message has it once.

A partition has one owner at a time. ``claim`` makes a process the owner and counts the epoch up; ``advance`` moves the place
only for the owner of the present epoch and from the very offset that this owner knows. A process that was taken for dead and
wakes again has an older epoch, and its whole transaction is refused: ``Fenced``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

BEGINNING = -2
"""The offset of a partition of which nothing was read: Kafka's own sign for its first message."""

Partition = tuple[str, int]
"""A topic and the number of a partition."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the owner of an epoch goes on. ``made_anew``: the topic is another one than was read before."""

    epoch: int
    next_offset: int
    made_anew: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """One partition's step: from the owner's place to ``next_offset``. ``high_offset``: one past the topic's last message."""

    partition: Partition
    place: Place
    next_offset: int
    high_offset: int
    taken: int


class Fenced(Exception):  # noqa: N818 - an answer: another process owns these
    """Another process has claimed these partitions since; nothing of the transaction may stand."""

    def __init__(self, partitions: Iterable[Partition]) -> None:
        self.partitions = tuple(partitions)
        super().__init__(", ".join(f"{topic}/{number}" for topic, number in self.partitions))


def claim(connection: Connection, consumer: str, owner: str, wanted: Mapping[Partition, str]) -> dict[Partition, Place]:
    """Become the owner of partitions, given with their topics' ids (empty: not known); where to go on in each."""
    found: dict[Partition, Place] = {}
    for (topic, number), topic_id in sorted(wanted.items()):
        given = {
            "consumer": consumer, "topic": topic, "partition": number, "topic_id": topic_id, "owner": owner, "beginning": BEGINNING,
        }  # fmt: skip
        before = connection.execute(_LOCKED, given).one_or_none()
        anew = before is not None and bool(before.topic_id and topic_id) and before.topic_id != topic_id
        row = connection.execute(_CLAIM, {**given, "anew": anew}).one()
        found[topic, number] = Place(row.epoch, row.next_offset, anew)
    return found


def advance(connection: Connection, consumer: str, moves: Sequence[Move]) -> None:
    """Move the places of partitions in the caller's transaction. Raises Fenced, and nothing may be committed then."""
    given = {
        "consumer": consumer,
        "topics": [move.partition[0] for move in moves],
        "partitions": [move.partition[1] for move in moves],
        "epochs": [move.place.epoch for move in moves],
        "befores": [move.place.next_offset for move in moves],
        "nexts": [move.next_offset for move in moves],
        "highs": [move.high_offset for move in moves],
        "takens": [move.taken for move in moves],
    }
    moved = {(row.topic, row.partition) for row in connection.execute(_ADVANCE, given)}
    fenced = [move.partition for move in moves if move.partition not in moved]
    if fenced:
        raise Fenced(fenced)


_LOCKED = text(
    "SELECT topic_id FROM stream_place WHERE consumer = :consumer AND topic = :topic AND partition = :partition FOR UPDATE"
)
_CLAIM = text(
    "INSERT INTO stream_place AS p (consumer, topic, partition, topic_id, next_offset, epoch, owner)"
    " VALUES (:consumer, :topic, :partition, :topic_id, :beginning, 1, :owner)"
    " ON CONFLICT (consumer, topic, partition) DO UPDATE SET epoch = p.epoch + 1, owner = excluded.owner,"
    " next_offset = CASE WHEN :anew THEN :beginning ELSE p.next_offset END,"
    " topic_id = CASE WHEN excluded.topic_id = '' THEN p.topic_id ELSE excluded.topic_id END, updated_at = clock_timestamp()"
    " RETURNING epoch, next_offset"
)
_ADVANCE = text(
    "UPDATE stream_place p SET next_offset = m.next, high_offset = greatest(m.high, m.next), taken = p.taken + m.taken,"
    " updated_at = clock_timestamp()"
    " FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:epochs AS bigint[]), CAST(:befores AS bigint[]),"
    " CAST(:nexts AS bigint[]), CAST(:highs AS bigint[]), CAST(:takens AS bigint[]))"
    " AS m (topic, partition, epoch, before, next, high, taken)"
    " WHERE p.consumer = :consumer AND p.topic = m.topic AND p.partition = m.partition AND p.epoch = m.epoch"
    " AND p.next_offset = m.before RETURNING p.topic, p.partition"
)
