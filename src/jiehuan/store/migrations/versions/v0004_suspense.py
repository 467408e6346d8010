"""Money in suspense enters the journal: an entry belongs to a loan, or to a receipt or statement line."""

from __future__ import annotations

from functools import partial

from alembic import op
from sqlalchemy import text

from jiehuan.ledger import Entry

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
    from jiehuan.store.held import append_held

    connection = op.get_bind()
    found = connection.execute(
        text(
            "SELECT receipt_id AS id, amount_fen, \"on\" AS day FROM receipt WHERE status = 'suspense'"
            " UNION ALL SELECT line_id, amount_fen, \"on\" FROM statement_line"
            " WHERE outcome = 'suspense' AND amount_fen < 0"
        )
    ).all()
    for row in found:
        append_held(connection, row.id, partial(first, held_entry(row.id, 0, row.amount_fen, row.day, row.day)))


def first(entry: Entry, held: list[Entry]) -> Entry:
    """The first entry of what is held, whatever stands there."""
    return entry


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
