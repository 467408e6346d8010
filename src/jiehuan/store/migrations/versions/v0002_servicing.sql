CREATE TABLE receipt (
    receipt_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    reference TEXT,
    amount_fen BIGINT NOT NULL,
    "on" DATE NOT NULL,
    status TEXT NOT NULL,
    loan_id TEXT,
    event_id TEXT,
    reason TEXT DEFAULT '' NOT NULL,
    resolved_by TEXT,
    resolved_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_receipt PRIMARY KEY (receipt_id),
    CONSTRAINT uq_receipt_reference UNIQUE (reference),
    CONSTRAINT fk_receipt_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id)
);

CREATE INDEX ix_receipt_loan_id ON receipt (loan_id);

CREATE INDEX ix_receipt_suspense ON receipt ("on") WHERE status = 'suspense';

CREATE TABLE statement (
    statement_id TEXT NOT NULL,
    account TEXT NOT NULL,
    reference TEXT NOT NULL,
    format TEXT NOT NULL,
    currency TEXT NOT NULL,
    closed_on DATE NOT NULL,
    opening_fen BIGINT,
    closing_fen BIGINT,
    sha256 TEXT NOT NULL,
    imported_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_statement PRIMARY KEY (statement_id),
    CONSTRAINT uq_statement_account_reference UNIQUE (account, reference)
);

CREATE TABLE statement_line (
    line_id TEXT NOT NULL,
    statement_id TEXT NOT NULL,
    row INTEGER NOT NULL,
    entry_reference TEXT NOT NULL,
    "on" DATE,
    amount_fen BIGINT,
    outcome TEXT NOT NULL,
    receipt_id TEXT,
    entry_id TEXT,
    reason TEXT DEFAULT '' NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_statement_line PRIMARY KEY (line_id),
    CONSTRAINT fk_statement_line_statement_id FOREIGN KEY(statement_id) REFERENCES statement (statement_id),
    CONSTRAINT fk_statement_line_receipt_id FOREIGN KEY(receipt_id) REFERENCES receipt (receipt_id),
    CONSTRAINT uq_statement_line_entry_id UNIQUE (entry_id)
);

CREATE INDEX ix_statement_line_receipt_id ON statement_line (receipt_id);

CREATE INDEX ix_statement_line_statement_id ON statement_line (statement_id);

CREATE TABLE payment_handle (
    handle_index BYTEA NOT NULL,
    kind TEXT NOT NULL,
    loan_id TEXT,
    borrower_id TEXT,
    CONSTRAINT pk_payment_handle PRIMARY KEY (handle_index),
    CONSTRAINT ck_payment_handle_one_owner CHECK ((loan_id IS NULL) <> (borrower_id IS NULL)),
    CONSTRAINT fk_payment_handle_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id),
    CONSTRAINT fk_payment_handle_borrower_id FOREIGN KEY(borrower_id) REFERENCES borrower (borrower_id)
);

CREATE INDEX ix_payment_handle_borrower_id ON payment_handle (borrower_id);

CREATE INDEX ix_payment_handle_loan_id ON payment_handle (loan_id);

CREATE TABLE gateway_event (
    gateway TEXT NOT NULL,
    event_id TEXT NOT NULL,
    content_hash BYTEA NOT NULL,
    receipt_id TEXT NOT NULL,
    answer JSONB NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_gateway_event PRIMARY KEY (gateway, event_id),
    CONSTRAINT fk_gateway_event_receipt_id FOREIGN KEY(receipt_id) REFERENCES receipt (receipt_id)
);

CREATE INDEX ix_gateway_event_receipt_id ON gateway_event (receipt_id);

CREATE TABLE day_end_run (
    "on" DATE NOT NULL,
    mark TEXT DEFAULT '' NOT NULL,
    changed BIGINT DEFAULT '0' NOT NULL,
    entries BIGINT DEFAULT '0' NOT NULL,
    positions TEXT,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_day_end_run PRIMARY KEY ("on")
);

CREATE TABLE loan_touched (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    loan_id TEXT NOT NULL,
    CONSTRAINT pk_loan_touched PRIMARY KEY (id)
);

-- Whatever happens to a loan puts it on the list, in the transaction that does it. Rows are only added here and removed
-- by the day end that has read them, so that no event can slip between its reading and its removing.
CREATE FUNCTION loan_is_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO loan_touched (loan_id) SELECT DISTINCT loan_id FROM added;
    RETURN NULL;
END $$;

CREATE TRIGGER touches AFTER INSERT ON loan REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION loan_is_touched();
CREATE TRIGGER touches AFTER INSERT ON loan_event REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION loan_is_touched();
INSERT INTO loan_touched (loan_id) SELECT loan_id FROM loan;
