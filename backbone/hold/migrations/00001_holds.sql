-- +goose Up
-- hold_claims: who may add rows for a partition; the last to begin.
CREATE TABLE hold_claims (
    consumer_group TEXT    NOT NULL,
    topic          TEXT    NOT NULL,
    partition_id   INTEGER NOT NULL CHECK (partition_id >= 0),
    owner          TEXT    NOT NULL,
    PRIMARY KEY (consumer_group, topic, partition_id)
);

-- held_records: records that were dead-lettered, or parked behind one of their
-- key, and not applied since. The primary key answers both questions that are
-- asked: which keys of a partition, and which records before one of a key.
CREATE TABLE held_records (
    consumer_group TEXT    NOT NULL,
    topic          TEXT    NOT NULL,
    partition_id   INTEGER NOT NULL CHECK (partition_id >= 0),
    record_key     BYTEA   NOT NULL,
    record_offset  BIGINT  NOT NULL CHECK (record_offset >= 0),
    held_at        BIGINT  NOT NULL CHECK (held_at > 0),
    PRIMARY KEY (consumer_group, topic, partition_id, record_key, record_offset)
);

-- +goose Down
DROP TABLE held_records;
DROP TABLE hold_claims;
