"""Every table, in the order of the loop. Money columns end in ``_fen`` (bigint), rates in ``_ppm``; instants are zoned.

Append-only tables (``APPEND_ONLY``) are guarded by triggers in the migration: the database itself refuses UPDATE,
DELETE and TRUNCATE on them. It also refuses entries that do not balance, and entries and events of no loan.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

JSONB = postgresql.JSONB(none_as_null=True)
"""None is NULL, as in every other column; JSON's own null is ``sqlalchemy.JSON.NULL``."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


BARE = "terms - '{lender_type,principal,rate,months,method,drawn_on,first_due,penalty_uplift}'::text[] = '{}'::jsonb"
"""Whether a loan's terms are plain enough for columns."""

BALANCED = (
    "CASE WHEN cardinality(amounts) > 6 THEN sum_of(amounts) ELSE amounts[1] + coalesce(amounts[2], 0) + coalesce(amounts[3], 0)"
    " + coalesce(amounts[4], 0) + coalesce(amounts[5], 0) + coalesce(amounts[6], 0) END"
)
"""What an entry is out of balance by: spelled out for the few lines that most have, which costs a tenth of calling a function."""


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id, by which the outbox is read in order of visibility."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in DDL."""
        return "xid8"


def _at(name: str, *, default: bool = False, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), server_default=func.now() if default else None, nullable=nullable)


def _fen(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


# apply

borrower = Table(
    "borrower",
    metadata,
    Column("borrower_id", Text, primary_key=True),
    Column("name_sealed", LargeBinary),
    Column("id_number_sealed", LargeBinary),
    Column("phone_sealed", LargeBinary),
    Column("email_sealed", LargeBinary),
    Column("id_number_index", LargeBinary, unique=True),
    Column("phone_index", LargeBinary, index=True),
    Column("region", Text, nullable=False),
    Column("birth_year", Integer),
    Column("sex", Text),
    Column("language", Text, nullable=False, server_default="zh"),
    _at("created_at", default=True),
)

application = Table(
    "application",
    metadata,
    Column("application_id", Text, primary_key=True),
    Column("borrower_id", ForeignKey("borrower.borrower_id"), nullable=False, index=True),
    Column("lender_type", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("purpose", Text, nullable=False, server_default=""),
    _fen("amount_fen"),
    Column("months", Integer, nullable=False),
    Column("applied_at", DateTime(timezone=True), nullable=False, index=True),
    Column("features", JSONB, nullable=False),
    Column("status", Text, nullable=False, index=True),  # new approved refused review signed booked withdrawn imported
    Column("source", Text, nullable=False, server_default="api"),
)

# decide

decision = Table(
    "decision",
    metadata,
    Column("decision_id", Text, primary_key=True),
    Column("application_id", ForeignKey("application.application_id"), nullable=False, index=True),
    Column("outcome", Text, nullable=False),  # approve refuse review
    _fen("limit_fen", nullable=True),
    Column("rate_ppm", Integer),
    Column("months", Integer),
    Column("method", Text),
    Column("points", Integer),
    Column("pd", Double),
    Column("reasons", JSONB, nullable=False),  # [{code, zh, en, feature?, value?}]
    Column("law_checks", JSONB, nullable=False),  # [{rule, ok, citation, zh, en}]
    Column("offers", JSONB, nullable=False),
    Column("seen", JSONB),  # what the policy looked at, by name; also in inputs
    Column("inputs", JSON, nullable=False),  # all that it rests on, letter by letter
    Column("policy_version", Text, nullable=False),
    Column("model_id", Text),
    Column("law_version", Text, nullable=False),
    Column("decided_by", Text, nullable=False, server_default="policy"),
    _at("decided_at"),
)

model = Table(
    "model",
    metadata,
    Column("model_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    _at("fitted_at"),
    Column("metrics", JSONB, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("status", Text, nullable=False),  # champion challenger retired
    Column("note", Text, nullable=False, server_default=""),
)

policy_version = Table(
    "policy_version",
    metadata,
    Column("version", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("graph", JSONB, nullable=False),
    Column("status", Text, nullable=False),  # draft active retired
    Column("effective_from", Date, nullable=False),
    Column("author", Text, nullable=False),
    Column("approved_by", Text),
    _at("created_at", default=True),
)

policy_draft = Table(
    "policy_draft",
    metadata,
    Column("draft_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("graph", JSONB, nullable=False),  # may be broken: it is work under way
    Column("base_version", Text),
    Column("remark", Text, nullable=False, server_default=""),
    Column("author", Text, nullable=False),
    Column("revision", Integer, nullable=False),  # who saves an older one than is kept, is told
    Column("status", Text, nullable=False),  # open proposed released discarded
    _at("created_at"),
    _at("updated_at"),
)

policy_release = Table(
    "policy_release",
    metadata,
    Column("release_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", ForeignKey("policy_version.version"), nullable=False),
    Column("draft_id", ForeignKey("policy_draft.draft_id")),
    Column("effective_from", Date, nullable=False),
    Column("remark", Text, nullable=False, server_default=""),
    Column("findings", JSONB, nullable=False),
    Column("difference", JSONB),
    Column("status", Text, nullable=False),  # proposed approved refused withdrawn
    Column("proposed_by", Text, nullable=False),
    _at("proposed_at"),
    Column("decided_by", Text),
    _at("decided_at", nullable=True),
    Column("reason", Text, nullable=False, server_default=""),
    CheckConstraint(
        "status NOT IN ('approved', 'refused') OR (decided_by IS NOT NULL AND decided_by <> proposed_by)",
        name="four_eyes",
    ),
    Index("ix_policy_release_in_force", "name", "effective_from", postgresql_where="status = 'approved'"),
)

# rights: explanation and review

explanation = Table(
    "explanation",
    metadata,
    Column("decision_id", ForeignKey("decision.decision_id"), primary_key=True),
    Column("document", JSONB, nullable=False),
    Column("file_id", ForeignKey("file.file_id"), nullable=False),
    Column("asked_by", Text, nullable=False),
    _at("made_at"),
)

review = Table(
    "review",
    metadata,
    Column("review_id", Text, primary_key=True),
    Column("application_id", ForeignKey("application.application_id"), nullable=False, index=True),
    Column("decision_id", ForeignKey("decision.decision_id"), nullable=False),
    Column("kind", Text, nullable=False),  # policy (it left the decision to a person) request (the borrower asked)
    Column("words", Text, nullable=False, server_default=""),
    Column("asked_by", Text, nullable=False),
    _at("asked_at"),
    Column("due_on", Date, nullable=False),
    Column("basis", JSONB, nullable=False),  # {days, unit, citation, zh, en}
    Column("status", Text, nullable=False),  # open approved refused
    Column("outcome_id", ForeignKey("decision.decision_id")),
    Column("reason", Text, nullable=False, server_default=""),
    Column("decided_by", Text),
    _at("decided_at", nullable=True),
    Column("missed_on", Date),  # the evening on which the missed deadline was raised
    Index("uq_review_open", "application_id", unique=True, postgresql_where="status = 'open'"),
    Index("ix_review_due", "due_on", postgresql_where="status = 'open'"),
)

# paid sources

source_answer = Table(
    "source_answer",
    metadata,
    Column("person_index", LargeBinary, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("question", LargeBinary, primary_key=True),  # keyed digest of what was sent
    Column("sealed", LargeBinary, nullable=False),
    _at("asked_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    _fen("cost_fen"),
)

source_call = Table(
    "source_call",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("borrower_id", Text, index=True),
    _at("at"),
    Column("outcome", Text, nullable=False),  # answered remembered failed refused
    _fen("cost_fen"),
    Column("milliseconds", Integer, nullable=False),
)

# book

loan = Table(
    "loan",
    metadata,
    Column("loan_id", Text, primary_key=True),
    Column("application_id", ForeignKey("application.application_id"), unique=True),
    Column("borrower_id", ForeignKey("borrower.borrower_id"), nullable=False, index=True),
    Column("lender_type", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("channel", Text, nullable=False),
    _fen("principal_fen"),
    Column("rate_ppm", Integer, nullable=False),
    Column("months", Integer, nullable=False),
    Column("method", Text, nullable=False),
    Column("drawn_on", Date, nullable=False),
    Column("first_due", Date, nullable=False),
    Column("terms", JSONB, nullable=False),  # the `loan replay` input without events
    Column(
        "bare", Boolean, Computed(BARE, persisted=True)
    ),  # the terms say nothing beside what has a column, and the uplift
    Column("source", Text, nullable=False, server_default="api"),
    _at("created_at", default=True),
    Index("ix_loan_drawn_on", "drawn_on", "loan_id"),
    Index("ix_loan_joint", "loan_id", postgresql_where="terms ? 'funding'"),
)

contract = Table(
    "contract",
    metadata,
    Column("contract_id", Text, primary_key=True),
    Column("application_id", ForeignKey("application.application_id"), nullable=False, unique=True),
    Column("terms", JSONB, nullable=False),
    Column("contract_file", ForeignKey("file.file_id"), nullable=False),
    Column("cost_sheet_file", ForeignKey("file.file_id"), nullable=False),
    _at("signed_at"),
)

loan_event = Table(
    "loan_event",
    metadata,
    Column("loan_id", Text, primary_key=True),  # that the loan exists, a trigger sees, for a whole statement at once
    Column("event_id", Text, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), nullable=False),  # in which order a loan's events were recorded
    Column("kind", Text, nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("known_on", Date, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("idempotency_key", Text, nullable=False, unique=True),
    _at("recorded_at", default=True),
)

loan_standing = Table(  # what lasts while nothing happens to a loan: exact on ``as_of``, and read by the view on later days
    "loan_standing",
    metadata,
    Column("loan_id", ForeignKey("loan.loan_id"), primary_key=True),
    Column("as_of", Date, nullable=False),
    _fen("principal_outstanding_fen"),
    _fen("interest_due_fen"),
    _fen("penalty_due_fen"),
    _fen("costs_due_fen"),
    _fen("overdue_fen"),
    _fen("credit_balance_fen"),
    Column("class", Text, nullable=False),
    _fen("provision_fen"),
    Column("status", Text, nullable=False),  # active settled written_off sold restructured
    Column("next_due", Date),
    Column("oldest_due", Date),  # days past due are counted from it; none: nothing is past due
    _fen("penalty_base_fen", nullable=True),  # these four: what the penalty grows by (``loan.Running``); none: it does not
    Column("penalty_fen_days", BigInteger),
    Column("penalty_numerator", BigInteger),
    Column("penalty_denominator", BigInteger),
    CheckConstraint(
        "num_nulls(penalty_base_fen, penalty_fen_days, penalty_numerator, penalty_denominator) IN (0, 4)", name="penalty_runs"
    ),
    Index("ix_loan_standing_late", "oldest_due", postgresql_where="oldest_due IS NOT NULL"),
)  # fmt: skip

loan_state = Table(  # a view: the state of every loan on the book's day. Only who writes goes to ``loan_standing``
    "loan_state",
    MetaData(),
    Column("loan_id", Text, primary_key=True),
    Column("as_of", Date, nullable=False),
    *[
        _fen(f"{name}_fen")
        for name in (
            "principal_outstanding",
            "interest_due",
            "penalty_due",
            "costs_due",
            "overdue",
            "credit_balance",
            "provision",
        )
    ],
    Column("dpd", Integer, nullable=False),
    Column("bucket", Text, nullable=False),
    Column("class", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("next_due", Date),
    Column("oldest_due", Date),  # set if and only if dpd > 0, and cheaper to ask for
)

book_snapshot = Table(
    "book_snapshot",
    metadata,
    Column("as_of", Date, primary_key=True),
    Column("loan_id", ForeignKey("loan.loan_id"), primary_key=True),
    _fen("outstanding_fen"),
    _fen("overdue_fen"),
    Column("dpd", Integer, nullable=False),
    Column("class", Text, nullable=False),
    Column("status", Text, nullable=False),
)

entry = Table(
    "entry",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("entry_id", Text, nullable=False),  # derived from what it posts: the chain has one place for it
    Column("loan_id", Text),  # that the loan exists, a trigger sees when its first entry comes
    Column("held_id", Text),  # instead of a loan: the receipt or statement line whose money is in suspense
    Column("n", Integer, nullable=False),  # place in the loan's chain, from 0
    Column("movement_id", Text, nullable=False),  # empty for provisions, accruals and costs advanced
    Column("event_id", Text),
    Column("reverses", Text),  # the entry that this one undoes; an entry is undone at most once
    Column("kind", Text, nullable=False),
    Column("effective", Date, nullable=False),
    Column("known", Date, nullable=False),
    Column("hash", LargeBinary, nullable=False),  # over the hash before it in its chain and all that the entry says
    Column("accounts", postgresql.ARRAY(Text), nullable=False),  # its lines: account and amount, place by place
    Column("amounts", postgresql.ARRAY(BigInteger), nullable=False),  # fen; debit above zero, credit below
    _at("recorded_at", default=True),
    UniqueConstraint("loan_id", "n"),
    CheckConstraint("(loan_id IS NULL) <> (held_id IS NULL)", name="one_owner"),
    CheckConstraint(f"{BALANCED} = 0", name="balances"),
    CheckConstraint(
        "cardinality(amounts) > 1 AND cardinality(accounts) = cardinality(amounts)"
        " AND (0 <> ALL (amounts)) IS TRUE AND array_position(accounts, NULL) IS NULL",
        name="lines",
    ),
    Index("uq_entry_held", "held_id", "n", unique=True, postgresql_where="held_id IS NOT NULL"),
    Index("uq_entry_reverses", "reverses", unique=True, postgresql_where="reverses IS NOT NULL"),
    Index(
        "ix_entry_id",
        "entry_id",
        postgresql_where="kind NOT IN ('interest', 'penalty', 'repayment', 'provision', 'accrual')",
    ),
)

line = Table(  # a view: the lines of all entries, each with what its entry says
    "line",
    MetaData(),
    *[Column(name, Text) for name in ("entry_id", "loan_id", "held_id", "movement_id", "event_id", "reverses", "kind")],
    Column("place", Integer, nullable=False),  # the entry's, in its chain
    Column("effective", Date, nullable=False),
    Column("known", Date, nullable=False),
    Column("n", Integer, nullable=False),  # the line's, in its entry
    Column("account", Text, nullable=False),
    _fen("debit_fen"),
    _fen("credit_fen"),
)

journal_seal = Table(
    "journal_seal",
    metadata,
    Column("seal_id", Text, primary_key=True),
    Column("on", Date, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    _at("sealed_at", default=True),
)

# watch and adjust

signal_event = Table(
    "signal_event",
    metadata,
    Column("event_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    _fen("amount_fen"),
    Column("counterparty", Text, nullable=False, server_default=""),
    Column("channel", Text, nullable=False, server_default=""),
    _at("received_at", default=True),
    Column("seq", BigInteger, Identity(always=True), nullable=False),  # the order in which events were taken
)

signal_inbox = Table(
    "signal_inbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Text, nullable=False, unique=True),
    Column("content", JSONB, nullable=False),  # an event that came by HTTP and waits for the worker
    Column("sender", Text, nullable=False),
    _at("received_at", default=True),
)

stream_place = Table(
    "stream_place",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("topic_id", Text, nullable=False, server_default=""),  # another id: the topic was made anew
    Column("next_offset", BigInteger, nullable=False),  # the first message whose effect is not committed
    Column(
        "high_offset", BigInteger, nullable=False, server_default="0"
    ),  # one past the topic's last message, as last seen
    Column("taken", BigInteger, nullable=False, server_default="0"),
    Column("epoch", BigInteger, nullable=False, server_default="0"),  # counts owners: who has an older one is refused
    Column("owner", Text, nullable=False, server_default=""),
    _at("updated_at", default=True),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("letter_id", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("topic_id", Text, nullable=False, server_default=""),
    Column("offset", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # key and value as they came; a poison message may hold anything
    Column("place", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("mend", Text, nullable=False),
    Column("status", Text, nullable=False),  # parked retried dropped
    _at("parked_at", default=True),
    _at("settled_at", nullable=True),
    Index("ix_dead_letter_parked", "parked_at", postgresql_where="status = 'parked'"),
)

signal_version = Table(
    "signal_version",
    metadata,
    Column("version", Text, primary_key=True),
    Column("body", Text, nullable=False),  # the declaration as its author wrote it, YAML
    Column("remark", Text, nullable=False, server_default=""),
    Column("status", Text, nullable=False),  # draft approved refused; in force is the approved one effective last
    Column("author", Text, nullable=False),
    _at("created_at"),
    Column("approved_by", Text),  # never the author
    _at("approved_at", nullable=True),
    _at("effective_at", nullable=True),
)

alert_case = Table(
    "alert_case",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("loan_id", ForeignKey("loan.loan_id")),
    Column("severity", Text, nullable=False),  # the gravest of its alerts
    Column("status", Text, nullable=False),  # open closed
    Column("opened_at", DateTime(timezone=True), nullable=False, index=True),
    Column("opened_by", Text, nullable=False),
    Column("verdict", Text),  # confirmed dismissed
    Column("measure", Text),  # none contact line plan legal
    Column("remark", Text, nullable=False, server_default=""),
    _at("closed_at", nullable=True),
    Column("closed_by", Text),
    Index("uq_alert_case_open", "account_id", unique=True, postgresql_where="status = 'open'"),
)

alert = Table(
    "alert",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("loan_id", ForeignKey("loan.loan_id")),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
    Column("rule", Text, nullable=False),
    Column("severity", Text, nullable=False),  # info warning critical
    Column("evidence", JSONB, nullable=False),
    Column("event_id", Text),
    Column("status", Text, nullable=False, server_default="open"),  # open confirmed dismissed
    Column("handled_by", Text),
    _at("handled_at", nullable=True),
    Column("acknowledged_by", Text),
    _at("acknowledged_at", nullable=True),
    Column("case_id", ForeignKey("alert_case.case_id"), index=True),
)

credit_line = Table(
    "credit_line",
    metadata,
    Column("borrower_id", ForeignKey("borrower.borrower_id"), primary_key=True),
    _fen("limit_fen"),
    Column("rate_ppm", Integer, nullable=False),  # for new draws only
    _at("updated_at", default=True),
)

line_review = Table(
    "line_review",
    metadata,
    Column("review_id", Text, primary_key=True),
    Column("borrower_id", ForeignKey("borrower.borrower_id"), nullable=False, index=True),
    Column("on", Date, nullable=False, index=True),
    Column("trigger", Text, nullable=False),  # monthly alert manual
    Column("cause", Text),  # the alert
    Column("context", JSONB, nullable=False),  # the account as the review saw it: `line evaluate` decides on it again
    _fen("old_limit_fen"),
    _fen("proposed_limit_fen"),
    _fen("new_limit_fen"),
    Column("old_rate_ppm", Integer, nullable=False),
    Column("proposed_rate_ppm", Integer, nullable=False),
    Column("new_rate_ppm", Integer, nullable=False),
    Column("arm", Text, nullable=False),  # treated holdout
    Column("propensity", Double, nullable=False),
    _fen("profit_before_fen"),
    _fen("profit_after_fen"),
    Column("reasons", JSONB, nullable=False),
    Column("params_version", Text, nullable=False),
    Column("law_version", Text, nullable=False),
    _at("recorded_at", default=True),
)

line_change = Table(
    "line_change",
    metadata,
    Column("change_id", Text, primary_key=True),
    Column("borrower_id", ForeignKey("borrower.borrower_id"), nullable=False, index=True),
    Column("on", Date, nullable=False),
    _fen("old_limit_fen"),
    _fen("new_limit_fen"),
    Column("old_rate_ppm", Integer, nullable=False),
    Column("new_rate_ppm", Integer, nullable=False),
    Column("reasons", JSONB, nullable=False),
    Column("arm", Text, nullable=False),  # treated holdout
    _at("notified_at", nullable=True),
    Column("review_id", ForeignKey("line_review.review_id")),
    _fen("proposed_limit_fen", nullable=True),
    Column("proposed_rate_ppm", Integer),
    Column("propensity", Double),
    Column("status", Text, nullable=False, server_default="in_force"),
    # proposed (a person decides) approved (told, waits for its day) in_force refused superseded held (the holdout)
    Column("limit_from", Date),  # from when the new limit holds
    Column("rate_from", Date),  # from when new draws cost the new price
    Column("decided_by", Text),
    _at("decided_at", nullable=True),
    Index("ix_line_change_waiting", "on", postgresql_where="status IN ('proposed', 'approved')"),
)

line_notice = Table(
    "line_notice",
    metadata,
    Column("notice_id", Text, primary_key=True),
    Column("change_id", ForeignKey("line_change.change_id"), nullable=False, index=True),
    Column("borrower_id", ForeignKey("borrower.borrower_id"), nullable=False, index=True),
    Column("language", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),  # without the borrower's name or numbers
    Column("status", Text, nullable=False),  # waiting sent failed unreachable
    Column("detail", Text, nullable=False, server_default=""),  # the gateway's message id, or why it was not sent
    _at("created_at"),
    _at("sent_at", nullable=True),
    Index("ix_line_notice_waiting", "created_at", postgresql_where="status = 'waiting'"),
)

# collect

work_item = Table(
    "work_item",
    metadata,
    Column("item_id", Text, primary_key=True),
    Column("plan_id", Text, nullable=False, index=True),
    Column("loan_id", ForeignKey("loan.loan_id"), nullable=False, index=True),
    Column("borrower_id", ForeignKey("borrower.borrower_id"), nullable=False),
    Column("action", Text, nullable=False),  # sms mail call letter legal none
    Column("at", DateTime(timezone=True), nullable=False, index=True),
    _fen("expected_gain_fen"),
    Column("arm", Text, nullable=False),
    Column("segment", Text, nullable=False, server_default=""),
    Column("reason", JSONB, nullable=False),  # {zh, en}
    Column("status", Text, nullable=False, server_default="open"),  # open done expired
    Column("outcome", JSONB),
    Column("done_by", Text),
    _at("done_at", nullable=True),
)

contact = Table(
    "contact",
    metadata,
    Column("contact_id", Text, primary_key=True),
    Column("loan_id", ForeignKey("loan.loan_id"), nullable=False, index=True),
    Column("borrower_id", ForeignKey("borrower.borrower_id"), nullable=False, index=True),
    Column("item_id", Text),
    Column("channel", Text, nullable=False),
    _at("at"),
    Column("template", Text, nullable=False, server_default=""),
    Column("status", Text, nullable=False),  # sent failed blocked answered unanswered
    Column("detail", JSONB, nullable=False),  # reason of a block with citation, gateway's answer, message id
    Column("idempotency_key", Text, nullable=False, unique=True),
)

promise = Table(
    "promise",
    metadata,
    Column("promise_id", Text, primary_key=True),
    Column("loan_id", ForeignKey("loan.loan_id"), nullable=False, index=True),
    _fen("amount_fen"),
    Column("due_on", Date, nullable=False),
    Column("status", Text, nullable=False),  # open kept broken
    _at("made_at"),
)

# litigate and dispose

legal_case = Table(
    "legal_case",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("loan_id", ForeignKey("loan.loan_id"), nullable=False, index=True),
    Column("borrower_id", ForeignKey("borrower.borrower_id"), nullable=False),
    Column("kind", Text, nullable=False),  # payment_order litigation
    Column("procedure", Text, nullable=False),  # small_claims summary ordinary payment_order
    Column("court", Text, nullable=False),
    Column("amounts", JSONB, nullable=False),
    _fen("claim_fen"),
    _fen("fee_fen"),
    Column("stage", Text, nullable=False),  # prepared filed accepted heard judged enforced closed
    Column("law_firm", Text),
    Column("opened_on", Date, nullable=False),
    Column("pleading_file", ForeignKey("file.file_id")),
)

deadline = Table(
    "deadline",
    metadata,
    Column("deadline_id", Text, primary_key=True),
    Column("case_id", ForeignKey("legal_case.case_id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("citation", Text, nullable=False),
    Column("done_on", Date),
    Column("done_by", Text),
)

disposal = Table(
    "disposal",
    metadata,
    Column("disposal_id", Text, primary_key=True),
    Column("loan_id", ForeignKey("loan.loan_id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),  # hold restructure writeoff sale
    Column("on", Date, nullable=False),
    _fen("balance_fen"),
    _fen("value_fen"),
    _fen("low_fen"),
    _fen("high_fen"),
    Column("tape_id", Text),
    Column("detail", JSONB, nullable=False),
    Column("status", Text, nullable=False),  # proposed superseded approved done
)

# servicing: money that arrives, and the day's end

receipt = Table(
    "receipt",
    metadata,
    Column("receipt_id", Text, primary_key=True),
    Column("origin", Text, nullable=False),  # statement:ACCOUNT gateway:NAME
    Column("reference", Text, unique=True),  # the payment's end-to-end reference: one payment, whoever tells of it
    _fen("amount_fen"),
    Column("on", Date, nullable=False),  # the day it took effect
    Column("status", Text, nullable=False),  # posted suspense returned
    Column("loan_id", ForeignKey("loan.loan_id"), index=True),
    Column("event_id", Text),  # the loan's event that posts it
    Column("reason", Text, nullable=False, server_default=""),  # why it is in suspense, or what became of it
    Column("resolved_by", Text),
    _at("resolved_at", nullable=True),
    _at("created_at", default=True),
    Index("ix_receipt_suspense", "on", postgresql_where="status = 'suspense'"),
)

statement = Table(
    "statement",
    metadata,
    Column("statement_id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("reference", Text, nullable=False),  # the bank's number of the statement
    Column("format", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("closed_on", Date, nullable=False),
    _fen("opening_fen", nullable=True),
    _fen("closing_fen", nullable=True),
    Column("sha256", Text, nullable=False),
    _at("imported_at", default=True),
    UniqueConstraint("account", "reference"),
)

statement_line = Table(
    "statement_line",
    metadata,
    Column("line_id", Text, primary_key=True),  # derived from the account and the bank's reference of the entry
    Column("statement_id", ForeignKey("statement.statement_id"), nullable=False, index=True),
    Column("row", Integer, nullable=False),
    Column("entry_reference", Text, nullable=False),
    Column("on", Date),
    _fen("amount_fen", nullable=True),  # below zero: money that went out; none where it could not be read
    Column("outcome", Text, nullable=False),  # posted matched suspense refused
    Column("receipt_id", ForeignKey("receipt.receipt_id"), index=True),
    Column("entry_id", Text, unique=True),  # of money that went out: the journal's entry that it is
    Column("reason", Text, nullable=False, server_default=""),
    _at("recorded_at", default=True),
)

payment_handle = Table(
    "payment_handle",
    metadata,
    Column("handle_index", LargeBinary, primary_key=True),  # blind index of the virtual account or the payer's token
    Column("kind", Text, nullable=False),  # virtual_account payer
    Column("loan_id", ForeignKey("loan.loan_id"), index=True),
    Column("borrower_id", ForeignKey("borrower.borrower_id"), index=True),
    CheckConstraint("(loan_id IS NULL) <> (borrower_id IS NULL)", name="one_owner"),
)

gateway_event = Table(
    "gateway_event",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("content_hash", LargeBinary, nullable=False),
    Column("receipt_id", ForeignKey("receipt.receipt_id"), nullable=False, index=True),
    Column("answer", JSONB, nullable=False),
    _at("received_at", default=True),
)

day_end_run = Table(
    "day_end_run",
    metadata,
    Column("on", Date, primary_key=True),
    Column("mark", Text, nullable=False, server_default=""),  # the last loan whose batch is committed
    Column("changed", BigInteger, nullable=False, server_default="0"),
    Column("entries", BigInteger, nullable=False, server_default="0"),
    Column("positions", Text),  # the file of positions that belongs to this evening; empty: closed without one
    _at("started_at", default=True),
    _at("finished_at", nullable=True),
)

loan_touched = Table(
    "loan_touched",
    metadata,
    Column("loan_id", Text, primary_key=True),  # something happened to it since a day end looked; written by triggers
    Column("id", BigInteger, Identity(always=True), primary_key=True),
)

# report and learn

report = Table(
    "report",
    metadata,
    Column("report_id", Text, primary_key=True),
    Column("on", Date, nullable=False),
    Column("figures", JSONB, nullable=False),
    Column("pdf_file", ForeignKey("file.file_id"), nullable=False),
    Column("html_file", ForeignKey("file.file_id"), nullable=False),
    _at("created_at", default=True),
)

file = Table(
    "file",
    metadata,
    Column("file_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # contract cost_sheet pleading report tape
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("subject", Text, nullable=False, index=True),
    Column("sha256", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    _at("created_at", default=True),
)

# doors and plumbing

import_run = Table(
    "import_run",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("mapping", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("counts", JSONB, nullable=False),
    _at("started_at", default=True),
    _at("finished_at", nullable=True),
)

import_refusal = Table(
    "import_refusal",
    metadata,
    Column("run_id", ForeignKey("import_run.run_id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("file", Text, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("column", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

user_account = Table(
    "user_account",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("login", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),  # risk collector legal auditor admin
    Column("active", Boolean, nullable=False, server_default="true"),
    _at("created_at", default=True),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", ForeignKey("user_account.user_id"), nullable=False),
    _at("expires_at"),
    _at("created_at", default=True),
)

vault_key = Table(
    "vault_key",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),  # a data key, sealed by the master key that is not in the database
    _at("created_at", default=True),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("response", JSON, nullable=False),  # letter by letter as it was sent
    _at("created_at", default=True),
    Index("ix_idempotency_created_at", "created_at", postgresql_using="brin"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("xid", Xid8, primary_key=True, server_default=func.pg_current_xact_id()),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("payload", postgresql.JSON, nullable=False),
    _at("created_at", default=True),
)

activity = Table(
    "activity",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _at("at"),
    Column("actor", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("subject", Text, nullable=False, index=True),
    Column("detail", JSONB, nullable=False),
    Index("ix_activity_verb", "verb", postgresql_where="verb <> 'repaid'"),  # those are found by loan or day
)

setting = Table(
    "setting",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", JSONB, nullable=False),
)

APPEND_ONLY = (loan_event, entry, journal_seal, decision, contact, activity, line_review)
"""Tables that only grow."""
