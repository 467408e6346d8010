"""Loans past due are found by the day since when they are, and loans in order of their drawing without sorting a day's.

The first index holds loans past due only: one that is not is changed in its place as before, and so is one that stays past due. What
it costs is told in docs/decisions/late-loans.md.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX ix_loan_standing_late ON loan_standing (oldest_due) WHERE oldest_due IS NOT NULL")
    op.execute("DROP INDEX ix_loan_drawn_on")
    op.execute("CREATE INDEX ix_loan_drawn_on ON loan (drawn_on, loan_id)")


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
