"""A loan is locked by the row that changes with it: an act on a loan, or the end of a day, touches one row of it and no other.

The wide row of ``loan``, which never changes, stays clean; so do its pages in the write-ahead log. A loan that has no standing yet is
held by its own row until it has one. Overdue loans stand on nearly every page, so that an index on their due dates finds no fewer
pages than a pass over the narrow table, and kept a loan that fell behind from being changed in its place.
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_LOOK = """
CREATE OR REPLACE FUNCTION look_at_loan(
    wanted text, used text, OUT terms text, OUT events text[], OUT same_loan text, OUT same_body text, OUT as_of date,
    OUT status text, OUT booked_to date, OUT n integer, OUT hash bytea, OUT known date, OUT posted text[]
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM loan_standing s WHERE s.loan_id = wanted FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM FROM loan l WHERE l.loan_id = wanted FOR NO KEY UPDATE;
        PERFORM FROM loan_standing s WHERE s.loan_id = wanted FOR NO KEY UPDATE;
    END IF;
    SELECT l.terms::text, ARRAY(SELECT e.body::text FROM loan_event e WHERE e.loan_id = wanted ORDER BY e.seq),
           (SELECT r."on" FROM day_end_run r WHERE r.positions IS NOT NULL OR r.finished_at IS NULL ORDER BY r."on" DESC LIMIT 1),
           ARRAY(SELECT e.entry_id FROM entry e WHERE e.loan_id = wanted AND e.movement_id <> '' ORDER BY e.n),
           s.as_of, s.status, h.n, h.hash, h.known, k.loan_id, k.body::text
    INTO terms, events, booked_to, posted, as_of, status, n, hash, known, same_loan, same_body
    FROM loan l
    LEFT JOIN loan_standing s ON s.loan_id = wanted
    LEFT JOIN LATERAL (
        SELECT e.n, e.hash, e.known FROM entry e WHERE e.loan_id = wanted ORDER BY e.n DESC LIMIT 1
    ) h ON true
    LEFT JOIN loan_event k ON k.idempotency_key = used
    WHERE l.loan_id = wanted;
END $$;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_LOOK)
    op.execute("DROP INDEX ix_loan_standing_overdue")


def downgrade() -> None:
    raise NotImplementedError("a ledger is not taken back; restore a backup from before the upgrade")
