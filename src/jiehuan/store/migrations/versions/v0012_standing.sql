-- What a loan stands at, written only when it truly changes; days past due, bucket and the penalty that runs on are read from it.
ALTER TABLE loan_state RENAME TO loan_standing;
ALTER TABLE loan_standing RENAME CONSTRAINT pk_loan_state TO pk_loan_standing;
ALTER TABLE loan_standing RENAME CONSTRAINT fk_loan_state_loan_id TO fk_loan_standing_loan_id;
ALTER TABLE loan_standing
    ADD COLUMN oldest_due DATE,
    ADD COLUMN penalty_base_fen BIGINT,
    ADD COLUMN penalty_fen_days BIGINT,
    ADD COLUMN penalty_numerator BIGINT,
    ADD COLUMN penalty_denominator BIGINT,
    ADD CONSTRAINT ck_loan_standing_penalty_runs CHECK
        (num_nulls(penalty_base_fen, penalty_fen_days, penalty_numerator, penalty_denominator) IN (0, 4));
UPDATE loan_standing SET oldest_due = as_of - dpd WHERE dpd > 0;
DROP INDEX ix_loan_state_overdue;
ALTER TABLE loan_standing DROP COLUMN dpd, DROP COLUMN bucket;
-- Room on each page, so that a changed row stays on its page and its places in the indexes.
ALTER TABLE loan_standing SET (fillfactor = 80);
CREATE INDEX ix_loan_standing_overdue ON loan_standing (oldest_due) WHERE oldest_due IS NOT NULL;

-- "Does this loan wait to be looked at" is asked of one loan or of all.
ALTER TABLE loan_touched DROP CONSTRAINT pk_loan_touched;
ALTER TABLE loan_touched ADD CONSTRAINT pk_loan_touched PRIMARY KEY (loan_id, id);

-- The one definition of what a loan's state is on the book's day. A row holds as it is from its own day until something happens to
-- the loan; a closed day has looked at every loan to which something was bound to happen, but for those that wait in loan_touched
-- (an event came meanwhile, or the loan cannot be folded): these are shown as of their own day. Ended loans stay at their end.
CREATE VIEW loan_state AS
SELECT
    s.loan_id,
    d.as_of,
    s.principal_outstanding_fen,
    s.interest_due_fen,
    s.penalty_due_fen + CASE WHEN s.penalty_base_fen IS NULL OR d.as_of = s.as_of THEN 0 ELSE (
        div(
            2 * (s.penalty_fen_days + s.penalty_base_fen * (d.as_of - s.as_of))::numeric * s.penalty_numerator + s.penalty_denominator,
            2 * s.penalty_denominator::numeric
        ) - div(
            2 * s.penalty_fen_days::numeric * s.penalty_numerator + s.penalty_denominator, 2 * s.penalty_denominator::numeric
        )
    )::bigint END AS penalty_due_fen,
    s.costs_due_fen,
    s.overdue_fen,
    s.credit_balance_fen,
    CASE WHEN s.oldest_due IS NULL THEN 0 ELSE d.as_of - s.oldest_due END AS dpd,
    CASE WHEN s.oldest_due IS NULL THEN 'M0' ELSE (ARRAY['M1', 'M2', 'M3', 'M3+'])[least((d.as_of - s.oldest_due + 29) / 30, 4)] END AS bucket,
    s.class,
    s.provision_fen,
    s.status,
    s.next_due,
    s.oldest_due
FROM loan_standing s
CROSS JOIN LATERAL (
    SELECT CASE WHEN s.status IN ('settled', 'sold') THEN s.as_of
        WHEN EXISTS (SELECT FROM loan_touched t WHERE t.loan_id = s.loan_id) THEN s.as_of
        ELSE greatest(s.as_of, (SELECT max(r."on") FROM day_end_run r WHERE r.finished_at IS NOT NULL)) END AS as_of
) d;

CREATE OR REPLACE FUNCTION look_at_loan(
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
    LEFT JOIN loan_standing s ON s.loan_id = wanted
    LEFT JOIN LATERAL (
        SELECT e.n, e.hash, e.known FROM entry e WHERE e.loan_id = wanted ORDER BY e.n DESC LIMIT 1
    ) h ON true
    LEFT JOIN loan_event k ON k.idempotency_key = used;
END $$;
