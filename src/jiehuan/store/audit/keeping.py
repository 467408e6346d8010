"""How things are kept: append-only tables are guarded, keys are used once, documents are as they were."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text

from jiehuan.store.audit.tally import Audit, Finding, Tally, finding
from jiehuan.store.migrations import HEAD
from jiehuan.store.tables import APPEND_ONLY
from jiehuan.units.errors import Problem

CHECKED = [
    ("entry", "ck_entry_balances"), ("entry", "ck_entry_lines"), ("entry", "belongs"), ("loan_event", "belongs"),
]  # fmt: skip
"""Checks and triggers that see what is written: table and name."""

KEYS = (
    ("loan_event", "idempotency_key"),
    ("loan_event", "loan_id, event_id"),
    ("contact", "idempotency_key"),
    ("entry", "entry_id"),
    ("entry", "loan_id, n"),
    ("entry", "held_id, n"),
    ("entry", "reverses"),
    ("idempotency", "scope, key"),
)
"""What may be there once: table and columns."""


def check_guards(audit: Audit) -> Iterator[Finding]:
    """Every append-only table refuses change, every entry is checked when written, the schema is this release's."""
    tally = Tally()
    standing = {(row[0], row[1]) for row in audit.connection.execute(_TRIGGERS)}
    wanted = [(table.name, "only_grows") for table in APPEND_ONLY] + CHECKED
    for table, trigger in wanted:
        missing = (table, trigger) not in standing
        mend = "enable it, and find out what was changed meanwhile"
        tally.look([Problem(f"table {table}", trigger, "its guard is missing or disabled", mend)] if missing else [])
    version = audit.connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    wrong = version != HEAD
    tally.look([Problem("schema", str(version), f"is not {HEAD}", "run: jiehuan db upgrade")] if wrong else [])
    yield finding("guards", "只增表受触发器保护", "append-only tables are guarded by the database", tally)


def check_keys(audit: Audit) -> Iterator[Finding]:
    """Nothing that may be there once is there twice: idempotency keys, ids, places in a chain, reversals."""
    tally = Tally()
    for table, columns in KEYS:
        first = columns.split(",")[0]
        counted = audit.connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - our names
        tally.look(things=int(counted))
        twice = text(
            f"SELECT ({columns})::text AS key, count(*) AS times FROM {table}"  # noqa: S608 - our names
            f" WHERE {first} IS NOT NULL GROUP BY {columns} HAVING count(*) > 1"
        )
        for row in audit.connection.execute(twice):
            tally.look([Problem(f"{table}, {columns}", row.key, f"is there {row.times} times")], things=0)
    yield finding("keys", "幂等键唯一", "idempotency keys and ids are used once", tally)


def check_files(audit: Audit) -> Iterator[Finding]:
    """The bytes of every document are those that were kept."""
    tally = Tally()
    for row in audit.connection.execute(_FILES):
        changed = [Problem(f"file {row.file_id}", row.name, "its bytes were altered", "restore it from a backup")]
        tally.look([] if row.same else changed)
    yield finding("files", "文件内容与指纹一致", "documents have the bytes that were kept", tally)


_TRIGGERS = text(
    "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A') AND NOT tgisinternal"
    " UNION ALL SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c' AND conenforced AND convalidated"
)
_FILES = text("SELECT file_id, name, sha256 = encode(sha256(content), 'hex') AS same FROM file")
