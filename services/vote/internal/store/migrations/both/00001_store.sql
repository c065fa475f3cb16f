-- The store of the vote service, on PostgreSQL and SQLite alike. Times are Unix
-- microseconds. SQLite stores a value of a wrong type silently, and compares text
-- as greater than any number: numbers are bounded on both sides for that.

-- +goose Up

CREATE TABLE polls (
    poll_id         TEXT    NOT NULL PRIMARY KEY CHECK (poll_id <> ''),
    title           TEXT    NOT NULL,
    candidates      TEXT    NOT NULL, -- JSON: [{"id","name","image_url"}]
    opens_at        BIGINT  NOT NULL CHECK (opens_at BETWEEN 0 AND 9223372036854775807),
    closes_at       BIGINT  NOT NULL CHECK (closes_at BETWEEN 0 AND 9223372036854775807), -- 0: no end is known
    created_at      BIGINT  NOT NULL CHECK (created_at BETWEEN 0 AND 9223372036854775807),
    votes_per_voter INTEGER NOT NULL CHECK (votes_per_voter BETWEEN 1 AND 2147483647),
    window_micros   BIGINT  NOT NULL CHECK (window_micros BETWEEN 0 AND 9223372036854775807), -- 0: the whole poll
    digest          TEXT    NOT NULL -- tells the same content from another
);
CREATE INDEX polls_by_age ON polls (created_at, poll_id);

-- How far each shard of the live view has been: it must never be further back.
CREATE TABLE floors (
    poll_id      TEXT    NOT NULL CHECK (poll_id <> ''),
    shard        INTEGER NOT NULL CHECK (shard BETWEEN 0 AND 255),
    partition_id INTEGER NOT NULL CHECK (partition_id BETWEEN 0 AND 2147483647),
    last_offset  BIGINT  NOT NULL CHECK (last_offset BETWEEN -1 AND 9223372036854775807),
    saved_at     BIGINT  NOT NULL CHECK (saved_at BETWEEN 0 AND 9223372036854775807),
    PRIMARY KEY (poll_id, shard)
);
CREATE INDEX floors_by_partition ON floors (partition_id, saved_at);

-- How far the ledger is with each shard, and its totals there. The row is the
-- lock of the shard: who writes votes of it holds the row.
CREATE TABLE ledger_shards (
    poll_id      TEXT    NOT NULL CHECK (poll_id <> ''),
    shard        INTEGER NOT NULL CHECK (shard BETWEEN 0 AND 255),
    partition_id INTEGER NOT NULL CHECK (partition_id BETWEEN 0 AND 2147483647),
    last_offset  BIGINT  NOT NULL CHECK (last_offset BETWEEN -1 AND 9223372036854775807),
    counts       TEXT    NOT NULL, -- JSON: [duplicates, rejected, voided, corrections, candidate 0, ...]
    PRIMARY KEY (poll_id, shard)
);

-- The receipt of every vote, whatever became of it. The voter is part of the
-- identity: somebody else's vote id is not a repetition. Numbers stand first as
-- PostgreSQL would fill the gaps before them.
CREATE TABLE votes (
    log_offset   BIGINT   NOT NULL CHECK (log_offset BETWEEN 0 AND 9223372036854775807),
    accepted_at  BIGINT   NOT NULL CHECK (accepted_at BETWEEN -9223372036854775807 AND 9223372036854775807),
    recorded_at  BIGINT   NOT NULL CHECK (recorded_at BETWEEN 0 AND 9223372036854775807),
    partition_id INTEGER  NOT NULL CHECK (partition_id BETWEEN 0 AND 2147483647),
    shard        SMALLINT NOT NULL CHECK (shard BETWEEN 0 AND 255),
    status       SMALLINT NOT NULL CHECK (status BETWEEN 1 AND 4), -- ballot.Status
    poll_id      TEXT     NOT NULL,
    voter_id     TEXT     NOT NULL,
    vote_id      TEXT     NOT NULL,
    candidate_id TEXT     NOT NULL,
    reason       TEXT     NOT NULL, -- of a rejection, or of a void
    PRIMARY KEY (poll_id, voter_id, vote_id)
);

-- The voids of a voter's votes, by position in the log.
CREATE TABLE voids (
    poll_id     TEXT    NOT NULL CHECK (poll_id <> ''),
    voter_id    TEXT    NOT NULL CHECK (voter_id <> ''),
    log_offset  BIGINT  NOT NULL CHECK (log_offset BETWEEN 0 AND 9223372036854775807),
    shard       INTEGER NOT NULL CHECK (shard BETWEEN 0 AND 255),
    recorded_at BIGINT  NOT NULL CHECK (recorded_at BETWEEN 0 AND 9223372036854775807),
    vote_ids    TEXT    NOT NULL, -- JSON; [] is all of the voter's votes so far
    reason      TEXT    NOT NULL,
    PRIMARY KEY (poll_id, voter_id, log_offset)
);

-- Signed entries beside the votes: what a void or a correction took from a
-- candidate, or gave to one. Only ever added to.
CREATE TABLE entries (
    poll_id      TEXT    NOT NULL CHECK (poll_id <> ''),
    shard        INTEGER NOT NULL CHECK (shard BETWEEN 0 AND 255),
    voter_id     TEXT    NOT NULL,
    vote_id      TEXT    NOT NULL,
    candidate_id TEXT    NOT NULL,
    delta        INTEGER NOT NULL CHECK (delta IN (-1, 1)),
    kind         TEXT    NOT NULL CHECK (kind IN ('VOID', 'CORRECTION')),
    reason       TEXT    NOT NULL,
    recorded_at  BIGINT  NOT NULL CHECK (recorded_at BETWEEN 0 AND 9223372036854775807)
);
CREATE INDEX entries_by_vote ON entries (poll_id, voter_id, vote_id);

-- The topics this store was filled from: offsets mean nothing without them.
CREATE TABLE known_topics (
    name       TEXT    NOT NULL PRIMARY KEY CHECK (name <> ''),
    topic_id   TEXT    NOT NULL CHECK (topic_id <> ''),
    partitions INTEGER NOT NULL CHECK (partitions BETWEEN 1 AND 2147483647)
);

-- +goose Down
DROP TABLE known_topics;
DROP TABLE entries;
DROP TABLE voids;
DROP TABLE votes;
DROP TABLE ledger_shards;
DROP TABLE floors;
DROP TABLE polls;
