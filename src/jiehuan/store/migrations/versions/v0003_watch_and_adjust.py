"""Versions of the signals, cases of alerts, the log of line reviews, the life of a change and its notice; some indexes."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        (Path(__file__).parent / "v0003_watch_and_adjust.sql").read_text(encoding="utf-8").replace("%", "%%")
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
