-- Policies that two people release, explanations and reviews that a refused person may ask for, and what paid sources said.
CREATE TABLE policy_draft (
    draft_id TEXT NOT NULL,
    name TEXT NOT NULL,
    graph JSONB NOT NULL,
    base_version TEXT,
    remark TEXT DEFAULT '' NOT NULL,
    author TEXT NOT NULL,
    revision INTEGER NOT NULL,
    status TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_policy_draft PRIMARY KEY (draft_id)
);

CREATE TABLE policy_release (
    release_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    draft_id TEXT,
    effective_from DATE NOT NULL,
    remark TEXT DEFAULT '' NOT NULL,
    findings JSONB NOT NULL,
    difference JSONB,
    status TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    reason TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_policy_release PRIMARY KEY (release_id),
    CONSTRAINT ck_policy_release_four_eyes CHECK (status NOT IN ('approved', 'refused') OR (decided_by IS NOT NULL AND decided_by <> proposed_by)),
    CONSTRAINT fk_policy_release_version FOREIGN KEY(version) REFERENCES policy_version (version),
    CONSTRAINT fk_policy_release_draft_id FOREIGN KEY(draft_id) REFERENCES policy_draft (draft_id)
);

CREATE INDEX ix_policy_release_in_force ON policy_release (name, effective_from) WHERE status = 'approved';

INSERT INTO policy_release (release_id, name, version, effective_from, findings, status, proposed_by, proposed_at, decided_by, decided_at, reason)
SELECT 'rl_' || version, name, version, effective_from, '[]', 'approved', author, created_at,
       CASE WHEN approved_by IS NULL OR approved_by = author THEN 'release of the platform' ELSE approved_by END, created_at, ''
FROM policy_version WHERE status = 'active';

CREATE TABLE explanation (
    decision_id TEXT NOT NULL,
    document JSONB NOT NULL,
    file_id TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_explanation PRIMARY KEY (decision_id),
    CONSTRAINT fk_explanation_decision_id FOREIGN KEY(decision_id) REFERENCES decision (decision_id),
    CONSTRAINT fk_explanation_file_id FOREIGN KEY(file_id) REFERENCES file (file_id)
);

CREATE TABLE review (
    review_id TEXT NOT NULL,
    application_id TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    words TEXT DEFAULT '' NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_on DATE NOT NULL,
    basis JSONB NOT NULL,
    status TEXT NOT NULL,
    outcome_id TEXT,
    reason TEXT DEFAULT '' NOT NULL,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    missed_on DATE,
    CONSTRAINT pk_review PRIMARY KEY (review_id),
    CONSTRAINT fk_review_application_id FOREIGN KEY(application_id) REFERENCES application (application_id),
    CONSTRAINT fk_review_decision_id FOREIGN KEY(decision_id) REFERENCES decision (decision_id),
    CONSTRAINT fk_review_outcome_id FOREIGN KEY(outcome_id) REFERENCES decision (decision_id)
);

CREATE INDEX ix_review_application_id ON review (application_id);

CREATE UNIQUE INDEX uq_review_open ON review (application_id) WHERE status = 'open';

CREATE INDEX ix_review_due ON review (due_on) WHERE status = 'open';

CREATE TABLE source_answer (
    person_index BYTEA NOT NULL,
    source TEXT NOT NULL,
    purpose TEXT NOT NULL,
    question BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    cost_fen BIGINT NOT NULL,
    CONSTRAINT pk_source_answer PRIMARY KEY (person_index, source, purpose, question)
);

CREATE INDEX ix_source_answer_expires_at ON source_answer (expires_at);

CREATE TABLE source_call (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    source TEXT NOT NULL,
    purpose TEXT NOT NULL,
    borrower_id TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome TEXT NOT NULL,
    cost_fen BIGINT NOT NULL,
    milliseconds INTEGER NOT NULL,
    CONSTRAINT pk_source_call PRIMARY KEY (id)
);

CREATE INDEX ix_source_call_borrower_id ON source_call (borrower_id);
