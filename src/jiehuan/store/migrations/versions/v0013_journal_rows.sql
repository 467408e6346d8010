-- One thing that happened is few rows, and few places in indexes: what is written for a repayment is what its cost is.

-- An entry carries its lines: two arrays, an amount above zero is a debit, below zero a credit. The hash before it is the one that
-- the entry before it has. Its own id is derived from what it posts; that it is posted once, its place in the chain sees to, and the
-- audit. So the ids, which are random, need no index, but for the few entries that people name.
CREATE FUNCTION sum_of(amounts BIGINT[]) RETURNS BIGINT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT coalesce(sum(one), 0)::bigint FROM unnest(amounts) AS told (one));

CREATE TABLE entry_with_lines (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    entry_id TEXT NOT NULL,
    loan_id TEXT,
    held_id TEXT,
    n INTEGER NOT NULL,
    movement_id TEXT NOT NULL,
    event_id TEXT,
    reverses TEXT,
    kind TEXT NOT NULL,
    effective DATE NOT NULL,
    known DATE NOT NULL,
    hash BYTEA NOT NULL,
    accounts TEXT[] NOT NULL,
    amounts BIGINT[] NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL
);
INSERT INTO entry_with_lines (
    seq, entry_id, loan_id, held_id, n, movement_id, event_id, reverses, kind, effective, known, hash, accounts, amounts, recorded_at
) OVERRIDING SYSTEM VALUE
SELECT e.seq, e.entry_id, e.loan_id, e.held_id, e.n, e.movement_id, e.event_id, e.reverses, e.kind, e.effective, e.known, e.hash,
       coalesce(l.accounts, '{}'), coalesce(l.amounts, '{}'), e.recorded_at
FROM entry e
LEFT JOIN (
    SELECT entry_id, array_agg(account ORDER BY n) AS accounts, array_agg(debit_fen - credit_fen ORDER BY n) AS amounts
    FROM line GROUP BY entry_id
) l USING (entry_id)
ORDER BY e.seq;
SELECT setval(pg_get_serial_sequence('entry_with_lines', 'seq'), max(seq)) FROM entry HAVING max(seq) IS NOT NULL;

DROP TABLE line;
DROP TABLE entry;
DROP FUNCTION refuse_unbalanced();
ALTER TABLE entry_with_lines RENAME TO entry;
ALTER SEQUENCE entry_with_lines_seq_seq RENAME TO entry_seq_seq;
ALTER TABLE entry
    ADD CONSTRAINT pk_entry PRIMARY KEY (seq),
    ADD CONSTRAINT uq_entry_loan_id_n UNIQUE (loan_id, n),
    ADD CONSTRAINT ck_entry_one_owner CHECK ((loan_id IS NULL) <> (held_id IS NULL)),
    ADD CONSTRAINT ck_entry_balances CHECK (
        CASE WHEN cardinality(amounts) > 6 THEN sum_of(amounts) ELSE amounts[1] + coalesce(amounts[2], 0) + coalesce(amounts[3], 0)
            + coalesce(amounts[4], 0) + coalesce(amounts[5], 0) + coalesce(amounts[6], 0) END = 0
    ),
    ADD CONSTRAINT ck_entry_lines CHECK (
        cardinality(amounts) > 1 AND cardinality(accounts) = cardinality(amounts)
        AND (0 <> ALL (amounts)) IS TRUE AND array_position(accounts, NULL) IS NULL
    );
CREATE UNIQUE INDEX uq_entry_held ON entry (held_id, n) WHERE held_id IS NOT NULL;
CREATE UNIQUE INDEX uq_entry_reverses ON entry (reverses) WHERE reverses IS NOT NULL;
CREATE INDEX ix_entry_id ON entry (entry_id) WHERE kind NOT IN ('interest', 'penalty', 'repayment', 'provision', 'accrual');
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A chain begins with a loan that exists; what comes after its beginning need not ask again.
CREATE FUNCTION refuse_entry_of_no_loan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM loan l WHERE l.loan_id = NEW.loan_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no loan for entry %', NEW.entry_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER belongs AFTER INSERT ON entry
    FOR EACH ROW WHEN (NEW.n = 0 AND NEW.loan_id IS NOT NULL) EXECUTE FUNCTION refuse_entry_of_no_loan();

-- The lines of all entries, for who reads them: ask for a loan's, an account's or a day's, as of a table.
CREATE VIEW line AS
SELECT e.entry_id, e.loan_id, e.held_id, e.movement_id, e.event_id, e.reverses, e.kind, e.n AS place, e.effective, e.known,
       (told.n - 1)::integer AS n, told.account, greatest(told.amount, 0) AS debit_fen, greatest(-told.amount, 0) AS credit_fen
FROM entry e CROSS JOIN LATERAL unnest(e.accounts, e.amounts) WITH ORDINALITY AS told (account, amount, n);

-- Events: their loan is looked for once a statement, not by a foreign key row by row; nobody looks for one by its number.
ALTER TABLE loan_event DROP CONSTRAINT fk_loan_event_loan_id;
ALTER TABLE loan_event DROP CONSTRAINT uq_loan_event_seq;
CREATE FUNCTION refuse_event_of_no_loan() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE lost text;
BEGIN
    SELECT a.event_id INTO lost FROM added a WHERE (SELECT true FROM loan l WHERE l.loan_id = a.loan_id) IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'no loan for event %', lost USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER belongs AFTER INSERT ON loan_event REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_of_no_loan();

-- Messages are read by transaction and number, and by nothing else.
ALTER TABLE outbox DROP CONSTRAINT pk_outbox;
DROP INDEX ix_outbox_xid_id;
ALTER TABLE outbox ADD CONSTRAINT pk_outbox PRIMARY KEY (xid, id);

-- Deeds that come by the ten thousand are looked for by their loan.
DROP INDEX ix_activity_verb;
CREATE INDEX ix_activity_verb ON activity (verb) WHERE verb <> 'repaid';
