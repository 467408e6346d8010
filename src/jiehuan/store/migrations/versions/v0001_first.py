"""The first schema: all tables, the guards on append-only tables, the balance of every entry."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("v0001_tables.sql", "v0001_guards.sql"):
        op.get_bind().exec_driver_sql((Path(__file__).parent / name).read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
