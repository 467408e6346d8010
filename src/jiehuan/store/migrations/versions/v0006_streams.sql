-- Streams: how far each consumer has read a topic's partition, events that came by HTTP, messages that could not be taken,
-- and the order in which events were taken.
ALTER TABLE signal_event ADD COLUMN seq BIGINT GENERATED ALWAYS AS IDENTITY;

CREATE TABLE stream_place (
    consumer TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    topic_id TEXT DEFAULT '' NOT NULL,
    next_offset BIGINT NOT NULL,
    high_offset BIGINT DEFAULT '0' NOT NULL,
    taken BIGINT DEFAULT '0' NOT NULL,
    epoch BIGINT DEFAULT '0' NOT NULL,
    owner TEXT DEFAULT '' NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_stream_place PRIMARY KEY (consumer, topic, partition)
);

CREATE TABLE signal_inbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_id TEXT NOT NULL,
    content JSONB NOT NULL,
    sender TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_signal_inbox PRIMARY KEY (id),
    CONSTRAINT uq_signal_inbox_event_id UNIQUE (event_id)
);

CREATE TABLE dead_letter (
    letter_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    topic_id TEXT DEFAULT '' NOT NULL,
    "offset" BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    place TEXT NOT NULL,
    reason TEXT NOT NULL,
    mend TEXT NOT NULL,
    status TEXT NOT NULL,
    parked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_dead_letter PRIMARY KEY (letter_id)
);

CREATE INDEX ix_dead_letter_parked ON dead_letter (parked_at) WHERE status = 'parked';
