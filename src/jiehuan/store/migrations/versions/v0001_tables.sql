-- Generated once from tables.py, then frozen: later changes are later steps.

CREATE TABLE activity (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    verb TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail JSONB NOT NULL,
    CONSTRAINT pk_activity PRIMARY KEY (id)
);

CREATE INDEX ix_activity_subject ON activity (subject);

CREATE TABLE borrower (
    borrower_id TEXT NOT NULL,
    name_sealed BYTEA,
    id_number_sealed BYTEA,
    phone_sealed BYTEA,
    email_sealed BYTEA,
    id_number_index BYTEA,
    phone_index BYTEA,
    region TEXT NOT NULL,
    birth_year INTEGER,
    sex TEXT,
    language TEXT DEFAULT 'zh' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_borrower PRIMARY KEY (borrower_id),
    CONSTRAINT uq_borrower_id_number_index UNIQUE (id_number_index)
);

CREATE INDEX ix_borrower_phone_index ON borrower (phone_index);

CREATE TABLE file (
    file_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    subject TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    content BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_file PRIMARY KEY (file_id)
);

CREATE INDEX ix_file_subject ON file (subject);

CREATE TABLE idempotency (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    status INTEGER NOT NULL,
    response JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_idempotency PRIMARY KEY (scope, key)
);

CREATE TABLE import_run (
    run_id TEXT NOT NULL,
    mapping TEXT NOT NULL,
    path TEXT NOT NULL,
    counts JSONB NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_import_run PRIMARY KEY (run_id)
);

CREATE TABLE journal_seal (
    seal_id TEXT NOT NULL,
    "on" DATE NOT NULL,
    last_seq BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    root BYTEA NOT NULL,
    sealed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_journal_seal PRIMARY KEY (seal_id)
);

CREATE TABLE line (
    entry_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    account TEXT NOT NULL,
    debit_fen BIGINT NOT NULL,
    credit_fen BIGINT NOT NULL,
    CONSTRAINT pk_line PRIMARY KEY (entry_id, n),
    CONSTRAINT ck_line_one_side CHECK (debit_fen >= 0 AND credit_fen >= 0 AND (debit_fen = 0) <> (credit_fen = 0))
);

CREATE TABLE model (
    model_id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    fitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    metrics JSONB NOT NULL,
    body JSONB NOT NULL,
    status TEXT NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_model PRIMARY KEY (model_id)
);

CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    payload JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_outbox PRIMARY KEY (id)
);

CREATE INDEX ix_outbox_xid_id ON outbox (xid, id);

CREATE TABLE policy_version (
    version TEXT NOT NULL,
    name TEXT NOT NULL,
    graph JSONB NOT NULL,
    status TEXT NOT NULL,
    effective_from DATE NOT NULL,
    author TEXT NOT NULL,
    approved_by TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_policy_version PRIMARY KEY (version)
);

CREATE TABLE setting (
    key TEXT NOT NULL,
    value JSONB NOT NULL,
    CONSTRAINT pk_setting PRIMARY KEY (key)
);

CREATE TABLE signal_event (
    event_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    kind TEXT NOT NULL,
    amount_fen BIGINT NOT NULL,
    counterparty TEXT DEFAULT '' NOT NULL,
    channel TEXT DEFAULT '' NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_signal_event PRIMARY KEY (event_id)
);

CREATE INDEX ix_signal_event_account_id ON signal_event (account_id);

CREATE TABLE user_account (
    user_id TEXT NOT NULL,
    login TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    active BOOLEAN DEFAULT 'true' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_user_account PRIMARY KEY (user_id),
    CONSTRAINT uq_user_account_login UNIQUE (login)
);

CREATE TABLE vault_key (
    key_id TEXT NOT NULL,
    wrapped BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_vault_key PRIMARY KEY (key_id)
);

CREATE TABLE application (
    application_id TEXT NOT NULL,
    borrower_id TEXT NOT NULL,
    lender_type TEXT NOT NULL,
    product TEXT NOT NULL,
    channel TEXT NOT NULL,
    purpose TEXT DEFAULT '' NOT NULL,
    amount_fen BIGINT NOT NULL,
    months INTEGER NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
    features JSONB NOT NULL,
    status TEXT NOT NULL,
    source TEXT DEFAULT 'api' NOT NULL,
    CONSTRAINT pk_application PRIMARY KEY (application_id),
    CONSTRAINT fk_application_borrower_id FOREIGN KEY(borrower_id) REFERENCES borrower (borrower_id)
);

CREATE INDEX ix_application_borrower_id ON application (borrower_id);

CREATE INDEX ix_application_status ON application (status);

CREATE TABLE credit_line (
    borrower_id TEXT NOT NULL,
    limit_fen BIGINT NOT NULL,
    rate_ppm INTEGER NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_credit_line PRIMARY KEY (borrower_id),
    CONSTRAINT fk_credit_line_borrower_id FOREIGN KEY(borrower_id) REFERENCES borrower (borrower_id)
);

CREATE TABLE import_refusal (
    run_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    file TEXT NOT NULL,
    row BIGINT NOT NULL,
    "column" TEXT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT pk_import_refusal PRIMARY KEY (run_id, n),
    CONSTRAINT fk_import_refusal_run_id FOREIGN KEY(run_id) REFERENCES import_run (run_id)
);

CREATE TABLE line_change (
    change_id TEXT NOT NULL,
    borrower_id TEXT NOT NULL,
    "on" DATE NOT NULL,
    old_limit_fen BIGINT NOT NULL,
    new_limit_fen BIGINT NOT NULL,
    old_rate_ppm INTEGER NOT NULL,
    new_rate_ppm INTEGER NOT NULL,
    reasons JSONB NOT NULL,
    arm TEXT NOT NULL,
    notified_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_line_change PRIMARY KEY (change_id),
    CONSTRAINT fk_line_change_borrower_id FOREIGN KEY(borrower_id) REFERENCES borrower (borrower_id)
);

CREATE INDEX ix_line_change_borrower_id ON line_change (borrower_id);

CREATE TABLE report (
    report_id TEXT NOT NULL,
    "on" DATE NOT NULL,
    figures JSONB NOT NULL,
    pdf_file TEXT NOT NULL,
    html_file TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_report PRIMARY KEY (report_id),
    CONSTRAINT fk_report_pdf_file FOREIGN KEY(pdf_file) REFERENCES file (file_id),
    CONSTRAINT fk_report_html_file FOREIGN KEY(html_file) REFERENCES file (file_id)
);

CREATE TABLE session (
    token_hash BYTEA NOT NULL,
    user_id TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_session PRIMARY KEY (token_hash),
    CONSTRAINT fk_session_user_id FOREIGN KEY(user_id) REFERENCES user_account (user_id)
);

CREATE TABLE contract (
    contract_id TEXT NOT NULL,
    application_id TEXT NOT NULL,
    terms JSONB NOT NULL,
    contract_file TEXT NOT NULL,
    cost_sheet_file TEXT NOT NULL,
    signed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_contract PRIMARY KEY (contract_id),
    CONSTRAINT uq_contract_application_id UNIQUE (application_id),
    CONSTRAINT fk_contract_application_id FOREIGN KEY(application_id) REFERENCES application (application_id),
    CONSTRAINT fk_contract_contract_file FOREIGN KEY(contract_file) REFERENCES file (file_id),
    CONSTRAINT fk_contract_cost_sheet_file FOREIGN KEY(cost_sheet_file) REFERENCES file (file_id)
);

CREATE TABLE decision (
    decision_id TEXT NOT NULL,
    application_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    limit_fen BIGINT,
    rate_ppm INTEGER,
    months INTEGER,
    method TEXT,
    points INTEGER,
    pd DOUBLE PRECISION,
    reasons JSONB NOT NULL,
    law_checks JSONB NOT NULL,
    offers JSONB NOT NULL,
    inputs JSONB NOT NULL,
    policy_version TEXT NOT NULL,
    model_id TEXT,
    law_version TEXT NOT NULL,
    decided_by TEXT DEFAULT 'policy' NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_decision PRIMARY KEY (decision_id),
    CONSTRAINT fk_decision_application_id FOREIGN KEY(application_id) REFERENCES application (application_id)
);

CREATE INDEX ix_decision_application_id ON decision (application_id);

CREATE TABLE loan (
    loan_id TEXT NOT NULL,
    application_id TEXT,
    borrower_id TEXT NOT NULL,
    lender_type TEXT NOT NULL,
    product TEXT NOT NULL,
    region TEXT NOT NULL,
    channel TEXT NOT NULL,
    principal_fen BIGINT NOT NULL,
    rate_ppm INTEGER NOT NULL,
    months INTEGER NOT NULL,
    method TEXT NOT NULL,
    drawn_on DATE NOT NULL,
    first_due DATE NOT NULL,
    terms JSONB NOT NULL,
    source TEXT DEFAULT 'api' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_loan PRIMARY KEY (loan_id),
    CONSTRAINT uq_loan_application_id UNIQUE (application_id),
    CONSTRAINT fk_loan_application_id FOREIGN KEY(application_id) REFERENCES application (application_id),
    CONSTRAINT fk_loan_borrower_id FOREIGN KEY(borrower_id) REFERENCES borrower (borrower_id)
);

CREATE INDEX ix_loan_borrower_id ON loan (borrower_id);

CREATE INDEX ix_loan_drawn_on ON loan (drawn_on);

CREATE TABLE alert (
    alert_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    loan_id TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    evidence JSONB NOT NULL,
    event_id TEXT,
    status TEXT DEFAULT 'open' NOT NULL,
    handled_by TEXT,
    handled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_alert PRIMARY KEY (alert_id),
    CONSTRAINT fk_alert_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id)
);

CREATE INDEX ix_alert_account_id ON alert (account_id);

CREATE TABLE book_snapshot (
    as_of DATE NOT NULL,
    loan_id TEXT NOT NULL,
    outstanding_fen BIGINT NOT NULL,
    overdue_fen BIGINT NOT NULL,
    dpd INTEGER NOT NULL,
    class TEXT NOT NULL,
    status TEXT NOT NULL,
    CONSTRAINT pk_book_snapshot PRIMARY KEY (as_of, loan_id),
    CONSTRAINT fk_book_snapshot_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id)
);

CREATE TABLE contact (
    contact_id TEXT NOT NULL,
    loan_id TEXT NOT NULL,
    borrower_id TEXT NOT NULL,
    item_id TEXT,
    channel TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    template TEXT DEFAULT '' NOT NULL,
    status TEXT NOT NULL,
    detail JSONB NOT NULL,
    idempotency_key TEXT NOT NULL,
    CONSTRAINT pk_contact PRIMARY KEY (contact_id),
    CONSTRAINT fk_contact_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id),
    CONSTRAINT fk_contact_borrower_id FOREIGN KEY(borrower_id) REFERENCES borrower (borrower_id),
    CONSTRAINT uq_contact_idempotency_key UNIQUE (idempotency_key)
);

CREATE INDEX ix_contact_borrower_id ON contact (borrower_id);

CREATE INDEX ix_contact_loan_id ON contact (loan_id);

CREATE TABLE disposal (
    disposal_id TEXT NOT NULL,
    loan_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    "on" DATE NOT NULL,
    balance_fen BIGINT NOT NULL,
    value_fen BIGINT NOT NULL,
    low_fen BIGINT NOT NULL,
    high_fen BIGINT NOT NULL,
    tape_id TEXT,
    detail JSONB NOT NULL,
    status TEXT NOT NULL,
    CONSTRAINT pk_disposal PRIMARY KEY (disposal_id),
    CONSTRAINT fk_disposal_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id)
);

CREATE INDEX ix_disposal_loan_id ON disposal (loan_id);

CREATE TABLE entry (
    entry_id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    loan_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    movement_id TEXT NOT NULL,
    event_id TEXT,
    reverses TEXT,
    kind TEXT NOT NULL,
    effective DATE NOT NULL,
    known DATE NOT NULL,
    previous_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_entry PRIMARY KEY (entry_id),
    CONSTRAINT uq_entry_loan_id_n UNIQUE (loan_id, n),
    CONSTRAINT uq_entry_seq UNIQUE (seq),
    CONSTRAINT fk_entry_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id),
    CONSTRAINT uq_entry_reverses UNIQUE (reverses)
);

CREATE TABLE legal_case (
    case_id TEXT NOT NULL,
    loan_id TEXT NOT NULL,
    borrower_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    procedure TEXT NOT NULL,
    court TEXT NOT NULL,
    amounts JSONB NOT NULL,
    claim_fen BIGINT NOT NULL,
    fee_fen BIGINT NOT NULL,
    stage TEXT NOT NULL,
    law_firm TEXT,
    opened_on DATE NOT NULL,
    pleading_file TEXT,
    CONSTRAINT pk_legal_case PRIMARY KEY (case_id),
    CONSTRAINT fk_legal_case_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id),
    CONSTRAINT fk_legal_case_borrower_id FOREIGN KEY(borrower_id) REFERENCES borrower (borrower_id),
    CONSTRAINT fk_legal_case_pleading_file FOREIGN KEY(pleading_file) REFERENCES file (file_id)
);

CREATE INDEX ix_legal_case_loan_id ON legal_case (loan_id);

CREATE TABLE loan_event (
    loan_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    effective_on DATE NOT NULL,
    known_on DATE NOT NULL,
    body JSONB NOT NULL,
    idempotency_key TEXT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_loan_event PRIMARY KEY (loan_id, event_id),
    CONSTRAINT fk_loan_event_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id),
    CONSTRAINT uq_loan_event_seq UNIQUE (seq),
    CONSTRAINT uq_loan_event_idempotency_key UNIQUE (idempotency_key)
);

CREATE TABLE loan_state (
    loan_id TEXT NOT NULL,
    as_of DATE NOT NULL,
    principal_outstanding_fen BIGINT NOT NULL,
    interest_due_fen BIGINT NOT NULL,
    penalty_due_fen BIGINT NOT NULL,
    costs_due_fen BIGINT NOT NULL,
    overdue_fen BIGINT NOT NULL,
    credit_balance_fen BIGINT NOT NULL,
    dpd INTEGER NOT NULL,
    bucket TEXT NOT NULL,
    class TEXT NOT NULL,
    provision_fen BIGINT NOT NULL,
    status TEXT NOT NULL,
    next_due DATE,
    CONSTRAINT pk_loan_state PRIMARY KEY (loan_id),
    CONSTRAINT fk_loan_state_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id)
);

CREATE INDEX ix_loan_state_overdue ON loan_state (dpd) WHERE dpd > 0;

CREATE TABLE promise (
    promise_id TEXT NOT NULL,
    loan_id TEXT NOT NULL,
    amount_fen BIGINT NOT NULL,
    due_on DATE NOT NULL,
    status TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_promise PRIMARY KEY (promise_id),
    CONSTRAINT fk_promise_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id)
);

CREATE INDEX ix_promise_loan_id ON promise (loan_id);

CREATE TABLE work_item (
    item_id TEXT NOT NULL,
    plan_id TEXT NOT NULL,
    loan_id TEXT NOT NULL,
    borrower_id TEXT NOT NULL,
    action TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    expected_gain_fen BIGINT NOT NULL,
    arm TEXT NOT NULL,
    segment TEXT DEFAULT '' NOT NULL,
    reason JSONB NOT NULL,
    status TEXT DEFAULT 'open' NOT NULL,
    outcome JSONB,
    done_by TEXT,
    done_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_work_item PRIMARY KEY (item_id),
    CONSTRAINT fk_work_item_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id),
    CONSTRAINT fk_work_item_borrower_id FOREIGN KEY(borrower_id) REFERENCES borrower (borrower_id)
);

CREATE INDEX ix_work_item_loan_id ON work_item (loan_id);

CREATE INDEX ix_work_item_plan_id ON work_item (plan_id);

CREATE TABLE deadline (
    deadline_id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    due_on DATE NOT NULL,
    zh TEXT NOT NULL,
    en TEXT NOT NULL,
    citation TEXT NOT NULL,
    done_on DATE,
    done_by TEXT,
    CONSTRAINT pk_deadline PRIMARY KEY (deadline_id),
    CONSTRAINT fk_deadline_case_id FOREIGN KEY(case_id) REFERENCES legal_case (case_id)
);

CREATE INDEX ix_deadline_case_id ON deadline (case_id);
