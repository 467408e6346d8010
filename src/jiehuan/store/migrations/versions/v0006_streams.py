"""Places of stream consumers, events by HTTP, dead letters, and the order in which events were taken."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        (Path(__file__).parent / "v0006_streams.sql").read_text(encoding="utf-8").replace("%", "%%")
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
