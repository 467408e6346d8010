-- Signals that the lender's people write, cases that alerts open, every line review with what `line evaluate` needs of it,
-- the life of a change from proposal to force, and the notice that tells the borrower.
CREATE TABLE signal_version (
    version TEXT NOT NULL,
    body TEXT NOT NULL,
    remark TEXT DEFAULT '' NOT NULL,
    status TEXT NOT NULL,
    author TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    approved_by TEXT,
    approved_at TIMESTAMP WITH TIME ZONE,
    effective_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_signal_version PRIMARY KEY (version)
);

CREATE TABLE alert_case (
    case_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    loan_id TEXT,
    severity TEXT NOT NULL,
    status TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    opened_by TEXT NOT NULL,
    verdict TEXT,
    measure TEXT,
    remark TEXT DEFAULT '' NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by TEXT,
    CONSTRAINT pk_alert_case PRIMARY KEY (case_id),
    CONSTRAINT fk_alert_case_loan_id FOREIGN KEY(loan_id) REFERENCES loan (loan_id)
);

CREATE UNIQUE INDEX uq_alert_case_open ON alert_case (account_id) WHERE status = 'open';
CREATE INDEX ix_alert_case_account_id ON alert_case (account_id);
CREATE INDEX ix_alert_case_opened_at ON alert_case (opened_at);

ALTER TABLE alert ADD COLUMN acknowledged_by TEXT;
ALTER TABLE alert ADD COLUMN acknowledged_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE alert ADD COLUMN case_id TEXT;
ALTER TABLE alert ADD CONSTRAINT fk_alert_case_id FOREIGN KEY(case_id) REFERENCES alert_case (case_id);
CREATE INDEX ix_alert_case_id ON alert (case_id);
CREATE INDEX ix_alert_at ON alert (at);

CREATE TABLE line_review (
    review_id TEXT NOT NULL,
    borrower_id TEXT NOT NULL,
    "on" DATE NOT NULL,
    trigger TEXT NOT NULL,
    cause TEXT,
    context JSONB NOT NULL,
    old_limit_fen BIGINT NOT NULL,
    proposed_limit_fen BIGINT NOT NULL,
    new_limit_fen BIGINT NOT NULL,
    old_rate_ppm INTEGER NOT NULL,
    proposed_rate_ppm INTEGER NOT NULL,
    new_rate_ppm INTEGER NOT NULL,
    arm TEXT NOT NULL,
    propensity DOUBLE PRECISION NOT NULL,
    profit_before_fen BIGINT NOT NULL,
    profit_after_fen BIGINT NOT NULL,
    reasons JSONB NOT NULL,
    params_version TEXT NOT NULL,
    law_version TEXT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_line_review PRIMARY KEY (review_id),
    CONSTRAINT fk_line_review_borrower_id FOREIGN KEY(borrower_id) REFERENCES borrower (borrower_id)
);

CREATE INDEX ix_line_review_borrower_id ON line_review (borrower_id);
CREATE INDEX ix_line_review_on ON line_review ("on");

CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON line_review
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE line_change ADD COLUMN review_id TEXT;
ALTER TABLE line_change ADD COLUMN proposed_limit_fen BIGINT;
ALTER TABLE line_change ADD COLUMN proposed_rate_ppm INTEGER;
ALTER TABLE line_change ADD COLUMN propensity DOUBLE PRECISION;
ALTER TABLE line_change ADD COLUMN status TEXT DEFAULT 'in_force' NOT NULL;
ALTER TABLE line_change ADD COLUMN limit_from DATE;
ALTER TABLE line_change ADD COLUMN rate_from DATE;
ALTER TABLE line_change ADD COLUMN decided_by TEXT;
ALTER TABLE line_change ADD COLUMN decided_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE line_change ADD CONSTRAINT fk_line_change_review_id FOREIGN KEY(review_id) REFERENCES line_review (review_id);
UPDATE line_change SET status = 'held' WHERE arm = 'holdout';
UPDATE line_change SET limit_from = "on", rate_from = "on", decided_by = 'system' WHERE arm <> 'holdout';
CREATE INDEX ix_line_change_waiting ON line_change ("on") WHERE status IN ('proposed', 'approved');

CREATE TABLE line_notice (
    notice_id TEXT NOT NULL,
    change_id TEXT NOT NULL,
    borrower_id TEXT NOT NULL,
    language TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    status TEXT NOT NULL,
    detail TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_line_notice PRIMARY KEY (notice_id),
    CONSTRAINT fk_line_notice_change_id FOREIGN KEY(change_id) REFERENCES line_change (change_id),
    CONSTRAINT fk_line_notice_borrower_id FOREIGN KEY(borrower_id) REFERENCES borrower (borrower_id)
);

CREATE INDEX ix_line_notice_change_id ON line_notice (change_id);
CREATE INDEX ix_line_notice_borrower_id ON line_notice (borrower_id);
CREATE INDEX ix_line_notice_waiting ON line_notice (created_at) WHERE status = 'waiting';

CREATE INDEX ix_application_applied_at ON application (applied_at);
CREATE INDEX ix_work_item_at ON work_item (at);
CREATE INDEX ix_activity_verb ON activity (verb);
