"""A loan is locked and looked at in one turn: the function's second statement sees what was committed while the first waited."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_LOOK = """
CREATE FUNCTION look_at_loan(
    wanted text, used text, OUT terms text, OUT events text[], OUT same_loan text, OUT same_body text, OUT as_of date,
    OUT status text, OUT booked_to date, OUT n integer, OUT hash bytea, OUT known date, OUT posted text[]
) LANGUAGE plpgsql AS $$
BEGIN
    SELECT l.terms::text INTO terms FROM loan l WHERE l.loan_id = wanted FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT ARRAY(SELECT e.body::text FROM loan_event e WHERE e.loan_id = wanted ORDER BY e.seq),
           (SELECT r."on" FROM day_end_run r WHERE r.positions IS NOT NULL OR r.finished_at IS NULL ORDER BY r."on" DESC LIMIT 1),
           ARRAY(SELECT e.entry_id FROM entry e WHERE e.loan_id = wanted AND e.movement_id <> '' ORDER BY e.n),
           s.as_of, s.status, h.n, h.hash, h.known, k.loan_id, k.body::text
    INTO events, booked_to, posted, as_of, status, n, hash, known, same_loan, same_body
    FROM (SELECT 1) AS one
    LEFT JOIN loan_state s ON s.loan_id = wanted
    LEFT JOIN LATERAL (
        SELECT e.n, e.hash, e.known FROM entry e WHERE e.loan_id = wanted ORDER BY e.n DESC LIMIT 1
    ) h ON true
    LEFT JOIN loan_event k ON k.idempotency_key = used;
END $$;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_LOOK)


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
