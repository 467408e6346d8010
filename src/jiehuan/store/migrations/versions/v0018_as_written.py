"""Messages, and all that a decision rests on, are kept as they were written; what the policy looked at has a column of its own.

``kept_answer`` takes the lock of a key and tells the answer kept under it: its second statement sees what another writer of the
same key committed while the first one waited.
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_KEPT = """
CREATE FUNCTION kept_answer(asker text, used text, OUT request_hash bytea, OUT status integer, OUT response text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(asker || chr(31) || used, 1));
    SELECT i.request_hash, i.status, i.response::text INTO request_hash, status, response
    FROM idempotency i WHERE i.scope = asker AND i.key = used;
END $$;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_KEPT)
    op.execute("ALTER TABLE decision ADD COLUMN seen jsonb")
    op.execute(
        "ALTER TABLE decision ALTER COLUMN seen TYPE jsonb USING inputs #> '{decided,inputs,policy}',"
        " ALTER COLUMN inputs TYPE json USING inputs::json"
    )
    op.execute("ALTER TABLE outbox ALTER COLUMN payload TYPE json USING payload::json")


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
