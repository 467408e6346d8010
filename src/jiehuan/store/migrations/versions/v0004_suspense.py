"""Money in suspense enters the journal: an entry belongs to a loan, or to a receipt or statement line."""

from __future__ import annotations

import json

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE entry ALTER COLUMN loan_id DROP NOT NULL")
    op.execute("ALTER TABLE entry ADD COLUMN held_id TEXT")
    op.execute("ALTER TABLE entry ADD CONSTRAINT ck_entry_one_owner CHECK ((loan_id IS NULL) <> (held_id IS NULL))")
    op.execute("CREATE UNIQUE INDEX uq_entry_held ON entry (held_id, n) WHERE held_id IS NOT NULL")
    hold_what_is_there()


def hold_what_is_there() -> None:
    """Receipts and outgoing lines that are in suspense already get the entry that they would get today."""
    from jiehuan.ledger import held_entry
    from jiehuan.store.chain import entry_hash, first_hash

    connection = op.get_bind()
    found = connection.execute(
        text(
            "SELECT receipt_id AS id, amount_fen, \"on\" AS day FROM receipt WHERE status = 'suspense'"
            ' UNION ALL SELECT line_id, amount_fen, "on" FROM statement_line'
            " WHERE outcome = 'suspense' AND amount_fen < 0"
        )
    ).all()
    for row in found:
        entry = held_entry(row.id, 0, row.amount_fen, row.day, row.day)
        before = first_hash(row.id)
        told = {
            "entry": entry.entry_id,
            "held": row.id,
            "day": row.day,
            "before": before,
            "hash": entry_hash(before, 0, entry),
        }
        connection.execute(_ENTRY, told)
        lines = [[n, line.account, line.debit, line.credit] for n, line in enumerate(entry.lines)]
        # One statement for all lines: the database holds debits against credits statement by statement.
        connection.execute(_LINES, {"entry": entry.entry_id, "lines": json.dumps(lines)})


_ENTRY = text(
    "INSERT INTO entry (entry_id, held_id, n, movement_id, kind, effective, known, previous_hash, hash)"
    " VALUES (:entry, :held, 0, '', 'held', :day, :day, :before, :hash)"
)
_LINES = text(
    "INSERT INTO line (entry_id, n, account, debit_fen, credit_fen)"
    " SELECT :entry, (one->>0)::int, one->>1, (one->>2)::bigint, (one->>3)::bigint FROM jsonb_array_elements(CAST(:lines AS jsonb)) one"
)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
