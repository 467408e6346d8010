"""Signal events by time: a preview replays the last weeks, and asks when the last event was."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_signal_event_at", "signal_event", ["at"])


def downgrade() -> None:
    op.drop_index("ix_signal_event_at", "signal_event")
