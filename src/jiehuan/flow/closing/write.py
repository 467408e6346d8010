"""What a day changed, from columns to the database: rows by COPY and one merge, entries at the end of their chains.

Batches are written by as many workers as there are cores to share with the server, each on a connection of its own, so that one
prepares while the server writes for the other. They commit in the order of the loans, each moving the run's mark from the batch
before it to its own: a run that lost its place to another one fails there, and nothing of that batch is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from threading import Condition

import polars as pl
from sqlalchemy import Connection, text, update

from jiehuan.loan.cores import cores
from jiehuan.store import tables
from jiehuan.store.act import STATE
from jiehuan.store.bulk import NULL, Slim, added, chained_rows, copy_entries, copy_text, ends_of
from jiehuan.store.database import Database
from jiehuan.store.many import lock_many
from jiehuan.store.straight import driver_of
from jiehuan.units.errors import Conflict, Problem

CHANGED_AT_ONCE = 5_000
"""Rows a transaction: repayments of these loans wait for so long as one takes, a fraction of a second."""

_run = tables.day_end_run


def make_room(connection: Connection, seen: Sequence[int]) -> None:
    """The session's own tables: what was read from ``loan_touched``, and the batch at hand."""
    with connection.begin():
        connection.execute(text("CREATE TEMP TABLE IF NOT EXISTS day_end_seen (id bigint PRIMARY KEY)"))
        connection.execute(
            text("CREATE TEMP TABLE IF NOT EXISTS day_end_rows (LIKE loan_standing) ON COMMIT DELETE ROWS")
        )
        connection.execute(text("TRUNCATE day_end_seen"))
        copy_text(driver_of(connection), "day_end_seen (id)", "".join([f"{one}\n" for one in seen]))
        connection.execute(text("ANALYZE day_end_seen"))


def write_all(
    database: Database,
    lines: pl.DataFrame,
    entries: Mapping[str, Sequence[Slim]],
    on: date,
    mark: str,
    seen: Sequence[int],
    on_progress: Callable[[int], None],
) -> set[str]:
    """Write all that comes after the mark; the loans that were left alone because something happened to them meanwhile.

    ``lines``: rows of ``loan_standing`` in order of their loans; ``entries``: what to add to the journals, of these loans or others.
    """
    ids = sorted({*lines["loan_id"].to_list(), *entries})
    parts = [ids[at : at + CHANGED_AT_ONCE] for at in range(0, len(ids), CHANGED_AT_ONCE)]
    parts = [part for part in ([one for one in part if one > mark] for part in parts) if part]
    queue = _Queue(len(parts))
    marks = [mark, *(part[-1] for part in parts)]

    def work(connection: Connection) -> set[str]:
        make_room(connection, seen)
        moved: set[str] = set()
        for turn in iter(queue.take, None):
            part = parts[turn]
            rows = lines.filter(pl.col("loan_id").is_between(pl.lit(part[0]), pl.lit(part[-1])))
            with queue.failing(), connection.begin():
                left, written, added = write_batch(
                    connection, rows, {one: entries[one] for one in part if one in entries}
                )
                queue.wait_for(turn)
                _move_mark(connection, on, marks[turn], marks[turn + 1], written, added)
            queue.done(turn)
            moved |= left
            on_progress(len(part))
        return moved

    workers = min(cores(), len(parts))
    with ExitStack() as stack:
        connections = [stack.enter_context(database.engine.connect()) for _ in range(workers)]
        if workers < 2:
            return work(connections[0]) if connections else set()
        with ThreadPoolExecutor(workers, thread_name_prefix="day-end") as pool:
            return set().union(*pool.map(work, connections))


def write_batch(
    connection: Connection, lines: pl.DataFrame, entries: Mapping[str, Sequence[Slim]]
) -> tuple[set[str], int, int]:
    """Write one batch in the caller's transaction: the loans that something happened to meanwhile (left alone), rows, entries."""
    loans = sorted({*lines["loan_id"].to_list(), *entries})
    lock_many(connection, loans)
    moved = set(
        connection.execute(_MOVED, {"loans": ",".join(loans)}).scalars()
    )  # one text is sent faster than an array
    if moved:
        lines = lines.filter(~pl.col("loan_id").is_in(list(moved)))
    driver = driver_of(connection)
    posts = [(loan_id, told) for loan_id, told in entries.items() if loan_id not in moved]
    ends = ends_of(driver, [loan_id for loan_id, _ in posts]) if posts else {}
    written = 0
    if len(lines):
        _copy(connection, f"day_end_rows ({', '.join(STATE)})", lines.select(STATE))
        written = connection.execute(_MERGE).rowcount
    rows = added(posts)
    copy_entries(driver, chained_rows(rows, ends))
    return moved, written, len(rows)


class _Queue:
    """Whose turn it is: batches are taken in their order, prepared at once, and committed in their order."""

    def __init__(self, count: int) -> None:
        self._count, self._next, self._done, self._failed = count, 0, 0, False
        self._changed = Condition()

    def take(self) -> int | None:
        """The next batch that nobody has taken."""
        with self._changed:
            if self._failed or self._next == self._count:
                return None
            self._next += 1
            return self._next - 1

    def wait_for(self, turn: int) -> None:
        """Until all batches before this one are committed. Raises when one of them failed."""
        with self._changed:
            self._changed.wait_for(lambda: self._failed or self._done == turn)
            if self._failed:
                raise Conflict(Problem("day end", "", "a batch before this one failed", "run the day end again"))

    def done(self, turn: int) -> None:
        """A batch is committed."""
        with self._changed:
            self._done = turn + 1
            self._changed.notify_all()

    def failing(self) -> _Failing:
        """Tell the others when the block raises."""
        return _Failing(self)

    def fail(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._failed = True
            self._changed.notify_all()


class _Failing:
    def __init__(self, queue: _Queue) -> None:
        self._queue = queue

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._queue.fail()


def _move_mark(connection: Connection, on: date, old: str, new: str, written: int, added: int) -> None:
    moved = connection.execute(
        update(_run)
        .where(_run.c.on == on, _run.c.mark == old, _run.c.finished_at.is_(None))
        .values(mark=new, changed=_run.c.changed + written, entries=_run.c.entries + added)
    ).rowcount
    if moved != 1:
        raise Conflict(Problem("day end", on.isoformat(), "another one has taken its place", "wait for it"))


def tab_text(frame: pl.DataFrame) -> bytes:
    """Rows with a ``loan_id`` as COPY reads them."""
    if frame["loan_id"].str.contains(r"[\\\t\n\r]").any():
        said = pl.col("loan_id")
        for sign, shown in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
            said = said.str.replace_all(sign, shown, literal=True)
        frame = frame.with_columns(said)
    return frame.write_csv(include_header=False, separator="\t", null_value=NULL, quote_style="never").encode()


def _copy(connection: Connection, into: str, frame: pl.DataFrame) -> None:
    copy_text(driver_of(connection), into, tab_text(frame))


_MOVED = text(
    "SELECT DISTINCT t.loan_id FROM loan_touched t WHERE t.loan_id = ANY(string_to_array(:loans, ','))"
    " AND NOT EXISTS (SELECT FROM day_end_seen s WHERE s.id = t.id)"
)
_MERGE = text(
    "UPDATE loan_standing s SET "  # noqa: S608 - the names are ours
    + ", ".join(f'"{name}" = r."{name}"' for name in STATE[1:])
    + " FROM day_end_rows r WHERE s.loan_id = r.loan_id AND s.as_of <= r.as_of AND s.status <> 'sold'"
)
