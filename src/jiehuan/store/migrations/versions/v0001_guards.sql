-- Tables that only grow: the database refuses to change or remove a row.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % only grows: % is refused; correct by adding rows', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['loan_event', 'entry', 'line', 'journal_seal', 'decision', 'contact', 'activity'] LOOP
        EXECUTE format('CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    END LOOP;
END $$;

-- Debits equal credits in every entry: its lines come in one statement, and the statement is refused when they differ,
-- or when there is no such entry (a foreign key would ask that line by line, and double the time of a large import).
CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong record;
BEGIN
    SELECT entry_id, sum(debit_fen) AS debit, sum(credit_fen) AS credit INTO wrong
        FROM added GROUP BY entry_id HAVING sum(debit_fen) <> sum(credit_fen) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % does not balance: debit % fen, credit % fen', wrong.entry_id, wrong.debit, wrong.credit
            USING ERRCODE = 'check_violation';
    END IF;
    SELECT a.entry_id INTO wrong FROM added a LEFT JOIN entry e USING (entry_id) WHERE e.entry_id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'no entry % for its lines', wrong.entry_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER balances AFTER INSERT ON line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced();
