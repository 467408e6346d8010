"""Whether a loan's terms say nothing beside its columns is worked out when it is booked, not at each repayment."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    said = (
        "terms - '{lender_type,principal,rate,months,method,drawn_on,first_due,penalty_uplift}'::text[] = '{}'::jsonb"
    )
    op.execute(f"ALTER TABLE loan ADD COLUMN bare BOOLEAN GENERATED ALWAYS AS ({said}) STORED")


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
