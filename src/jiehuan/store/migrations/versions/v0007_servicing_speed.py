"""Cheaper guards of the journal: one question for all lines of a statement, no foreign key asked row by row."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        (Path(__file__).parent / "v0007_servicing_speed.sql").read_text(encoding="utf-8").replace("%", "%%")
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
