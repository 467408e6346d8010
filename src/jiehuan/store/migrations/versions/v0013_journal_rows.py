"""The rows of a happening: an entry carries its lines, and indexes that nobody needs are gone."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    said = (Path(__file__).parent / "v0013_journal_rows.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(said.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
