-- The guard of the journal's lines asks one question in place of two, and sees to it that the entry's loan exists as well, in
-- place of a foreign key that asks row by row. The look-ups are scalar subqueries, which the server answers by index for one
-- line and for a million: a join planned for a bulk load would read the whole journal for a single repayment afterwards.
CREATE OR REPLACE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong record;
BEGIN
    SELECT * INTO wrong FROM (
        SELECT a.entry_id, a.debit, a.credit, (
            SELECT CASE WHEN e.loan_id IS NULL OR (SELECT true FROM loan l WHERE l.loan_id = e.loan_id) THEN 'whole' ELSE 'no loan' END
            FROM entry e WHERE e.entry_id = a.entry_id
        ) AS owner
        FROM (
            SELECT entry_id, sum(debit_fen) AS debit, sum(credit_fen) AS credit FROM added GROUP BY entry_id OFFSET 0
        ) AS a
    ) AS looked WHERE debit <> credit OR owner IS DISTINCT FROM 'whole' LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF wrong.debit <> wrong.credit THEN
        RAISE EXCEPTION 'entry % does not balance: debit % fen, credit % fen', wrong.entry_id, wrong.debit, wrong.credit
            USING ERRCODE = 'check_violation';
    ELSIF wrong.owner IS NULL THEN
        RAISE EXCEPTION 'no entry % for its lines', wrong.entry_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    RAISE EXCEPTION 'no loan for entry %', wrong.entry_id USING ERRCODE = 'foreign_key_violation';
END $$;

ALTER TABLE entry DROP CONSTRAINT fk_entry_loan_id;
-- Few entries undo another: the others need no place in this index.
ALTER TABLE entry DROP CONSTRAINT uq_entry_reverses;
CREATE UNIQUE INDEX uq_entry_reverses ON entry (reverses) WHERE reverses IS NOT NULL;
