-- What operators decide that others must be told: an edit, a discard of what holds
-- a key.

-- +goose Up

-- 1: the replay carries records of a decision, which stands.
ALTER TABLE replays ADD COLUMN decided SMALLINT NOT NULL DEFAULT 0 CHECK (decided IN (0, 1));

-- The records themselves, in their order for each item.
CREATE TABLE outgoing (
    item       BIGINT  NOT NULL CHECK (item BETWEEN 0 AND 9223372036854775807),
    number     INTEGER NOT NULL CHECK (number BETWEEN 0 AND 2147483647),
    replay_id  TEXT    NOT NULL CHECK (replay_id <> ''),
    topic      TEXT    NOT NULL CHECK (topic <> ''),
    record_key BYTEA,          -- NULL: the record has none
    headers    BYTEA   NOT NULL, -- encoded by codec.go
    payload    BYTEA,          -- NULL: a tombstone
    PRIMARY KEY (replay_id, item, number)
);

-- Which event has taken which one's place. A row stays for ever: the original is
-- in the log and in letters, and must not be replayed beside the edited one.
CREATE TABLE edits (
    edited_at      BIGINT NOT NULL CHECK (edited_at BETWEEN 0 AND 9223372036854775807),
    original_topic TEXT   NOT NULL CHECK (original_topic <> ''),
    original_id    TEXT   NOT NULL CHECK (original_id <> ''),
    edited_id      TEXT   NOT NULL CHECK (edited_id <> ''),
    digest         TEXT   NOT NULL, -- of the edited event
    replay_id      TEXT   NOT NULL CHECK (replay_id <> ''),
    PRIMARY KEY (original_topic, original_id)
);

-- +goose Down
DROP TABLE edits;
DROP TABLE outgoing;
ALTER TABLE replays DROP COLUMN decided;
