"""Statements, receipts, gateway events, runs of the day end, and the list of loans that a day end must look at."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        (Path(__file__).parent / "v0002_servicing.sql").read_text(encoding="utf-8").replace("%", "%%")
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
