"""Answers under a key are kept letter by letter, as they were sent: JSON text, no longer taken apart and sorted."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE idempotency ALTER COLUMN response TYPE json USING response::json")


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
