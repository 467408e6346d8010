"""Policies released by two people, explanations and reviews of decisions, answers of paid sources that are remembered."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        (Path(__file__).parent / "v0005_release_and_review.sql").read_text(encoding="utf-8").replace("%", "%%")
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
